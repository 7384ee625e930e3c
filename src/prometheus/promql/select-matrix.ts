/** A range selector as the whole of an instant query: the samples themselves. */
import { sizeInSamples } from "../../model/histogram-buckets.ts";
import { isStaleMarker, type SeriesSamples } from "../storage.ts";
import { firstIndex } from "./classic-histogram.ts";
import type { EvaluationContext } from "./evaluation-context.ts";
import { endsOf, endValues } from "./functions/extended-ends.ts";
import { wordsOf } from "./lookback.ts";
import type { MatrixSelector } from "./parser/ast.ts";
import { executionError } from "./query-error.ts";

export async function selectMatrix(
  { vector, rangeMs }: MatrixSelector,
  { run, grid, selection }: EvaluationContext,
): Promise<SeriesSamples[]> {
  const endMs = (typeof vector.at === "number" ? vector.at : grid.startMs) - vector.offsetMs;
  const out: SeriesSamples[] = [];
  for (const series of selection.get(vector)!) {
    const samples =
      vector.extension === undefined
        ? within(series, endMs - rangeMs, endMs)
        : extended(series, vector.extension, endMs - rangeMs, endMs, run.lookbackMs);
    if (samples !== undefined) {
      out.push(samples);
      run.samples += samples.timestamps.length;
      run.counts.add(sizeOf(samples));
    }
    if (run.isDue) await run.pause();
  }
  return out;
}

/** In samples: a histogram counts by its size. */
function sizeOf({ timestamps, histograms = [] }: SeriesSamples): number {
  let size = timestamps.length;
  for (const histogram of histograms) if (histogram !== undefined) size += sizeInSamples(histogram) - 1;
  return size;
}

/** The samples in (startMs, endMs], stale markers left out. */
function within(series: SeriesSamples, startMs: number, endMs: number): SeriesSamples | undefined {
  const { labels, timestamps, values, histograms } = series;
  const words = wordsOf(values);
  const indexes: number[] = [];
  for (let i = 0; i < timestamps.length; i++) {
    if (timestamps[i] <= startMs || timestamps[i] > endMs) continue;
    if (histograms?.[i] === undefined && isStaleMarker(words, i)) continue;
    indexes.push(i);
  }
  if (indexes.length === 0) return undefined;
  const keptTimestamps = new Float64Array(indexes.length);
  const keptValues = new Float64Array(indexes.length);
  for (let i = 0; i < indexes.length; i++) {
    keptTimestamps[i] = timestamps[indexes[i]];
    keptValues[i] = values[indexes[i]];
  }
  return {
    labels,
    timestamps: keptTimestamps,
    values: keptValues,
    histograms: histograms && indexes.map((i) => histograms[i]),
  };
}

/** The samples of an `anchored` or `smoothed` range, with one at each of its ends. */
function extended(
  series: SeriesSamples,
  extension: "anchored" | "smoothed",
  startMs: number,
  endMs: number,
  lookbackMs: number,
): SeriesSamples | undefined {
  const isSmoothed = extension === "smoothed";
  const reach = within(series, startMs - lookbackMs, endMs + (isSmoothed ? lookbackMs : 0));
  if (reach === undefined) return undefined;
  if (reach.histograms !== undefined) {
    throw executionError(`${extension} modifier is not supported with histograms`);
  }
  const { labels, timestamps, values } = reach;
  const ends = endsOf(timestamps, { startMs, endMs, isSmoothed: false });
  const last = isSmoothed
    ? firstIndex(timestamps.length - 1, (i) => timestamps[i] >= endMs)
    : timestamps.length - 1;
  if (ends === undefined || timestamps[last] <= startMs) return undefined;
  const { left, right } = endValues({ timestamps, values }, { ...ends, last }, isSmoothed);
  const inner = [...timestamps.keys()].filter(
    (i) => i >= ends.first && i <= last && timestamps[i] > startMs && timestamps[i] < endMs,
  );
  return {
    labels,
    timestamps: Float64Array.of(startMs, ...inner.map((i) => timestamps[i]), endMs),
    values: Float64Array.of(left, ...inner.map((i) => values[i]), right),
  };
}
