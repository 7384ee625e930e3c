/**
 * Samples that came later than their series' newest one, within the out-of-order window (`tsdb/ooo_head.go`). They
 * are kept apart, logged in the `wbl` directory, and cut into blocks of their own, which compaction then merges.
 */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { type Interval, isDeleted } from "../tombstones.ts";

interface LateSeries {
  columns: SeriesColumns;
  isSorted: boolean;
}

type LateSamples = Map<number, LateSeries>;

export class OutOfOrderSamples {
  #current: LateSamples = new Map();
  /** What is being written to blocks. */
  #frozen: LateSamples | undefined;
  /** Of all samples here; Infinity and -Infinity when there are none. */
  minMs = Number.POSITIVE_INFINITY;
  maxMs = Number.NEGATIVE_INFINITY;

  get isEmpty(): boolean {
    return this.#current.size === 0 && this.#frozen === undefined;
  }

  has(slot: number): boolean {
    return this.#current.has(slot) || this.#frozen?.has(slot) === true;
  }

  /** Of the series that have samples here; some of them twice. */
  slots(): number[] {
    return [...this.#current.keys(), ...(this.#frozen?.keys() ?? [])];
  }

  addFloat(slot: number, timestampMs: number, low: number, high: number): void {
    this.#seriesOf(slot, timestampMs).floats.push(timestampMs, low, high);
  }

  addHistogram(slot: number, timestampMs: number, histogram: FloatHistogram): void {
    this.#seriesOf(slot, timestampMs).addHistogram(timestampMs, histogram);
  }

  /** Adds a series' samples in the range to `out`, behind what is there already: to be sorted by the caller. */
  read(slot: number, minMs: number, maxMs: number, out: SeriesColumns, deleted?: Interval[]): void {
    for (const samples of [this.#frozen, this.#current]) {
      const series = samples?.get(slot);
      if (series !== undefined) addWithin(sorted(series), minMs, maxMs, out, deleted);
    }
  }

  /** Whether the series has samples in the range. */
  hasIn(slot: number, minMs: number, maxMs: number): boolean {
    if (!this.has(slot) || this.minMs > maxMs || this.maxMs < minMs) return false;
    const columns = new SeriesColumns();
    this.read(slot, minMs, maxMs, columns);
    return columns.length > 0;
  }

  /** Puts what there is aside to be written; it can still be read. */
  freeze(): void {
    this.#frozen = this.#current;
    this.#current = new Map();
  }

  /** The slots of the series put aside. */
  frozenSlots(): number[] {
    return [...(this.#frozen?.keys() ?? [])];
  }

  readFrozen(slot: number, minMs: number, maxMs: number, out: SeriesColumns, deleted?: Interval[]): void {
    const series = this.#frozen?.get(slot);
    if (series !== undefined) addWithin(sorted(series), minMs, maxMs, out, deleted);
  }

  /** Forgets what was put aside: it is in blocks. */
  drop(): void {
    this.#frozen = undefined;
    this.minMs = Number.POSITIVE_INFINITY;
    this.maxMs = Number.NEGATIVE_INFINITY;
    for (const { columns } of this.#current.values()) {
      for (const times of [
        columns.floats.timestamps.subarray(0, columns.floats.length),
        columns.histograms.timestamps,
      ]) {
        for (const timestampMs of times) this.#noteTime(timestampMs);
      }
    }
  }

  /** Takes what was put aside back: it could not be written. */
  thaw(): void {
    for (const [slot, { columns }] of this.#frozen ?? []) {
      const series = this.#current.get(slot);
      if (series === undefined) {
        this.#current.set(slot, { columns, isSorted: true });
      } else {
        series.columns.addAll(columns);
        series.isSorted = false;
      }
    }
    this.#frozen = undefined;
  }

  renumber(moved: Int32Array): void {
    const move = (samples: LateSamples): LateSamples =>
      new Map(
        [...samples].filter(([slot]) => moved[slot] >= 0).map(([slot, series]) => [moved[slot], series]),
      );
    this.#current = move(this.#current);
    if (this.#frozen !== undefined) this.#frozen = move(this.#frozen);
  }

  #seriesOf(slot: number, timestampMs: number): SeriesColumns {
    this.#noteTime(timestampMs);
    let series = this.#current.get(slot);
    if (series === undefined) {
      series = { columns: new SeriesColumns(FIRST_CAPACITY), isSorted: false };
      this.#current.set(slot, series);
    }
    series.isSorted = false;
    return series.columns;
  }

  #noteTime(timestampMs: number): void {
    if (timestampMs < this.minMs) this.minMs = timestampMs;
    if (timestampMs > this.maxMs) this.maxMs = timestampMs;
  }
}

const FIRST_CAPACITY = 16;

function sorted(series: LateSeries): SeriesColumns {
  if (!series.isSorted) {
    // As upstream, which refuses another late sample for the time of one.
    series.columns.normalize("first");
    series.isSorted = true;
  }
  return series.columns;
}

function addWithin(
  from: SeriesColumns,
  minMs: number,
  maxMs: number,
  out: SeriesColumns,
  deleted?: Interval[],
): void {
  const isWanted = (timestampMs: number) =>
    timestampMs >= minMs &&
    timestampMs <= maxMs &&
    !(deleted !== undefined && isDeleted(deleted, timestampMs));
  const { timestamps, words, length } = from.floats;
  for (let i = 0; i < length; i++) {
    if (isWanted(timestamps[i])) out.floats.push(timestamps[i], words[2 * i], words[2 * i + 1]);
  }
  for (const [i, timestampMs] of from.histograms.timestamps.entries()) {
    if (isWanted(timestampMs)) out.addHistogram(timestampMs, from.histograms.histograms[i]);
  }
}
