/**
 * What lies between the query engine, the ingest paths and the store. The engine knows only this file of the store,
 * so it also runs on test data and, for replay, on another Prometheus.
 *
 * Samples are columns: typed arrays of timestamps and values. Series with the same timestamps may share one
 * `timestamps` array, and the engine shares the work that depends on timestamps alone.
 */
import type { FloatHistogram } from "../model/histogram.ts";
import type { Labels } from "../model/labels.ts";
import { formatG } from "../model/number-format.ts";
import type { Matcher } from "./matcher.ts";

/** The samples of one series within a time range. */
export interface SeriesSamples {
  labels: Labels;
  /** Milliseconds since the epoch, ascending, unique. Not to be changed: may be shared between series. */
  timestamps: Float64Array;
  /**
   * `values[i]` was taken at `timestamps[i]`. A stale marker is the NaN with the bits 0x7ff0000000000002; test it by
   * bits (`isStaleMarker`), since a NaN that passes through arithmetic may come out as another.
   */
  values: Float64Array;
  /** Where `histograms[i]` is set the sample is a native histogram and `values[i]` means nothing. */
  histograms?: (FloatHistogram | undefined)[];
  /** Start ("created") timestamps of the samples in milliseconds, 0 where unknown. */
  startTimestamps?: Float64Array;
  /** False where the store knows that no value is NaN, nor a stale marker. */
  hasNaN?: boolean;
  /** False where the store knows that no value is lower than the one before. */
  falls?: boolean;
}

/** The newest sample of each of some series, all of them floats, in columns. */
export interface NewestSamples {
  labels: Labels[];
  /** `values[i]` is of the series with `labels[i]`. */
  values: Float64Array;
}

/** Inclusive at both ends, milliseconds since the epoch. */
export interface TimeRange {
  minMs: number;
  maxMs: number;
}

export interface SelectHints {
  /** At most so many series; the result then carries no promise of which. 0 is no limit. */
  limit?: number;
  /** Only series behind these labels, in their order: with `maxSamples`, the next part of a large selection. */
  after?: Labels;
  /** The selection ends with the series by which it has so many samples or more. 0 is no limit. */
  maxSamples?: number;
  /** The function or aggregation around the selector, for stores that can prepare its answer. */
  function?: string;
  /**
   * Only the newest sample of each series within the range is needed, as for an instant vector: a store may leave out
   * the others. @default false
   */
  newestOnly?: boolean;
  /** Of `newest`: nobody asks for labels, which may then all be empty. @default false */
  withoutLabels?: boolean;
  signal?: AbortSignal;
}

export interface Exemplar {
  labels: Labels;
  value: number;
  timestampMs: number;
  /** The time is not the exemplar's own but that of the scrape that saw it: seen again it is the same one. */
  isTimedByScrape?: boolean;
}

export interface MetricMetadata {
  type: string;
  help: string;
  unit: string;
}

/** The reading side of a store. */
export interface Queryable {
  /** Series that match all matchers and have samples in the range, sorted by labels. */
  select(matchers: Matcher[], range: TimeRange, hints?: SelectHints): Promise<SeriesSamples[]>;
  /**
   * The newest sample in the range of each series that `select` would answer with, save series that have ended (stale).
   * Undefined where the store has no short way to it: then `select` says. A store without any leaves it out.
   */
  newest?(matchers: Matcher[], range: TimeRange, hints?: SelectHints): Promise<NewestSamples | undefined>;
  /** Label sets only: as `select`, without reading samples. A series counts when its store had it in the range. */
  series(matchers: Matcher[], range: TimeRange, hints?: SelectHints): Promise<Labels[]>;
  /** Sorted. With matchers: only of series that match. */
  labelNames(matchers: Matcher[], range: TimeRange, hints?: SelectHints): Promise<string[]>;
  labelValues(name: string, matchers: Matcher[], range: TimeRange, hints?: SelectHints): Promise<string[]>;
  exemplars(matchers: Matcher[][], range: TimeRange): Promise<{ labels: Labels; exemplars: Exemplar[] }[]>;
}

/** Identifies a series for as long as the store is open; 0 is none. */
export type SeriesRef = number;

/** Why a sample was not taken. The texts are upstream's (`storage/interface.go`). */
export type AppendErrorReason =
  | "out of order sample"
  | "duplicate sample for timestamp"
  | "out of bounds"
  | "too old sample"
  | "duplicate exemplar"
  | "out of order exemplar"
  | "invalid label set"
  | "invalid histogram";

export class AppendError extends Error {
  readonly reason: AppendErrorReason;

  constructor(reason: AppendErrorReason, detail?: string) {
    super(detail === undefined ? reason : `${reason}: ${detail}`);
    this.name = "AppendError";
    this.reason = reason;
  }
}

/** Another sample for a time that has one. */
export class DuplicateSampleError extends AppendError {
  /** @param existing undefined: a native histogram */
  constructor(timestampMs: number, existing: number | undefined, value: number) {
    super("duplicate sample for timestamp");
    const known = existing === undefined ? "is a histogram" : formatG(existing);
    this.message = `${this.reason} ${timestampMs}; overrides not allowed: existing ${known}, new value ${formatG(value)}`;
    this.name = "DuplicateSampleError";
  }
}

/** A native histogram that is none; the message says why, in upstream's words. */
export class InvalidHistogramError extends AppendError {
  constructor(problem: string) {
    super("invalid histogram");
    this.message = problem;
    this.name = "InvalidHistogramError";
  }
}

/**
 * A batch of samples. Nothing is visible or durable before `commit` has resolved; after it, or after `rollback`, the
 * appender is empty and takes the next batch.
 */
export interface Appender {
  /**
   * Adds a float sample and answers the series' reference, which spares the look-up next time.
   *
   * @param ref what an earlier call answered for these labels, or 0
   * @throws AppendError when the store does not take the sample; the batch stays usable.
   */
  append(ref: SeriesRef, labels: Labels, timestampMs: number, value: number): SeriesRef;
  /**
   * From now on samples older than a series' last one are refused as out of order, even where the store takes late ones
   * (`AppendOptions.DiscardOutOfOrder`).
   */
  refuseLate?(): void;
  /**
   * As `append`, a stale marker: the series has ended.
   *
   * @param refusesLate as `refuseLate`, for this one
   */
  appendStale(ref: SeriesRef, labels: Labels, timestampMs: number, refusesLate?: boolean): SeriesRef;
  appendHistogram(ref: SeriesRef, labels: Labels, timestampMs: number, histogram: FloatHistogram): SeriesRef;
  /**
   * The zero that a series began with at `startMs`, before its sample of `timestampMs` is added. Left out where the
   * series has a sample as late already, or the time is not one to be taken.
   *
   * @param histogram the sample, where it is one: the zero has its shape
   * @returns the series' reference when it was added, otherwise 0
   */
  appendStart(
    ref: SeriesRef,
    labels: Labels,
    startMs: number,
    timestampMs: number,
    histogram?: FloatHistogram,
  ): SeriesRef;
  appendExemplar(ref: SeriesRef, labels: Labels, exemplar: Exemplar): SeriesRef;
  setMetadata(metric: string, metadata: MetricMetadata): void;
  /** Resolves when the batch is in the log on disk: it survives a crash of the process. */
  commit(): Promise<void>;
  rollback(): void;
}

export interface Storage extends Queryable {
  appender(): Appender;
}

/** The NaN that says "this series has ended", as two 32-bit halves. */
export const STALE_HIGH = 0x7ff00000;
export const STALE_LOW = 2;
/** The same after a processor has quieted it. */
const STALE_HIGH_QUIET = 0x7ff80000;

/** Whether `values[index]` is the stale marker. `words` is a `Uint32Array` over the same buffer region (little-endian). */
export function isStaleMarker(words: Uint32Array, index: number): boolean {
  if (words[2 * index] !== STALE_LOW) return false;
  const high = words[2 * index + 1];
  return high === STALE_HIGH || high === STALE_HIGH_QUIET;
}
