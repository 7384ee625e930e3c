/**
 * A label set as bytes, which identify a series in the head and are how the WAL writes it:
 *
 * ```
 * ┌─────────────────────┬────────────────────┬──────────────────────┬─────────────────────┬ ⋯
 * │ len(name) <uvarint> │ name <UTF-8 bytes> │ len(value) <uvarint> │ value <UTF-8 bytes> │
 * └─────────────────────┴────────────────────┴──────────────────────┴─────────────────────┴ ⋯
 * ```
 * sorted by name.
 */
import type { Labels } from "../../../model/labels.ts";
import { decodeUtf8 } from "../bytes/byte-reader.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";

/** A label set that takes more is refused as invalid. */
export const MAX_LABEL_SET_BYTES = 1 << 19;

/** Appends the key of `labels` to `out`. */
export function writeLabelKey(out: ByteWriter, labels: Labels): void {
  const { flat } = labels;
  for (let i = 0; i < flat.length; i++) out.string(flat[i]);
}

/** Where the string ends that a key has at `at`. */
export function skipString(key: Uint8Array, at: number): number {
  const byte = key[at];
  if (byte < 0x80) return at + 1 + byte;
  let length = byte & 0x7f;
  let next = at + 1;
  for (let scale = 0x80; ; scale *= 0x80) {
    const more = key[next++];
    length += (more & 0x7f) * scale;
    if (more < 0x80) return next + length;
  }
}

/** The string that a key has at `at`. */
export function readString(key: Uint8Array, at: number): string {
  const end = skipString(key, at);
  let start = at;
  while (key[start++] >= 0x80);
  return decodeUtf8(key, start, end);
}

/** The number of labels of a key. */
export function labelCount(key: Uint8Array, start: number, end: number): number {
  let strings = 0;
  for (let at = start; at < end; at = skipString(key, at)) strings++;
  return strings >>> 1;
}

/** Where each name-value pair of a key lies. */
export function pairsOfKey(key: Uint8Array): [start: number, end: number][] {
  const pairs: [number, number][] = [];
  for (let at = 0; at < key.length; ) {
    const end = skipString(key, skipString(key, at));
    pairs.push([at, end]);
    at = end;
  }
  return pairs;
}

/** A 32-bit hash (murmur3's mixing, four bytes a step). `seed` keeps senders from choosing keys that collide. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  let i = start;
  for (const last = end - 3; i < last; i += 4) {
    let word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    word = Math.imul(word, 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Whether two ranges of the same length hold the same bytes. */
export function equalBytes(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  count: number,
): boolean {
  for (let i = 0; i < count; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/**
 * Order of two label keys: that of their label sets (`compareLabels`), since names and values compare as their bytes.
 */
export function compareKeys(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd) {
    // Lengths of 128 bytes and more take several bytes.
    let aLength = a[i++];
    if (aLength >= 0x80) {
      aLength &= 0x7f;
      for (let scale = 0x80; ; scale *= 0x80) {
        const byte = a[i++];
        aLength += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
    }
    let bLength = b[j++];
    if (bLength >= 0x80) {
      bLength &= 0x7f;
      for (let scale = 0x80; ; scale *= 0x80) {
        const byte = b[j++];
        bLength += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
    }
    const common = Math.min(aLength, bLength);
    for (let k = 0; k < common; k++) {
      const difference = a[i + k] - b[j + k];
      if (difference !== 0) return difference;
    }
    if (aLength !== bLength) return aLength - bLength;
    i += aLength;
    j += bLength;
  }
  return aEnd - i - (bEnd - j);
}
