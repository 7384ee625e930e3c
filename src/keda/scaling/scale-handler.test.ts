import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../../base/log.ts";
import { jsonResponse } from "../../base/network.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { settle, VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { addStatefulSet, createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { externalScalerHandler } from "../../wire/keda/external-scaler.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { KedaMetrics } from "../keda-metrics.ts";
import { SCALED_OBJECTS, type ScaledObject, type ScaledObjectSpec, type Trigger } from "../scaled-object.ts";
import { ScaleHandler } from "./scale-handler.ts";

const KEY = { namespace: "shop", name: "web" };
const ID = "shop/web";

/** A trigger on the number that `sources` has under `name`. */
const number = (name: string, more: Partial<Trigger> = {}): Trigger => ({
  type: "metrics-api",
  name,
  metadata: { url: `http://numbers/${name}`, valueLocation: "value", targetValue: "5" },
  ...more,
});

const cpu: Trigger = { type: "cpu", metricType: "Utilization", metadata: { value: "50" } };

/** The handler alone, over a store and an endpoint of numbers: `undefined` is an error. */
async function world(spec: Partial<ScaledObjectSpec>, metricNames: string[] = []) {
  const clock = new VirtualClock();
  const api = createMemoryCluster(clock);
  const stop = new AbortController();
  const network = new VirtualNetwork({
    clock,
    resolve: (name) => (name === "numbers" ? "10.0.0.2" : "10.0.0.3"),
  });
  const sources: Record<string, number | undefined> = {};
  const asked: string[] = [];
  await network.host("10.0.0.2").serve({ host: "0.0.0.0", port: 80 }, ({ target }) => {
    const name = target.slice(1);
    asked.push(name);
    const value = sources[name];
    return value === undefined ? jsonResponse(500, {}) : jsonResponse(200, { value });
  });
  const { namespace, name } = KEY;
  await api.create(RESOURCES.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  await addStatefulSet({ api, clock, namespace, name, replicas: 1, signal: stop.signal });
  await api.create<ScaledObject>(SCALED_OBJECTS, {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { ...KEY },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name },
      triggers: [],
      ...spec,
    },
  });
  let latest: ScaledObject | undefined;
  const refresh = async () => {
    latest = await api.get<ScaledObject>(SCALED_OBJECTS, KEY);
    return latest;
  };
  const setStatus = async (status: ScaledObject["status"]) => {
    await api.patch(SCALED_OBJECTS, { ...KEY, subresource: "status" }, { type: "merge", body: { status } });
    return refresh();
  };
  if (metricNames.length > 0) await setStatus({ externalMetricNames: metricNames });
  const events: string[] = [];
  const logged: string[] = [];
  const write = (message: string, fields?: object) => {
    const { error } = (fields ?? {}) as { error?: Error };
    logged.push(error === undefined ? message : `${message}: ${error.message}`);
  };
  const log: Logger = { debug() {}, info: write, warn: write, error: write, with: () => log };
  const recorder = {
    record: (_: object, type: string, reason: string, message: string) =>
      void events.push(`${type} ${reason} ${message}`),
  } as EventRecorder;
  const metrics = new KedaMetrics("2.20.2");
  const specsChanged: string[] = [];
  const handler = new ScaleHandler({
    api,
    network: network.host("10.0.0.1"),
    clock,
    log,
    events: recorder,
    metrics,
    operatorNamespace: "keda",
    httpTimeoutMs: 3_000,
    latest: () => latest,
    onSpecsChanged: (key) => specsChanged.push(key),
  });
  const series = (metric: string) =>
    metrics
      .text()
      .split("\n")
      .filter((line) => line.startsWith(`${metric}{`));
  const values = async (metric: string) =>
    (await handler.triggers.externalMetrics(ID, metric)).map(
      ({ metricName, value }) => `${metricName} ${value}`,
    );
  const object = await refresh();
  return {
    clock,
    api,
    network,
    handler,
    object,
    sources,
    asked,
    events,
    logged,
    series,
    values,
    refresh,
    setStatus,
    specsChanged,
  };
}

const A = "s0-metric-api-value";
const B = "s1-metric-api-value";

test("the HPA's question asks the trigger itself, each time, and no other trigger", async () => {
  const { values, sources, asked } = await world({ triggers: [number("a"), number("b")] });
  Object.assign(sources, { a: 5, b: 7 });
  assert.deepEqual(await values(A), [`${A} 5`]);
  sources.a = 6;
  assert.deepEqual(await values(A.toUpperCase()), [`${A} 6`], "a metric's name is compared without its case");
  assert.deepEqual(asked, ["a", "a"]);
  await assert.rejects(values("s7-other"), /^Error: no matching metrics found for s7-other$/);
});

test("a container that the scale target does not have is told of as upstream does", async () => {
  const scaleTargetRef = { kind: "StatefulSet", name: "web", envSourceContainerName: "nope" };
  const { handler, object } = await world({ triggers: [number("a")], scaleTargetRef });
  const text =
    "error resolving secrets for ScaleTarget: couldn't find container with name nope on Target object";
  await assert.rejects(handler.triggers.metricSpecs(object), { message: text });
});

test("with useCachedMetrics the HPA is told what the last poll found, its failure too", async () => {
  const triggers = [number("a", { useCachedMetrics: true }), number("b")];
  const { handler, object, clock, values, sources, asked } = await world({ triggers, pollingInterval: 30 });
  Object.assign(sources, { a: 5, b: 7 });
  assert.deepEqual(await values(A), [`${A} 5`], "before the first poll there is nothing to be read back");
  handler.handle(object);
  await clock.advance(1_000);
  asked.length = 0;
  sources.a = 50;
  assert.deepEqual(await values(A), [`${A} 5`]);
  assert.deepEqual(asked, []);
  sources.b = undefined;
  await assert.rejects(values(B), new Error(`metric:${B} encountered error`));
  assert.deepEqual(await values(A), [`${A} 5`], "another trigger's failure leaves it");
  sources.a = undefined;
  await clock.advance(30_000);
  sources.a = 8;
  await assert.rejects(values(A), new Error(`metric:${A} encountered error`));
  await clock.advance(30_000);
  assert.deepEqual(await values(A), [`${A} 8`]);
  handler.remove(object);
  sources.a = 9;
  assert.deepEqual(await values(A), [`${A} 9`], "a loop that ended leaves nothing behind");
  handler.handle(object);
  await clock.advance(1_000);
  handler.handle(object);
  sources.a = 10;
  assert.deepEqual(await values(A), [`${A} 10`], "nor does one that was replaced");
  handler.close();
});

test("a poll asks every trigger, whatever the others say", async () => {
  const cases: [a: number | undefined, b: number | undefined, expected: string][] = [
    [5, 7, `active ${A};${B}`],
    [0, 7, `active ${B}`],
    [0, 0, "not active"],
    [5, undefined, `active ${A} failed`],
    [undefined, 0, "not active failed"],
    [undefined, undefined, "not active failed"],
  ];
  for (const [a, b, expected] of cases) {
    const { handler, object, sources, asked } = await world({ triggers: [number("a"), number("b")] });
    Object.assign(sources, { a, b });
    const { active, failed, activeTriggers } = await handler.triggers.state(object);
    const said = active ? `active ${activeTriggers.join(";")}` : "not active";
    assert.equal(failed ? `${said} failed` : said, expected);
    // One that fails is asked a second time, by a new scaler.
    const times = (value: number | undefined) => (value === undefined ? 2 : 1);
    assert.equal(asked.filter((name) => name === "a").length, times(a));
    assert.equal(asked.filter((name) => name === "b").length, times(b));
  }
});

test("a failure is told by an event and a log line: of a trigger, or of a formula's source", async () => {
  const modifiers = { formula: "a + 1", target: "2" };
  const failure = "error requesting metrics endpoint: /a: api returned 500";
  for (const [spec, reason, message] of [
    [{}, "KEDAScalerFailed", "error getting scale decision"],
    [{ advanced: { scalingModifiers: modifiers } }, "KEDAMetricSourceFailed", "error getting metric source"],
  ] as const) {
    const { handler, object, events, logged, series } = await world({ triggers: [number("a")], ...spec });
    await handler.triggers.state(object);
    assert.equal(events.at(-1), `Warning ${reason} ${failure}`);
    assert.ok(logged.includes(`${message}: ${failure}`));
    assert.match(series("keda_scaled_object_errors_total")[0], / 1$/);
  }
});

test("an authentication that is not there leaves the trigger without its parameters", async () => {
  const trigger = number("a", { authenticationRef: { name: "missing" } });
  trigger.metadata.authMode = "bearer";
  const { handler, object, logged } = await world({ triggers: [trigger] });
  await assert.rejects(handler.triggers.state(object), /error getting scalers cache/);
  assert.ok(logged.some((line) => line.startsWith("error getting triggerAuth: ")));
});

test("triggers of resources alone are always active; beside others they are counted as such", async () => {
  const alone = await world({ triggers: [cpu] });
  assert.equal((await alone.handler.triggers.state(alone.object)).active, true);
  const labels = `{metric="cpu",namespace="shop",scaledObject="web",scaler="cpuMemoryScaler",triggerIndex="0",type="scaledobject"}`;
  assert.deepEqual(alone.series("keda_scaler_active"), [`keda_scaler_active${labels} 1`]);
  const beside = await world({ triggers: [cpu, number("b")] });
  beside.sources.b = 0;
  const { active, failed } = await beside.handler.triggers.state(beside.object);
  assert.deepEqual([active, failed], [false, false]);
  const modifiers = { formula: "b", target: "2" };
  const formula = await world({ triggers: [cpu, number("b")], advanced: { scalingModifiers: modifiers } });
  formula.sources.b = 3;
  await formula.handler.triggers.state(formula.object);
  const names = formula.series("keda_scaler_active").map((line) => /metric="([^"]*)"/.exec(line)![1]);
  assert.deepEqual(names, ["composite-metric"], "with a formula only its result is said to be active");
});

test("a formula answers for all metrics, and is active above its activation target", async () => {
  const triggers = [number("a"), number("b")];
  const modifiers = { formula: "a + b", target: "2" };
  const cases: [activationTarget: string | undefined, a: number, expected: boolean | RegExp][] = [
    [undefined, 0, false],
    [undefined, 1, true],
    ["5", 5, false],
    ["5", 6, true],
    ["5e-1", 1, true],
    [
      "many",
      9,
      /^Error: scalingModifiers\.ActivationTarget parsing error strconv\.ParseFloat: parsing "many": invalid syntax$/,
    ],
  ];
  for (const [activationTarget, a, expected] of cases) {
    const advanced = { scalingModifiers: { ...modifiers, activationTarget } };
    const { handler, object, sources, values } = await world({ triggers, advanced }, [A, B]);
    Object.assign(sources, { a, b: 0 });
    assert.deepEqual(await values("composite-metric"), [`composite-metric ${a}`]);
    const state = handler.triggers.state(object);
    if (expected instanceof RegExp) {
      await assert.rejects(state, expected);
      handler.handle(object);
    } else {
      const { active, activeTriggers } = await state;
      assert.equal(active, expected, `${activationTarget} ${a}`);
      assert.deepEqual(activeTriggers, expected ? ["composite-metric"] : []);
    }
    handler.close();
  }
});

test("a formula with a trigger that fails is not active, and has no answer", async () => {
  const advanced = { scalingModifiers: { formula: "a + b", target: "2" } };
  const { handler, object, sources, values } = await world(
    { triggers: [number("a"), number("b")], advanced },
    [A, B],
  );
  sources.a = 9;
  const { active, failed } = await handler.triggers.state(object);
  assert.deepEqual([active, failed], [false, true]);
  await assert.rejects(values("composite-metric"), new Error("metric:composite-metric encountered error"));
});

test("a formula can't name a trigger without a name, nor answer before the metrics are known", async () => {
  const advanced = { scalingModifiers: { formula: "a", target: "2" } };
  const { handler, object, sources, values, logged, events, series } = await world({
    triggers: [number("a"), number("")],
    advanced,
  });
  Object.assign(sources, { a: 1, "": 2 });
  await handler.triggers.state(object);
  const pairing = "error pairing triggers & metrics for compositeScaler";
  assert.ok(logged.includes(`${pairing}: trigger name not given with compositeScaler for metric ${B}`));
  const counted = series("keda_scaler_detail_errors_total").map((line) => line.slice(-1));
  assert.deepEqual(counted, ["0", "1"]);
  await assert.rejects(values("composite-metric"), /no matching metrics found for composite-metric/);
  const missing = "Warning KEDAScalerFailed no metrics found getting metricsArray array composite-metric";
  assert.equal(events.filter((event) => event === missing).length, 2);
});

test("the metrics of a formula are read from the cluster when nobody has told of them yet", async () => {
  const advanced = { scalingModifiers: { formula: "a", target: "2" } };
  const { api, sources, values } = await world({ triggers: [number("a")], advanced });
  sources.a = 4;
  const body = { status: { externalMetricNames: [A] } };
  await api.patch(SCALED_OBJECTS, { ...KEY, subresource: "status" }, { type: "merge", body });
  assert.deepEqual(await values("composite-metric"), ["composite-metric 4"]);
});

test("a fallback counts as active, and leaves a trigger that works alone", async () => {
  const fallback = { failureThreshold: 1, replicas: 4 };
  const { handler, sources, values, refresh } = await world({
    triggers: [number("a"), number("b")],
    fallback,
  });
  sources.b = 0;
  const poll = async () => handler.triggers.state(await refresh());
  const first = await poll();
  assert.deepEqual([first.active, first.failed, first.fallback], [false, true, false]);
  const second = await poll();
  assert.deepEqual([second.active, second.failed, second.fallback], [true, false, true]);
  assert.deepEqual(second.activeTriggers, [A]);
  await refresh();
  assert.deepEqual(await values(A), [`${A} 20`]);
  assert.deepEqual(await values(B), [`${B} 0`]);
});

test("a formula sees a trigger as nil in the very poll that passes the threshold", async () => {
  const { handler, object, sources, values, refresh } = await world(
    {
      triggers: [number("a"), number("b")],
      fallback: { failureThreshold: 1, replicas: 4, behavior: "scalingModifiers" },
      advanced: { scalingModifiers: { formula: "a ?? b", target: "2" } },
    },
    [A, B],
  );
  sources.b = 7;
  const first = await handler.triggers.state(object);
  assert.deepEqual([first.active, first.failed], [false, true]);
  await refresh();
  // The object is the one of before: the failures counted meanwhile are in the status.
  const second = await handler.triggers.state(object);
  assert.deepEqual([second.active, second.failed, second.fallback], [true, false, false]);
  assert.deepEqual(second.activeTriggers, ["composite-metric"]);
  assert.deepEqual(await values("composite-metric"), ["composite-metric 7"]);
  sources.a = 3;
  const third = await handler.triggers.state(await refresh());
  assert.equal(third.metrics[0].value, "3", "and as its number in the poll that it is back");
});

test("a status that nothing changes is not written", async () => {
  const { handler, object, clock, sources, refresh } = await world({
    triggers: [number("a")],
    pollingInterval: 10,
  });
  sources.a = 0;
  handler.handle(object);
  await clock.advance(60_000);
  const before = await refresh();
  await clock.advance(30_000);
  assert.equal((await refresh()).metadata.resourceVersion, before.metadata.resourceVersion);
  handler.close();
});

test("what is written is what a scaling changed: a push keeps the others, a poll forgets metrics that are gone", async () => {
  const names = ["s0-ext", A.replace("s0", "s1")];
  const triggers: Trigger[] = [
    { type: "external-push", metadata: { scalerAddress: "program:6000" } },
    number("b", { metadata: { ...number("b").metadata } }),
  ];
  const { handler, clock, network, sources, setStatus, refresh } = await world({
    triggers,
    pollingInterval: 30,
  });
  let push: () => void = () => {};
  const program = externalScalerHandler({
    isActive: () => false,
    async *streamIsActive(_, signal) {
      await new Promise<void>((resolve) => {
        push = resolve;
        signal.addEventListener("abort", () => resolve());
      });
      yield true;
    },
    getMetricSpec: () => [{ metricName: "ext", targetSize: 3 }],
    getMetrics: () => [{ metricName: "ext", value: 0 }],
  });
  await network.host("10.0.0.3").serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, program);
  sources.b = 7;
  const object = await setStatus({
    externalMetricNames: names,
    triggersActivity: { [names[1]]: { isActive: false }, "s9-gone": { isActive: true } },
  });
  handler.handle(object);
  await clock.advance(1_000);
  const polled = { "s0-ext": { isActive: false }, [names[1]]: { isActive: true } };
  assert.deepEqual((await refresh()).status!.triggersActivity, polled);
  push();
  await settle();
  const pushed = { "s0-ext": { isActive: true }, [names[1]]: { isActive: true } };
  assert.deepEqual((await refresh()).status!.triggersActivity, pushed);
  handler.close();
});

test("specs that a program streams reach the object that they were streamed for, and no later one", async () => {
  for (const [changed, expected] of [
    [{}, 1],
    [{ generation: 7 }, 0],
    [{ uid: "another" }, 0],
  ] as const) {
    const triggers: Trigger[] = [{ type: "external-push", metadata: { scalerAddress: "program:6000" } }];
    const { handler, object, clock, network, specsChanged } = await world({ triggers });
    const program = externalScalerHandler({
      isActive: () => false,
      async *streamIsActive(_, signal) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        yield false;
      },
      getMetricSpec: () => [{ metricName: "ext", targetSize: 3 }],
      getMetrics: () => [{ metricName: "ext", value: 0 }],
    });
    await network.host("10.0.0.3").serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, program);
    handler.handle({ ...object, metadata: { ...object.metadata, ...changed } });
    await clock.advance(1_000);
    assert.equal(specsChanged.length, expected, JSON.stringify(changed));
    handler.close();
  }
});
