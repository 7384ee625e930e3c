/** `metric smoothed`: between two samples the value on a straight line between them (`smoothSeries` upstream). */
import { usesCustomBuckets } from "../../model/histogram.ts";
import { IncompatibleSchemasError } from "../../model/histogram-arithmetic.ts";
import type { SeriesSamples } from "../storage.ts";
import { MIXED_BUCKET_SCHEMAS, MIXED_FLOATS_HISTOGRAMS } from "./annotations.ts";
import { firstIndex } from "./classic-histogram.ts";
import type { EvaluationContext } from "./evaluation-context.ts";
import { valueBetween } from "./functions/extended-ends.ts";
import { interpolateHistograms } from "./functions/extended-rate.ts";
import type { Position, VectorSelector } from "./parser/ast.ts";
import { quoteString } from "./parser/lexer.ts";
import { ColumnBuilder, StepSeries } from "./step-series.ts";
import { type SplitSamples, splitSamples } from "./window.ts";

export async function evaluateSmoothed(
  selector: VectorSelector,
  context: EvaluationContext,
): Promise<StepSeries[]> {
  const { run, selection } = context;
  const out: StepSeries[] = [];
  for (const series of selection.get(selector)!) {
    const smoothed = smoothSeries(series, selector, context);
    if (smoothed !== undefined) out.push(smoothed);
    if (run.isDue) await run.pause();
  }
  return out;
}

function smoothSeries(
  series: SeriesSamples,
  { at, offsetMs, position }: VectorSelector,
  { run, grid, atShiftMs }: EvaluationContext,
): StepSeries | undefined {
  const samples = splitSamples(series);
  const name = quoteString(series.labels.get("__name__"));
  const columns = new ColumnBuilder(grid);
  for (let step = 0; step < grid.count; step++) {
    const timeMs = (typeof at === "number" ? at + atShiftMs : grid.timeAt(step)) - offsetMs;
    const floats = around(samples.floats?.timestamps, timeMs, run.lookbackMs);
    const histograms = around(samples.histograms?.timestamps, timeMs, run.lookbackMs);
    if (floats !== undefined && histograms !== undefined) {
      run.annotations.warn(`${MIXED_FLOATS_HISTOGRAMS} metric name ${name}`, position);
    } else if (floats !== undefined) {
      const value = floatAt(samples, floats, timeMs);
      if (value !== undefined) columns.setFloat(step, value);
    } else if (histograms !== undefined) {
      const value = histogramAt(samples, histograms, timeMs, name, position, run.annotations);
      if (value !== undefined) columns.setHistogram(step, value);
    }
  }
  return columns.isEmpty ? undefined : new StepSeries(series.labels, columns.finish());
}

/** The samples within reach of a time, by index. */
interface Reach {
  from: number;
  to: number;
  /** The first at or after the time; `to` when there is none. */
  next: number;
}

function around(timestamps: Float64Array | undefined, timeMs: number, lookbackMs: number): Reach | undefined {
  if (timestamps === undefined) return undefined;
  const { length } = timestamps;
  const from = firstIndex(length, (i) => timestamps[i] > timeMs - lookbackMs);
  const to = firstIndex(length, (i) => timestamps[i] > timeMs + lookbackMs);
  const next = Math.min(
    to,
    firstIndex(length, (i) => timestamps[i] >= timeMs),
  );
  return from === to ? undefined : { from, to, next };
}

function floatAt({ floats }: SplitSamples, { from, to, next }: Reach, timeMs: number): number | undefined {
  const { timestamps, values } = floats!;
  if (next < to && timestamps[next] === timeMs) return values[next];
  if (next === from) return undefined;
  return next < to ? valueBetween(floats!, next - 1, timeMs) : values[next - 1];
}

function histogramAt(
  { histograms }: SplitSamples,
  { from, to, next }: Reach,
  timeMs: number,
  name: string,
  position: Position,
  annotations: EvaluationContext["run"]["annotations"],
) {
  const { timestamps, values } = histograms!;
  if (next < to && timestamps[next] === timeMs) return values[next];
  if (next === from) return undefined;
  const before = values[next - 1];
  // With nothing after it, the last value goes on; what its hint says does not.
  if (next === to) return { ...before, counterResetHint: "unknown" as const };
  const after = values[next];
  const isGauge = before.counterResetHint === "gauge" && after.counterResetHint === "gauge";
  try {
    if (usesCustomBuckets(before) !== usesCustomBuckets(after)) throw new IncompatibleSchemasError();
    const remarks = { annotations, position };
    return interpolateHistograms(timestamps, values, next - 1, timeMs, !isGauge, remarks);
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    annotations.warn(`${MIXED_BUCKET_SCHEMAS} ${name}`, position);
    return undefined;
  }
}
