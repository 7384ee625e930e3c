import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../../test/virtual-prometheus.ts";
import { createHistogram } from "../../model/histogram.ts";
import { reduceToSchema } from "../../model/histogram-arithmetic.ts";
import {
  type ClientHistogram,
  type ClientMetricFamily,
  createClientHistogram,
} from "../../wire/client-model/metric-family.ts";
import {
  CLIENT_PROTOBUF_CONTENT_TYPE,
  encodeMetricFamilies,
} from "../../wire/client-model/metric-family-encoder.ts";
import { formatOf } from "./content-type.ts";
import { limitBuckets, maxSchemaOf } from "./histogram-limits.ts";

const BOTH = createClientHistogram({
  sampleCount: 10,
  sampleSum: 20,
  buckets: [{ cumulativeCount: 4, cumulativeCountFloat: 0, upperBound: 1 }],
  schema: 1,
  positive: { spans: [{ offset: 0, length: 4 }], deltas: [1, 1, 1, 1], counts: [] },
});

function protobuf(histogram: ClientHistogram): Uint8Array {
  const metric = { labels: [], timestampMs: 0, value: 0, startTimestampMs: 0, histogram };
  const family: ClientMetricFamily = { name: "h", help: "", type: "histogram", unit: "", metrics: [metric] };
  return encodeMetricFamilies([family]);
}

/** Scrapes once: what there is to `{__name__=~"h.*"}`, the target's state, and what was asked for. */
async function scraped(settings: string, body: string | Uint8Array, type = CLIENT_PROTOBUF_CONTENT_TYPE) {
  const it = await virtualPrometheus(scrapeConfigOf(settings));
  const requests = await it.target("127.13.2.1", { text: body, type });
  await it.clock.advance(1_000);
  const { data } = JSON.parse((await it.get('/api/v1/query?query={__name__=~"h.*"}')).text);
  const found = (data.result as { metric: Record<string, string>; histogram?: [number, object] }[])
    .map(({ metric, histogram }) => metric.__name__ + (histogram === undefined ? "" : " native"))
    .sort();
  const [target] = JSON.parse((await it.get("/api/v1/targets")).text).data.activeTargets;
  const counts = await it.query('{__name__=~"scrape_s.*"}');
  await it.server.stop();
  const numbers = Object.fromEntries(
    counts.map((row) => [/="(scrape_\w+)/.exec(row)![1], row.split(" ").at(-1)]),
  );
  return { found, target, numbers, accept: requests[0].headers.accept };
}

test("native histograms are asked for by protobuf, first of all, and stored", async () => {
  const plain = await scraped("", protobuf(BOTH));
  assert.doesNotMatch(plain.accept!, /protobuf/);
  assert.deepEqual(plain.found, ["h_bucket", "h_bucket", "h_count", "h_sum"]);
  const native = await scraped("scrape_native_histograms: true", protobuf(BOTH));
  assert.match(
    native.accept!,
    /^application\/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,/,
  );
  assert.deepEqual(native.found, ["h native"]);
  const both = await scraped(
    "scrape_native_histograms: true\nalways_scrape_classic_histograms: true",
    protobuf(BOTH),
  );
  assert.deepEqual(both.found, ["h native", "h_bucket", "h_bucket", "h_count", "h_sum"]);
});

test("relabelling chooses target by target how histograms are taken", async () => {
  const rule = (label: string, value: string) =>
    `relabel_configs: [{target_label: __${label}__, replacement: "${value}"}]`;
  assert.deepEqual((await scraped(rule("scrape_native_histograms", "T"), protobuf(BOTH))).found, [
    "h native",
  ]);
  const text = '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 3\nh_count 2\n';
  const custom = await scraped(rule("convert_classic_histograms_to_nhcb", "1"), text, "text/plain");
  assert.deepEqual(custom.found, ["h native"]);
  const wrong = await virtualPrometheus(scrapeConfigOf(rule("scrape_native_histograms", "maybe")));
  await wrong.clock.advance(1_000);
  assert.deepEqual(JSON.parse((await wrong.get("/api/v1/targets")).text).data.activeTargets, []);
  await wrong.server.stop();
});

test("a native histogram's buckets are limited", async () => {
  const settings = (rest: string) => `scrape_native_histograms: true\n${rest}`;
  assert.deepEqual((await scraped(settings("native_histogram_bucket_limit: 2"), protobuf(BOTH))).found, [
    "h native",
  ]);
  const fine = createClientHistogram({
    ...BOTH,
    schema: 0,
    positive: {
      ...BOTH.positive,
      spans: [
        { offset: 1, length: 2 },
        { offset: 100, length: 2 },
      ],
    },
  });
  const over = await scraped(settings("native_histogram_bucket_limit: 1"), protobuf(fine));
  assert.deepEqual(over.found, []);
  assert.equal(over.target.lastError, "histogram bucket limit exceeded");
});

test("maxSchemaOf(), reduceToSchema() and limitBuckets() at their edges", () => {
  const factors: [number, number][] = [
    [0, 8],
    [1, 8],
    [1.0027, 8],
    [1.1, 2],
    [1.2, 1],
    [2, 0],
    [4, -1],
    [65536, -4],
    [1e9, -4],
  ];
  for (const [factor, schema] of factors) assert.equal(maxSchemaOf(factor), schema, String(factor));
  const four = createHistogram({
    schema: 2,
    count: 4,
    positiveSpans: [{ offset: 1, length: 4 }],
    positiveBuckets: [1, 1, 1, 1],
  });
  assert.equal(reduceToSchema(four, 2), four);
  assert.deepEqual(reduceToSchema({ ...four, counterResetHint: "gauge" }, 0), {
    ...four,
    schema: 0,
    counterResetHint: "gauge",
    positiveSpans: [{ offset: 1, length: 1 }],
    positiveBuckets: [4],
  });
  assert.equal(limitBuckets(four, 0), four);
  assert.equal(limitBuckets(four, 4), four);
  assert.equal(limitBuckets(four, 3).schema, 1);
  const custom = { ...four, schema: -53, customValues: [1, 2, 3] };
  assert.throws(() => limitBuckets(custom, 3), /histogram bucket limit exceeded/);
});

test("a scrape that fails says how many samples it read", async () => {
  const { found, target, numbers } = await scraped(
    "sample_limit: 2",
    "h1 1\nh2 1\nh3 1\nh4 1\n",
    "text/plain",
  );
  assert.deepEqual(found, []);
  assert.equal(target.lastError, "sample limit exceeded");
  assert.deepEqual(numbers, {
    scrape_samples_scraped: "4",
    scrape_samples_post_metric_relabeling: "4",
    scrape_series_added: "2",
  });
  const torn = await scraped("", "h1 1\nh2 {\n", "text/plain");
  assert.equal(torn.numbers.scrape_samples_scraped, "1");
  assert.equal(torn.target.health, "down");
});

test("a label that a target's other label pushes out is not in the metrics about its scrape", async () => {
  const it = await virtualPrometheus(
    scrapeConfigOf(
      "relabel_configs: [{target_label: z, replacement: x}, {target_label: exported_z, replacement: y}]",
    ),
  );
  await it.target("127.13.2.1", { text: 'm{z="own"} 1\n', type: "text/plain" });
  await it.clock.advance(1_000);
  const rows = await it.query('{__name__=~"up|m"}');
  assert.match(rows.find((row) => row.includes('"up"')) ?? "", /^\{__name__="up", instance=/);
  assert.match(rows.find((row) => row.includes('"m"')) ?? "", /exported_exported_z="own", exported_z="y"/);
  await it.server.stop();
});

test("a body may be empty, whatever its type", async () => {
  const { target } = await scraped("", "", "");
  assert.deepEqual([target.health, target.lastError], ["up", ""]);
});

test("a sample may be up to ten minutes ahead, and comes once without a time", async () => {
  const text = `h1 1 ${Date.UTC(2100, 0, 1)}\nh2 1\nh2 2\n`;
  const { found, target } = await scraped("", text, "text/plain");
  assert.deepEqual(found, ["h2"]);
  assert.equal(target.health, "up");
});

test("more targets than allowed are not asked, and count as down", async () => {
  const config = scrapeConfigOf("target_limit: 1").replace('"127.13.2.1"', '"127.13.2.1","127.13.2.2"');
  const it = await virtualPrometheus(config);
  const requests = await it.target("127.13.2.1", { text: "a 1\n" });
  await it.clock.advance(1_000);
  assert.deepEqual(await it.query("sum(up)"), ["{} 0"]);
  const { data } = JSON.parse((await it.get("/api/v1/targets")).text);
  assert.equal(data.activeTargets[0].lastError, "target_limit exceeded (number of targets: 2, limit: 1)");
  assert.equal(requests.length, 0);
  await it.server.stop();
});

test("formatOf() tells the format by the media type, and else takes the fallback", () => {
  const cases: [type: string | undefined, fallback: string, expected: string | RegExp][] = [
    ["text/plain; version=0.0.4; charset=utf-8", "", "text"],
    ["Application/OpenMetrics-Text; version=1.0.0", "", "openmetrics"],
    ["application/vnd.google.protobuf", "", "protobuf"],
    ["", "PrometheusText0.0.4", "text"],
    [
      undefined,
      "",
      /^non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target$/,
    ],
    ["text/html", "OpenMetricsText1.0.0", "openmetrics"],
    [
      "text/html",
      "",
      /^received unsupported Content-Type "text\/html" and no fallback_scrape_protocol specified for target$/,
    ],
    [
      "text/plain; version",
      "",
      /^cannot parse Content-Type "text\/plain; version" and no fallback_scrape_protocol for target\nmime: invalid media parameter$/,
    ],
    ["text/plain; a=1; a=2", "", /mime: duplicate parameter name$/],
    ["text plain", "", /mime: expected slash after first token$/],
    ["text/plain; version", "PrometheusProto", "protobuf"],
    ["text/plain;", "", "text"],
  ];
  for (const [type, fallback, expected] of cases) {
    if (typeof expected === "string") assert.equal(formatOf(type, fallback), expected, type);
    else
      assert.throws(
        () => formatOf(type, fallback),
        (error: Error) => expected.test(error.message),
        type,
      );
  }
});

test("a native histogram of a schema that is too fine fails the scrape, unless coarser ones are asked for", async () => {
  const body = protobuf({ ...BOTH, schema: 12 });
  const strict = await scraped("scrape_native_histograms: true", body);
  assert.match(strict.target.lastError, /invalid schema, which must be between -4 and 8 .*, got schema 12/);
  const coarse = await scraped(
    "scrape_native_histograms: true\nnative_histogram_min_bucket_factor: 1.5",
    body,
  );
  assert.deepEqual(coarse.found, ["h native"]);
});
