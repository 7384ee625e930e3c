/** Families of HorizontalPodAutoscalers, autoscaling/v2 (upstream `internal/store/horizontalpodautoscaler.go`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { parseQuantity } from "../../model/quantity.ts";
import {
  alphaGauge,
  annotationsFamily,
  conditionFamily,
  createdFamily,
  deletionFamily,
  type Family,
  gauge,
  info,
  labelled,
  labelsFamily,
  numberFamily,
  optionalFamily,
} from "../family.ts";
import type { Sample } from "../sample.ts";
import { thousandths } from "./resource-samples.ts";

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
  metrics: ({ type: string } & Record<string, unknown>)[] | null | undefined,
  field: "target" | "current",
): Sample[] {
  return (metrics ?? []).flatMap((metric) => {
    const source = metric[SOURCES[metric.type]] as MetricSource | undefined;
    const found = source?.[field];
    if (source === undefined || found === undefined) return [];
    const name = source.metric?.name ?? source.name ?? "";
    const sample = (kind: string, value: number) =>
      labelled({ metric_name: name, metric_target_type: kind, container: source.container ?? "" }, value);
    return [
      ...(found.value == null ? [] : [sample("value", thousandths(found.value))]),
      ...(found.averageUtilization == null ? [] : [sample("utilization", found.averageUtilization)]),
      ...(found.averageValue == null ? [] : [sample("average", thousandths(found.averageValue))]),
    ];
  });
}

const tolerance = ({ spec }: KubernetesObject, direction: "scaleUp" | "scaleDown"): number | undefined => {
  const quantity = spec.behavior?.[direction]?.tolerance;
  return quantity == null ? undefined : parseQuantity(quantity);
};

export const HORIZONTAL_POD_AUTOSCALER_FAMILIES: Family[] = [
  alphaGauge(
    "kube_horizontalpodautoscaler_info",
    "Information about this autoscaler.",
    ({ spec: { scaleTargetRef } }) => [
      info({
        ...(scaleTargetRef.apiVersion && { scaletargetref_api_version: scaleTargetRef.apiVersion }),
        scaletargetref_kind: scaleTargetRef.kind,
        scaletargetref_name: scaleTargetRef.name,
      }),
    ],
  ),
  numberFamily(
    "kube_horizontalpodautoscaler_metadata_generation",
    "The generation observed by the HorizontalPodAutoscaler controller.",
    ({ metadata }) => metadata.generation,
  ),
  numberFamily(
    "kube_horizontalpodautoscaler_spec_max_replicas",
    "Upper limit for the number of pods that can be set by the autoscaler; cannot be smaller than MinReplicas.",
    ({ spec }) => spec.maxReplicas,
  ),
  numberFamily(
    "kube_horizontalpodautoscaler_spec_min_replicas",
    "Lower limit for the number of pods that can be set by the autoscaler, default 1.",
    ({ spec }) => spec.minReplicas ?? 1,
  ),
  alphaGauge(
    "kube_horizontalpodautoscaler_spec_target_metric",
    "The metric specifications used by this autoscaler when calculating the desired replica count.",
    ({ spec }) => metricSamples(spec.metrics, "target"),
  ),
  optionalFamily(
    "kube_horizontalpodautoscaler_spec_behavior_scale_down_tolerance",
    "The tolerance on the ratio between the current and desired metric value below which no scale down occurs.",
    (object) => tolerance(object, "scaleDown"),
    alphaGauge,
  ),
  optionalFamily(
    "kube_horizontalpodautoscaler_spec_behavior_scale_up_tolerance",
    "The tolerance on the ratio between the current and desired metric value below which no scale up occurs.",
    (object) => tolerance(object, "scaleUp"),
    alphaGauge,
  ),
  gauge(
    "kube_horizontalpodautoscaler_status_target_metric",
    "The current metric status used by this autoscaler when calculating the desired replica count.",
    ({ status }) => metricSamples(status?.currentMetrics, "current"),
  ),
  numberFamily(
    "kube_horizontalpodautoscaler_status_current_replicas",
    "Current number of replicas of pods managed by this autoscaler.",
    ({ status }) => status?.currentReplicas,
  ),
  numberFamily(
    "kube_horizontalpodautoscaler_status_desired_replicas",
    "Desired number of replicas of pods managed by this autoscaler.",
    ({ status }) => status?.desiredReplicas,
  ),
  annotationsFamily("horizontalpodautoscaler"),
  labelsFamily("horizontalpodautoscaler"),
  conditionFamily("kube_horizontalpodautoscaler_status_condition", "The condition of this autoscaler."),
  createdFamily("horizontalpodautoscaler", alphaGauge),
  deletionFamily("horizontalpodautoscaler"),
];
