/**
 * The file behind a persistent queue: what was put in and not yet taken out is there after the process was killed.
 *
 * ```
 * ┌────────────┬───────────┬──────────┬──────────────┬─────────┐
 * │ length (4) │ crc32 (4) │ kind (1) │ sequence (4) │ payload │  …     little endian; length counts kind to payload
 * └────────────┴───────────┴──────────┴──────────────┴─────────┘
 * ```
 *
 * Kind 1 puts in, kind 2 says that the entry with that sequence number was taken care of. A record that is cut off or
 * damaged ends the file. Written without fsync, as upstream's file_storage by default: a killed process loses nothing,
 * a machine without power may.
 */
import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "../../base/disk.ts";
import { isMissing } from "../../base/disk.ts";

const HEAD_BYTES = 8;
const FIXED_BYTES = 5;
const PUT = 1;
const DONE = 2;
/** The file is written anew when at least this much of it is of no use any more, and that is most of it. */
export const COMPACT_AFTER_BYTES = 1024 * 1024;

export interface QueueEntry {
  sequence: number;
  payload: Uint8Array;
}

export class QueueLog {
  readonly #disk: Disk;
  readonly #path: string;
  #file: DiskFile;
  /** Entries that are not done, oldest first, with what they take. */
  readonly #live = new Map<number, Uint8Array>();
  #liveBytes = 0;
  #fileBytes: number;
  #next: number;
  #compacting: Promise<void> | undefined;

  private constructor(disk: Disk, path: string, file: DiskFile, read: ReadLog) {
    this.#disk = disk;
    this.#path = path;
    this.#file = file;
    this.#fileBytes = read.length;
    this.#next = read.next;
    for (const { sequence, payload } of read.entries) this.#keep(sequence, payload);
  }

  /** Opens the file or makes it; `pending` is what was left in it. */
  static async open(disk: Disk, path: string): Promise<{ log: QueueLog; pending: QueueEntry[] }> {
    const read = readLog(await readIfThere(disk, path));
    const file = await disk.open(path, "append");
    if ((await file.size()) > read.length) await file.truncate(read.length);
    return { log: new QueueLog(disk, path, file, read), pending: read.entries };
  }

  /** The entry's sequence number. It is in the file when this resolves. */
  async put(payload: Uint8Array): Promise<number> {
    // Put into a file that is about to be replaced, it would be gone with the process.
    while (this.#compacting !== undefined) await this.#compacting;
    const sequence = this.#next;
    this.#next = (this.#next + 1) >>> 0;
    this.#append(encodeRecord(PUT, sequence, payload));
    this.#keep(sequence, payload);
    return sequence;
  }

  /** The entry will not come back. */
  async done(sequence: number): Promise<void> {
    const payload = this.#live.get(sequence);
    if (payload === undefined) return;
    this.#append(encodeRecord(DONE, sequence, new Uint8Array()));
    this.#live.delete(sequence);
    this.#liveBytes -= recordBytes(payload);
    const waste = this.#fileBytes - this.#liveBytes;
    if (waste < COMPACT_AFTER_BYTES || waste < this.#fileBytes / 2) return;
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = undefined;
    });
    await this.#compacting;
  }

  async close(): Promise<void> {
    await this.#compacting;
    await this.#file.close();
  }

  #keep(sequence: number, payload: Uint8Array): void {
    this.#live.set(sequence, payload);
    this.#liveBytes += recordBytes(payload);
  }

  #append(record: Uint8Array): void {
    this.#file.appendNow(record);
    this.#fileBytes += record.length;
  }

  /** Writes what is live to a new file. What is done meanwhile is said there again. */
  async #compact(): Promise<void> {
    const before = [...this.#live];
    const content = Buffer.concat(before.map(([sequence, payload]) => encodeRecord(PUT, sequence, payload)));
    await this.#disk.writeFile(this.#path, content);
    const old = this.#file;
    this.#file = await this.#disk.open(this.#path, "append");
    this.#fileBytes = content.length;
    for (const [sequence] of before) {
      if (!this.#live.has(sequence)) this.#append(encodeRecord(DONE, sequence, new Uint8Array()));
    }
    await old.close();
  }
}

interface ReadLog {
  entries: QueueEntry[];
  /** Of what could be read. */
  length: number;
  next: number;
}

function readLog(bytes: Uint8Array): ReadLog {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const live = new Map<number, Uint8Array>();
  let next = 0;
  let at = 0;
  while (at + HEAD_BYTES + FIXED_BYTES <= bytes.length) {
    const length = view.getUint32(at, true);
    const end = at + HEAD_BYTES + length;
    if (length < FIXED_BYTES || end > bytes.length) break;
    const body = bytes.subarray(at + HEAD_BYTES, end);
    if (crc32(body) !== view.getUint32(at + 4, true)) break;
    const sequence = view.getUint32(at + HEAD_BYTES + 1, true);
    if (body[0] === PUT) live.set(sequence, body.slice(FIXED_BYTES));
    else live.delete(sequence);
    next = Math.max(next, sequence + 1) >>> 0;
    at = end;
  }
  return { entries: Array.from(live, ([sequence, payload]) => ({ sequence, payload })), length: at, next };
}

function encodeRecord(kind: number, sequence: number, payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEAD_BYTES + FIXED_BYTES + payload.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, FIXED_BYTES + payload.length, true);
  record[HEAD_BYTES] = kind;
  view.setUint32(HEAD_BYTES + 1, sequence, true);
  record.set(payload, HEAD_BYTES + FIXED_BYTES);
  view.setUint32(4, crc32(record.subarray(HEAD_BYTES)), true);
  return record;
}

function recordBytes(payload: Uint8Array): number {
  return HEAD_BYTES + FIXED_BYTES + payload.length;
}

async function readIfThere(disk: Disk, path: string): Promise<Uint8Array> {
  try {
    return await disk.readFile(path);
  } catch (error) {
    if (isMissing(error)) return new Uint8Array();
    throw error;
  }
}
