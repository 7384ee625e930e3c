/**
 * `external.metrics.k8s.io/v1beta1` as KEDA's metrics adapter serves it (keda `pkg/provider`): the API server hands the
 * HPA's questions on to here.
 */
import type { Clock } from "../base/clock.ts";
import { type HttpHandler, type HttpResponse, jsonResponse } from "../base/network.ts";
import {
  formatSelector,
  parseSelector,
  qualifiedNameProblem,
  type Selector,
} from "../model/label-selector.ts";
import type { KedaMetrics } from "./keda-metrics.ts";
import { OWNER_LABEL } from "./scaled-object.ts";
import type { ScaledObjectTriggers } from "./scaling/scaled-object-triggers.ts";

type Triggers = Pick<ScaledObjectTriggers, "externalMetrics">;

const GROUP = "external.metrics.k8s.io";
const GROUP_VERSION = `${GROUP}/v1beta1`;
const PREFIX = `/apis/${GROUP_VERSION}`;

const VERSION = { groupVersion: GROUP_VERSION, version: "v1beta1" };
const API_GROUP = { name: GROUP, versions: [VERSION], preferredVersion: VERSION };
const RESOURCE_LIST = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: GROUP_VERSION,
  resources: [
    {
      name: "externalmetrics",
      singularName: "",
      namespaced: true,
      kind: "ExternalMetricValueList",
      verbs: ["get"],
    },
  ],
};

/** Where questions are counted, and timed. */
export interface MetricsServiceWorld {
  clock: Clock;
  metrics: Pick<KedaMetrics, "metricsAsked" | "metricsAnswered">;
}

export function externalMetricsHandler(triggers: Triggers, world: MetricsServiceWorld): HttpHandler {
  return async ({ method, target }) => {
    const url = new URL(target, "http://localhost");
    if (method !== "GET")
      return failure(405, "the server does not allow this method on the requested resource");
    switch (url.pathname) {
      case "/apis":
        return jsonResponse(200, { kind: "APIGroupList", apiVersion: "v1", groups: [API_GROUP] });
      case `/apis/${GROUP}`:
        return jsonResponse(200, { kind: "APIGroup", apiVersion: "v1", ...API_GROUP });
      case PREFIX:
        return jsonResponse(200, RESOURCE_LIST);
      case "/healthz":
      case "/livez":
      case "/readyz":
        return { status: 200, headers: { "content-type": "text/plain" }, body: "ok" };
    }
    const path = /^\/namespaces\/([^/]+)\/([^/]+)$/.exec(url.pathname.slice(PREFIX.length));
    if (!url.pathname.startsWith(`${PREFIX}/`) || path === null) {
      return failure(404, "the server could not find the requested resource", "NotFound");
    }
    const [, namespace, metric] = path.map(decodeURIComponent);
    return metricValues(
      counted(triggers, world),
      namespace,
      metric,
      url.searchParams.get("labelSelector") ?? "",
    );
  };
}

/** The triggers, and in the operator's metrics what is asked of them. */
function counted(triggers: Triggers, { clock, metrics }: MetricsServiceWorld): Triggers {
  return {
    async externalMetrics(...question) {
      const startMs = clock.monotonic();
      let isAnswered = false;
      metrics.metricsAsked();
      try {
        const values = await triggers.externalMetrics(...question);
        isAnswered = true;
        return values;
      } finally {
        metrics.metricsAnswered((clock.monotonic() - startMs) / 1000, !isAnswered);
      }
    },
  };
}

async function metricValues(
  triggers: Triggers,
  namespace: string,
  metric: string,
  labelSelector: string,
): Promise<HttpResponse> {
  let selector: Selector;
  try {
    selector = parseSelector(labelSelector);
  } catch (error) {
    return failure(400, (error as Error).message, "BadRequest");
  }
  let name: string | undefined;
  try {
    name = labelsOf(selector)[OWNER_LABEL];
  } catch (error) {
    return failure(500, (error as Error).message);
  }
  if (!name) return failure(500, "scaledObject name is not specified");
  try {
    const values = await triggers.externalMetrics(`${namespace}/${name}`, metric);
    const items = values.map(({ metricName, value, timestamp }) => ({
      metricName,
      metricLabels: null,
      timestamp,
      value,
    }));
    return jsonResponse(200, {
      kind: "ExternalMetricValueList",
      apiVersion: GROUP_VERSION,
      metadata: {},
      items,
    });
  } catch (error) {
    const text = (error as Error).message;
    return failure(500, `rpc error: code = Unknown desc = error when getting metric values ${text}`);
  }
}

/** A selector that asks for values, one a label. @throws Error with upstream's text (apimachinery `pkg/labels`) */
function labelsOf(selector: Selector): Record<string, string> {
  const entries = formatSelector(selector)
    .split(",")
    .filter((text, _, all) => all.length > 1 || text !== "")
    .map((text): [string, string] => {
      const parts = text.split("=");
      if (parts.length !== 2) throw new Error(`invalid selector: [${parts.join(" ")}]`);
      const [key, value] = parts.map((part) => part.trim());
      const problem = qualifiedNameProblem(key);
      if (problem !== undefined) throw new Error(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problem}`);
      return [key, value];
    });
  return Object.fromEntries(entries);
}

function failure(code: number, message: string, reason?: string): HttpResponse {
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message };
  return jsonResponse(code, { ...status, ...(reason === undefined ? {} : { reason }), code });
}
