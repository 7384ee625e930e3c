/** Families of HorizontalPodAutoscalers, autoscaling/v2 (upstream `internal/store/horizontalpodautoscaler.go`). */
import { parseQuantity } from "../../model/quantity.ts";
import {
  alphaGauge,
  conditionSamples,
  type Family,
  gauge,
  info,
  labelled,
  one,
  type Sample,
  unixTime,
} from "../family.ts";

interface MetricValue {
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

interface MetricSource {
  name?: string;
  metric?: { name: string };
  container?: string;
  target?: MetricValue;
  current?: MetricValue;
}

const SOURCES: Record<string, string> = {
  Object: "object",
  Pods: "pods",
  Resource: "resource",
  ContainerResource: "containerResource",
  External: "external",
};

/** A sample for each way that a metric's value is given: value, average, utilization. */
function metricSamples(
  metrics: ({ type: string } & Record<string, unknown>)[] = [],
  field: "target" | "current",
): Sample[] {
  return metrics.flatMap((metric) => {
    const source = metric[SOURCES[metric.type]] as MetricSource | undefined;
    const found = source?.[field];
    if (source === undefined || found === undefined) return [];
    const name = source.metric?.name ?? source.name ?? "";
    const sample = (kind: string, value: number) =>
      labelled({ metric_name: name, metric_target_type: kind, container: source.container ?? "" }, value);
    return [
      ...(found.value === undefined ? [] : [sample("value", thousandths(found.value))]),
      ...(found.averageUtilization == null ? [] : [sample("utilization", found.averageUtilization)]),
      ...(found.averageValue === undefined ? [] : [sample("average", thousandths(found.averageValue))]),
    ];
  });
}

const thousandths = (quantity: string): number => Math.ceil(parseQuantity(quantity) * 1_000) / 1_000;

export const HORIZONTAL_POD_AUTOSCALER_FAMILIES: Family[] = [
  alphaGauge(
    "kube_horizontalpodautoscaler_info",
    "Information about this autoscaler.",
    ({ spec: { scaleTargetRef } }) => [
      info({
        scaletargetref_api_version: scaleTargetRef.apiVersion,
        scaletargetref_kind: scaleTargetRef.kind,
        scaletargetref_name: scaleTargetRef.name,
      }),
    ],
  ),
  gauge(
    "kube_horizontalpodautoscaler_metadata_generation",
    "The generation observed by the HorizontalPodAutoscaler controller.",
    (object) => one(object.metadata.generation ?? 0),
  ),
  gauge(
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "Upper limit for the number of pods that can be set by the autoscaler; cannot be smaller than MinReplicas.",
    (object) => one(object.spec.maxReplicas),
  ),
  gauge(
    "kube_horizontalpodautoscaler_spec_min_replicas",
    "Lower limit for the number of pods that can be set by the autoscaler, default 1.",
    (object) => one(object.spec.minReplicas ?? 1),
  ),
  alphaGauge(
    "kube_horizontalpodautoscaler_spec_target_metric",
    "The metric specifications used by this autoscaler when calculating the desired replica count.",
    (object) => metricSamples(object.spec.metrics, "target"),
  ),
  gauge(
    "kube_horizontalpodautoscaler_status_target_metric",
    "The current metric status used by this autoscaler when calculating the desired replica count.",
    (object) => metricSamples(object.status?.currentMetrics ?? undefined, "current"),
  ),
  gauge(
    "kube_horizontalpodautoscaler_status_current_replicas",
    "Current number of replicas of pods managed by this autoscaler.",
    (object) => one(object.status?.currentReplicas ?? 0),
  ),
  gauge(
    "kube_horizontalpodautoscaler_status_desired_replicas",
    "Desired number of replicas of pods managed by this autoscaler.",
    (object) => one(object.status?.desiredReplicas ?? 0),
  ),
  gauge("kube_horizontalpodautoscaler_status_condition", "The condition of this autoscaler.", (object) =>
    (object.status?.conditions ?? []).flatMap(({ type, status }: { type: string; status: string }) =>
      conditionSamples([["condition", type]], "status", status),
    ),
  ),
  alphaGauge("kube_horizontalpodautoscaler_created", "Unix creation timestamp", (object) =>
    unixTime(object.metadata.creationTimestamp),
  ),
  alphaGauge("kube_horizontalpodautoscaler_deletion_timestamp", "Unix deletion timestamp", (object) =>
    unixTime(object.metadata.deletionTimestamp),
  ),
];
