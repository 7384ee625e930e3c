/** Objects, lists and errors as HTTP responses. */
import type { HttpResponse } from "../../../base/network.ts";
import {
  isStatus,
  type KubernetesError,
  type Status,
  statusError,
} from "../../../model/kubernetes-status.ts";
import { withGoNulls } from "../go-nulls.ts";
import { inGoOrder } from "./go-order.ts";

const texts = new WeakMap<object, string>();

/** The JSON of an object of the store. Kept with the object, so that many readers cost one encoding. */
export function jsonOf(object: object): string {
  if (!Object.isFrozen(object)) return encode(object);
  let text = texts.get(object);
  if (text === undefined) {
    text = encode(object);
    texts.set(object, text);
  }
  return text;
}

function encode(object: object): string {
  return JSON.stringify(inGoOrder(withGoNulls(object)));
}

export function objectResponse(code: number, object: object, warnings: readonly string[] = []): HttpResponse {
  return textResponse(code, jsonOf(object), warnings);
}

export function textResponse(code: number, json: string, warnings: readonly string[] = []): HttpResponse {
  const headers: Record<string, string | string[]> = {
    "content-type": "application/json",
    "cache-control": "no-cache, private",
  };
  if (warnings.length > 0) headers.warning = warnings.map(warningHeader);
  return { status: code, headers, body: json };
}

/** RFC 7234's form, the only one that clients print. */
export function warningHeader(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replace(/[^\x20-\x7e]/g, " ");
  return `299 - "${escaped}"`;
}

/** The answer to an error; what is not the API's own error is a bug and told as such. */
export function errorResponse(error: unknown): HttpResponse {
  const known = isStatus(error)
    ? error
    : statusError("InternalError", `Internal error occurred: ${(error as Error).message}`);
  return statusResponse(known);
}

function statusResponse(error: KubernetesError): HttpResponse {
  const response = textResponse(error.code, JSON.stringify(error.status));
  const retry = error.status.details?.retryAfterSeconds;
  if (retry !== undefined) response.headers!["retry-after"] = String(retry);
  return response;
}

export function successStatus(details?: Status["details"]): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    ...(details && { details }),
  } as Status;
}
