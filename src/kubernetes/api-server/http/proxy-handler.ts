/** `services/NAME:PORT/proxy/PATH` and `pods/NAME:PORT/proxy/PATH`: a request passed on into the cluster. */
import type { HttpRequest, HttpResponse, Network } from "../../../base/network.ts";
import { notFound, statusError } from "../../../model/kubernetes-status.ts";
import { type ObjectStore, storageKey } from "../object-store.ts";
import { serviceEndpoint } from "../service-endpoint.ts";
import type { RequestInfo } from "./request-info.ts";

/** Headers that belong to one connection, or to us. */
const OWN_HEADERS = new Set([
  "authorization",
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
  "upgrade",
]);

/** Answers proxy requests; undefined for all others. */
export async function proxyResponse(
  request: HttpRequest,
  info: RequestInfo,
  store: ObjectStore,
  network: Network,
): Promise<HttpResponse | undefined> {
  if (info.group !== "" || info.subresource !== "proxy" || info.name === undefined) return undefined;
  if (info.resource !== "services" && info.resource !== "pods") return undefined;
  const { scheme, name, port } = readName(info.name);
  const namespace = info.namespace ?? "";
  const target =
    info.resource === "services"
      ? serviceEndpoint(store, namespace, name, port)
      : podEndpoint(store, namespace, name, port);
  const path = request.target.slice(request.target.indexOf("/proxy") + "/proxy".length) || "/";
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([header]) => !OWN_HEADERS.has(header)),
  );
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  try {
    const response = await network.fetch(
      `${scheme}://${target.host}:${target.port}${path.startsWith("/") ? path : `/${path}`}`,
      {
        method: request.method,
        headers,
        body: hasBody ? request.body : undefined,
        signal: request.signal,
        insecure: scheme === "https",
      },
    );
    const kept = Object.entries(response.headers).filter(([header]) => !OWN_HEADERS.has(header));
    return { status: response.status, headers: Object.fromEntries(kept), body: response.body };
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw statusError("ServiceUnavailable", `error trying to reach service: ${(error as Error).message}`);
  }
}

/** `name`, `name:port`, `https:name:port`. */
function readName(text: string): { scheme: string; name: string; port: string | undefined } {
  const parts = text.split(":");
  if (parts.length === 3) return { scheme: parts[0] || "http", name: parts[1], port: parts[2] || undefined };
  return { scheme: "http", name: parts[0], port: parts[1] || undefined };
}

function podEndpoint(store: ObjectStore, namespace: string, name: string, port: string | undefined) {
  const pod = store.get("/pods", storageKey(namespace, name));
  if (pod === undefined) throw notFound({ group: "", resource: "pods" }, name);
  const host = pod.status?.podIP;
  if (!host) throw statusError("ServiceUnavailable", "address not allowed");
  const declared = pod.spec?.containers?.[0]?.ports?.[0]?.containerPort;
  return { host, port: port === undefined ? (declared ?? 80) : Number(port) };
}
