/** Writes a file from its start to its end through a buffer, counting bytes and, where asked, their checksum. */
import type { Disk, DiskFile } from "../../../base/disk.ts";
import { ByteWriter } from "./byte-writer.ts";
import { crc32c } from "./crc32c.ts";

/** Buffered bytes are handed to the disk when there are more. */
export const FLUSH_BYTES = 1 << 20;

export class FileAppender {
  /** What is written next goes in here; `flushIfLarge` from time to time moves it to the file. */
  readonly out = new ByteWriter(1 << 16);
  readonly #file: DiskFile;
  #flushed = 0;
  #crc = 0;
  /** Bytes of `out` that the checksum knows. */
  #summed = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  /** The file must not exist. */
  static async create(disk: Disk, path: string): Promise<FileAppender> {
    return new FileAppender(await disk.open(path, "update"));
  }

  get position(): number {
    return this.#flushed + this.out.length;
  }

  /** The checksum goes on from nothing with the next byte. */
  beginChecksum(): void {
    this.#crc = 0;
    this.#summed = this.out.length;
  }

  /** Writes the checksum of everything since `beginChecksum`. */
  endChecksum(): void {
    this.#sum();
    this.out.u32(this.#crc);
    this.#summed = this.out.length;
  }

  /** Zeros up to a position that `alignment` divides. */
  pad(alignment: number): void {
    this.out.zeros((alignment - (this.position % alignment)) % alignment);
  }

  isLarge(): boolean {
    return this.out.length >= FLUSH_BYTES;
  }

  async flush(): Promise<void> {
    this.#sum();
    const data = this.out.written().slice();
    this.out.clear();
    this.#summed = 0;
    const position = this.#flushed;
    this.#flushed += data.length;
    await this.#file.write(position, data);
  }

  /** Overwrites bytes that were flushed. */
  async patch(position: number, data: Uint8Array): Promise<void> {
    await this.#file.write(position, data);
  }

  /** Flushes, makes durable and closes. */
  async finish(): Promise<void> {
    await this.flush();
    await this.#file.sync();
    await this.#file.close();
  }

  async abandon(): Promise<void> {
    await this.#file.close();
  }

  #sum(): void {
    this.#crc = crc32c(this.out.bytes, this.#summed, this.out.length, this.#crc);
    this.#summed = this.out.length;
  }
}
