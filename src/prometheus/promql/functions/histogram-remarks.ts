/** What is remarked on about histograms whose quantiles are not quite what they seem. */
import { formatG } from "../../../model/number-format.ts";
import { type Annotations, forMetricName } from "../annotations.ts";
import type { MonotonicityFix } from "../classic-histogram.ts";
import type { NaNRemark } from "../native-quantile.ts";
import type { Position } from "../parser/ast.ts";

export function informOfNaN(
  annotations: Annotations,
  functionName: "histogram_quantile" | "histogram_fraction",
  remark: NaNRemark,
  metricName: string,
  position: Position,
): void {
  if (remark === undefined) return;
  const consequence = {
    "result is NaN": "result is NaN",
    "result is skewed": "result is skewed higher",
    excluded: "which are excluded from all fractions",
  }[remark];
  annotations.inform(
    `input to ${functionName} has NaN observations, ${consequence}${forMetricName(metricName)}`,
    position,
  );
}

export function informForcedMonotonicity(
  annotations: Annotations,
  metricName: string,
  position: Position,
  timeMs: number,
  fix: MonotonicityFix,
): void {
  const text =
    "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
  annotations.inform(text + forMetricName(metricName), position, new ForcedMonotonicity(timeMs, fix));
}

/** Remarks of the same metric are merged: the bounds and times of all, and how many they were. */
class ForcedMonotonicity {
  #minMs: number;
  #maxMs: number;
  #count = 1;
  readonly #fix: MonotonicityFix;

  constructor(timeMs: number, fix: MonotonicityFix) {
    this.#minMs = timeMs;
    this.#maxMs = timeMs;
    this.#fix = { ...fix };
  }

  merge(other: ForcedMonotonicity): void {
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
    this.#count += other.#count;
    this.#fix.minBound = Math.min(this.#fix.minBound, other.#fix.minBound);
    this.#fix.maxBound = Math.max(this.#fix.maxBound, other.#fix.maxBound);
    this.#fix.maxDifference = Math.max(this.#fix.maxDifference, other.#fix.maxDifference);
  }

  suffix(): string {
    const { minBound, maxBound, maxDifference } = this.#fix;
    const [from, to] = [this.#minMs, this.#maxMs].map((timeMs) =>
      new Date(Math.floor(timeMs / 1000) * 1000).toISOString().replace(".000Z", "Z"),
    );
    const bounds = `from buckets ${formatG(minBound)} to ${formatG(maxBound)}`;
    const difference = formatTwoDigits(maxDifference);
    return `, ${bounds}, with a max diff of ${difference}, over ${this.#count} samples from ${from} to ${to}`;
  }
}

/** As Go's `%.2g`. */
function formatTwoDigits(value: number): string {
  const [mantissa, exponentText] = value.toExponential(1).split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 2) return formatG(Number(value.toPrecision(2)));
  const digits = Math.abs(exponent).toString().padStart(2, "0");
  return `${mantissa.replace(/\.0$/, "")}e${exponent < 0 ? "-" : "+"}${digits}`;
}
