/** Classic histograms as native ones with custom buckets (`util/convertnhcb` upstream). */
import { CUSTOM_BUCKETS_SCHEMA, createHistogram, type FloatHistogram } from "../../../model/histogram.ts";
import { compacted } from "../../../model/histogram-buckets.ts";
import type { Labels } from "../../../model/labels.ts";
import type { StoredSeries } from "./test-storage.ts";

/** What is known of a classic histogram at one time. */
interface Classic {
  /** Cumulative counts by upper bound. */
  buckets: Map<number, number>;
  count: number | undefined;
  sum: number;
}

interface ClassicSeries {
  labels: Labels;
  byTime: Map<number, Classic>;
}

/** One series for each classic histogram among those given. */
export function customBucketSeries(series: readonly StoredSeries[]): StoredSeries[] {
  const histograms = new Map<string, ClassicSeries>();
  for (const { labels, samples } of series) {
    const match = /^(.*)_(bucket|count|sum)$/.exec(labels.get("__name__"));
    if (match === null) continue;
    const [, name, part] = match;
    const bound = part === "bucket" ? parseBound(labels.get("le")) : 0;
    if (Number.isNaN(bound)) continue;
    const base = labels.without(LE).with("__name__", name);
    const histogram = histograms.get(base.key) ?? { labels: base, byTime: new Map<number, Classic>() };
    histograms.set(base.key, histogram);
    for (const { timestampMs, value, histogram: native, isStale } of samples) {
      if (native !== undefined || isStale) continue;
      const classic = histogram.byTime.get(timestampMs) ?? { buckets: new Map(), count: undefined, sum: 0 };
      histogram.byTime.set(timestampMs, classic);
      if (part === "bucket") classic.buckets.set(bound, value);
      else if (part === "count") classic.count = value;
      else classic.sum = value;
    }
  }
  return Array.from(histograms.values(), ({ labels, byTime }) => ({
    labels,
    samples: [...byTime]
      .sort(([a], [b]) => a - b)
      .map(([timestampMs, classic]) => ({
        timestampMs,
        startTimestampMs: 0,
        value: Number.NaN,
        histogram: convert(classic),
        isStale: false,
      })),
  }));
}

const LE: ReadonlySet<string> = new Set(["le"]);

function parseBound(text: string): number {
  if (/^[+]?inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf$/i.test(text)) return Number.NEGATIVE_INFINITY;
  return text === "" ? Number.NaN : Number(text);
}

/** @throws Error when counts are negative, fall, or don't add up */
function convert({ buckets, count, sum }: Classic): FloatHistogram {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = count ?? sorted.at(-1)?.[1] ?? 0;
  if (sorted.at(-1)?.[0] !== Number.POSITIVE_INFINITY) sorted.push([Number.POSITIVE_INFINITY, total]);
  let below = 0;
  const counts = sorted.map(([bound, cumulative]) => {
    if (cumulative < 0)
      throw new Error(`bucket count must be non-negative: le=${bound}, count=${cumulative}`);
    if (cumulative < below) throw new Error(`count is not cumulative: ${cumulative} < ${below}`);
    const own = cumulative - below;
    below = cumulative;
    return own;
  });
  if (total !== below) throw new Error(`count mismatch: count=${total} != le=+Inf count=${below}`);
  return compacted(
    createHistogram({
      schema: CUSTOM_BUCKETS_SCHEMA,
      count: total,
      sum,
      customValues: sorted.slice(0, -1).map(([bound]) => bound),
      positiveSpans: [{ offset: 0, length: counts.length }],
      positiveBuckets: counts,
    }),
  );
}
