/**
 * The histograms of one series that are not yet a closed chunk. They are kept as they came; closing gives them one
 * layout and encodes them, as upstream's chunk ends up after it was recoded for new buckets.
 */
import type { FloatHistogram, Span } from "../../../model/histogram.ts";
import type { BlockChunk } from "./block-series.ts";
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM } from "./chunk-encoding.ts";
import { chunkEnd } from "./chunk-range.ts";
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
/** From this share of its target on a chunk's end is foreseen. */
const FORESEEN_SHARE = 1 / 4;
/** A number takes at most so much in a chunk. */
const MAX_NUMBER_BYTES = 10;
/** Numbers of a histogram besides its buckets: time, count, zero count, sum. */
const PLAIN_NUMBERS = 4;

/** Collects histograms and cuts them into chunks where upstream would. */
export class HistogramSeries implements HistogramSamples {
  timestamps: number[] = [];
  histograms: FloatHistogram[] = [];
  #flags = RESET_UNKNOWN;
  #isInteger = true;
  /** Where the open chunk ends at the latest: that of its range, then what was foreseen. */
  #nextCutMs = 0;
  #rangeEndMs = 0;
  #isEndForeseen = false;
  /** The size when it was measured, and what has come at most since then. */
  #measuredBytes = 0;
  #growthBytes = Number.POSITIVE_INFINITY;
  #layoutBuckets = 0;
  #last: FloatHistogram | undefined;

  /** The newest histogram, also when its chunk is closed. */
  get last(): FloatHistogram | undefined {
    return this.#last;
  }

  /**
   * @param rangeEndMs where the range of a chunk that begins now ends; Infinity: chunks are of any size
   * @returns the chunk that had to be closed first, where one had
   */
  append(timestampMs: number, histogram: FloatHistogram, rangeEndMs: number): BlockChunk | undefined {
    const last = this.#last;
    const isInteger = isIntegerHistogram(histogram) || isStaleHistogram(histogram);
    const isOther = this.#isInteger && !isInteger;
    const change =
      last === undefined || isOther ? { fits: !isOther, flags: RESET_UNKNOWN } : changeTo(last, histogram);
    const isOpen = this.timestamps.length > 0;
    const isDue = isOpen && (isOther || this.#isDue(timestampMs));
    // As upstream, which foresees no end of a chunk that begins because the one before did not fit.
    if (isDue || !isOpen) this.#isEndForeseen = false;
    const closed = isOpen && (isDue || !change.fits) ? this.close() : undefined;
    if (this.timestamps.length === 0) {
      this.#nextCutMs = this.#rangeEndMs = rangeEndMs;
      this.#isInteger = isInteger;
      this.#flags = firstFlags(histogram, change.flags);
      this.#measuredBytes = 0;
      this.#growthBytes = Number.POSITIVE_INFINITY;
    }
    this.#noteGrowth(histogram, last);
    this.timestamps.push(timestampMs);
    this.histograms.push(histogram);
    this.#last = histogram;
    return closed;
  }

  /** Ends the open chunk, and what comes next is not compared with what was: there is a float between. */
  endRun(): BlockChunk | undefined {
    this.#last = undefined;
    return this.close();
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
    const layout = histograms.find((histogram) => !isStaleHistogram(histogram));
    this.#layoutBuckets = (layout?.positiveBuckets.length ?? 0) + (layout?.negativeBuckets.length ?? 0);
    return {
      bytes: encodeHistogramChunk({ timestamps, histograms }, encoding, this.#flags),
      encoding,
      samples: timestamps.length,
      minMs: timestamps[0],
      maxMs: timestamps[timestamps.length - 1],
    };
  }

  /** Whether a chunk must begin before a sample of this time (`histogramsAppendPreprocessor`). */
  #isDue(timestampMs: number): boolean {
    if (this.#rangeEndMs === Number.POSITIVE_INFINITY) return false;
    const { length } = this.timestamps;
    const wasForeseen = this.#isEndForeseen;
    const endMs = wasForeseen ? this.#rangeEndMs : this.#nextCutMs;
    const bytes = this.#sizeFrom(
      wasForeseen ? 2 * TARGET_CHUNK_BYTES : TARGET_CHUNK_BYTES * FORESEEN_SHARE,
      wasForeseen && length % MIN_CHUNK_SAMPLES !== 0,
    );
    if (!wasForeseen && bytes >= TARGET_CHUNK_BYTES * FORESEEN_SHARE) {
      const [first] = this.timestamps;
      const lastMs = this.timestamps[length - 1];
      this.#nextCutMs = chunkEnd(first, lastMs, this.#nextCutMs, TARGET_CHUNK_BYTES / bytes);
      this.#isEndForeseen = true;
    }
    const isWanted = timestampMs >= this.#nextCutMs || bytes >= 2 * TARGET_CHUNK_BYTES;
    return isWanted && (length >= MIN_CHUNK_SAMPLES || timestampMs >= endMs);
  }

  /**
   * The size of the open chunk, or 0 when it is surely below `limit`. Measuring takes encoding all of it, so that is not
   * done where `isSkipped`: the large limit is looked at now and then only.
   */
  #sizeFrom(limit: number, isSkipped: boolean): number {
    if (isSkipped || this.#measuredBytes + this.#growthBytes < limit) return 0;
    this.#measuredBytes = this.encode()!.bytes.length;
    this.#growthBytes = 0;
    return this.#measuredBytes;
  }

  #noteGrowth(histogram: FloatHistogram, last: FloatHistogram | undefined): void {
    const hasSameLayout =
      last !== undefined &&
      equalSpans(last.positiveSpans, histogram.positiveSpans) &&
      equalSpans(last.negativeSpans, histogram.negativeSpans);
    // A bucket that is new makes those before it larger, too.
    this.#growthBytes += hasSameLayout
      ? MAX_NUMBER_BYTES * (PLAIN_NUMBERS + this.#layoutBuckets)
      : Number.POSITIVE_INFINITY;
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

function equalSpans(a: Span[], b: Span[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ offset, length }, i) => offset === b[i].offset && length === b[i].length)
  );
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
