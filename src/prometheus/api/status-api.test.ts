import assert from "node:assert/strict";
import { test } from "node:test";
import { scrapeConfigOf, virtualPrometheus } from "../../../test/virtual-prometheus.ts";

test("self_metrics shows the families of /metrics as JSON", async () => {
  const it = await virtualPrometheus("");
  const of = async (pattern: string) =>
    JSON.parse(
      (await it.get(`/api/v1/status/self_metrics?metric_name_pattern=${encodeURIComponent(pattern)}`)).text,
    );
  assert.deepEqual((await of("prometheus_ready")).data, [
    {
      name: "prometheus_ready",
      help: "Whether Prometheus startup was fully completed and the server is ready for normal operation.",
      type: "GAUGE",
      metric: [{ gauge: { value: 1 } }],
    },
  ]);
  const [requests] = (await of("prometheus_http_requests_total")).data;
  assert.equal(requests.type, "COUNTER");
  assert.deepEqual(
    requests.metric[0].label.map(({ name }: { name: string }) => name),
    ["code", "handler"],
  );
  const [durations] = (await of("prometheus_http_request_duration_seconds")).data;
  assert.equal(durations.metric[0].histogram.sampleCount, "2");
  assert.match((await of("(")).error, /^invalid metric_name_pattern: /);
  await it.server.stop();
});

test("flags that were not given show what they come to", async () => {
  const it = await virtualPrometheus("");
  const { data } = JSON.parse((await it.get("/api/v1/status/flags")).text);
  assert.equal(data["storage.tsdb.retention.time"], "15d");
  assert.equal(data["storage.tsdb.max-block-duration"], "1d12h");
  assert.equal(data["web.route-prefix"], "/");
  await it.server.stop();
});

test("targets on this machine have a global URL under the server's name; dropped ones are counted beyond those kept", async () => {
  const rules =
    "keep_dropped_targets: 1\nrelabel_configs: [{source_labels: [__address__], regex: 'x:.*', action: drop}]";
  const config = scrapeConfigOf(rules, '127.0.0.1:9090", "localhost:1", "127.13.2.1:7", "x:1", "x:2');
  const it = await virtualPrometheus(config);
  await it.clock.advance(1_000);
  const { data } = JSON.parse((await it.get("/api/v1/targets")).text);
  const host = new URL(data.activeTargets[0].globalUrl).hostname;
  assert.deepEqual(
    data.activeTargets.map(({ globalUrl }: { globalUrl: string }) => globalUrl),
    [`http://${host}:9090/metrics`, `http://${host}:1/metrics`, "http://127.13.2.1:7/metrics"],
  );
  assert.equal(data.droppedTargets.length, 1);
  assert.deepEqual(data.droppedTargetCounts, { app: 2 });
  await it.server.stop();
});

test("paths outside of the API answer other methods as upstream's router does", async () => {
  const it = await virtualPrometheus("");
  const client = it.network.host("127.13.1.99");
  const cases: [method: string, path: string, status: number, header?: [string, string]][] = [
    ["POST", "/metrics", 405, ["allow", "GET, OPTIONS"]],
    ["OPTIONS", "/federate", 200, ["allow", "GET, OPTIONS"]],
    ["GET", "/metrics/?a=1", 301, ["location", "/metrics?a=1"]],
    ["GET", "/graph?g0.expr=up", 302, ["location", "/query?g0.expr=up"]],
    ["GET", "/-/reload", 405],
    ["HEAD", "/-/ready", 200],
    ["GET", "/nope/", 404],
    ["GET", "/api/v1/write", 405, ["allow", "OPTIONS, POST"]],
  ];
  for (const [method, path, status, header] of cases) {
    const answer = await client.fetch(`http://127.13.1.1:9090${path}`, { method });
    assert.equal(answer.status, status, `${method} ${path}`);
    if (header !== undefined) assert.equal(answer.headers[header[0]], header[1], `${method} ${path}`);
    await answer.bytes();
  }
  await it.server.stop();
});

test("answers for pages of other origins say so, refusals and what senders use don't", async () => {
  const it = await virtualPrometheus("");
  const varies = async (path: string) => (await it.get(path)).headers.vary === "Origin";
  for (const path of [
    "/query?query=1",
    "/status/flags",
    "/label/a/values",
    "/search/label_names",
    "/query?query=(",
  ])
    assert.equal(await varies(`/api/v1${path}`), true, path);
  for (const path of ["/nothing", "/write", "/openapi.yaml"])
    assert.equal(await varies(`/api/v1${path}`), false, path);
  await it.server.stop();
});

test("limits are whole numbers of 64 bits, durations fit into them, and form values are Go's", async () => {
  const it = await virtualPrometheus("");
  const of = async (path: string) => {
    const { status, text } = await it.get(`/api/v1${path}`);
    return [status, text === "" ? "" : JSON.parse(text).error];
  };
  const cases: [path: string, status: number, error: string | undefined][] = [
    ["/metadata?limit=99999999999999999999", 400, "limit must be a number"],
    ["/status/tsdb?limit=1e2", 400, "limit must be a positive number"],
    ["/status/tsdb?limit=10001", 400, "limit must not exceed 10000"],
    [
      "/query_range?query=1&start=0&end=1&step=Inf",
      400,
      'invalid parameter "step": cannot parse "Inf" to a valid duration. It overflows int64',
    ],
    ["/query_exemplars?query=1&start=0&end=1", 204, ""],
    ["/label/a%2Fb/values", 404, undefined],
    [
      "/status/self_metrics?metric_name_pattern=(",
      400,
      "invalid metric_name_pattern: error parsing regexp: missing closing ): `^(?:()$`",
    ],
    ["/admin/tsdb/snapshot", 405, undefined],
    [
      "/query?query=%zz",
      400,
      'invalid parameter "query": unknown position: parse error: no expression found in input',
    ],
    [
      "/query?query=1;a=b",
      400,
      'invalid parameter "query": unknown position: parse error: no expression found in input',
    ],
  ];
  for (const [path, status, error] of cases) {
    if (error === undefined) assert.equal((await it.get(`/api/v1${path}`)).status, status, path);
    else assert.deepEqual(await of(path), [status, error], path);
  }
  const unslashed = await it.get("//api/v1//query?query=1");
  assert.deepEqual([unslashed.status, unslashed.headers.location], [307, "/api/v1/query?query=1"]);
  assert.equal(unslashed.text, '<a href="/api/v1/query?query=1">Temporary Redirect</a>.\n\n');
  await it.server.stop();
});

test("memory of labels is what upstream's encoding of them takes", async () => {
  const it = await virtualPrometheus(scrapeConfigOf(""));
  await it.target("127.13.2.1", { text: 'a{long="xyz"} 1\n' });
  await it.clock.advance(1_000);
  const { data } = JSON.parse((await it.get("/api/v1/status/tsdb?limit=50")).text);
  const long = data.memoryInBytesByLabelName.find(({ name }: { name: string }) => name === "long");
  // One byte for each of the two lengths.
  assert.equal(long.value, "long".length + "xyz".length + 2);
  await it.server.stop();
});
