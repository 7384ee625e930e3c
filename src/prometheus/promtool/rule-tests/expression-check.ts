/** Whether an expression answers what a test expects. */
import { formatTestHistogram } from "../../../model/histogram-format.ts";
import { compareLabels, Labels } from "../../../model/labels.ts";
import { formatDuration } from "../../config/units.ts";
import { goSort } from "../../promql/go-sort.ts";
import { type Engine, parseMetricSelector } from "../../promql/mod.ts";
import { quoteString } from "../../promql/parser/lexer.ts";
import { queryVector } from "../../rules/query-vector.ts";
import { parseSeriesDescription } from "../promqltest/series-description.ts";
import type { TestGroup } from "./test-file.ts";

interface Sample {
  labels: Labels;
  value: number;
  /** As text; "" for a float. */
  histogram: string;
}

/** The difference as upstream words it, if there is one. */
export async function checkExpression(
  test: TestGroup["promql_expr_test"][number],
  startMs: number,
  isFuzzy: boolean,
  engine: Engine,
): Promise<string[]> {
  const where = `    expr: ${quoteString(test.expr)}, time: ${formatDuration(test.eval_time)},`;
  try {
    const result = await queryVector(engine, test.expr, startMs + test.eval_time);
    const got = result.map(({ labels, value, histogram }) => ({
      labels,
      value: histogram === undefined ? value : 0,
      histogram: histogram === undefined ? "" : formatTestHistogram(histogram),
    }));
    const expected = (test.exp_samples ?? []).map(expectedSample);
    // Upstream sorts by an order in which equal ones come before each other.
    for (const list of [got, expected]) goSort(list, (a, b) => compareLabels(a.labels, b.labels) <= 0);
    const isEqual =
      got.length === expected.length && got.every((sample, i) => isSame(expected[i], sample, isFuzzy));
    return isEqual ? [] : [`${where}\n        exp: ${describe(expected)}\n        got: ${describe(got)}`];
  } catch (error) {
    return [`${where} err: ${(error as Error).message}`];
  }
}

/** @throws Error naming the labels */
function expectedSample({
  labels,
  value,
  histogram,
}: {
  labels: string;
  value: number;
  histogram: string;
}): Sample {
  try {
    return { labels: labelsOf(labels), value, histogram: histogram === "" ? "" : histogramText(histogram) };
  } catch (error) {
    throw new Error(`labels ${quoteString(labels)}: ${(error as Error).message}`);
  }
}

/** `metric{a="b"}`, `{a="b"}` or `{}`. */
function labelsOf(metric: string): Labels {
  if (["", "{}"].includes(metric.trim())) return Labels.empty;
  return Labels.of(
    parseMetricSelector(metric).map((matcher): [string, string] => [matcher.name, matcher.value]),
  );
}

function histogramText(text: string): string {
  const { values } = parseSeriesDescription(`{} ${text}`);
  if (values.length !== 1) throw new Error(`expected 1 value, got ${values.length}`);
  if (values[0].kind !== "histogram") throw new Error(`expected histogram, got ${text}`);
  return formatTestHistogram(values[0].histogram);
}

/** Not a number is never what was expected. */
function isSame(a: Sample, b: Sample, isFuzzy: boolean): boolean {
  if (!a.labels.equals(b.labels) || a.histogram !== b.histogram) return false;
  return a.value === b.value || (isFuzzy && areNeighbours(a.value, b.value));
}

/** Whether two numbers are next to each other among doubles. */
function areNeighbours(a: number, b: number): boolean {
  const [x, y] = new BigInt64Array(Float64Array.of(a, b).buffer);
  const distance = x - y;
  return Number.isFinite(a) && Number.isFinite(b) && (distance === 1n || distance === -1n);
}

function describe(samples: readonly Sample[]): string {
  if (samples.length === 0) return "nil";
  return samples
    .map(({ labels, value, histogram }) => `${labels} ${histogram === "" ? scientific(value) : histogram}`)
    .join(", ");
}

/** As Go's format `E`: `1.5E+00`. */
function scientific(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const [mantissa, exponent] = value.toExponential().split("e");
  return `${Object.is(value, -0) ? "-0" : mantissa}E${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}
