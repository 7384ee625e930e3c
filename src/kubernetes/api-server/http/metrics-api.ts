/** `metrics.k8s.io/v1beta1`: what metrics-server serves, from the kubelet's figures. For `kubectl top` and the HPA. */
import type { HttpResponse } from "../../../base/network.ts";
import { type FieldSelector, matchesFields, parseFieldSelector } from "../../../model/field-selector.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { notFound, statusError } from "../../../model/kubernetes-status.ts";
import { matchesSelector, parseSelector } from "../../../model/label-selector.ts";
import type { PodRuntime, PodStats } from "../../pod-runtime.ts";
import { type ObjectStore, storageKey } from "../object-store.ts";
import { acceptedView } from "./accept.ts";
import type { RemoteGroup } from "./discovery.ts";
import type { RequestInfo } from "./request-info.ts";
import { methodNotAllowed } from "./resource-routes.ts";
import { objectResponse } from "./response.ts";

const GROUP = "metrics.k8s.io";
const VERSION = "v1beta1";
const API_VERSION = `${GROUP}/${VERSION}`;
const READ_VERBS = ["get", "list"];

/** Its place in discovery. */
export const METRICS_GROUP: RemoteGroup = {
  group: GROUP,
  version: VERSION,
  resources: async () => [
    { name: "nodes", singularName: "", namespaced: false, kind: "NodeMetrics", verbs: READ_VERBS },
    { name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs: READ_VERBS },
  ],
};

/** Answers requests for the group; undefined for others. */
export async function metricsResponse(
  info: RequestInfo,
  store: ObjectStore,
  runtime: PodRuntime | undefined,
  accept: string | undefined,
): Promise<HttpResponse | undefined> {
  if (info.group !== GROUP || info.version !== VERSION) return undefined;
  if (info.verb !== "get" && info.verb !== "list") throw methodNotAllowed();
  if (runtime === undefined)
    throw statusError("ServiceUnavailable", "the server is currently unable to handle the request");
  const isTable = acceptedView(accept)?.kind === "Table";
  const items: Metrics[] =
    info.resource === "nodes" ? await nodeItems(store, runtime) : await podItems(info, store, runtime);
  if (info.name !== undefined) {
    const found = items.find((item) => item.metadata.name === info.name);
    // The group and the plural are missing in metrics-server's texts.
    if (found === undefined)
      throw notFound({ group: "", resource: info.resource === "nodes" ? "node" : info.resource }, info.name);
    return objectResponse(200, isTable ? tableOf([found]) : found);
  }
  const selector = parseSelector(info.query.get("labelSelector") ?? "");
  const fields = selectedFields(info.query.get("fieldSelector") ?? "");
  const selected = items
    .filter(
      ({ metadata }) =>
        matchesSelector(selector, metadata.labels) &&
        matchesFields(fields, (field) =>
          field === "metadata.name" ? metadata.name : (metadata.namespace ?? ""),
        ),
    )
    .sort((a, b) => compareText(keyOf(a), keyOf(b)));
  if (isTable) return objectResponse(200, tableOf(selected));
  return objectResponse(200, {
    kind: info.resource === "nodes" ? "NodeMetricsList" : "PodMetricsList",
    apiVersion: API_VERSION,
    metadata: {},
    items: selected,
  });
}

/** @throws KubernetesError 400 for fields that figures can't be selected by */
function selectedFields(text: string): FieldSelector {
  const fields = text === "" ? [] : parseFieldSelector(text);
  for (const { field } of fields)
    if (field !== "metadata.name" && field !== "metadata.namespace") {
      const problem = 'is not a known field selector: only "metadata.name", "metadata.namespace"';
      throw statusError("BadRequest", `${JSON.stringify(field)} ${problem}`);
    }
  return fields;
}

interface Metrics {
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  window: string;
  usage?: { cpu: string; memory: string };
  containers?: { usage: { cpu: string; memory: string } }[];
}

function keyOf({ metadata }: Metrics): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What metrics-server prints of its objects: the sum of a pod's containers. */
function tableOf(items: Metrics[]): object {
  const column = (name: string, type = "string", format = "") => ({
    name,
    type,
    format,
    description: "",
    priority: 0,
  });
  const sum = (usages: string[], unit: string) =>
    `${usages.reduce((total, usage) => total + Number.parseInt(usage, 10), 0)}${unit}`;
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: {},
    columnDefinitions: [column("Name", "string", "name"), column("cpu"), column("memory"), column("Window")],
    rows: items.map((item) => {
      const usages = item.containers?.map(({ usage }) => usage) ?? [item.usage!];
      const cpu = sum(
        usages.map((usage) => usage.cpu),
        "n",
      );
      const memory = sum(
        usages.map((usage) => usage.memory),
        "Ki",
      );
      const { metadata } = item;
      const object = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
      return { cells: [metadata.name, cpu, memory, item.window], object };
    }),
  };
}

const usageOf = (cpuCores: number, memoryBytes: number) => ({
  cpu: `${Math.round(cpuCores * 1e9)}n`,
  memory: `${Math.ceil(memoryBytes / 1024)}Ki`,
});

async function nodeItems(store: ObjectStore, runtime: PodRuntime) {
  const stats = await runtime.nodeStats();
  return stats.map(({ node, timestampMs, windowMs, cpuCores, memoryBytes }) => ({
    kind: "NodeMetrics",
    apiVersion: API_VERSION,
    metadata: {
      name: node,
      creationTimestamp: kubernetesTime(timestampMs),
      labels: store.get("/nodes", node)?.metadata.labels,
    },
    timestamp: kubernetesTime(timestampMs),
    window: `${windowMs / 1000}s`,
    usage: usageOf(cpuCores, memoryBytes),
  }));
}

async function podItems({ namespace }: RequestInfo, store: ObjectStore, runtime: PodRuntime) {
  const all = await runtime.podStats();
  return all
    .filter((stats) => namespace === undefined || stats.namespace === namespace)
    .map((stats) => podItem(store, stats));
}

function podItem(store: ObjectStore, { namespace, pod, timestampMs, windowMs, containers }: PodStats) {
  return {
    kind: "PodMetrics",
    apiVersion: API_VERSION,
    metadata: {
      name: pod,
      namespace,
      creationTimestamp: kubernetesTime(timestampMs),
      labels: store.get("/pods", storageKey(namespace, pod))?.metadata.labels,
    },
    timestamp: kubernetesTime(timestampMs),
    window: `${windowMs / 1000}s`,
    containers: containers.map(({ name, cpuCores, memoryBytes }) => ({
      name,
      usage: usageOf(cpuCores, memoryBytes),
    })),
  };
}
