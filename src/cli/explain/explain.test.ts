import assert from "node:assert/strict";
import { test } from "node:test";
import type { Network } from "../../base/network.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import type { HorizontalPodAutoscaler } from "../../kubernetes/mod.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { explain } from "./explain.ts";
import { printAnswers } from "./print-answers.ts";
import { recentFailures, type TriggerFailure } from "./trigger-failures.ts";

function facts(options: {
  average: string;
  pods: number;
  min?: number;
  tolerance?: string;
  lastActive?: string;
}) {
  const { average, pods, min = 1, tolerance, lastActive } = options;
  const metric = { name: "s0-prometheus" };
  const object: ScaledObject = {
    metadata: { name: "test-db-small", namespace: "percolate-test" },
    spec: {
      scaleTargetRef: { kind: "StatefulSet", name: "test-db-small" },
      minReplicaCount: min,
      maxReplicaCount: 10,
      cooldownPeriod: 60,
      triggers: [],
    },
    status: {
      conditions: [{ type: "Ready", status: "True", reason: "ScaledObjectReady", message: "fine" }],
      lastActiveTime: lastActive,
    },
  };
  const hpa = {
    metadata: { name: "keda-hpa-test-db-small" },
    spec: {
      scaleTargetRef: { kind: "StatefulSet", name: "test-db-small" },
      maxReplicas: 10,
      metrics: [
        { type: "External", external: { metric, target: { type: "AverageValue", averageValue: "2" } } },
      ],
      ...(tolerance === undefined ? {} : { behavior: { scaleUp: { tolerance } } }),
    },
    status: {
      currentMetrics: [{ type: "External", external: { metric, current: { averageValue: average } } }],
    },
  } as HorizontalPodAutoscaler;
  const failures: TriggerFailure[] = [];
  return { object, hpa, specReplicas: pods, statusReplicas: pods, failures, pods: [] };
}

test("explain() says what the tolerance hides, and what would change the number", () => {
  const lines = explain(facts({ average: "2200m", pods: 5 }), 0).join("\n");
  assert.match(lines, /s0-prometheus: 11 in all, 2\.2 a pod, target 2 a pod: ratio 1\.1/);
  assert.match(lines, /within the tolerance \(0\.9 to 1\.1\): asks for the 5 that there are/);
  assert.match(lines, /the tolerance hides 1: 11 needs 6/);
  assert.match(lines, /more than 11 asks for more, 8 or less for fewer/);
});

test("explain() shows the arithmetic where the metric asks for other replicas", () => {
  const lines = explain(facts({ average: "2200m", pods: 5, tolerance: "0" }), 0).join("\n");
  assert.match(lines, /asks for ⌈11 \/ 2⌉ = 6/);
});

test("explain() tells of the cooldown where zero is allowed, and that there is none where not", () => {
  const lastActive = "2026-01-01T00:00:00Z";
  const idle = explain(
    facts({ average: "0", pods: 1, min: 0, lastActive }),
    Date.parse(lastActive) + 20_000,
  ).join("\n");
  assert.match(idle, /last active 20 s ago; 60 s \(cooldownPeriod\) without activity set 0, in one step/);
  assert.match(explain(facts({ average: "0", pods: 1 }), 0).join("\n"), /never goes below 1/);
});

test("explain() says of each number of pods what asks for fewer: what fits into one less, outside the tolerance", () => {
  const cases: [average: string, pods: number, expected: string][] = [
    // 1.667 a pod is 5 on three, and 4 would need two.
    ["1667m", 3, "s0-prometheus: 5 in all, 1.667 a pod, target 2 a pod: ratio 0.833"],
    ["1667m", 3, "more than 6.6 asks for more, 4 or less for fewer"],
    ["1", 1, "more than 2.2 asks for more\n"],
    ["2", 10, "more than 22 asks for more, less than 18 for fewer"],
    ["2", 20, "more than 44 asks for more, less than 36 for fewer"],
    ["1500m", 3, "4.5 in all"],
    ["334m", 3, "1 in all"],
  ];
  for (const [average, pods, expected] of cases) {
    const lines = explain(facts({ average, pods }), 0).join("\n");
    assert.ok(lines.includes(expected), `${expected}\n${lines}`);
  }
});

test("explain() says how old its numbers may be", () => {
  const given = facts({ average: "0", pods: 1 });
  given.object.spec.pollingInterval = undefined;
  const lines = explain(given, 0);
  assert.ok(lines.includes("KEDA, as of its last poll (every 30 s)"));
  assert.ok(lines.includes("HPA, as of its last look (every 15 s)"));
});

test("explain() does without an HPA", () => {
  const lines = explain({ ...facts({ average: "0", pods: 0 }), hpa: undefined }, 0);
  assert.match(lines.at(-1)!, /There is none/);
});

test("explain() at zero: the HPA is off, and a trigger would set one", () => {
  const lines = explain(facts({ average: "0", pods: 0, min: 0 }), 0).join("\n");
  assert.match(lines, /at zero: any trigger above its activation threshold sets one replica/);
  assert.match(lines, /off while there are no replicas: only KEDA leaves zero/);
  assert.doesNotMatch(lines, /asks for/);
});

test("explain() names the annotation that pauses, and nothing else that would scale", () => {
  const given = facts({ average: "0", pods: 2, min: 0 });
  given.object.metadata.annotations = { "autoscaling.keda.sh/paused-replicas": "2" };
  const lines = explain({ ...given, hpa: undefined }, 0).join("\n");
  assert.match(lines, /paused by the annotation autoscaling\.keda\.sh\/paused-replicas=2: nothing scales/);
  assert.match(lines, /none while it is paused/);
  assert.doesNotMatch(lines, /cooldownPeriod/);
});

test("explain() counts failures up to the fallback, and says what it is then", () => {
  const given = facts({ average: "3", pods: 2 });
  const { spec, status } = given.object;
  spec.fallback = { failureThreshold: 3, replicas: 4, behavior: "currentReplicas" };
  status!.health = { "s0-prometheus": { numberOfFailures: 3, status: "Failing" } };
  const text = () => explain(given, 0).join("\n");
  assert.match(text(), /s0-prometheus has failed 3 times in a row; after 3 the fallback begins/);
  status!.health["s0-prometheus"].numberOfFailures = 4;
  const begun = "s0-prometheus has failed 4 times in a row, more than 3: until one succeeds ";
  for (const [behavior, said] of [
    ["static", "the fallback asks for 4 replicas (static)"],
    ["currentReplicas", "the fallback asks for the replicas that there are (currentReplicas)"],
    [
      "currentReplicasIfHigher",
      "the fallback asks for 4 replicas, or what there are where that is more (currentReplicasIfHigher)",
    ],
    [
      "currentReplicasIfLower",
      "the fallback asks for 4 replicas, or what there are where that is less (currentReplicasIfLower)",
    ],
    ["scalingModifiers", "the formula goes on without it (scalingModifiers)"],
  ] as const) {
    spec.fallback.behavior = behavior;
    assert.ok(text().includes(begun + said), behavior);
    assert.equal(text().includes("the fallback's number, not the source's"), behavior !== "scalingModifiers");
  }
  spec.fallback = undefined;
  status!.conditions!.push({ type: "Ready", status: "False", reason: "TriggerError", message: "" });
  assert.match(text(), /there is no fallback: the replicas stay as they are/);
});

test("explain() says of what a trigger failed, while one fails", () => {
  const given = facts({ average: "3", pods: 2 });
  const { conditions } = given.object.status!;
  given.failures = [{ message: "the result is empty", atMs: 48_000, count: 7 }];
  const text = () => explain(given, 60_000).join("\n");
  assert.doesNotMatch(text(), /the result is empty/);
  conditions!.push({ type: "Ready", status: "False", reason: "TriggerError", message: "" });
  assert.match(text(), /failed 12 s ago: the result is empty \(7 times\)\n/);
  conditions!.pop();
  given.object.spec.fallback = { failureThreshold: 3, replicas: 4 };
  given.object.status!.health = { "s0-prometheus": { numberOfFailures: 1, status: "Failing" } };
  assert.match(text(), /failed 12 s ago/);
});

test("recentFailures() takes the warnings of this object's triggers, the newest of each text", () => {
  const event = (message: string, at: string, more: object = {}) => ({
    metadata: { name: message },
    involvedObject: { kind: "ScaledObject", name: "test-db-small" },
    reason: "KEDAScalerFailed",
    message,
    lastTimestamp: at,
    count: 1,
    ...more,
  });
  const events = [
    event("old", "2026-01-01T00:00:00Z"),
    event("b", "2026-01-01T00:59:10Z"),
    event("a", "2026-01-01T00:59:30Z"),
    event("b", "2026-01-01T00:59:50Z", { count: 4 }),
    event("series", "", {
      lastTimestamp: null,
      series: { count: 9, lastObservedTime: "2026-01-01T00:59:40Z" },
    }),
    event("started", "2026-01-01T00:59:50Z", { reason: "KEDAScalersStarted" }),
    event("other", "2026-01-01T00:59:50Z", { involvedObject: { kind: "ScaledObject", name: "other" } }),
  ];
  const nowMs = Date.parse("2026-01-01T01:00:00Z");
  const found = recentFailures(events as KubernetesObject[], facts({ average: "0", pods: 1 }).object, nowMs);
  assert.deepEqual(
    found.map(({ message, count }) => `${message} ${count}`),
    ["b 4", "series 9", "a 1"],
  );
});

test("explain() lists the triggers with what makes them active, and the formula", () => {
  const given = facts({ average: "3", pods: 2 });
  given.object.spec.triggers = [
    { type: "prometheus", name: "tenants", metadata: { activationThreshold: "5" } },
    { type: "cron", metadata: {} },
  ];
  given.object.spec.advanced = { scalingModifiers: { formula: "tenants + 1", target: "2" } };
  given.object.status!.triggersActivity = { "s0-prometheus": { isActive: true } };
  const lines = explain(given, 0).join("\n");
  assert.match(lines, /trigger 0 \(tenants, prometheus\), active; active above 5/);
  assert.match(lines, /trigger 1 \(cron\)\n/);
  assert.match(lines, /formula: tenants \+ 1, target 2; active above 0/);
});

test("explain() says in how many seconds the cooldown ends", () => {
  const lastActive = "2026-01-01T00:00:00Z";
  const given = facts({ average: "0", pods: 1, min: 0, lastActive });
  given.object.status!.conditions!.push({
    type: "Active",
    status: "False",
    reason: "ScalerCooldown",
    message: "cooling down",
  });
  const lines = explain(given, Date.parse(lastActive) + 20_000).join("\n");
  assert.match(lines, /set 0, in one step: in 40 s, at the poll after that/);
});

test("explain() goes from what is asked for to what there is: the highest, the bounds, the windows, the policies", () => {
  const given = facts({ average: "15", pods: 4 });
  const { status, spec } = given.hpa;
  const text = () => explain(given, 0).join("\n");
  assert.match(text(), /asks for ⌈60 \/ 2⌉ = 30\n/);
  assert.match(text(), /asked for: 30, which maxReplicaCount makes 10: change it for another number/);
  status!.conditions = [{ type: "ScalingLimited", status: "True", reason: "ScaleUpLimit", message: "" }];
  assert.match(text(), /slowed down by the policies below/);
  status!.currentMetrics![0].external!.current.averageValue = "500m";
  status!.conditions = [{ type: "AbleToScale", status: "True", reason: "ScaleDownStabilized", message: "" }];
  assert.match(text(), /asked for: 1\n {2}held at 4: more were asked for within the window for scaling down/);
  spec.metrics!.push({
    type: "External",
    external: { metric: { name: "s1-cron" }, target: { type: "AverageValue", averageValue: "1" } },
  });
  assert.match(
    text(),
    /s1-cron: not known now\n {2}asked for: 1\n {2}while a metric is not known, nothing is taken away/,
  );
  status!.currentMetrics!.push({
    type: "External",
    external: { metric: { name: "s1-cron" }, current: { averageValue: "2" } },
  });
  assert.match(text(), /asked for: 8 \(the highest: s1-cron\)/);
});

test("explain() counts with the pods of the HPA's last look", () => {
  const given = facts({ average: "20", pods: 9 });
  given.hpa.status!.currentReplicas = 5;
  const lines = explain(given, 0).join("\n");
  assert.match(lines, /at its last look, with 5 replicas:\n {2}s0-prometheus: 100 in all, 20 a pod/);
});

test("explain() knows targets of a value and of a resource", () => {
  const given = facts({ average: "0", pods: 3 });
  given.hpa.spec.metrics = [
    {
      type: "External",
      external: { metric: { name: "s0-prometheus" }, target: { type: "Value", value: "2500m" } },
    },
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
  ];
  given.hpa.status!.currentMetrics = [
    { type: "External", external: { metric: { name: "s0-prometheus" }, current: { value: "7" } } },
    { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 40, averageValue: "4m" } } },
  ];
  const lines = explain(given, 0).join("\n");
  assert.match(lines, /s0-prometheus: 7, target 2\.5: ratio 2\.8\n {4}asks for ⌈2\.8 × 3⌉ = 9/);
  assert.match(
    lines,
    /cpu: 40 % of the request, target 50 % of the request: ratio 0\.8\n {4}asks for ⌈0\.8 × 3⌉ = 3/,
  );
  assert.match(lines, /asked for: 9 \(the highest: s0-prometheus\)/);
});

test("printAnswers() asks KEDA for each metric as the HPA does, and Prometheus for each query", async () => {
  const { object } = facts({ average: "0", pods: 1 });
  object.spec.triggers = [
    { type: "prometheus", metadata: { query: "up" } },
    { type: "prometheus", metadata: { query: "down", ignoreNullValues: "false" } },
    { type: "cron", metadata: {} },
  ];
  object.status!.externalMetricNames = ["s0-prometheus", "s1-prometheus"];
  const asked: string[] = [];
  const api = {
    async list({ group, resource }: { group: string; resource: string }, options: object) {
      asked.push(`${group} ${resource} ${JSON.stringify(options)}`);
      if (resource === "s1-prometheus") throw new Error("metric:s1-prometheus encountered error");
      return { items: [{ value: "2500m" }] };
    },
  } as unknown as KubernetesApi;
  const network = {
    async fetch(url: string) {
      const { searchParams } = new URL(url);
      const result = searchParams.get("query") === "up" ? [{ value: [1, "2.5"] }] : [];
      return { status: 200, text: async () => JSON.stringify({ data: { result } }) };
    },
  } as unknown as Network;
  const printed = async (replicas = 1) => {
    let text = "";
    await printAnswers(
      { network, print: (piece) => void (text += piece) },
      api,
      object,
      replicas,
      "http://p/",
    );
    return text;
  };
  const metrics = `
KEDA's answers to the HPA, now
  s0-prometheus = 2500m
  s1-prometheus: metric:s1-prometheus encountered error
`;
  const queries = `
Queries, now
  up = 2.5
  down = nothing, which is an error to KEDA (ignoreNullValues: "false")
`;
  assert.equal(await printed(), metrics + queries);
  const selector = '{"namespace":"percolate-test","labelSelector":"scaledobject.keda.sh/name=test-db-small"}';
  assert.equal(asked[0], `external.metrics.k8s.io s0-prometheus ${selector}`);
  object.metadata.annotations = { "autoscaling.keda.sh/paused": "true" };
  assert.equal(await printed(), queries);
  object.metadata.annotations = {};
  object.spec.advanced = { scalingModifiers: { formula: "a", target: "1" } };
  asked.length = 0;
  await printed();
  assert.deepEqual(asked, [`external.metrics.k8s.io composite-metric ${selector}`]);
  const hint = /with no pod there is no metric: these triggers alone never wake the workload/;
  object.spec.advanced = undefined;
  object.spec.triggers = [{ type: "prometheus", metadata: { query: "down" } }];
  assert.match(await printed(0), hint);
  assert.doesNotMatch(await printed(1), hint);
  object.spec.triggers.push({ type: "prometheus", metadata: { query: "up" } });
  assert.doesNotMatch(await printed(0), hint);
  object.spec.triggers[1] = { type: "external-push", metadata: {} };
  assert.doesNotMatch(await printed(0), hint);
});
