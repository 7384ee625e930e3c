/** The hash of a label set: the same for the same labels everywhere and always, and the same as upstream's. */
import type { Labels } from "../../model/labels.ts";

/** Lengths from here on take four bytes: this one and three, little-endian. */
const LONG_LENGTH = 255;

/** A label set's place in [0, 1), for `limit_ratio`: spread evenly. */
export function hashLabels(labels: Labels): number {
  return Number(labelHash(labels)) / 2 ** 64;
}

/** xxHash64 of upstream's own encoding of labels (`model/labels/labels_stringlabels.go`). */
export function labelHash(labels: Labels): bigint {
  const parts: Uint8Array[] = [];
  for (const text of labels.flat) {
    const bytes = Buffer.from(text);
    const { length } = bytes;
    parts.push(
      length < LONG_LENGTH
        ? Uint8Array.of(length)
        : Uint8Array.of(LONG_LENGTH, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff),
      bytes,
    );
  }
  return xxHash64(Buffer.concat(parts));
}

const PRIME_1 = 0x9e3779b185ebca87n;
const PRIME_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_3 = 0x165667b19e3779f9n;
const PRIME_4 = 0x85ebca77c2b2ae63n;
const PRIME_5 = 0x27d4eb2f165667c5n;
/** Input is mixed in by stripes of four 64-bit lanes. */
const STRIPE_BYTES = 32;

/** xxHash64 with seed 0. */
export function xxHash64(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  let hash: bigint;
  if (data.length >= STRIPE_BYTES) {
    const lanes = [word(PRIME_1 + PRIME_2), PRIME_2, 0n, word(-PRIME_1)];
    for (; at + STRIPE_BYTES <= data.length; at += STRIPE_BYTES) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], view.getBigUint64(at + 8 * i, true));
    }
    hash = word(rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n));
    for (const lane of lanes) hash = word((hash ^ round(0n, lane)) * PRIME_1 + PRIME_4);
  } else {
    hash = PRIME_5;
  }
  hash = word(hash + BigInt(data.length));
  for (; at + 8 <= data.length; at += 8) {
    hash = word(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIME_1 + PRIME_4);
  }
  if (at + 4 <= data.length) {
    const lane = BigInt(view.getUint32(at, true));
    hash = word(rotate(hash ^ word(lane * PRIME_1), 23n) * PRIME_2 + PRIME_3);
    at += 4;
  }
  for (; at < data.length; at++) {
    hash = word(rotate(hash ^ word(BigInt(data[at]) * PRIME_5), 11n) * PRIME_1);
  }
  hash = word((hash ^ (hash >> 33n)) * PRIME_2);
  hash = word((hash ^ (hash >> 29n)) * PRIME_3);
  return hash ^ (hash >> 32n);
}

function word(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, bits: bigint): bigint {
  return word(value << bits) | (value >> (64n - bits));
}

function round(accumulator: bigint, lane: bigint): bigint {
  return word(rotate(word(accumulator + lane * PRIME_2), 31n) * PRIME_1);
}
