/**
 * Reads the protobuf wire format without schemas or intermediate objects: a decoder is a loop over tags.
 *
 * ```ts
 * while (reader.position < end) {
 *   const tag = reader.tag();
 *   if (tag === 0x0a) name = reader.string(end);        // field 1, length-delimited
 *   else reader.skip(tag, end);
 * }
 * ```
 *
 * Everything that reads takes the `end` of the message it is in, so that no field reaches past its message.
 */

/** What Go says, without the `proto:` of its other complaints. */
const UNEXPECTED_END = "unexpected EOF";

/** Bytes that are not the protobuf message they should be. */
export class ProtobufError extends Error {
  /** @param source who complains, in front of all but what ends too early */
  constructor(message: string, source = "proto") {
    super(message === UNEXPECTED_END ? message : `${source}: ${message}`);
    this.name = "ProtobufError";
  }
}

/** The number of a field whose tag was read. */
export const fieldOf = (tag: number): number => tag >>> 3;

/** Strings up to this length, most of them names that come again and again, are looked for among those seen before. */
const SHORT_STRING_BYTES = 32;
/** How many of them are remembered; a power of two. */
const KNOWN_STRINGS = 4096;
/** By hash; the last one of each. What is in here decides how fast a string is read, never which. */
const knownStrings: (string | undefined)[] = new Array(KNOWN_STRINGS);

function isSame(bytes: Uint8Array, start: number, stop: number, text: string): boolean {
  if (text.length !== stop - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

export class ProtobufReader {
  readonly bytes: Uint8Array;
  /** The offset of the next byte to be read. */
  position = 0;
  readonly #view: DataView;
  readonly #buffer: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get length(): number {
    return this.bytes.length;
  }

  /** `field << 3 | wireType`. */
  tag(): number {
    const tag = this.uint32();
    if (tag < 8) throw new ProtobufError("invalid field number 0");
    return tag;
  }

  /** A varint's lower 32 bits, unsigned: uint32, enums, lengths. */
  uint32(): number {
    const { bytes } = this;
    let byte = bytes[this.position++];
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      if (this.position >= bytes.length) throw unexpectedEnd();
      byte = bytes[this.position++];
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    if (byte === undefined) throw unexpectedEnd();
    throw new ProtobufError("varint is longer than 10 bytes");
  }

  /** A varint as int32: enums and counts that may be negative. */
  int32(): number {
    return this.uint32() | 0;
  }

  /** A zigzag-coded varint: sint32. */
  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  /** A varint of up to 64 bits, unsigned. */
  uint64(): bigint {
    const { bytes } = this;
    if (bytes[this.position] < 0x80) return BigInt(bytes[this.position++]);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.position >= bytes.length) throw unexpectedEnd();
      const byte = bytes[this.position++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError("varint is longer than 10 bytes");
  }

  /** A varint as int64. */
  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  /** An unsigned varint as a number: exact to 2^53. */
  uint64Number(): number {
    const start = this.position;
    const low = this.uint32();
    if (this.position - start < 5) return low;
    this.position = start;
    return Number(this.uint64());
  }

  /** A signed varint as a number: exact to ±2^53. */
  int64Number(): number {
    const start = this.position;
    const low = this.uint32();
    if (this.position - start < 5) return low;
    this.position = start;
    return Number(this.int64());
  }

  fixed32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  fixed64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  sfixed64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  /** A fixed64 as a number: exact to 2^53. */
  fixed64Number(): number {
    const at = this.#advance(8);
    return this.#view.getUint32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true);
  }

  double(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  /** Reads a length and returns where the length-delimited field ends, which is not after `end`. */
  delimited(end: number): number {
    const length = this.uint32();
    const stop = this.position + length;
    if (stop > end) throw unexpectedEnd();
    return stop;
  }

  /** A string field. Invalid UTF-8 becomes replacement characters. */
  string(end: number): string {
    const stop = this.delimited(end);
    const start = this.position;
    this.position = stop;
    if (stop - start > SHORT_STRING_BYTES) return this.#buffer.toString("utf8", start, stop);
    const { bytes } = this;
    let hash = stop - start;
    for (let at = start; at < stop; at++) {
      if (bytes[at] >= 0x80) return this.#buffer.toString("utf8", start, stop);
      hash = (Math.imul(hash, 31) + bytes[at]) | 0;
    }
    const slot = hash & (KNOWN_STRINGS - 1);
    const known = knownStrings[slot];
    if (known !== undefined && isSame(bytes, start, stop, known)) return known;
    return (knownStrings[slot] = this.#buffer.toString("latin1", start, stop));
  }

  /** A bytes field: a view of the message, not a copy. */
  bytesField(end: number): Uint8Array {
    const stop = this.delimited(end);
    const view = this.bytes.subarray(this.position, stop);
    this.position = stop;
    return view;
  }

  /** A bytes field in hexadecimal digits. */
  hex(end: number): string {
    const stop = this.delimited(end);
    const text = this.#buffer.toString("hex", this.position, stop);
    this.position = stop;
    return text;
  }

  /** Passes over the field whose tag was read. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case 0:
        this.uint64();
        break;
      case 1:
        this.#advance(8);
        break;
      case 2:
        this.position = this.delimited(end);
        break;
      case 5:
        this.#advance(4);
        break;
      default:
        throw new ProtobufError(`unsupported wire type ${tag & 7}`);
    }
    if (this.position > end) throw unexpectedEnd();
  }

  /** To be called when the loop over a message's fields has ended: did the last one reach past it? */
  finish(end: number): void {
    if (this.position !== end) throw unexpectedEnd();
  }

  #advance(length: number): number {
    const at = this.position;
    this.position += length;
    if (this.position > this.bytes.length) throw unexpectedEnd();
    return at;
  }
}

function unexpectedEnd(): ProtobufError {
  return new ProtobufError(UNEXPECTED_END);
}
