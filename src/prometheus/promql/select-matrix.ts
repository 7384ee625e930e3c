/** A range selector as the whole of an instant query: the samples themselves. */
import type { SeriesSamples } from "../storage.ts";
import { isStaleMarker } from "../storage.ts";
import type { EvaluationContext } from "./evaluator.ts";
import { wordsOf } from "./lookback.ts";
import type { MatrixSelector } from "./parser/ast.ts";

export async function selectMatrix(
  { vector, rangeMs }: MatrixSelector,
  { run, grid, selection }: EvaluationContext,
): Promise<SeriesSamples[]> {
  const endMs = (typeof vector.at === "number" ? vector.at : grid.startMs) - vector.offsetMs;
  const out: SeriesSamples[] = [];
  for (const series of selection.get(vector)!) {
    const samples = within(series, endMs - rangeMs, endMs);
    if (samples !== undefined) {
      out.push(samples);
      run.samples += samples.timestamps.length;
    }
    if (run.isDue) await run.pause();
  }
  return out;
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
  return {
    labels,
    timestamps: Float64Array.from(indexes, (i) => timestamps[i]),
    values: Float64Array.from(indexes, (i) => values[i]),
    histograms: histograms && indexes.map((i) => histograms[i]),
  };
}
