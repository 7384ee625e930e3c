import assert from "node:assert/strict";
import test from "node:test";
import type { Node, Pod } from "../types.ts";
import type { Situation } from "./filters.ts";
import { createNodeInfos } from "./node-info.ts";
import { bestNode, SCORERS } from "./scores.ts";

const MIB = 1024 * 1024;

function node(
  name: string,
  fields: { labels?: Record<string, string>; spec?: object; status?: object } = {},
): Node {
  const allocatable = { cpu: "4", memory: "8Gi", pods: "110" };
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...fields.labels } },
    spec: fields.spec ?? {},
    status: { allocatable, ...fields.status },
  } as Node;
}

function pod(name: string, spec: object = {}, labels: Record<string, string> = {}): Pod {
  return {
    metadata: { name, namespace: "default", uid: name, labels },
    spec: { containers: [{ name: "c", image: "web:1" }], ...spec },
  } as unknown as Pod;
}

function asking(requests: Record<string, string>): object {
  return { containers: [{ name: "c", image: "web:1", resources: { requests } }] };
}

function scoresOf(plugin: string, of: Pod, nodes: Node[], pods: Pod[] = [], more: Partial<Situation> = {}) {
  const infos = createNodeInfos(nodes, pods);
  const situation = { pod: of, nodes: infos, namespaces: () => ({}), ...more };
  return SCORERS.find(([name]) => name === plugin)![1](situation, infos);
}

test("each taint that a pod would rather avoid counts, in hundredths of the worst node", () => {
  const disliked = (count: number) => ({
    taints: Array.from({ length: count }, (_, index) => ({ key: `k${index}`, effect: "PreferNoSchedule" })),
  });
  const nodes = [node("a"), node("b", { spec: disliked(1) }), node("c", { spec: disliked(3) })];
  assert.deepEqual(scoresOf("TaintToleration", pod("p"), nodes), [100, 67, 0]);
  const tolerations = [{ key: "k0", operator: "Exists", effect: "NoSchedule" }];
  assert.deepEqual(scoresOf("TaintToleration", pod("p", { tolerations }), nodes), [100, 67, 0]);
  assert.deepEqual(scoresOf("TaintToleration", pod("p"), [node("a"), node("b")]), [100, 100]);
});

test("preferred terms add their weights, in hundredths of the best node", () => {
  const term = (weight: number, key: string) => ({
    weight,
    preference: { matchExpressions: [{ key, operator: "Exists" }] },
  });
  const affinity = {
    nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [term(5, "ssd"), term(2, "new")] },
  };
  const nodes = [node("a"), node("b", { labels: { new: "" } }), node("c", { labels: { ssd: "", new: "" } })];
  assert.deepEqual(scoresOf("NodeAffinity", pod("p", { affinity }), nodes), [0, 28, 100]);
  assert.equal(scoresOf("NodeAffinity", pod("p"), nodes), undefined);
});

test("room is what is left, cut to whole numbers by resource; who asks for nothing counts a little", () => {
  const nodes = [node("a"), node("b")];
  const there = { ...pod("there", asking({ cpu: "1", memory: "2Gi" })) };
  there.spec.nodeName = "a";
  const asks = pod("p", asking({ cpu: "1", memory: "1Gi" }));
  assert.deepEqual(scoresOf("NodeResourcesFit", asks, nodes, [there]), [56, 81]);
  assert.deepEqual(scoresOf("NodeResourcesFit", pod("p"), nodes), [97, 97]);
});

test("balance is asked for by those only that ask for something", () => {
  const nodes = [node("a"), node("b", { status: { allocatable: { cpu: "4", memory: "2Gi", pods: "9" } } })];
  const asks = pod("p", asking({ cpu: "2", memory: "1Gi" }));
  assert.deepEqual(scoresOf("NodeResourcesBalancedAllocation", asks, nodes), [81, 100]);
  assert.equal(scoresOf("NodeResourcesBalancedAllocation", pod("p"), nodes), undefined);
});

test("an image that is there weighs by its size and by how many nodes have it", () => {
  const having = (...images: [string, number][]) => ({
    status: {
      allocatable: { cpu: "4", memory: "8Gi", pods: "9" },
      images: images.map(([name, mib]) => ({ names: [name], sizeBytes: mib * MIB })),
    },
  });
  const nodes = [
    node("a"),
    node("b", having(["web:1", 500])),
    node("c", having(["web:1", 500], ["web:latest", 9_999])),
  ];
  assert.deepEqual(scoresOf("ImageLocality", pod("p"), nodes), [0, 31, 31]);
  const untagged = pod("p", { containers: [{ name: "c", image: "web" }] });
  assert.deepEqual(scoresOf("ImageLocality", untagged, nodes), [0, 0, 100]);
});

test("wishes for company are ranked between the least and the most company that there is", () => {
  const nodes = ["a", "b", "c"].map((name) => node(name));
  const at = (name: string, nodeName: string) => pod(name, { nodeName }, { app: "cache" });
  const there = [at("1", "a"), at("2", "a"), at("3", "b")];
  const wish = (kind: string) => ({
    affinity: {
      [kind]: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 10,
            podAffinityTerm: {
              topologyKey: "kubernetes.io/hostname",
              labelSelector: { matchLabels: { app: "cache" } },
            },
          },
        ],
      },
    },
  });
  assert.deepEqual(scoresOf("InterPodAffinity", pod("p", wish("podAffinity")), nodes, there), [100, 50, 0]);
  assert.deepEqual(
    scoresOf("InterPodAffinity", pod("p", wish("podAntiAffinity")), nodes, there),
    [0, 50, 100],
  );
  assert.equal(scoresOf("InterPodAffinity", pod("p"), nodes, there), undefined);
});

test("spread: crowded domains rank lower, nodes without the key last; the pod's like is what selects it by default", () => {
  const zone = (name: string) => ({ labels: { zone: name } });
  const nodes = [node("a", zone("1")), node("b", zone("1")), node("c", zone("2")), node("d")];
  const at = (name: string, nodeName: string) => pod(name, { nodeName }, { app: "web" });
  const there = [at("1", "a"), at("2", "b"), at("3", "c")];
  const topologySpreadConstraints = [
    {
      maxSkew: 1,
      topologyKey: "zone",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: { app: "web" } },
    },
  ];
  const wishes = pod("p", { topologySpreadConstraints }, { app: "web" });
  // Two pods weigh 2 ln 4, rounded 3; one ln 4, rounded 1.
  assert.deepEqual(scoresOf("PodTopologySpread", wishes, nodes, there), [33, 33, 100, 0]);
  assert.equal(scoresOf("PodTopologySpread", pod("p", {}, { app: "web" }), nodes, there), undefined);
  const likes: Situation["likes"] = () => [{ key: "app", operator: "=", values: ["web"] }];
  const byDefault = scoresOf("PodTopologySpread", pod("p", {}, { app: "web" }), nodes, there, { likes })!;
  assert.ok(byDefault[3] > byDefault[2] && byDefault[2] === byDefault[0], String(byDefault));
});

test("bestNode() adds the weighted scores, and takes the emptier one of equals", () => {
  const there = pod("there", { nodeName: "a" });
  const infos = createNodeInfos([node("a"), node("b")], [there]);
  const situation = { pod: pod("p"), nodes: infos, namespaces: () => undefined };
  assert.equal(bestNode(situation, infos).node.metadata.name, "b");
});
