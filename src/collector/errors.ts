/**
 * How a consumer says no, and what the client hears of it (upstream `consumer/consumererror`,
 * `receiver/otlpreceiver/internal/errors/errors.go`).
 *
 * - any error: try again later → UNAVAILABLE, 503
 * - `PermanentError`: the same data will fail again → INTERNAL, 500
 * - `GrpcError`: a downstream server's status, which is passed on
 */

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
