import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { systemDisk } from "../base/disk.ts";
import { silentLogger } from "../base/log.ts";
import { createNodeNetwork } from "../base/node-network.ts";
import { attributesOf } from "../model/otlp-attributes.ts";
import type { LogRecord, ResourceLogs } from "../model/otlp-logs.ts";
import type { ResourceSpans, Span } from "../model/otlp-traces.ts";
import { OTLP_CODECS } from "../wire/otlp/signal.ts";
import { parseLogQuery } from "./logs/log-query.ts";
import { LogStore } from "./logs/log-store.ts";
import { settingsFrom } from "./settings.ts";
import { startStores } from "./stores.ts";
import { parseTraceQuery } from "./traces/trace-query.ts";
import { TraceStore } from "./traces/trace-store.ts";

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, and a wrong shape fails the test anyhow
type Json = any;
const HOST = "127.17.3.1";
const network = createNodeNetwork((error) => console.error(error));
const T0 = 1_800_000_000_000_000_000n;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const none = { attributes: [], droppedAttributesCount: 0 };

function span(id: number, more: Partial<Span> = {}): Span {
  return {
    traceId: TRACE,
    spanId: id.toString(16).padStart(16, "0"),
    traceState: "",
    parentSpanId: "",
    flags: 0,
    name: "GET /health",
    kind: 2,
    startTimeUnixNano: T0,
    endTimeUnixNano: T0 + 5_000_000n,
    ...none,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { message: "", code: 0 },
    ...more,
  };
}

function spans(service: string, ...all: Span[]): ResourceSpans[] {
  const scope = { ...none, name: "t", version: "" };
  return [
    {
      resource: {
        ...none,
        attributes: attributesOf({ "service.name": service, "pod.name": `${service}-0` }),
      },
      schemaUrl: "",
      scopeSpans: [{ scope, schemaUrl: "", spans: all }],
    },
  ];
}

function record(line: string, seconds: number, more: Partial<LogRecord> = {}): LogRecord {
  return {
    timeUnixNano: T0 + BigInt(seconds) * 1_000_000_000n,
    observedTimeUnixNano: 0n,
    severityNumber: 9,
    severityText: "INFO",
    body: line,
    ...none,
    flags: 0,
    traceId: "",
    spanId: "",
    eventName: "",
    ...more,
  };
}

function logs(service: string, ...logRecords: LogRecord[]): ResourceLogs[] {
  const scope = { ...none, name: "t", version: "" };
  const resource = { ...none, attributes: attributesOf({ "service.name": service, "host.name": "h" }) };
  return [{ resource, schemaUrl: "", scopeLogs: [{ scope, schemaUrl: "", logRecords }] }];
}

async function withStores(
  run: (urls: { tempo: string; otlp: string; loki: string }, restart: () => Promise<void>) => Promise<void>,
) {
  const dataPath = await mkdtemp(join(tmpdir(), "stores-"));
  const settings = {
    ...settingsFrom({}),
    host: HOST,
    dataPath,
    tempo: { httpPort: 0, otlpPort: 0 },
    lokiPort: 0,
  };
  const start = () =>
    startStores(settings, { network, disk: systemDisk, clock: systemClock, log: silentLogger });
  let stores = await start();
  const urls = { tempo: "", otlp: "", loki: "" };
  const name = () => {
    [urls.tempo, urls.otlp, urls.loki] = stores.servers.map(({ port }) => `http://${HOST}:${port}`);
  };
  name();
  try {
    await run(urls, async () => {
      await stores.close();
      stores = await start();
      name();
    });
  } finally {
    await stores.close();
    await rm(dataPath, { recursive: true });
  }
}

async function get(url: string): Promise<{ status: number; json: Json; text: string }> {
  const response = await network.fetch(url);
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, json, text };
}

async function send(url: string, body: Uint8Array): Promise<number> {
  const response = await network.fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body,
  });
  await response.bytes();
  return response.status;
}

test("traces come in by OTLP, are found, and survive a restart", async () => {
  await withStores(async (urls, restart) => {
    const child = span(2, {
      parentSpanId: "0000000000000001",
      name: "query",
      status: { message: "no", code: 2 },
    });
    const data = [...spans("router", span(1)), ...spans("test-db", child)];
    assert.equal(await send(`${urls.otlp}/v1/traces`, OTLP_CODECS.traces.encode(data)), 200);
    await restart();
    const { json } = await get(`${urls.tempo}/api/v2/traces/${TRACE}`);
    assert.equal(json.trace.resourceSpans.length, 2);
    const [{ scopeSpans }] = json.trace.resourceSpans;
    assert.equal(Buffer.from(scopeSpans[0].spans[0].traceId, "base64").toString("hex"), TRACE);
    assert.equal((await get(`${urls.tempo}/api/traces/${TRACE}`)).json.batches.length, 2);
    const found = (await get(`${urls.tempo}/api/search?tags=${encodeURIComponent("service.name=test-db")}`))
      .json.traces;
    assert.deepEqual(
      found.map(({ traceID, rootServiceName, durationMs }: Json) => [traceID, rootServiceName, durationMs]),
      [[TRACE, "router", 5]],
    );
    assert.deepEqual(found[0].serviceStats, {
      router: { spanCount: 1 },
      "test-db": { spanCount: 1, errorCount: 1 },
    });
    assert.equal((await get(`${urls.tempo}/api/search?minDuration=6ms`)).json.traces.length, 0);
    assert.deepEqual((await get(`${urls.tempo}/api/search/tag/service.name/values`)).json.tagValues, [
      "router",
      "test-db",
    ]);
    assert.equal((await get(`${urls.tempo}/api/traces/ff`)).status, 404);
    assert.equal((await get(`${urls.tempo}/api/traces/nothex`)).status, 400);
    assert.equal((await get(`${urls.tempo}/api/search?q=x`)).status, 400);
  });
});

test("parseTraceQuery() tests spans", () => {
  const stored = {
    traceId: TRACE,
    spanId: "1",
    parentSpanId: "",
    service: "test-db",
    name: "GET /health",
    startUnixNano: T0,
    durationNanos: 5_000_000n,
    status: 2,
    kind: 2,
    attributes: { "http.status_code": "503", "http.method": "GET" },
  };
  const cases: [query: string, isMatch: boolean][] = [
    ["{}", true],
    ['{ resource.service.name = "test-db" }', true],
    ['{ resource.service.name = "router" }', false],
    ['{ name =~ "GET.*" && status = error }', true],
    ["{ duration > 10ms }", false],
    ["{duration>=5ms}", true],
    ['{ .http.status_code >= 500 && span.http.method != "POST" }', true],
    ['{ .missing = "x" }', false],
    ["{ name = `GET /health` }", true],
  ];
  for (const [query, isMatch] of cases) assert.equal(parseTraceQuery(query)(stored), isMatch, query);
  for (const query of [
    "",
    "name",
    "{ name }",
    '{ name = "a" name = "b" }',
    '{ name =~ "(" }',
    "{ duration > 1x }",
  ]) {
    assert.throws(() => parseTraceQuery(query), { name: "TraceQueryError" }, query);
  }
});

test("logs come in by OTLP and push, are queried, and survive a restart", async () => {
  await withStores(async (urls, restart) => {
    const data = [
      ...logs(
        "test-db",
        record("tenant moved", 0, { traceId: TRACE }),
        record("disk full", 10, { severityNumber: 17 }),
      ),
      ...logs("router", record("tenant moved", 20)),
    ];
    assert.equal(await send(`${urls.loki}/otlp/v1/logs`, OTLP_CODECS.logs.encode(data)), 200);
    const pushed = await network.fetch(`${urls.loki}/loki/api/v1/push`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        streams: [{ stream: { service_name: "cli" }, values: [[String(T0), '{"level":"warn","n":5}']] }],
      }),
    });
    assert.equal(pushed.status, 204);
    await pushed.bytes();
    await restart();
    const times = `start=${T0 - 1_000_000_000n}&end=${T0 + 60_000_000_000n}`;
    const lines = async (query: string) => {
      const { json, text } = await get(
        `${urls.loki}/loki/api/v1/query_range?${times}&query=${encodeURIComponent(query)}`,
      );
      if (json === undefined) throw new Error(text);
      return json.data.result.flatMap(({ values }: Json) => values.map(([, line]: string[]) => line)).sort();
    };
    const cases: [query: string, expected: string[]][] = [
      ['{service_name="test-db"}', ["disk full", "tenant moved"]],
      ['{service_name=~"test.*|router"} |= "tenant"', ["tenant moved", "tenant moved"]],
      ['{service_name!="cli"} != "tenant"', ["disk full"]],
      ['{service_name=~".+"} |~ "(?i)FULL"', ["disk full"]],
      [`{service_name=~".+"} | trace_id="${TRACE}"`, ["tenant moved"]],
      ['{service_name=~".+"} | detected_level="error"', ["disk full"]],
      ['{service_name="cli"} | json | n > 4', ['{"level":"warn","n":5}']],
      ['{service_name="cli"} | json | level="info"', []],
      ['{service_name="none"}', []],
    ];
    for (const [query, expected] of cases) assert.deepEqual(await lines(query), expected, query);
    const metric = encodeURIComponent(
      'sum by (service_name) (count_over_time({service_name=~"test-db|router"}[1m]))',
    );
    const { json } = await get(`${urls.loki}/loki/api/v1/query?time=${T0 + 30_000_000_000n}&query=${metric}`);
    assert.deepEqual(
      json.data.result.map(({ metric, value }: Json) => [metric.service_name, value[1]]).sort(),
      [
        ["router", "1"],
        ["test-db", "2"],
      ],
    );
    assert.deepEqual((await get(`${urls.loki}/loki/api/v1/label/service_name/values`)).json.data, [
      "cli",
      "router",
      "test-db",
    ]);
    for (const query of [
      "{}",
      "{a}",
      '{a="b"} | line_format "x"',
      "count_over_time(x)",
      'sum(rate({a="b"}[1x]))',
      '{a=~"("}',
    ]) {
      const { status } = await get(
        `${urls.loki}/loki/api/v1/query_range?${times}&query=${encodeURIComponent(query)}`,
      );
      assert.equal(status, 400, query);
    }
  });
});

test("parseLogQuery() bounds what it takes", () => {
  assert.throws(() => parseLogQuery(`{a="${"x".repeat(10_000)}"}`), { name: "LogQueryError" });
  assert.throws(() => parseLogQuery(`{a="b"}${' |= "x"'.repeat(51)}`), /more than 50 stages/);
});

test("the stores keep to their limits by dropping the oldest", () => {
  const limit = 10_000;
  const traces = new TraceStore(":memory:", limit);
  const many = Array.from({ length: limit + 1 }, (_, i) =>
    span(i + 1, { startTimeUnixNano: T0 + BigInt(i) }),
  );
  traces.add(spans("s", ...many.slice(0, limit)));
  assert.equal([...traces.spans()].length, limit);
  traces.add(spans("s", many[limit]));
  const kept = [...traces.spans()];
  assert.equal(kept.length, limit - 2_000);
  assert.equal(kept[0].spanId, many.at(-1)!.spanId);
  traces.close();
  const store = new LogStore(":memory:", limit);
  const line = { unixNano: T0, labels: { a: "1" }, metadata: {}, line: "x" };
  store.add(Array.from({ length: limit }, () => line));
  store.add([{ ...line, unixNano: T0 + 1n, labels: { a: "2" } }]);
  const left = [...store.read({ fromUnixNano: 0n, toUnixNano: T0 * 2n })];
  assert.equal(left.length, limit - 4_000);
  assert.equal(left[0].labels["a"], "2");
  store.close();
});
