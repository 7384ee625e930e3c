/** Compresses answers, for clients that are on another machine (decision 0110). */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { HttpRequest, HttpResponse } from "../../base/network.ts";

/** Answers smaller than this are not worth compressing. */
export const MIN_GZIP_BYTES = 1400;
/** Quick rather than small. */
const GZIP_LEVEL = 1;
/** So much is compressed at once, at most. */
const GZIP_CHUNK_BYTES = 256 * 1024;
const GZIP = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/;
/** The client refuses what is not compressed. */
const NO_IDENTITY = /(?:\bidentity|\*)\s*;\s*q=0(?:\.0*)?\s*(?:,|$)/;
const LOOPBACK = /^(?:(?:::ffff:)?127\.|::1$)/;
const compress = promisify(gzip);

/** The response as the client gets it: in gzip where it takes that and it is worth it. */
export async function compressed(request: HttpRequest, response: HttpResponse): Promise<HttpResponse> {
  const { body } = response;
  const isWhole = typeof body === "string" || body instanceof Uint8Array;
  if (!isWhole || body.length < MIN_GZIP_BYTES || response.headers?.["content-encoding"] !== undefined)
    return response;
  if (!isWanted(request)) return response;
  const bytes = await compress(body, { level: GZIP_LEVEL, chunkSize: GZIP_CHUNK_BYTES });
  response.onSent?.();
  return { ...response, headers: { ...response.headers, "content-encoding": "gzip" }, body: bytes };
}

/**
 * On the same machine, copying a plain answer takes a fifth of what its compression does, and the client has nothing to
 * expand. A proxy, which stands before clients elsewhere, says so.
 */
function isWanted({ headers, remoteAddress }: HttpRequest): boolean {
  const accepted = headers["accept-encoding"] ?? "";
  if (!GZIP.test(accepted)) return false;
  const isProxy = headers["x-forwarded-for"] !== undefined || headers.forwarded !== undefined;
  return isProxy || !LOOPBACK.test(remoteAddress) || NO_IDENTITY.test(accepted);
}
