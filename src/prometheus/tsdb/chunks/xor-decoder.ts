/** Reads float chunks: the other side of `xor-chunk.ts`. */
import { CorruptionError } from "../bytes/byte-reader.ts";
import type { SampleColumns } from "./sample-columns.ts";

/**
 * What lies behind the last byte of a chunk may be read, not used: memory to decode from must go on that far. Only
 * after a sample, of at most 145 bits, is it checked whether the chunk had ended.
 */
export const DECODE_SLACK_BYTES = 24;
const TWO_32 = 2 ** 32;
const TWO_31 = 2 ** 31;
/** Bits of a delta-of-delta by the number of ones before it. */
const DELTA_BITS = [0, 14, 17, 20, 64];

/** The number of samples in a chunk, without reading them. */
export function xorSampleCount(chunk: DataView, start: number): number {
  return chunk.getUint16(start);
}

/**
 * Appends the samples from `minMs` to `maxMs`, both included, of the chunk at `start` to `out`.
 *
 * @throws CorruptionError when the samples do not fit in `byteLength`
 */
export function decodeXor(
  chunk: DataView,
  start: number,
  byteLength: number,
  minMs: number,
  maxMs: number,
  out: SampleColumns,
): void {
  if (byteLength < 2) throw new CorruptionError("chunk too short");
  const count = chunk.getUint16(start);
  if (count === 0) return;
  out.reserve(count);
  const { timestamps, words } = out;
  const endBit = (start + byteLength) * 8;
  let length = out.length;
  let bit = (start + 2) * 8;

  // The first sample is byte-aligned.
  let at = start + 2;
  const zigzag = uvarintAt(chunk, at, start + byteLength);
  at += zigzag.bytes;
  let time = zigzag.value % 2 === 0 ? zigzag.value / 2 : -(zigzag.value + 1) / 2;
  if (at + 8 > start + byteLength) throw new CorruptionError("chunk ends within a sample");
  let high = chunk.getInt32(at);
  let low = chunk.getInt32(at + 4);
  if (time >= minMs && time <= maxMs) {
    timestamps[length] = time;
    words[2 * length] = low;
    words[2 * length + 1] = high;
    length++;
  }
  if (count === 1 || time > maxMs) {
    out.length = length;
    return;
  }
  at += 8;
  const second = uvarintAt(chunk, at, start + byteLength);
  bit = (at + second.bytes) * 8;
  let delta = second.value;
  let leading = 0;
  let trailing = 0;

  for (let i = 1; i < count; i++) {
    let head = peek(chunk, bit);
    if (i > 1) {
      if (head >= 0) {
        // The usual case: one bit of time, and what follows is already there.
        bit++;
        head <<= 1;
      } else {
        const ones = Math.min(4, Math.clz32(~head));
        if (ones === 1) {
          const raw = (head >>> 16) & 0x3fff;
          delta += raw > 0x2000 ? raw - 0x4000 : raw;
          bit += 16;
        } else if (ones < 4) {
          const bits = DELTA_BITS[ones];
          const raw = (head << (ones + 1)) >>> (32 - bits);
          delta += raw > 1 << (bits - 1) ? raw - (1 << bits) : raw;
          bit += ones + 1 + bits;
        } else {
          delta += peek(chunk, bit + 4) * TWO_32 + (peek(chunk, bit + 36) >>> 0);
          bit += 68;
        }
        head = peek(chunk, bit);
      }
    }
    time += delta;

    if (head >= 0) {
      bit++;
    } else {
      let control = 2;
      if ((head & 0x40000000) !== 0) {
        leading = (head >>> 25) & 0x1f;
        const significant = (head >>> 19) & 0x3f;
        trailing = 64 - leading - (significant === 0 ? 64 : significant);
        if (trailing < 0) throw new CorruptionError("invalid number of significant bits");
        control = 13;
      }
      bit += control;
      const significant = 64 - leading - trailing;
      // The window as a 64-bit word, shifted up to where it belongs.
      let upper: number;
      let lower: number;
      if (control + significant < 32) {
        upper = 0;
        lower = (head << control) >>> (32 - significant);
      } else if (significant <= 32) {
        upper = 0;
        lower = peek(chunk, bit) >>> (32 - significant);
      } else {
        upper = peek(chunk, bit) >>> (64 - significant);
        lower = peek(chunk, bit + significant - 32);
      }
      bit += significant;
      if (trailing === 0) {
        high ^= upper;
        low ^= lower;
      } else if (trailing < 32) {
        high ^= (upper << trailing) | (lower >>> (32 - trailing));
        low ^= lower << trailing;
      } else {
        high ^= lower << (trailing - 32);
      }
    }
    if (bit > endBit) throw new CorruptionError("chunk ends within a sample");
    if (time > maxMs) break;
    if (time >= minMs) {
      timestamps[length] = time;
      words[2 * length] = low;
      words[2 * length + 1] = high;
      length++;
    }
  }
  out.length = length;
  if (time > TWO_31 * TWO_31) throw new CorruptionError("timestamp out of range");
}

/** The 32 bits from `bit` on. */
function peek(chunk: DataView, bit: number): number {
  const at = bit >>> 3;
  const offset = bit & 7;
  return (chunk.getInt32(at) << offset) | (chunk.getUint8(at + 4) >>> (8 - offset));
}

function uvarintAt(chunk: DataView, start: number, end: number): { value: number; bytes: number } {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (start + i >= end) throw new CorruptionError("chunk ends within a sample");
    const byte = chunk.getUint8(start + i);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, bytes: i + 1 };
    scale *= 0x80;
  }
  throw new CorruptionError("varint overflows a 64-bit integer");
}
