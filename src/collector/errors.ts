/**
 * How a consumer says no, and what the client hears of it (upstream `consumer/consumererror`,
 * `receiver/otlpreceiver/internal/errors/errors.go`).
 *
 * - any error: try again later → UNAVAILABLE, 503
 * - `PermanentError`: the same data will fail again → INTERNAL, 500
 * - `GrpcError`: a downstream server's status, which is passed on
 */

import { formatGoDuration } from "../model/go-duration.ts";
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

  constructor(delayMs: number, cause: Error) {
    super(`Throttle (${formatGoDuration(delayMs)}), error: ${cause.message}`, { cause });
    this.name = "ThrottleError";
    this.delayMs = delayMs;
  }
}

/** The first of an error and its causes that is of a class. */
export function causeOf<E extends Error>(
  error: unknown,
  type: abstract new (...args: never) => E,
): E | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof type) return current;
  }
  return undefined;
}

export function isPermanent(error: unknown): boolean {
  return causeOf(error, PermanentError) !== undefined;
}

/** The gRPC status for a client whose data were not taken: the code of the one behind the error, with its whole text. */
export function statusOf(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const status = causeOf(error, GrpcError);
  if (status !== undefined) return new GrpcError(status.code, message, status.statusDetails);
  return new GrpcError(isPermanent(error) ? GrpcCode.INTERNAL : GrpcCode.UNAVAILABLE, message);
}
