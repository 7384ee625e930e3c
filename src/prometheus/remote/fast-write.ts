/**
 * The quick way for the usual remote-write 1.0 request: series with labels first and float samples after them, taken
 * straight from the bytes. Anything else (exemplars, histograms, metadata, labels apart) is left to the general way,
 * before any of it was stored.
 */
import type { Labels } from "../../model/labels.ts";
import { decodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { AppendError, type SeriesRef, STALE_HIGH, STALE_LOW } from "../storage.ts";
import { SeriesCache, type TsdbAppender } from "../tsdb/mod.ts";
import { LabelFields } from "./label-fields.ts";
import {
  type FastWrite,
  invalidLabels,
  reasonOf,
  type WriteOutcome,
  withoutEmpty,
} from "./write-receiver.ts";

/** The NaN that ends a series, after a processor has quieted it. */
const STALE_HIGH_QUIET = 0x7ff80000;

/** A sample message whose time takes six bytes: tag, length, value with its tag, time with its tag. */
const USUAL_SAMPLE_BYTES = 18;
/** How it begins: its tag, its length, the value's tag. */
const USUAL_SAMPLE_START = 0x121009;
const NOT_TWO_BYTES = 0x10000;

/** Of a label within a time series. */
const LABEL_TAG = 0x0a;

export interface FastWriteOptions {
  appender: () => TsdbAppender;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Samples this far in the future are refused. */
  maxAheadMs: number;
  /** Any number that senders can't know. */
  hashSeed: number;
}

export function createFastWrite(options: FastWriteOptions): FastWrite {
  const cache = new SeriesCache({ hashSeed: options.hashSeed });
  const fields = new LabelFields();
  /** Appenders at rest: as many as requests were ever under way at once. */
  const idle: TsdbAppender[] = [];
  return {
    async write(payload) {
      const appender = idle.pop() ?? options.appender();
      const reader = new RequestReader(
        payload,
        { cache, fields, appender },
        options.now() + options.maxAheadMs,
      );
      let isUsual: boolean;
      try {
        isUsual = reader.read();
      } catch (error) {
        appender.rollback();
        throw error;
      }
      if (!isUsual) {
        appender.rollback();
        return undefined;
      }
      // Refused as a whole, as the general way does.
      if (reader.outcome.problem !== "") appender.rollback();
      else await appender.commit();
      idle.push(appender);
      return reader.outcome;
    },
  };
}

interface ReaderParts {
  cache: SeriesCache;
  fields: LabelFields;
  appender: TsdbAppender;
}

class RequestReader {
  readonly outcome: WriteOutcome = { samples: 0, histograms: 0, exemplars: 0, problem: "" };
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #cache: SeriesCache;
  readonly #fields: LabelFields;
  readonly #appender: TsdbAppender;
  readonly #latestMs: number;
  #position = 0;

  constructor(bytes: Uint8Array, { cache, fields, appender }: ReaderParts, latestMs: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#cache = cache;
    this.#fields = fields;
    this.#appender = appender;
    this.#latestMs = latestMs;
  }

  /** Answers false when the request is not of the usual form, or malformed: the general way tells what is wrong. */
  read(): boolean {
    const bytes = this.#bytes;
    while (this.#position < bytes.length) {
      if (bytes[this.#position++] !== 0x0a) return false;
      const length = this.#varint();
      const end = this.#position + length;
      if (length < 0 || end > bytes.length) return false;
      if (!this.#series(end)) return false;
    }
    return true;
  }

  #series(end: number): boolean {
    const start = this.#position;
    const bytes = this.#bytes;
    const cache = this.#cache;
    let ref: SeriesRef;
    const expected = start + cache.expectedLength(bytes, start, end);
    // Another label may follow; then it is another series.
    if (expected > start && bytes[expected] !== LABEL_TAG) {
      this.#position = expected;
      ref = cache.takeExpected();
    } else {
      if (!this.#skipLabels(end)) return false;
      ref = cache.find(bytes, start, this.#position);
    }
    const labelsEnd = this.#position;
    while (this.#position < end) {
      if (!this.#sampleOfSameTime(end) && !this.#sample(end)) return false;
      if (ref !== 0 && this.#append(ref)) continue;
      // A series that is new, or that the store has forgotten.
      ref = this.#appendNew(start, labelsEnd);
      if (ref !== 0) cache.set(bytes, start, labelsEnd, ref);
    }
    return this.#position === end;
  }

  #timestampMs = 0;
  /** The bytes that said that time, in a sample message of the usual form; else what no bytes are. */
  #timeStart = 0;
  #timeEnd = NOT_TWO_BYTES;
  #low = 0;
  #high = 0;

  /** Reads a sample message of the usual form that has the time of the one before it, which is compared as bytes. */
  #sampleOfSameTime(end: number): boolean {
    const at = this.#position;
    if (at + USUAL_SAMPLE_BYTES > end) return false;
    const view = this.#view;
    const isUsual = view.getInt32(at) >>> 8 === USUAL_SAMPLE_START && view.getUint8(at + 11) === 0x10;
    if (!isUsual || view.getInt32(at + 12) !== this.#timeStart || view.getInt16(at + 16) !== this.#timeEnd)
      return false;
    this.#low = view.getInt32(at + 3, true);
    this.#high = view.getInt32(at + 7, true);
    this.#position = at + USUAL_SAMPLE_BYTES;
    return true;
  }

  /** Reads one sample message. */
  #sample(end: number): boolean {
    const bytes = this.#bytes;
    if (bytes[this.#position] !== 0x12) return false;
    this.#position++;
    const length = this.#varint();
    const sampleEnd = this.#position + length;
    if (length < 0 || sampleEnd > end) return false;
    this.#low = 0;
    this.#high = 0;
    this.#timestampMs = 0;
    while (this.#position < sampleEnd) {
      const tag = bytes[this.#position++];
      if (tag === 0x09) {
        if (this.#position + 8 > sampleEnd) return false;
        this.#low = this.#view.getInt32(this.#position, true);
        this.#high = this.#view.getInt32(this.#position + 4, true);
        this.#position += 8;
      } else if (tag === 0x10) {
        this.#timestampMs = this.#varint();
        if (this.#timestampMs < 0) return false;
      } else return false;
    }
    if (this.#position !== sampleEnd) return false;
    this.#noteTime(sampleEnd);
    return true;
  }

  /** Remembers which bytes said the time of the sample that ends here. */
  #noteTime(end: number): void {
    const at = end - USUAL_SAMPLE_BYTES;
    const view = this.#view;
    const isUsual =
      at >= 0 && view.getInt32(at) >>> 8 === USUAL_SAMPLE_START && view.getUint8(at + 11) === 0x10;
    this.#timeStart = isUsual ? view.getInt32(at + 12) : 0;
    this.#timeEnd = isUsual ? view.getInt16(at + 16) : NOT_TWO_BYTES;
  }

  #append(ref: SeriesRef): boolean {
    const timestampMs = this.#timestampMs;
    try {
      if (timestampMs > this.#latestMs) throw new AppendError("out of bounds");
      if (!this.#appender.appendKnownBits(ref, timestampMs, this.#low, this.#high)) return false;
      this.outcome.samples++;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      this.#tell(error);
    }
    return true;
  }

  /** Answers 0 when the sample, or its labels, are refused. */
  #appendNew(start: number, labelsEnd: number): SeriesRef {
    const timestampMs = this.#timestampMs;
    const fields = this.#fields;
    try {
      const length = fields.read(this.#bytes, start, labelsEnd);
      if (length < 0) return this.#appendUnusual(decodeLabels(this.#bytes, start, labelsEnd));
      if (timestampMs > this.#latestMs) throw new AppendError("out of bounds");
      const ref = this.#appender.appendKey(fields.bytes, 0, length, timestampMs, this.#low, this.#high);
      this.outcome.samples++;
      return ref;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      this.#tell(error);
      return 0;
    }
  }

  /** @throws AppendError */
  #appendUnusual(labels: Labels): SeriesRef {
    const problem = invalidLabels(labels);
    if (problem !== undefined) {
      this.outcome.leftOut ??= problem;
      this.outcome.invalidLabelSamples = (this.outcome.invalidLabelSamples ?? 0) + 1;
      return 0;
    }
    const timestampMs = this.#timestampMs;
    if (timestampMs > this.#latestMs) throw new AppendError("out of bounds");
    const isStale = this.#low === STALE_LOW && (this.#high === STALE_HIGH || this.#high === STALE_HIGH_QUIET);
    const ref = isStale
      ? this.#appender.appendStale(0, withoutEmpty(labels), timestampMs)
      : this.#appender.append(0, withoutEmpty(labels), timestampMs, doubleOf(this.#low, this.#high));
    this.outcome.samples++;
    return ref;
  }

  #tell(error: AppendError): void {
    const isAhead = this.#timestampMs > this.#latestMs;
    this.outcome.problem ||= isAhead
      ? `${error.reason}: timestamp is too far in the future`
      : reasonOf(error);
  }

  #skipLabels(end: number): boolean {
    const bytes = this.#bytes;
    while (this.#position < end && bytes[this.#position] === LABEL_TAG) {
      this.#position++;
      const length = this.#varint();
      if (length < 0 || this.#position + length > end) return false;
      this.#position += length;
    }
    return true;
  }

  /** An unsigned varint up to 2^53, or -1 when it is longer, negative or cut off. */
  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#position++];
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    for (let i = 1; i < 8; i++) {
      byte = bytes[this.#position++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : -1;
      factor *= 0x80;
    }
    return -1;
  }
}

const words = new Int32Array(2);
const double = new Float64Array(words.buffer);

function doubleOf(low: number, high: number): number {
  words[0] = low;
  words[1] = high;
  return double[0];
}

/** The labels as the general decoder reads them: from a request of this one series without samples. */
function decodeLabels(bytes: Uint8Array, start: number, end: number): Labels {
  const length = end - start;
  const head: number[] = [0x0a];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  const request = new Uint8Array(head.length + length);
  request.set(head);
  request.set(bytes.subarray(start, end), head.length);
  return decodeWriteRequestV1(request).series[0].labels;
}
