/**
 * OpenTelemetry's metrics (`opentelemetry/proto/metrics/v1`). Times are nanoseconds since the Unix epoch, 0 where
 * there is none. Nothing is changed in place: who changes something makes a copy.
 */
import type { Attributes, InstrumentationScope, Resource } from "./otlp-attributes.ts";

export interface ResourceMetrics {
  readonly resource: Resource;
  readonly scopeMetrics: readonly ScopeMetrics[];
  readonly schemaUrl: string;
}

export interface ScopeMetrics {
  readonly scope: InstrumentationScope;
  readonly metrics: readonly Metric[];
  readonly schemaUrl: string;
}

export interface Metric {
  readonly name: string;
  readonly description: string;
  /** In UCUM's notation: `s`, `By`, `{requests}`. */
  readonly unit: string;
  readonly metadata: Attributes;
  readonly data: MetricData;
}

export type MetricData =
  | { readonly type: "empty"; readonly points: readonly [] }
  | { readonly type: "gauge"; readonly points: readonly NumberPoint[] }
  | {
      readonly type: "sum";
      readonly points: readonly NumberPoint[];
      readonly temporality: Temporality;
      readonly monotonic: boolean;
    }
  | {
      readonly type: "histogram";
      readonly points: readonly HistogramPoint[];
      readonly temporality: Temporality;
    }
  | {
      readonly type: "exponentialHistogram";
      readonly points: readonly ExponentialHistogramPoint[];
      readonly temporality: Temporality;
    }
  | { readonly type: "summary"; readonly points: readonly SummaryPoint[] };

/** `AggregationTemporality`: 0 is unspecified. */
export const Temporality = { UNSPECIFIED: 0, DELTA: 1, CUMULATIVE: 2 } as const;
export type Temporality = number;

/** Bit of `Point.flags`: there is no value, the series has ended (Prometheus' staleness marker). */
export const NO_RECORDED_VALUE = 1;

interface Point {
  readonly attributes: Attributes;
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
  /** See `NO_RECORDED_VALUE`. */
  readonly flags: number;
}

/** An int is a `bigint`, a double a `number`. */
export type NumberValue = bigint | number;

export interface NumberPoint extends Point {
  /** `null` when there is none, which is not 0. */
  readonly value: NumberValue | null;
  readonly exemplars: readonly Exemplar[];
}

/** Counts are exact to 2^53. */
export interface HistogramPoint extends Point {
  readonly count: number;
  readonly sum: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** One more than bounds, or none at all. */
  readonly bucketCounts: readonly number[];
  readonly explicitBounds: readonly number[];
  readonly exemplars: readonly Exemplar[];
}

export interface ExponentialHistogramPoint extends Point {
  readonly count: number;
  readonly sum: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** A bucket's upper bound is 2^(2^-scale) times its lower one. */
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: ExponentialBuckets;
  readonly negative: ExponentialBuckets;
  readonly exemplars: readonly Exemplar[];
}

export interface ExponentialBuckets {
  /** The index of the first bucket. */
  readonly offset: number;
  readonly counts: readonly number[];
}

export interface SummaryPoint extends Point {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export interface Exemplar {
  readonly filteredAttributes: Attributes;
  readonly timeUnixNano: bigint;
  readonly value: NumberValue | null;
  /** 16 hexadecimal digits, or "". */
  readonly spanId: string;
  /** 32 hexadecimal digits, or "". */
  readonly traceId: string;
}

export const NO_BUCKETS: ExponentialBuckets = { offset: 0, counts: [] };

/** How many metrics there are. */
export function countMetrics(data: readonly ResourceMetrics[]): number {
  let count = 0;
  for (const { scopeMetrics } of data) for (const { metrics } of scopeMetrics) count += metrics.length;
  return count;
}

/** How many data points there are: what batches and queues count. */
export function countDataPoints(data: readonly ResourceMetrics[]): number {
  let count = 0;
  for (const { scopeMetrics } of data) {
    for (const { metrics } of scopeMetrics) for (const metric of metrics) count += metric.data.points.length;
  }
  return count;
}
