/**
 * Kinds that are served in more than one version, from and to the one that is stored: HorizontalPodAutoscaler
 * `autoscaling/v2` (also v1) and Event `v1` (also events.k8s.io/v1).
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { convertedByWebhook } from "./custom/conversion-turn.ts";
import { deepFreeze } from "./object-store.ts";
import type { ResourceInfo } from "./resource-info.ts";

// biome-ignore lint/suspicious/noExplicitAny: two shapes of one object
type Anything = any;

interface Conversion {
  toStored(object: Anything): Anything;
  fromStored(object: Anything): Anything;
}

const CONVERSIONS: Record<string, Conversion> = {
  "autoscaling/v1/horizontalpodautoscalers": { toStored: autoscalerToV2, fromStored: autoscalerToV1 },
  "events.k8s.io/v1/events": { toStored: eventToCore, fromStored: eventFromCore },
};

function conversionOf({ group, version, resource }: ResourceInfo): Conversion | undefined {
  return CONVERSIONS[`${group}/${version}/${resource}`];
}

/**
 * Custom resources are stored as they are written where versions differ by name only (conversion strategy None), and
 * turned into the version to store when they are stored where a webhook converts them.
 */
export function toStorageVersion(info: ResourceInfo, object: KubernetesObject): KubernetesObject {
  if (info.isCustom) return object;
  return conversionOf(info)?.toStored(object) ?? object;
}

const converted = new WeakMap<KubernetesObject, KubernetesObject>();

/** An object of the store in the version that `info` stands for. */
export function fromStorageVersion(info: ResourceInfo, object: KubernetesObject): KubernetesObject {
  // A subresource answers with a kind of its own.
  if (object.kind !== info.kind) return object;
  const conversion = conversionOf(info);
  const apiVersion = info.group === "" ? info.version : `${info.group}/${info.version}`;
  if (conversion === undefined && (!info.isCustom || object.apiVersion === apiVersion)) return object;
  if (info.conversion !== undefined) return convertedByWebhook(info, object, apiVersion);
  const kept = converted.get(object);
  if (kept !== undefined && kept.apiVersion === apiVersion) return kept;
  const result = deepFreeze(conversion?.fromStored(structuredClone(object)) ?? { ...object, apiVersion });
  converted.set(object, result);
  return result;
}

export function needsConversion(info: ResourceInfo): boolean {
  return info.isCustom || conversionOf(info) !== undefined;
}

const V1_PREFIX = "autoscaling.alpha.kubernetes.io/";

function isCpu(metric: Anything): boolean {
  return (
    metric.type === "Resource" &&
    metric.resource?.name === "cpu" &&
    metric.resource.target?.type === "Utilization"
  );
}

/** v1 knows CPU utilization; the rest travels in annotations. */
function autoscalerToV1({ apiVersion: _, metadata, spec, status, ...rest }: Anything): Anything {
  const { metrics = [], behavior, ...v1Spec } = spec ?? {};
  const cpu = metrics.find(isCpu);
  const others = metrics.filter((metric: Anything) => metric !== cpu);
  const { currentMetrics = [], conditions, ...v1Status } = status ?? {};
  const annotations = { ...metadata.annotations };
  if (others.length > 0) annotations[`${V1_PREFIX}metrics`] = JSON.stringify(others);
  if (behavior !== undefined) annotations[`${V1_PREFIX}behavior`] = JSON.stringify(behavior);
  if (conditions !== undefined) annotations[`${V1_PREFIX}conditions`] = JSON.stringify(conditions);
  if (currentMetrics.length > 0) annotations[`${V1_PREFIX}current-metrics`] = JSON.stringify(currentMetrics);
  const used = currentMetrics.find((metric: Anything) => metric?.resource?.name === "cpu");
  return {
    apiVersion: "autoscaling/v1",
    ...rest,
    metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata,
    spec: {
      ...v1Spec,
      ...(cpu && { targetCPUUtilizationPercentage: cpu.resource.target.averageUtilization }),
    },
    status: {
      currentReplicas: 0,
      desiredReplicas: 0,
      ...v1Status,
      ...(used?.resource.current.averageUtilization !== undefined && {
        currentCPUUtilizationPercentage: used.resource.current.averageUtilization,
      }),
    },
  };
}

function autoscalerToV2({ apiVersion: _, metadata, spec, status, ...rest }: Anything): Anything {
  const { targetCPUUtilizationPercentage, ...v2Spec } = spec ?? {};
  const { currentCPUUtilizationPercentage: __, ...v2Status } = status ?? {};
  const annotations = { ...metadata.annotations };
  const take = (name: string) => {
    const text = annotations[`${V1_PREFIX}${name}`];
    delete annotations[`${V1_PREFIX}${name}`];
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const metrics = take("metrics") ?? [];
  if (targetCPUUtilizationPercentage !== undefined) {
    const target = { type: "Utilization", averageUtilization: targetCPUUtilizationPercentage };
    metrics.unshift({ type: "Resource", resource: { name: "cpu", target } });
  }
  const behavior = take("behavior");
  const conditions = take("conditions");
  const currentMetrics = take("current-metrics");
  const { annotations: ___, ...bare } = metadata;
  return {
    apiVersion: "autoscaling/v2",
    ...rest,
    metadata: Object.keys(annotations).length > 0 ? { ...bare, annotations } : bare,
    spec: { ...v2Spec, ...(metrics.length > 0 && { metrics }), ...(behavior && { behavior }) },
    status: { ...v2Status, ...(conditions && { conditions }), ...(currentMetrics && { currentMetrics }) },
  };
}

/** events.k8s.io's name → the core group's. */
const EVENT_FIELDS: [events: string, core: string][] = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["reportingController", "reportingComponent"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
];

function rename(object: Anything, fields: [from: string, to: string][], apiVersion: string): Anything {
  const result = { ...object, apiVersion };
  for (const [from, to] of fields) {
    if (result[from] !== undefined) result[to] = result[from];
    delete result[from];
  }
  return result;
}

function eventToCore(object: Anything): Anything {
  return rename(object, EVENT_FIELDS, "v1");
}

function eventFromCore(object: Anything): Anything {
  return rename(
    object,
    EVENT_FIELDS.map(([events, core]) => [core, events]),
    "events.k8s.io/v1",
  );
}
