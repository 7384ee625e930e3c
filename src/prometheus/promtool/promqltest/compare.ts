/** Whether a query answered what a test expects. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { areBoundsEqual } from "../../../model/histogram-arithmetic.ts";
import { compacted, negativeSide, positiveSide, type Side } from "../../../model/histogram-buckets.ts";
import { formatTestHistogram } from "../../../model/histogram-format.ts";
import { compareLabels, type Labels } from "../../../model/labels.ts";
import { formatG } from "../../../model/number-format.ts";
import { isAlmostEqual } from "../../promql/classic-histogram.ts";
import type { InstantResult, MatrixValue, VectorSample } from "../../promql/mod.ts";
import type { SeriesSamples } from "../../storage.ts";
import type { EvalCommand, ExpectedSeries } from "./script.ts";
import type { SequenceValue } from "./series-values.ts";

/** Relative error allowed for sample values. */
export const TOLERANCE = 1e-6;

/** @throws Error that says what differs */
export function compareResult(command: EvalCommand, result: InstantResult): void {
  switch (result.kind) {
    case "matrix":
      compareMatrix(command, result);
      return;
    case "vector":
      compareVector(command, result.samples);
      return;
    case "scalar":
      if (command.scalar === undefined)
        throw new Error(
          `expected vector or matrix result, but got scalar: ${formatG(result.value)} @[${result.timestampMs}]`,
        );
      if (!isAlmostEqual(command.scalar, result.value, TOLERANCE)) {
        throw new Error(`expected scalar ${formatG(command.scalar)} but got ${formatG(result.value)}`);
      }
      return;
    case "string":
      if (command.string !== result.value) {
        throw new Error(`expected string "${command.string}" but got "${result.value}"`);
      }
  }
}

/** Later lines for the same series count. */
function byLabels(
  series: readonly ExpectedSeries[],
): Map<string, { series: ExpectedSeries; position: number }> {
  return new Map(series.map((one, i) => [one.labels.key, { series: one, position: i }]));
}

function compareVector(command: EvalCommand, samples: readonly VectorSample[]): void {
  if (command.scalar !== undefined) {
    const shown = samples.map(
      ({ labels, timestampMs, value, histogram }) =>
        `${metricText(labels)} => ${pointText(value, histogram)} @[${timestampMs}]`,
    );
    throw new Error(`expected scalar result, but got vector ${shown.join("\n")}`);
  }
  const expected = byLabels(command.series);
  const seen = new Set<string>();
  samples.forEach(({ labels, value, histogram }, i) => {
    const wanted = expected.get(labels.key);
    const got = histogram === undefined ? formatG(value) : formatTestHistogram(histogram);
    if (wanted === undefined) throw new Error(`unexpected metric ${labels} in result, has value ${got}`);
    if (command.expectations.isOrdered && wanted.position !== i) {
      throw new Error(
        `expected metric ${labels} with ${sequenceText(wanted.series.values)} at position ${wanted.position + 1} but was at ${i + 1}`,
      );
    }
    compareSample(wanted.series.values[0], value, histogram, labels);
    seen.add(labels.key);
  });
  for (const [key, { series, position }] of expected) {
    if (!seen.has(key))
      throw new Error(
        `expected metric ${series.labels} with ${position + 1}: ${sequenceText(series.values)} not found`,
      );
  }
}

function compareSample(
  wanted: SequenceValue,
  value: number,
  histogram: FloatHistogram | undefined,
  labels: Labels,
): void {
  if (wanted.kind === "histogram") {
    const text = formatTestHistogram(wanted.histogram);
    if (histogram === undefined)
      throw new Error(`expected histogram ${text} for ${labels} but got float value ${formatG(value)}`);
    if (!areHistogramsAlike(wanted.histogram, histogram, wanted.isHintGiven)) {
      throw new Error(`expected ${text} for ${labels} but got ${formatTestHistogram(histogram)}`);
    }
    return;
  }
  // As upstream, which takes a gap for 0 where it expects one sample.
  const number = wanted.kind === "float" ? wanted.value : 0;
  if (histogram !== undefined) {
    throw new Error(
      `expected float value ${sequenceValueText(wanted)} for ${labels} but got histogram ${formatTestHistogram(histogram)}`,
    );
  }
  // The marker of a series' end is never a result.
  if (wanted.kind === "stale") throw new Error(`expected the end of ${labels} but got ${value}`);
  if (!isAlmostEqual(number, value, TOLERANCE))
    throw new Error(`expected ${formatG(number)} for ${labels} but got ${formatG(value)}`);
}

function compareMatrix(command: EvalCommand, { series }: MatrixValue): void {
  if (command.expectations.isOrdered) throw new Error("expected ordered result, but query returned a matrix");
  if (command.scalar !== undefined) {
    const shown = series.map((one) => `${metricText(one.labels)} =>\n${pointsOf(one).join("\n")}`);
    throw new Error(`expected scalar result, but got matrix ${shown.join("\n")}`);
  }
  checkSorted(series);
  const expected = byLabels(command.series);
  const seen = new Set<string>();
  const { startMs, endMs, stepMs } = command.matrix ?? { ...command, stepMs: command.stepMs ?? 0 };
  for (const one of series) {
    const wanted = expected.get(one.labels.key);
    if (wanted === undefined)
      throw new Error(`unexpected metric ${one.labels} in result, has ${describe(one)}`);
    seen.add(one.labels.key);
    const points = wanted.series.values
      .map((value, i) => ({ value, timestampMs: startMs + i * stepMs }))
      .filter(({ value }) => value.kind !== "omitted");
    if (startMs + (wanted.series.values.length - 1) * stepMs > endMs) {
      throw new Error(
        `expected ${wanted.series.values.length} points for ${one.labels}, but query time range cannot return this many points`,
      );
    }
    comparePoints(points, one);
  }
  for (const [key, { series: wanted }] of expected) {
    if (!seen.has(key)) throw new Error(`expected metric ${wanted.labels} not found`);
  }
}

/** @throws Error when the series of a range query are not in the order of their labels */
export function checkSorted(series: readonly SeriesSamples[]): void {
  for (let i = 1; i < series.length; i++) {
    if (compareLabels(series[i - 1].labels, series[i].labels) > 0) {
      throw new Error(`matrix results should always be sorted by labels: ${series[i].labels} is not`);
    }
  }
}

interface ExpectedPoint {
  value: SequenceValue;
  timestampMs: number;
}

/** Floats and histograms one kind after the other, as upstream keeps them apart. */
function comparePoints(points: readonly ExpectedPoint[], series: SeriesSamples): void {
  const { labels, timestamps, values, histograms } = series;
  const isHistogram = ({ value }: ExpectedPoint) => value.kind === "histogram";
  const wanted = {
    float: points.filter((point) => !isHistogram(point)),
    histogram: points.filter(isHistogram),
  };
  const places = [...timestamps.keys()];
  const found = {
    float: places.filter((at) => histograms?.[at] === undefined),
    histogram: places.filter((at) => histograms?.[at] !== undefined),
  };
  const got = () => describe(series);
  if (wanted.float.length !== found.float.length || wanted.histogram.length !== found.histogram.length)
    throw new Error(
      `expected ${wanted.float.length} float points and ${wanted.histogram.length} histogram points for ${labels}, but got ${got()}`,
    );
  for (const kind of ["float", "histogram"] as const)
    wanted[kind].forEach(({ value, timestampMs }, i) => {
      const at = found[kind][i];
      if (timestamps[at] !== timestampMs)
        throw new Error(
          `expected ${kind} value at index ${i} for ${labels} to have timestamp ${timestampMs}, but it had timestamp ${timestamps[at]} (result has ${got()})`,
        );
      if (isAlike(value, values[at], histograms?.[at])) return;
      throw new Error(
        `expected ${kind} value at index ${i} (t=${timestampMs}) for ${labels} to be ${wantedText(value)}, but got ${pointText(values[at], histograms?.[at])} (result has ${got()})`,
      );
    });
}

function isAlike(wanted: SequenceValue, value: number, histogram: FloatHistogram | undefined): boolean {
  if (wanted.kind === "histogram")
    return histogram !== undefined && areHistogramsAlike(wanted.histogram, histogram, wanted.isHintGiven);
  // The marker of a series' end is never a result.
  return wanted.kind === "float" && isAlmostEqual(wanted.value, value, TOLERANCE);
}

function wantedText(value: SequenceValue): string {
  if (value.kind === "histogram") return formatTestHistogram(value.histogram);
  return formatG(value.kind === "float" ? value.value : Number.NaN);
}

/** As upstream prints the values of a line. */
function sequenceText(values: readonly SequenceValue[]): string {
  return `[${values.map(sequenceValueText).join(" ")}]`;
}

function sequenceValueText(value: SequenceValue): string {
  if (value.kind === "omitted") return "_";
  if (value.kind === "stale") return "stale";
  if (value.kind === "histogram") return formatTestHistogram(value.histogram);
  if (!Number.isFinite(value.value)) return formatG(value.value);
  return Math.abs(value.value) < 1e21 ? value.value.toFixed(6) : `${BigInt(value.value)}.000000`;
}

function pointText(value: number, histogram: FloatHistogram | undefined): string {
  return histogram === undefined ? formatG(value) : formatTestHistogram(histogram);
}

function metricText(labels: Labels): string {
  const name = labels.get("__name__");
  const rest = labels.without(new Set(["__name__"]));
  return name !== "" && rest.size === 0 ? name : `${name}${rest}`;
}

function pointsOf({ timestamps, values, histograms }: SeriesSamples): string[] {
  return Array.from(
    timestamps,
    (timestampMs, i) => `${pointText(values[i], histograms?.[i])} @[${timestampMs}]`,
  );
}

/** `2 float points [1 @[0] 2 @[60000]] and 0 histogram points []`. */
function describe(series: SeriesSamples): string {
  const points = pointsOf(series);
  const kinds = { float: [] as string[], histogram: [] as string[] };
  points.forEach((point, i) => {
    kinds[series.histograms?.[i] === undefined ? "float" : "histogram"].push(point);
  });
  const shown = (kind: "float" | "histogram") =>
    `${kinds[kind].length} ${kind} point${kinds[kind].length === 1 ? "" : "s"} [${kinds[kind].join(" ")}]`;
  return `${shown("float")} and ${shown("histogram")}`;
}

function areHistogramsAlike(expected: FloatHistogram, actual: FloatHistogram, isHintGiven: boolean): boolean {
  const [a, b] = [compacted(expected), compacted(actual)];
  const almost = (x: number, y: number) => isAlmostEqual(x, y, TOLERANCE);
  return (
    a.schema === b.schema &&
    almost(a.count, b.count) &&
    almost(a.sum, b.sum) &&
    areBoundsEqual(a.customValues, b.customValues) &&
    a.zeroThreshold === b.zeroThreshold &&
    almost(a.zeroCount, b.zeroCount) &&
    areSidesAlike(positiveSide(a), positiveSide(b)) &&
    areSidesAlike(negativeSide(a), negativeSide(b)) &&
    (!isHintGiven || a.counterResetHint === b.counterResetHint)
  );
}

function areSidesAlike(a: Side, b: Side): boolean {
  return (
    a.indexes.length === b.indexes.length &&
    a.indexes.every(
      (index, i) => index === b.indexes[i] && isAlmostEqual(a.counts[i], b.counts[i], TOLERANCE),
    )
  );
}
