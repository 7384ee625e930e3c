/** Native histograms, in the form that Prometheus' query engine computes with (`model/histogram/float_histogram.go`). */

/** A run of consecutive buckets: `offset` buckets are skipped (from bucket 0 for the first span), then `length` follow. */
export interface Span {
  offset: number;
  length: number;
}

export type CounterResetHint = "unknown" | "reset" | "not_reset" | "gauge";

/** The schema of histograms whose bucket bounds are given one by one ("custom buckets", NHCB). */
export const CUSTOM_BUCKETS_SCHEMA = -53;

export interface FloatHistogram {
  counterResetHint: CounterResetHint;
  /** -4 to 8: a bucket's upper bound is 2^(2^-schema) times its lower one. -53: bounds are `customValues`. */
  schema: number;
  zeroThreshold: number;
  zeroCount: number;
  count: number;
  sum: number;
  positiveSpans: Span[];
  negativeSpans: Span[];
  /** Absolute counts, one per bucket that the spans cover. */
  positiveBuckets: number[];
  negativeBuckets: number[];
  /** Upper bounds, only with the custom buckets schema. */
  customValues: number[];
}
