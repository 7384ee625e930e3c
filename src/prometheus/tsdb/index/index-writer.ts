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
 * The label indexes are what upstream no longer writes; their offsets are those of the postings and of their table. Where
 * a part is padded before its first entry, its offset is that of the padding.
 */
import type { Disk } from "../../../base/disk.ts";
import { compareStrings, type Labels } from "../../../model/labels.ts";
import { INDEX_MAGIC, INDEX_VERSION, SERIES_ALIGNMENT } from "../bytes/block-format.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { FileAppender, FLUSH_BYTES } from "../bytes/file-appender.ts";
import type { Pacer } from "../pacer.ts";
import { PairColumns, type TakePair } from "./pair-columns.ts";
import { SymbolNumbers } from "./symbol-numbers.ts";

export interface ChunkReference {
  minMs: number;
  maxMs: number;
  reference: number;
}

/** Steps between two looks at the clock. */
const STEPS_PER_CHECK = 256;
export class IndexWriter {
  readonly #file: FileAppender;
  readonly #pacer: Pacer;
  readonly #numbers = new SymbolNumbers();
  readonly #pairs = new PairColumns();
  readonly #all = new NumberColumn();
  readonly #entry = new ByteWriter();
  #symbols: string[] = [];
  #symbolsStart = 0;
  #seriesStart = 0;

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
      this.#pairs.add(name, value, series);
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
    // As upstream, what comes before the padding.
    const postingsStart = file.position;
    file.pad(4);
    const table = new ByteWriter(1 << 16);
    let lists = 0;
    const write = (name: string, value: string, series: Uint32Array, from: number, to: number) => {
      table.uvarint(2);
      table.string(name);
      table.string(value);
      table.uvarint(file.position);
      writePostings(file.out, series, from, to);
      lists++;
    };
    write("", "", this.#all.numbers, 0, this.#all.length);
    const giveWay = () => {
      if (file.isLarge()) return file.flush();
      return lists % STEPS_PER_CHECK === 0 && this.#pacer.isDue() ? this.#pacer.pause() : undefined;
    };
    const symbols = this.#symbols;
    for (const name of this.#pairs.names()) {
      const take: TakePair = (value, series, from, to) =>
        write(symbols[name], symbols[value], series, from, to);
      await this.#pairs.each(name, symbols.length, this.#pacer, take, giveWay);
    }
    file.pad(4);
    const tableStart = file.position;
    await file.flush();
    file.out.u32(table.length + 4);
    file.beginChecksum();
    file.out.u32(lists);
    for (let at = 0; at < table.length; at += FLUSH_BYTES) {
      file.out.raw(table.bytes, at, Math.min(at + FLUSH_BYTES, table.length));
      await file.flush();
      if (this.#pacer.isDue()) await this.#pacer.pause();
    }
    file.endChecksum();
    file.beginChecksum();
    for (const offset of [
      this.#symbolsStart,
      this.#seriesStart,
      postingsStart,
      tableStart,
      postingsStart,
      tableStart,
    ]) {
      file.out.u64(offset);
    }
    file.endChecksum();
    await file.finish();
  }

  async abandon(): Promise<void> {
    await this.#file.abandon();
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
    this.#seriesStart = file.position;
    file.pad(SERIES_ALIGNMENT);
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

function writePostings(out: ByteWriter, series: Uint32Array, from: number, to: number): void {
  const count = to - from;
  out.u32(4 + 4 * count);
  const start = out.length;
  out.u32(count);
  out.reserve(4 * count + 4);
  for (let i = from; i < to; i++) {
    out.view.setUint32(out.length, series[i]);
    out.length += 4;
  }
  out.u32(crc32c(out.bytes, start, out.length));
}

/** A growing column. */
class NumberColumn {
  numbers = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.numbers.length) {
      const grown = new Uint32Array(2 * this.length);
      grown.set(this.numbers);
      this.numbers = grown;
    }
    this.numbers[this.length++] = value;
  }
}
