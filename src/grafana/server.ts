/** The HTTP server of port 3000: login, API, and the page for everything else. */
import { type HttpRequest, type HttpResponse, jsonResponse, readBody } from "../base/network.ts";
import { type ApiContext, GRAFANA_VERSION, handleApi, message } from "./api.ts";
import type { WebAssets } from "./web-assets.ts";

const LOGIN_LIMIT_BYTES = 10_000;

export async function handleRequest(
  request: HttpRequest,
  context: ApiContext,
  assets: WebAssets,
): Promise<HttpResponse> {
  const path = request.target.split("?", 1)[0];
  if (path === "/login" && request.method === "POST") return logIn(request, context);
  if (path === "/logout") {
    const cookie = context.authentication.logOut(request);
    return { status: 302, headers: { location: "/login", "set-cookie": cookie } };
  }
  if (path === "/healthz") return { status: 200, body: "Ok" };
  if (path === "/metrics") return { status: 200, headers: TEXT, body: METRICS };
  if (path === "/api" || path.startsWith("/api/")) return handleApi(request, context);
  if (request.method !== "GET" && request.method !== "HEAD") return message(405, "Method not allowed");
  return assets.respond(request);
}

const TEXT = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
const METRICS = `# HELP grafana_build_info A metric with a constant '1' value labeled by version, revision, branch, and goversion from which Grafana was built
# TYPE grafana_build_info gauge
grafana_build_info{branch="",edition="percolate-topology",goversion="",revision="",version="${GRAFANA_VERSION}"} 1
`;

async function logIn(request: HttpRequest, { authentication }: ApiContext): Promise<HttpResponse> {
  let given: { user?: unknown; password?: unknown };
  try {
    given = JSON.parse(new TextDecoder().decode(await readBody(request.body, LOGIN_LIMIT_BYTES)));
  } catch {
    return message(400, "bad login data");
  }
  const cookie = authentication.logIn(
    String(given?.user ?? ""),
    String(given?.password ?? ""),
    request.remoteAddress,
  );
  if (cookie === undefined) {
    return jsonResponse(401, {
      message: "Invalid username or password",
      messageId: "password-auth.failed",
      statusCode: 401,
      traceID: "",
    });
  }
  const response = jsonResponse(200, { message: "Logged in", redirectUrl: "/" });
  return { ...response, headers: { ...response.headers, "set-cookie": cookie } };
}
