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
import type { SequenceValue } from "./series-description.ts";

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
        throw new Error(`expected vector or matrix result, but got ${result.value}`);
      if (!isAlmostEqual(command.scalar, result.value, TOLERANCE)) {
        throw new Error(`expected scalar ${command.scalar} but got ${result.value}`);
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
  if (command.scalar !== undefined) throw new Error("expected scalar result, but got vector");
  const expected = byLabels(command.series);
  const seen = new Set<string>();
  samples.forEach(({ labels, value, histogram }, i) => {
    const wanted = expected.get(labels.key);
    const got = histogram === undefined ? formatG(value) : formatTestHistogram(histogram);
    if (wanted === undefined) throw new Error(`unexpected metric ${labels} in result, has value ${got}`);
    if (command.expectations.isOrdered && wanted.position !== i) {
      throw new Error(`expected metric ${labels} at position ${wanted.position + 1} but was at ${i + 1}`);
    }
    compareSample(wanted.series.values[0], value, histogram, labels);
    seen.add(labels.key);
  });
  for (const [key, { series }] of expected) {
    if (!seen.has(key)) throw new Error(`expected metric ${series.labels} not found`);
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
      throw new Error(`expected histogram ${text} for ${labels} but got float value ${value}`);
    if (!areHistogramsAlike(wanted.histogram, histogram, wanted.isHintGiven)) {
      throw new Error(`expected ${text} for ${labels} but got ${formatTestHistogram(histogram)}`);
    }
    return;
  }
  // As upstream, which takes a gap for 0 where it expects one sample.
  const number = wanted.kind === "float" ? wanted.value : 0;
  if (histogram !== undefined) {
    throw new Error(
      `expected float value ${number} for ${labels} but got histogram ${formatTestHistogram(histogram)}`,
    );
  }
  // The marker of a series' end is never a result.
  if (wanted.kind === "stale") throw new Error(`expected the end of ${labels} but got ${value}`);
  if (!isAlmostEqual(number, value, TOLERANCE))
    throw new Error(`expected ${number} for ${labels} but got ${value}`);
}

function compareMatrix(command: EvalCommand, { series }: MatrixValue): void {
  if (command.expectations.isOrdered) throw new Error("expected ordered result, but query returned a matrix");
  if (command.scalar !== undefined) throw new Error("expected scalar result, but got matrix");
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
        `expected ${wanted.series.values.length} points for ${one.labels}, which don't fit the range`,
      );
    }
    if (points.length !== one.timestamps.length) {
      throw new Error(`expected ${points.length} points for ${one.labels}, but got ${describe(one)}`);
    }
    points.forEach(({ value, timestampMs }, i) => {
      if (timestampMs !== one.timestamps[i]) {
        throw new Error(
          `expected value ${i} for ${one.labels} to have timestamp ${timestampMs}: ${describe(one)}`,
        );
      }
      compareSample(value, one.values[i], one.histograms?.[i], one.labels);
    });
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

function describe({ timestamps, values, histograms }: SeriesSamples): string {
  const points = Array.from(timestamps, (timestampMs, i) => {
    const histogram = histograms?.[i];
    return `${histogram === undefined ? formatG(values[i]) : formatTestHistogram(histogram)} @[${timestampMs}]`;
  });
  return points.join(" ");
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
