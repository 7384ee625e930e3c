/** Everything that the server answers over HTTP (`web/web.go`). */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import { textResponse } from "../../base/network.ts";
import { allowed, allowsOtherOrigins, createHttpApi, methodNotAllowed } from "../api/http-api.ts";
import { BUILD_INFO } from "../api/status-api.ts";
import { routePrefixOf } from "../flags.ts";
import type { QueryEngine } from "../promql/mod.ts";
import { escapeHtml } from "../rules/template/text.ts";
import type { PrometheusServer } from "../server-state.ts";
import { compressed } from "./compression.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { ownFamilies, ownMetrics } from "./own-metrics.ts";

export interface WebOptions {
  server: PrometheusServer;
  engine: QueryEngine;
  monotonic: () => number;
  metrics: HttpMetrics;
  /** Any number that clients can't know. */
  hashSeed: number;
  /** Ends the process gracefully. */
  quit: () => void;
}

/** The paths that show the page; the browser's program knows what each is for. */
const PAGES: ReadonlySet<string> = new Set(
  "/query /graph /alerts /rules /targets /service-discovery /alertmanager-discovery /tsdb-status /status /config /flags".split(
    " ",
  ),
);
const READ_PATHS: ReadonlySet<string> = new Set(["/", "/metrics", "/version", "/federate"]);

export function createWebHandler(options: WebOptions): (request: HttpRequest) => Promise<HttpResponse> {
  const { server, metrics } = options;
  const prefix = routePrefixOf(server.flags);
  const api = createHttpApi({ ...options, ownFamilies: () => ownFamilies(server, metrics) });
  const origins = new RegExp(`^(?:${server.flags.text("web.cors.origin")})$`);

  async function route(request: HttpRequest): Promise<HttpResponse> {
    const question = request.target.indexOf("?");
    const whole = question < 0 ? request.target : request.target.slice(0, question);
    if (prefix !== "" && !whole.startsWith(`${prefix}/`)) {
      if (whole === "/" || whole === prefix) return redirect(`${prefix}/`);
      return notFound();
    }
    const path = whole.slice(prefix.length);
    if (path.includes("//")) return redirected(request, 307, `${prefix}${path.replace(/\/{2,}/g, "/")}`);
    if (path === "/api/v1") return redirected(request, 307, `${prefix}/api/v1/`);
    if (path.startsWith("/api/v1/")) return apiRoute(request, path.slice("/api/v1".length));
    return (await plainRoute(request, path)) ?? notFound();
  }

  async function apiRoute(request: HttpRequest, path: string): Promise<HttpResponse> {
    if (request.method === "OPTIONS") return { status: 204, headers: cors(request) };
    const response = await api(request, path);
    if (response === undefined) return notFound();
    if (!allowsOtherOrigins(path, response)) return response;
    return { ...response, headers: { ...response.headers, ...cors(request) } };
  }

  function cors(request: HttpRequest): Record<string, string> {
    const { origin } = request.headers;
    if (origin === undefined || !origins.test(origin)) return { vary: "Origin" };
    return {
      vary: "Origin",
      "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "Date",
    };
  }

  async function plainRoute(request: HttpRequest, path: string): Promise<HttpResponse | undefined> {
    const methods = methodsOf(path);
    if (methods === undefined) {
      const isSlashed = path.length > 1 && path.endsWith("/") && methodsOf(path.slice(0, -1)) !== undefined;
      return isSlashed ? withoutSlash(request, `${prefix}${path.slice(0, -1)}`) : undefined;
    }
    if (request.method === "OPTIONS") return { status: 200, headers: { allow: allowed(methods) } };
    if (!methods.includes(request.method)) return methodNotAllowed(methods);
    switch (path) {
      case "/-/healthy":
        return textResponse(200, "Prometheus Server is Healthy.\n");
      case "/-/ready":
        return textResponse(200, "Prometheus Server is Ready.\n");
      case "/-/reload":
      case "/-/quit":
        if (request.method === "GET") return textResponse(405, "Only POST or PUT requests allowed");
        if (!server.flags.boolean("web.enable-lifecycle"))
          return textResponse(403, "Lifecycle API is not enabled.");
        return path === "/-/quit" ? quit() : reload();
      case "/metrics":
        return ownMetrics(server, metrics, request.headers.accept);
      case "/version":
        return {
          status: 200,
          headers: { "content-type": "text/plain; charset=utf-8" },
          body: `${JSON.stringify(BUILD_INFO)}\n`,
        };
      case "/federate": {
        const { federate } = await import("../api/federate.ts");
        return federate(request, server);
      }
      case "/":
        return redirect(`${prefix}/query`);
      case "/graph":
        return redirect(`${prefix}/query?${queryOf(request)}`);
      default: {
        const { webPage } = await import("./web-page.ts");
        return webPage(path, request.headers, { title: server.flags.text("web.page-title"), prefix });
      }
    }
  }

  function quit(): HttpResponse {
    options.quit();
    return textResponse(200, "Requesting termination... Goodbye!");
  }

  async function reload(): Promise<HttpResponse> {
    try {
      await server.reload();
      return textResponse(200, "");
    } catch (error) {
      return textResponse(500, `failed to reload config: ${(error as Error).message}\n`);
    }
  }

  return async (request) => {
    const started = options.monotonic();
    const response = await compressed(request, await route(request));
    const path = request.target.split("?", 1)[0].slice(prefix.length);
    metrics.observe(path, response.status, (options.monotonic() - started) / 1000, sizeOf(response));
    return response;
  };
}

/** In bytes; undefined where it is not known in advance. */
function sizeOf({ body }: HttpResponse): number | undefined {
  if (body === undefined) return 0;
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.length : undefined;
}

/** Which methods a path outside of the API takes; undefined: there is no such path. */
function methodsOf(path: string): string[] | undefined {
  if (path === "/-/healthy" || path === "/-/ready") return ["GET", "HEAD"];
  if (path === "/-/reload" || path === "/-/quit") return ["GET", "POST", "PUT"];
  const isRead = READ_PATHS.has(path) || PAGES.has(path) || path.startsWith("/assets/");
  return isRead ? ["GET"] : undefined;
}

function queryOf({ target }: HttpRequest): string {
  const question = target.indexOf("?");
  return question < 0 ? "" : target.slice(question + 1);
}

function withoutSlash(request: HttpRequest, path: string): HttpResponse {
  return redirected(request, request.method === "GET" ? 301 : 308, path);
}

/** To another path with the same query. */
function redirected(request: HttpRequest, status: 301 | 307 | 308, path: string): HttpResponse {
  const query = queryOf(request);
  const location = query === "" ? path : `${path}?${query}`;
  if (request.method !== "GET") return { status, headers: { location } };
  return {
    status,
    headers: { location, "content-type": "text/html; charset=utf-8" },
    body: `<a href="${escapeHtml(location)}">${REDIRECTS[status]}</a>.\n\n`,
  };
}

const REDIRECTS = { 301: "Moved Permanently", 307: "Temporary Redirect", 308: "Permanent Redirect" };

function redirect(location: string): HttpResponse {
  return {
    status: 302,
    headers: { location, "content-type": "text/html; charset=utf-8" },
    body: `<a href="${escapeHtml(location)}">Found</a>.\n\n`,
  };
}

function notFound(): HttpResponse {
  return textResponse(404, "404 page not found\n", { "x-content-type-options": "nosniff" });
}
