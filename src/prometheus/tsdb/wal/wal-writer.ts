/** Appends records to a write-ahead log (`tsdb/wlog/wlog.go`). */

import type { Clock } from "../../../base/clock.ts";
import type { Disk, DiskFile } from "../../../base/disk.ts";
import { snappyCompress } from "../../../wire/snappy.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { crc32c } from "../bytes/crc32c.ts";
import {
  DEFAULT_SEGMENT_BYTES,
  FRAGMENT_FIRST,
  FRAGMENT_FULL,
  FRAGMENT_HEADER_BYTES,
  FRAGMENT_LAST,
  FRAGMENT_MIDDLE,
  FRAGMENT_SNAPPY,
  PAGE_BYTES,
  segmentIndexes,
  segmentName,
  type WalCompression,
} from "./wal-format.ts";

export interface WalWriterOptions {
  directory: string;
  disk: Disk;
  /** @default 128 MiB */
  segmentBytes?: number;
  /** @default "none" */
  compression?: WalCompression;
  /** Called when a new segment could not be begun; writing goes on in the old one. */
  onError?: (error: unknown) => void;
  /** Called with the seconds that it took to make a segment durable; needs `clock`. */
  onSync?: (seconds: number) => void;
  clock?: Pick<Clock, "monotonic">;
}

/**
 * Records are handed to the file system within the caller's turn, so they survive the end of the process. They are
 * made durable against the end of the machine (fsync) when a segment is full, by `sync` and by `close`: upstream's
 * policy.
 */
export class WalWriter {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #segmentBytes: number;
  readonly #compression: WalCompression;
  readonly #onError: (error: unknown) => void;
  readonly #onSync: (seconds: number) => void;
  readonly #clock: Pick<Clock, "monotonic"> | undefined;
  readonly #out = new ByteWriter(2 * PAGE_BYTES);
  #segment: DiskFile;
  #index: number;
  #size = 0;
  #turning: Promise<void> | undefined;
  #mending: Promise<void> | undefined;
  #isTorn = false;
  /** Bytes written since the log was opened, and how often it was made durable. */
  bytesWritten = 0;
  fsyncs = 0;
  writesFailed = 0;

  private constructor(options: WalWriterOptions, segment: DiskFile, index: number) {
    this.directory = options.directory;
    this.#disk = options.disk;
    this.#segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
    this.#compression = options.compression ?? "none";
    this.#onError = options.onError ?? (() => {});
    this.#onSync = options.onSync ?? (() => {});
    this.#clock = options.clock;
    this.#segment = segment;
    this.#index = index;
  }

  /** Begins a new segment after those in the directory, as upstream does on every start. */
  static async open(options: WalWriterOptions): Promise<WalWriter> {
    await options.disk.makeDirectory(options.directory);
    const indexes = segmentIndexes(await options.disk.list(options.directory));
    const index = indexes.length === 0 ? 0 : indexes[indexes.length - 1] + 1;
    const segment = await options.disk.open(`${options.directory}/${segmentName(index)}`, "append");
    await options.disk.syncDirectory(options.directory);
    return new WalWriter(options, segment, index);
  }

  /** The number of the segment that is written to. */
  get segmentIndex(): number {
    return this.#index;
  }

  /**
   * After a failed write (a full disk): cuts off what was half written, behind which all that follows would be lost.
   * Undefined when the log can be written to.
   */
  whenReady(): Promise<void> | undefined {
    // Segments may grow beyond their size while the next one is being opened, but not without end.
    if (this.#size >= 2 * this.#segmentBytes && this.#turning !== undefined) return this.#turning;
    if (!this.#isTorn) return undefined;
    this.#mending ??= this.#mend().finally(() => (this.#mending = undefined));
    return this.#mending;
  }

  /**
   * Writes records, in one `write` each or as many as fit. Returns when the file system has them.
   *
   * @throws what the disk throws; then none of them is in the log, and `whenReady` is to be awaited before the next
   */
  log(records: Uint8Array[]): void {
    if (this.#isTorn) throw new Error("write-ahead log ends in a failed write");
    this.#out.clear();
    for (const record of records) this.#addRecord(record);
    try {
      this.#segment.appendNow(this.#out.written());
    } catch (error) {
      this.#isTorn = true;
      this.writesFailed++;
      throw error;
    }
    this.#size += this.#out.length;
    this.bytesWritten += this.#out.length;
    if (this.#size >= this.#segmentBytes && this.#turning === undefined) {
      this.#turning = this.#turn()
        .catch(this.#onError)
        .finally(() => (this.#turning = undefined));
    }
  }

  /** Begins a new segment. */
  async nextSegment(): Promise<void> {
    await this.#turning;
    await this.whenReady();
    await this.#turn();
  }

  async sync(): Promise<void> {
    await this.#makeDurable(this.#segment);
  }

  async close(): Promise<void> {
    await this.#turning;
    await this.whenReady();
    await this.sync();
    await this.#segment.close();
  }

  #addRecord(record: Uint8Array): void {
    let data = record;
    let flags = 0;
    if (this.#compression === "snappy" && record.length > 0) {
      const compressed = snappyCompress(record);
      if (compressed.length < record.length) {
        data = compressed;
        flags = FRAGMENT_SNAPPY;
      }
    }
    const out = this.#out;
    let position = 0;
    let isFirst = true;
    do {
      let left = PAGE_BYTES - ((this.#size + out.length) % PAGE_BYTES);
      if (left < FRAGMENT_HEADER_BYTES) {
        out.zeros(left);
        left = PAGE_BYTES;
      }
      const length = Math.min(data.length - position, left - FRAGMENT_HEADER_BYTES);
      const isLast = position + length === data.length;
      const type = isFirst
        ? isLast
          ? FRAGMENT_FULL
          : FRAGMENT_FIRST
        : isLast
          ? FRAGMENT_LAST
          : FRAGMENT_MIDDLE;
      out.u8(type | flags);
      out.u16(length);
      out.u32(crc32c(data, position, position + length));
      out.raw(data, position, position + length);
      position += length;
      isFirst = false;
    } while (position < data.length);
  }

  async #turn(): Promise<void> {
    const index = this.#index + 1;
    const next = await this.#disk.open(`${this.directory}/${segmentName(index)}`, "append");
    await this.#disk.syncDirectory(this.directory);
    const full = this.#segment;
    const rest = (PAGE_BYTES - (this.#size % PAGE_BYTES)) % PAGE_BYTES;
    if (rest > 0) full.appendNow(new Uint8Array(rest));
    this.#segment = next;
    this.#index = index;
    this.#size = 0;
    await this.#makeDurable(full);
    await full.close();
  }

  async #makeDurable(segment: DiskFile): Promise<void> {
    this.fsyncs++;
    const startedMs = this.#clock?.monotonic() ?? 0;
    await segment.sync();
    this.#onSync(((this.#clock?.monotonic() ?? 0) - startedMs) / 1000);
  }

  async #mend(): Promise<void> {
    await this.#segment.truncate(this.#size);
    this.#isTorn = false;
  }
}
