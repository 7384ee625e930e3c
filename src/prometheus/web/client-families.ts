/** The server's own metrics as `client_golang` sends them in protobuf: a metric for each set of labels. */
import {
  type ClientHistogram,
  type ClientMetric,
  type ClientMetricFamily,
  type ClientMetricType,
  createClientHistogram,
} from "../../wire/client-model/metric-family.ts";
import type { ExposedBuckets, ExposedSample, MetricFamily } from "../../wire/exposition/exposition-writer.ts";

/** @param startMs since when the server's counters, summaries and histograms count */
export function clientFamilies(families: Iterable<MetricFamily>, startMs: number): ClientMetricFamily[] {
  return [...families].map((family) => {
    const { help } = family;
    const name = family.type === "counter" ? `${family.name}_total` : family.name;
    return { name, help, unit: "", type: typeOf(family), metrics: metricsOf(family, startMs) };
  });
}

/** The protocol has no info metrics and no sets of states: they are gauges, as in the text. */
function typeOf({ type }: MetricFamily): ClientMetricType {
  return type === "info" || type === "stateset" ? "gauge" : type;
}

/** The label by which the samples of one metric differ. */
const PART_LABELS: Partial<Record<MetricFamily["type"], string>> = { histogram: "le", summary: "quantile" };

function metricsOf({ type, samples }: MetricFamily, startMs: number): ClientMetric[] {
  const partLabel = PART_LABELS[type];
  const metrics = new Map<string, ClientMetric>();
  for (const sample of samples) {
    const pairs = [...(Symbol.iterator in sample.labels ? sample.labels : Object.entries(sample.labels))];
    const labels = pairs.filter(([name]) => name !== partLabel).flat();
    const key = JSON.stringify(labels);
    let metric = metrics.get(key);
    if (metric === undefined) metrics.set(key, (metric = metricOf(type, labels, startMs)));
    const part = pairs.find(([name]) => name === partLabel)?.[1];
    addPart(metric, sample, part);
  }
  return [...metrics.values()];
}

function metricOf(type: MetricFamily["type"], labels: string[], startMs: number): ClientMetric {
  const startTimestampMs = type === "counter" || type in PART_LABELS ? startMs : 0;
  const metric = { labels, timestampMs: 0, value: 0, startTimestampMs };
  if (type === "histogram") return { ...metric, histogram: createClientHistogram() };
  if (type === "summary") return { ...metric, summary: { sampleCount: 0, sampleSum: 0, quantiles: [] } };
  return metric;
}

function addPart(
  metric: ClientMetric,
  { suffix, value, native }: ExposedSample,
  part: string | undefined,
): void {
  const whole = metric.histogram ?? metric.summary;
  if (whole === undefined) metric.value = value;
  else if (suffix === "_sum") whole.sampleSum = value;
  else if (suffix === "_count") {
    whole.sampleCount = value;
    if (native !== undefined && metric.histogram !== undefined) addNative(metric.histogram, native);
  } else if (metric.summary !== undefined) metric.summary.quantiles.push({ quantile: Number(part), value });
  // The bucket that takes all is the count.
  else if (part !== "+Inf")
    metric.histogram!.buckets.push({
      upperBound: Number(part),
      cumulativeCount: value,
      cumulativeCountFloat: 0,
    });
}

function addNative(histogram: ClientHistogram, { positive, negative, ...rest }: ExposedBuckets): void {
  Object.assign(histogram, rest);
  histogram.positive = { ...positive, counts: [] };
  histogram.negative = { ...negative, counts: [] };
}
