/** The HTTP side of the API server: guard, authentication, authorization, then discovery or a resource. */
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../../base/network.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus, statusError } from "../../../model/kubernetes-status.ts";
import type { PodRuntime } from "../../pod-runtime.ts";
import type { Authenticator } from "../authenticate.ts";
import { type AccessRequest, requireAccess } from "../authorize.ts";
import type { ClusterStore } from "../cluster-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { answerReview } from "../reviews.ts";
import type { User } from "../user.ts";
import { inPreferredForm } from "./accept.ts";
import { type DiscoverySource, discoveryResponse } from "./discovery.ts";
import type { FieldDescriptions } from "./field-descriptions.ts";
import { checkOrigin } from "./guard.ts";
import { KUBERNETES_VERSION, openApiResponse } from "./openapi.ts";
import { handlePodLog } from "./pod-log-handler.ts";
import { readRequestBody } from "./request-body.ts";
import { type RequestInfo, requestInfo } from "./request-info.ts";
import { handleResource, methodNotAllowed } from "./resource-handler.ts";
import { errorResponse, objectResponse } from "./response.ts";

export interface ApiHandlerOptions {
  api: ClusterStore;
  authenticator: Authenticator;
  discovery: DiscoverySource;
  clock: Clock;
  log: Logger;
  runtime: () => PodRuntime | undefined;
  /** OpenAPI documents that were asked for already. */
  documents: Map<string, string | Uint8Array>;
  /** What OpenAPI documents say of the built-in kinds. @default nothing */
  descriptions?: () => Promise<FieldDescriptions>;
  /** Answers requests that belong to other servers (aggregated APIs, proxies); undefined for the rest. */
  elsewhere: (request: HttpRequest, info: RequestInfo, user: User) => Promise<HttpResponse | undefined>;
  stopping: AbortSignal;
}

export function createApiHandler(options: ApiHandlerOptions): HttpHandler {
  return async (request) => {
    try {
      return inPreferredForm(request.headers.accept, await route(options, request));
    } catch (error) {
      if (!isStatus(error))
        options.log.error("request failed", { method: request.method, path: request.target, error });
      return errorResponse(error);
    }
  };
}

async function route(options: ApiHandlerOptions, request: HttpRequest): Promise<HttpResponse> {
  checkOrigin(request);
  const user = options.authenticator.authenticate(request);
  const info = readTarget(request);
  requireAccess(options.api.context.store, user, accessOf(info));
  if (!info.isResource) return general(options, request, info);
  const other = await options.elsewhere(request, info, user);
  if (other !== undefined) return other;
  return resource(options, request, info, user);
}

function readTarget(request: HttpRequest): RequestInfo {
  try {
    return requestInfo(request.method, request.target);
  } catch {
    throw statusError("BadRequest", "the path is not well encoded");
  }
}

/** What a request does, for the authorizer. */
export function accessOf(info: RequestInfo): AccessRequest {
  const { verb, group, resource, subresource, namespace, query } = info;
  if (!info.isResource) return { verb, group: "", resource: "", path: info.path };
  const selected = /^metadata\.name=([^,]+)$/.exec(query.get("fieldSelector") ?? "")?.[1];
  return { verb, group, resource, subresource, namespace, name: info.name ?? selected };
}

async function general(
  options: ApiHandlerOptions,
  request: HttpRequest,
  info: RequestInfo,
): Promise<HttpResponse> {
  if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed();
  switch (info.path) {
    case "/version":
    case "/version/":
      return objectResponse(200, VERSION);
  }
  const [, probe, check] = /^\/(healthz|livez|readyz)(?:\/(\w+))?$/.exec(info.path) ?? [];
  if (probe !== undefined && (check === undefined || HEALTH_CHECKS.includes(check)))
    return healthResponse(probe, check === undefined && info.query.has("verbose"));
  const resources = options.discovery.resources();
  const found =
    (info.path.startsWith("/openapi/")
      ? openApiResponse(info, request, {
          resources,
          descriptions: (await options.descriptions?.()) ?? {},
          nowMs: options.clock.now(),
          kept: options.documents,
        })
      : undefined) ?? (await discoveryResponse(info.path, request, options.discovery));
  if (found !== undefined) return found;
  if (info.path === "/") return objectResponse(200, { paths: rootPaths(resources) });
  return NO_SUCH_PATH;
}

/** What is asked of the server's health: that it answers, and that the log of its store is written. */
const HEALTH_CHECKS = ["ping", "log"];

function healthResponse(probe: string, isVerbose: boolean): HttpResponse {
  const lines = HEALTH_CHECKS.map((check) => `[+]${check} ok\n`).join("");
  return {
    status: 200,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache, private" },
    body: isVerbose ? `${lines}${probe} check passed\n` : "ok",
  };
}

function rootPaths(resources: readonly ResourceInfo[]): string[] {
  const paths = new Set(["/api", "/api/v1", "/apis", "/openapi/v2", "/openapi/v3", "/version"]);
  for (const { group, version } of resources) {
    if (group === "") continue;
    paths.add(`/apis/${group}`);
    paths.add(`/apis/${group}/${version}`);
  }
  for (const probe of ["/healthz", "/livez", "/readyz"])
    for (const path of [probe, ...HEALTH_CHECKS.map((check) => `${probe}/${check}`)]) paths.add(path);
  return [...paths].sort();
}

const [, MAJOR, MINOR] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION)!;
const VERSION = {
  major: MAJOR,
  minor: MINOR,
  emulationMajor: MAJOR,
  emulationMinor: MINOR,
  minCompatibilityMajor: MAJOR,
  minCompatibilityMinor: String(Number(MINOR) - 1),
  gitVersion: KUBERNETES_VERSION,
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "2025-12-17T00:00:00Z",
  goVersion: "percolate-topology",
  compiler: "node",
  platform: "linux/amd64",
};

/** As upstream's mux says it: clients make their own message of it. */
const NO_SUCH_PATH: HttpResponse = {
  status: 404,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "404 page not found\n",
};

function noSuchResource() {
  return statusError("NotFound", "the server could not find the requested resource", {});
}

async function resource(
  options: ApiHandlerOptions,
  request: HttpRequest,
  info: RequestInfo,
  user: User,
): Promise<HttpResponse> {
  const { api, clock, stopping } = options;
  const found = api.context.registry.find(info);
  if (found === undefined) {
    // What lies below a group that is served is the API's to answer.
    if (api.context.registry.all().some(({ group }) => group === info.group)) throw noSuchResource();
    return NO_SUCH_PATH;
  }
  if (found.isReview) {
    if (info.verb !== "create") throw methodNotAllowed();
    const { value } = await readRequestBody(request);
    const context = { store: api.context.store, authenticator: options.authenticator, user };
    return objectResponse(201, answerReview(context, info.resource, (value ?? {}) as KubernetesObject));
  }
  const each = { request, info, resource: found, api, user, clock, stopping };
  if (info.subresource === "log" && found.collection === "/pods" && info.verb === "get") {
    const runtime = options.runtime();
    if (runtime === undefined) throw statusError("ServiceUnavailable", "no kubelet is running");
    return handlePodLog(each, runtime);
  }
  return handleResource(each);
}
