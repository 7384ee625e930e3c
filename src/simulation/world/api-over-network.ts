/** The reading half of the Kubernetes REST API over a store: what a program in a simulated pod asks of the API server. */
import { type HttpHandler, type HttpResponse, jsonResponse } from "../../base/network.ts";
import type { KubernetesApi, ListOptions } from "../../model/kubernetes-api.ts";
import { KubernetesError } from "../../model/kubernetes-status.ts";

const PATH = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?$/;

export function readOnlyApiHandler(api: KubernetesApi): HttpHandler {
  return async ({ target, signal }): Promise<HttpResponse> => {
    const url = new URL(target, "http://cluster");
    const match = PATH.exec(url.pathname);
    if (match === null) return jsonResponse(404, { kind: "Status", code: 404, message: "not found" });
    const [, core, group = "", version = core, namespace, resource, name] = match;
    const key = { group, version, resource };
    const text = (parameter: string) => url.searchParams.get(parameter) ?? undefined;
    const options: ListOptions = {
      namespace,
      labelSelector: text("labelSelector"),
      fieldSelector: text("fieldSelector"),
    };
    try {
      if (name !== undefined) return jsonResponse(200, await api.get(key, { namespace, name }));
      if (!["1", "true"].includes(text("watch") ?? ""))
        return jsonResponse(200, await api.list(key, options));
      const events = api.watch(key, { ...options, resourceVersion: text("resourceVersion"), signal });
      async function* lines() {
        for await (const event of events) yield new TextEncoder().encode(`${JSON.stringify(event)}\n`);
      }
      return { status: 200, headers: { "content-type": "application/json" }, body: lines() };
    } catch (error) {
      if (error instanceof KubernetesError) return jsonResponse(error.code, error.status);
      throw error;
    }
  };
}
