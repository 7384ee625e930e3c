/**
 * How a consumer says no, and what the client hears of it (upstream `consumer/consumererror`,
 * `receiver/otlpreceiver/internal/errors/errors.go`).
 *
 * - any error: try again later → UNAVAILABLE, 503
 * - `PermanentError`: the same data will fail again → INTERNAL, 500
 * - `GrpcError`: a downstream server's status, which is passed on
 */

import { decodeRpcStatus } from "../wire/grpc/rpc-status.ts";
import { GrpcCode, GrpcError } from "../wire/grpc/status.ts";

export class PermanentError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(`Permanent error: ${message}`, options);
    this.name = "PermanentError";
  }
}

/** Try again, but not before `delayMs` have passed. */
export class ThrottleError extends Error {
  readonly delayMs: number;

  constructor(message: string, delayMs: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "ThrottleError";
    this.delayMs = delayMs;
  }
}

export function isPermanent(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof PermanentError) return true;
  }
  return false;
}

/** The gRPC status for a client whose data were not taken. */
export function statusOf(error: unknown): GrpcError {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof GrpcError && current.code !== GrpcCode.UNKNOWN) return current;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new GrpcError(isPermanent(error) ? GrpcCode.INTERNAL : GrpcCode.UNAVAILABLE, message);
}

const HTTP_STATUS = new Map<number, number>([
  [GrpcCode.CANCELLED, 503],
  [GrpcCode.DEADLINE_EXCEEDED, 503],
  [GrpcCode.ABORTED, 503],
  [GrpcCode.OUT_OF_RANGE, 503],
  [GrpcCode.UNAVAILABLE, 503],
  [GrpcCode.DATA_LOSS, 503],
  [GrpcCode.RESOURCE_EXHAUSTED, 429],
  [GrpcCode.INVALID_ARGUMENT, 400],
  [GrpcCode.UNAUTHENTICATED, 401],
  [GrpcCode.PERMISSION_DENIED, 403],
  [GrpcCode.UNIMPLEMENTED, 404],
]);

export function httpStatusOf(status: GrpcError): number {
  return HTTP_STATUS.get(status.code) ?? 500;
}

/** What the status's `RetryInfo` says, if it has one. */
export function retryDelayOf(status: GrpcError): number | undefined {
  if (status.statusDetails === undefined) return undefined;
  try {
    return decodeRpcStatus(status.statusDetails).retryDelayMs;
  } catch {
    return undefined;
  }
}
