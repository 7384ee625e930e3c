/**
 * Writes a block's index, version 2 (`tsdb/index/index.go`):
 *
 * ```
 * magic BAAAD700 <4b> │ version 2 <1b> │ symbols │ series │ postings │ postings offset table │ TOC
 *
 * symbols:  len <4b> │ count <4b> │ { text with length } sorted │ CRC <4b>
 * series:   each at a multiple of 16, its number is offset/16:
 *           len <uvarint> │ labels <uvarint> │ { name, value as symbol numbers } │ chunks <uvarint>
 *           │ { min time, duration, reference; from the second on as differences } │ CRC <4b>
 * postings: each at a multiple of 4: len <4b> │ count <4b> │ series numbers <4b> … │ CRC <4b>
 * table:    len <4b> │ count <4b> │ { 2 │ name │ value │ offset of the postings <uvarint> } sorted │ CRC <4b>
 * TOC:      offsets <8b> of symbols, series, label indexes, their table, postings, table │ CRC <4b>
 * ```
 * The label indexes are what upstream no longer reads; they are left out, with both offsets at the postings.
 */
import type { Disk } from "../../base/disk.ts";
import { compareStrings, type Labels } from "../../model/labels.ts";
import { INDEX_MAGIC, INDEX_VERSION, SERIES_ALIGNMENT } from "./block-format.ts";
import { ByteWriter } from "./byte-writer.ts";
import { crc32c } from "./crc32c.ts";
import { FileAppender } from "./file-appender.ts";
import type { Pacer } from "./pacer.ts";

export interface ChunkReference {
  minMs: number;
  maxMs: number;
  reference: number;
}

/** Steps between two looks at the clock. */
const STEPS_PER_CHECK = 256;
/** Sorting more numbers than this in one go would take too long. */
const MAX_SORTED_AT_ONCE = 20_000;

export class IndexWriter {
  readonly #file: FileAppender;
  readonly #pacer: Pacer;
  readonly #numbers = new Map<string, number>();
  /** Series numbers by value number by name number. */
  readonly #postings = new Map<number, Map<number, NumberList>>();
  readonly #all = new NumberList();
  readonly #entry = new ByteWriter();
  #symbols: string[] = [];
  #symbolsStart = 0;
  #seriesStart = 0;
  #lastName = -1;
  #lastValues: Map<number, NumberList> = new Map();

  private constructor(file: FileAppender, pacer: Pacer) {
    this.#file = file;
    this.#pacer = pacer;
  }

  /** @param symbols unique, sorted by `compareStrings` */
  static async create(disk: Disk, path: string, symbols: string[], pacer: Pacer): Promise<IndexWriter> {
    const writer = new IndexWriter(await FileAppender.create(disk, path), pacer);
    await writer.#writeSymbols(symbols);
    return writer;
  }

  /** Series come sorted by labels. `flush` is to be awaited when `needsFlush`. */
  addSeries(labels: Labels, chunks: ChunkReference[]): void {
    this.#file.pad(SERIES_ALIGNMENT);
    const series = this.#file.position / SERIES_ALIGNMENT;
    const entry = this.#entry;
    entry.clear();
    const { flat } = labels;
    entry.uvarint(flat.length / 2);
    for (let i = 0; i < flat.length; i += 2) {
      const name = this.#numbers.get(flat[i])!;
      const value = this.#numbers.get(flat[i + 1])!;
      entry.uvarint(name);
      entry.uvarint(value);
      this.#note(name, value, series);
    }
    this.#all.push(series);
    writeChunkReferences(entry, chunks);
    const { out } = this.#file;
    out.uvarint(entry.length);
    out.raw(entry.bytes, 0, entry.length);
    out.u32(crc32c(entry.bytes, 0, entry.length));
  }

  needsFlush(): boolean {
    return this.#file.isLarge();
  }

  async flush(): Promise<void> {
    await this.#file.flush();
  }

  async finish(): Promise<void> {
    const file = this.#file;
    file.pad(4);
    const postingsStart = file.position;
    const table = new ByteWriter(1 << 16);
    let lists = 1;
    const write = (name: string, value: string, list: NumberList) => {
      table.uvarint(2);
      table.string(name);
      table.string(value);
      table.uvarint(file.position);
      writePostings(file.out, list);
    };
    write("", "", this.#all);
    const names = [...this.#postings.keys()].sort((a, b) => a - b);
    for (const name of names) {
      const values = this.#postings.get(name)!;
      for (const value of await this.#ascending(values)) {
        write(this.#symbols[name], this.#symbols[value], values.get(value)!);
        lists++;
        if (lists % STEPS_PER_CHECK === 0) {
          if (file.isLarge()) await file.flush();
          if (this.#pacer.isDue()) await this.#pacer.pause();
        }
      }
    }
    file.pad(4);
    const tableStart = file.position;
    await file.flush();
    file.out.u32(table.length + 4);
    file.beginChecksum();
    file.out.u32(lists);
    file.out.raw(table.bytes, 0, table.length);
    file.endChecksum();
    file.beginChecksum();
    for (const offset of [
      this.#symbolsStart,
      this.#seriesStart,
      postingsStart,
      postingsStart,
      postingsStart,
      tableStart,
    ]) {
      file.out.u64(offset);
    }
    file.endChecksum();
    await file.finish();
  }

  /** Symbol numbers sort as the symbols do. */
  async #ascending(values: ReadonlyMap<number, unknown>): Promise<Uint32Array> {
    if (values.size < MAX_SORTED_AT_ONCE) return Uint32Array.from(values.keys()).sort();
    const order = new Uint32Array(values.size);
    let count = 0;
    for (let symbol = 0; symbol < this.#symbols.length; symbol++) {
      if (values.has(symbol)) order[count++] = symbol;
      if (symbol % STEPS_PER_CHECK === 0 && this.#pacer.isDue()) await this.#pacer.pause();
    }
    return order;
  }

  async abandon(): Promise<void> {
    await this.#file.abandon();
  }

  #note(name: number, value: number, series: number): void {
    if (name !== this.#lastName) {
      let values = this.#postings.get(name);
      if (values === undefined) this.#postings.set(name, (values = new Map()));
      this.#lastName = name;
      this.#lastValues = values;
    }
    const list = this.#lastValues.get(value);
    if (list === undefined) this.#lastValues.set(value, new NumberList(series));
    else list.push(series);
  }

  async #writeSymbols(symbols: string[]): Promise<void> {
    const file = this.#file;
    file.out.u32(INDEX_MAGIC);
    file.out.u8(INDEX_VERSION);
    this.#symbols = symbols;
    this.#symbolsStart = file.position;
    file.out.u32(0);
    file.beginChecksum();
    file.out.u32(symbols.length);
    for (const [number, symbol] of symbols.entries()) {
      this.#numbers.set(symbol, number);
      file.out.string(symbol);
      if (number % STEPS_PER_CHECK === 0) {
        if (file.isLarge()) await file.flush();
        if (this.#pacer.isDue()) await this.#pacer.pause();
      }
    }
    const length = new ByteWriter();
    length.u32(file.position - this.#symbolsStart - 4);
    file.endChecksum();
    await file.flush();
    await file.patch(this.#symbolsStart, length.written());
    file.pad(SERIES_ALIGNMENT);
    this.#seriesStart = file.position;
  }
}

/** Unique and in the index's order. */
export function sortedSymbols(symbols: Iterable<string>): string[] {
  return [...new Set(symbols)].sort(compareStrings);
}

function writeChunkReferences(out: ByteWriter, chunks: ChunkReference[]): void {
  out.uvarint(chunks.length);
  let last: ChunkReference | undefined;
  for (const chunk of chunks) {
    if (last === undefined) out.varint(chunk.minMs);
    else out.uvarint(chunk.minMs - last.maxMs);
    out.uvarint(chunk.maxMs - chunk.minMs);
    if (last === undefined) out.uvarint(chunk.reference);
    else out.varint(chunk.reference - last.reference);
    last = chunk;
  }
}

function writePostings(out: ByteWriter, list: NumberList): void {
  out.u32(4 + 4 * list.length);
  const start = out.length;
  out.u32(list.length);
  out.reserve(4 * list.length + 4);
  for (let i = 0; i < list.length; i++) {
    out.view.setUint32(out.length, list.get(i));
    out.length += 4;
  }
  out.u32(crc32c(out.bytes, start, out.length));
}

/** Ascending numbers; memory is taken only for a second one. */
class NumberList {
  #first: number;
  #rest: Uint32Array | undefined;
  length: number;

  constructor(first?: number) {
    this.#first = first ?? 0;
    this.length = first === undefined ? 0 : 1;
  }

  get(index: number): number {
    return index === 0 ? this.#first : this.#rest![index - 1];
  }

  push(value: number): void {
    if (this.length === 0) {
      this.#first = value;
    } else {
      this.#rest ??= new Uint32Array(4);
      if (this.length > this.#rest.length) {
        const grown = new Uint32Array(2 * this.#rest.length);
        grown.set(this.#rest);
        this.#rest = grown;
      }
      this.#rest[this.length - 1] = value;
    }
    this.length++;
  }
}
