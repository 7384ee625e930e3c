/**
 * Writes the chunks of a block (`tsdb/chunks/chunks.go`):
 *
 * ```
 * segment: magic 85BD40DD <4b> │ version 1 <1b> │ padding <3b> │ chunks …
 * chunk:   length of data <uvarint> │ encoding <1b> │ data │ CRC32C of encoding and data <4b>
 * ```
 * A chunk is known by `segment number << 32 | offset`.
 */
import type { Disk } from "../../../base/disk.ts";
import {
  CHUNK_SEGMENT_BYTES,
  CHUNKS_HEADER_BYTES,
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  chunkSegmentName,
} from "../bytes/block-format.ts";
import { FileAppender } from "../bytes/file-appender.ts";
import type { BlockChunk } from "./block-series.ts";

const TWO_32 = 2 ** 32;

export class ChunkSegmentWriter {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segmentBytes: number;
  #index = -1;
  #file: FileAppender | undefined;

  constructor(disk: Disk, directory: string, segmentBytes = CHUNK_SEGMENT_BYTES) {
    this.#disk = disk;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
  }

  /** Whether `prepare` must be awaited before chunks of so many bytes can be added. */
  needsPreparation(byteLength: number): boolean {
    const file = this.#file;
    return file === undefined || file.isLarge() || file.position + byteLength > this.#segmentBytes;
  }

  async prepare(byteLength: number): Promise<void> {
    if (this.#file?.isLarge()) await this.#file.flush();
    if (this.#file !== undefined && this.#file.position + byteLength <= this.#segmentBytes) return;
    await this.#file?.finish();
    this.#index++;
    this.#file = await FileAppender.create(this.#disk, `${this.#directory}/${chunkSegmentName(this.#index)}`);
    const { out } = this.#file;
    out.u32(CHUNKS_MAGIC);
    out.u8(CHUNKS_VERSION);
    out.zeros(CHUNKS_HEADER_BYTES - 5);
  }

  /** @returns the chunk's reference */
  add(chunk: BlockChunk): number {
    const file = this.#file!;
    const reference = this.#index * TWO_32 + file.position;
    file.out.uvarint(chunk.bytes.length);
    file.beginChecksum();
    file.out.u8(chunk.encoding);
    file.out.raw(chunk.bytes);
    file.endChecksum();
    return reference;
  }

  async finish(): Promise<void> {
    await this.#file?.finish();
    this.#file = undefined;
  }

  async abandon(): Promise<void> {
    await this.#file?.abandon();
    this.#file = undefined;
  }
}
