/**
 * Native histogram chunks (`tsdb/chunkenc/histogram.go`, encoding 2, and `float_histogram.go`, encoding 3).
 *
 * ```
 * samples <u16> │ flags <1b> │ zero threshold │ schema │ positive spans │ negative spans │ custom values │ samples …
 *
 * integer: time, count, zero count as varbits of the second difference, sum as xor, buckets (each as its difference
 *          from the bucket before) as varbits of the second difference in time
 * float:   time as a varbit of the second difference; count, zero count, sum and buckets as xor
 * ```
 * All samples of a chunk share one layout; the first sample has its values in full. In a stale marker the sum is the
 * marker and there are no buckets.
 */
import {
  type CounterResetHint,
  CUSTOM_BUCKETS_SCHEMA,
  type FloatHistogram,
  type Span,
} from "../../../model/histogram.ts";
import { STALE_HIGH, STALE_LOW } from "../../storage.ts";
import { CorruptionError } from "../bytes/byte-reader.ts";
import { BitReader } from "./bit-reader.ts";
import { BitWriter, type XorWindow } from "./bit-writer.ts";
import {
  CHUNK_FLOAT_HISTOGRAM_ST,
  CHUNK_HISTOGRAM,
  CHUNK_HISTOGRAM_ST,
  type ChunkEncoding,
  chunkSampleCount,
} from "./chunk-encoding.ts";
import { StartTimes } from "./start-times.ts";

/** Flags that say what is known about a counter reset before the chunk. */
export const RESET_UNKNOWN = 0;
export const RESET_NONE = 0x40;
export const RESET_BEFORE = 0x80;
export const GAUGE = 0xc0;
const FLAGS_MASK = 0xc0;
const HEADER_BYTES = 3;
/** A layout that says it has more is damaged. */
const MAX_BUCKETS = 1 << 16;

/** The histograms of a chunk, all of one layout (`alignHistograms`), with their times. */
export interface HistogramSamples {
  timestamps: number[];
  histograms: FloatHistogram[];
}

export function encodeHistogramChunk(
  samples: HistogramSamples,
  encoding: ChunkEncoding,
  flags: number,
): Uint8Array {
  const out = new BitWriter();
  out.bits(samples.timestamps.length, 16);
  out.bits(flags, 8);
  writeLayout(out, samples.histograms[0]);
  if (encoding === CHUNK_HISTOGRAM) writeIntegers(out, samples);
  else writeFloats(out, samples);
  return out.finish();
}

function writeLayout(out: BitWriter, first: FloatHistogram): void {
  const isStale = isStaleHistogram(first);
  writeZeroThreshold(out, isStale ? 0 : first.zeroThreshold);
  out.varbitInt(isStale ? 0 : first.schema);
  for (const spans of isStale ? [[], []] : [first.positiveSpans, first.negativeSpans]) {
    out.varbitUint(spans.length);
    for (const { offset, length } of spans) {
      out.varbitUint(length);
      out.varbitInt(offset);
    }
  }
  if (isStale || first.schema !== CUSTOM_BUCKETS_SCHEMA) return;
  out.varbitUint(first.customValues.length);
  for (const bound of first.customValues) writeBound(out, bound);
}

function writeIntegers(out: BitWriter, { timestamps, histograms }: HistogramSamples): void {
  const time = new SecondDifference();
  const count = new SecondDifference();
  const zeroCount = new SecondDifference();
  const buckets = bucketDifferences(histograms[0]).map(() => new SecondDifference());
  const sum: XorWindow = { low: 0, high: 0, leading: -1, trailing: 0 };
  for (const [i, histogram] of histograms.entries()) {
    const isStale = isStaleHistogram(histogram);
    if (i === 0) {
      out.varbitInt(time.first(timestamps[0]));
      out.varbitUint(count.first(isStale ? 0 : histogram.count));
      out.varbitUint(zeroCount.first(isStale ? 0 : histogram.zeroCount));
      setWindow(sum, histogram.sum);
      out.word64(sum.low, sum.high);
    } else {
      out.varbitInt(time.next(timestamps[i]));
      out.varbitInt(isStale ? 0 : count.next(histogram.count));
      out.varbitInt(isStale ? 0 : zeroCount.next(histogram.zeroCount));
      const { low, high } = bitsOf(histogram.sum);
      out.xor(sum, low, high);
    }
    if (isStale) continue;
    for (const [k, value] of bucketDifferences(histogram).entries()) {
      out.varbitInt(i === 0 ? buckets[k].first(value) : buckets[k].next(value));
    }
  }
}

function writeFloats(out: BitWriter, { timestamps, histograms }: HistogramSamples): void {
  const time = new SecondDifference();
  const windows: XorWindow[] = [];
  const write = (index: number, isFirst: boolean, value: number) => {
    const { low, high } = bitsOf(value);
    if (isFirst) {
      windows[index] = { low, high, leading: -1, trailing: 0 };
      out.word64(low, high);
    } else {
      out.xor(windows[index], low, high);
    }
  };
  for (const [i, histogram] of histograms.entries()) {
    const isFirst = i === 0;
    const isStale = isStaleHistogram(histogram);
    out.varbitInt(isFirst ? time.first(timestamps[0]) : time.next(timestamps[i]));
    write(0, isFirst, isStale ? 0 : histogram.count);
    write(1, isFirst, isStale ? 0 : histogram.zeroCount);
    // Not through an array: arrays of numbers do not keep what a NaN says.
    write(2, isFirst, histogram.sum);
    if (isStale) continue;
    const buckets = [...histogram.positiveBuckets, ...histogram.negativeBuckets];
    for (const [k, value] of buckets.entries()) write(3 + k, isFirst, value);
  }
}

/** All buckets, positive ones first, each as the difference from its neighbour below. */
function bucketDifferences(histogram: FloatHistogram): number[] {
  if (isStaleHistogram(histogram)) return [];
  return [histogram.positiveBuckets, histogram.negativeBuckets].flatMap((buckets) =>
    buckets.map((value, i) => (i === 0 ? value : value - buckets[i - 1])),
  );
}

/** Appends the samples of a chunk from `minMs` to `maxMs` to `out`. @throws CorruptionError */
export function decodeHistogramChunk(
  chunk: Uint8Array,
  encoding: ChunkEncoding,
  minMs: number,
  maxMs: number,
  out: HistogramSamples,
): void {
  if (chunk.length < HEADER_BYTES) throw new CorruptionError("chunk too short");
  const samples = chunkSampleCount(chunk, encoding);
  if (samples === 0) return;
  const reader = new BitReader(chunk, HEADER_BYTES);
  const layout = readLayout(reader);
  const isInteger = encoding === CHUNK_HISTOGRAM || encoding === CHUNK_HISTOGRAM_ST;
  const next = isInteger ? integerReader(reader, layout) : floatReader(reader, layout);
  // With start times, the third byte is about them, and the flags are in the first one.
  const hasStartTimes = encoding === CHUNK_HISTOGRAM_ST || encoding === CHUNK_FLOAT_HISTOGRAM_ST;
  const startTimes = hasStartTimes ? new StartTimes(chunk[2]) : undefined;
  const flags = (hasStartTimes ? chunk[0] : chunk[2]) & FLAGS_MASK;
  for (let i = 0; i < samples; i++) {
    const sample = next(i);
    startTimes?.skip(reader, i);
    const { timestampMs } = sample;
    if (timestampMs > maxMs) return;
    if (timestampMs < minMs) continue;
    out.timestamps.push(timestampMs);
    out.histograms.push(histogramOf(layout, sample, hintOf(flags, i)));
  }
}

type Layout = Pick<
  FloatHistogram,
  "schema" | "zeroThreshold" | "positiveSpans" | "negativeSpans" | "customValues"
> & {
  positiveCount: number;
  negativeCount: number;
};

/** A sample as it is in a chunk; `buckets` are the positive ones, then the negative ones. */
interface RawSample {
  timestampMs: number;
  count: number;
  zeroCount: number;
  sum: number;
  isStale: boolean;
  buckets: number[];
}

type SampleReader = (index: number) => RawSample;

function integerReader(reader: BitReader, layout: Layout): SampleReader {
  const time = new SecondDifference();
  const counts = [new SecondDifference(), new SecondDifference()];
  const { positiveCount, negativeCount } = layout;
  const differences = Array.from({ length: positiveCount + negativeCount }, () => new SecondDifference());
  const window: XorWindow = { low: 0, high: 0, leading: -1, trailing: 0 };
  return (index) => {
    const isFirst = index === 0;
    const timestampMs = time.read(reader.varbitInt(), isFirst);
    const count = counts[0].read(isFirst ? reader.varbitUint() : reader.varbitInt(), isFirst);
    const zeroCount = counts[1].read(isFirst ? reader.varbitUint() : reader.varbitInt(), isFirst);
    const sum = isFirst ? setWindow(window, reader.float64()) : reader.xor(window);
    const isStale = isStaleWindow(window);
    const buckets: number[] = [];
    if (isStale && !isFirst) return { timestampMs, count, zeroCount, sum, isStale, buckets };
    let running = 0;
    for (let k = 0; k < differences.length; k++) {
      if (k === positiveCount) running = 0;
      running += differences[k].read(reader.varbitInt(), isFirst);
      buckets.push(running);
    }
    return { timestampMs, count, zeroCount, sum, isStale, buckets };
  };
}

function floatReader(reader: BitReader, layout: Layout): SampleReader {
  const time = new SecondDifference();
  const windows: XorWindow[] = Array.from(
    { length: 3 + layout.positiveCount + layout.negativeCount },
    () => ({ low: 0, high: 0, leading: -1, trailing: 0 }),
  );
  return (index) => {
    const isFirst = index === 0;
    const read = (window: XorWindow) => (isFirst ? setWindow(window, reader.float64()) : reader.xor(window));
    const timestampMs = time.read(reader.varbitInt(), isFirst);
    const count = read(windows[0]);
    const zeroCount = read(windows[1]);
    const sum = read(windows[2]);
    const isStale = isStaleWindow(windows[2]);
    const buckets = isStale && !isFirst ? [] : windows.slice(3).map(read);
    return { timestampMs, count, zeroCount, sum, isStale, buckets };
  };
}

function histogramOf(layout: Layout, sample: RawSample, counterResetHint: CounterResetHint): FloatHistogram {
  if (sample.isStale) return staleHistogram();
  return {
    counterResetHint,
    schema: layout.schema,
    zeroThreshold: layout.zeroThreshold,
    zeroCount: sample.zeroCount,
    count: sample.count,
    sum: sample.sum,
    positiveSpans: layout.positiveSpans,
    negativeSpans: layout.negativeSpans,
    positiveBuckets: sample.buckets.slice(0, layout.positiveCount),
    negativeBuckets: sample.buckets.slice(layout.positiveCount),
    customValues: layout.customValues,
  };
}

/** `counterResetHint`: what was before the chunk is not known for sure, so its first sample says nothing. */
function hintOf(flags: number, index: number): CounterResetHint {
  if (flags === GAUGE) return "gauge";
  return index === 0 ? "unknown" : "not_reset";
}

function readLayout(reader: BitReader): Layout {
  const zeroThreshold = readZeroThreshold(reader);
  const schema = reader.varbitInt();
  const positiveSpans = readSpans(reader);
  const negativeSpans = readSpans(reader);
  const customValues = schema === CUSTOM_BUCKETS_SCHEMA ? readBounds(reader) : [];
  const positiveCount = bucketCount(positiveSpans);
  const negativeCount = bucketCount(negativeSpans);
  if (positiveCount + negativeCount > MAX_BUCKETS) throw new CorruptionError("too many buckets");
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues, positiveCount, negativeCount };
}

function readSpans(reader: BitReader): Span[] {
  const count = reader.varbitUint();
  if (count > reader.remainingBits) throw new CorruptionError("too many spans");
  return Array.from({ length: count }, () => {
    const length = reader.varbitUint();
    return { offset: reader.varbitInt(), length };
  });
}

function readBounds(reader: BitReader): number[] {
  const count = reader.varbitUint();
  if (count > reader.remainingBits) throw new CorruptionError("too many custom values");
  return Array.from({ length: count }, () => {
    const thousandths = reader.varbitUint();
    return thousandths === 0 ? reader.float64() : (thousandths - 1) / 1000;
  });
}

/** A bound in thousandths where it is exact and small, or in full. */
function writeBound(out: BitWriter, bound: number): void {
  const thousandths = Math.round(bound * 1000);
  if (bound < 0 || thousandths > 33554430 || thousandths / 1000 !== bound) {
    out.bits(0, 1);
    out.float64(bound);
  } else {
    out.varbitUint(thousandths + 1);
  }
}

/** A power of two in one byte, anything else in full. */
function writeZeroThreshold(out: BitWriter, threshold: number): void {
  const exponent = Math.log2(threshold) + 1;
  if (threshold === 0) {
    out.bits(0, 8);
  } else if (
    Number.isInteger(exponent) &&
    exponent >= -242 &&
    exponent <= 11 &&
    2 ** (exponent - 1) === threshold
  ) {
    out.bits(exponent + 243, 8);
  } else {
    out.bits(255, 8);
    out.float64(threshold);
  }
}

function readZeroThreshold(reader: BitReader): number {
  const byte = reader.bits(8);
  if (byte === 0) return 0;
  return byte === 255 ? reader.float64() : 2 ** (byte - 244);
}

function bucketCount(spans: Span[]): number {
  return spans.reduce((sum, span) => sum + span.length, 0);
}

/** A value that is written as how its change differs from its last change. */
class SecondDifference {
  #value = 0;
  #change = 0;

  first(value: number): number {
    this.#value = value;
    return value;
  }

  next(value: number): number {
    const change = value - this.#value;
    const difference = change - this.#change;
    this.#value = value;
    this.#change = change;
    return difference;
  }

  /** The value that `written` stands for. */
  read(written: number, isFirst: boolean): number {
    if (isFirst) return this.first(written);
    this.#change += written;
    this.#value += this.#change;
    return this.#value;
  }
}

/** What a processor sets in a NaN that passes through it. */
const QUIET_BIT = 0x80000;
const scratch = new Float64Array(1);
const halves = new Int32Array(scratch.buffer);

function setWindow(window: XorWindow, value: number): number {
  const { low, high } = bitsOf(value);
  window.low = low;
  window.high = high;
  return value;
}

/**
 * The halves of a float64. The stale marker comes out as itself, also after a processor has quieted it, which is why
 * it must not pass through a number again on its way to disk.
 */
export function bitsOf(value: number): { low: number; high: number } {
  scratch[0] = value;
  const [low, high] = halves;
  const isStale = low === STALE_LOW && (high & ~QUIET_BIT) === STALE_HIGH;
  return { low, high: isStale ? STALE_HIGH : high };
}

function isStaleWindow(window: XorWindow): boolean {
  return window.low === STALE_LOW && window.high === STALE_HIGH;
}

/** Whether a number is the stale marker, also after a processor has quieted it. */
export function isStaleNumber(value: number): boolean {
  const { low, high } = bitsOf(value);
  return low === STALE_LOW && high === STALE_HIGH;
}

function staleNumber(): number {
  halves[0] = STALE_LOW;
  halves[1] = STALE_HIGH;
  return scratch[0];
}

export function isStaleHistogram(histogram: FloatHistogram): boolean {
  return isStaleNumber(histogram.sum);
}

/** The histogram that says "this series has ended". */
export function staleHistogram(): FloatHistogram {
  return {
    counterResetHint: "unknown",
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: staleNumber(),
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: [],
    negativeBuckets: [],
    customValues: [],
  };
}
