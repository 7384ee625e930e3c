/**
 * Where the HPA reads metrics: `metrics.k8s.io`, `custom.metrics.k8s.io` and `external.metrics.k8s.io` through the API
 * server, which hands the latter two to whoever serves them (kubernetes `podautoscaler/metrics/client.go`).
 */
import {
  formatSelector,
  type LabelSelector,
  type Selector,
  selectorOf,
} from "../../../model/label-selector.ts";
import { milliOf, type PodMetric, type PodMetrics } from "./horizontal-pod-autoscaler-replicas.ts";
import type { CrossVersionObjectReference } from "./horizontal-pod-autoscaler-types.ts";

export interface MetricsClient {
  /** Of one container, or summed over all of a pod's. */
  resourceMetric(
    resource: string,
    namespace: string,
    selector: Selector,
    container?: string,
  ): Promise<PodMetrics>;
  podsMetric(
    metric: string,
    namespace: string,
    selector: Selector,
    metricSelector?: LabelSelector,
  ): Promise<PodMetrics>;
  /** In thousandths. */
  objectMetric(
    metric: string,
    namespace: string,
    object: CrossVersionObjectReference,
    metricSelector?: LabelSelector,
  ): Promise<number>;
  /** Every value that matches, in thousandths. */
  externalMetric(metric: string, namespace: string, metricSelector?: LabelSelector): Promise<number[]>;
}

/** GET of an absolute API path. @throws KubernetesError */
export type GetJson = (path: string) => Promise<unknown>;

/** What custom metrics that tell no window are over (`metricServerDefaultMetricWindow`). */
const DEFAULT_WINDOW_MS = 60_000;

interface PodMetricsList {
  items?: {
    metadata: { name: string; namespace?: string };
    timestamp: string;
    window?: string;
    containers?: { name: string; usage?: Record<string, string> }[];
  }[];
}

interface MetricValueList {
  items?: {
    describedObject?: { name: string };
    metricName?: string;
    timestamp: string;
    windowSeconds?: number;
    value: string | number;
  }[];
}

export function createMetricsClient(getJson: GetJson): MetricsClient {
  const read = async <T extends { items?: unknown[] }>(
    api: string,
    path: string,
  ): Promise<NonNullable<T["items"]>> => {
    let list: T;
    try {
      list = (await getJson(path)) as T;
    } catch (error) {
      throw new Error(`unable to fetch metrics from ${api} metrics API: ${(error as Error).message}`);
    }
    if ((list.items ?? []).length === 0) throw new Error(`no metrics returned from ${api} metrics API`);
    return list.items as NonNullable<T["items"]>;
  };
  return {
    async resourceMetric(resource, namespace, selector, container) {
      const query = new URLSearchParams({ labelSelector: formatSelector(selector) });
      const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods?${query}`;
      const items = await read<PodMetricsList>("resource", path);
      return resourceOf(items, resource, namespace, container);
    },
    async podsMetric(metric, namespace, selector, metricSelector) {
      const query = queryOf(formatSelector(selector), metricSelector);
      const path = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${namespace}/pods/*/${metric}?${query}`;
      const items = await read<MetricValueList>("custom", path);
      return new Map(items.map((item) => [item.describedObject?.name ?? "", podMetricOf(item)]));
    },
    async objectMetric(metric, namespace, object, metricSelector) {
      const path = `/apis/custom.metrics.k8s.io/v1beta2/namespaces/${placeOf(object, namespace)}/${metric}`;
      const items = await read<MetricValueList>("custom", `${path}?${queryOf(undefined, metricSelector)}`);
      return milliOf(items[0].value);
    },
    async externalMetric(metric, namespace, metricSelector) {
      const query = new URLSearchParams({ labelSelector: formatSelector(selectorOf(metricSelector) ?? []) });
      const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric}?${query}`;
      const items = await read<MetricValueList>("external", path);
      return items.map(({ value }) => milliOf(value));
    },
  };
}

/** Where an object's metrics are below a namespace. A Namespace's own are asked of itself. */
function placeOf({ apiVersion = "v1", kind, name }: CrossVersionObjectReference, namespace: string): string {
  if (kind === "Namespace" && apiVersion === "v1") return `${name}/metrics`;
  const group = apiVersion.includes("/") ? `.${apiVersion.split("/")[0]}` : "";
  return `${namespace}/${pluralOf(kind.toLowerCase())}${group}/${name}`;
}

/** As apimachinery guesses a kind's resource (`meta.UnsafeGuessKindToResource`). */
function pluralOf(singular: string): string {
  if (singular.endsWith("endpoints")) return singular;
  if (singular.endsWith("s")) return `${singular}es`;
  return singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

function resourceOf(
  items: NonNullable<PodMetricsList["items"]>,
  resource: string,
  namespace: string,
  only: string | undefined,
): PodMetrics {
  const metrics = new Map<string, PodMetric>();
  for (const { metadata, timestamp, window, containers = [] } of items) {
    const counted = only === undefined ? containers : containers.filter(({ name }) => name === only);
    if (only !== undefined && counted.length === 0) {
      throw new Error(`container ${only} not present in metrics for pod ${namespace}/${metadata.name}`);
    }
    // A container without the number makes the pod one without it.
    if (counted.some(({ usage }) => usage?.[resource] === undefined)) continue;
    const milli = counted.reduce((sum, { usage }) => sum + milliOf(usage![resource]), 0);
    metrics.set(metadata.name, { milli, timestampMs: Date.parse(timestamp), windowMs: windowOf(window) });
  }
  if (metrics.size === 0) throw new Error("no metrics returned from resource metrics API");
  return metrics;
}

function podMetricOf(item: NonNullable<MetricValueList["items"]>[number]): PodMetric {
  return {
    milli: milliOf(item.value),
    timestampMs: Date.parse(item.timestamp),
    windowMs: item.windowSeconds === undefined ? DEFAULT_WINDOW_MS : item.windowSeconds * 1000,
  };
}

/** Go's duration text, of which `metrics.k8s.io` writes `30s`, `1m0s`, `14.8s`; none is none at all. */
function windowOf(window = "0s"): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(window);
  if (match === null) return 0;
  const [, hours = "0", minutes = "0", seconds = "0"] = match;
  return Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000;
}

function queryOf(
  labelSelector: string | undefined,
  metricSelector: LabelSelector | undefined,
): URLSearchParams {
  const query = new URLSearchParams();
  if (labelSelector !== undefined) query.set("labelSelector", labelSelector);
  const metric = formatSelector(selectorOf(metricSelector) ?? []);
  if (metric !== "") query.set("metricLabelSelector", metric);
  return query;
}
