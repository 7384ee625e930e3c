/** `/federate`: the newest sample of selected series, for another Prometheus to scrape (`web/federate.go`). */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import { textResponse } from "../../base/network.ts";
import { type FloatHistogram, usesCustomBuckets } from "../../model/histogram.ts";
import { compareLabels, compareStrings, type Labels, METRIC_NAME } from "../../model/labels.ts";
import {
  type ClientMetric,
  type ClientMetricFamily,
  createClientHistogram,
} from "../../wire/client-model/metric-family.ts";
import type { PrometheusServer } from "../server-state.ts";
import { isStaleMarker, type SeriesSamples } from "../storage.ts";
import { Pacer } from "../tsdb/pacer.ts";
import { sortInSlices } from "../tsdb/sliced-sort.ts";
import { ApiError, readParameters } from "./api-request.ts";
import { negotiateFormat, writeFamilies } from "./federation-format.ts";
import { selectorParameters } from "./query-api.ts";

/** Rows between two looks at the clock. */
const ROWS_PER_CHECK = 256;

interface Row {
  labels: Labels;
  value: number;
  histogram?: FloatHistogram;
  timestampMs: number;
}

export async function federate(request: HttpRequest, server: PrometheusServer): Promise<HttpResponse> {
  const parameters = await readParameters(request);
  const nowMs = server.clock.now();
  const range = { minMs: nowMs - server.flags.duration("query.lookback-delta"), maxMs: nowMs };
  const rows = new Map<string, Row>();
  const pacer = new Pacer(server.clock);
  try {
    for (const matchers of selectorParameters(parameters)) {
      if (matchers.length === 0) continue;
      for (const series of await server.tsdb.select(matchers, range, { signal: request.signal })) {
        const row = newest(series);
        if (row !== undefined) rows.set(row.labels.key, row);
        if (rows.size % ROWS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause(request.signal);
      }
    }
  } catch (error) {
    if (error instanceof ApiError)
      return textResponse(400, `${error.message}\n`, {
        "x-content-type-options": "nosniff",
        vary: "Accept-Encoding",
      });
    throw error;
  }
  const format = negotiateFormat(request.headers.accept);
  // Only protobuf has native histograms; those with custom buckets are told as classic ones.
  const shown = [...rows.values()].filter(
    ({ histogram }) => histogram === undefined || format.isProtobuf || usesCustomBuckets(histogram),
  );
  const families = await familiesOf(shown, server.config.global.external_labels ?? {}, pacer);
  return {
    status: 200,
    headers: { "content-type": format.contentType, vary: "Accept-Encoding" },
    body: await writeFamilies(families, format, pacer),
  };
}

/** The last sample, unless it says that the series has ended. */
function newest({ labels, timestamps, values, histograms }: SeriesSamples): Row | undefined {
  const last = timestamps.length - 1;
  if (last < 0) return undefined;
  const histogram = histograms?.[last];
  if (histogram === undefined) {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
    if (isStaleMarker(words, last)) return undefined;
  }
  return { labels, value: values[last], histogram, timestampMs: timestamps[last] };
}

/** Sorted by name. A name whose series are of several kinds is several families, as upstream has it. */
async function familiesOf(
  rows: Row[],
  externalLabels: Record<string, string>,
  pacer: Pacer,
): Promise<ClientMetricFamily[]> {
  const sorted = await sortInSlices(
    rows,
    (a, b) =>
      compareStrings(a.labels.get(METRIC_NAME), b.labels.get(METRIC_NAME)) ||
      compareLabels(a.labels, b.labels),
    pacer,
  );
  // An instance that is not there is told from one that the scraping server would put in.
  const global = Object.entries({ instance: "", ...externalLabels }).sort(([a], [b]) => compareStrings(a, b));
  const families: ClientMetricFamily[] = [];
  for (const [i, row] of sorted.entries()) {
    if (i % ROWS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    const name = row.labels.get(METRIC_NAME);
    if (name === "") continue;
    const type = typeOf(row.histogram);
    let family = families.at(-1);
    if (family?.name !== name || family.type !== type)
      families.push((family = { name, type, help: "", unit: "", metrics: [] }));
    family.metrics.push(metricOf(row, global));
  }
  return families;
}

function typeOf(histogram: FloatHistogram | undefined): ClientMetricFamily["type"] {
  if (histogram === undefined) return "unknown";
  return histogram.counterResetHint === "gauge" ? "gaugehistogram" : "histogram";
}

function metricOf(row: Row, global: (readonly [string, string])[]): ClientMetric {
  const { labels, value, histogram, timestampMs } = row;
  const own = [...labels].filter(([name]) => name !== METRIC_NAME);
  const added = global.filter(([name]) => !labels.has(name));
  const flat = [...own, ...added].flat();
  const metric = { labels: flat, timestampMs, value, startTimestampMs: 0 };
  return histogram === undefined ? metric : { ...metric, histogram: clientHistogram(histogram) };
}

function clientHistogram(histogram: FloatHistogram) {
  const { count, sum, schema, zeroThreshold, zeroCount } = histogram;
  const common = { sampleCountFloat: count, sampleSum: sum };
  if (usesCustomBuckets(histogram))
    return createClientHistogram({ ...common, buckets: classicBuckets(histogram) });
  return createClientHistogram({
    ...common,
    schema,
    zeroThreshold,
    zeroCountFloat: zeroCount,
    negative: { spans: histogram.negativeSpans, deltas: [], counts: histogram.negativeBuckets },
    positive: { spans: histogram.positiveSpans, deltas: [], counts: histogram.positiveBuckets },
  });
}

/** Cumulative counts at the bounds, without the last, infinite one. */
function classicBuckets({ customValues, positiveSpans, positiveBuckets }: FloatHistogram) {
  const counts = new Array<number>(customValues.length + 1).fill(0);
  let bucket = 0;
  let at = 0;
  for (const { offset, length } of positiveSpans) {
    bucket += offset;
    for (let i = 0; i < length; i++) counts[bucket++] = positiveBuckets[at++];
  }
  let cumulative = 0;
  return customValues.map((upperBound, index) => ({
    upperBound,
    cumulativeCount: 0,
    cumulativeCountFloat: (cumulative += counts[index]),
  }));
}
