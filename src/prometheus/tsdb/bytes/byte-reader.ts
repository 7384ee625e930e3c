/** Reads what `ByteWriter` writes. Everything that comes from disk may be damaged: reading past the end throws. */

const TWO_32 = 2 ** 32;
/** Go's `binary.MaxVarintLen64`. */
const MAX_VARINT_BYTES = 10;

/** The data is not what it should be. The message says what and where. */
export class CorruptionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CorruptionError";
  }
}

export class ByteReader {
  bytes: Uint8Array;
  view: DataView;
  position: number;
  end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** @throws CorruptionError when fewer than `count` bytes are left. */
  need(count: number): void {
    if (this.position + count > this.end) throw new CorruptionError("invalid size");
  }

  u8(): number {
    this.need(1);
    return this.bytes[this.position++];
  }

  u16(): number {
    this.need(2);
    const value = this.view.getUint16(this.position);
    this.position += 2;
    return value;
  }

  u32(): number {
    this.need(4);
    const value = this.view.getUint32(this.position);
    this.position += 4;
    return value;
  }

  /** Unsigned; beyond 2^53 the nearest double. */
  u64(): number {
    this.need(8);
    const value = this.view.getUint32(this.position) * TWO_32 + this.view.getUint32(this.position + 4);
    this.position += 8;
    return value;
  }

  /** Signed; beyond 2^53 either way the nearest double. */
  i64(): number {
    this.need(8);
    const value = this.view.getInt32(this.position) * TWO_32 + this.view.getUint32(this.position + 4);
    this.position += 8;
    return value;
  }

  float64(): number {
    this.need(8);
    const value = this.view.getFloat64(this.position);
    this.position += 8;
    return value;
  }

  uvarint(): number {
    const { bytes, end } = this;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.position >= end) throw new CorruptionError("invalid size");
      const byte = bytes[this.position++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new CorruptionError("varint overflows a 64-bit integer");
  }

  varint(): number {
    const zigzag = this.uvarint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  /** A view of the next `count` bytes. */
  raw(count: number): Uint8Array {
    this.need(count);
    this.position += count;
    return this.bytes.subarray(this.position - count, this.position);
  }

  skip(count: number): void {
    this.need(count);
    this.position += count;
  }

  /** A string with its length before it. */
  string(): string {
    const count = this.uvarint();
    this.need(count);
    const start = this.position;
    this.position += count;
    return decodeUtf8(this.bytes, start, this.position);
  }
}

const utf8 = new TextDecoder();

/** What `Buffer.toString("latin1")` calls, on any bytes. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};
/** Up to this length it pays to look whether a text is ASCII. */
const SHORT_TEXT_BYTES = 32;

/** Faster than `TextDecoder` for the short plain strings that labels are made of. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT_TEXT_BYTES) return utf8.decode(bytes.subarray(start, end));
  for (let i = start; i < end; i++) if (bytes[i] >= 0x80) return utf8.decode(bytes.subarray(start, end));
  // Put together character by character, the string would be a chain of its parts.
  return latin1Slice.call(bytes, start, end);
}
