/** Errors as clients see them: `{"error": {"code": "not_found", "message": "…"}}`. */
import { BodyLimitError, type HttpResponse, jsonResponse } from "../base/network.ts";
import { EPOCH_HEADER, RETRY_HEADER } from "../model/tier-membership.ts";
import { DamagedError, MisdirectedError, UnavailableError } from "./custody.ts";
import { ConflictError } from "./tenant-database.ts";
import { VolumeFullError } from "./tenant-volume.ts";

/** The client asked for something that cannot be: `status` with `code` and `message`. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "HttpError";
    this.status = status;
    this.code = code;
  }
}

export function errorResponse(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): HttpResponse {
  return jsonResponse(status, { error: { code, message } }, headers);
}

/** SQLite's result code of that name. */
const SQLITE_FULL = 13;

/** What the file system or SQLite says when there is no room left. */
function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number };
  return code === "ENOSPC" || code === "EDQUOT" || errcode === SQLITE_FULL;
}

/** The answer to what a handler threw; undefined for a bug. */
export function answerError(error: unknown): HttpResponse | undefined {
  if (error instanceof HttpError) return errorResponse(error.status, error.code, error.message);
  if (error instanceof MisdirectedError) {
    return errorResponse(421, "misdirected", error.message, { [EPOCH_HEADER]: String(error.epoch) });
  }
  if (error instanceof UnavailableError) {
    return errorResponse(503, "unavailable", error.message, { "retry-after": "1", [RETRY_HEADER]: "true" });
  }
  if (error instanceof BodyLimitError) return errorResponse(413, "too_large", error.message);
  if (error instanceof ConflictError) return errorResponse(409, "conflict", error.message);
  if (error instanceof VolumeFullError) return errorResponse(507, "volume_full", error.message);
  if (isDiskFull(error)) return errorResponse(507, "disk_full", "the disk is full: nothing was written");
  if (error instanceof DamagedError) return errorResponse(422, "damaged", error.message);
  return undefined;
}
