import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attributes, attributesOf } from "../../model/otlp-attributes.ts";
import type { MetricData, NumberPoint, ResourceMetrics } from "../../model/otlp-metrics.ts";
import type { NameKind } from "./names.ts";
import { prometheusLabelName, prometheusName } from "./names.ts";
import { toCustomBuckets, toNativeHistogram } from "./native-histogram.ts";
import { type TranslateOptions, translateMetrics } from "./translate.ts";

test("prometheusName() names metrics as otlptranslator does", () => {
  const cases: [name: string, unit: string, kind: NameKind, expected: string][] = [
    ["percolate.tenant_requests", "requests", "counter", "percolate_tenant_requests_total"],
    ["percolate.active_tenants", "tenants", "other", "percolate_active_tenants"],
    ["http.server.request.duration", "s", "other", "http_server_request_duration_seconds"],
    ["http.server.request.body.size", "By", "other", "http_server_request_body_size_bytes"],
    ["system.io", "foo/bar", "counter", "system_io_foo_per_bar_total"],
    ["memory.usage", "By/s", "gauge", "memory_usage_bytes_per_second"],
    ["a", "1", "gauge", "a_ratio"],
    ["a", "1", "counter", "a_total"],
    ["a_total_b", "", "counter", "a_b_total"],
    ["active_ratio", "1", "gauge", "active_ratio"],
    ["broken", "{packets}", "counter", "broken_total"],
    ["2xx", "", "other", "_2xx"],
    ["a..b--c", "", "other", "a_b_c"],
    ["latency_ms", "ms", "other", "latency_ms_milliseconds"],
    ["cpu", "%", "gauge", "cpu_percent"],
    ["a", "_x_", "other", "a_x_"],
    ["a", "_x_/s", "other", "a_x_per_second"],
  ];
  for (const [name, unit, kind, expected] of cases)
    assert.equal(prometheusName(name, unit, kind), expected, name);
  assert.equal(prometheusName("a.b", "s", "counter", { namespace: "otlp" }), "otlp_a_b_seconds_total");
  assert.equal(
    prometheusName("a.b", "s", "counter", { strategy: "UnderscoreEscapingWithoutSuffixes" }),
    "a_b",
  );
  assert.equal(
    prometheusName("a.b", "s", "counter", { strategy: "NoUTF8EscapingWithSuffixes" }),
    "a.b_seconds_total",
  );
  assert.equal(prometheusName("a.b", "s", "counter", { strategy: "NoTranslation" }), "a.b");
  assert.equal(
    prometheusName("a.b", "", "gauge", { strategy: "UnderscoreEscapingWithoutSuffixes", namespace: "1.n" }),
    "1_n_a_b",
  );
  assert.throws(() => prometheusName("", "", "gauge"), /resulted in empty name/);
});

test("prometheusLabelName() escapes what a label may not have", () => {
  const cases = [
    ["http.method", "http_method"],
    ["1a", "key_1a"],
    ["_a", "key_a"],
    ["__a", "__a"],
    ["ü", "key_"],
  ];
  for (const [name, expected] of cases) assert.equal(prometheusLabelName(name), expected);
  assert.equal(prometheusLabelName("http.method", { strategy: "NoTranslation" }), "http.method");
});

const point = (
  attributes: Attributes,
  value: NumberPoint["value"],
  more: Partial<NumberPoint> = {},
): NumberPoint => ({
  attributes,
  startTimeUnixNano: 0n,
  timeUnixNano: 5_000_000_000n,
  flags: 0,
  value,
  exemplars: [],
  ...more,
});

function resourceMetrics(
  name: string,
  data: MetricData,
  resource: Record<string, string> = {},
  unit = "",
): ResourceMetrics {
  return {
    resource: { attributes: attributesOf(resource), droppedAttributesCount: 0 },
    schemaUrl: "",
    scopeMetrics: [
      {
        scope: { name: "", version: "", attributes: [], droppedAttributesCount: 0 },
        schemaUrl: "",
        metrics: [{ name, description: "", unit, metadata: [], data }],
      },
    ],
  };
}

/** `{labels} value@ms`, sorted. */
function lines(data: ResourceMetrics[], options: TranslateOptions = {}): string[] {
  return translateMetrics(data, options)
    .request.series.flatMap(({ labels, samples }) =>
      samples.map(
        ({ value, timestampMs, stale }) => `${labels} ${stale === true ? "stale" : value}@${timestampMs}`,
      ),
    )
    .sort();
}

const sum = (points: NumberPoint[], monotonic = true): MetricData => ({
  type: "sum",
  points,
  monotonic,
  temporality: 2,
});

test("translateMetrics() makes job, instance and target_info of a resource", () => {
  const resource = {
    "service.name": "db",
    "service.namespace": "p",
    "service.instance.id": "i",
    tier: "small",
  };
  const data = [resourceMetrics("c", sum([point(attributesOf({ a: "1" }), 3n)]), resource)];
  assert.deepEqual(lines(data, { namespace: "otlp" }), [
    '{__name__="otlp_c_total", a="1", instance="i", job="p/db"} 3@5000',
    '{__name__="otlp_target_info", instance="i", job="p/db", tier="small"} 1@5000',
  ]);
  assert.deepEqual(lines(data, { resourceLabels: true, targetInfo: false }), [
    '{__name__="c_total", a="1", instance="i", job="p/db", service_instance_id="i", service_name="db", service_namespace="p", tier="small"} 3@5000',
  ]);
});

test("translateMetrics() joins labels that collide, and lets nothing take the metric's name", () => {
  const attributes = [
    { key: "a_b", value: "2" },
    { key: "a.b", value: "1" },
    { key: "__name__", value: "evil" },
    { key: "empty", value: "" },
  ];
  assert.deepEqual(lines([resourceMetrics("g", { type: "gauge", points: [point(attributes, 0.5)] })]), [
    '{__name__="g", a_b="1;2"} 0.5@5000',
  ]);
});

test("translateMetrics() puts samples of one series in the order of time", () => {
  const at = (seconds: bigint) => point([], seconds, { timeUnixNano: seconds * 1_000_000_000n });
  const { series } = translateMetrics([
    resourceMetrics("c", sum([at(3n)])),
    resourceMetrics("c", sum([at(1n), at(2n)])),
  ]).request;
  assert.deepEqual(
    series.map(({ samples }) => samples.map(({ value }) => value)),
    [[1, 2, 3]],
  );
});

test("translateMetrics() makes buckets that add up, with exemplars where they belong", () => {
  const exemplar = {
    filteredAttributes: [],
    timeUnixNano: 4_000_000_000n,
    value: 0.3,
    spanId: "0102",
    traceId: "0a",
  };
  const data: MetricData = {
    type: "histogram",
    temporality: 2,
    points: [
      {
        ...point([], null),
        count: 6,
        sum: 4.5,
        min: undefined,
        max: undefined,
        bucketCounts: [1, 2, 3],
        explicitBounds: [0.25, 1e-7 + 0.5],
        exemplars: [exemplar],
      } as never,
    ],
  };
  const { request } = translateMetrics([resourceMetrics("h", data, {}, "s")]);
  assert.deepEqual(lines([resourceMetrics("h", data, {}, "s")]), [
    '{__name__="h_seconds_bucket", le="+Inf"} 6@5000',
    '{__name__="h_seconds_bucket", le="0.25"} 1@5000',
    '{__name__="h_seconds_bucket", le="0.5000001"} 3@5000',
    '{__name__="h_seconds_count"} 6@5000',
    '{__name__="h_seconds_sum"} 4.5@5000',
  ]);
  const withExemplar = request.series.filter(({ exemplars }) => exemplars.length > 0);
  assert.deepEqual(
    withExemplar.map(({ labels }) => labels.get("le")),
    ["0.5000001"],
  );
  assert.deepEqual(withExemplar[0].exemplars[0].labels.toObject(), { span_id: "0102", trace_id: "0a" });
});

test("translateMetrics() leaves out what Prometheus has no form for, and says so", () => {
  const cases: [MetricData, RegExp][] = [
    [
      { type: "sum", points: [point([], 1n)], monotonic: true, temporality: 1 },
      /invalid temporality and type combination for metric "m"/,
    ],
    [
      { type: "empty", points: [] },
      /could not get aggregation temporality for m as it has unsupported metric type Empty/,
    ],
  ];
  for (const [data, message] of cases) {
    const { request, errors } = translateMetrics([resourceMetrics("m", data)]);
    assert.equal(request.series.length, 0);
    assert.match(errors[0], message);
  }
  const { errors, warnings } = translateMetrics([resourceMetrics("m", { type: "gauge", points: [] })]);
  assert.deepEqual([errors, warnings], [[], ["empty data points. m is dropped"]]);
});

test("translateMetrics() puts the scope on series, and the identity on target_info, where that is asked for", () => {
  const data = resourceMetrics("m", { type: "gauge", points: [point([], 1n)] });
  const [{ metrics }] = data.scopeMetrics;
  const scope = {
    ...data.scopeMetrics[0].scope,
    name: "lib",
    version: "2",
    attributes: [{ key: "a.b", value: "c" }],
  };
  const resource = {
    ...data.resource,
    attributes: [
      { key: "service.name", value: "s" },
      { key: "host", value: "h" },
    ],
  };
  const { request } = translateMetrics(
    [{ ...data, resource, scopeMetrics: [{ scope, metrics, schemaUrl: "url" }] }],
    { scopeLabels: true, keepIdentifyingAttributes: true },
  );
  assert.deepEqual(
    request.series.map(({ labels }) => String(labels)),
    [
      '{__name__="m", job="s", otel_scope_a_b="c", otel_scope_name="lib", otel_scope_schema_url="url", otel_scope_version="2"}',
      '{__name__="target_info", host="h", job="s", service_name="s"}',
    ],
  );
});

test("translateMetrics() tells once of attributes that share a label", () => {
  const attributes = [
    { key: "x-y", value: "2" },
    { key: "x y", value: "1" },
  ];
  const gauge = (name: string) => resourceMetrics(name, { type: "gauge", points: [point(attributes, 1n)] });
  const { warnings } = translateMetrics([gauge("a"), gauge("b")]);
  assert.deepEqual(warnings, [
    'OTLP data point attributes "x y", "x-y" collide as label "x_y" after name sanitization, values are concatenated with \';\'',
  ]);
});

test("translateMetrics() leaves out a resource, a scope or a metric whose attribute has no name", () => {
  const named = (key: string) => [point([{ key, value: "v" }], 1n)];
  const gauge = (key: string) => resourceMetrics("g", { type: "gauge", points: named(key) });
  const bad = translateMetrics([gauge("__"), gauge("ok")]);
  assert.deepEqual(bad.errors, ['normalization for label name "__" resulted in invalid name "__"']);
  assert.deepEqual(bad.errorMetrics, [0]);
  assert.equal(bad.request.series.length, 1);
  const ofResource = resourceMetrics("g", { type: "gauge", points: named("ok") }, { "": "empty" });
  const { errors, errorMetrics, request } = translateMetrics([ofResource, gauge("__")], {
    resourceLabels: true,
  });
  assert.deepEqual([errors[0], errorMetrics], ["label name is empty", [0, 1]]);
  assert.equal(request.series.length, 0);
  // Where any UTF-8 is a name, so are these.
  assert.deepEqual(lines([gauge("__")], { strategy: "NoTranslation" }), ['{__="v", __name__="g"} 1@5000']);
});

test("translateMetrics() takes job and instance from attributes of those names for target_info", () => {
  const data = resourceMetrics("g", { type: "gauge", points: [point([], 1n)] }, { job: "j", x: "1" });
  assert.ok(lines([data]).includes('{__name__="target_info", job="j", x="1"} 1@5000'));
  const nameless = { "service.namespace": "", "service.name": "s" };
  assert.deepEqual(lines([resourceMetrics("g", { type: "gauge", points: [point([], 1n)] }, nameless)]), [
    '{__name__="g", job="/s"} 1@5000',
  ]);
});

test("translateMetrics() refuses exemplars without a value, and has none of gauges", () => {
  const exemplar = { filteredAttributes: [], timeUnixNano: 1n, spanId: "", traceId: "", value: null };
  const points = [point([], 1n, { exemplars: [exemplar] })];
  assert.deepEqual(translateMetrics([resourceMetrics("c", sum(points))]).errors, [
    "unsupported exemplar value type: Empty",
  ]);
  assert.deepEqual(translateMetrics([resourceMetrics("g", { type: "gauge", points })]).errors, []);
});

test("translateMetrics() warns of a histogram that has a sum and no count", () => {
  const base = { ...point([], null), count: 0, sum: 1.5, min: undefined, max: undefined };
  const data: MetricData = {
    type: "histogram",
    temporality: 2,
    points: [{ ...base, explicitBounds: [1], bucketCounts: [0, 0] }],
  };
  assert.deepEqual(translateMetrics([resourceMetrics("h", data)]).warnings, []);
  assert.deepEqual(
    translateMetrics([resourceMetrics("h", data)], { customBucketHistograms: true }).warnings,
    ["histogram data point has zero count, but non-zero sum: 1.500000"],
  );
});

test("toCustomBuckets() keeps the bounds, and leaves out what is empty in front and between", () => {
  const native = toCustomBuckets({
    ...point([], null),
    count: 3,
    sum: 4,
    min: undefined,
    max: undefined,
    explicitBounds: [1, 2, 3, 4, 5],
    bucketCounts: [0, 1, 0, 0, 0, 2],
  });
  const { schema, customValues, positiveSpans, positiveBuckets } = native;
  assert.deepEqual(
    { schema, customValues, positiveBuckets },
    {
      schema: -53,
      customValues: [1, 2, 3, 4, 5],
      positiveBuckets: [1, 2],
    },
  );
  assert.deepEqual(positiveSpans, [
    { offset: 1, length: 1 },
    { offset: 3, length: 1 },
  ]);
});

test("prometheusLabelName() with and without underscores in a row and in front", () => {
  const plain = { underscoreSanitization: false, preserveMultipleUnderscores: false };
  const cases: [name: string, preset: string, other: string][] = [
    ["a..b__c", "a__b__c", "a_b_c"],
    ["_x", "key_x", "_x"],
    ["__a..b__", "__a__b__", "__a_b__"],
    ["1x", "key_1x", "key_1x"],
  ];
  for (const [name, preset, other] of cases) {
    assert.equal(prometheusLabelName(name), preset);
    assert.equal(prometheusLabelName(name, plain), other);
  }
  assert.throws(() => prometheusLabelName(""), /label name is empty/);
  assert.throws(() => prometheusLabelName("..", plain), /resulted in invalid name "_"/);
  assert.throws(() => prometheusLabelName("__", { strategy: "NoTranslation" }), /contains only underscores/);
});

test("translateMetrics() ends series whose points have no value", () => {
  assert.deepEqual(
    lines([resourceMetrics("g", { type: "gauge", points: [point([], null, { flags: 1 })] })]),
    ['{__name__="g"} stale@5000'],
  );
});

test("toNativeHistogram() keeps buckets apart as Prometheus counts them", () => {
  const base = {
    ...point([], null),
    count: 6,
    sum: 1,
    min: undefined,
    max: undefined,
    zeroCount: 1,
    zeroThreshold: 0,
    negative: { offset: 0, counts: [] },
  };
  const native = toNativeHistogram({
    ...base,
    scale: 3,
    positive: { offset: -2, counts: [1, 0, 0, 0, 2, 1] },
  });
  assert.deepEqual(native.positiveSpans, [
    { offset: -1, length: 1 },
    { offset: 3, length: 2 },
  ]);
  assert.deepEqual(native.positiveBuckets, [1, 2, 1]);
  assert.equal(native.zeroThreshold, 1e-128);
  const coarser = toNativeHistogram({ ...base, scale: 9, positive: { offset: 0, counts: [1, 1, 2, 1] } });
  assert.equal(coarser.schema, 8);
  // Zeros at the ends of a span stay, as upstream leaves them.
  const padded = toNativeHistogram({ ...base, scale: 0, positive: { offset: 0, counts: [0, 1, 0] } });
  assert.deepEqual([padded.positiveSpans, padded.positiveBuckets], [[{ offset: 1, length: 3 }], [0, 1, 0]]);
  assert.deepEqual(coarser.positiveBuckets, [2, 3]);
  assert.throws(
    () => toNativeHistogram({ ...base, scale: -5, positive: { offset: 0, counts: [] } }),
    /Scale must be >= -4, was -5/,
  );
});
