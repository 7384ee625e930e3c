/** Requests and answers of the HTTP API v1 (`web/api/v1/api.go`): parameters, envelopes, errors. */
import type { HttpHeaders, HttpRequest, HttpResponse } from "../../base/network.ts";
import { readBody } from "../../base/network.ts";
import { parseDuration } from "../config/units.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { apiJson, RawJson } from "./api-json.ts";

export type ApiErrorType =
  | "bad_data"
  | "execution"
  | "canceled"
  | "timeout"
  | "internal"
  | "unavailable"
  | "not_found"
  | "not_acceptable";

const STATUS: Record<ApiErrorType, number> = {
  bad_data: 400,
  execution: 422,
  canceled: 499,
  timeout: 503,
  internal: 500,
  // Upstream has no status for it.
  unavailable: 500,
  not_found: 404,
  not_acceptable: 406,
};

export class ApiError extends Error {
  readonly type: ApiErrorType;
  /** For `execution` errors that come with annotations. */
  readonly warnings?: string[];

  constructor(type: ApiErrorType, message: string) {
    super(message);
    this.name = "ApiError";
    this.type = type;
  }
}

export function invalidParameter(name: string, message: string): ApiError {
  return new ApiError("bad_data", `invalid parameter "${name}": ${message}`);
}

export interface ApiResult {
  /** Serialised, or already JSON (`RawJson`). */
  data?: unknown;
  warnings?: readonly string[];
  infos?: readonly string[];
  /** @default 200; 204 has no body */
  status?: number;
}

const JSON_HEADERS: HttpHeaders = { "content-type": "application/json" };

export function apiResponse(result: ApiResult): HttpResponse {
  if (result.status === 204) return { status: 204 };
  const { data, warnings = [], infos = [] } = result;
  let after = "";
  if (warnings.length > 0) after += `,"warnings":${apiJson(warnings)}`;
  if (infos.length > 0) after += `,"infos":${apiJson(infos)}`;
  if (data instanceof RawJson) {
    const { json } = data;
    json.text(`${after}}`);
    return { status: 200, headers: JSON_HEADERS, body: json.finish(), onSent: () => json.release() };
  }
  const dataText = apiJson(data);
  const before = dataText === undefined ? "" : `,"data":${dataText}`;
  return { status: 200, headers: JSON_HEADERS, body: `{"status":"success"${before}${after}}` };
}

export function apiErrorResponse(error: ApiError): HttpResponse {
  const body = apiJson({ status: "error", errorType: error.type, error: error.message });
  return { status: STATUS[error.type], headers: JSON_HEADERS, body };
}

/** A form in a body may measure so much (Go's limit for `ParseForm`). */
export const MAX_FORM_BYTES = 10 * 1024 * 1024;

/** The request's parameters: those of a form come before those of the query. @throws ApiError, BodyLimitError */
export async function readParameters(request: HttpRequest): Promise<URLSearchParams> {
  const query = request.target.indexOf("?");
  const fromQuery = formValues(query < 0 ? "" : request.target.slice(query + 1));
  const type = request.headers["content-type"] ?? "";
  const isForm = request.method === "POST" || request.method === "PUT";
  if (!isForm || !type.startsWith("application/x-www-form-urlencoded")) return fromQuery;
  const text = new TextDecoder().decode(await readBody(request.body, MAX_FORM_BYTES));
  const parameters = formValues(text);
  for (const [name, value] of fromQuery) parameters.append(name, value);
  return parameters;
}

/** Pairs that Go refuses are left out: those with a `;` or a `%` that begins no escape. */
function formValues(text: string): URLSearchParams {
  if (!/;|%(?![0-9a-fA-F]{2})/.test(text)) return new URLSearchParams(text);
  const pairs = text.split("&").filter((pair) => !/;|%(?![0-9a-fA-F]{2})/.test(pair));
  return new URLSearchParams(pairs.join("&"));
}

/** The smallest and largest times that are told from "not given". */
export const MIN_TIME_MS = -8.64e15;
export const MAX_TIME_MS = 8.64e15;
/** Go's smallest and largest formatted times, which clients send to say "always". */
const FORMATTED_LIMITS: Record<string, number> = {
  "-292273086-05-16T16:47:06Z": MIN_TIME_MS,
  "292277025-08-18T07:12:54.999999999Z": MAX_TIME_MS,
};

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds of a time in seconds or RFC 3339. @throws Error with upstream's text */
export function parseTime(text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Math.round(Number(text) * 1000);
  if (RFC3339.test(text)) {
    const time = Date.parse(text);
    if (!Number.isNaN(time)) return time;
  }
  if (Object.hasOwn(FORMATTED_LIMITS, text)) return FORMATTED_LIMITS[text];
  throw new Error(`cannot parse ${JSON.stringify(text)} to a valid timestamp`);
}

export function timeParameter(parameters: URLSearchParams, name: string, fallbackMs: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "") return fallbackMs;
  try {
    return parseTime(text);
  } catch (error) {
    throw invalidParameter(name, `invalid time value for '${name}': ${(error as Error).message}`);
  }
}

/** Milliseconds of a duration in seconds or as `1h30m`. @throws Error with upstream's text */
export function parseDurationParameter(text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?inf(inity)?$/i.test(text)) {
    const durationMs = (/inf/i.test(text) ? Number.POSITIVE_INFINITY : Number(text)) * 1000;
    if (Math.abs(durationMs) > 2 ** 63 / 1e6)
      throw new Error(`cannot parse ${JSON.stringify(text)} to a valid duration. It overflows int64`);
    return durationMs;
  }
  try {
    return parseDuration(text);
  } catch {
    throw new Error(`cannot parse ${JSON.stringify(text)} to a valid duration`);
  }
}

/** What Go says of a text that is no 64-bit integer, or undefined. */
export function integerProblem(text: string): string | undefined {
  const isInteger = /^[+-]?\d+$/.test(text);
  if (isInteger && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return undefined;
  return `parsing ${quoteString(text)}: ${isInteger ? "value out of range" : "invalid syntax"}`;
}

/** 0: no limit. @throws ApiError */
export function limitParameter(parameters: URLSearchParams): number {
  const text = parameters.get("limit") ?? "";
  if (text === "") return 0;
  const problem = integerProblem(text);
  if (problem !== undefined) throw invalidParameter("limit", `strconv.Atoi: ${problem}`);
  const limit = Number(text);
  if (limit < 0) throw invalidParameter("limit", "limit must be non-negative");
  return limit;
}

export const TRUNCATED = "results truncated due to limit";
