/** Reads chunks of a block: the other side of `chunk-segment-writer.ts`. */
import type { Disk, DiskFile } from "../../../base/disk.ts";
import {
  CHUNKS_HEADER_BYTES,
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  chunkSegmentName,
} from "../bytes/block-format.ts";
import { ByteReader, CorruptionError } from "../bytes/byte-reader.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { type ChunkEncoding, isChunkEncoding } from "./chunk-encoding.ts";
import { DECODE_SLACK_BYTES } from "./xor-decoder.ts";

const TWO_32 = 2 ** 32;
/** What a chunk usually takes at most; longer ones cost a second read. */
const CHUNK_GUESS_BYTES = 2048;
/** Chunks that lie closer together than this are read together, up to a window. */
const GAP_BYTES = 16 * 1024;
const WINDOW_BYTES = 1 << 20;
/** A chunk that says it is longer is damaged. */
const MAX_CHUNK_BYTES = 64 << 20;

export interface RawChunk {
  encoding: ChunkEncoding;
  /** The chunk's data lies in `view` from `start`, followed by readable bytes. */
  view: DataView;
  bytes: Uint8Array;
  start: number;
  byteLength: number;
}

/** The segments of one block, opened when first read. */
export class ChunkSegments {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files = new Map<number, Promise<{ file: DiskFile; size: number }>>();

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** Reads of the segment, followed by zeros that a decoder may look at. */
  async read(segment: number, position: number, length: number): Promise<Uint8Array> {
    const { file, size } = await this.#open(segment);
    const data = await file.read(position, Math.min(length, Math.max(0, size - position)));
    const padded = new Uint8Array(data.length + DECODE_SLACK_BYTES);
    padded.set(data);
    return padded;
  }

  path(segment: number): string {
    return `${this.#directory}/${chunkSegmentName(segment)}`;
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const opened of files) await opened.then(({ file }) => file.close()).catch(() => {});
  }

  #open(segment: number): Promise<{ file: DiskFile; size: number }> {
    let opened = this.#files.get(segment);
    if (opened === undefined) {
      opened = this.#openNow(segment);
      this.#files.set(segment, opened);
      opened.catch(() => this.#files.delete(segment));
    }
    return opened;
  }

  async #openNow(segment: number): Promise<{ file: DiskFile; size: number }> {
    const file = await openSegment(this.#disk, this.path(segment));
    return { file, size: await file.size() };
  }
}

/** @throws CorruptionError when the file does not begin as a segment */
async function openSegment(disk: Disk, path: string): Promise<DiskFile> {
  const file = await disk.open(path, "read");
  try {
    const header = new ByteReader(await file.read(0, CHUNKS_HEADER_BYTES));
    if (header.remaining < CHUNKS_HEADER_BYTES || header.u32() !== CHUNKS_MAGIC)
      throw new CorruptionError(`${path}: invalid magic number`);
    const version = header.u8();
    if (version !== CHUNKS_VERSION)
      throw new CorruptionError(`${path}: invalid chunk format version ${version}`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Looks at the beginning of each segment in a directory. @throws CorruptionError when one is none, or all are missing */
export async function checkChunkSegments(disk: Disk, directory: string): Promise<void> {
  if ((await disk.stat(directory)) === undefined)
    throw new CorruptionError(`${directory}: no such directory`);
  for (const name of await disk.list(directory)) {
    if (/^\d{6,}$/.test(name)) await (await openSegment(disk, `${directory}/${name}`)).close();
  }
}

/** Reads chunks one after another: told beforehand which, it reads neighbours together. */
export class ChunkCursor {
  readonly #segments: ChunkSegments;
  readonly #wanted: number[];
  #next = 0;
  #segment = -1;
  #start = 0;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#window.buffer);

  /** @param references of all chunks that will be asked for, in that order, mostly ascending */
  constructor(segments: ChunkSegments, references: number[]) {
    this.#segments = segments;
    this.#wanted = references;
  }

  /** Reads what the next chunk needs. Undefined when it is there already. */
  prepare(): Promise<void> | undefined {
    const reference = this.#wanted[this.#next];
    const needed = this.#missing(reference);
    return needed === 0 ? undefined : this.#load(reference, needed);
  }

  /**
   * The next chunk, after `prepare`. Valid until the next `prepare`.
   *
   * @throws CorruptionError
   */
  take(): RawChunk {
    const reference = this.#wanted[this.#next++];
    const offset = (reference % TWO_32) - this.#start;
    const reader = new ByteReader(this.#window, offset, this.#window.length - DECODE_SLACK_BYTES);
    const byteLength = reader.uvarint();
    const start = reader.position;
    reader.skip(1 + byteLength);
    const path = () => `${this.#segments.path(this.#segment)}: chunk at ${reference % TWO_32}`;
    if (crc32c(this.#window, start, reader.position) !== reader.u32()) {
      throw new CorruptionError(`${path()}: checksum mismatch`);
    }
    const encoding = this.#window[start];
    if (!isChunkEncoding(encoding)) throw new CorruptionError(`${path()}: unknown encoding ${encoding}`);
    return { encoding, view: this.#view, bytes: this.#window, start: start + 1, byteLength };
  }

  /** Bytes to read for a chunk; 0 when it is in the window as a whole. */
  #missing(reference: number): number {
    const offset = (reference % TWO_32) - this.#start;
    const end = this.#window.length - DECODE_SLACK_BYTES;
    if (Math.floor(reference / TWO_32) !== this.#segment || offset < 0 || offset + 5 > end) {
      return CHUNK_GUESS_BYTES;
    }
    const reader = new ByteReader(this.#window, offset, end);
    const length = reader.uvarint() + 5;
    if (length > MAX_CHUNK_BYTES) {
      throw new CorruptionError(
        `${this.#segments.path(this.#segment)}: chunk at ${reference % TWO_32}: invalid length`,
      );
    }
    return length <= reader.remaining ? 0 : length + 5;
  }

  async #load(reference: number, needed: number): Promise<void> {
    const segment = Math.floor(reference / TWO_32);
    const position = reference % TWO_32;
    let end = position + needed;
    for (let i = this.#next + 1; i < this.#wanted.length; i++) {
      const next = this.#wanted[i] - segment * TWO_32;
      if (next < position || next > end + GAP_BYTES || next > position + WINDOW_BYTES) break;
      end = Math.max(end, next + CHUNK_GUESS_BYTES);
    }
    const window = await this.#segments.read(segment, position, end - position);
    this.#segment = segment;
    this.#start = position;
    this.#window = window;
    this.#view = new DataView(window.buffer);
    if (window.length - DECODE_SLACK_BYTES < 6) {
      throw new CorruptionError(`${this.#segments.path(segment)}: chunk at ${position} is beyond the end`);
    }
    const missing = this.#missing(reference);
    if (missing === 0) return;
    if (end - position >= missing) {
      throw new CorruptionError(`${this.#segments.path(segment)}: chunk at ${position} is beyond the end`);
    }
    await this.#load(reference, missing);
  }
}
