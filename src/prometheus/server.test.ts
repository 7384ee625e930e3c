import assert from "node:assert/strict";
import { test } from "node:test";
import { SERVER, scrapeConfigOf, virtualPrometheus } from "../../test/virtual-prometheus.ts";
import { silentLogger } from "../base/log.ts";
import { readBody } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { createHistogram } from "../model/histogram.ts";
import { Labels } from "../model/labels.ts";
import { createVirtualProcess } from "../simulation/virtual/virtual-process.ts";
import type { WriteRequest } from "../wire/remote-write/write-request.ts";
import { CONTENT_TYPE_V2 } from "../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../wire/remote-write/write-v1.ts";
import { encodeWriteRequestV2 } from "../wire/remote-write/write-v2.ts";
import { snappyCompress, snappyDecompress } from "../wire/snappy.ts";
import { parseFlags } from "./flags.ts";
import { startServer } from "./server.ts";

test("a target is scraped at its interval, with the series that say how it went", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""));
  const body = { text: 'a 1\nb{c="d"} 2\n' };
  const requests = await it.target("127.13.2.1", body);
  await it.clock.advance(10_500);
  assert.deepEqual(await it.query('{job="app",__name__!~"scrape_duration.*"}'), [
    '{__name__="a", instance="127.13.2.1", job="app", pod="db-0"} 1',
    '{__name__="b", c="d", instance="127.13.2.1", job="app", pod="db-0"} 2',
    '{__name__="scrape_samples_post_metric_relabeling", instance="127.13.2.1", job="app", pod="db-0"} 2',
    '{__name__="scrape_samples_scraped", instance="127.13.2.1", job="app", pod="db-0"} 2',
    '{__name__="scrape_series_added", instance="127.13.2.1", job="app", pod="db-0"} 0',
    '{__name__="up", instance="127.13.2.1", job="app", pod="db-0"} 1',
  ]);
  const before = requests.length;
  await it.clock.advance(60_000);
  assert.equal(requests.length - before, 6);
  const { headers } = requests[0];
  assert.equal(
    headers.accept,
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
  );
  assert.equal(headers["x-prometheus-scrape-timeout-seconds"], "10");
  await it.server.stop();
});

test("a label that target and sample both have is the target's, or with honor_labels the sample's", async () => {
  const body = { text: 'a{pod="other",instance=""} 1\n' };
  for (const [settings, expected] of [
    ["", '{__name__="a", exported_pod="other", instance="127.13.2.1", job="app", pod="db-0"} 1'],
    // An empty label is how a Pushgateway says that there is to be none.
    ["honor_labels: true", '{__name__="a", job="app", pod="other"} 1'],
  ]) {
    const it = await virtualPrometheus(scrapeConfigOf(settings));
    await it.target("127.13.2.1", body);
    await it.clock.advance(1_000);
    assert.deepEqual(await it.query("a"), [expected]);
    await it.server.stop();
  }
});

test("series end when they are no longer exposed, when the scrape fails, and when the target is gone", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""));
  const body = { text: "a 1\nb 1\nc 1 1767225600000\n", status: 200 };
  await it.target("127.13.2.1", body);
  await it.clock.advance(10_500);
  assert.deepEqual(await it.query("count({__name__=~'a|b'})"), ["{} 2"]);
  body.text = "a 1\n";
  await it.clock.advance(10_000);
  assert.deepEqual(
    (await it.query('{__name__=~"a|b|c"}')).map((row) => /"(\w)"/.exec(row)![1]),
    ["a", "c"],
  );
  body.status = 500;
  await it.clock.advance(10_000);
  assert.deepEqual(await it.query("a"), []);
  assert.match((await it.query("up"))[0], / 0$/);
  const { data } = JSON.parse((await it.get("/api/v1/targets")).text);
  assert.equal(data.activeTargets[0].lastError, "server returned HTTP status 500 Internal Server Error");
  body.status = 200;
  await it.clock.advance(10_000);
  assert.equal((await it.query("a")).length, 1);
  await it.disk.writeFile("/etc/prometheus.yml", "scrape_configs: [{job_name: app}]");
  await it.server.reload();
  await it.clock.advance(1_000);
  // What came with a time of its own gets no marker.
  assert.deepEqual(await it.query("{job='app',__name__!='c'}"), []);
  await it.server.stop();
});

test("what a scrape may hold is limited", async () => {
  const cases: [settings: string, error: RegExp][] = [
    ["sample_limit: 1", /sample limit exceeded/],
    ["label_limit: 4", /label_limit exceeded \(metric: b, number of labels: 5, limit: 4\)/],
    ["label_name_length_limit: 7", /label_name_length_limit exceeded/],
    ["label_value_length_limit: 5", /label_value_length_limit exceeded/],
    ["body_size_limit: 1B", /^body size limit exceeded$/],
    ["target_limit: 0", /^$/],
  ];
  for (const [settings, error] of cases) {
    const it = await virtualPrometheus(scrapeConfigOf(settings));
    await it.target("127.13.2.1", { text: 'a 1\nb{a="1"} 1\nlong{c="d"} 1' });
    await it.clock.advance(1_000);
    const { data } = JSON.parse((await it.get("/api/v1/targets")).text);
    assert.match(data.activeTargets[0].lastError, error, settings);
    assert.equal((await it.query("a")).length, error.source === "^$" ? 1 : 0, settings);
    await it.server.stop();
  }
});

test("metric relabelling drops and renames, timestamps are honoured or not", async () => {
  const rules =
    "metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}, {source_labels: [x], target_label: y}]";
  const it = await virtualPrometheus(scrapeConfigOf(`${rules}\nhonor_timestamps: false`));
  await it.target("127.13.2.1", { text: 'a{x="1"} 5 1000\nb 1\n' });
  await it.clock.advance(1_000);
  assert.deepEqual(await it.query("a"), [
    '{__name__="a", instance="127.13.2.1", job="app", pod="db-0", x="1", y="1"} 5',
  ]);
  assert.deepEqual(await it.query("b"), []);
  assert.match((await it.query("scrape_samples_scraped"))[0], / 2$/);
  await it.server.stop();
});

test("exemplars of OpenMetrics are kept", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""));
  const text = '# TYPE a counter\na_total 3 # {trace_id="ab"} 2 1767225600.5\n# EOF\n';
  await it.target("127.13.2.1", { text, type: "application/openmetrics-text; version=1.0.0" });
  await it.clock.advance(1_000);
  const { data } = JSON.parse((await it.get("/api/v1/query_exemplars?query=rate(a_total[1m])")).text);
  assert.deepEqual(data, [
    {
      seriesLabels: { __name__: "a_total", instance: "127.13.2.1", job: "app", pod: "db-0" },
      exemplars: [{ labels: { trace_id: "ab" }, value: "2", timestamp: 1767225600.5 }],
    },
  ]);
  await it.server.stop();
});

test("a malformed body is refused whole, a type that is none of ours by name", async () => {
  const cases: [body: { text: string; type?: string }, error: RegExp][] = [
    [{ text: "a 1\nb{" }, /expected label name/],
    [{ text: "a 1", type: "" }, /blank Content-Type and no fallback_scrape_protocol/],
    [{ text: "a 1", type: "text/html" }, /unsupported Content-Type "text\/html"/],
    [{ text: 'a{b="1",b="2"} 1' }, /label name "b" is not unique/],
  ];
  for (const [body, error] of cases) {
    const it = await virtualPrometheus(scrapeConfigOf(""));
    await it.target("127.13.2.1", body);
    await it.clock.advance(1_000);
    const { data } = JSON.parse((await it.get("/api/v1/targets")).text);
    assert.match(data.activeTargets[0].lastError, error);
    assert.deepEqual(await it.query("a"), []);
    await it.server.stop();
  }
});

function request(
  series: [labels: Record<string, string>, value: number, timestampMs: number][],
): WriteRequest {
  return {
    series: series.map(([labels, value, timestampMs]) => ({
      labels: Labels.of(labels),
      samples: [{ value, timestampMs }],
      histograms: [],
      exemplars: [],
    })),
    metadata: [],
  };
}

test("remote write takes both versions, and says what it did not take", async () => {
  const it = await virtualPrometheus("");
  const nowMs = it.clock.now();
  const send = (body: WriteRequest, version: 1 | 2) =>
    it.post(
      "/api/v1/write",
      snappyCompress(version === 1 ? encodeWriteRequestV1(body) : encodeWriteRequestV2(body)),
      {
        "content-encoding": "snappy",
        "content-type": version === 1 ? "application/x-protobuf" : CONTENT_TYPE_V2,
      },
    );
  assert.equal((await send(request([[{ __name__: "a", x: "1" }, 1, nowMs]]), 1)).status, 204);
  const two = await send(request([[{ __name__: "a", x: "2" }, 2, nowMs]]), 2);
  assert.equal(two.status, 204);
  assert.equal(two.headers["x-prometheus-remote-write-samples-written"], "1");
  const mixed = await send(
    request([
      [{ __name__: "a", x: "1" }, 1, nowMs - 1000],
      [{ __name__: "a", x: "3" }, 3, nowMs],
    ]),
    2,
  );
  assert.equal(mixed.status, 400);
  assert.match(mixed.text, /out of order sample/);
  assert.equal(mixed.headers["x-prometheus-remote-write-samples-written"], "1");
  assert.equal((await send(request([[{ __name__: "a" }, 1, nowMs + 11 * 60_000]]), 1)).status, 400);
  assert.equal((await send(request([[{ x: "1" }, 1, nowMs]]), 1)).status, 204);
  assert.deepEqual(await it.query("a"), [
    '{__name__="a", x="1"} 1',
    '{__name__="a", x="2"} 2',
    '{__name__="a", x="3"} 3',
  ]);
  await it.server.stop();
});

test("remote write refuses what it cannot read", async () => {
  const it = await virtualPrometheus("");
  const cases: [body: Uint8Array, headers: Record<string, string>, status: number, text: RegExp][] = [
    [new Uint8Array([255, 255]), {}, 400, /s2: corrupt input/],
    [snappyCompress(new Uint8Array([10, 200, 1])), {}, 400, /unexpected EOF/],
    [new Uint8Array([0]), { "content-type": "text/plain" }, 415, /expected application\/x-protobuf/],
    [
      new Uint8Array([0]),
      { "content-type": "application/x-protobuf", "content-encoding": "gzip" },
      415,
      /only snappy/,
    ],
    [Buffer.from("ffffff7f00", "hex"), {}, 400, /larger than/],
  ];
  for (const [body, headers, status, text] of cases) {
    const answer = await it.post("/api/v1/write", body, {
      "content-type": "application/x-protobuf",
      ...headers,
    });
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, text);
  }
  await it.server.stop();
});

test("the API answers errors in upstream's words", async () => {
  const it = await virtualPrometheus("");
  const cases: [path: string, status: number, error: string][] = [
    [
      "/query?query=1&time=abc",
      400,
      'invalid parameter "time": invalid time value for \'time\': cannot parse "abc" to a valid timestamp',
    ],
    ["/query?query=1&timeout=zz", 400, 'invalid parameter "timeout": cannot parse "zz" to a valid duration'],
    ["/query?query=1&limit=x", 400, 'invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax'],
    [
      "/query_range?query=1&start=1&end=0&step=1",
      400,
      'invalid parameter "end": end timestamp must not be before start time',
    ],
    [
      "/query_range?query=1&start=0&end=1&step=0",
      400,
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ],
    [
      "/query_range?query=1&start=0&end=20000&step=1",
      400,
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    ],
    ["/series", 400, "no match[] parameter provided"],
    ["/metadata?limit=x", 400, "limit must be a number"],
    ["/status/tsdb?limit=0", 400, "limit must be a positive number"],
    ["/rules?type=x", 400, 'invalid parameter "type": not supported value "x"'],
    ["/scrape_pools/config", 400, "no scrapePool parameter provided"],
  ];
  for (const [path, status, error] of cases) {
    const answer = await it.get(`/api/v1${path}`);
    assert.equal(answer.status, status, path);
    assert.deepEqual(JSON.parse(answer.text), { status: "error", errorType: "bad_data", error });
  }
  await it.server.stop();
});

test("format_query and parse_query show an expression", async () => {
  const it = await virtualPrometheus("");
  const ask = async (path: string, query: string) =>
    JSON.parse((await it.get(`/api/v1/${path}?query=${encodeURIComponent(query)}`)).text);
  assert.equal((await ask("format_query", "sum  by(a)(b)")).data, "sum by (a) (b)");
  assert.equal(
    (await ask("parse_query", "sum(")).error,
    'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
  );
  const selector = {
    anchored: false,
    matchers: [
      { name: "c", type: "!~", value: "d" },
      { name: "__name__", type: "=", value: "b" },
    ],
    name: "b",
    offset: 60_000,
    offsetExpr: null,
    range: 300_000,
    rangeExpr: null,
    smoothed: false,
    startOrEnd: "end",
    timestamp: null,
    type: "matrixSelector",
  };
  const func = { argTypes: ["matrix"], name: "rate", returnType: "vector", variadic: 0 };
  assert.deepEqual(
    (await ask("parse_query", 'sum by (a) (rate(b{c!~"d"}[5m] @ end() offset 1m)) == bool -2')).data,
    {
      bool: true,
      lhs: {
        expr: { args: [selector], func, type: "call" },
        grouping: ["a"],
        op: "sum",
        param: null,
        type: "aggregation",
        without: false,
      },
      matching: null,
      op: "==",
      rhs: { type: "numberLiteral", val: "-2" },
      type: "binaryExpr",
    },
  );
});

test("relabel_steps shows what each rule does to a target", async () => {
  const it = await virtualPrometheus(
    `${scrapeConfigOf("relabel_configs: [{target_label: a, replacement: b}, {source_labels: [a], regex: b, action: drop}]")}`,
  );
  await it.clock.advance(1_000);
  const asked = encodeURIComponent('{"job":"x"}');
  const { text } = await it.get(`/api/v1/targets/relabel_steps?scrapePool=app&labels=${asked}`);
  const { data } = JSON.parse(text);
  assert.deepEqual(
    data.steps.map(({ output, keep }: { output: unknown; keep: boolean }) => [output, keep]),
    [
      [{ a: "b", job: "x" }, true],
      [{}, false],
    ],
  );
  assert.equal((await it.get("/api/v1/targets/relabel_steps?scrapePool=none&labels={}")).status, 400);
  await it.server.stop();
});

test("answers are written as upstream's encoder does, and count samples when asked", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""));
  await it.target("127.13.2.1", { text: 'a{b="<&>"} 1\n' });
  await it.clock.advance(10_500);
  const get = async (path: string) => (await it.get(path)).text;
  assert.match(await get("/api/v1/query?query=a"), /"b":"<&>"/);
  assert.match(await get("/api/v1/label/b/values"), /"\\u003c\\u0026\\u003e"/);
  const { data } = JSON.parse(await get("/api/v1/query?query=a%2Ba&stats=all"));
  assert.equal(data.stats.samples.totalQueryableSamples, 2);
  const { data: shown } = JSON.parse(await get("/api/v1/status/config"));
  assert.ok(shown.yaml.indexOf("job_name:") < shown.yaml.indexOf("static_configs:"));
  assert.equal((await it.get("/api/v1/nothing")).status, 404);
  await it.server.stop();
});

test("parts of PromQL that are experimental are there when their feature is on", async () => {
  const queries = ["limitk(1, up)", "rate(up[5m] anchored)", "up + fill (0) up"];
  const status = async (features: string, query: string) => {
    const it = await virtualPrometheus("", {}, features);
    return (await it.get(`/api/v1/query?query=${encodeURIComponent(query)}`)).status;
  };
  const features = ["experimental-functions", "extended-range-selectors", "binop-fill-modifiers"];
  for (const [i, query] of queries.entries()) {
    assert.equal(await status("", query), 400, query);
    assert.equal(await status(`promql-${features[i]}`, query), 200, query);
  }
});

test("a configuration that is bad leaves the old one in force", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""));
  await it.target("127.13.2.1", { text: "a 1" });
  await it.disk.writeFile("/etc/prometheus.yml", "nonsense: 1");
  const answer = await it.post("/-/reload", "");
  assert.equal(answer.status, 500);
  assert.match(answer.text, /line 1: field nonsense not found in type config.plain/);
  await it.clock.advance(11_000);
  assert.equal((await it.query("a")).length, 1);
  assert.match((await it.get("/metrics")).text, /prometheus_config_last_reload_successful 0/);
  await it.server.stop();
});

test("rules record, alerts go from pending to firing to resolved, and Alertmanager hears of it", async () => {
  const rules = `
groups:
- name: g
  interval: 10s
  rules:
  - record: doubled
    expr: a * 2
    labels: {kind: x}
  - alert: High
    expr: a > 5
    for: 20s
    labels: {severity: "{{ if gt $value 7.0 }}critical{{ else }}page{{ end }}"}
    annotations: {summary: "{{ $labels.instance }} is at {{ $value | humanize }}"}
`;
  const config = `${scrapeConfigOf("")}
rule_files: [/etc/rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.13.2.9:80"]}]}]}
`;
  const it = await virtualPrometheus(config, { "/etc/rules.yml": rules });
  const received: {
    labels: Record<string, string>;
    annotations: Record<string, string>;
    endsAt: string;
  }[][] = [];
  await it.network.host("127.13.2.9").serve({ host: "127.13.2.9", port: 80 }, async (incoming) => {
    assert.equal(incoming.target, "/api/v2/alerts");
    received.push(JSON.parse(new TextDecoder().decode(await readBody(incoming.body))));
    return { status: 200 };
  });
  const body = { text: "a 6" };
  await it.target("127.13.2.1", body);
  await it.clock.advance(15_000);
  assert.deepEqual(await it.query("doubled"), [
    '{__name__="doubled", instance="127.13.2.1", job="app", kind="x", pod="db-0"} 12',
  ]);
  const state = async () => JSON.parse((await it.get("/api/v1/rules")).text).data.groups[0].rules[1].state;
  assert.equal(await state(), "pending");
  await it.clock.advance(30_000);
  assert.equal(await state(), "firing");
  assert.deepEqual(await it.query("ALERTS"), [
    '{__name__="ALERTS", alertname="High", alertstate="firing", instance="127.13.2.1", job="app", pod="db-0", severity="page"} 1',
  ]);
  assert.equal(received[0][0].annotations.summary, "127.13.2.1 is at 6");
  const count = received.length;
  body.text = "a 1";
  await it.clock.advance(30_000);
  assert.equal(await state(), "inactive");
  assert.deepEqual(await it.query("ALERTS"), []);
  assert.ok(received.length > count && Date.parse(received.at(-1)![0].endsAt) <= it.clock.now());
  await it.server.stop();
});

test("an alert's age survives a restart", async () => {
  const rules = "groups: [{name: g, interval: 10s, rules: [{alert: A, expr: vector(1), for: 30m}]}]";
  const it = await virtualPrometheus("rule_files: [/etc/rules.yml]", { "/etc/rules.yml": rules });
  await it.clock.advance(20 * 60_000);
  const activeAt = JSON.parse((await it.get("/api/v1/alerts")).text).data.alerts[0].activeAt;
  await it.server.stop();
  const again = createVirtualProcess({
    clock: it.clock,
    random: seededRandom(2),
    disk: it.disk,
    network: it.network.host(SERVER),
    log: silentLogger,
  });
  const args = [
    "--config.file=/etc/prometheus.yml",
    "--storage.tsdb.path=/data",
    "--web.listen-address=0.0.0.0:9090",
  ];
  const server = await startServer(parseFlags(args), again.system, () => {});
  await it.clock.advance(30_000);
  const restored = JSON.parse((await it.get("/api/v1/alerts")).text).data.alerts[0].activeAt;
  assert.ok(Math.abs(Date.parse(restored) - Date.parse(activeAt)) < 30_000, `${restored} ${activeAt}`);
  await server.stop();
});

test("/federate shows the newest samples with external labels", async () => {
  const it = await virtualPrometheus(
    `${scrapeConfigOf("").replace("{scrape_interval: 10s}", "{scrape_interval: 10s, external_labels: {site: s}}")}`,
  );
  await it.target("127.13.2.1", { text: "a 1" });
  await it.clock.advance(400);
  const { text } = await it.get("/federate?match[]=a");
  assert.match(text, /^# TYPE a untyped\na\{instance="127.13.2.1",job="app",pod="db-0",site="s"\} 1 \d+\n$/);
  await it.server.stop();
});

test("OTLP metrics become series, with the configured resource attributes as labels", async () => {
  const it = await virtualPrometheus("otlp: {promote_resource_attributes: [deployment.environment]}");
  const sum = (temporality: number) => ({
    resourceMetrics: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { stringValue: "app" } },
            { key: "deployment.environment", value: { stringValue: "test" } },
          ],
        },
        scopeMetrics: [
          {
            metrics: [
              {
                name: "tenant.requests",
                unit: "s",
                sum: {
                  isMonotonic: true,
                  aggregationTemporality: temporality,
                  dataPoints: [
                    { asInt: "3", timeUnixNano: String(BigInt(it.clock.now()) * 1_000_000n), attributes: [] },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  });
  const send = (body: unknown, type = "application/json") =>
    it.post("/api/v1/otlp/v1/metrics", JSON.stringify(body), { "content-type": type });
  assert.equal((await send(sum(2))).status, 200);
  assert.deepEqual(await it.query("tenant_requests_seconds_total"), [
    '{__name__="tenant_requests_seconds_total", deployment_environment="test", job="app"} 3',
  ]);
  assert.equal((await send(sum(1))).status, 500);
  assert.match((await send({}, "text/plain")).text, /unsupported content type: text\/plain/);
  await it.server.stop();
});

test("remote write out waits until a request is full, or its time has come", async () => {
  const config = (queue: string) => `
global: {scrape_interval: 1s}
scrape_configs: [{job_name: app, static_configs: [{targets: [127.13.2.1]}]}]
remote_write: [{url: "http://127.13.2.8/push", queue_config: {${queue}}}]
`;
  // A scrape gives seven samples.
  for (const [queue, requests] of [
    ["batch_send_deadline: 5s", 3],
    ["batch_send_deadline: 60s, max_samples_per_send: 14", 7],
  ] as const) {
    const it = await virtualPrometheus(config(queue));
    await it.target("127.13.2.1", { text: "a 7\nb 1" });
    let received = 0;
    await it.network.host("127.13.2.8").serve({ host: "127.13.2.8", port: 80 }, async () => {
      received++;
      return { status: 400 };
    });
    await it.clock.advance(16_000);
    assert.ok(Math.abs(received - requests) <= 1, `${queue}: ${received}`);
    await it.clock.runUntil(it.server.stop());
  }
});

test("remote write out sends what is stored, relabelled, and makes up for an outage and a restart", async () => {
  const config = `
global: {scrape_interval: 10s, external_labels: {site: s}}
scrape_configs: [{job_name: app, static_configs: [{targets: [127.13.2.1]}]}]
remote_write:
- url: http://127.13.2.8/push
  name: far
  write_relabel_configs: [{source_labels: [__name__], regex: a, action: keep}]
`;
  const it = await virtualPrometheus(config);
  await it.target("127.13.2.1", { text: "a 7\nb 1" });
  const received: string[] = [];
  let isDown = true;
  await it.network.host("127.13.2.8").serve({ host: "127.13.2.8", port: 80 }, async (incoming) => {
    const body = await readBody(incoming.body);
    if (isDown) return { status: 503 };
    for (const { labels, samples } of decodeWriteRequestV1(snappyDecompress(body, 1 << 20)).series)
      received.push(`${labels} ${samples.map((sample) => sample.value)}`);
    return { status: 204 };
  });
  await it.clock.advance(25_000);
  assert.deepEqual(received, []);
  await it.clock.runUntil(it.server.stop());
  isDown = false;
  const again = createVirtualProcess({
    clock: it.clock,
    random: seededRandom(2),
    disk: it.disk,
    network: it.network.host(SERVER),
    log: silentLogger,
  });
  const args = [
    "--config.file=/etc/prometheus.yml",
    "--storage.tsdb.path=/data",
    "--web.listen-address=0.0.0.0:9090",
  ];
  const server = await startServer(parseFlags(args), again.system, () => {});
  await it.clock.advance(12_000);
  // Three before the restart, at least one after it.
  assert.ok(received.length >= 4, String(received.length));
  assert.equal(new Set(received).size, 1);
  assert.equal(received[0], '{__name__="a", instance="127.13.2.1", job="app", site="s"} 7');
  await it.clock.runUntil(server.stop());
});

test("a native histogram that has ended is no answer any more", async () => {
  const it = await virtualPrometheus("");
  const now = it.clock.now();
  const labels = Labels.of({ __name__: "h" });
  const histogram = createHistogram({
    count: 1,
    positiveSpans: [{ offset: 0, length: 1 }],
    positiveBuckets: [1],
  });
  const send = async (fields: object) => {
    const series = [{ labels, samples: [], histograms: [], exemplars: [], ...fields }];
    const body = snappyCompress(encodeWriteRequestV1({ series, metadata: [] }));
    const headers = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
    assert.equal((await it.post("/api/v1/write", body, headers)).status, 204);
  };
  await send({ histograms: [{ timestampMs: now - 2000, histogram, isInteger: true }] });
  assert.deepEqual(await it.query("histogram_count(h)"), ["{} 1"]);
  await send({ samples: [{ timestampMs: now - 1000, value: Number.NaN, stale: true }] });
  assert.deepEqual(await it.query("histogram_count(h)"), []);
  assert.deepEqual(await it.query("count_over_time(h[5m])"), ["{} 1"]);
  assert.deepEqual(await it.query("count(h) or vector(0)"), ["{} 0"]);
  await it.server.stop();
});

test("a rule that moves to another file goes on without an end, also where the store takes late samples", async () => {
  const group = "groups: [{name: g, interval: 10s, rules: [{record: r, expr: vector(1)}]}]";
  const configOf = (file: string) =>
    `storage: {tsdb: {out_of_order_time_window: 10m}}\nrule_files: [/etc/${file}.yml]`;
  const it = await virtualPrometheus(configOf("one"), { "/etc/one.yml": group, "/etc/two.yml": group });
  await it.clock.advance(35_000);
  await it.disk.writeFile("/etc/prometheus.yml", configOf("two"));
  assert.equal((await it.post("/-/reload", "")).status, 200);
  const reloadedMs = it.clock.now();
  await it.clock.advance(60_000);
  assert.deepEqual(await it.query("r"), ['{__name__="r"} 1']);
  // An end would be a gap that `absent` sees.
  const gaps = await it.query(
    `count_over_time(absent(r)[${Math.ceil((it.clock.now() - reloadedMs) / 1000)}s:1s])`,
  );
  assert.deepEqual(gaps, []);
  await it.server.stop();
});
