/**
 * The bounds of exponential buckets between two powers of two, bit for bit as upstream's table has them
 * (`exponentialBounds` in `model/histogram/generic.go`): it is what a bucket's bound is called in answers, and what
 * observations were sorted by. The table's numbers are off by up to four places of the last bit.
 */

/** The finest schema: 256 buckets for each power of two. Coarser ones have every second, fourth, … of its bounds. */
const FINEST_SCHEMA = 8;
/** By how many places of the last bit the table differs from 2^(i/256): `0`, `1` above, `a` to `d` 1 to 4 below. */
const DEVIATIONS =
  "000000a000a0000000ab00aaaaaaaaaa00a000a00aaa00aa00aa01aa00aa00aa" +
  "000000aaaabba0ba00a000a0000a0000000a0100a0bb00aa0aaa00a0a0bbaaaa" +
  "a0a0aabbaabaa0aaaaaaaabababbbabb00aa00a0aabba0bbaabba0aababbaaba" +
  "aacbaababbcbbbcbbbbbbbccccddcbdcaabaabbbbaccaabbbacbaabbbbdcbbcc";
const PLACES = "dcba01";

/** `FINEST[i]` is 2^(i/256) in the table's precision: from 1 to below 2. */
const FINEST = finestBounds();

function finestBounds(): Float64Array {
  const bounds = Float64Array.from(DEVIATIONS, (_, i) => 2 ** (i / DEVIATIONS.length));
  const bits = new BigInt64Array(bounds.buffer);
  for (let i = 0; i < bits.length; i++) bits[i] += BigInt(PLACES.indexOf(DEVIATIONS[i]) - 4);
  return bounds;
}

/** 2^(position / 2^schema), for positions below 2^schema and schemas from 0 to 8; finer ones are not in the table. */
export function fractionalBound(position: number, schema: number): number {
  return schema <= FINEST_SCHEMA
    ? FINEST[position * 2 ** (FINEST_SCHEMA - schema)]
    : 2 ** (position / 2 ** schema);
}
