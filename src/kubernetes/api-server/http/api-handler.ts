/** The HTTP side of the API server: guard, authentication, authorization, then discovery or a resource. */
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/log.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../../base/network.ts";
import { parseGoDuration } from "../../../model/go-duration.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus, statusError } from "../../../model/kubernetes-status.ts";
import type { PodRuntime } from "../../pod-runtime.ts";
import type { Authenticator } from "../authenticate.ts";
import { type AccessRequest, requireAccess } from "../authorize.ts";
import type { ClusterStore } from "../cluster-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { answerReview } from "../reviews.ts";
import type { User } from "../user.ts";
import { checkAcceptable, checkNoTable, inPreferredForm, isForPeople, prettyResponse } from "./accept.ts";
import { type DiscoverySource, discoveryResponse } from "./discovery.ts";
import type { FieldDescriptions } from "./field-descriptions.ts";
import { checkOrigin } from "./guard.ts";
import { healthPaths, healthResponse } from "./health.ts";
import { issuerResponse } from "./issuer-discovery.ts";
import { KUBERNETES_VERSION, openApiResponse } from "./openapi.ts";
import { handlePodLog } from "./pod-log-handler.ts";
import { readRequestBody } from "./request-body.ts";
import { type RequestInfo, requestInfo } from "./request-info.ts";
import { writeOptionsOf } from "./request-options.ts";
import { handleResource } from "./resource-handler.ts";
import { methodNotAllowed, noSuchResource } from "./resource-routes.ts";
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
      return inForm(request, await route(options, request));
    } catch (error) {
      if (!isStatus(error))
        options.log.error("request failed", { method: request.method, path: request.target, error });
      return inForm(request, errorResponse(error));
    }
  };
}

/** The answer as the client wants to read it. OpenAPI documents are sent as they are. */
function inForm({ headers, target }: HttpRequest, response: HttpResponse): HttpResponse {
  const shown = inPreferredForm(headers.accept, response);
  const [path, query = ""] = target.split("?", 2);
  const isDocument = path.startsWith("/openapi/");
  const pretty = new URLSearchParams(query).get("pretty");
  return !isDocument && isForPeople(pretty, headers["user-agent"]) ? prettyResponse(shown) : shown;
}

async function route(options: ApiHandlerOptions, request: HttpRequest): Promise<HttpResponse> {
  checkOrigin(request);
  const user = options.authenticator.authenticate(request);
  const info = readTarget(request);
  checkTimeout(info);
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

/** How long the client would wait, in Go's notation. Nothing takes as long here as clients wait. */
function checkTimeout({ query, verb }: RequestInfo): void {
  const timeout = query.get("timeout");
  if (!timeout || verb === "watch") return;
  try {
    parseGoDuration(timeout);
  } catch (error) {
    const problem = (error as Error).message;
    throw statusError("BadRequest", `invalid timeout specified in the request URL - ${problem}`);
  }
}

/** What a request does, for the authorizer. */
export function accessOf(info: RequestInfo): AccessRequest {
  const { verb, group, resource, subresource, namespace, query } = info;
  if (!info.isResource) return { verb, group: "", resource: "", path: info.path };
  const selected = /^metadata\.name=([^,]+)$/.exec(query.get("fieldSelector") ?? "")?.[1];
  return { verb, group, resource, subresource, namespace, name: info.name ?? selected };
}

/** Paths that answer whatever the method is. */
const ANY_METHOD = /^\/apis\/?$/;

async function general(
  options: ApiHandlerOptions,
  request: HttpRequest,
  info: RequestInfo,
): Promise<HttpResponse> {
  const found = healthResponse(info) ?? (await document(options, request, info));
  if (found === undefined) {
    // What lies below a group that is served is the API's to answer.
    const isOurs =
      /^\/(api|version)\//.test(info.path) ||
      (info.path.startsWith("/apis/") && hasGroup(options, info.group));
    if (isOurs) throw noSuchResource();
    return NO_SUCH_PATH;
  }
  const isRead = request.method === "GET" || (request.method === "HEAD" && info.path.startsWith("/openapi/"));
  if (isRead || ANY_METHOD.test(info.path) || info.path === "/" || healthResponse(info)) return found;
  throw methodNotAllowed();
}

function hasGroup({ api }: ApiHandlerOptions, name: string): boolean {
  return api.context.registry.all().some(({ group }) => group === name);
}

async function document(
  options: ApiHandlerOptions,
  request: HttpRequest,
  info: RequestInfo,
): Promise<HttpResponse | undefined> {
  const { accept } = request.headers;
  const resources = options.discovery.resources();
  if (/^\/version\/?$/.test(info.path)) {
    checkAcceptable(accept, ["application/json"]);
    return objectResponse(200, VERSION);
  }
  const { tokens } = options.api.context;
  const issuer = tokens && issuerResponse(info.path, accept, tokens, options.discovery.serverAddress());
  if (issuer !== undefined) return issuer;
  if (info.path.startsWith("/openapi/"))
    return openApiResponse(info, request, {
      resources,
      descriptions: (await options.descriptions?.()) ?? {},
      nowMs: options.clock.now(),
      kept: options.documents,
    });
  if (info.path === "/") return objectResponse(200, { paths: rootPaths(resources) });
  const discovery = await discoveryResponse(info.path, request, options.discovery);
  if (discovery !== undefined) checkAcceptable(accept);
  return discovery;
}

const ROOT_PATHS = [
  "/.well-known/openid-configuration",
  "/api",
  "/api/v1",
  "/apis",
  "/apis/",
  "/openapi/v2",
  "/openapi/v3",
  "/openid/v1/jwks",
  "/version",
];

function rootPaths(resources: readonly ResourceInfo[]): string[] {
  const paths = new Set(ROOT_PATHS);
  for (const { group, version } of resources) {
    if (group === "") continue;
    paths.add(`/apis/${group}`);
    paths.add(`/apis/${group}/${version}`);
  }
  for (const path of healthPaths()) paths.add(path);
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
    if (hasGroup(options, info.group)) throw noSuchResource();
    return NO_SUCH_PATH;
  }
  if (found.isReview) {
    if (info.verb !== "create") throw methodNotAllowed();
    checkNoTable(request.headers.accept);
    const { value } = await readRequestBody(request, { kind: found.kind });
    const { fieldManager } = writeOptionsOf(info, request.headers, () => {});
    const context = {
      store: api.context.store,
      clock,
      authenticator: options.authenticator,
      user,
      fieldManager,
    };
    const review = { ...(value as KubernetesObject) };
    if (info.namespace !== undefined) review.metadata = { ...review.metadata, namespace: info.namespace };
    return objectResponse(201, answerReview(context, found, review));
  }
  const each = { request, info, resource: found, api, user, clock, stopping };
  if (info.subresource === "log" && found.collection === "/pods" && info.verb === "get") {
    const runtime = options.runtime();
    if (runtime === undefined) throw statusError("ServiceUnavailable", "no kubelet is running");
    return handlePodLog(each, runtime);
  }
  return handleResource(each);
}
