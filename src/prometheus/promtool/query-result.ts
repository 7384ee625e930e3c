/** Answers of a server as `promtool query` prints them (`model.Value` of Prometheus' common library). */
import { compareStrings } from "../../model/labels.ts";
import { formatFloat, formatG } from "../../model/number-format.ts";
import { quoteString } from "../promql/parser/lexer.ts";

type Metric = Record<string, string>;
type Point = [timeSeconds: number, value: string];

interface Bucketed {
  count: string;
  sum: string;
  buckets?: [boundaries: number, lower: string, upper: string, count: string][];
}

type HistogramPoint = [timeSeconds: number, histogram: Bucketed];

export interface Row {
  metric: Metric;
  value?: Point;
  histogram?: HistogramPoint;
  values?: Point[];
  histograms?: HistogramPoint[];
}

export interface QueryData {
  resultType: string;
  result: unknown;
}

export function resultText({ resultType, result }: QueryData): string {
  switch (resultType) {
    case "scalar": {
      const [time, value] = result as Point;
      return `scalar: ${floatText(value)} @[${formatFloat(time)}]`;
    }
    case "string":
      return (result as Point)[1];
    case "vector":
      return (result as Row[]).map(sampleText).join("\n");
    default:
      return [...(result as Row[])]
        .sort((a, b) => compareMetrics(a.metric, b.metric))
        .map(streamText)
        .join("\n");
  }
}

/** As Go marshals the same, without a newline. */
export function resultJson({ resultType, result }: QueryData): string {
  if (resultType === "scalar") return goJson(pointJson(result as Point));
  if (resultType === "string") {
    const [timestamp, value] = result as Point;
    return goJson({ value, timestamp });
  }
  return goJson(
    (result as Row[]).map(({ metric, value, histogram, values, histograms }) => ({
      metric: sortedMetric(metric),
      ...(value && { value: pointJson(value) }),
      ...(histogram && { histogram: histogramPointJson(histogram) }),
      ...(resultType === "matrix" && (values || !histograms) && { values: (values ?? []).map(pointJson) }),
      ...(histograms && { histograms: histograms.map(histogramPointJson) }),
    })),
  );
}

/** As Go's `json.Marshal`, which keeps clear of HTML. @param indent blanks for each level; without them one line */
export function goJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function sortedMetric(metric: Metric): Metric {
  return Object.fromEntries(Object.entries(metric).sort(([a], [b]) => compareStrings(a, b)));
}

/** `{__name__="up", job="a"}`. */
export function labelSetText(metric: Metric): string {
  return `{${pairsOf(metric).join(", ")}}`;
}

/** `up{job="a"}`. */
export function metricText(metric: Metric): string {
  const { __name__: name, ...rest } = metric;
  const pairs = pairsOf(rest);
  return pairs.length === 0 && name !== undefined ? name : `${name ?? ""}{${pairs.join(", ")}}`;
}

function pairsOf(metric: Metric): string[] {
  return Object.entries(metric)
    .map(([name, value]) => `${name}=${quoteString(value)}`)
    .sort(compareStrings);
}

function compareMetrics(a: Metric, b: Metric): number {
  const counts = Object.keys(a).length - Object.keys(b).length;
  if (counts !== 0) return counts;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(compareStrings);
  for (const name of names) {
    if (!Object.hasOwn(a, name)) return -1;
    if (!Object.hasOwn(b, name)) return 1;
    const order = compareStrings(a[name], b[name]);
    if (order !== 0) return order;
  }
  return 0;
}

function sampleText({ metric, value, histogram }: Row): string {
  const point = value === undefined ? histogramPointText(histogram!) : pointText(value);
  return `${metricText(metric)} => ${point}`;
}

function streamText({ metric, values = [], histograms = [] }: Row): string {
  const points = [...values.map(pointText), ...histograms.map(histogramPointText)];
  return `${metricText(metric)} =>\n${points.join("\n")}`;
}

function pointText([time, value]: Point): string {
  return `${floatText(value)} @[${formatFloat(time)}]`;
}

function histogramPointText([time, { count, sum, buckets = [] }]: HistogramPoint): string {
  const texts = buckets.map(([boundaries, lower, upper, each]) => {
    const open = boundaries === 1 || boundaries === 3 ? "[" : "(";
    const close = boundaries === 0 || boundaries === 3 ? "]" : ")";
    return `${open}${formatG(numberOf(lower))},${formatG(numberOf(upper))}${close}:${floatText(each)}`;
  });
  const total = `Count: ${sixDecimals(count)}, Sum: ${sixDecimals(sum)}`;
  return `${total}, Buckets: [${texts.join(" ")}] @[${formatFloat(time)}]`;
}

function pointJson([time, value]: Point): [number, string] {
  return [time, floatText(value)];
}

function histogramPointJson([time, { count, sum, buckets }]: HistogramPoint): [number, object] {
  const texts = buckets?.map(([boundaries, ...numbers]) => [boundaries, ...numbers.map(floatText)]) ?? null;
  return [time, { count: floatText(count), sum: floatText(sum), buckets: texts }];
}

function numberOf(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}

function floatText(text: string): string {
  return formatFloat(numberOf(text));
}

/** As Go's `%f`. */
function sixDecimals(text: string): string {
  const value = numberOf(text);
  return Number.isFinite(value) ? value.toFixed(6) : formatFloat(value);
}
