/** Native histograms, in the form that Prometheus' query engine computes with (`model/histogram/float_histogram.go`). */

/** A run of consecutive buckets: `offset` buckets are skipped (from bucket 0 for the first span), then `length` follow. */
export interface Span {
  offset: number;
  length: number;
}

export type CounterResetHint = "unknown" | "reset" | "not_reset" | "gauge";

/** The schema of histograms whose bucket bounds are given one by one ("custom buckets", NHCB). */
export const CUSTOM_BUCKETS_SCHEMA = -53;

/** Not to be changed once made: histograms are shared between results. */
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

/** A histogram with the fields given, empty and of schema 0 otherwise. */
export function createHistogram(fields: Partial<FloatHistogram> = {}): FloatHistogram {
  return {
    counterResetHint: "unknown",
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: [],
    negativeBuckets: [],
    customValues: [],
    ...fields,
  };
}

/** Without observations, in the shape of another: what a series of such began with. */
export function zeroHistogram({ schema, zeroThreshold, customValues }: FloatHistogram): FloatHistogram {
  return createHistogram({ counterResetHint: "reset", schema, zeroThreshold, customValues });
}

export function usesCustomBuckets({ schema }: FloatHistogram): boolean {
  return schema === CUSTOM_BUCKETS_SCHEMA;
}
