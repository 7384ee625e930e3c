/** Functions of histograms, native and classic. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { usesCustomBuckets } from "../../../model/histogram.ts";
import { allBuckets } from "../../../model/histogram-buckets.ts";
import type { Labels } from "../../../model/labels.ts";
import { formatG } from "../../../model/number-format.ts";
import { warnInvalidQuantile } from "../annotations.ts";
import type { BucketList } from "../classic-histogram.ts";
import { KahanSum } from "../kahan.ts";
import { type HistogramAnswer, nativeFraction, nativeQuantile } from "../native-quantile.ts";
import type { StringLiteral } from "../parser/ast.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";
import { informForcedMonotonicity, informOfNaN } from "./histogram-remarks.ts";
import { fillBuckets, sortHistograms } from "./histogram-sorting.ts";

/** A function of each native histogram on its own; floats go. */
export function perHistogram(
  compute: (histogram: FloatHistogram) => number,
): (call: VectorCall) => StepSeries[] {
  return ({ grid, run, vectors }) =>
    vectors[0].flatMap((series) => {
      if (series.histograms === undefined) return [];
      const columns = new ColumnBuilder(grid);
      series.histograms.forEach((histogram, step) => {
        if (histogram !== undefined && series.present[step] === 1) columns.setFloat(step, compute(histogram));
      });
      return columns.isEmpty ? [] : [series.derived(columns.finish(), run.delayedNameRemoval)];
    });
}

/** Observations are taken to lie in the middle of their buckets: on a logarithmic scale where those are exponential. */
export function histogramVariance(histogram: FloatHistogram): number {
  const mean = histogram.sum / histogram.count;
  const variance = new KahanSum();
  for (const { lower, upper, count } of allBuckets(histogram)) {
    if (count === 0) continue;
    let middle = (lower + upper) / 2;
    if (!usesCustomBuckets(histogram)) {
      middle = lower <= 0 && upper >= 0 ? 0 : Math.sqrt(upper * lower) * (upper < 0 ? -1 : 1);
    }
    const distance = middle - mean;
    variance.add(count * distance * distance);
  }
  return (variance.value + variance.compensation) / histogram.count;
}

/** Computes a value from each histogram at each step. */
interface HistogramFunction {
  native(histogram: FloatHistogram, step: number): HistogramAnswer;
  classic(buckets: BucketList, step: number, labels: Labels): number;
}

export async function histogramQuantile(call: VectorCall): Promise<StepSeries[]> {
  const quantiles = call.scalars[0];
  warnInvalidQuantiles(call, quantiles, 0);
  return evaluateHistograms(call, 1, "histogram_quantile", quantileFunction(call, quantiles, 1));
}

/** One series for each quantile, the quantile in a label. */
export async function histogramQuantiles(call: VectorCall): Promise<StepSeries[]> {
  const label = (call.call.arguments[1] as StringLiteral).value;
  const out: StepSeries[] = [];
  for (let argument = 2; argument < call.call.arguments.length; argument++) {
    const quantiles = call.scalars[argument];
    warnInvalidQuantiles(call, quantiles, argument);
    const series = await evaluateHistograms(
      call,
      0,
      "histogram_quantile",
      quantileFunction(call, quantiles, 0),
    );
    for (const one of series) out.push(...withQuantileLabel(one, label, quantiles, call));
  }
  return out;
}

/** A scalar argument may differ from step to step, and so does the label then. */
function withQuantileLabel(
  series: StepSeries,
  label: string,
  quantiles: Float64Array,
  { grid }: VectorCall,
): StepSeries[] {
  const byQuantile = new Map<number, ColumnBuilder>();
  for (let step = 0; step < grid.count; step++) {
    if (series.present[step] === 0) continue;
    const columns = byQuantile.get(quantiles[step]) ?? new ColumnBuilder(grid);
    byQuantile.set(quantiles[step], columns);
    columns.setFloat(step, series.values[step]);
  }
  return Array.from(byQuantile, ([quantile, columns]) => {
    const labels = series.labels.with(label, formatOpenMetricsFloat(quantile));
    return new StepSeries(labels, columns.finish(), { dropsName: series.dropsName });
  });
}

/** As OpenMetrics writes the values of `le` and `quantile`: with a decimal point or an exponent. */
function formatOpenMetricsFloat(value: number): string {
  const text = formatG(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function warnInvalidQuantiles(call: VectorCall, quantiles: Float64Array, argument: number): void {
  for (const quantile of new Set(quantiles)) {
    warnInvalidQuantile(call.annotations, quantile, call.call.arguments[argument].position);
  }
}

function quantileFunction(call: VectorCall, quantiles: Float64Array, argument: number): HistogramFunction {
  const { run, grid, annotations } = call;
  const { position } = call.call.arguments[argument];
  return {
    native: (histogram, step) => nativeQuantile(quantiles[step], histogram),
    classic(buckets, step, labels) {
      const { value, fix } = buckets.quantile(quantiles[step]);
      if (fix !== undefined) {
        const name = run.delayedNameRemoval ? labels.get("__name__") : "";
        informForcedMonotonicity(annotations, name, position, grid.timeAt(step), fix);
      }
      return value;
    },
  };
}

export async function histogramFraction(call: VectorCall): Promise<StepSeries[]> {
  const [lower, upper] = call.scalars;
  return evaluateHistograms(call, 2, "histogram_fraction", {
    native: (histogram, step) => nativeFraction(lower[step], upper[step], histogram),
    classic: (buckets, step) => buckets.fraction(lower[step], upper[step]),
  });
}

async function evaluateHistograms(
  call: VectorCall,
  argument: number,
  functionName: "histogram_quantile" | "histogram_fraction",
  compute: HistogramFunction,
): Promise<StepSeries[]> {
  const { grid, run, annotations } = call;
  const { position } = call.call.arguments[argument];
  const { native, classic } = sortHistograms(call.vectors[argument], position, call);
  const out: StepSeries[] = [];
  for (const series of native) {
    const name = run.delayedNameRemoval ? series.labels.get("__name__") : "";
    const columns = new ColumnBuilder(grid);
    series.histograms!.forEach((histogram, step) => {
      if (histogram === undefined || series.present[step] === 0) return;
      const { value, remark } = compute.native(histogram, step);
      columns.setFloat(step, value);
      informOfNaN(annotations, functionName, remark, name, position);
    });
    if (!columns.isEmpty) out.push(series.derived(columns.finish(), run.delayedNameRemoval));
    if (run.isDue) await run.pause();
  }
  for (const histogram of classic) {
    const buckets = histogram.createList();
    const columns = new ColumnBuilder(grid);
    for (let step = 0; step < grid.count; step++) {
      if (!fillBuckets(buckets, histogram, step)) continue;
      columns.setFloat(step, compute.classic(buckets, step, histogram.labels));
    }
    if (!columns.isEmpty) {
      const series = new StepSeries(histogram.labels, { values: grid.timestamps, present: grid.all });
      out.push(series.derived(columns.finish(), run.delayedNameRemoval));
    }
    if (run.isDue) await run.pause();
  }
  return out;
}
