import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesApi, ListOptions } from "../../model/kubernetes-api.ts";
import { matchesSelector, parseSelector } from "../../model/label-selector.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import { createKubernetesWorkloadScaler } from "./kubernetes-workload-scaler.ts";

interface Pod {
  namespace?: string;
  labels?: Record<string, string>;
  phase?: string;
  node?: string;
}

function scaler(pods: Pod[] | Error, metadata: Record<string, string>) {
  const api = {
    list: async (_: unknown, { namespace, labelSelector = "" }: ListOptions) => {
      if (pods instanceof Error) throw pods;
      const items = pods
        .map(({ namespace = "shop", labels = { app: "web" }, phase, node }) => ({
          metadata: { name: "pod", namespace, labels },
          spec: { ...(node === undefined ? {} : { nodeName: node }) },
          status: { phase },
        }))
        .filter(
          (pod) =>
            pod.metadata.namespace === namespace &&
            matchesSelector(parseSelector(labelSelector), pod.metadata.labels),
        );
      return { metadata: {}, items };
    },
  };
  const config = {
    namespace: "shop",
    scaledObject: "db",
    type: "kubernetes-workload",
    name: "",
    index: 1,
    metadata: { podSelector: "app=web", value: "1", ...metadata },
    authParams: {},
    resolvedEnv: {},
    asMetricSource: false,
    useCachedMetrics: false,
    httpTimeoutMs: 3000,
  };
  return createKubernetesWorkloadScaler(config, {
    api: api as unknown as KubernetesApi,
    clock: new VirtualClock(),
  });
}

const count = async (pods: Pod[], metadata: Record<string, string> = {}) => {
  const { metrics, active } = await scaler(pods, metadata).metricsAndActivity("s1-workload-shop");
  return `${metrics[0].value} ${active}`;
};

test("pods of the namespace that the selector takes are counted", async () => {
  const web = { labels: { app: "web" } };
  const cases: [name: string, pods: Pod[], expected: string, podSelector?: string][] = [
    ["none", [], "0 false"],
    ["one", [web], "1 true"],
    ["many", Array.from({ length: 15 }, () => web), "15 true"],
    ["of another namespace", [web, { ...web, namespace: "other" }], "1 true"],
    ["of other labels", [web, { labels: { app: "db" } }], "1 true"],
    ["of several values", [web, { labels: { app: "db" } }], "2 true", "app in (web, db)"],
    [
      "of several labels",
      [web, { labels: { app: "db", tier: "small" } }],
      "1 true",
      "app in (web, db),tier in (small, large)",
    ],
  ];
  for (const [name, pods, expected, podSelector = "app=web"] of cases) {
    assert.equal(await count(pods, { podSelector }), expected, name);
  }
});

test("pods that have ended are not counted, whatever else they are in", async () => {
  for (const [phase, expected] of [
    ["Pending", "1 true"],
    ["Running", "1 true"],
    ["Unknown", "1 true"],
    ["Succeeded", "0 false"],
    ["Failed", "0 false"],
  ]) {
    assert.equal(await count([{ phase }]), expected, phase);
  }
});

test("groupByNode counts nodes that have a pod", async () => {
  const pods = [{ node: "a" }, { node: "a" }, { node: "b" }, {}, { node: "c", phase: "Failed" }];
  assert.equal(await count(pods, { groupByNode: "true" }), "2 true");
  assert.equal(await count(pods), "4 true");
});

test("it is active above the activation value, not at it", async () => {
  assert.equal(await count([{}, {}], { activationValue: "2" }), "2 false");
  assert.equal(await count([{}, {}, {}], { activationValue: "2" }), "3 true");
});

test("pods that can't be listed are an error", async () => {
  await assert.rejects(scaler(new Error("forbidden"), {}).metricsAndActivity("s1-workload-shop"), {
    message: "error inspecting kubernetes workload: forbidden",
  });
});
