/** Trends: `deriv`, `predict_linear`, `double_exponential_smoothing`. */
import { KahanSum } from "../kahan.ts";
import { executionError } from "../query-error.ts";
import type { FloatColumn } from "../window.ts";

/** The least-squares line through samples: its slope per second and its value at `interceptMs`. */
export function linearRegression(
  { timestamps, values }: Pick<FloatColumn, "timestamps" | "values">,
  from: number,
  to: number,
  interceptMs: number,
): { slope: number; intercept: number } {
  const first = values[from];
  const [sumX, sumY, sumXY, sumXX] = [new KahanSum(), new KahanSum(), new KahanSum(), new KahanSum()];
  let isConstant = true;
  for (let i = from; i < to; i++) {
    if (values[i] !== first) isConstant = i === from ? isConstant : false;
    const x = (timestamps[i] - interceptMs) / 1000;
    sumX.add(x);
    sumY.add(values[i]);
    sumXY.add(x * values[i]);
    sumXX.add(x * x);
  }
  if (isConstant) {
    if (Math.abs(first) === Number.POSITIVE_INFINITY) return { slope: Number.NaN, intercept: Number.NaN };
    return { slope: 0, intercept: first };
  }
  const count = to - from;
  const [x, y, xy, xx] = [sumX, sumY, sumXY, sumXX].map((sum) => sum.value + sum.compensation);
  const slope = (xy - (x * y) / count) / (xx - (x * x) / count);
  return { slope, intercept: y / count - (slope * x) / count };
}

/** Holt's linear method: where the smoothed series stands at the last sample. */
export function doubleExponentialSmoothing(
  values: Float64Array,
  from: number,
  to: number,
  smoothing: number,
  trend: number,
): number {
  let previous = 0;
  let smoothed = values[from];
  let slope = values[from + 1] - values[from];
  for (let i = from + 1; i < to; i++) {
    if (i > from + 1) slope = trend * (smoothed - previous) + (1 - trend) * slope;
    const next = smoothing * values[i] + (1 - smoothing) * (smoothed + slope);
    previous = smoothed;
    smoothed = next;
  }
  return smoothed;
}

/** @throws QueryError unless 0 < factor < 1. */
export function checkFactor(name: "smoothing" | "trend", factor: number): void {
  if (factor > 0 && factor < 1) return;
  if (Number.isNaN(factor)) return;
  const short = name === "smoothing" ? "sf" : "tf";
  throw executionError(
    `invalid ${name} factor. Expected: 0 < ${short} < 1, got: ${Number.isFinite(factor) ? factor.toFixed(6) : formatInfinity(factor)}`,
  );
}

function formatInfinity(value: number): string {
  return value > 0 ? "+Inf" : "-Inf";
}
