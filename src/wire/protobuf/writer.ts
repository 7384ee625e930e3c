/**
 * Writes the protobuf wire format. Zero values are written too where they are asked for: an encoder leaves them out
 * by not calling, as proto3 does.
 *
 * ```ts
 * const message = writer.begin(0x0a);   // field 1
 * writer.string(0x12, "name");          // its field 2
 * writer.end(message);
 * ```
 */

/** What a writer starts with when nobody says more, in bytes. */
const INITIAL_BYTES = 1024;

export class ProtobufWriter {
  #bytes: Buffer;
  #view: DataView;
  #position = 0;

  constructor(initialBytes = INITIAL_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#position;
  }

  /** What was written so far: a view that is valid until the writer is used again. */
  view(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, 0, this.#position);
  }

  /** A copy of what was written so far. */
  finish(): Uint8Array {
    return this.view().slice();
  }

  /** Forgets what was written and keeps the space. */
  reset(): void {
    this.#position = 0;
  }

  /** A varint of at most 32 bits. */
  uint32(tag: number, value: number): void {
    this.#reserve(10);
    this.#varint(tag);
    this.#varint(value >>> 0);
  }

  bool(tag: number, value: boolean): void {
    this.uint32(tag, value ? 1 : 0);
  }

  /** int32: a negative value takes ten bytes. */
  int32(tag: number, value: number): void {
    if (value < 0) this.int64(tag, BigInt(value));
    else this.uint32(tag, value);
  }

  sint32(tag: number, value: number): void {
    this.uint32(tag, (value << 1) ^ (value >> 31));
  }

  sint64(tag: number, value: bigint): void {
    this.#reserve(15);
    this.#varint(tag);
    this.#varint64(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }

  /** int64 and uint64. */
  int64(tag: number, value: bigint): void {
    this.#reserve(15);
    this.#varint(tag);
    this.#varint64(BigInt.asUintN(64, value));
  }

  /** int64 and uint64 from a whole number, of up to ±2^53. */
  int64Number(tag: number, value: number): void {
    if (value < 0 || value > 0xffffffff) this.int64(tag, BigInt(value));
    else this.uint32(tag, value);
  }

  fixed32(tag: number, value: number): void {
    this.#reserve(9);
    this.#varint(tag);
    this.#view.setUint32(this.#position, value, true);
    this.#position += 4;
  }

  /** fixed64 and sfixed64. */
  fixed64(tag: number, value: bigint): void {
    this.#reserve(13);
    this.#varint(tag);
    this.#view.setBigUint64(this.#position, BigInt.asUintN(64, value), true);
    this.#position += 8;
  }

  double(tag: number, value: number): void {
    this.#reserve(13);
    this.#varint(tag);
    this.rawDouble(value);
  }

  string(tag: number, value: string): void {
    // The length goes before the text: three bytes a UTF-16 unit is the most that UTF-8 takes.
    this.#reserve(value.length * 3 + 10);
    this.#varint(tag);
    if (value.length < 43) {
      const at = this.#position++;
      this.#bytes[at] = this.#text(value);
      return;
    }
    const length = Buffer.byteLength(value);
    this.#varint(length);
    this.#position += this.#bytes.write(value, this.#position, "utf8");
  }

  bytes(tag: number, value: Uint8Array): void {
    this.#reserve(value.length + 10);
    this.#varint(tag);
    this.#varint(value.length);
    this.#bytes.set(value, this.#position);
    this.#position += value.length;
  }

  /** A bytes field given in hexadecimal digits. */
  hex(tag: number, value: string): void {
    this.bytes(tag, Buffer.from(value, "hex"));
  }

  /** Starts a message or packed field; `end` takes what it returns. */
  begin(tag: number): number {
    this.#reserve(6);
    this.#varint(tag);
    // One byte for the length, as most messages are shorter than 128 bytes; `end` makes room for more.
    return ++this.#position;
  }

  end(start: number): void {
    const length = this.#position - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    this.#reserve(extra);
    this.#bytes.copyWithin(start + extra, start, this.#position);
    this.#position = start - 1;
    this.#varint(length);
    this.#position += length;
  }

  // ---- values without tags, for packed fields and messages in a row ----

  rawBytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#position);
    this.#position += value.length;
  }

  rawDouble(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#position, value, true);
    this.#position += 8;
  }

  /** A fixed64 from a whole number of up to 2^53. */
  rawFixed64(value: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.#position, value >>> 0, true);
    this.#view.setUint32(this.#position + 4, Math.floor(value / 2 ** 32), true);
    this.#position += 8;
  }

  rawVarint(value: bigint | number): void {
    this.#reserve(10);
    if (typeof value === "number" && value >= 0 && value <= 0xffffffff) this.#varint(value);
    else this.#varint64(BigInt.asUintN(64, BigInt(value)));
  }

  #text(value: string): number {
    const start = this.#position;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) {
        this.#position = start + this.#bytes.write(value, start, "utf8");
        return this.#position - start;
      }
      this.#bytes[this.#position++] = unit;
    }
    return this.#position - start;
  }

  #varint(value: number): void {
    while (value >= 0x80) {
      this.#bytes[this.#position++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#position++] = value;
  }

  #varint64(value: bigint): void {
    while (value >= 0x80n) {
      this.#bytes[this.#position++] = Number(value & 0x7fn) | 0x80;
      value >>= 7n;
    }
    this.#bytes[this.#position++] = Number(value);
  }

  #reserve(length: number): void {
    const needed = this.#position + length;
    if (needed <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#position));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
