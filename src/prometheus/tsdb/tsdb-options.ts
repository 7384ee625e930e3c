/** What a store is opened with, and what it can do besides `Storage`. */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Threads } from "../../base/threads.ts";
import type { Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { Appender, MetricMetadata, SeriesRef, Storage, TimeRange } from "../storage.ts";

export interface TsdbOptions {
  /** Prometheus' `--storage.tsdb.path`. Made when missing. */
  directory: string;
  disk: Disk;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Where large blocks are written. @default in slices of the caller's own thread */
  threads?: Threads;
  /** Blocks that end this or more before the newest one does are removed; 0 keeps them. @default 15 days */
  retentionMs?: number;
  /** The oldest blocks are removed while blocks, WAL and head chunks together are larger; 0 is no limit. @default 0 */
  retentionBytes?: number;
  /** The time range of the head and of the blocks cut from it. @default 2 hours */
  minBlockDurationMs?: number;
  /** Compaction makes no block longer than this. @default a tenth of the retention, at most 31 days */
  maxBlockDurationMs?: number;
  /** Samples as late as this, counted from the newest sample in the store, are taken. @default 0 */
  outOfOrderTimeWindowMs?: number;
  /** How many exemplars are kept, over all series; 0 turns exemplars off. @default 0 */
  maxExemplars?: number;
  /** Size at which a new WAL segment is begun. @default 128 MiB */
  walSegmentBytes?: number;
  /** @default "none" */
  walCompression?: "none" | "snappy";
  /** Opens without writing anything: no lock, no repair, no compaction; the WAL is read. @default false */
  readOnly?: boolean;
  /** Takes the directory's `lock` file, so that a second store on it is refused. @default true */
  lockFile?: boolean;
  /** Looks for compaction and retention work every minute. Off: only `compact` does. @default true */
  compactInBackground?: boolean;
  /** Told what took how many seconds, and how many seconds a late sample was behind. @default nobody is */
  observe?: (work: StoreWork, seconds: number) => void;
}

/** What a reload of the configuration may change; what is left out stays. */
export type ReloadedOptions = Pick<
  TsdbOptions,
  "outOfOrderTimeWindowMs" | "maxExemplars" | "retentionMs" | "retentionBytes"
>;

/** `meta.json` of a block. */
export interface BlockMeta {
  ulid: string;
  /** Milliseconds, inclusive. */
  minTime: number;
  /** Milliseconds, exclusive. */
  maxTime: number;
  stats?: {
    numSamples?: number;
    numFloatSamples?: number;
    numHistogramSamples?: number;
    numSeries?: number;
    numChunks?: number;
    numTombstones?: number;
  };
  compaction: {
    level: number;
    sources?: string[];
    deletable?: boolean;
    parents?: { ulid: string; minTime: number; maxTime: number }[];
    failed?: boolean;
    hints?: string[];
  };
  version: number;
}

/** A row of the "top ten" tables of `/api/v1/status/tsdb`. */
export interface CardinalityStat {
  name: string;
  value: number;
}

export interface HeadStats {
  numSeries: number;
  numLabelPairs: number;
  chunkCount: number;
  minTime: number;
  maxTime: number;
}

/** `/api/v1/status/tsdb`, field for field. */
export interface TsdbStatus {
  headStats: HeadStats;
  seriesCountByMetricName: CardinalityStat[];
  labelValueCountByLabelName: CardinalityStat[];
  memoryInBytesByLabelName: CardinalityStat[];
  seriesCountByLabelValuePair: CardinalityStat[];
}

/** Counters of the store for `/metrics` (`prometheus_tsdb_*`), all since it was opened. */
export interface TsdbCounters {
  samplesAppended: number;
  histogramsAppended: number;
  outOfOrderSamples: number;
  outOfBoundSamples: number;
  tooOldSamples: number;
  outOfOrderAppended: number;
  seriesCreated: number;
  seriesRemoved: number;
  chunksCreated: number;
  chunksRemoved: number;
  exemplarsAppended: number;
  exemplarsOutOfOrder: number;
  walCorruptions: number;
  walBytes: number;
  walFsyncs: number;
  compactions: number;
  compactionsFailed: number;
  headTruncations: number;
  checkpointCreations: number;
  blocksLoaded: number;
  timeRetentions: number;
  sizeRetentions: number;
  /** Of `outOfOrderAppended`. */
  outOfOrderHistograms: number;
  appendersCreated: number;
  compactionsTriggered: number;
  verticalCompactions: number;
  headTruncationsFailed: number;
  checkpointCreationsFailed: number;
  checkpointDeletions: number;
  walTruncations: number;
  walTruncationsFailed: number;
  walWritesFailed: number;
  /** 1 while a block is being written, else 0. */
  populatingBlock: number;
}

/** What takes time in the store and is measured; and how far a sample that comes late is behind the newest one. */
export type StoreWork =
  | "late sample"
  | "compaction"
  | "head collection"
  | "log truncation"
  | "log sync"
  | "tombstone cleanup";

/** What the newest samples of the head's series are. */
export interface NewestFigures {
  /** Series whose newest sample is a stale marker. */
  stale: number;
  /** Series whose newest sample is a native histogram, and the buckets of those. */
  histograms: number;
  histogramBuckets: number;
}

/** Figures for `/metrics` that take a look at the disk, or at every series. */
export interface StoreFigures {
  blocksBytes: number;
  walBytes: number;
  /** Batches that are being collected. */
  openAppenders: number;
  /** The segment of the log that is written to. */
  walSegment: number;
  /** Of all samples; undefined where there are none. */
  lowestMs: number | undefined;
  exemplars: { count: number; capacity: number; series: number; oldestMs: number };
  replaySeconds: number;
  /** Series of the head by their newest sample. */
  newest: NewestFigures;
  /** Bytes of memory of the symbols of all blocks. */
  symbolBytes: number;
  /** 1: no process before left its lock. 0: one did. -1: there is no lock. */
  cleanStart: -1 | 0 | 1;
}

export interface TsdbAppender extends Appender {
  /**
   * As `append` for a series that the store knows, without its labels: for callers that found `ref` in a `SeriesCache`.
   *
   * @returns false when `ref` is no series (any more): nothing was added, use `append` with the labels.
   * @throws AppendError as `append`
   */
  appendKnown(ref: SeriesRef, timestampMs: number, value: number): boolean;
  /** As `appendKnown` with the value as the two halves of its bits, which keeps every NaN what it is. */
  appendKnownBits(ref: SeriesRef, timestampMs: number, low: number, high: number): boolean;
  /**
   * As `append`, with the labels as `key[start..end)` in the form of `label-key.ts`: valid, sorted by name, none of them
   * without a value.
   */
  appendKey(
    key: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    low: number,
    high: number,
  ): SeriesRef;
}

export interface Tsdb extends Storage {
  appender(): TsdbAppender;
  /** Ends background work, waits for it, makes the log durable and gives up the lock. */
  close(): Promise<void>;
  /** Figures that cost nothing. */
  headStats(): HeadStats;
  /**
   * The same and tables, for which every label pair is looked at.
   *
   * @param limit rows per table @default 10
   */
  status(limit?: number): Promise<TsdbStatus>;
  readonly counters: Readonly<TsdbCounters>;
  figures(): Promise<StoreFigures>;
  /** The segments of the log that were read when the store was opened: first, last, and where it got to. */
  readonly walReplay: { min: number; max: number; current: number };
  /** The newest metadata per metric name. */
  metadata(): ReadonlyMap<string, MetricMetadata>;
  /** Of all blocks, oldest first. */
  blocks(): BlockMeta[];
  /** Cuts blocks from the head where due, compacts, applies retention. What the background work does every minute. */
  compact(): Promise<void>;
  /** Marks the samples of all series that match every matcher as deleted. */
  deleteSeries(matchers: Matcher[], range: TimeRange): Promise<void>;
  /** Rewrites blocks so that what was deleted leaves the disk. */
  cleanTombstones(): Promise<void>;
  /**
   * Copies all blocks, and the head as a block unless `skipHead`, to `<directory>/snapshots/<name>`.
   *
   * @returns the snapshot's name: time and random digits, as upstream's.
   */
  snapshot(skipHead: boolean): Promise<string>;
  /** What a reload of the configuration may change. */
  reconfigure(options: ReloadedOptions): void;
  /** Labels of a series in the head, or undefined: for senders that read the log. */
  labelsOf(ref: SeriesRef): Labels | undefined;
}
