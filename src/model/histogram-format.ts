/** Native histograms as text, as Go prints them. */
import { type FloatHistogram, usesCustomBuckets } from "./histogram.ts";
import {
  type Bucket,
  compacted,
  negativeBuckets,
  negativeSide,
  positiveBuckets,
  positiveSide,
  type Side,
  zeroBucket,
} from "./histogram-buckets.ts";
import { formatG } from "./number-format.ts";

/** `{count:3, sum:5, [-0.001,0.001]:1, (1,2]:2}`: upstream's `String()`. */
export function formatHistogram(histogram: FloatHistogram): string {
  const isOccupied = ({ count }: Bucket) => count !== 0;
  const buckets = [
    ...negativeBuckets(histogram).filter(isOccupied).reverse(),
    ...(histogram.zeroCount === 0 ? [] : [zeroBucket(histogram)]),
    ...positiveBuckets(histogram).filter(isOccupied),
  ];
  const parts = [
    `count:${formatG(histogram.count)}`,
    `sum:${formatG(histogram.sum)}`,
    ...buckets.map(formatBucket),
  ];
  return `{${parts.join(", ")}}`;
}

function formatBucket({ lower, upper, isLowerInclusive, isUpperInclusive, count }: Bucket): string {
  const open = isLowerInclusive ? "[" : "(";
  const close = isUpperInclusive ? "]" : ")";
  return `${open}${formatG(lower)},${formatG(upper)}${close}:${formatG(count)}`;
}

/** `{{schema:1 count:3 sum:5 buckets:[1 2]}}`: as the promqltest language writes them. */
export function formatTestHistogram(original: FloatHistogram): string {
  const histogram = compacted(original);
  const parts: string[] = [];
  const add = (name: string, value: number) => {
    if (value !== 0) parts.push(`${name}:${formatG(value)}`);
  };
  add("schema", histogram.schema);
  add("count", histogram.count);
  add("sum", histogram.sum);
  add("z_bucket", histogram.zeroCount);
  add("z_bucket_w", histogram.zeroThreshold);
  if (usesCustomBuckets(histogram)) parts.push(`custom_values:${list(histogram.customValues)}`);
  if (histogram.counterResetHint !== "unknown")
    parts.push(`counter_reset_hint:${histogram.counterResetHint}`);
  const addSide = (side: Side, buckets: string, offset: string) => {
    if (side.indexes.length === 0) return;
    if (side.indexes[0] !== 0) parts.push(`${offset}:${side.indexes[0]}`);
    parts.push(`${buckets}:${list(withGaps(side))}`);
  };
  addSide(positiveSide(histogram), "buckets", "offset");
  addSide(negativeSide(histogram), "n_buckets", "n_offset");
  return `{{${parts.join(" ")}}}`;
}

/** The counts of all buckets from the first to the last. */
function withGaps({ indexes, counts }: Side): number[] {
  const out = new Array<number>(indexes.at(-1)! - indexes[0] + 1).fill(0);
  indexes.forEach((index, i) => {
    out[index - indexes[0]] = counts[i];
  });
  return out;
}

function list(numbers: readonly number[]): string {
  return `[${numbers.map(formatG).join(" ")}]`;
}
