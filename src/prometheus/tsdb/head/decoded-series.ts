/**
 * Float samples of the head's series as they were decoded for the last queries. Dashboards and rules ask for the same
 * series again and again, and decoding is most of what a query over many series costs; of a series that is kept, only
 * what has been appended since is read.
 *
 * Kept is always the end of a series, from the beginning of some chunk on. What one selection reads is never thrown
 * out for its own sake, so that one too large to be kept leaves what others need.
 */
import type { SeriesSamples } from "../../storage.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import type { SampleColumns } from "../chunks/sample-columns.ts";
import {
  F_LAST_TIME,
  ROW_FLOATS,
  ROW_WORDS,
  W_SAMPLES,
  W_VALUE_HIGH,
  W_VALUE_LOW,
} from "../chunks/xor-chunk.ts";
import { NO_PIECE } from "./chunk-pool.ts";
import type { Head } from "./head.ts";
import { F_CHUNK_MIN, NO_CHUNK, PAGE_BITS, PAGE_MASK, W_CLOSED, W_PIECE } from "./series-table.ts";
import { capacityFor, TimeColumn } from "./time-column.ts";

/** What is kept in all. */
export const MAX_DECODED_BYTES = 64 * 1024 * 1024;
/** Values lie one behind another in slabs of this many, which come and go as a whole. */
const SLAB_VALUES = 16 * 1024;
/** What a series takes besides its values. */
const SERIES_BYTES = 512;
/** Series of which the newest sample is kept; beyond that all are forgotten. */
export const MAX_NEWEST = 32_768;
/** Columns of timestamps, by their first, in which other series may have a share. */
const MAX_SHARED_COLUMNS = 1024;

interface Slab {
  values: Float64Array;
  words: Uint32Array;
  used: number;
  bytes: number;
  slots: number[];
  /** The selection that read it last. */
  usedBy: number;
}

interface KeptSeries {
  slab: Slab;
  /** With room behind the last. */
  values: Float64Array;
  /** Two words per value, low half first: values move by their words, so NaNs stay what they are. */
  words: Uint32Array;
  length: number;
  times: TimeColumn;
  /** Everything after it is kept. */
  afterMs: number;
  lastMs: number;
  /** Where the open chunk began when it was last looked at, and how many samples it had. */
  chunkMs: number;
  chunkSamples: number;
  hasNaN: boolean;
  falls: boolean;
  /** What was answered last. */
  answer: SeriesSamples | undefined;
}

const NOTHING = new Float64Array(0);

export class DecodedSeries {
  readonly #head: Head;
  readonly #maxBytes: number;
  readonly #columns = new SeriesColumns();
  readonly #shared = new Map<number, TimeColumn>();
  readonly #kept = new Map<number, KeptSeries>();
  readonly #newest = new Map<number, SeriesSamples>();
  #newestTimes = NOTHING;
  #slabs: Slab[] = [];
  #slab: Slab | undefined;
  #bytes = 0;
  #truncations = 0;
  #selection = 0;
  /** The selection that found no room last. */
  #fullFor = -1;

  /** To be used within the head's read gate. */
  constructor(head: Head, maxBytes = MAX_DECODED_BYTES) {
    this.#head = head;
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  /** To be called before the series of a selection are read. */
  begin(): void {
    this.#selection++;
  }

  /**
   * A series' samples in the range, which may be none. Undefined where they are to be read from the head itself:
   * ranges that end before the open chunk, histograms, late and deleted samples, and when there is no room.
   */
  read(slot: number, minMs: number, maxMs: number): SeriesSamples | undefined {
    const head = this.#head;
    if (head.truncations !== this.#truncations) this.#clear();
    const { words, floats } = head.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    if (words[row * ROW_WORDS + W_PIECE] === NO_PIECE || head.isMixed(slot)) return undefined;
    let kept = this.#kept.get(slot);
    if (kept === undefined || kept.afterMs >= minMs) {
      // Decoded in vain, series that can't be kept would cost twice.
      if (this.#fullFor === this.#selection) return undefined;
      if (maxMs < floats[row * ROW_FLOATS + F_CHUNK_MIN]) return undefined;
      kept = this.#keep(slot, minMs);
    } else if (kept.lastMs !== floats[row * ROW_FLOATS + F_LAST_TIME]) kept = this.#catchUp(slot, kept);
    if (kept === undefined) return undefined;
    kept.slab.usedBy = this.#selection;
    const { from, to, times } = kept.times.window(minMs, maxMs, kept.length);
    const { answer } = kept;
    if (answer !== undefined && answer.timestamps === times && answer.values.length === times.length)
      return answer;
    const values = to === from ? NOTHING : kept.values.subarray(from, to);
    kept.answer = {
      labels: head.labelsOf(slot),
      timestamps: times,
      values,
      hasNaN: kept.hasNaN,
      falls: kept.falls,
    };
    return kept.answer;
  }

  /** The newest sample alone, where it is a float in the range; else undefined. */
  newest(slot: number, minMs: number, maxMs: number): SeriesSamples | undefined {
    const head = this.#head;
    if (head.truncations !== this.#truncations) this.#clear();
    const { floats } = this.#columns;
    floats.clear();
    if (!head.readLastFloat(slot, minMs, maxMs, floats)) return undefined;
    const timestampMs = floats.timestamps[0];
    const kept = this.#newest.get(slot);
    if (kept !== undefined && kept.timestamps[0] === timestampMs) return kept;
    if (this.#newestTimes[0] !== timestampMs) this.#newestTimes = Float64Array.of(timestampMs);
    const values = new Float64Array(1);
    if (Number.isNaN(floats.values[0])) new Uint32Array(values.buffer).set(floats.words.subarray(0, 2));
    else values[0] = floats.values[0];
    const made: SeriesSamples = { labels: head.labelsOf(slot), timestamps: this.#newestTimes, values };
    if (this.#newest.size >= MAX_NEWEST) this.#newest.clear();
    this.#newest.set(slot, made);
    return made;
  }

  /** Decodes the series from the chunk on that holds `minMs`. Undefined when it can't be kept. */
  #keep(slot: number, minMs: number): KeptSeries | undefined {
    const afterMs = this.#chunkBefore(slot, minMs);
    this.#drop(slot);
    const columns = this.#columns;
    columns.clear();
    this.#head.readInOrder(slot, afterMs + 1, Number.POSITIVE_INFINITY, columns);
    const { floats } = columns;
    if (columns.histograms.timestamps.length > 0 || floats.length === 0) return undefined;
    return this.#add(slot, floats, afterMs, this.#sharedColumn(floats));
  }

  /** Where the newest chunk ends that has nothing from `minMs` on; without one it is the beginning of time. */
  #chunkBefore(slot: number, minMs: number): number {
    const { table } = this.#head;
    const { closed } = this.#head.chunks;
    let chunk = table.pages[slot >>> PAGE_BITS].words[(slot & PAGE_MASK) * ROW_WORDS + W_CLOSED];
    while (chunk !== NO_CHUNK && closed.maxMs(chunk) >= minMs) chunk = closed.older(chunk);
    return chunk === NO_CHUNK ? Number.NEGATIVE_INFINITY : closed.maxMs(chunk);
  }

  /** Adds what was appended since. */
  #catchUp(slot: number, kept: KeptSeries): KeptSeries | undefined {
    const { words, floats } = this.#head.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    const w = row * ROW_WORDS;
    const f = row * ROW_FLOATS;
    const columns = this.#columns;
    columns.clear();
    if (floats[f + F_CHUNK_MIN] === kept.chunkMs && words[w + W_SAMPLES] === kept.chunkSamples + 1) {
      // A single sample is the one from which the encoder goes on.
      columns.floats.push(floats[f + F_LAST_TIME], words[w + W_VALUE_LOW], words[w + W_VALUE_HIGH]);
    } else {
      this.#head.readInOrder(slot, kept.lastMs + 1, Number.POSITIVE_INFINITY, columns);
    }
    const added = columns.floats;
    if (columns.histograms.timestamps.length > 0 || added.length === 0) {
      this.#drop(slot);
      return undefined;
    }
    const length = kept.length + added.length;
    if (length > kept.values.length) return this.#move(slot, kept, added);
    append(kept, added);
    this.#noteChunk(slot, kept);
    return kept;
  }

  /** To where there is more room. */
  #move(slot: number, kept: KeptSeries, added: SampleColumns): KeptSeries | undefined {
    const all = new SeriesColumns(kept.length + added.length).floats;
    all.timestamps.set(kept.times.times.subarray(0, kept.length));
    all.words.set(kept.words.subarray(0, 2 * kept.length));
    all.length = kept.length;
    let { times } = kept;
    for (let i = 0; i < added.length; i++) {
      times = times.followedBy(all.length, added.timestamps[i]);
      all.push(added.timestamps[i], added.words[2 * i], added.words[2 * i + 1]);
    }
    this.#drop(slot);
    return this.#add(slot, all, kept.afterMs, times);
  }

  #add(slot: number, floats: SampleColumns, afterMs: number, times: TimeColumn): KeptSeries | undefined {
    const { length } = floats;
    const capacity = capacityFor(length);
    const slab = this.#slabFor(capacity);
    if (slab === undefined) return undefined;
    const start = slab.used;
    slab.used += capacity;
    slab.slots.push(slot);
    this.#count(SERIES_BYTES);
    const kept: KeptSeries = {
      slab,
      values: slab.values.subarray(start, start + capacity),
      words: slab.words.subarray(2 * start, 2 * (start + capacity)),
      length,
      times,
      afterMs,
      lastMs: floats.timestamps[length - 1],
      chunkMs: 0,
      chunkSamples: 0,
      hasNaN: false,
      falls: false,
      answer: undefined,
    };
    kept.words.set(floats.words.subarray(0, 2 * length));
    noteFacts(kept, 0);
    this.#noteChunk(slot, kept);
    this.#kept.set(slot, kept);
    return kept;
  }

  #noteChunk(slot: number, kept: KeptSeries): void {
    const { words, floats } = this.#head.table.pages[slot >>> PAGE_BITS];
    const row = slot & PAGE_MASK;
    kept.chunkMs = floats[row * ROW_FLOATS + F_CHUNK_MIN];
    kept.chunkSamples = words[row * ROW_WORDS + W_SAMPLES];
  }

  #sharedColumn({ timestamps, length }: SampleColumns): TimeColumn {
    const shared = this.#shared.get(timestamps[0]);
    if (shared?.isAlike(timestamps, length)) {
      let column = shared;
      for (let i = column.length; i < length; i++) column = column.followedBy(i, timestamps[i]);
      return column;
    }
    const column = new TimeColumn(timestamps, length);
    if (this.#shared.size >= MAX_SHARED_COLUMNS) this.#shared.clear();
    this.#shared.set(timestamps[0], column);
    this.#count(column.times.byteLength);
    return column;
  }

  /** Goes when the slab goes. */
  #count(bytes: number): void {
    if (this.#slab === undefined) return;
    this.#slab.bytes += bytes;
    this.#bytes += bytes;
  }

  /** One with room for so many values; undefined when everything that is kept is in use. */
  #slabFor(capacity: number): Slab | undefined {
    if (this.#slab !== undefined && this.#slab.used + capacity <= this.#slab.values.length) return this.#slab;
    const bytes = 8 * Math.max(SLAB_VALUES, capacity);
    while (this.#bytes + bytes > this.#maxBytes) {
      if (this.#dropOldest()) continue;
      this.#fullFor = this.#selection;
      return undefined;
    }
    const values = new Float64Array(bytes / 8);
    const words = new Uint32Array(values.buffer);
    this.#slab = { values, words, used: 0, bytes, slots: [], usedBy: this.#selection };
    this.#slabs.push(this.#slab);
    this.#bytes += bytes;
    return this.#slab;
  }

  /** @returns false when there is none that this selection has not read */
  #dropOldest(): boolean {
    let oldest: Slab | undefined;
    for (const slab of this.#slabs) if (oldest === undefined || slab.usedBy < oldest.usedBy) oldest = slab;
    if (oldest === undefined || oldest.usedBy >= this.#selection) return false;
    for (const slot of oldest.slots) if (this.#kept.get(slot)?.slab === oldest) this.#kept.delete(slot);
    this.#release(oldest);
    return true;
  }

  #drop(slot: number): void {
    const kept = this.#kept.get(slot);
    if (kept === undefined) return;
    this.#kept.delete(slot);
    const { slab } = kept;
    slab.slots.splice(slab.slots.indexOf(slot), 1);
    if (slab.slots.length === 0 && slab !== this.#slab) this.#release(slab);
  }

  #release(slab: Slab): void {
    this.#slabs.splice(this.#slabs.indexOf(slab), 1);
    this.#bytes -= slab.bytes;
    if (slab === this.#slab) this.#slab = undefined;
  }

  #clear(): void {
    this.#truncations = this.#head.truncations;
    this.#kept.clear();
    this.#slabs = [];
    this.#slab = undefined;
    this.#bytes = 0;
    this.#shared.clear();
    this.#newest.clear();
  }
}

function append(kept: KeptSeries, { timestamps, words, length }: SampleColumns): void {
  const before = kept.length;
  for (let i = 0; i < length; i++) {
    const at = before + i;
    kept.times = kept.times.followedBy(at, timestamps[i]);
    kept.words[2 * at] = words[2 * i];
    kept.words[2 * at + 1] = words[2 * i + 1];
  }
  kept.length += length;
  kept.lastMs = timestamps[length - 1];
  noteFacts(kept, before);
}

/** Looks at the values from index `start` on. */
function noteFacts(kept: KeptSeries, start: number): void {
  const { values, length } = kept;
  let { hasNaN, falls } = kept;
  let before = start > 0 ? values[start - 1] : Number.NEGATIVE_INFINITY;
  for (let i = start; i < length; i++) {
    const value = values[i];
    if (value < before) falls = true;
    else if (Number.isNaN(value)) hasNaN = true;
    before = value;
  }
  kept.hasNaN = hasNaN;
  kept.falls = falls;
}
