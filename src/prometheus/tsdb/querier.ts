/** Reads series from blocks and the head together (`tsdb/querier.go`). */
import type { Clock } from "../../base/clock.ts";
import { compareLabels, compareStrings, type Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { NewestSamples, SelectHints, SeriesSamples, TimeRange } from "../storage.ts";
import type { Block } from "./block/block.ts";
import { SeriesColumns } from "./chunks/chunk-decoder.ts";
import type { DecodedSeries } from "./head/decoded-series.ts";
import type { Head } from "./head/head.ts";
import type { HeadMatcher } from "./head/head-matcher.ts";
import { NewestColumns } from "./head/newest-columns.ts";
import { firstIndex } from "./head/time-column.ts";
import { Pacer } from "./pacer.ts";
import { SeriesBuilder } from "./series-builder.ts";
import { BlockCursor, SeriesMerge } from "./series-merge.ts";
import { sortInSlices } from "./sliced-sort.ts";

/** Series between two looks at the clock. */
const SERIES_PER_CHECK = 32;
/** As many, where of each only the newest sample is looked at. */
const SLOTS_PER_CHECK = 1024;

export interface QuerierParts {
  head: Head;
  matcher: HeadMatcher;
  decoded: DecodedSeries;
  /** Those that overlap the range, held open by the caller, in order of time. */
  blocks: Block[];
  clock: Pick<Clock, "monotonic" | "sleep">;
  range: TimeRange;
  hints: SelectHints;
}

/** One query's way through the sources. Used within the head's read gate. */
export class Querier {
  readonly #parts: QuerierParts;
  readonly #pacer: Pacer;
  readonly #limit: number;
  readonly #maxSamples: number;

  constructor(parts: QuerierParts) {
    this.#parts = parts;
    this.#pacer = new Pacer(parts.clock);
    this.#limit = parts.hints.limit || Number.POSITIVE_INFINITY;
    this.#maxSamples = parts.hints.maxSamples || Number.POSITIVE_INFINITY;
  }

  async select(matchers: Matcher[]): Promise<SeriesSamples[]> {
    const { head, range, blocks } = this.#parts;
    const builder = new SeriesBuilder();
    const columns = new SeriesColumns();
    if (blocks.length === 0) return this.#selectHead(matchers, builder, columns);
    const out: SeriesSamples[] = [];
    let samples = 0;
    const merge = await this.#merge(matchers);
    for (let i = 0; out.length < this.#limit && samples < this.#maxSamples && merge.next(); i++) {
      columns.clear();
      for (const cursor of merge.from) {
        // Only where something has to come from the disk is there a promise.
        while (cursor.hasMore()) {
          const loading = cursor.prepare();
          if (loading !== undefined) await loading;
          cursor.take(range, columns);
        }
      }
      if (merge.slot >= 0) head.read(merge.slot, range.minMs, range.maxMs, columns);
      if (merge.from.length > 0) columns.normalize();
      const series = builder.build(merge.labels, columns);
      if (series !== undefined) out.push(series);
      samples += series?.timestamps.length ?? 0;
      if (i % SERIES_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pause();
    }
    return out;
  }

  /** The usual case, without a promise per series. */
  async #selectHead(
    matchers: Matcher[],
    builder: SeriesBuilder,
    columns: SeriesColumns,
  ): Promise<SeriesSamples[]> {
    const { head, matcher, decoded, range, hints } = this.#parts;
    const { minMs, maxMs } = range;
    const out: SeriesSamples[] = [];
    if (!this.#isHeadWanted()) return out;
    const slots = this.#behind(await matcher.sortedSlots(matchers));
    let samples = 0;
    decoded.begin();
    for (let i = 0; i < slots.length && out.length < this.#limit && samples < this.#maxSamples; i++) {
      const slot = slots[i];
      columns.clear();
      const newest = hints.newestOnly === true ? decoded.newest(slot, minMs, maxMs) : undefined;
      const series = newest ?? decoded.read(slot, minMs, maxMs);
      if (series === undefined) head.read(slot, minMs, maxMs, columns);
      else if (series.timestamps.length > 0) out.push(series);
      if (columns.length > 0) out.push(builder.build(head.labelsOf(slot), columns)!);
      samples += series?.timestamps.length ?? columns.length;
      if (i % SERIES_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pause();
    }
    return out;
  }

  /** Undefined where blocks, late or deleted samples or histograms have a say. */
  async newest(matchers: Matcher[]): Promise<NewestSamples | undefined> {
    const { head, matcher, range, blocks, hints } = this.#parts;
    if (blocks.length > 0) return undefined;
    const newest = new NewestColumns(hints.withoutLabels);
    if (!this.#isHeadWanted()) return newest.finish();
    const slots = await matcher.sortedSlots(matchers);
    newest.reserve(slots.length);
    for (let i = 0; i < slots.length; i++) {
      if (!newest.add(head, slots[i], range)) return undefined;
      if (i % SLOTS_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pause();
    }
    return newest.finish();
  }

  async series(matchers: Matcher[]): Promise<Labels[]> {
    const out: Labels[] = [];
    const merge = await this.#merge(matchers);
    while (out.length < this.#limit && merge.next()) {
      out.push(merge.labels);
      if (out.length % SERIES_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pause();
    }
    return out;
  }

  async labelNames(matchers: Matcher[]): Promise<string[]> {
    const names = new Set<string>();
    let seen = 0;
    if (matchers.length === 0) {
      for (const block of this.#parts.blocks) for (const name of block.index.labelNames()) names.add(name);
      if (this.#isHeadWanted()) for (const name of this.#parts.head.postings.names()) names.add(name);
    } else {
      for (const labels of await this.#allSeries(matchers)) {
        for (let i = 0; i < labels.flat.length; i += 2) names.add(labels.flat[i]);
        if (++seen % SLOTS_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pause();
      }
    }
    return [...names].sort(compareStrings).slice(0, this.#limit);
  }

  async labelValues(name: string, matchers: Matcher[]): Promise<string[]> {
    const { blocks, head } = this.#parts;
    const values = new Set<string>();
    const sources: Iterable<string>[] = [];
    if (matchers.length === 0) {
      for (const block of blocks) sources.push(block.index.labelValues(name));
      if (this.#isHeadWanted()) sources.push(head.postings.values(name));
    } else sources.push(valuesOf(await this.#allSeries(matchers), name));
    let seen = 0;
    for (const source of sources) {
      for (const value of source) {
        values.add(value);
        if (++seen % SLOTS_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pause();
      }
    }
    const sorted = await sortInSlices([...values], compareStrings, this.#pacer);
    return sorted.slice(0, this.#limit);
  }

  #allSeries(matchers: Matcher[]): Promise<Labels[]> {
    return new Querier({ ...this.#parts, hints: { ...this.#parts.hints, limit: 0 } }).series(matchers);
  }

  #isHeadWanted(): boolean {
    const { head, range } = this.#parts;
    return head.overlaps(range.minMs, range.maxMs);
  }

  async #merge(matchers: Matcher[]): Promise<SeriesMerge> {
    const { blocks, range, clock, hints, head, matcher } = this.#parts;
    const cursors: BlockCursor[] = [];
    for (const block of blocks) {
      cursors.push(new BlockCursor(block, await block.entries(matchers, range, clock, hints)));
    }
    const slots = this.#isHeadWanted() ? await matcher.sortedSlots(matchers) : new Int32Array(0);
    return new SeriesMerge(cursors, head, this.#behind(slots), range);
  }

  /** Of sorted slots those whose labels come behind `hints.after`. */
  #behind(slots: Int32Array): Int32Array {
    const { head, hints } = this.#parts;
    const { after } = hints;
    if (after === undefined) return slots;
    return slots.subarray(firstIndex(slots.length, (i) => compareLabels(head.labelsOf(slots[i]), after) > 0));
  }

  async #pause(): Promise<void> {
    await this.#pacer.pause(this.#parts.hints.signal);
  }
}

function* valuesOf(series: Labels[], name: string): IterableIterator<string> {
  for (const labels of series) {
    const value = labels.get(name);
    if (value !== "") yield value;
  }
}
