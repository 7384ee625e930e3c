import { equalBytes, skipString } from "../index/label-key.ts";

/** A label key taken apart: where its pairs start, with the end of the last, and their numbers in the postings. */
export class KeyPairs {
  bytes: Uint8Array = new Uint8Array(0);
  starts = new Int32Array(64);
  pairs = new Int32Array(64);
  count = 0;

  read(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes;
    this.count = 0;
    this.starts[0] = start;
    for (let at = start; at < start + length; ) {
      at = skipString(bytes, skipString(bytes, at));
      if (++this.count === this.starts.length) {
        this.starts = doubled(this.starts);
        this.pairs = doubled(this.pairs);
      }
      this.starts[this.count] = at;
    }
  }

  /** The number of the pair at `index` of `other` when it is the same here; else -1. */
  samePair(index: number, other: KeyPairs): number {
    if (index >= this.count) return -1;
    const own = this.starts[index];
    const from = other.starts[index];
    const length = other.starts[index + 1] - from;
    if (this.starts[index + 1] - own !== length) return -1;
    return equalBytes(this.bytes, own, other.bytes, from, length) ? this.pairs[index] : -1;
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(2 * array.length);
  grown.set(array);
  return grown;
}
