/**
 * What a gRPC status is in OTLP over HTTP, and back (upstream `receiver/otlpreceiver/internal/errors/errors.go`,
 * `internal/statusutil`).
 */
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

const GRPC_CODE = new Map<number, number>([
  [400, GrpcCode.INVALID_ARGUMENT],
  [401, GrpcCode.UNAUTHENTICATED],
  [403, GrpcCode.PERMISSION_DENIED],
  [404, GrpcCode.UNIMPLEMENTED],
  [429, GrpcCode.RESOURCE_EXHAUSTED],
  [502, GrpcCode.UNAVAILABLE],
  [503, GrpcCode.UNAVAILABLE],
  [504, GrpcCode.UNAVAILABLE],
]);

/** The code of a failed request that has an HTTP status only. */
export function grpcCodeOfHttp(status: number): number {
  return GRPC_CODE.get(status) ?? GrpcCode.UNKNOWN;
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
