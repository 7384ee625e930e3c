/**
 * Float chunks: Gorilla compression as Prometheus has it (`tsdb/chunkenc/xor.go`, encoding 1).
 *
 * ```
 * samples <u16> | t0 <varint> v0 <64 bits> | t1-t0 <uvarint> xor(v1) | dod(t2) xor(v2) | …
 *
 * dod   0                            same delta            xor   0              same value
 *       10  + 14 bits                                            10 + bits      within the last bits' window
 *       110 + 17 bits                                            11 + leading <5> + count <6> + bits
 *       1110 + 20 bits
 *       1111 + 64 bits
 * ```
 * A range of n bits holds -(2^(n-1)-1) to 2^(n-1): not two's complement.
 *
 * The encoder's state is a row of 16 words in a shared `Int32Array`, and the chunk's bytes lie in a larger buffer, so
 * that a million open chunks are a few typed arrays. Bits are written through 32-bit stores, which may clear up to
 * four bytes behind the end: chunk memory ends with `CHUNK_SLACK_BYTES` that belong to it.
 */

/** Words per row. Even words 0 to 7 pair up as the float64s that the names with `F` index. */
export const ROW_WORDS = 16;
export const ROW_FLOATS = ROW_WORDS / 2;

/** Float64 slots of a row. */
export const F_LAST_TIME = 0;
export const F_TIME_DELTA = 1;
/** The last value; its halves are the words 4 (low) and 5 (high). */
export const F_LAST_VALUE = 2;
export const W_VALUE_LOW = 4;
export const W_VALUE_HIGH = 5;

/** Word slots. The rest of the row (words 10 to 15 and floats 3 and 4) belongs to the owner of the row. */
export const F_OWNER_A = 3;
export const F_OWNER_B = 4;
/** Position of the next bit, counted from the start of the chunk. */
export const W_BIT_LENGTH = 10;
export const W_SAMPLES = 11;
/** `leading << 8 | trailing` zeros of the last window, or -1. */
export const W_WINDOW = 12;
export const W_OWNER_A = 13;
export const W_OWNER_B = 14;
export const W_OWNER_C = 15;

/** No sample takes more: 4+64 bits of time and 2+5+6+64 bits of value. */
export const MAX_SAMPLE_BYTES = 19;
export const CHUNK_SLACK_BYTES = 8;
/** The first sample may also take a ten-byte varint; with the header. */
export const MAX_FIRST_SAMPLE_BYTES = 2 + 10 + 8;
const HEADER_BITS = 16;
const TWO_32 = 2 ** 32;

/** Begins an empty chunk in a row. */
export function resetXorRow(words: Int32Array, row: number): void {
  const w = row * ROW_WORDS;
  words[w + W_BIT_LENGTH] = HEADER_BITS;
  words[w + W_SAMPLES] = 0;
  words[w + W_WINDOW] = -1;
}

/** The bytes that a row's chunk takes. */
export function xorByteLength(words: Int32Array, row: number): number {
  return (words[row * ROW_WORDS + W_BIT_LENGTH] + 7) >>> 3;
}

/**
 * Writes into the chunk how many samples it has, which `appendXor` leaves to this: the beginning of a chunk is other
 * memory than its end, and would have to be fetched for every sample.
 */
export function writeXorCount(words: Int32Array, row: number, chunk: DataView, start: number): void {
  chunk.setUint16(start, words[row * ROW_WORDS + W_SAMPLES]);
}

/**
 * Adds a sample to the chunk whose state is `row` and whose bytes begin at `start` of `chunk`. The caller has made
 * room for `MAX_SAMPLE_BYTES` and the slack, and keeps timestamps ascending. `writeXorCount` makes the chunk whole.
 *
 * @param floats the same memory as `words`
 */
export function appendXor(
  words: Int32Array,
  floats: Float64Array,
  row: number,
  chunk: DataView,
  start: number,
  timestampMs: number,
  low: number,
  high: number,
): void {
  const w = row * ROW_WORDS;
  const f = row * ROW_FLOATS;
  const count = words[w + W_SAMPLES];
  let bit = words[w + W_BIT_LENGTH];
  if (count > 1) {
    const delta = timestampMs - floats[f + F_LAST_TIME];
    const change = delta - floats[f + F_TIME_DELTA];
    floats[f + F_TIME_DELTA] = delta;
    // The same delta is a 0, which goes along with the value's bits.
    if (change !== 0) bit = putDeltaOfDelta(chunk, start, bit, change);
    bit = putXor(words, w, chunk, start, bit, low, high, change === 0 ? 1 : 0);
  } else if (count === 1) {
    const delta = timestampMs - floats[f + F_LAST_TIME];
    floats[f + F_TIME_DELTA] = delta;
    bit = putUvarint(chunk, start, bit, delta);
    bit = putXor(words, w, chunk, start, bit, low, high, 0);
  } else {
    bit = putUvarint(chunk, start, bit, timestampMs >= 0 ? 2 * timestampMs : -2 * timestampMs - 1);
    bit = putBits(chunk, start, bit, high >>> 16, 16);
    bit = putBits(chunk, start, bit, high & 0xffff, 16);
    bit = putBits(chunk, start, bit, low >>> 16, 16);
    bit = putBits(chunk, start, bit, low & 0xffff, 16);
  }
  words[w + W_SAMPLES] = count + 1;
  words[w + W_BIT_LENGTH] = bit;
  floats[f + F_LAST_TIME] = timestampMs;
  words[w + W_VALUE_LOW] = low;
  words[w + W_VALUE_HIGH] = high;
}

/** Writes the low `count` bits (1 to 24) of `value`, whose higher bits are 0. */
function putBits(chunk: DataView, start: number, bit: number, value: number, count: number): number {
  const at = start + (bit >>> 3);
  const offset = bit & 7;
  const kept = offset === 0 ? 0 : chunk.getUint8(at) << 24;
  chunk.setInt32(at, kept | (value << (32 - offset - count)));
  return bit + count;
}

function putUvarint(chunk: DataView, start: number, bit: number, value: number): number {
  let rest = value;
  let next = bit;
  while (rest >= 0x80) {
    next = putBits(chunk, start, next, (rest % 0x80) | 0x80, 8);
    rest = Math.floor(rest / 0x80);
  }
  return putBits(chunk, start, next, rest, 8);
}

function putDeltaOfDelta(chunk: DataView, start: number, bit: number, change: number): number {
  if (change >= -8191 && change <= 8192) {
    return putBits(chunk, start, bit, 0x8000 | (change & 0x3fff), 16);
  }
  if (change >= -65535 && change <= 65536) {
    return putBits(chunk, start, bit, 0xc0000 | (change & 0x1ffff), 20);
  }
  if (change >= -524287 && change <= 524288) {
    return putBits(chunk, start, bit, 0xe00000 | (change & 0xfffff), 24);
  }
  const high = Math.floor(change / TWO_32) | 0;
  const low = change - Math.floor(change / TWO_32) * TWO_32;
  let next = putBits(chunk, start, bit, 0xf, 4);
  next = putBits(chunk, start, next, high >>> 16, 16);
  next = putBits(chunk, start, next, high & 0xffff, 16);
  next = putBits(chunk, start, next, Math.floor(low / 0x10000), 16);
  return putBits(chunk, start, next, low % 0x10000, 16);
}

/** @param zeros how many bits that are 0 to write first, at most 1 */
function putXor(
  words: Int32Array,
  w: number,
  chunk: DataView,
  start: number,
  bit: number,
  low: number,
  high: number,
  zeros: number,
): number {
  const xorLow = low ^ words[w + W_VALUE_LOW];
  const xorHigh = high ^ words[w + W_VALUE_HIGH];
  if ((xorLow | xorHigh) === 0) return putBits(chunk, start, bit, 0, zeros + 1);
  // Above 31 leading zeros do not fit the 5 bits.
  let leading = xorHigh !== 0 ? Math.clz32(xorHigh) : 31;
  let trailing = xorLow !== 0 ? trailingZeros(xorLow) : 32 + trailingZeros(xorHigh);
  const window = words[w + W_WINDOW];
  let control = 2;
  let controlBits = zeros + 2;
  if (window >= 0 && leading >= window >>> 8 && trailing >= (window & 0xff)) {
    leading = window >>> 8;
    trailing = window & 0xff;
  } else {
    words[w + W_WINDOW] = (leading << 8) | trailing;
    // 64 significant bits become 0, since "0 bits" is never written.
    control = 0x1800 | (leading << 6) | ((64 - leading - trailing) & 0x3f);
    controlBits = zeros + 13;
  }
  const count = 64 - leading - trailing;
  // Whole numbers and what changes little: all in one go.
  if (trailing >= 32 && controlBits + count <= 24)
    return putBits(
      chunk,
      start,
      bit,
      (control << count) | (xorHigh >>> (trailing - 32)),
      controlBits + count,
    );
  const next = putBits(chunk, start, bit, control, controlBits);
  return putWindow(chunk, start, next, xorLow, xorHigh, trailing, count);
}

/** Writes the `count` bits above the lowest `trailing` ones of a 64-bit word. */
function putWindow(
  chunk: DataView,
  start: number,
  bit: number,
  low: number,
  high: number,
  trailing: number,
  count: number,
): number {
  let shiftedLow: number;
  let shiftedHigh: number;
  if (trailing >= 32) {
    shiftedLow = high >>> (trailing - 32);
    shiftedHigh = 0;
  } else if (trailing === 0) {
    shiftedLow = low;
    shiftedHigh = high;
  } else {
    shiftedLow = (low >>> trailing) | (high << (32 - trailing));
    shiftedHigh = high >>> trailing;
  }
  let next = bit;
  let rest = count;
  if (rest > 48) {
    next = putBits(chunk, start, next, shiftedHigh >>> 16, rest - 48);
    rest = 48;
  }
  if (rest > 32) {
    next = putBits(chunk, start, next, shiftedHigh & mask(rest - 32), rest - 32);
    rest = 32;
  }
  if (rest > 16) {
    next = putBits(chunk, start, next, (shiftedLow >>> 16) & mask(rest - 16), rest - 16);
    rest = 16;
  }
  return putBits(chunk, start, next, shiftedLow & mask(rest), rest);
}

function mask(bits: number): number {
  return (1 << bits) - 1;
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
