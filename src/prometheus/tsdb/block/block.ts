/** A block on disk, open for reading (`tsdb/block.go`). */
import type { Clock } from "../../../base/clock.ts";
import type { Disk } from "../../../base/disk.ts";
import { compareLabels, type Labels } from "../../../model/labels.ts";
import type { Matcher } from "../../matcher.ts";
import type { SelectHints, TimeRange } from "../../storage.ts";
import { CHUNKS_DIRECTORY, INDEX_FILE } from "../bytes/block-format.ts";
import { ChunkSegments, checkChunkSegments } from "../chunks/chunk-segment-reader.ts";
import { IndexReader, type IndexSeries } from "../index/index-reader.ts";
import type { ChunkReference } from "../index/index-writer.ts";
import { selectPostings } from "../index/postings-selection.ts";
import { Pacer } from "../pacer.ts";
import { readTombstoneFile, type Tombstones, writeTombstoneFile } from "../tombstones.ts";
import type { BlockMeta } from "../tsdb-options.ts";
import { readBlockMeta, writeBlockMeta } from "./block-meta.ts";

/** Index entries and selections that are kept per block. */
const MAX_KEPT_SERIES = 50_000;
const MAX_KEPT_SELECTIONS = 64;

/** A series of a selection, and its chunks that overlap the selection's range. */
export interface BlockEntry {
  number: number;
  labels: Labels;
  chunks: ChunkReference[];
}

export class Block {
  meta: BlockMeta;
  readonly directory: string;
  readonly index: IndexReader;
  readonly segments: ChunkSegments;
  readonly tombstones: Tombstones;
  readonly #disk: Disk;
  readonly #kept = new Map<number, IndexSeries>();
  readonly #selections = new Map<string, Int32Array>();
  #readers = 0;
  #onIdle: (() => void)[] = [];

  private constructor(
    disk: Disk,
    directory: string,
    meta: BlockMeta,
    index: IndexReader,
    stones: Tombstones,
  ) {
    this.#disk = disk;
    this.directory = directory;
    this.meta = meta;
    this.index = index;
    this.tombstones = stones;
    this.segments = new ChunkSegments(disk, `${directory}/${CHUNKS_DIRECTORY}`);
  }

  /** @throws CorruptionError */
  static async open(disk: Disk, directory: string, pacer: Pacer): Promise<Block> {
    const meta = await readBlockMeta(disk, directory);
    const tombstones = await readTombstoneFile(disk, directory);
    await checkChunkSegments(disk, `${directory}/${CHUNKS_DIRECTORY}`);
    const index = await IndexReader.open(disk, `${directory}/${INDEX_FILE}`, pacer);
    return new Block(disk, directory, meta, index, tombstones);
  }

  overlaps(range: TimeRange): boolean {
    return this.meta.minTime <= range.maxMs && this.meta.maxTime > range.minMs;
  }

  /** Keeps the block open while `use` runs. */
  acquire(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#readers === 0) for (const resume of this.#onIdle.splice(0)) resume();
  }

  /** Closes the files when nobody reads them any more. */
  async close(): Promise<void> {
    if (this.#readers > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    await this.segments.close();
    await this.index.close();
  }

  /** The series that match all matchers and have chunks in the range, sorted by labels. */
  async entries(
    matchers: Matcher[],
    range: TimeRange,
    clock: Pick<Clock, "monotonic" | "sleep">,
    { signal, after }: Pick<SelectHints, "signal" | "after"> = {},
  ): Promise<BlockEntry[]> {
    const pacer = new Pacer(clock);
    const found: BlockEntry[] = [];
    const numbers = await this.#numbers(matchers, pacer);
    const isWhole = this.meta.minTime >= range.minMs && this.meta.maxTime <= range.maxMs;
    for (const number of numbers) {
      let series = this.#kept.get(number);
      if (series === undefined) {
        const loading = this.index.prepareSeries(number);
        if (loading !== undefined) await loading;
        series = this.index.series(number);
        // A selection of very many would push everything else out.
        if (numbers.length <= MAX_KEPT_SERIES / 2) this.#keep(number, series);
      }
      const chunks = isWhole
        ? series.chunks
        : series.chunks.filter((chunk) => chunk.minMs <= range.maxMs && chunk.maxMs >= range.minMs);
      const isWanted = after === undefined || compareLabels(series.labels, after) > 0;
      if (isWanted && chunks.length > 0) found.push({ number, labels: series.labels, chunks });
      if (found.length % 64 === 0 && pacer.isDue()) await pacer.pause(signal);
    }
    return found;
  }

  async saveTombstones(): Promise<void> {
    await writeTombstoneFile(this.#disk, this.directory, this.tombstones);
    this.meta = { ...this.meta, stats: { ...this.meta.stats, numTombstones: this.tombstones.count } };
    await writeBlockMeta(this.#disk, this.directory, this.meta);
  }

  #keep(number: number, series: IndexSeries): void {
    if (this.#kept.size >= MAX_KEPT_SERIES) this.#kept.clear();
    this.#kept.set(number, series);
  }

  async #numbers(matchers: Matcher[], pacer: Pacer): Promise<Int32Array> {
    const key = JSON.stringify(matchers.map((m) => [m.name, m.operator, m.value]));
    const known = this.#selections.get(key);
    if (known !== undefined) return known;
    const numbers = await selectPostings(this.index, matchers, pacer);
    if (this.#selections.size >= MAX_KEPT_SELECTIONS) this.#selections.clear();
    this.#selections.set(key, numbers);
    return numbers;
  }
}
