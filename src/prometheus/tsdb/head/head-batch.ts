import type { MetricMetadata } from "../../storage.ts";
import type { PendingSamples } from "../wal/pending-samples.ts";
import type { HistogramOfSeries } from "../wal/wal-histogram-records.ts";
import type { ExemplarOfSeries } from "../wal/wal-records.ts";

/** What an appender has gathered, for the log and the head. */
export interface HeadBatch {
  readonly samples: PendingSamples;
  readonly histograms: HistogramOfSeries[];
  readonly exemplars: ExemplarOfSeries[];
  /** By metric. */
  readonly metadata: ReadonlyMap<string, MetricMetadata>;
  /** Milliseconds since the epoch: samples before it count as late. */
  readonly minValidMs: number;
}
