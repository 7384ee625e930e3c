/** Reads series from blocks and the head together (`tsdb/querier.go`). */
import type { Clock } from "../../base/clock.ts";
import { compareLabels, compareStrings, type Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { SelectHints, SeriesSamples, TimeRange } from "../storage.ts";
import type { Block, BlockEntry } from "./block.ts";
import { SeriesColumns } from "./chunk-decoder.ts";
import { ChunkCursor } from "./chunk-segment-reader.ts";
import type { Head } from "./head.ts";
import type { HeadMatcher } from "./head-matcher.ts";
import { Pacer } from "./pacer.ts";
import { SeriesBuilder } from "./series-builder.ts";

/** Series between two looks at the clock. */
const SERIES_PER_CHECK = 32;

export interface QuerierParts {
  head: Head;
  matcher: HeadMatcher;
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

  constructor(parts: QuerierParts) {
    this.#parts = parts;
    this.#pacer = new Pacer(parts.clock);
    this.#limit = parts.hints.limit || Number.POSITIVE_INFINITY;
  }

  async select(matchers: Matcher[]): Promise<SeriesSamples[]> {
    const { head, range } = this.#parts;
    const builder = new SeriesBuilder();
    const columns = new SeriesColumns();
    const out: SeriesSamples[] = [];
    const cursors = await this.#cursors(matchers);
    if (cursors.length === 0) return this.#selectHead(matchers, builder, columns);
    let count = 0;
    for await (const { labels, slot, from } of this.#merged(matchers, cursors)) {
      columns.clear();
      for (const cursor of from) await cursor.read(range, columns);
      if (slot >= 0) head.read(slot, range.minMs, range.maxMs, columns);
      if (from.length > 0) columns.normalize();
      const series = builder.build(labels, columns);
      if (series !== undefined) out.push(series);
      if (out.length >= this.#limit) break;
      if (++count % SERIES_PER_CHECK === 0) await this.#breathe();
    }
    return out;
  }

  /** The usual case, without a promise per series. */
  async #selectHead(
    matchers: Matcher[],
    builder: SeriesBuilder,
    columns: SeriesColumns,
  ): Promise<SeriesSamples[]> {
    const { head, matcher, range, hints } = this.#parts;
    const { minMs, maxMs } = range;
    const out: SeriesSamples[] = [];
    if (!this.#isHeadWanted()) return out;
    const slots = await matcher.sortedSlots(matchers);
    for (let i = 0; i < slots.length && out.length < this.#limit; i++) {
      const slot = slots[i];
      columns.clear();
      if (hints.newestOnly !== true || !head.readLastFloat(slot, minMs, maxMs, columns.floats)) {
        head.read(slot, minMs, maxMs, columns);
      }
      if (columns.length > 0) out.push(builder.build(head.labelsOf(slot), columns)!);
      if (i % SERIES_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pacer.pause(hints.signal);
    }
    return out;
  }

  async series(matchers: Matcher[]): Promise<Labels[]> {
    const out: Labels[] = [];
    for await (const { labels } of this.#merged(matchers, await this.#cursors(matchers))) {
      out.push(labels);
      if (out.length >= this.#limit) break;
      if (out.length % SERIES_PER_CHECK === 0) await this.#breathe();
    }
    return out;
  }

  async labelNames(matchers: Matcher[]): Promise<string[]> {
    const names = new Set<string>();
    if (matchers.length === 0) {
      for (const block of this.#parts.blocks) for (const name of block.index.labelNames()) names.add(name);
      if (this.#isHeadWanted()) for (const name of this.#parts.head.postings.names()) names.add(name);
    } else {
      for (const labels of await this.#allSeries(matchers)) {
        for (let i = 0; i < labels.flat.length; i += 2) names.add(labels.flat[i]);
      }
    }
    return [...names].sort(compareStrings).slice(0, this.#limit);
  }

  async labelValues(name: string, matchers: Matcher[]): Promise<string[]> {
    const values = new Set<string>();
    if (matchers.length === 0) {
      for (const block of this.#parts.blocks)
        for (const value of block.index.labelValues(name)) values.add(value);
      if (this.#isHeadWanted()) for (const value of this.#parts.head.postings.values(name)) values.add(value);
    } else {
      for (const labels of await this.#allSeries(matchers)) {
        const value = labels.get(name);
        if (value !== "") values.add(value);
      }
    }
    return [...values].sort(compareStrings).slice(0, this.#limit);
  }

  #allSeries(matchers: Matcher[]): Promise<Labels[]> {
    return new Querier({ ...this.#parts, hints: { ...this.#parts.hints, limit: 0 } }).series(matchers);
  }

  #isHeadWanted(): boolean {
    const { head, range } = this.#parts;
    return head.overlaps(range.minMs, range.maxMs);
  }

  async #cursors(matchers: Matcher[]): Promise<BlockCursor[]> {
    const { blocks, range, clock, hints } = this.#parts;
    const cursors: BlockCursor[] = [];
    for (const block of blocks) {
      cursors.push(new BlockCursor(block, await block.entries(matchers, range, clock, hints.signal)));
    }
    return cursors;
  }

  /** Series of all sources by labels, each with where it is found; the head's slot, or -1. */
  async *#merged(
    matchers: Matcher[],
    cursors: BlockCursor[],
  ): AsyncGenerator<{ labels: Labels; slot: number; from: BlockCursor[] }> {
    const { head, matcher, range } = this.#parts;
    const slots = this.#isHeadWanted() ? await matcher.sortedSlots(matchers) : new Int32Array(0);
    let next = 0;
    const nextSlot = () => {
      while (next < slots.length && !head.hasChunksIn(slots[next], range.minMs, range.maxMs)) next++;
      return next < slots.length ? slots[next] : -1;
    };
    for (;;) {
      const slot = nextSlot();
      let labels = slot >= 0 ? head.labelsOf(slot) : undefined;
      let isHead = slot >= 0;
      let from: BlockCursor[] = [];
      for (const cursor of cursors) {
        const candidate = cursor.labels;
        if (candidate === undefined) continue;
        const order = labels === undefined ? -1 : compareLabels(candidate, labels);
        if (order > 0) continue;
        if (order < 0) {
          labels = candidate;
          isHead = false;
          from = [];
        }
        from.push(cursor);
      }
      if (labels === undefined) return;
      if (isHead) next++;
      yield { labels, slot: isHead ? slot : -1, from };
      for (const cursor of from) cursor.advance();
    }
  }

  async #breathe(): Promise<void> {
    if (this.#pacer.isDue()) await this.#pacer.pause(this.#parts.hints.signal);
  }
}

/** A block's selected series, one after another. */
class BlockCursor {
  readonly #block: Block;
  readonly #entries: BlockEntry[];
  readonly #chunks: ChunkCursor;
  #next = 0;

  constructor(block: Block, entries: BlockEntry[]) {
    this.#block = block;
    this.#entries = entries;
    this.#chunks = new ChunkCursor(
      block.segments,
      entries.flatMap((entry) => entry.chunks.map((chunk) => chunk.reference)),
    );
  }

  /** Of the current series; undefined behind the last. */
  get labels(): Labels | undefined {
    return this.#entries[this.#next]?.labels;
  }

  advance(): void {
    this.#next++;
  }

  /** Adds the current series' samples. Every series must be read once, or none. */
  async read(range: TimeRange, out: SeriesColumns): Promise<void> {
    const entry = this.#entries[this.#next];
    const deleted = this.#block.tombstones.get(entry.number);
    for (let i = 0; i < entry.chunks.length; i++) {
      const loading = this.#chunks.prepare();
      if (loading !== undefined) await loading;
      const { encoding, view, start, byteLength } = this.#chunks.take();
      out.addChunk(encoding, view, start, byteLength, range.minMs, range.maxMs, deleted);
    }
  }
}
