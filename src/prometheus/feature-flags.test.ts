import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../test/virtual-prometheus.ts";
import { createLogger } from "../base/log.ts";
import { createHistogram } from "../model/histogram.ts";
import { Labels } from "../model/labels.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { CONTENT_TYPE_V2, type WriteSeries } from "../wire/remote-write/write-request.ts";
import { encodeWriteRequestV2 } from "../wire/remote-write/write-v2.ts";
import { snappyCompress } from "../wire/snappy.ts";
import { checkFeatures } from "./feature-flags.ts";

const OPENMETRICS = "application/openmetrics-text; version=1.0.0";

test("checkFeatures() says of features that are not on why", () => {
  const lines: string[] = [];
  const log = createLogger({ clock: new VirtualClock(), write: (line) => lines.push(line) });
  checkFeatures(["exemplar-storage", "native-histograms", "st-storage", "flying"], log);
  assert.equal(lines.length, 3);
  assert.match(lines[0], /permanently enabled and therefore a no-op.*native-histograms/);
  assert.match(lines[1], /not supported and has no effect.*st-storage/);
  assert.match(lines[2], /Unknown option for --enable-feature.*flying/);
  const both = ["otlp-deltatocumulative", "otlp-native-delta-ingestion"];
  assert.throws(() => checkFeatures(both, log), /cannot enable otlp-deltatocumulative and/);
});

test("created-timestamp-zero-ingestion: a scraped series begins with a zero at its start", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""), {}, "created-timestamp-zero-ingestion");
  const startSeconds = it.clock.now() / 1000 - 60;
  const body = {
    text: `# TYPE c counter\nc_total 5\nc_created ${startSeconds}\n# TYPE late counter\nlate_total 1\nlate_created ${startSeconds + 3600}\n# EOF\n`,
    type: OPENMETRICS,
  };
  const requests = await it.target("127.13.2.1", body);
  await it.clock.advance(25_000);
  const { data } = JSON.parse((await it.get('/api/v1/query?query={__name__=~"c_.*|late_.*"}[5m]')).text);
  const found = data.result.map((row: { metric: { __name__: string }; values: [number, string][] }) => [
    row.metric.__name__,
    row.values.map(([, value]) => value).join(" "),
  ]);
  assert.deepEqual(found.sort(), [
    ["c_total", "0 5 5 5 5"],
    ["late_total", "1 1 1 1"],
  ]);
  assert.equal(data.result[0].values[0][0], startSeconds);
  assert.match(requests[0].headers.accept!, /^application\/vnd.google.protobuf/);
  await it.server.stop();
});

test("type-and-unit-labels and extra-scrape-metrics: on what is scraped", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""), {}, "type-and-unit-labels,extra-scrape-metrics");
  await it.target("127.13.2.1", {
    text: "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n# EOF\n",
    type: OPENMETRICS,
  });
  await it.clock.advance(1_000);
  assert.deepEqual(await it.query("sum by (__type__, __unit__) (a_seconds_total)"), [
    '{__type__="counter", __unit__="seconds"} 1',
  ]);
  assert.deepEqual(await it.query("sum(scrape_body_size_bytes)"), ["{} 74"]);
  await it.server.stop();
});

test("remote write 2.0 makes zeros of start times, and labels of type and unit", async () => {
  const features = "created-timestamp-zero-ingestion,type-and-unit-labels";
  const it = await virtualPrometheus("global: {}", {}, features);
  const timestampMs = it.clock.now();
  const startTimestampMs = timestampMs - 60_000;
  const histogram = createHistogram({
    count: 1,
    sum: 1,
    positiveSpans: [{ offset: 0, length: 1 }],
    positiveBuckets: [1],
  });
  const series: WriteSeries[] = [
    {
      labels: Labels.of({ __name__: "a", __type__: "mine" }),
      samples: [{ timestampMs, value: 7, startTimestampMs }],
      histograms: [],
      exemplars: [],
      metadata: { type: "counter", help: "", unit: "s" },
    },
    {
      labels: Labels.of({ __name__: "h" }),
      samples: [],
      histograms: [{ timestampMs, histogram, isInteger: true, startTimestampMs }],
      exemplars: [],
    },
  ];
  const body = snappyCompress(encodeWriteRequestV2({ series, metadata: [] }));
  const headers = { "content-type": CONTENT_TYPE_V2, "content-encoding": "snappy" };
  const { status, text } = await it.post("/api/v1/write", body, headers);
  assert.equal(status, 204, text);
  assert.deepEqual(await it.query('count_over_time(a{__type__="counter",__unit__="s"}[5m])'), ["{} 2"]);
  assert.deepEqual(await it.query("histogram_count(h @ start() offset 30s)"), ["{} 0"]);
  await it.server.stop();
});

/** One metric of each kind that has a temporality, as JSON. */
function otlp(temporality: number, timeMs: number) {
  const time = `${timeMs}000000`;
  const sum = { aggregationTemporality: temporality, isMonotonic: true };
  const point = { timeUnixNano: time, startTimeUnixNano: `${timeMs - 60_000}000000` };
  const metrics = [
    { name: "requests", unit: "By/s", sum: { ...sum, dataPoints: [{ ...point, asInt: "5" }] } },
    {
      name: "latency",
      unit: "s",
      exponentialHistogram: {
        aggregationTemporality: temporality,
        dataPoints: [{ ...point, count: "1", sum: 1, scale: 0, positive: { bucketCounts: ["1"] } }],
      },
    },
  ];
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
}

test("OTLP: deltas, start times, type and unit as the feature flags say", async () => {
  const json = { "content-type": "application/json" };
  const plain = await virtualPrometheus("global: {}");
  const refused = await plain.post("/api/v1/otlp/v1/metrics", otlp(1, plain.clock.now()), json);
  assert.equal(refused.status, 500);
  assert.match(refused.text, /invalid temporality and type combination for metric "requests"/);
  await plain.server.stop();

  const features = "otlp-native-delta-ingestion,created-timestamp-zero-ingestion,type-and-unit-labels";
  const it = await virtualPrometheus("global: {}", {}, features);
  const now = it.clock.now();
  assert.equal((await it.post("/api/v1/otlp/v1/metrics", otlp(1, now), json)).status, 200);
  assert.deepEqual(await it.query('requests_bytes_per_second_total{__type__=""}'), [
    '{__name__="requests_bytes_per_second_total", __unit__="bytes_per_second"} 5',
  ]);
  assert.equal((await it.post("/api/v1/otlp/v1/metrics", otlp(2, now), json)).status, 200);
  assert.deepEqual(
    await it.query('count_over_time(requests_bytes_per_second_total{__type__="counter"}[5m])'),
    ["{} 2"],
  );
  assert.deepEqual(await it.query('histogram_count(latency_seconds{__type__="histogram"})'), ["{} 1"]);
  // What is late fails the request, and nothing of it is stored.
  const late = JSON.parse(otlp(2, now - 7_200_000));
  late.resourceMetrics[0].scopeMetrics[0].metrics.push({
    name: "fine",
    gauge: { dataPoints: [{ timeUnixNano: `${now}000000`, asInt: "1" }] },
  });
  const answer = await it.post("/api/v1/otlp/v1/metrics", JSON.stringify(late), json);
  assert.equal(answer.status, 400, answer.text);
  assert.deepEqual(await it.query("fine"), []);
  await it.server.stop();
});

test("body_size_limit: a body of one byte less is taken", async () => {
  for (const [limit, up] of [
    [5, "1"],
    [4, "0"],
  ]) {
    const it = await virtualPrometheus(scrapeConfigOf(`body_size_limit: ${limit}B`));
    await it.target("127.13.2.1", { text: "a 1\n" });
    await it.clock.advance(1_000);
    assert.deepEqual(await it.query("sum(up)"), [`{} ${up}`]);
    await it.server.stop();
  }
});

test("otlp-deltatocumulative: deltas are stored as sums", async () => {
  const json = { "content-type": "application/json" };
  const it = await virtualPrometheus("global: {}", {}, "otlp-deltatocumulative");
  const now = it.clock.now();
  for (const timeMs of [now - 2000, now - 1000, now]) {
    const { status, text } = await it.post("/api/v1/otlp/v1/metrics", otlp(1, timeMs), json);
    assert.equal(status, 200, text);
  }
  assert.deepEqual(await it.query("requests_bytes_per_second_total"), [
    '{__name__="requests_bytes_per_second_total"} 15',
  ]);
  assert.deepEqual(await it.query("histogram_count(latency_seconds)"), ["{} 3"]);
  // What is late is left out, not refused.
  assert.equal((await it.post("/api/v1/otlp/v1/metrics", otlp(1, now), json)).status, 200);
  await it.server.stop();
});

test("promql-per-step-stats: all statistics of a query are those of its steps too", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""), {}, "promql-per-step-stats");
  await it.target("127.13.2.1", { text: "a 1\n", type: "text/plain; version=0.0.4" });
  await it.clock.advance(25_000);
  const end = it.clock.now() / 1000;
  const samples = async (stats: string) => {
    const path = `/api/v1/query_range?query=a&start=${end - 1}&end=${end}&step=1&stats=${stats}`;
    return JSON.parse((await it.get(path)).text).data.stats.samples;
  };
  const steps = [
    [end - 1, 1],
    [end, 1],
  ];
  assert.deepEqual(await samples("all"), {
    totalQueryableSamplesPerStep: steps,
    totalQueryableSamples: 2,
    samplesReadPerStep: steps,
    samplesRead: 2,
    peakSamples: 2,
  });
  assert.equal((await samples("true")).samplesReadPerStep, undefined);
  await it.server.stop();
});
