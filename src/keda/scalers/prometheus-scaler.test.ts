import assert from "node:assert/strict";
import { test } from "node:test";
import { type HttpRequest, textResponse } from "../../base/network.ts";
import { settle, VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import type { TriggerConfig } from "../trigger-config.ts";
import {
  answerValue,
  createPrometheusScaler,
  MAX_ANSWER_BYTES,
  parsePrometheusMetadata,
} from "./prometheus-scaler.ts";

type Texts = Record<string, string>;

const VALID: Texts = { serverAddress: "http://10.0.0.2:9090", threshold: "100", query: "up" };

function triggerConfig(metadata: Texts, authParams: Texts = {}): TriggerConfig {
  return {
    namespace: "shop",
    scaledObject: "workload",
    type: "prometheus",
    name: "",
    index: 0,
    metadata,
    authParams,
    resolvedEnv: {},
    asMetricSource: false,
    useCachedMetrics: false,
    httpTimeoutMs: 3000,
  };
}

const without = (name: string): Texts =>
  Object.fromEntries(Object.entries(VALID).filter(([key]) => key !== name));

test("parsePrometheusMetadata() takes what can be asked", () => {
  const cases: [name: string, metadata: Texts][] = [
    ["the three that must be", VALID],
    ["a name, which nobody reads", { ...VALID, metricName: "requests" }],
    ["a namespace", { ...VALID, namespace: "tenant" }],
    ["an activation threshold", { ...VALID, activationThreshold: "0.5" }],
    ["headers", { ...VALID, customHeaders: "X-Client=a,X-Tenant=b" }],
    ["parameters of the query", { ...VALID, queryParameters: "timeout=5s,dedup=true" }],
    ["nulls as errors", { ...VALID, ignoreNullValues: "false" }],
    ["any certificate", { ...VALID, unsafeSsl: "true" }],
    ["a timeout in milliseconds", { ...VALID, timeout: "1000" }],
    ["a timeout with a unit", { ...VALID, timeout: "1.5s" }],
  ];
  for (const [name, metadata] of cases) {
    assert.doesNotThrow(() => parsePrometheusMetadata(triggerConfig(metadata)), name);
  }
  const metadata = parsePrometheusMetadata(
    triggerConfig({ ...VALID, customHeaders: "a = 1 ,b=2", timeout: "2m", activationThreshold: "7" }),
  );
  assert.deepEqual(Array.from(metadata.customHeaders!), [
    ["a", "1"],
    ["b", "2"],
  ]);
  assert.equal(metadata.timeoutMs, 120_000);
  assert.equal(metadata.activationThreshold, 7);
  assert.equal(metadata.ignoreNullValues, true);
  assert.equal(metadata.unsafeSsl, false);
});

test("parsePrometheusMetadata() says what is wrong", () => {
  const cases: [metadata: Texts, message: string][] = [
    [without("serverAddress"), 'missing required parameter "serverAddress" in [triggerMetadata]'],
    [without("query"), 'missing required parameter "query" in [triggerMetadata]'],
    [without("threshold"), 'missing required parameter "threshold" in [triggerMetadata]'],
    [{ ...VALID, query: " " }, 'missing required parameter "query" in [triggerMetadata]'],
    [
      { ...VALID, threshold: "one" },
      `unable to set param "threshold" value "one": unable to unmarshal to field type float64: invalid character 'o' looking for beginning of value`,
    ],
    [
      { ...VALID, activationThreshold: "1x" },
      `unable to set param "activationThreshold" value "1x": unable to unmarshal to field type float64: invalid character 'x' after top-level value`,
    ],
    [
      { ...VALID, customHeaders: "a" },
      `unable to set param "customHeaders" value "a": expected format key=value, got "a"`,
    ],
    [
      { ...VALID, ignoreNullValues: "maybe" },
      `unable to set param "ignoreNullValues" value "maybe": unable to parse boolean value "maybe": strconv.ParseBool: parsing "maybe": invalid syntax`,
    ],
    [
      { ...VALID, timeout: "-1" },
      `unable to set param "timeout" value "-1": duration cannot be negative: -1 milliseconds`,
    ],
    [
      {},
      ["serverAddress", "query", "threshold"]
        .map((name) => `missing required parameter "${name}" in [triggerMetadata]`)
        .join("\n"),
    ],
  ];
  for (const [metadata, message] of cases) {
    const expected = { message: `error parsing prometheus metadata: ${message}` };
    assert.throws(() => parsePrometheusMetadata(triggerConfig(metadata)), expected);
  }
});

test("authentication needs what its modes use, and only one of bearer, basic and oauth", () => {
  const cases: [modes: string, params: Texts, problem: string | undefined][] = [
    ["bearer", { bearerToken: "t" }, undefined],
    ["bearer", { token: "t" }, undefined],
    ["bearer", {}, "bearer token=<empty> is required when bearer auth is enabled"],
    ["basic", { username: "u", password: "p" }, undefined],
    ["basic", { username: "u" }, undefined],
    ["basic", { password: "p" }, "username=<empty> is required when basic auth is enabled"],
    ["tls", { cert: "c", key: "k" }, undefined],
    ["tls", { cert: "c", key: "k", ca: "a" }, undefined],
    ["tls", { cert: "c" }, "cert=<present> and key=<empty> are required when tls auth is enabled"],
    ["tls", { key: "k" }, "cert=<empty> and key=<present> are required when tls auth is enabled"],
    ["tls,basic", { cert: "c", key: "k", username: "u" }, undefined],
    ["tls, bearer", { cert: "c", key: "k", bearerToken: "t" }, undefined],
    ["tls,basic", { username: "u" }, "cert=<empty> and key=<empty> are required when tls auth is enabled"],
    ["custom", { customAuthHeader: "X-Key", customAuthValue: "v" }, undefined],
    ["custom", { customAuthHeader: "X-Key\n", customAuthValue: "v\n" }, undefined],
    [
      "custom",
      { customAuthValue: "v" },
      "customAuthHeader=<empty> and customAuthValue=<present> are required when custom auth is enabled",
    ],
    [
      "custom",
      { customAuthHeader: "X-Key" },
      "customAuthHeader=<present> and customAuthValue=<empty> are required when custom auth is enabled",
    ],
    ["oauth", { oauthTokenURI: "http://a", clientID: "c" }, undefined],
    [
      "oauth",
      { clientID: "c" },
      "oauthTokenURI=<empty> and clientID=<present> are required when oauth is enabled",
    ],
    ["apiKey", { apiKey: "k" }, undefined],
    ["apiKey", {}, "apiKey is required when apiKey auth is enabled"],
    [
      "bearer,basic",
      { bearerToken: "t", username: "u" },
      'parameter "authModes,authMode" value "bearer,basic" must contain only one of [bearer basic oauth]',
    ],
    [
      "tea",
      {},
      'parameter "authModes,authMode" value "tea" must be one of [apiKey basic tls bearer custom oauth]',
    ],
  ];
  for (const [authModes, params, problem] of cases) {
    const config = triggerConfig({ ...VALID, authModes }, params);
    const read = () => parsePrometheusMetadata(config);
    if (problem === undefined) assert.doesNotThrow(read, authModes);
    else assert.throws(read, { message: `error parsing prometheus metadata: ${problem}` });
  }
});

const vector = (...samples: unknown[]) =>
  JSON.stringify({
    status: "success",
    data: { resultType: "vector", result: samples.map((value) => ({ metric: {}, value })) },
  });

test("answerValue() reads one number, and knows what stands for none", () => {
  const empty = "prometheus metrics 'prometheus' target may be lost, the result is empty";
  const list = "prometheus metrics 'prometheus' target may be lost, the value list is empty";
  const cases: [name: string, body: string, ignoreNullValues: boolean, expected: number | string][] = [
    ["a number", vector([1, "2"]), true, 2],
    ["a fraction", vector([1, "2.5e-1"]), true, 0.25],
    ["a negative number", vector([1, "-3"]), true, -3],
    ["no series", vector(), true, 0],
    ["no series, not ignored", vector(), false, empty],
    ["no value", vector([]), true, 0],
    ["no value, not ignored", vector([]), false, list],
    ["a time alone", vector([1]), true, "prometheus query up didn't return enough values"],
    ["two series", vector([1, "1"], [1, "2"]), true, "prometheus query up returned multiple elements"],
    ["null", vector([1, null]), true, -1],
    ["infinite", vector([1, "+Inf"]), true, 0],
    ["infinite, not ignored", vector([1, "+Inf"]), false, "prometheus query returns +Inf"],
    ["infinitely negative, not ignored", vector([1, "-Inf"]), false, "prometheus query returns -Inf"],
    ["no number", vector([1, "NaN"]), true, 0],
    ["no number, not ignored", vector([1, "NaN"]), false, "prometheus query returns NaN"],
    ["a word", vector([1, "many"]), true, 'strconv.ParseFloat: parsing "many": invalid syntax'],
    ["nothing", "", true, "unexpected end of JSON input"],
    [
      "a bare scalar",
      JSON.stringify({ data: { resultType: "scalar", result: [1, "2"] } }),
      true,
      "json: cannot unmarshal number into Go struct field .data.result of type struct",
    ],
    ["no data", "{}", true, 0],
    ["no data, not ignored", "{}", false, empty],
  ];
  for (const [name, body, ignoreNullValues, expected] of cases) {
    const read = () => answerValue(body, { ignoreNullValues, query: "up" });
    if (typeof expected === "number") assert.equal(read(), expected, name);
    else assert.throws(read, { message: expected }, name);
  }
});

/** A scaler and a Prometheus that notes what it is asked. */
async function world(metadata: Texts, authParams: Texts, answer: { status?: number; body?: string } = {}) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork({ clock });
  const requests: HttpRequest[] = [];
  await network.host("10.0.0.2").serve({ host: "0.0.0.0", port: 9090 }, (request) => {
    requests.push(request);
    return textResponse(answer.status ?? 200, answer.body ?? vector([1, "5"]));
  });
  const scaler = createPrometheusScaler(triggerConfig({ ...VALID, ...metadata }, authParams), {
    clock,
    network: network.host("10.0.0.1"),
  });
  const ask = async () => {
    const outcome = scaler.metricsAndActivity("s0-prometheus").then(
      (value) => value,
      (error: Error) => error,
    );
    await settle();
    await clock.advance(10_000);
    return outcome;
  };
  return { scaler, ask, requests };
}

test("the query goes out with its time, its namespace and its parameters, in upstream's order", async () => {
  const { ask, requests } = await world(
    { query: 'sum(up{job="a b"})', namespace: "tenant", queryParameters: "key=a value" },
    {},
  );
  await ask();
  assert.equal(
    requests[0].target,
    "/api/v1/query?query=sum%28up%7Bjob%3D%22a+b%22%7D%29&time=2026-01-01T00:00:00Z&namespace=tenant&key=a+value",
  );
});

test("headers and authentication are sent", async () => {
  const cases: [metadata: Texts, params: Texts, header: string, value: string][] = [
    [{ customHeaders: "X-Tenant=a" }, {}, "x-tenant", "a"],
    [{ authModes: "bearer" }, { bearerToken: "t" }, "authorization", "Bearer t"],
    [{ authModes: "basic" }, { username: "u", password: "p" }, "authorization", "Basic dTpw"],
    [{ authModes: "custom" }, { customAuthHeader: "X-Key", customAuthValue: "v" }, "x-key", "v"],
    [{ authModes: "custom" }, { customAuthHeader: "X-Key\n", customAuthValue: "v\n" }, "x-key", "v"],
  ];
  for (const [metadata, params, header, value] of cases) {
    const { ask, requests } = await world(metadata, params);
    await ask();
    assert.equal(requests[0].headers[header], value);
  }
});

test("the metric is active above the activation threshold, not at it", async () => {
  const cases: [activationThreshold: string, active: boolean][] = [
    ["4.9", true],
    ["5", false],
  ];
  for (const [activationThreshold, active] of cases) {
    const { ask, scaler } = await world({ activationThreshold }, {});
    assert.deepEqual(await ask(), {
      metrics: [{ metricName: "s0-prometheus", value: "5", timestamp: "2026-01-01T00:00:00Z" }],
      active,
    });
    assert.deepEqual(await scaler.metricSpecs(), [
      {
        type: "External",
        external: {
          metric: { name: "s0-prometheus" },
          target: { type: "AverageValue", averageValue: "100" },
        },
      },
    ]);
  }
});

test("every status of success is one", async () => {
  for (const [status, isError] of [
    [199, true],
    [200, false],
    [299, false],
    [300, true],
  ] as const) {
    const answer = await (await world({}, {}, { status })).ask();
    assert.equal(answer instanceof Error, isError, `${status}`);
  }
});

test("a query takes no longer than its own timeout, or than that of all", async () => {
  for (const [timeout, endsMs] of [
    [undefined, 3000],
    ["0", 3000],
    ["700", 700],
    ["1.5s", 1500],
  ] as const) {
    const clock = new VirtualClock();
    const network = new VirtualNetwork({ clock });
    await network.host("10.0.0.2").serve({ host: "0.0.0.0", port: 9090 }, () => new Promise(() => {}));
    const told: [seconds: number, status: number][] = [];
    const config = triggerConfig({ ...VALID, ...(timeout === undefined ? {} : { timeout }) });
    const onRequest = (seconds: number, status: number) => told.push([seconds, status]);
    const world = { clock, network: network.host("10.0.0.1"), onRequest };
    const asked = createPrometheusScaler(config, world).metricsAndActivity("s0-prometheus");
    await assert.rejects(clock.runUntil(asked), Error);
    assert.deepEqual(told, [[endsMs / 1000, 0]], timeout);
  }
});

test("an answer that is no success, or too long, is an error", async () => {
  const refused = await (await world({}, {}, { status: 503, body: "busy" })).ask();
  assert.equal((refused as Error).message, "prometheus query api returned error. status: 503");
  const long = await (await world({}, {}, { body: " ".repeat(MAX_ANSWER_BYTES + 1) })).ask();
  assert.ok(long instanceof Error);
  const whole = vector([1, "5"]);
  const fits = await (
    await world({}, {}, { body: whole + " ".repeat(MAX_ANSWER_BYTES - whole.length) })
  ).ask();
  assert.ok(!(fits instanceof Error));
});
