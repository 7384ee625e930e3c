/** Metrics as OTLP/JSON. */
import {
  type Exemplar,
  type ExponentialBuckets,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type Metric,
  type MetricData,
  NO_BUCKETS,
  type NumberPoint,
  type NumberValue,
  type ResourceMetrics,
  type SummaryPoint,
} from "../../model/otlp-metrics.ts";
import {
  attributesJson,
  bigintOf,
  doubleJson,
  integerJson,
  JsonFields,
  numberOf,
  readResource,
  readScope,
  resourceJson,
  scopeJson,
  withoutDefaults,
} from "./common-json.ts";

/** @throws OtlpJsonError */
export function decodeMetricsJson(bytes: Uint8Array): ResourceMetrics[] {
  return JsonFields.parse(bytes).messages("resourceMetrics", (fields) => ({
    resource: readResource(fields),
    scopeMetrics: fields.messages("scopeMetrics", (scopeFields) => ({
      scope: readScope(scopeFields),
      metrics: scopeFields.messages("metrics", readMetric),
      schemaUrl: scopeFields.string("schemaUrl"),
    })),
    schemaUrl: fields.string("schemaUrl"),
  }));
}

function readMetric(fields: JsonFields): Metric {
  return {
    name: fields.string("name"),
    description: fields.string("description"),
    unit: fields.string("unit"),
    metadata: fields.attributes("metadata"),
    data: readData(fields),
  };
}

const TEMPORALITIES = ["Unspecified", "Delta", "Cumulative"];

function readData(fields: JsonFields): MetricData {
  const temporalityOf = (data: JsonFields) =>
    data.enumeration("aggregationTemporality", "AGGREGATION_TEMPORALITY_", TEMPORALITIES);
  const empty: MetricData = { type: "empty", points: [] };
  const readers: [name: string, read: (data: JsonFields) => MetricData][] = [
    ["gauge", (data) => ({ type: "gauge", points: data.messages("dataPoints", readNumberPoint) })],
    [
      "sum",
      (data) => ({
        type: "sum",
        points: data.messages("dataPoints", readNumberPoint),
        temporality: temporalityOf(data),
        monotonic: data.bool("isMonotonic"),
      }),
    ],
    [
      "histogram",
      (data) => ({
        type: "histogram",
        points: data.messages("dataPoints", readHistogramPoint),
        temporality: temporalityOf(data),
      }),
    ],
    [
      "exponentialHistogram",
      (data) => ({
        type: "exponentialHistogram",
        points: data.messages("dataPoints", readExponentialPoint),
        temporality: temporalityOf(data),
      }),
    ],
    ["summary", (data) => ({ type: "summary", points: data.messages("dataPoints", readSummaryPoint) })],
  ];
  for (const [name, read] of readers) {
    if (fields.get(name) !== undefined) return fields.message(name, empty, read);
  }
  return empty;
}

function readPoint(fields: JsonFields) {
  return {
    attributes: fields.attributes("attributes"),
    startTimeUnixNano: fields.uint64("startTimeUnixNano"),
    timeUnixNano: fields.uint64("timeUnixNano"),
    flags: fields.integer("flags"),
  };
}

function readValue(fields: JsonFields): NumberValue | null {
  if (fields.get("asInt") !== undefined) return BigInt.asIntN(64, fields.int64("asInt"));
  return fields.optionalDouble("asDouble") ?? null;
}

function readNumberPoint(fields: JsonFields): NumberPoint {
  return { ...readPoint(fields), value: readValue(fields), exemplars: readExemplars(fields) };
}

function readHistogramPoint(fields: JsonFields): HistogramPoint {
  return {
    ...readPoint(fields),
    count: fields.count("count"),
    sum: fields.optionalDouble("sum"),
    min: fields.optionalDouble("min"),
    max: fields.optionalDouble("max"),
    bucketCounts: fields.list("bucketCounts", (item, path) => Number(bigintOf(item, path))),
    explicitBounds: fields.list("explicitBounds", numberOf),
    exemplars: readExemplars(fields),
  };
}

function readExponentialPoint(fields: JsonFields): ExponentialHistogramPoint {
  return {
    ...readPoint(fields),
    count: fields.count("count"),
    sum: fields.optionalDouble("sum"),
    min: fields.optionalDouble("min"),
    max: fields.optionalDouble("max"),
    scale: fields.integer("scale"),
    zeroCount: fields.count("zeroCount"),
    zeroThreshold: fields.double("zeroThreshold"),
    positive: fields.message("positive", NO_BUCKETS, readBuckets),
    negative: fields.message("negative", NO_BUCKETS, readBuckets),
    exemplars: readExemplars(fields),
  };
}

function readBuckets(fields: JsonFields): ExponentialBuckets {
  return {
    offset: fields.integer("offset"),
    counts: fields.list("bucketCounts", (item, path) => Number(bigintOf(item, path))),
  };
}

function readSummaryPoint(fields: JsonFields): SummaryPoint {
  return {
    ...readPoint(fields),
    count: fields.count("count"),
    sum: fields.double("sum"),
    quantiles: fields.messages("quantileValues", (quantile) => ({
      quantile: quantile.double("quantile"),
      value: quantile.double("value"),
    })),
  };
}

function readExemplars(fields: JsonFields): Exemplar[] {
  return fields.messages("exemplars", (exemplar) => ({
    filteredAttributes: exemplar.attributes("filteredAttributes"),
    timeUnixNano: exemplar.uint64("timeUnixNano"),
    value: readValue(exemplar),
    spanId: exemplar.hex("spanId"),
    traceId: exemplar.hex("traceId"),
  }));
}

export function encodeMetricsJson(data: readonly ResourceMetrics[]): string {
  return JSON.stringify({ resourceMetrics: data.map(resourceMetricsJson) });
}

function resourceMetricsJson(resourceMetrics: ResourceMetrics): object {
  return withoutDefaults({
    resource: resourceJson(resourceMetrics.resource),
    scopeMetrics: resourceMetrics.scopeMetrics.map((scopeMetrics) =>
      withoutDefaults({
        scope: scopeJson(scopeMetrics.scope),
        metrics: scopeMetrics.metrics.map(metricJson),
        schemaUrl: scopeMetrics.schemaUrl,
      }),
    ),
    schemaUrl: resourceMetrics.schemaUrl,
  });
}

function metricJson(metric: Metric): object {
  const { data } = metric;
  return withoutDefaults({
    name: metric.name,
    description: metric.description,
    unit: metric.unit,
    metadata: attributesJson(metric.metadata),
    ...(data.type === "empty" ? {} : { [data.type]: dataJson(data) }),
  });
}

function dataJson(data: MetricData): object {
  return withoutDefaults({
    dataPoints: data.points.map((point) => pointJson(point)),
    aggregationTemporality: "temporality" in data ? data.temporality : undefined,
    isMonotonic: data.type === "sum" ? data.monotonic : undefined,
  });
}

type AnyPoint = NumberPoint | HistogramPoint | ExponentialHistogramPoint | SummaryPoint;

function pointJson(point: AnyPoint): object {
  const head = withoutDefaults({
    attributes: attributesJson(point.attributes),
    startTimeUnixNano: integerJson(point.startTimeUnixNano),
    timeUnixNano: integerJson(point.timeUnixNano),
    flags: point.flags,
  });
  const exemplars = "exemplars" in point ? point.exemplars.map(exemplarJson) : [];
  if ("value" in point) return { ...head, ...valueJson(point.value), ...withoutDefaults({ exemplars }) };
  const count = { count: integerJson(point.count) };
  if ("quantiles" in point) {
    const quantileValues = point.quantiles.map(({ quantile, value }) =>
      withoutDefaults({ quantile: doubleJson(quantile), value: doubleJson(value) }),
    );
    return { ...head, ...count, ...withoutDefaults({ sum: doubleJson(point.sum), quantileValues }) };
  }
  // These are optional in the protobuf, so that 0 is not the same as absent.
  const statistics = {
    sum: doubleJson(point.sum),
    min: doubleJson(point.min),
    max: doubleJson(point.max),
  };
  const buckets = "scale" in point ? exponentialJson(point) : explicitJson(point);
  return { ...head, ...count, ...statistics, ...withoutDefaults({ ...buckets, exemplars }) };
}

function explicitJson(point: HistogramPoint) {
  return {
    bucketCounts: point.bucketCounts.map(String),
    explicitBounds: point.explicitBounds.map(doubleJson),
  };
}

function exponentialJson(point: ExponentialHistogramPoint) {
  return {
    scale: point.scale,
    zeroCount: integerJson(point.zeroCount),
    zeroThreshold: doubleJson(point.zeroThreshold),
    positive: bucketsJson(point.positive),
    negative: bucketsJson(point.negative),
  };
}

function bucketsJson(buckets: ExponentialBuckets): object | undefined {
  if (buckets.offset === 0 && buckets.counts.length === 0) return undefined;
  return withoutDefaults({ offset: buckets.offset, bucketCounts: buckets.counts.map(String) });
}

function valueJson(value: NumberValue | null): object {
  if (value === null) return {};
  return typeof value === "bigint" ? { asInt: String(value) } : { asDouble: doubleJson(value) };
}

function exemplarJson(exemplar: Exemplar): object {
  const { filteredAttributes, timeUnixNano, spanId, traceId } = exemplar;
  return {
    ...withoutDefaults({
      filteredAttributes: attributesJson(filteredAttributes),
      timeUnixNano: integerJson(timeUnixNano),
      spanId,
      traceId,
    }),
    ...valueJson(exemplar.value),
  };
}
