/**
 * The histograms of one series that are not yet a closed chunk. They are kept as they came; closing gives them one
 * layout and encodes them, as upstream's chunk ends up after it was recoded for new buckets.
 */
import type { FloatHistogram, Span } from "../../../model/histogram.ts";
import type { BlockChunk } from "./block-series.ts";
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM } from "./chunk-encoding.ts";
import {
  encodeHistogramChunk,
  GAUGE,
  type HistogramSamples,
  isStaleHistogram,
  RESET_BEFORE,
  RESET_NONE,
  RESET_UNKNOWN,
} from "./histogram-chunk.ts";
import { equalNumbers, isIntegerHistogram } from "./histogram-shape.ts";

/** Upstream's `TargetBytesPerHistogramChunk` and `MinSamplesPerHistogramChunk`. */
const TARGET_CHUNK_BYTES = 1024;
const MIN_CHUNK_SAMPLES = 10;
const MAX_CHUNK_SAMPLES = 240;

/** Collects histograms and cuts them into chunks where upstream would. */
export class HistogramSeries implements HistogramSamples {
  timestamps: number[] = [];
  histograms: FloatHistogram[] = [];
  #flags = RESET_UNKNOWN;
  #isInteger = true;
  #nextCutMs = 0;
  #last: FloatHistogram | undefined;

  /** The newest histogram, also when its chunk is closed. */
  get last(): FloatHistogram | undefined {
    return this.#last;
  }

  /** @returns the chunk that had to be closed first, where one had */
  append(timestampMs: number, histogram: FloatHistogram, cutAtMs: number): BlockChunk | undefined {
    const change =
      this.#last === undefined ? { fits: true, flags: RESET_UNKNOWN } : changeTo(this.#last, histogram);
    const isInteger = isIntegerHistogram(histogram) || isStaleHistogram(histogram);
    const isCut =
      this.timestamps.length > 0 &&
      (!change.fits || timestampMs >= this.#nextCutMs || (this.#isInteger && !isInteger) || this.#isFull());
    const closed = isCut ? this.close() : undefined;
    if (this.timestamps.length === 0) {
      this.#nextCutMs = cutAtMs;
      this.#isInteger = isInteger;
      this.#flags = firstFlags(histogram, change.flags);
    }
    this.timestamps.push(timestampMs);
    this.histograms.push(histogram);
    this.#last = histogram;
    return closed;
  }

  /** Ends the open chunk; undefined when there is none. */
  close(): BlockChunk | undefined {
    if (this.timestamps.length === 0) return undefined;
    const closed = this.encode();
    this.timestamps = [];
    this.histograms = [];
    return closed;
  }

  /** The histogram at an index, with what the chunk tells about counter resets. */
  histogramAt(index: number): FloatHistogram {
    const histogram = this.histograms[index];
    const counterResetHint = this.#flags === GAUGE ? "gauge" : index === 0 ? "unknown" : "not_reset";
    return isStaleHistogram(histogram) ? histogram : { ...histogram, counterResetHint };
  }

  /** The open chunk as it would be closed now; undefined when there is none. */
  encode(): BlockChunk | undefined {
    const { timestamps } = this;
    if (timestamps.length === 0) return undefined;
    const encoding = this.#isInteger ? CHUNK_HISTOGRAM : CHUNK_FLOAT_HISTOGRAM;
    const histograms = alignHistograms(this.histograms);
    return {
      bytes: encodeHistogramChunk({ timestamps, histograms }, encoding, this.#flags),
      encoding,
      samples: timestamps.length,
      minMs: timestamps[0],
      maxMs: timestamps[timestamps.length - 1],
    };
  }

  /** Measured now and then only, since it takes encoding all. */
  #isFull(): boolean {
    const { length } = this.timestamps;
    if (length >= MAX_CHUNK_SAMPLES) return true;
    return (
      length >= MIN_CHUNK_SAMPLES &&
      length % MIN_CHUNK_SAMPLES === 0 &&
      this.encode()!.bytes.length >= TARGET_CHUNK_BYTES
    );
  }
}

/** The flags of a chunk that begins with `first`; `flags` is what its predecessor told. */
function firstFlags(first: FloatHistogram, flags: number): number {
  if (first.counterResetHint === "gauge") return GAUGE;
  return first.counterResetHint === "reset" ? RESET_BEFORE : flags;
}

/** Whether `next` can follow `last` in a chunk, and what a chunk that begins with it says of a counter reset. */
function changeTo(last: FloatHistogram, next: FloatHistogram): { fits: boolean; flags: number } {
  const isGauge = next.counterResetHint === "gauge";
  if (isGauge !== (last.counterResetHint === "gauge") && !isStaleHistogram(next)) {
    return { fits: false, flags: isGauge ? GAUGE : RESET_UNKNOWN };
  }
  if (isGauge) return { fits: isSameScale(last, next), flags: GAUGE };
  if (next.counterResetHint === "reset") return { fits: false, flags: RESET_BEFORE };
  if (isStaleHistogram(next)) return { fits: true, flags: RESET_NONE };
  if (isStaleHistogram(last)) return { fits: false, flags: RESET_UNKNOWN };
  if (next.count < last.count) return { fits: false, flags: RESET_BEFORE };
  if (!isSameScale(last, next)) {
    const isSchemaChange = next.schema !== last.schema || next.zeroThreshold !== last.zeroThreshold;
    return { fits: false, flags: isSchemaChange ? RESET_UNKNOWN : RESET_BEFORE };
  }
  const isReset =
    next.zeroCount < last.zeroCount ||
    hasFallen(last.positiveSpans, last.positiveBuckets, next.positiveSpans, next.positiveBuckets) ||
    hasFallen(last.negativeSpans, last.negativeBuckets, next.negativeSpans, next.negativeBuckets);
  return { fits: !isReset, flags: isReset ? RESET_BEFORE : RESET_NONE };
}

function isSameScale(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    equalNumbers(a.customValues, b.customValues)
  );
}

/** Whether a bucket counts less than before, or is gone. */
function hasFallen(lastSpans: Span[], lastBuckets: number[], spans: Span[], buckets: number[]): boolean {
  const now = new Map(bucketIndexes(spans).map((index, i) => [index, buckets[i]]));
  return bucketIndexes(lastSpans).some((index, i) => lastBuckets[i] > (now.get(index) ?? 0));
}

/** The bucket numbers that spans cover. */
export function bucketIndexes(spans: Span[]): number[] {
  const indexes: number[] = [];
  let next = 0;
  for (const { offset, length } of spans) {
    next += offset;
    for (let i = 0; i < length; i++) indexes.push(next++);
  }
  return indexes;
}

/** Spans that cover ascending bucket numbers. */
function spansOf(indexes: number[]): Span[] {
  const spans: Span[] = [];
  let next = 0;
  for (const index of indexes) {
    const last = spans.at(-1);
    if (last !== undefined && index === next) last.length++;
    else spans.push({ offset: index - next, length: 1 });
    next = index + 1;
  }
  return spans;
}

/** The same histograms with the buckets that any of them has, so that they share one layout. */
export function alignHistograms(histograms: FloatHistogram[]): FloatHistogram[] {
  const filled = histograms.filter((histogram) => !isStaleHistogram(histogram));
  if (filled.length === 0) return histograms;
  const positive = commonIndexes(filled.map((histogram) => histogram.positiveSpans));
  const negative = commonIndexes(filled.map((histogram) => histogram.negativeSpans));
  const positiveSpans = spansOf(positive);
  const negativeSpans = spansOf(negative);
  return histograms.map((histogram) =>
    isStaleHistogram(histogram)
      ? histogram
      : {
          ...histogram,
          positiveSpans,
          negativeSpans,
          positiveBuckets: spread(histogram.positiveSpans, histogram.positiveBuckets, positive),
          negativeBuckets: spread(histogram.negativeSpans, histogram.negativeBuckets, negative),
        },
  );
}

function commonIndexes(all: Span[][]): number[] {
  const indexes = new Set<number>();
  let last: Span[] | undefined;
  for (const spans of all) {
    if (spans !== last) for (const index of bucketIndexes(spans)) indexes.add(index);
    last = spans;
  }
  return [...indexes].sort((a, b) => a - b);
}

function spread(spans: Span[], buckets: number[], indexes: number[]): number[] {
  const counts = new Map(bucketIndexes(spans).map((index, i) => [index, buckets[i]]));
  return indexes.map((index) => counts.get(index) ?? 0);
}
