/** Histograms without their buckets, for queries that only ask for count and sum (`promql/histogram_stats_iterator.go`). */
import { createHistogram, type FloatHistogram } from "../../model/histogram.ts";
import { isReset } from "../../model/histogram-arithmetic.ts";
import type { SeriesSamples } from "../storage.ts";

/** Resets, which show in the buckets, are put down in the hints before those go. */
export function withStatsOnly(series: SeriesSamples): SeriesSamples {
  if (series.histograms === undefined) return series;
  let previous: FloatHistogram | undefined;
  const histograms = series.histograms.map((histogram) => {
    if (histogram === undefined) return undefined;
    const { schema, count, sum } = histogram;
    let { counterResetHint } = histogram;
    if (counterResetHint === "unknown" && previous !== undefined) {
      counterResetHint = isReset(histogram, previous) ? "reset" : "not_reset";
    }
    previous = histogram;
    return createHistogram({ schema, count, sum, counterResetHint });
  });
  return { ...series, histograms };
}
