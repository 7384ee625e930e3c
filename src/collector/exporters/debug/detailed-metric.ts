/** A metric of the `debug` exporter's detailed text (upstream `otlptext/databuffer.go`). */
import type {
  Exemplar,
  ExponentialHistogramPoint,
  HistogramPoint,
  Metric,
  NumberPoint,
  NumberValue,
  SummaryPoint,
} from "../../../model/otlp-metrics.ts";
import { type Lines, timeText } from "./lines.ts";

const TYPE_NAMES = {
  empty: "Empty",
  gauge: "Gauge",
  sum: "Sum",
  histogram: "Histogram",
  exponentialHistogram: "ExponentialHistogram",
  summary: "Summary",
};
const TEMPORALITIES = ["Unspecified", "Delta", "Cumulative"];

export function writeMetric(lines: Lines, metric: Metric): void {
  const { data } = metric;
  lines.add("Descriptor:");
  lines.add(`     -> Name: ${metric.name}`);
  lines.add(`     -> Description: ${metric.description}`);
  lines.add(`     -> Unit: ${metric.unit}`);
  lines.add(`     -> DataType: ${TYPE_NAMES[data.type]}`);
  lines.attributes("     -> Metadata", metric.metadata, "     ");
  if (data.type === "sum") lines.add(`     -> IsMonotonic: ${data.monotonic}`);
  if ("temporality" in data) {
    lines.add(`     -> AggregationTemporality: ${TEMPORALITIES[data.temporality] ?? ""}`);
  }
  if (data.type === "gauge" || data.type === "sum") {
    for (const [i, point] of data.points.entries()) writeNumberPoint(lines, point, i);
  } else if (data.type === "histogram") {
    for (const [i, point] of data.points.entries()) writeHistogramPoint(lines, point, i);
  } else if (data.type === "exponentialHistogram") {
    for (const [i, point] of data.points.entries()) writeExponentialPoint(lines, point, i);
  } else if (data.type === "summary") {
    for (const [i, point] of data.points.entries()) writeSummaryPoint(lines, point, i);
  }
}

type PointHead = Pick<NumberPoint, "attributes" | "startTimeUnixNano" | "timeUnixNano">;

function writeHead(lines: Lines, title: string, point: PointHead): void {
  lines.add(title);
  lines.attributes("Data point attributes", point.attributes);
  lines.add(`StartTimestamp: ${timeText(point.startTimeUnixNano)}`);
  lines.add(`Timestamp: ${timeText(point.timeUnixNano)}`);
}

function writeNumberPoint(lines: Lines, point: NumberPoint, index: number): void {
  writeHead(lines, `NumberDataPoints #${index}`, point);
  if (point.value !== null) lines.add(`Value: ${numberText(point.value)}`);
  writeExemplars(lines, point.exemplars);
}

function writeStatistics(lines: Lines, point: HistogramPoint | ExponentialHistogramPoint): void {
  lines.add(`Count: ${point.count}`);
  if (point.sum !== undefined) lines.add(`Sum: ${floatText(point.sum)}`);
  if (point.min !== undefined) lines.add(`Min: ${floatText(point.min)}`);
  if (point.max !== undefined) lines.add(`Max: ${floatText(point.max)}`);
}

function writeHistogramPoint(lines: Lines, point: HistogramPoint, index: number): void {
  writeHead(lines, `HistogramDataPoints #${index}`, point);
  writeStatistics(lines, point);
  for (const [i, bound] of point.explicitBounds.entries()) {
    lines.add(`ExplicitBounds #${i}: ${floatText(bound)}`);
  }
  for (const [i, count] of point.bucketCounts.entries()) lines.add(`Buckets #${i}, Count: ${count}`);
  writeExemplars(lines, point.exemplars);
}

function writeExponentialPoint(lines: Lines, point: ExponentialHistogramPoint, index: number): void {
  writeHead(lines, `ExponentialHistogramDataPoints #${index}`, point);
  writeStatistics(lines, point);
  const factor = Math.LN2 * 2 ** -point.scale;
  const bound = (bucket: number) => floatText(Math.exp(bucket * factor));
  for (const [i, count] of [...point.negative.counts.entries()].reverse()) {
    const bucket = point.negative.offset + i;
    lines.add(`Bucket [-${bound(bucket + 1)}, -${bound(bucket)}), Count: ${count}`);
  }
  if (point.zeroCount !== 0) lines.add(`Bucket [0, 0], Count: ${point.zeroCount}`);
  for (const [i, count] of point.positive.counts.entries()) {
    const bucket = point.positive.offset + i;
    lines.add(`Bucket (${bound(bucket)}, ${bound(bucket + 1)}], Count: ${count}`);
  }
  writeExemplars(lines, point.exemplars);
}

function writeSummaryPoint(lines: Lines, point: SummaryPoint, index: number): void {
  writeHead(lines, `SummaryDataPoints #${index}`, point);
  lines.add(`Count: ${point.count}`);
  lines.add(`Sum: ${floatText(point.sum)}`);
  for (const [i, { quantile, value }] of point.quantiles.entries()) {
    lines.add(`QuantileValue #${i}: Quantile ${floatText(quantile)}, Value ${floatText(value)}`);
  }
}

function writeExemplars(lines: Lines, exemplars: readonly Exemplar[]): void {
  if (exemplars.length > 0) lines.add("Exemplars:");
  for (const [i, exemplar] of exemplars.entries()) {
    lines.add(`Exemplar #${i}`);
    lines.add(`     -> Trace ID: ${exemplar.traceId}`);
    lines.add(`     -> Span ID: ${exemplar.spanId}`);
    lines.add(`     -> Timestamp: ${timeText(exemplar.timeUnixNano)}`);
    if (exemplar.value !== null) lines.add(`     -> Value: ${numberText(exemplar.value)}`);
    lines.attributes("     -> FilteredAttributes", exemplar.filteredAttributes, "     ");
  }
}

function numberText(value: NumberValue): string {
  return typeof value === "bigint" ? String(value) : floatText(value);
}

/** Go's `%f`. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Math.abs(value) < 1e21) return value.toFixed(6);
  return `${BigInt(value)}.000000`;
}
