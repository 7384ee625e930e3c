/** Sorting that gives way to others: a sort of a million strings in one go would block for more than a second. */
import type { Pacer } from "./pacer.ts";

const RUN_LENGTH = 512;
const MERGES_PER_CHECK = 1024;

/** Sorts a copy. */
export async function sortNumbersInSlices(
  numbers: Int32Array,
  compare: (a: number, b: number) => number,
  pacer: Pacer,
): Promise<Int32Array> {
  let from = numbers.slice();
  let to = new Int32Array(numbers.length);
  for (let i = 0; i < from.length; i += RUN_LENGTH) {
    from.subarray(i, i + RUN_LENGTH).sort(compare);
    if (pacer.isDue()) await pacer.pause();
  }
  for (let length = RUN_LENGTH; length < from.length; length *= 2) {
    for (let start = 0; start < from.length; start += 2 * length) {
      const middle = Math.min(start + length, from.length);
      const end = Math.min(start + 2 * length, from.length);
      for (let i = start, j = middle, k = start; k < end; k++) {
        to[k] = j === end || (i < middle && compare(from[i], from[j]) <= 0) ? from[i++] : from[j++];
        if (k % MERGES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Sorts a copy. Stable. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  pacer: Pacer,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let i = 0; i < items.length; i += RUN_LENGTH) {
    runs.push(items.slice(i, i + RUN_LENGTH).sort(compare));
    if (pacer.isDue()) await pacer.pause();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(i + 1 < runs.length ? await merge(runs[i], runs[i + 1], compare, pacer) : runs[i]);
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(a: T[], b: T[], compare: (a: T, b: T) => number, pacer: Pacer): Promise<T[]> {
  const out: T[] = new Array(a.length + b.length);
  for (let i = 0, j = 0, k = 0; k < out.length; k++) {
    out[k] = j === b.length || (i < a.length && compare(a[i], b[j]) <= 0) ? a[i++] : b[j++];
    if (k % MERGES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  return out;
}
