import assert from "node:assert/strict";
import { test } from "node:test";
import { KedaMetrics } from "./keda-metrics.ts";
import type { TriggerConfig } from "./trigger-config.ts";

const CONFIG = {
  namespace: "shop",
  scaledObject: "web",
  name: "orders",
  type: "prometheus",
  index: 2,
} as TriggerConfig;

test("httpRequest() counts by trigger and status, and times by scaler, by trigger only when asked", () => {
  const linesOf = (metrics: KedaMetrics, name: string) =>
    metrics
      .text()
      .split("\n")
      .filter((line) => line.startsWith(name));
  const record = (isHighCardinality?: boolean) => {
    const metrics = new KedaMetrics("test", isHighCardinality);
    metrics.httpRequest(CONFIG, 0.02, 200);
    metrics.httpRequest(CONFIG, 0.03, 503);
    // No answer at all.
    metrics.httpRequest(CONFIG, 11, 0);
    return metrics;
  };
  const trigger = 'metric_name="s2-prometheus",namespace="shop",scaled_resource="web",scaler="prometheus"';
  const plain = record();
  assert.deepEqual(linesOf(plain, "keda_scaler_http_requests_total{"), [
    `keda_scaler_http_requests_total{${trigger},status_code="200",trigger_name="orders"} 1`,
    `keda_scaler_http_requests_total{${trigger},status_code="503",trigger_name="orders"} 1`,
    `keda_scaler_http_requests_total{${trigger},status_code="error",trigger_name="orders"} 1`,
  ]);
  const duration = "keda_scaler_http_request_duration_seconds";
  assert.deepEqual(linesOf(plain, `${duration}_sum`), [
    `${duration}_sum{scaler="prometheus",status_code="200"} 0.02`,
    `${duration}_sum{scaler="prometheus",status_code="503"} 0.03`,
    `${duration}_sum{scaler="prometheus",status_code="error"} 11`,
  ]);
  assert.deepEqual(
    linesOf(plain, `${duration}_bucket{scaler="prometheus",status_code="200"`).map((line) => line.at(-1)),
    [..."001111111111"],
  );
  assert.deepEqual(
    linesOf(record(true), `${duration}_count`)[0],
    `${duration}_count{${trigger},status_code="200",trigger_name="orders"} 1`,
  );
});

test("validated() counts reviews, and refusals by reason", () => {
  const metrics = new KedaMetrics("test");
  metrics.validated("shop", "create");
  metrics.validated("shop", "create", "other-hpa");
  const text = metrics.text();
  assert.match(text, /_validations_total\{action="create",namespace="shop"\} 2/);
  assert.match(text, /_errors_total\{action="create",namespace="shop",reason="other-hpa"\} 1/);
});

test("keda_build_info tells what KEDA runs on, where that is known", () => {
  const lineOf = (metrics: KedaMetrics) => /^keda_build_info.*$/m.exec(metrics.text())![0];
  assert.equal(
    lineOf(new KedaMetrics("2.20.2")),
    'keda_build_info{git_commit="",goarch="",goos="",goversion="",version="2.20.2"} 1',
  );
  const runtime = { operatingSystem: "linux", architecture: "arm64", version: "v24.1.0" };
  assert.equal(
    lineOf(new KedaMetrics("2.20.2", false, runtime)),
    'keda_build_info{git_commit="",goarch="arm64",goos="linux",goversion="v24.1.0",version="2.20.2"} 1',
  );
});
