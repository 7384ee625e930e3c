/**
 * A queue of records on disk, for one writer and one reader: what was put in before a crash is still there after it.
 *
 * ```
 * <directory>/00000001, 00000002, …   records: length u32 | samples u32 | CRC-32 u32 (big-endian), then the bytes
 * <directory>/cursor                  {"segment": 1, "offset": 123}: everything before was taken
 * ```
 */
import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "../../base/disk.ts";

/** A segment is closed when it is this large. */
export const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
const HEADER_BYTES = 12;

export interface QueueRecord {
  bytes: Uint8Array;
  samples: number;
}

interface Cursor {
  segment: number;
  offset: number;
}

export class QueueFile {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #maxBytes: number;
  #segments: { number: number; bytes: number }[] = [];
  #writer: DiskFile | undefined;
  #read: Cursor = { segment: 1, offset: 0 };
  /** Samples of segments that were given up because the queue was full. */
  droppedSegments = 0;

  /** @param maxBytes the oldest segments go when there are more */
  constructor(disk: Disk, directory: string, maxBytes: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  async open(): Promise<void> {
    await this.#disk.makeDirectory(this.#directory);
    for (const name of await this.#disk.list(this.#directory)) {
      if (!/^\d{8}$/.test(name)) continue;
      const stat = await this.#disk.stat(this.#path(Number(name)));
      this.#segments.push({ number: Number(name), bytes: stat?.size ?? 0 });
    }
    const stored = await this.#disk.readFile(`${this.#directory}/cursor`).catch(() => undefined);
    if (stored !== undefined) this.#read = JSON.parse(new TextDecoder().decode(stored)) as Cursor;
    const first = this.#segments[0]?.number;
    if (first !== undefined && first > this.#read.segment) this.#read = { segment: first, offset: 0 };
    // A record that was being written when the process ended may be torn: new ones go to a new segment.
    const last = Math.max(this.#segments.at(-1)?.number ?? 0, this.#read.segment);
    await this.#begin(this.#segments.length === 0 ? this.#read.segment : last + 1);
  }

  #path(segment: number): string {
    return `${this.#directory}/${String(segment).padStart(8, "0")}`;
  }

  async #begin(segment: number): Promise<void> {
    await this.#writer?.close();
    this.#writer = await this.#disk.open(this.#path(segment), "append");
    if (this.#segments.at(-1)?.number !== segment) this.#segments.push({ number: segment, bytes: 0 });
  }

  /** Puts a record in; it survives a crash of the process when this has returned. */
  put({ bytes, samples }: QueueRecord): void {
    const record = new Uint8Array(HEADER_BYTES + bytes.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, bytes.length);
    view.setUint32(4, samples);
    view.setUint32(8, crc32(bytes));
    record.set(bytes, HEADER_BYTES);
    this.#writer!.appendNow(record);
    this.#segments.at(-1)!.bytes += record.length;
  }

  /** To be called now and then: begins a new segment when the last is full, and keeps the whole within its limit. */
  async rotate(): Promise<void> {
    const last = this.#segments.at(-1)!;
    if (last.bytes >= MAX_SEGMENT_BYTES) await this.#begin(last.number + 1);
    while (
      this.#segments.length > 1 &&
      this.#segments.reduce((sum, each) => sum + each.bytes, 0) > this.#maxBytes
    ) {
      const [oldest] = this.#segments.splice(0, 1);
      this.droppedSegments++;
      await this.#disk.remove(this.#path(oldest.number));
      if (this.#read.segment <= oldest.number) this.#read = { segment: oldest.number + 1, offset: 0 };
    }
  }

  /** Records from where the reader stands, up to `maxSamples` together (one at least); empty when there are none. */
  async peek(maxSamples: number): Promise<{ records: QueueRecord[]; next: Cursor }> {
    const records: QueueRecord[] = [];
    let samples = 0;
    let { segment, offset } = this.#read;
    for (;;) {
      const known = this.#segments.find((each) => each.number >= segment);
      if (known === undefined) break;
      if (known.number > segment) [segment, offset] = [known.number, 0];
      const record = offset < known.bytes ? await this.#recordAt(segment, offset) : undefined;
      if (record === undefined) {
        // The end of this segment, or what a crash left of its last record.
        if (segment >= this.#segments.at(-1)!.number) break;
        [segment, offset] = [segment + 1, 0];
        continue;
      }
      if (records.length > 0 && samples + record.samples > maxSamples) break;
      records.push(record);
      samples += record.samples;
      offset += HEADER_BYTES + record.bytes.length;
      if (samples >= maxSamples) break;
    }
    return { records, next: { segment, offset } };
  }

  async #recordAt(segment: number, offset: number): Promise<QueueRecord | undefined> {
    const file = await this.#disk.open(this.#path(segment), "read");
    try {
      const header = await file.read(offset, HEADER_BYTES);
      if (header.length < HEADER_BYTES) return undefined;
      const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
      const bytes = await file.read(offset + HEADER_BYTES, view.getUint32(0));
      if (bytes.length < view.getUint32(0) || crc32(bytes) !== view.getUint32(8)) return undefined;
      return { bytes, samples: view.getUint32(4) };
    } finally {
      await file.close();
    }
  }

  /** What came before `next` was taken. Segments that are done are removed. */
  async take(next: Cursor): Promise<void> {
    this.#read = next;
    await this.#disk.writeFile(`${this.#directory}/cursor`, JSON.stringify(next));
    while (this.#segments.length > 1 && this.#segments[0].number < next.segment) {
      const [done] = this.#segments.splice(0, 1);
      await this.#disk.remove(this.#path(done.number));
    }
  }

  async close(): Promise<void> {
    await this.#writer?.sync();
    await this.#writer?.close();
  }
}
