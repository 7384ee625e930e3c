/** Grafana's HTTP API, the part that tools use: see `mod.ts` for what there is. */
import {
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  type Network,
  readBody,
} from "../base/network.ts";
import type { Authentication, User } from "./authentication.ts";
import {
  type DashboardStore,
  dashboardOf,
  MAX_DASHBOARD_BYTES,
  type StoredDashboard,
  slugOf,
} from "./dashboard-store.ts";
import { forwardRequest } from "./data-source-proxy.ts";
import { queryDataSources } from "./data-source-query.ts";
import type { DataSource } from "./data-sources.ts";

export const GRAFANA_VERSION = "13.2.0";

export interface ApiContext {
  network: Network;
  authentication: Authentication;
  dataSources: readonly DataSource[];
  dashboards: DashboardStore;
}

interface Call {
  request: HttpRequest;
  user: User;
  /** What stands for `:name` and `*` in the route. */
  parameters: Record<string, string>;
  query: URLSearchParams;
  context: ApiContext;
}

type Handler = (call: Call) => HttpResponse | Promise<HttpResponse>;

/** First match wins. `*` takes the rest of the path. */
const ROUTES: [method: string, path: string, handler: Handler][] = [
  ["GET", "/api/user", ({ user }) => jsonResponse(200, userJson(user))],
  ["GET", "/api/org", () => jsonResponse(200, { id: 1, name: "Main Org.", address: {} })],
  ["GET", "/api/search", search],
  ["GET", "/api/folders", listFolders],
  ["GET", "/api/annotations", () => jsonResponse(200, [])],
  ["POST", "/api/dashboards/db", saveDashboard],
  ["GET", "/api/dashboards/uid/:uid", getDashboard],
  ["DELETE", "/api/dashboards/uid/:uid", deleteDashboard],
  ["GET", "/api/datasources", ({ context }) => jsonResponse(200, context.dataSources.map(dataSourceJson))],
  ["GET", "/api/datasources/uid/:uid", getDataSource],
  ["GET", "/api/datasources/name/:name", getDataSource],
  ["GET", "/api/datasources/uid/:uid/health", checkDataSource],
  ["*", "/api/datasources/proxy/uid/:uid/*", proxy],
  ["POST", "/api/ds/query", query],
];

export async function handleApi(request: HttpRequest, context: ApiContext): Promise<HttpResponse> {
  const { pathname, searchParams } = new URL(request.target, "http://grafana");
  if (pathname === "/api/health") {
    return jsonResponse(200, { commit: "", database: "ok", version: GRAFANA_VERSION });
  }
  if (pathname === "/api/login/ping") return jsonResponse(200, { message: "Logged in" });
  const user = context.authentication.identify(request);
  if (user === undefined) return message(401, "Unauthorized");
  for (const [method, path, handler] of ROUTES) {
    const parameters = method === "*" || method === request.method ? matchPath(path, pathname) : undefined;
    if (parameters === undefined) continue;
    return handler({ request, user, parameters, query: searchParams, context });
  }
  return message(404, "Not found");
}

/** The parameters when `pathname` is one of `pattern`'s. */
function matchPath(pattern: string, pathname: string): Record<string, string> | undefined {
  const parts = pattern.split("/");
  const given = pathname.split("/");
  const parameters: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    if (part === "*") return { ...parameters, "*": given.slice(index).join("/") };
    if (given[index] === undefined) return undefined;
    if (part.startsWith(":")) parameters[part.slice(1)] = decode(given[index]);
    else if (part !== given[index]) return undefined;
  }
  return given.length === parts.length ? parameters : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function message(status: number, text: string): HttpResponse {
  return jsonResponse(status, { message: text });
}

function userJson(user: User) {
  return {
    id: user.anonymous ? 0 : 1,
    uid: user.anonymous ? "anonymous" : "admin",
    login: user.login,
    name: user.login,
    email: user.anonymous ? "" : `${user.login}@localhost`,
    orgId: 1,
    orgRole: user.role,
    isGrafanaAdmin: user.role === "Admin",
    theme: "dark",
  };
}

// ---- dashboards ----

async function search({ query, context }: Call): Promise<HttpResponse> {
  const text = (query.get("query") ?? "").toLowerCase();
  const tags = query.getAll("tag");
  const uids = query.getAll("dashboardUIDs");
  const limit = Number(query.get("limit") ?? 1000) || 1000;
  if (query.get("type") === "dash-folder") return jsonResponse(200, []);
  const found = (await context.dashboards.list()).filter(
    (dashboard) =>
      dashboard.title.toLowerCase().includes(text) &&
      tags.every((tag) => dashboard.tags.includes(tag)) &&
      (uids.length === 0 || uids.includes(dashboard.uid)),
  );
  return jsonResponse(
    200,
    found.slice(0, limit).map((dashboard, index) => ({
      id: index + 1,
      uid: dashboard.uid,
      title: dashboard.title,
      uri: `db/${slugOf(dashboard.title)}`,
      url: urlOf(dashboard),
      slug: "",
      type: "dash-db",
      tags: dashboard.tags,
      isStarred: false,
      ...(dashboard.folder === ""
        ? {}
        : { folderUid: slugOf(dashboard.folder), folderTitle: dashboard.folder }),
    })),
  );
}

function urlOf({ uid, title }: { uid: string; title: string }): string {
  return `/d/${uid}/${slugOf(title)}`;
}

async function listFolders({ context }: Call): Promise<HttpResponse> {
  const titles = new Set((await context.dashboards.list()).map(({ folder }) => folder));
  titles.delete("");
  return jsonResponse(
    200,
    [...titles].sort().map((title, index) => ({ id: index + 1, uid: slugOf(title), title })),
  );
}

async function getDashboard({ parameters, context }: Call): Promise<HttpResponse> {
  const dashboard = await context.dashboards.find(parameters["uid"]);
  if (dashboard === undefined) return message(404, "Dashboard not found");
  return jsonResponse(200, { meta: metaOf(dashboard), dashboard: { ...dashboard.json, uid: dashboard.uid } });
}

function metaOf(dashboard: StoredDashboard) {
  return {
    type: "db",
    canSave: !dashboard.provisioned,
    canEdit: !dashboard.provisioned,
    canAdmin: !dashboard.provisioned,
    canDelete: !dashboard.provisioned,
    slug: slugOf(dashboard.title),
    url: urlOf(dashboard),
    version: 1,
    folderTitle: dashboard.folder || "General",
    folderUid: dashboard.folder === "" ? "" : slugOf(dashboard.folder),
    provisioned: dashboard.provisioned,
    provisionedExternalId: dashboard.provisioned ? dashboard.file.split("/").at(-1) : "",
  };
}

async function saveDashboard({ request, user, context }: Call): Promise<HttpResponse> {
  if (user.role === "Viewer")
    return message(403, "You'll need additional permissions to perform this action.");
  const body = parseJson(await readBody(request.body, MAX_DASHBOARD_BYTES));
  const json = (body as { dashboard?: unknown } | undefined)?.dashboard;
  let dashboard: StoredDashboard;
  try {
    dashboard = dashboardOf(json, "", "", false);
  } catch (error) {
    return message(400, (error as Error).message);
  }
  const existing = await context.dashboards.find(dashboard.uid);
  if (existing?.provisioned) return message(400, "Cannot save provisioned dashboard");
  if (existing !== undefined && (body as { overwrite?: unknown }).overwrite !== true) {
    return jsonResponse(412, {
      message: "The dashboard has been changed by someone else",
      status: "version-mismatch",
    });
  }
  await context.dashboards.save(dashboard.uid, { ...dashboard.json, uid: dashboard.uid });
  return jsonResponse(200, {
    id: 1,
    uid: dashboard.uid,
    slug: slugOf(dashboard.title),
    url: urlOf(dashboard),
    status: "success",
    version: 1,
  });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

async function deleteDashboard({ parameters, user, context }: Call): Promise<HttpResponse> {
  if (user.role === "Viewer")
    return message(403, "You'll need additional permissions to perform this action.");
  const dashboard = await context.dashboards.find(parameters["uid"]);
  if (dashboard === undefined) return message(404, "Dashboard not found");
  if (dashboard.provisioned) return message(400, "provisioned dashboard cannot be deleted");
  await context.dashboards.remove(dashboard.uid);
  return jsonResponse(200, {
    title: dashboard.title,
    message: `Dashboard ${dashboard.title} deleted`,
    id: 1,
  });
}

// ---- data sources ----

function dataSourceJson(source: DataSource) {
  return {
    ...source,
    orgId: 1,
    typeName: source.type[0].toUpperCase() + source.type.slice(1),
    user: "",
    database: "",
    basicAuth: false,
    readOnly: true,
  };
}

function find({ parameters, context }: Call): DataSource | undefined {
  return context.dataSources.find(
    ({ uid, name }) => uid === parameters["uid"] || name === parameters["name"],
  );
}

function getDataSource(call: Call): HttpResponse {
  const source = find(call);
  return source === undefined
    ? message(404, "Data source not found")
    : jsonResponse(200, dataSourceJson(source));
}

const HEALTH_PATHS: Record<string, string> = {
  prometheus: "/api/v1/query?query=1%2B1",
  tempo: "/api/echo",
  loki: "/loki/api/v1/labels",
};

async function checkDataSource(call: Call): Promise<HttpResponse> {
  const source = find(call);
  if (source === undefined) return message(404, "Data source not found");
  const url = source.url + (HEALTH_PATHS[source.type] ?? "/");
  try {
    const response = await call.context.network.fetch(url, { timeoutMs: 5_000, signal: call.request.signal });
    const text = await response.text();
    if (response.status === 200) {
      return jsonResponse(200, { status: "OK", message: `Successfully queried the ${source.name} API.` });
    }
    return jsonResponse(400, { status: "ERROR", message: `${response.status}: ${text.slice(0, 200)}` });
  } catch (error) {
    return jsonResponse(400, { status: "ERROR", message: `${url}: ${(error as Error).message}` });
  }
}

function proxy(call: Call): HttpResponse | Promise<HttpResponse> {
  const source = find(call);
  if (source === undefined) return message(404, "Data source not found");
  return forwardRequest(call.request, source, call.parameters["*"], call.context.network);
}

async function query({ request, context }: Call): Promise<HttpResponse> {
  const body = parseJson(await readBody(request.body, MAX_DASHBOARD_BYTES));
  return queryDataSources(body, context.dataSources, context.network, request.signal);
}
