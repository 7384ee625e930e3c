/** Passes requests of the browser on to a data source (upstream `pkg/api/pluginproxy`). */
import {
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  type Network,
  readBody,
} from "../base/network.ts";
import type { DataSource } from "./data-sources.ts";

/** Of a request's body. */
const BODY_LIMIT_BYTES = 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** Everything else stays here: cookies and passwords are nobody else's business. */
const REQUEST_HEADERS = ["accept", "accept-encoding", "content-type"];
const RESPONSE_HEADERS = ["content-type", "content-encoding", "cache-control"];

export async function forwardRequest(
  request: HttpRequest,
  source: DataSource,
  path: string,
  network: Network,
): Promise<HttpResponse> {
  if (request.method !== "GET" && request.method !== "POST") {
    return jsonResponse(403, {
      message: `non allow-listed ${request.method}s not allowed on proxied ${source.type} datasource`,
    });
  }
  if (/(^|\/)\.\.?(\/|$)|%2e/i.test(path)) return jsonResponse(400, { message: "invalid path" });
  const search = request.target.includes("?") ? request.target.slice(request.target.indexOf("?")) : "";
  const url = `${source.url}/${path}${search}`;
  try {
    const response = await network.fetch(url, {
      method: request.method,
      headers: pick(request.headers, REQUEST_HEADERS),
      body: request.method === "POST" ? await readBody(request.body, BODY_LIMIT_BYTES) : undefined,
      signal: request.signal,
      timeoutMs: TIMEOUT_MS,
    });
    return {
      status: response.status,
      headers: pick(response.headers, RESPONSE_HEADERS),
      body: response.body,
    };
  } catch (error) {
    return jsonResponse(502, { message: `${source.name}: ${url}: ${(error as Error).message}` });
  }
}

function pick(headers: HttpHeaders, names: readonly string[]): HttpHeaders {
  return Object.fromEntries(
    names.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]]),
  );
}
