/** What a scrape takes of native histograms: their resolution and their number of buckets (`scrape/target.go`). */
import type { FloatHistogram } from "../../model/histogram.ts";
import { MAX_SCHEMA, reduceToSchema } from "../../model/histogram-arithmetic.ts";
import { isExponentialSchema } from "../../model/histogram-buckets.ts";

const MIN_SCHEMA = -4;
/** The smallest growth factor of buckets that schema 8 has, rounded down. */
const FINEST_FACTOR = 1.00271;

export class BucketLimitError extends Error {
  constructor() {
    super("histogram bucket limit exceeded");
  }
}

/** The finest schema whose buckets grow by at least `factor` each; 1 and less is no limit. */
export function maxSchemaOf(factor: number): number {
  const schema = Math.floor(0 - Math.log2(Math.log2(factor <= 1 ? FINEST_FACTOR : factor)));
  return Math.min(MAX_SCHEMA, Math.max(MIN_SCHEMA, schema));
}

/**
 * The histogram with no more buckets than the limit, in a coarser schema if it takes that; 0 is no limit.
 *
 * @throws BucketLimitError when no schema is coarse enough
 */
export function limitBuckets(histogram: FloatHistogram, limit: number): FloatHistogram {
  let limited = histogram;
  while (limit > 0 && limited.positiveBuckets.length + limited.negativeBuckets.length > limit) {
    if (!isExponentialSchema(limited.schema) || limited.schema <= MIN_SCHEMA) throw new BucketLimitError();
    limited = reduceToSchema(limited, limited.schema - 1);
  }
  return limited;
}
