/** A growing buffer with the encodings of Prometheus' on-disk formats: big-endian numbers and Go's varints. */

const FIRST_CAPACITY = 256;
const TWO_32 = 2 ** 32;

export class ByteWriter {
  bytes: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacity = FIRST_CAPACITY) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  /** What was written. Valid until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.length, value);
    this.length += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value);
    this.length += 4;
  }

  /** A whole number, also negative ones (two's complement), exact up to 2^53. */
  u64(value: number): void {
    this.reserve(8);
    this.view.setInt32(this.length, Math.floor(value / TWO_32));
    this.view.setUint32(this.length + 4, value >>> 0 === value ? value : modulo32(value));
    this.length += 8;
  }

  /** A float64 by the halves of its bits, which keeps NaNs what they are. */
  bits(low: number, high: number): void {
    this.reserve(8);
    this.view.setUint32(this.length, high);
    this.view.setUint32(this.length + 4, low);
    this.length += 8;
  }

  float64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** Go's `binary.PutUvarint`; whole numbers from 0 to 2^53. */
  uvarint(value: number): void {
    this.reserve(10);
    const { bytes } = this;
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = rest < TWO_32 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    bytes[this.length++] = rest;
  }

  /** Go's `binary.PutVarint` (zigzag); exact up to 2^52 either way. */
  varint(value: number): void {
    this.uvarint(value >= 0 ? 2 * value : -2 * value - 1);
  }

  /** Bytes as they are. */
  raw(data: Uint8Array, start = 0, end = data.length): void {
    const count = end - start;
    this.reserve(count);
    if (count < 32) {
      const { bytes, length } = this;
      for (let i = 0; i < count; i++) bytes[length + i] = data[start + i];
    } else {
      this.bytes.set(data.subarray(start, end), this.length);
    }
    this.length += count;
  }

  zeros(count: number): void {
    this.reserve(count);
    this.bytes.fill(0, this.length, this.length + count);
    this.length += count;
  }

  /** UTF-8, preceded by its length in bytes as a uvarint. */
  string(text: string): void {
    const { length } = text;
    this.reserve(3 * length + 5);
    if (length < 0x80 && this.#shortAscii(text)) return;
    const encoded = utf8.encode(text);
    this.uvarint(encoded.length);
    this.raw(encoded);
  }

  /** Most names and values: one byte per character, and a length of one byte. */
  #shortAscii(text: string): boolean {
    const { bytes, length: start } = this;
    const count = text.length;
    for (let i = 0; i < count; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[start + 1 + i] = unit;
    }
    bytes[start] = count;
    this.length = start + 1 + count;
    return true;
  }
}

const utf8 = new TextEncoder();

/** The low 32 bits of a whole number beyond 32 bits, as unsigned. */
function modulo32(value: number): number {
  const rest = value % TWO_32;
  return rest < 0 ? rest + TWO_32 : rest;
}
