/** What a gRPC status is in OTLP over HTTP (upstream `receiver/otlpreceiver/internal/errors/errors.go`). */
import { decodeRpcStatus } from "../grpc/rpc-status.ts";
import { GrpcCode, type GrpcError } from "../grpc/status.ts";

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
