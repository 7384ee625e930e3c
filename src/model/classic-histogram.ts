/**
 * Collects the samples of a classic histogram and makes a native one with custom buckets of them
 * (`util/convertnhcb` upstream).
 */
import { CUSTOM_BUCKETS_SCHEMA, createHistogram, type FloatHistogram } from "./histogram.ts";
import { spansOf } from "./histogram-buckets.ts";
import { formatG } from "./number-format.ts";

/** In a histogram of whole numbers so many empty buckets in a row are kept between others, as upstream does. */
const MAX_EMPTY_BUCKETS = 2;

interface ClassicBucket {
  upperBound: number;
  /** Cumulative. */
  count: number;
}

export type HistogramPart = "bucket" | "count" | "sum";

/** Which part of a classic histogram a metric is by its name, and the histogram's own name. */
export function histogramPartOf(metric: string): { part: HistogramPart | undefined; name: string } {
  for (const part of ["bucket", "sum", "count"] as const)
    if (metric.endsWith(`_${part}`)) return { part, name: metric.slice(0, -part.length - 1) };
  return { part: undefined, name: metric };
}

export class ClassicHistogram {
  readonly #buckets: ClassicBucket[] = [];
  #count: number | undefined;
  #sum = 0;
  #problem = "";

  setCount(count: number): void {
    if (count < 0) this.#fail(`count must be non-negative: count=${formatG(count)}`);
    this.#count = count;
  }

  setSum(sum: number): void {
    this.#sum = sum;
  }

  /** Bounds may come in any order; of those that are equal the first counts. */
  setBucketCount(upperBound: number, count: number): void {
    const buckets = this.#buckets;
    let at = buckets.length;
    while (at > 0 && buckets[at - 1].upperBound >= upperBound) at--;
    if (buckets[at]?.upperBound === upperBound) return;
    const below = buckets[at - 1]?.count ?? 0;
    const above = buckets[at]?.count ?? Number.POSITIVE_INFINITY;
    if (Number.isNaN(upperBound)) this.#fail("bucket boundary must not be NaN");
    else if (count < 0)
      this.#fail(`bucket count must be non-negative: le=${formatG(upperBound)}, count=${formatG(count)}`);
    else if (count < below) this.#fail(`count is not cumulative: ${formatG(count)} < ${formatG(below)}`);
    else if (count > above) this.#fail(`count is not cumulative: ${formatG(count)} > ${formatG(above)}`);
    else buckets.splice(at, 0, { upperBound, count });
  }

  /** @throws Error when counts were negative, fall, or don't add up */
  toHistogram(): FloatHistogram {
    if (this.#problem !== "") throw new Error(this.#problem);
    const buckets = [...this.#buckets];
    const count = this.#count ?? buckets.at(-1)?.count ?? 0;
    if (buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY)
      buckets.push({ upperBound: Number.POSITIVE_INFINITY, count });
    const last = buckets[buckets.length - 1].count;
    if (count !== last)
      throw new Error(`count mismatch: count=${formatG(count)} != le=+Inf count=${formatG(last)}`);
    const counts = buckets.map((bucket, i) => bucket.count - (buckets[i - 1]?.count ?? 0));
    const isInteger = buckets.every((bucket) => Number.isInteger(bucket.count));
    const { spans, buckets: kept } = spansOf(
      { indexes: counts.map((_, i) => i), counts },
      isInteger ? MAX_EMPTY_BUCKETS : 0,
    );
    return createHistogram({
      schema: CUSTOM_BUCKETS_SCHEMA,
      count,
      sum: this.#sum,
      customValues: buckets.slice(0, -1).map(({ upperBound }) => upperBound),
      positiveSpans: spans,
      positiveBuckets: kept,
    });
  }

  /** The first problem is the one that is told. */
  #fail(problem: string): void {
    this.#problem ||= problem;
  }
}
