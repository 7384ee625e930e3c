import assert from "node:assert/strict";
import test from "node:test";
import type { PodDisruptionBudget } from "../controllers/policy/pod-disruption-budget.ts";
import type { Node, Pod } from "../types.ts";
import { refusal } from "./filters.ts";
import { createNodeInfos } from "./node-info.ts";
import { findPreemption, type Preemption } from "./preemption.ts";
import { nodesNamedBy } from "./selection.ts";

function node(name: string): Node {
  return {
    metadata: { name },
    status: { allocatable: { cpu: "2", memory: "8Gi", pods: "9" } },
  } as unknown as Node;
}

function pod(name: string, priority: number, cpu: string, nodeName?: string, app = name): Pod {
  return {
    metadata: { name, namespace: "default", uid: name, labels: { app } },
    spec: { priority, nodeName, containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }] },
  } as unknown as Pod;
}

function budget(app: string, disruptionsAllowed: number, disruptedPods = {}): PodDisruptionBudget {
  return {
    metadata: { name: app, namespace: "default" },
    spec: { selector: { matchLabels: { app } } },
    status: { disruptionsAllowed, disruptedPods },
  } as unknown as PodDisruptionBudget;
}

function preempt(incoming: Pod, nodes: Node[], pods: Pod[], budgets: PodDisruptionBudget[] = []) {
  const infos = createNodeInfos(nodes, pods);
  const situation = { pod: incoming, nodes: infos, namespaces: () => undefined };
  return findPreemption(
    situation,
    infos.map((info) => refusal(situation, info)),
    budgets,
  );
}

function told(found: ReturnType<typeof preempt>): string {
  if (typeof found !== "object") return String(found);
  const { node: place, victims } = found as Preemption;
  return `${place.metadata.name}: ${victims.map(({ metadata }) => metadata.name).join(" ")}`;
}

test("a node whose budgets are kept is preferred, whatever the importance of those who go", () => {
  const pods = [pod("guarded", 1, "2", "a"), pod("free", 5, "2", "b")];
  const nodes = [node("a"), node("b")];
  assert.equal(told(preempt(pod("urgent", 9, "1"), nodes, pods)), "a: guarded");
  assert.equal(told(preempt(pod("urgent", 9, "1"), nodes, pods, [budget("guarded", 0)])), "b: free");
  assert.equal(told(preempt(pod("urgent", 9, "1"), nodes, pods, [budget("guarded", 1)])), "a: guarded");
  const counted = budget("guarded", 0, { guarded: "2026-01-01T00:00:00Z" });
  assert.equal(told(preempt(pod("urgent", 9, "1"), nodes, pods, [counted])), "a: guarded");
});

test("on one node those that a budget guards are spared first", () => {
  const pods = [pod("guarded", 1, "1", "a"), pod("free", 5, "1", "a")];
  assert.equal(told(preempt(pod("urgent", 9, "1"), [node("a")], pods)), "a: guarded");
  assert.equal(told(preempt(pod("urgent", 9, "1"), [node("a")], pods, [budget("guarded", 0)])), "a: free");
});

test("each node says why nobody's end would help", () => {
  const cases: [Pod, string][] = [
    [pod("p", 9, "3"), "0/2 nodes are available: 2 Preemption is not helpful for scheduling."],
    [
      pod("p", 5, "2"),
      "0/2 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod.",
    ],
    [
      { ...pod("p", 9, "2"), spec: { ...pod("p", 9, "2").spec, preemptionPolicy: "Never" } } as Pod,
      "not eligible due to preemptionPolicy=Never.",
    ],
  ];
  const pods = [pod("a-1", 9, "1", "a"), pod("a-2", 1, "1", "a"), pod("b-1", 9, "1", "b")];
  for (const [incoming, text] of cases)
    assert.equal(told(preempt(incoming, [node("a"), node("b")], pods)), text);
});

test("of equals the one goes that has run least, first of all the one that has not started", () => {
  const started = (name: string, startTime?: string) =>
    ({ ...pod(name, 1, "1", "a"), status: { startTime } }) as Pod;
  const old = started("old", "2026-01-01T00:00:00Z");
  const young = started("young", "2026-01-02T00:00:00Z");
  assert.equal(told(preempt(pod("urgent", 9, "1"), [node("a")], [young, old])), "a: young");
  assert.equal(told(preempt(pod("urgent", 9, "1"), [node("a")], [started("new"), young])), "a: new");
});

test("nobody else has to go while those who had to are going", () => {
  const going = pod("going", 1, "2", "a");
  going.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
  going.status = {
    conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }],
  } as Pod["status"];
  const urgent = pod("urgent", 9, "2");
  urgent.status = { nominatedNodeName: "a" } as Pod["status"];
  assert.equal(preempt(urgent, [node("a"), node("b")], [going, pod("other", 1, "2", "b")]), undefined);
});

test("nodesNamedBy() takes the names that each term has", () => {
  const named = (...terms: string[][]) =>
    ({
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: terms.map((values) => ({
                matchFields: values.map((value) => ({
                  key: "metadata.name",
                  operator: "In",
                  values: value.split(","),
                })),
              })),
            },
          },
        },
      },
    }) as unknown as Pod;
  assert.deepEqual([...nodesNamedBy(named(["a"], ["b"]))!], ["a", "b"]);
  assert.deepEqual([...nodesNamedBy(named(["a", "b"]))!], []);
  assert.deepEqual([...nodesNamedBy(named(["a,b", "b,c"]))!], ["b"]);
  assert.equal(nodesNamedBy(named(["a"], [])), undefined);
});
