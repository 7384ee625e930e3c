/** Reads the records of a write-ahead log's segments (`tsdb/wlog/reader.go`). */
import { zstdDecompressSync } from "node:zlib";
import type { Disk } from "../../../base/disk.ts";
import { snappyDecompress } from "../../../wire/snappy.ts";
import { CorruptionError } from "../bytes/byte-reader.ts";
import { crc32c } from "../bytes/crc32c.ts";
import {
  FRAGMENT_FIRST,
  FRAGMENT_FULL,
  FRAGMENT_HEADER_BYTES,
  FRAGMENT_LAST,
  FRAGMENT_MIDDLE,
  FRAGMENT_PAGE_END,
  FRAGMENT_SNAPPY,
  FRAGMENT_TYPE_MASK,
  FRAGMENT_ZSTD,
  PAGE_BYTES,
  segmentName,
} from "./wal-format.ts";

/** Read from disk at a time. */
const WINDOW_BYTES = 128 * PAGE_BYTES;
/** A record that says it is larger, compressed or not, is damaged. */
export const MAX_RECORD_BYTES = 256 * 1024 * 1024;

/** Damage in a log: everything before `offset` of `segment` is good. */
export class WalCorruptionError extends CorruptionError {
  readonly segment: number;
  readonly offset: number;

  constructor(directory: string, segment: number, offset: number, problem: string) {
    super(`corruption in segment ${directory}/${segmentName(segment)} at ${offset}: ${problem}`);
    this.name = "WalCorruptionError";
    this.segment = segment;
    this.offset = offset;
  }
}

export interface WalRecord {
  /** Valid until the next record is read. */
  data: Uint8Array;
  segment: number;
}

/**
 * The records of the segments given, in order. A record that the end of the last segment cuts off is damage too: the
 * process was killed while it wrote, and repairing removes it.
 *
 * @throws WalCorruptionError at the first damage
 */
export async function* readWal(
  disk: Disk,
  directory: string,
  segments: number[],
): AsyncGenerator<WalRecord[]> {
  for (const segment of segments) yield* readSegment(disk, directory, segment);
}

/** Batches, one per window of the file, so that there is no promise per record. */
async function* readSegment(disk: Disk, directory: string, segment: number): AsyncGenerator<WalRecord[]> {
  const file = await disk.open(`${directory}/${segmentName(segment)}`, "read");
  try {
    const assembler = new RecordAssembler(directory, segment);
    for (let position = 0; ; position += WINDOW_BYTES) {
      const window = await file.read(position, WINDOW_BYTES);
      const { records, problem } = assembler.take(window, position);
      if (records.length > 0) yield records;
      if (problem !== undefined) throw problem;
      if (window.length < WINDOW_BYTES) break;
    }
    assembler.finish();
  } finally {
    await file.close();
  }
}

/** Puts the fragments of one segment together. */
class RecordAssembler {
  readonly #directory: string;
  readonly #segment: number;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #partsFlags = 0;
  /** Where the record begins that is being put together: damage is cut off from there. */
  #recordStart = 0;

  constructor(directory: string, segment: number) {
    this.#directory = directory;
    this.#segment = segment;
  }

  /** The records that end in `window`, which lies at `position` and begins a page. */
  take(window: Uint8Array, position: number): { records: WalRecord[]; problem?: WalCorruptionError } {
    const records: WalRecord[] = [];
    try {
      for (let page = 0; page < window.length; page += PAGE_BYTES) {
        this.#takePage(window, page, Math.min(page + PAGE_BYTES, window.length), position, records);
      }
      return { records };
    } catch (error) {
      return { records, problem: this.#corruption(error) };
    }
  }

  /** @throws WalCorruptionError when a record is incomplete */
  finish(): void {
    if (this.#parts.length > 0) throw this.#corruption(new CorruptionError("last record is torn"));
  }

  #takePage(window: Uint8Array, start: number, end: number, position: number, out: WalRecord[]): void {
    const pageEnd = start + PAGE_BYTES;
    let at = start;
    while (at < end) {
      if (this.#parts.length === 0) this.#recordStart = position + at;
      const type = window[at] & FRAGMENT_TYPE_MASK;
      if (type === FRAGMENT_PAGE_END) {
        for (let i = at; i < end; i++) {
          if (window[i] !== 0) throw new CorruptionError("unexpected non-zero byte in padded page");
        }
        return;
      }
      if (at + FRAGMENT_HEADER_BYTES > end) throw new CorruptionError("unexpected end of a record's header");
      const length = (window[at + 1] << 8) | window[at + 2];
      const crc =
        ((window[at + 3] << 24) | (window[at + 4] << 16) | (window[at + 5] << 8) | window[at + 6]) >>> 0;
      const from = at + FRAGMENT_HEADER_BYTES;
      const to = from + length;
      if (to > pageEnd) throw new CorruptionError(`invalid record size ${length}`);
      if (to > end) throw new CorruptionError("unexpected end of a record");
      const actual = crc32c(window, from, to);
      if (actual !== crc) {
        throw new CorruptionError(`unexpected checksum ${hex(actual)}, expected ${hex(crc)}`);
      }
      this.#takeFragment(type, window[at], window.subarray(from, to), out);
      at = to;
    }
  }

  #takeFragment(type: number, flags: number, data: Uint8Array, out: WalRecord[]): void {
    const isContinued = this.#parts.length > 0;
    if ((type === FRAGMENT_MIDDLE || type === FRAGMENT_LAST) !== isContinued || type > FRAGMENT_LAST) {
      throw new CorruptionError(`unexpected record type ${type} within a record`);
    }
    if (type === FRAGMENT_FULL) {
      out.push({ data: uncompress(data, flags), segment: this.#segment });
      return;
    }
    if (type === FRAGMENT_FIRST) this.#partsFlags = flags;
    this.#parts.push(data);
    this.#partsBytes += data.length;
    if (this.#partsBytes > MAX_RECORD_BYTES) throw new CorruptionError("record too large");
    if (type !== FRAGMENT_LAST) return;
    const whole = new Uint8Array(this.#partsBytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#partsBytes = 0;
    out.push({ data: uncompress(whole, this.#partsFlags), segment: this.#segment });
  }

  #corruption(error: unknown): WalCorruptionError {
    const problem = error instanceof Error ? error.message : String(error);
    return new WalCorruptionError(this.#directory, this.#segment, this.#recordStart, problem);
  }
}

function uncompress(data: Uint8Array, flags: number): Uint8Array {
  if (flags & FRAGMENT_SNAPPY) return snappyDecompress(data, MAX_RECORD_BYTES);
  if (flags & FRAGMENT_ZSTD) {
    return new Uint8Array(zstdDecompressSync(data, { maxOutputLength: MAX_RECORD_BYTES }));
  }
  return data;
}

function hex(crc: number): string {
  return crc.toString(16);
}
