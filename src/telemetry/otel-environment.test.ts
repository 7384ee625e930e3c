import assert from "node:assert/strict";
import { test } from "node:test";
import {
  exportsSignal,
  httpNames,
  isSdkDisabled,
  millisecondsOf,
  otlpEndpoint,
  resourceAttributes,
} from "./otel-environment.ts";

test("resourceAttributes() decodes, and discards everything on any error", () => {
  const cases: [text: string | undefined, expected: Record<string, string>][] = [
    [undefined, {}],
    ["deployment.environment=test,tier=small", { "deployment.environment": "test", tier: "small" }],
    [" a = 1 ,, b = x%2Cy%3Dz", { a: "1", b: "x,y=z" }],
    ["a=1,b", {}],
    ["a=1,b=2=3", {}],
    ["a=%zz", {}],
    ["=x", {}],
  ];
  for (const [text, expected] of cases) {
    const { "service.name": name, ...rest } = resourceAttributes({ OTEL_RESOURCE_ATTRIBUTES: text });
    assert.equal(name, "unknown_service:node");
    assert.deepEqual(rest, expected, text);
  }
  const env = { OTEL_SERVICE_NAME: "test-db", OTEL_RESOURCE_ATTRIBUTES: "service.name=other,k8s.pod.name=x" };
  assert.deepEqual(resourceAttributes(env, { "k8s.pod.name": "y", zone: "a" }), {
    "service.name": "test-db",
    "k8s.pod.name": "x",
    zone: "a",
  });
});

test("otlpEndpoint() prefers the signal's own variable", () => {
  assert.equal(otlpEndpoint({}, "traces"), "http://localhost:4317");
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:1", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://b:2" };
  assert.equal(otlpEndpoint(env, "traces"), "http://a:1");
  assert.equal(otlpEndpoint(env, "logs"), "http://b:2");
});

test("the other variables are read as the specification says", () => {
  assert.equal(isSdkDisabled({ OTEL_SDK_DISABLED: "TRUE" }), true);
  assert.equal(isSdkDisabled({ OTEL_SDK_DISABLED: "1" }), false);
  assert.equal(exportsSignal({}, "metrics"), true);
  assert.equal(exportsSignal({ OTEL_METRICS_EXPORTER: "none" }, "metrics"), false);
  assert.equal(exportsSignal({ OTEL_METRICS_EXPORTER: "console, otlp" }, "metrics"), true);
  for (const bad of ["", "x", "0", "-1", "Infinity"])
    assert.equal(millisecondsOf({ A: bad }, "A", 7), 7, bad);
  assert.equal(millisecondsOf({ A: "15000" }, "A", 7), 15_000);
  assert.equal(httpNames({}).old, false);
  assert.equal(httpNames({ OTEL_SEMCONV_STABILITY_OPT_IN: "database, http/dup" }).old, true);
  assert.equal(httpNames({ OTEL_SEMCONV_STABILITY_OPT_IN: "http" }).old, false);
});
