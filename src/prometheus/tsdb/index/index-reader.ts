/** Reads a block's index, versions 1 and 2: the other side of `index-writer.ts`. */
import type { Disk, DiskFile } from "../../../base/disk.ts";
import { compareStrings, Labels } from "../../../model/labels.ts";
import { INDEX_HEADER_BYTES, INDEX_MAGIC, SERIES_ALIGNMENT, TOC_BYTES } from "../bytes/block-format.ts";
import { ByteReader, CorruptionError, decodeUtf8 } from "../bytes/byte-reader.ts";
import { crc32c } from "../bytes/crc32c.ts";
import type { Pacer } from "../pacer.ts";
import type { ChunkReference } from "./index-writer.ts";
import { equalBytes } from "./label-key.ts";
import { union } from "./postings.ts";

/** One of so many symbols and table entries has its place kept in memory. */
const SPARSE = 32;
/** Values that are matched between two looks at the clock. */
const VALUES_PER_CHECK = 256;
/** Series entries are read in windows of the file. */
const WINDOW_BYTES = 1 << 16;
const MAX_WINDOWS = 32;
const ENTRIES_PER_CHECK = 1024;
const CHECKSUM_SLICE_BYTES = 1 << 20;
/** Strings that are kept decoded. */
const MAX_STRINGS = 200_000;

export interface IndexSeries {
  labels: Labels;
  chunks: ChunkReference[];
}

/** A part of the file. */
class Window extends ByteReader {
  /** What is not in it is not to be had: the file ends, or it was read to fit an entry. */
  readonly isWhole: boolean;

  constructor(bytes: Uint8Array, isWhole: boolean) {
    super(bytes);
    this.isWhole = isWhole;
  }
}

interface Toc {
  symbols: number;
  series: number;
  postings: number;
  postingsTable: number;
}

interface NameEntries {
  /** Every 32nd value, and where its entry begins in the table. */
  values: string[];
  positions: number[];
  end: number;
  count: number;
}

export class IndexReader {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly size: number;
  readonly #version: number;
  readonly #toc: Toc;
  #symbolBytes: Uint8Array = new Uint8Array(0);
  #symbolPositions: number[] = [];
  #symbolCount = 0;
  readonly #strings = new Map<number, string>();
  #table = new ByteReader(new Uint8Array(0));
  readonly #names = new Map<string, NameEntries>();
  readonly #windows = new Map<number, Window>();

  private constructor(file: DiskFile, path: string, size: number, version: number, toc: Toc) {
    this.#file = file;
    this.#path = path;
    this.size = size;
    this.#version = version;
    this.#toc = toc;
  }

  /** @throws CorruptionError when the header, the table of contents, the symbols or the table are damaged */
  static async open(disk: Disk, path: string, pacer: Pacer): Promise<IndexReader> {
    const file = await disk.open(path, "read");
    try {
      const size = await file.size();
      if (size < INDEX_HEADER_BYTES + TOC_BYTES)
        throw new CorruptionError(`${path}: index header: invalid size`);
      const header = new ByteReader(await file.read(0, INDEX_HEADER_BYTES));
      const magic = header.u32();
      if (magic !== INDEX_MAGIC)
        throw new CorruptionError(`${path}: invalid magic number ${magic.toString(16)}`);
      const version = header.u8();
      if (version !== 1 && version !== 2)
        throw new CorruptionError(`${path}: unknown index file version ${version}`);
      const toc = readToc(await file.read(size - TOC_BYTES, TOC_BYTES), path);
      const reader = new IndexReader(file, path, size, version, toc);
      await reader.#load(pacer);
      return reader;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** All strings, sorted. */
  *symbols(): IterableIterator<string> {
    const reader = new ByteReader(this.#symbolBytes, 4);
    for (let i = 0; i < this.#symbolCount; i++) yield reader.string();
  }

  labelNames(): string[] {
    return [...this.#names.keys()].filter((name) => name !== "");
  }

  /** Sorted. */
  *labelValues(name: string): IterableIterator<string> {
    const entries = this.#names.get(name);
    if (entries === undefined) return;
    for (const { value } of this.#entries(entries.positions[0], entries.end)) yield value;
  }

  valueCount(name: string): number {
    return this.#names.get(name)?.count ?? 0;
  }

  /** Numbers of the series that have the pair, ascending, which is in the order of their labels. */
  async postings(name: string, value: string): Promise<Int32Array> {
    const offset = this.#offsetOf(name, value);
    return offset === undefined ? new Int32Array(0) : this.#readPostings(offset);
  }

  /** The postings of all values of a label that are wanted, or of all values: together, ascending. */
  async postingsWhere(
    name: string,
    wanted: ((value: string) => boolean) | undefined,
    pacer: Pacer,
  ): Promise<Int32Array> {
    const entries = this.#names.get(name);
    if (entries === undefined) return new Int32Array(0);
    const offsets: number[] = [];
    let count = 0;
    for (const { value, offset } of this.#entries(entries.positions[0], entries.end)) {
      if (wanted === undefined || wanted(value)) offsets.push(offset);
      if (++count % VALUES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    const lists: Int32Array[] = [];
    for (const offset of offsets) lists.push(await this.#readPostings(offset));
    return union(lists, pacer);
  }

  /** Every series. */
  async allPostings(): Promise<Int32Array> {
    return this.postings("", "");
  }

  /** Reads what `series` needs of the file. Undefined when it is there already. */
  prepareSeries(number: number): Promise<void> | undefined {
    const offset = this.#seriesOffset(number);
    const window = this.#windowWith(offset);
    if (window === undefined) return this.#loadWindow(offset, 0).then(() => this.prepareSeries(number));
    window.position = offset % WINDOW_BYTES;
    window.end = window.bytes.length;
    const length = window.uvarint() + 4;
    if (length <= window.remaining || window.isWhole) return undefined;
    return this.#loadWindow(offset, length);
  }

  /**
   * A series' labels and chunks, after `prepareSeries`.
   *
   * @throws CorruptionError
   */
  series(number: number): IndexSeries {
    const offset = this.#seriesOffset(number);
    const reader = this.#windowWith(offset)!;
    reader.position = offset % WINDOW_BYTES;
    reader.end = reader.bytes.length;
    const length = reader.uvarint();
    const start = reader.position;
    reader.need(length + 4);
    const crc = crc32c(reader.bytes, start, start + length);
    if (crc !== reader.view.getUint32(start + length)) {
      throw new CorruptionError(`${this.#path}: series at ${offset}: checksum mismatch`);
    }
    reader.end = start + length;
    return { labels: this.#readLabels(reader), chunks: readChunkReferences(reader) };
  }

  #readLabels(reader: ByteReader): Labels {
    const count = reader.uvarint();
    if (count * 2 > reader.remaining) throw new CorruptionError(`${this.#path}: invalid number of labels`);
    const flat: string[] = [];
    for (let i = 0; i < count; i++) flat.push(this.#symbol(reader.uvarint()), this.#symbol(reader.uvarint()));
    return Labels.fromSorted(flat);
  }

  /** Of memory for the symbols. */
  get symbolBytes(): number {
    return this.#symbolBytes.length;
  }

  #symbol(number: number): string {
    const known = this.#strings.get(number);
    if (known !== undefined) return known;
    const text = this.#readSymbol(number);
    if (this.#strings.size >= MAX_STRINGS) this.#strings.clear();
    this.#strings.set(number, text);
    return text;
  }

  /** By its number, or in version 1 by its place in the file. */
  #readSymbol(number: number): string {
    if (this.#version === 1) {
      return new ByteReader(this.#symbolBytes, number - this.#toc.symbols - 4).string();
    }
    if (number >= this.#symbolCount) throw new CorruptionError(`${this.#path}: unknown symbol ${number}`);
    const reader = new ByteReader(this.#symbolBytes, this.#symbolPositions[Math.floor(number / SPARSE)]);
    for (let skip = number % SPARSE; skip > 0; skip--) reader.skip(reader.uvarint());
    return reader.string();
  }

  #seriesOffset(number: number): number {
    return this.#version === 1 ? number : number * SERIES_ALIGNMENT;
  }

  #windowWith(offset: number): Window | undefined {
    return this.#windows.get(Math.floor(offset / WINDOW_BYTES));
  }

  /** Windows overlap, so that an entry which begins in one is usually in it to its end; `extra` is for longer ones. */
  async #loadWindow(offset: number, extra: number): Promise<void> {
    const index = Math.floor(offset / WINDOW_BYTES);
    const length = 2 * WINDOW_BYTES + extra;
    const bytes = await this.#file.read(index * WINDOW_BYTES, length);
    if (offset - index * WINDOW_BYTES >= bytes.length) {
      throw new CorruptionError(`${this.#path}: series at ${offset} is beyond the end`);
    }
    this.#windows.delete(index);
    this.#windows.set(index, new Window(bytes, extra > 0 || bytes.length < length));
    if (this.#windows.size > MAX_WINDOWS) this.#windows.delete(this.#windows.keys().next().value!);
  }

  #offsetOf(name: string, value: string): number | undefined {
    const entries = this.#names.get(name);
    if (entries === undefined) return undefined;
    let low = 0;
    let high = entries.values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareStrings(entries.values[middle], value) > 0) high = middle;
      else low = middle + 1;
    }
    if (low === 0) return undefined;
    const end = low < entries.positions.length ? entries.positions[low] : entries.end;
    for (const entry of this.#entries(entries.positions[low - 1], end)) {
      if (entry.value === value) return entry.offset;
    }
    return undefined;
  }

  *#entries(from: number, to: number): IterableIterator<{ value: string; offset: number }> {
    const reader = new ByteReader(this.#table.bytes, from, this.#table.end);
    while (reader.position < to) {
      reader.uvarint();
      reader.skip(reader.uvarint());
      const value = reader.string();
      yield { value, offset: reader.uvarint() };
    }
  }

  async #readPostings(offset: number): Promise<Int32Array> {
    const guess = await this.#file.read(offset, 4096);
    const length = new ByteReader(guess).u32();
    if (offset + 8 + length > this.size)
      throw new CorruptionError(`${this.#path}: postings at ${offset}: invalid size`);
    const bytes = length + 8 <= guess.length ? guess : await this.#file.read(offset, length + 8);
    const reader = new ByteReader(bytes, 4);
    if (crc32c(bytes, 4, 4 + length) !== reader.view.getUint32(4 + length)) {
      throw new CorruptionError(`${this.#path}: postings at ${offset}: checksum mismatch`);
    }
    const count = reader.u32();
    if (4 + 4 * count !== length)
      throw new CorruptionError(`${this.#path}: postings at ${offset}: invalid size`);
    const numbers = new Int32Array(count);
    for (let i = 0, at = reader.position; i < count; i++, at += 4) numbers[i] = reader.view.getInt32(at);
    return numbers;
  }

  async #load(pacer: Pacer): Promise<void> {
    this.#symbolBytes = await this.#section(this.#toc.symbols, "symbols", pacer);
    const symbols = new ByteReader(this.#symbolBytes);
    this.#symbolCount = symbols.u32();
    for (let i = 0; i < this.#symbolCount; i++) {
      if (i % SPARSE === 0) this.#symbolPositions.push(symbols.position);
      symbols.skip(symbols.uvarint());
      if (i % ENTRIES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    this.#table = new ByteReader(
      await this.#section(this.#toc.postingsTable, "postings offset table", pacer),
    );
    await this.#readTable(pacer);
  }

  /** A section with its length before it and its checksum behind it: what lies between. */
  async #section(offset: number, what: string, pacer: Pacer): Promise<Uint8Array> {
    if (offset + 8 > this.size) throw new CorruptionError(`${this.#path}: ${what}: invalid offset`);
    const length = new ByteReader(await this.#file.read(offset, 4)).u32();
    if (offset + 8 + length > this.size) throw new CorruptionError(`${this.#path}: ${what}: invalid size`);
    const bytes = await this.#file.read(offset + 4, length + 4);
    const expected = new ByteReader(bytes, length).u32();
    let crc = 0;
    for (let start = 0; start < length; start += CHECKSUM_SLICE_BYTES) {
      crc = crc32c(bytes, start, Math.min(start + CHECKSUM_SLICE_BYTES, length), crc);
      if (pacer.isDue()) await pacer.pause();
    }
    if (crc !== expected) throw new CorruptionError(`${this.#path}: ${what}: checksum mismatch`);
    return bytes.subarray(0, length);
  }

  async #readTable(pacer: Pacer): Promise<void> {
    const reader = this.#table;
    const count = reader.u32();
    let current: NameEntries | undefined;
    let lastStart = 0;
    let lastLength = -1;
    for (let i = 0; i < count; i++) {
      if (i % ENTRIES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
      const position = reader.position;
      if (reader.uvarint() !== 2)
        throw new CorruptionError(`${this.#path}: unexpected key length in postings table`);
      const nameLength = reader.uvarint();
      const nameStart = reader.position;
      reader.skip(nameLength);
      const valueLength = reader.uvarint();
      const valueStart = reader.position;
      reader.skip(valueLength);
      reader.uvarint();
      const isSame =
        nameLength === lastLength && equalBytes(reader.bytes, nameStart, reader.bytes, lastStart, nameLength);
      if (current === undefined || !isSame) {
        if (current !== undefined) current.end = position;
        current = { values: [], positions: [], end: 0, count: 0 };
        this.#names.set(decodeUtf8(reader.bytes, nameStart, nameStart + nameLength), current);
        lastStart = nameStart;
        lastLength = nameLength;
      }
      if (current.count % SPARSE === 0) {
        current.values.push(decodeUtf8(reader.bytes, valueStart, valueStart + valueLength));
        current.positions.push(position);
      }
      current.count++;
    }
    if (current !== undefined) current.end = reader.position;
  }
}

function readToc(bytes: Uint8Array, path: string): Toc {
  const reader = new ByteReader(bytes);
  const [symbols, series, , , postings, postingsTable] = Array.from({ length: 6 }, () => reader.u64());
  if (crc32c(bytes, 0, bytes.length - 4) !== reader.u32()) {
    throw new CorruptionError(`${path}: read TOC: checksum mismatch`);
  }
  return { symbols, series, postings, postingsTable };
}

function readChunkReferences(reader: ByteReader): ChunkReference[] {
  const count = reader.uvarint();
  if (count * 3 > reader.remaining) throw new CorruptionError("invalid number of chunks");
  const chunks: ChunkReference[] = [];
  let lastMaxMs = 0;
  let reference = 0;
  for (let i = 0; i < count; i++) {
    const minMs = i === 0 ? reader.varint() : lastMaxMs + reader.uvarint();
    lastMaxMs = minMs + reader.uvarint();
    reference = i === 0 ? reader.uvarint() : reference + reader.varint();
    chunks.push({ minMs, maxMs: lastMaxMs, reference });
  }
  return chunks;
}
