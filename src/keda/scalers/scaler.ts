/** What every scaler is (keda `pkg/scalers/scaler.go`). */
import { formatQuantity } from "../../model/quantity.ts";
import type { MetricType } from "../scaled-object.ts";
import type { TriggerConfig } from "../trigger-config.ts";

/** A value of `external.metrics.k8s.io`. */
export interface ExternalMetricValue {
  metricName: string;
  /** A quantity. */
  value: string;
  /** RFC 3339. */
  timestamp: string;
}

export interface HpaTarget {
  type: MetricType;
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

/** An `autoscaling/v2` MetricSpec. */
export interface HpaMetricSpec {
  type: "External" | "Resource" | "ContainerResource";
  external?: {
    metric: { name: string; selector?: { matchLabels: Record<string, string> } };
    target: HpaTarget;
  };
  resource?: { name: string; target: HpaTarget };
  containerResource?: { name: string; container: string; target: HpaTarget };
}

export interface MetricsAndActivity {
  metrics: ExternalMetricValue[];
  active: boolean;
}

export interface Scaler {
  /** The Go type that upstream's logs and metrics name: `prometheusScaler`. */
  readonly kind: string;
  /** Empty when the source can't be asked now. */
  metricSpecs(signal?: AbortSignal): Promise<HpaMetricSpec[]>;
  /** @throws whatever stands between KEDA and the number */
  metricsAndActivity(metricName: string, signal?: AbortSignal): Promise<MetricsAndActivity>;
  /** Push scalers only: each `true` wakes the target at once. Ends when the signal aborts. */
  pushes?(signal: AbortSignal): AsyncIterable<boolean>;
  /** Push scalers only: new specs for the HPA. Ends when the source has none to push. */
  pushedSpecs?(signal: AbortSignal): AsyncIterable<HpaMetricSpec[]>;
}

const UTILIZATION_UNSUPPORTED =
  "'Utilization' metric type is unsupported for external metrics, allowed values are 'Value' or 'AverageValue'";

/** @throws Error for `Utilization`, which only resources have. */
export function externalMetricType({ metricType }: TriggerConfig): MetricType {
  if (metricType === "Utilization") throw new Error(UTILIZATION_UNSUPPORTED);
  return metricType ?? "AverageValue";
}

/** `s0-prometheus` */
export function indexedMetricName(index: number, name: string): string {
  return `s${index}-${name}`;
}

/** The name without `s0-`, as an external scaler knows it. @throws Error */
export function withoutIndex(index: number, metricName: string): string {
  const dash = metricName.indexOf("-");
  if (dash === -1) throw new Error("metric name without index prefix");
  if (metricName.slice(0, dash) !== `s${index}`)
    throw new Error("metric name contains incorrect index prefix");
  return metricName.slice(dash + 1);
}

/** Characters that a metric's name may not have become dashes. */
export function normalizedName(name: string): string {
  return name.replaceAll(/[/.:%()]/g, "-");
}

export function externalSpec(config: TriggerConfig, name: string, target: number): HpaMetricSpec {
  const type = externalMetricType(config);
  const quantity = quantityOf(target);
  return {
    type: "External",
    external: {
      metric: { name: indexedMetricName(config.index, name) },
      target: { type, ...(type === "AverageValue" ? { averageValue: quantity } : { value: quantity }) },
    },
  };
}

export function externalMetric(metricName: string, value: number, nowMs: number): ExternalMetricValue {
  return {
    metricName,
    value: quantityOf(value),
    timestamp: new Date(nowMs).toISOString().slice(0, 19) + "Z",
  };
}

/** Three digits after the point; negative, infinite and NaN are 0. */
export function quantityOf(value: number): string {
  if (!Number.isFinite(value) || value < 0) return "0";
  return formatQuantity(Number(value.toFixed(3)));
}
