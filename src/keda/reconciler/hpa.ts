/** The HorizontalPodAutoscaler that KEDA makes for a ScaledObject (keda `controllers/keda/hpa.go`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { apiVersionOf } from "../../model/kubernetes-object.ts";
import { parseQuantity } from "../../model/quantity.ts";
import type { GroupVersionKindResource } from "../scale-target.ts";
import {
  COMPOSITE_METRIC,
  EXCLUDED_LABELS_ANNOTATION,
  type HpaBehavior,
  hpaMaxReplicas,
  hpaMinReplicas,
  hpaNameOf,
  isScaleInPaused,
  isScaleOutPaused,
  OWNER_LABEL,
  type ScaledObject,
  usesModifiers,
} from "../scaled-object.ts";
import { type HpaMetricSpec, quantityOf } from "../scalers/scaler.ts";

/** A label's value has so many characters at most. */
const MAX_LABEL_LENGTH = 63;

/** What a list of specs means for the ScaledObject's status. */
export interface MetricNames {
  external: string[];
  resource: string[];
}

/**
 * The HPA's metrics from those of the scalers: each with the selector by which KEDA finds the ScaledObject again; with
 * a formula the composite metric in place of the external ones.
 *
 * @throws Error with upstream's text
 */
export function hpaMetrics(
  object: ScaledObject,
  specs: HpaMetricSpec[],
): { specs: HpaMetricSpec[]; names: MetricNames } {
  const { namespace, name } = object.metadata;
  if (specs.length === 0)
    throw new Error(`no metric specs returned from scalers for ScaledObject ${namespace}/${name}`);
  const names: MetricNames = { external: [], resource: [] };
  const selector = { matchLabels: { [OWNER_LABEL]: name } };
  const selected = specs.map((spec): HpaMetricSpec => {
    if (spec.resource !== undefined) names.resource.push(spec.resource.name);
    if (spec.external === undefined) return spec;
    const { metric, target } = spec.external;
    if (names.external.includes(metric.name)) {
      throw new Error(`metricName ${metric.name} defined multiple times in ScaledObject ${name}`);
    }
    names.external.push(metric.name);
    return { ...spec, external: { metric: { ...metric, selector }, target } };
  });
  selected.sort((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0));
  if (!usesModifiers(object)) return { specs: selected, names };
  const { target = "0", metricType = "AverageValue" } = object.spec.advanced!.scalingModifiers!;
  const quantity = quantityOf(Math.trunc(Number(target) * 1000) / 1000);
  const composite: HpaMetricSpec = {
    type: "External",
    external: {
      metric: { name: COMPOSITE_METRIC, selector },
      target: {
        type: metricType,
        ...(metricType === "Value" ? { value: quantity } : { averageValue: quantity }),
      },
    },
  };
  return { specs: [...selected.filter(({ resource }) => resource !== undefined), composite], names };
}

export function hpaFor(
  object: ScaledObject,
  target: GroupVersionKindResource,
  metrics: HpaMetricSpec[],
  version: string,
): KubernetesObject {
  const { metadata, spec } = object;
  const behavior = behaviorOf(object);
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: {
      name: hpaNameOf(object),
      namespace: metadata.namespace,
      labels: labelsOf(object, version),
      ...(metadata.annotations === undefined ? {} : { annotations: { ...metadata.annotations } }),
      ownerReferences: [
        {
          apiVersion: "keda.sh/v1alpha1",
          kind: "ScaledObject",
          name: metadata.name,
          uid: metadata.uid!,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      scaleTargetRef: {
        kind: target.kind,
        name: spec.scaleTargetRef.name,
        apiVersion: apiVersionOf(target.group, target.version),
      },
      minReplicas: hpaMinReplicas(spec),
      maxReplicas: hpaMaxReplicas(spec),
      metrics,
      ...(behavior === undefined ? {} : { behavior }),
    },
  };
}

/** As given, with the direction that is paused set to `Disabled`. */
function behaviorOf(object: ScaledObject): HpaBehavior | undefined {
  const behavior: HpaBehavior = { ...object.spec.advanced?.horizontalPodAutoscalerConfig?.behavior };
  if (isScaleInPaused(object)) behavior.scaleDown = { ...behavior.scaleDown, selectPolicy: "Disabled" };
  if (isScaleOutPaused(object)) behavior.scaleUp = { ...behavior.scaleUp, selectPolicy: "Disabled" };
  return Object.keys(behavior).length === 0 ? undefined : behavior;
}

function labelsOf(object: ScaledObject, version: string): Record<string, string> {
  const { labels = {}, annotations = {}, name } = object.metadata;
  const excluded = new Set((annotations[EXCLUDED_LABELS_ANNOTATION] ?? "").split(","));
  const own = Object.entries(labels).filter(([key]) => !excluded.has(key));
  return {
    "app.kubernetes.io/name": hpaNameOf(object)
      .slice(0, MAX_LABEL_LENGTH)
      .replace(/[^\p{L}\p{N}]+$/u, ""),
    "app.kubernetes.io/version": version,
    "app.kubernetes.io/part-of": name,
    "app.kubernetes.io/managed-by": "keda-operator",
    ...Object.fromEntries(own),
  };
}

/** Whether the HPA in the cluster is not the one that it should be. */
export function hpaDiffers(wanted: KubernetesObject, found: KubernetesObject): boolean {
  const { behavior, ...spec } = wanted.spec;
  return (
    !isWithin(spec, found.spec) ||
    behaviorDiffers(behavior, found.spec.behavior) ||
    !isWithin(wanted.metadata.labels, found.metadata.labels) ||
    (wanted.metadata.annotations === undefined && found.metadata.annotations !== undefined) ||
    !isWithin(wanted.metadata.annotations, found.metadata.annotations)
  );
}

/** The API server completes a behaviour, so what is there may say more; but not that a direction is off. */
function behaviorDiffers(wanted: HpaBehavior | undefined, found: HpaBehavior | undefined): boolean {
  if (wanted === undefined || found === undefined) return (wanted === undefined) !== (found === undefined);
  if (!isWithin(wanted, found)) return true;
  return (["scaleUp", "scaleDown"] as const).some(
    (direction) =>
      found[direction]?.selectPolicy === "Disabled" && wanted[direction]?.selectPolicy !== "Disabled",
  );
}

/** Whether everything in `part` is in `whole` too. Lists have to be as long; quantities may be written differently. */
function isWithin(part: unknown, whole: unknown): boolean {
  if (part === undefined || part === null) return true;
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) &&
      part.length === whole.length &&
      part.every((item, i) => isWithin(item, whole[i]))
    );
  }
  if (typeof part === "object") {
    if (typeof whole !== "object" || whole === null) return false;
    return Object.entries(part).every(([key, value]) =>
      isWithin(value, (whole as Record<string, unknown>)[key]),
    );
  }
  return part === whole || sameQuantity(part, whole);
}

function sameQuantity(a: unknown, b: unknown): boolean {
  const isQuantity = (value: unknown): value is string | number =>
    typeof value === "number" || (typeof value === "string" && /^[\d.]+[numkMGTPEi]*$/.test(value));
  if (!isQuantity(a) || !isQuantity(b)) return false;
  try {
    return parseQuantity(a) === parseQuantity(b);
  } catch {
    return false;
  }
}
