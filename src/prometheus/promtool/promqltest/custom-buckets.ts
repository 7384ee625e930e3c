/** Classic histograms as native ones with custom buckets (`util/convertnhcb` upstream). */
import { ClassicHistogram, histogramPartOf } from "../../../model/classic-histogram.ts";
import { compacted } from "../../../model/histogram-buckets.ts";
import type { Labels } from "../../../model/labels.ts";
import type { StoredSeries } from "./stored-series.ts";

/** One series for each classic histogram among those given. @throws Error when counts fall or don't add up */
export function customBucketSeries(series: readonly StoredSeries[]): StoredSeries[] {
  const found = new Map<string, { labels: Labels; byTime: Map<number, ClassicHistogram> }>();
  for (const { labels, samples } of series) {
    const { part, name } = histogramPartOf(labels.get("__name__"));
    const bound = part === "bucket" ? parseBound(labels.get("le")) : 0;
    if (part === undefined || Number.isNaN(bound)) continue;
    const base = labels.without(LE).with("__name__", name);
    const { byTime } = found.get(base.key) ?? { byTime: new Map<number, ClassicHistogram>() };
    found.set(base.key, { labels: base, byTime });
    for (const { timestampMs, value, histogram, isStale } of samples) {
      if (histogram !== undefined || isStale) continue;
      const classic = byTime.get(timestampMs) ?? new ClassicHistogram();
      byTime.set(timestampMs, classic);
      if (part === "bucket") classic.setBucketCount(bound, value);
      else if (part === "count") classic.setCount(value);
      else classic.setSum(value);
    }
  }
  return Array.from(found.values(), ({ labels, byTime }) => ({
    labels,
    samples: [...byTime]
      .sort(([a], [b]) => a - b)
      .map(([timestampMs, classic]) => ({
        timestampMs,
        startTimestampMs: 0,
        value: Number.NaN,
        histogram: compacted(classic.toHistogram()),
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
