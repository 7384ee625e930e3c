import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { VirtualNetwork } from "../../simulation/virtual/virtual-network.ts";
import { addStatefulSet, createMemoryCluster } from "../../simulation/world/autoscaled-cluster.ts";
import { startKedaOperator } from "../keda-operator.ts";
import {
  type HpaBehavior,
  SCALED_OBJECTS,
  type ScaledObject,
  type ScaledObjectSpec,
  type Trigger,
} from "../scaled-object.ts";

const KEY = { namespace: "shop", name: "web" };
const DEFAULT_HPA = "keda-hpa-web";

const cron = (start: string, end: string): Trigger => ({
  type: "cron",
  metadata: { timezone: "UTC", start, end, desiredReplicas: "1" },
});
const FIRST = cron("0 * * * *", "1 * * * *");
const SECOND = cron("2 * * * *", "3 * * * *");

/** The operator over a store with one workload of one replica. */
async function world() {
  const clock = new VirtualClock();
  const api = createMemoryCluster(clock);
  const stop = new AbortController();
  const network = new VirtualNetwork({ clock, resolve: () => "10.0.0.2" });
  const { namespace, name } = KEY;
  const metadata = { name: namespace };
  await api.create(RESOURCES.namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
  await addStatefulSet({ api, clock, namespace, name, replicas: 1, signal: stop.signal });
  const { started } = startKedaOperator({
    api,
    clock,
    network: network.host("10.0.0.1"),
    log: silentLogger,
    signal: stop.signal,
  });
  await started;
  const create = async (spec: Partial<ScaledObjectSpec> = {}, annotations?: Record<string, string>) => {
    await api.create<ScaledObject>(SCALED_OBJECTS, {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      metadata: { ...KEY, annotations },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name },
        triggers: [FIRST],
        ...spec,
      },
    });
    await clock.advance(1000);
  };
  const change = async (body: object) => {
    await api.patch(SCALED_OBJECTS, KEY, { type: "merge", body });
    await clock.advance(1000);
  };
  const hpa = (hpaName = DEFAULT_HPA): Promise<KubernetesObject | undefined> =>
    api.get(RESOURCES.horizontalPodAutoscalers, { namespace, name: hpaName }).catch(() => undefined);
  const scaledObject = () => api.get<ScaledObject>(SCALED_OBJECTS, KEY);
  const ready = async () => {
    const { status } = await scaledObject();
    return status?.conditions?.find(({ type }) => type === "Ready")?.status;
  };
  return { api, clock, create, change, hpa, scaledObject, ready, end: () => stop.abort() };
}

const metricNames = (hpa: KubernetesObject | undefined) =>
  hpa?.spec.metrics.map((metric: { external: { metric: { name: string } } }) => metric.external.metric.name);

test("each trigger has its metric in the HPA, and takes it along", async () => {
  const { create, change, hpa, scaledObject, end } = await world();
  await create({ triggers: [FIRST, SECOND] });
  const both = ["s0-cron-UTC-0xxxx-1xxxx", "s1-cron-UTC-2xxxx-3xxxx"];
  assert.deepEqual(metricNames(await hpa()), both);
  assert.deepEqual((await scaledObject()).status!.externalMetricNames, both);
  await change({ spec: { triggers: [FIRST] } });
  assert.deepEqual(metricNames(await hpa()), both.slice(0, 1));
  assert.deepEqual((await scaledObject()).status!.externalMetricNames, both.slice(0, 1));
  end();
});

test("the metrics are in the status before the HPA is there to ask for them", async () => {
  const { api, create, end } = await world();
  const known: (string[] | undefined)[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    const { namespace } = KEY;
    for await (const _ of api.watch(RESOURCES.horizontalPodAutoscalers, { namespace, signal: stop.signal }))
      known.push((await api.get<ScaledObject>(SCALED_OBJECTS, KEY)).status?.externalMetricNames);
  })();
  await create();
  assert.deepEqual(known[0], ["s0-cron-UTC-0xxxx-1xxxx"]);
  stop.abort();
  await watching.catch(() => {});
  end();
});

test("another name of the HPA replaces it", async () => {
  const { create, change, hpa, scaledObject, end } = await world();
  await create();
  await change({ spec: { advanced: { horizontalPodAutoscalerConfig: { name: "other" } } } });
  assert.equal(await hpa(), undefined);
  assert.ok(await hpa("other"));
  assert.equal((await scaledObject()).status!.hpaName, "other");
  end();
});

test("an HPA that is there already is named in the status", async () => {
  const { api, create, change, scaledObject, end } = await world();
  await create();
  await api.patch(
    SCALED_OBJECTS,
    { ...KEY, subresource: "status" },
    { type: "merge", body: { status: { hpaName: null } } },
  );
  await change({ spec: { pollingInterval: 20 } });
  assert.equal((await scaledObject()).status!.hpaName, DEFAULT_HPA);
  end();
});

test("a ScaledObject that is made anew has its own triggers, not those of the one before", async () => {
  const { api, clock, create, hpa, end } = await world();
  await create();
  await api.delete(SCALED_OBJECTS, KEY);
  // Nothing collects what a deleted object owned here.
  await api.delete(RESOURCES.horizontalPodAutoscalers, { namespace: KEY.namespace, name: DEFAULT_HPA });
  await clock.advance(1000);
  await assert.rejects(api.get(SCALED_OBJECTS, KEY), /not found/);
  await create({ triggers: [SECOND] });
  assert.deepEqual(metricNames(await hpa()), ["s0-cron-UTC-2xxxx-3xxxx"]);
  end();
});

test("the HPA's bounds are those of the ScaledObject, without the idle count; or nothing is made of it", async () => {
  const cases: [spec: Partial<ScaledObjectSpec>, bounds: [number, number] | undefined][] = [
    [{}, [1, 100]],
    [{ minReplicaCount: 0, maxReplicaCount: 3 }, [1, 3]],
    [{ idleReplicaCount: 1, minReplicaCount: 5, maxReplicaCount: 10 }, [5, 10]],
    [{ minReplicaCount: 5, maxReplicaCount: 5 }, [5, 5]],
    [{ minReplicaCount: 8, maxReplicaCount: 5 }, undefined],
    [{ idleReplicaCount: 20, minReplicaCount: 5, maxReplicaCount: 10 }, undefined],
    [{ idleReplicaCount: 20, maxReplicaCount: 10 }, undefined],
    [
      {
        triggers: [
          { ...FIRST, name: "same" },
          { ...SECOND, name: "same" },
        ],
      },
      undefined,
    ],
    [{ triggers: [] }, undefined],
  ];
  for (const [spec, bounds] of cases) {
    const { create, hpa, ready, end } = await world();
    await create(spec);
    const made = await hpa();
    const found = made === undefined ? undefined : [made.spec.minReplicas, made.spec.maxReplicas];
    assert.deepEqual(found, bounds, JSON.stringify(spec));
    assert.equal(await ready(), bounds === undefined ? "False" : "True");
    end();
  }
});

test("the HPA has the ScaledObject's annotations", async () => {
  const { create, hpa, end } = await world();
  await create({}, { note: "mine" });
  assert.deepEqual((await hpa())!.metadata.annotations, { note: "mine" });
  end();
});

test("a direction is off in the HPA while an annotation pauses it, and as it was given after that", async () => {
  const given: HpaBehavior = {
    scaleUp: { selectPolicy: "Min" },
    scaleDown: { selectPolicy: "Min", policies: [{ type: "Pods", value: 1, periodSeconds: 15 }] },
  };
  const none: HpaBehavior = {};
  for (const [direction, annotation] of [
    ["scaleDown", "autoscaling.keda.sh/paused-scale-in"],
    ["scaleUp", "autoscaling.keda.sh/paused-scale-out"],
  ] as const) {
    for (const behavior of [none, given]) {
      for (const isFromTheStart of [true, false]) {
        const { create, change, hpa, scaledObject, end } = await world();
        const spec = { advanced: { horizontalPodAutoscalerConfig: { behavior } } };
        const policy = async () => (await hpa())!.spec.behavior?.[direction]?.selectPolicy;
        const annotate = (value: string | null) =>
          change({ metadata: { annotations: { [annotation]: value } } });
        const own = behavior[direction]?.selectPolicy;
        await create(spec, isFromTheStart ? { [annotation]: "true" } : undefined);
        if (!isFromTheStart) {
          assert.equal(await policy(), own);
          await annotate("true");
        }
        assert.equal(await policy(), "Disabled");
        const paused = (await scaledObject()).status!.conditions!.find(({ type }) => type === "Paused");
        assert.equal(paused?.status, "True");
        await annotate("false");
        assert.equal(await policy(), own, `${direction} ${JSON.stringify(behavior)}`);
        await annotate("true");
        await annotate(null);
        assert.equal(await policy(), own);
        if (behavior === given)
          assert.deepEqual((await hpa())!.spec.behavior.scaleDown.policies, given.scaleDown!.policies);
        end();
      }
    }
  }
});

test("paused takes the HPA away, false brings it back", async () => {
  const { create, change, hpa, scaledObject, end } = await world();
  const condition = async () =>
    (await scaledObject()).status!.conditions!.find(({ type }) => type === "Paused")!.status;
  await create();
  assert.equal(await condition(), "False");
  await change({ metadata: { annotations: { "autoscaling.keda.sh/paused": "true" } } });
  assert.equal(await condition(), "True");
  assert.equal(await hpa(), undefined);
  await change({ metadata: { annotations: { "autoscaling.keda.sh/paused": "false" } } });
  assert.equal(await condition(), "False");
  assert.ok(await hpa());
  end();
});

test("an HPA that was removed, or whose spec, labels or annotations were changed, is made right again", async () => {
  const { api, clock, create, hpa, end } = await world();
  await create();
  const { namespace } = KEY;
  const key = { namespace, name: DEFAULT_HPA };
  const made = (await hpa())!;
  const meddle: [body: object, read: (hpa: KubernetesObject) => unknown][] = [
    [{ spec: { maxReplicas: 7 } }, ({ spec }) => spec.maxReplicas],
    [{ metadata: { labels: { "app.kubernetes.io/part-of": null } } }, ({ metadata }) => metadata.labels],
    [{ metadata: { annotations: { added: "by hand" } } }, ({ metadata }) => metadata.annotations],
  ];
  for (const [body, read] of meddle) {
    await api.patch(RESOURCES.horizontalPodAutoscalers, key, { type: "merge", body });
    await clock.advance(1000);
    assert.deepEqual(read((await hpa())!), read(made), JSON.stringify(body));
  }
  await api.delete(RESOURCES.horizontalPodAutoscalers, key);
  await clock.advance(1000);
  assert.ok(await hpa());
  end();
});

test("the replicas of before come back with restoreToOriginalReplicaCount when the ScaledObject goes", async () => {
  for (const restoreToOriginalReplicaCount of [true, false]) {
    const { api, clock, create, change, scaledObject, end } = await world();
    await create({ minReplicaCount: 1, advanced: { restoreToOriginalReplicaCount } });
    assert.equal((await scaledObject()).status!.originalReplicaCount, 1);
    const scaleTo = async (replicas: number) => {
      const scale = { ...KEY, subresource: "scale" };
      await api.patch(RESOURCES.statefulSets, scale, { type: "merge", body: { spec: { replicas } } });
    };
    await scaleTo(3);
    // What it was is remembered from the first look, whatever is changed later.
    await change({ spec: { maxReplicaCount: 7 } });
    assert.equal((await scaledObject()).status!.originalReplicaCount, 1);
    await api.delete(SCALED_OBJECTS, KEY);
    await clock.advance(1000);
    const { spec } = await api.get<KubernetesObject>(RESOURCES.statefulSets, KEY);
    assert.equal(spec.replicas, restoreToOriginalReplicaCount ? 1 : 3);
    await assert.rejects(scaledObject(), /not found/);
    end();
  }
});

test("a target that is not there, of no kind or not to be scaled is named in Ready", async () => {
  const because = "ScaledObject doesn't have correct scaleTargetRef specification: ";
  const cases: [target: Partial<ScaledObjectSpec["scaleTargetRef"]>, message: RegExp][] = [
    [{ name: "gone" }, /statefulsets.apps "gone" not found$/],
    [
      { kind: "Fleet", apiVersion: "example.com/v1" },
      /no matches for kind "Fleet" in version "example.com\/v1"$/,
    ],
    [{ kind: "DaemonSet" }, /the server could not find the requested resource$/],
  ];
  for (const [target, message] of cases) {
    const { create, scaledObject, hpa, end } = await world();
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "StatefulSet", name: "web", ...target };
    await create({ scaleTargetRef });
    const { conditions = [] } = (await scaledObject()).status ?? {};
    const ready = conditions.find(({ type }) => type === "Ready");
    assert.deepEqual([ready?.status, ready?.reason], ["False", "ScaledObjectCheckFailed"]);
    const text = ready?.message ?? "";
    assert.ok(text.startsWith(because), text);
    assert.match(text, message);
    assert.equal(await hpa(), undefined);
    end();
  }
});
