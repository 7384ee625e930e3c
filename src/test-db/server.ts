/** Every request that reaches the pod: tenants, other pods of the tier, probes and scrapers. */
import type { Clock } from "../base/clock.ts";
import { type HttpHandler, type HttpRequest, type HttpResponse, jsonResponse } from "../base/network.ts";
import type { Random } from "../base/random.ts";
import { TENANT_HEADER, tenantIdProblem } from "../model/tenant.ts";
import { EPOCH_HEADER, REQUEST_ID_HEADER } from "../model/tier-membership.ts";
import { type RequestScope, type ServiceTelemetry, traceFields } from "../telemetry/mod.ts";
import { type Custody, UnavailableError } from "./custody.ts";
import { answerError, errorResponse, HttpError } from "./http-error.ts";
import { parseOffer } from "./peers.ts";
import { parseOperation, routeOf } from "./resource-api.ts";

export interface ServerParts {
  clock: Clock;
  random: Random;
  telemetry: ServiceTelemetry;
  custody: Custody;
  pod: string;
  tier: string;
  /** Whether the pod takes requests: why not, when it does not. */
  notReady: () => string | undefined;
}

/** By this header the answering pod names itself. */
const POD_HEADER = "x-topology-pod";
/** Another pod's question is answered within this time, or refused. */
const PEER_ANSWER_MS = 10_000;
const MAX_REQUEST_ID_LENGTH = 200;
const PEER_PATH = /^\/internal\/tenants\/([^/]+)(\/claim)?$/;

export function createServer(parts: ServerParts): HttpHandler {
  return async (request) => {
    const path = request.target.split("?", 1)[0];
    if (path === "/metrics") return parts.telemetry.metrics(request);
    if (path === "/health") return jsonResponse(200, { status: "ok" });
    if (path === "/ready") return readiness(parts);
    const scope = parts.telemetry.begin(request);
    let response: HttpResponse;
    try {
      response = await answer(parts, request, path, scope);
    } catch (error) {
      response = answerError(error) ?? broken(parts, error, scope);
    }
    logRequest(parts, request, response, path, scope);
    return scope.finish({ ...response, headers: { ...response.headers, [POD_HEADER]: parts.pod } });
  };
}

function readiness({ notReady, pod }: ServerParts): HttpResponse {
  const reason = notReady();
  return reason === undefined
    ? jsonResponse(200, { status: "ready", pod })
    : errorResponse(503, "not_ready", reason);
}

function broken({ telemetry }: ServerParts, error: unknown, scope: RequestScope): HttpResponse {
  telemetry.log.error("request failed", { error, ...traceFields(scope.span) });
  return errorResponse(500, "internal", "internal error");
}

async function answer(
  parts: ServerParts,
  request: HttpRequest,
  path: string,
  scope: RequestScope,
): Promise<HttpResponse> {
  const peer = PEER_PATH.exec(path);
  if (peer !== null) return answerPeer(parts, request, scope, peer);
  const route = routeOf(path);
  if (route === undefined) throw new HttpError(404, "not_found", `there is nothing at ${path.slice(0, 200)}`);
  scope.route = route;
  return answerTenant(parts, request, path, scope);
}

async function answerTenant(
  parts: ServerParts,
  request: HttpRequest,
  path: string,
  scope: RequestScope,
): Promise<HttpResponse> {
  const { custody, telemetry } = parts;
  const tenant = request.headers[TENANT_HEADER];
  const problem = tenantIdProblem(tenant);
  if (problem !== undefined) throw new HttpError(400, "invalid_tenant", problem);
  scope.attributes["tenant_id"] = tenant;
  const query = request.target.indexOf("?");
  const operation = await parseOperation(
    {
      method: request.method,
      path,
      query: new URLSearchParams(query === -1 ? "" : request.target.slice(query + 1)),
      body: scope.body(),
      requestId: requestIdOf(request),
    },
    parts,
  );
  const epoch = Number(request.headers[EPOCH_HEADER] ?? 0);
  if (!Number.isSafeInteger(epoch) || epoch < 0) {
    throw new HttpError(400, "invalid_epoch", `header ${EPOCH_HEADER} must be a whole number`);
  }
  return custody.use(tenant, epoch, async (database, hit) => {
    telemetry.tenantServed(tenant, hit, scope.span);
    return operation.run(database);
  });
}

/** What makes a write that is tried again the same write. */
function requestIdOf(request: HttpRequest): string | undefined {
  const id = request.headers["idempotency-key"] ?? request.headers[REQUEST_ID_HEADER];
  if (id !== undefined && id.length > MAX_REQUEST_ID_LENGTH) {
    throw new HttpError(
      400,
      "invalid_request_id",
      `a request id has at most ${MAX_REQUEST_ID_LENGTH} characters`,
    );
  }
  return id;
}

async function answerPeer(
  { custody, clock }: ServerParts,
  request: HttpRequest,
  scope: RequestScope,
  [, tenant, claim]: RegExpExecArray,
): Promise<HttpResponse> {
  scope.route = claim === undefined ? "/internal/tenants/{tenant}" : "/internal/tenants/{tenant}/claim";
  const problem = tenantIdProblem(tenant);
  if (problem !== undefined) throw new HttpError(400, "invalid_tenant", problem);
  const controller = new AbortController();
  const late = () => controller.abort(new UnavailableError("this pod has not seen the epoch yet"));
  const timer = clock.after(PEER_ANSWER_MS, late);
  try {
    if (claim !== undefined && request.method === "POST") {
      const epoch = Number(request.headers[EPOCH_HEADER] ?? Number.NaN);
      if (!Number.isSafeInteger(epoch)) {
        throw new HttpError(400, "invalid_epoch", `header ${EPOCH_HEADER} must be a whole number`);
      }
      return jsonResponse(200, await custody.claimed(tenant, epoch, controller.signal));
    }
    if (claim === undefined && request.method === "PUT") {
      const offer = offerOf(tenant, request);
      return jsonResponse(200, { outcome: await custody.offered(offer, scope.body(), controller.signal) });
    }
  } finally {
    timer.cancel();
  }
  throw new HttpError(405, "method_not_allowed", `${request.method} is not allowed here`);
}

function offerOf(tenant: string, request: HttpRequest) {
  try {
    return parseOffer(tenant, request.headers);
  } catch (error) {
    throw new HttpError(400, "invalid_offer", (error as Error).message);
  }
}

function logRequest(
  { telemetry }: ServerParts,
  request: HttpRequest,
  response: HttpResponse,
  path: string,
  scope: RequestScope,
): void {
  telemetry.log[response.status >= 500 ? "warn" : "info"]("request", {
    method: request.method,
    path: path.slice(0, 200),
    status: response.status,
    duration_ms: Math.round(scope.elapsedMs * 1000) / 1000,
    ...(scope.attributes["tenant_id"] !== undefined && { tenant_id: scope.attributes["tenant_id"] }),
    ...traceFields(scope.span),
  });
}
