/** A series as a test loads it. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import type { Labels } from "../../../model/labels.ts";

export interface StoredSeries {
  labels: Labels;
  samples: StoredSample[];
}

/** One sample. Stale markers are neither floats nor histograms here. */
export interface StoredSample {
  timestampMs: number;
  startTimestampMs: number;
  value: number;
  histogram: FloatHistogram | undefined;
  isStale: boolean;
}
