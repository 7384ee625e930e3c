/**
 * `io.prometheus.client.MetricFamily`: what a program exposes of one metric, in the protobuf exposition format
 * (prometheus/client_model, `metrics.proto`).
 *
 * ```
 * MetricFamily  1 name  2 help  3 type  4 Metric*  5 unit
 * Metric        1 LabelPair*  2 Gauge  3 Counter  4 Summary  5 Untyped  6 timestamp_ms  7 Histogram
 * Gauge         1 value                 Untyped   1 value                LabelPair  1 name  2 value
 * Counter       1 value  2 Exemplar  3 start
 * Summary       1 count  2 sum  3 Quantile*  4 start                     Quantile   1 quantile  2 value
 * Histogram     1 count  2 sum  3 Bucket*  4 count (float)  5 schema  6 zero threshold  7 zero count
 *               8 zero count (float)  9, 10, 11 negative Span*, delta*, count*  12, 13, 14 positive ones
 *               15 start  16 Exemplar*
 * Bucket        1 cumulative count  2 upper bound  3 Exemplar  4 cumulative count (float)
 * BucketSpan    1 offset  2 length      Exemplar  1 LabelPair*  2 value  3 time
 * ```
 */
import type { Span } from "../../model/histogram.ts";

/** By their number in the protocol. */
export const CLIENT_METRIC_TYPES = [
  "counter",
  "gauge",
  "summary",
  "unknown",
  "histogram",
  "gaugehistogram",
] as const;
export type ClientMetricType = (typeof CLIENT_METRIC_TYPES)[number];

export interface ClientExemplar {
  /** `[name0, value0, …]` */
  labels: string[];
  value: number;
  /** undefined: the exemplar has no time of its own. */
  timestampMs: number | undefined;
}

export interface ClientBucket {
  cumulativeCount: number;
  /** Takes precedence over `cumulativeCount` unless it is 0. */
  cumulativeCountFloat: number;
  upperBound: number;
  exemplar?: ClientExemplar;
}

/** One side of a native histogram. Integer histograms have deltas, float histograms have counts. */
export interface ClientBuckets {
  spans: Span[];
  deltas: number[];
  counts: number[];
}

/** A classic histogram, a native one, or both in one. */
export interface ClientHistogram {
  sampleCount: number;
  /** Takes precedence over `sampleCount` unless it is 0. */
  sampleCountFloat: number;
  sampleSum: number;
  buckets: ClientBucket[];
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  /** Takes precedence over `zeroCount` unless it is 0. */
  zeroCountFloat: number;
  negative: ClientBuckets;
  positive: ClientBuckets;
  exemplars: ClientExemplar[];
}

export interface ClientMetric {
  /** `[name0, value0, …]` in the order sent. */
  labels: string[];
  /** 0: none. */
  timestampMs: number;
  /** Of counters, gauges and untyped metrics. */
  value: number;
  /** When counting began; 0: unknown. */
  startTimestampMs: number;
  /** Of counters. */
  exemplar?: ClientExemplar;
  summary?: { sampleCount: number; sampleSum: number; quantiles: { quantile: number; value: number }[] };
  histogram?: ClientHistogram;
}

export interface ClientMetricFamily {
  name: string;
  help: string;
  /** A number that is none of the known types stays as it is. */
  type: ClientMetricType | number;
  unit: string;
  metrics: ClientMetric[];
}

export function createClientHistogram(fields: Partial<ClientHistogram> = {}): ClientHistogram {
  return {
    sampleCount: 0,
    sampleCountFloat: 0,
    sampleSum: 0,
    buckets: [],
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    zeroCountFloat: 0,
    negative: { spans: [], deltas: [], counts: [] },
    positive: { spans: [], deltas: [], counts: [] },
    exemplars: [],
    ...fields,
  };
}
