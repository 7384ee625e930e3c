import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { createFamilyFilter } from "./family-filter.ts";
import { KINDS } from "./kind.ts";
import { allowedKeys, type LabelAllowList, parseLabelAllowList } from "./label-allow-list.ts";
import { MetricsStore } from "./metrics-store.ts";

const POD: KubernetesObject = {
  metadata: {
    name: "test-db-small-0",
    namespace: "percolate-test",
    uid: "u-1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { app: "test-db", "app.kubernetes.io/name": "test-db", tier: 'sm"all' },
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "StatefulSet", name: "test-db-small", uid: "s", controller: true },
    ],
  },
  spec: {
    nodeName: "node-1",
    restartPolicy: "Always",
    containers: [
      { name: "db", image: "percolate/test-db:1", resources: { requests: { cpu: "50m", memory: "64Mi" } } },
    ],
  },
  status: {
    phase: "Running",
    hostIP: "10.0.0.1",
    podIP: "10.1.0.1",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:05Z" }],
    containerStatuses: [
      {
        name: "db",
        image: "percolate/test-db:1",
        ready: true,
        restartCount: 2,
        state: { running: { startedAt: "2026-01-01T00:00:01Z" } },
      },
    ],
  },
};

function expose(resource: string, objects: KubernetesObject[], labels: LabelAllowList = new Map()): string[] {
  const kind = KINDS.get(resource)!;
  const store = new MetricsStore(kind, kind.families, { labels: allowedKeys(labels, resource) });
  for (const object of objects) store.put(object);
  return [...store.exposition()].join("").split("\n");
}

const ID = 'namespace="percolate-test",pod="test-db-small-0",uid="u-1"';

test("MetricsStore writes pods as upstream does", () => {
  const lines = expose("pods", [POD]);
  const expected = [
    "# HELP kube_pod_info [STABLE] Information about pod.",
    "# TYPE kube_pod_info gauge",
    `kube_pod_info{${ID},host_ip="10.0.0.1",pod_ip="10.1.0.1",node="node-1",created_by_kind="StatefulSet",created_by_name="test-db-small",priority_class="",host_network="false"} 1`,
    `kube_pod_status_phase{${ID},phase="Running"} 1`,
    `kube_pod_status_phase{${ID},phase="Pending"} 0`,
    `kube_pod_status_ready{${ID},condition="true"} 1`,
    `kube_pod_status_ready{${ID},condition="unknown"} 0`,
    `kube_pod_created{${ID}} 1.7672256e+09`,
    `kube_pod_container_status_restarts_total{${ID},container="db"} 2`,
    `kube_pod_container_resource_requests{${ID},container="db",node="node-1",resource="cpu",unit="core"} 0.05`,
    `kube_pod_container_resource_requests{${ID},container="db",node="node-1",resource="memory",unit="byte"} 6.7108864e+07`,
    "# TYPE kube_pod_container_status_restarts_total counter",
    "# HELP kube_pod_ips Pod IP addresses",
  ];
  for (const line of expected) assert.ok(lines.includes(line), line);
});

test("sum over kube_pod_status_phase counts pods where count counts phases", () => {
  const lines = expose("pods", [POD]).filter((line) => line.startsWith("kube_pod_status_phase{"));
  assert.equal(lines.length, 5);
  assert.equal(
    lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0),
    1,
  );
});

test("kube_pod_labels has series only for what the allow list names", () => {
  const series = (list: string) =>
    expose("pods", [POD], parseLabelAllowList(list)).filter((line) => line.startsWith("kube_pod_labels{"));
  assert.deepEqual(series(""), []);
  assert.deepEqual(series("nodes=[*]"), []);
  assert.deepEqual(series("pods=[tier]"), [`kube_pod_labels{${ID},label_tier="sm\\"all"} 1`]);
  assert.deepEqual(series("pods=[app*]"), [
    `kube_pod_labels{${ID},label_app="test-db",label_app_kubernetes_io_name="test-db"} 1`,
  ]);
  assert.equal(series("pods=[*]")[0].match(/label_/g)?.length, 3);
});

test("labels that become one name get a number each", () => {
  const pod = { ...POD, metadata: { ...POD.metadata, labels: { "a.b": "1", "a-b": "2", c: "3" } } };
  const line = expose("pods", [pod], parseLabelAllowList("pods=[*]")).find((candidate) =>
    candidate.startsWith("kube_pod_labels{"),
  );
  assert.equal(line, `kube_pod_labels{${ID},label_a_b_conflict1="2",label_a_b_conflict2="1",label_c="3"} 1`);
});

test("a conflicting name never takes one that another key has", () => {
  const labels = { "a-b": "1", "a.b": "2", a_b_conflict1: "3", aB: "4" };
  const pod = { ...POD, metadata: { ...POD.metadata, labels } };
  const line = expose("pods", [pod], parseLabelAllowList("pods=[*]")).find((candidate) =>
    candidate.startsWith("kube_pod_labels{"),
  );
  assert.equal(
    line,
    `kube_pod_labels{${ID},label_a_b_conflict1_conflict1="1",label_a_b_conflict2="2",label_a_b_conflict3="4",label_a_b_conflict1_conflict2="3"} 1`,
  );
});

test("parseLabelAllowList() takes and refuses what upstream does", () => {
  const cases: [string, [string, string[]][]][] = [
    ["", []],
    [
      "pods=[a,b],nodes=[*]",
      [
        ["pods", ["a", "b"]],
        ["nodes", ["*"]],
      ],
    ],
    [
      "pods=[ a , b/c ],nodes=[]",
      [
        ["pods", ["a", "b/c"]],
        ["nodes", []],
      ],
    ],
    ["*=[tier/*]", [["*", ["tier/*"]]]],
  ];
  for (const [text, list] of cases) assert.deepEqual([...parseLabelAllowList(text)], list, text);
  for (const bad of ["pods=a", "pods=[a,]", "pods=[a]nodes=[b]", "pods[a]", "pods=[a],"])
    assert.throws(() => parseLabelAllowList(bad), /^Error: invalid format, metric=/, bad);
  assert.throws(() => parseLabelAllowList("pods=[a*b*]"), /only one wildcard per label/);
});

test("a * for all resources overrides what is said of one", () => {
  const list = parseLabelAllowList("pods=[a],*=[b]");
  assert.deepEqual(allowedKeys(list, "pods"), ["b"]);
  assert.deepEqual(allowedKeys(parseLabelAllowList("pods=[a]"), "nodes"), undefined);
});

test("MetricsStore says nothing at all without an object", () => {
  const kind = KINDS.get("pods")!;
  const store = new MetricsStore(kind, kind.families, {});
  assert.equal([...store.exposition()].join(""), "");
  store.put(POD);
  assert.ok([...store.exposition()].join("").includes("test-db-small-0"));
  store.remove(POD);
  assert.equal([...store.exposition()].join(""), "");
});

test("createFamilyFilter() searches for its patterns, and keeps opt-in families out", () => {
  const names = (options: Parameters<typeof createFamilyFilter>[0], resource = "pods") =>
    KINDS.get(resource)!
      .families.filter(createFamilyFilter(options))
      .map(({ name }) => name);
  assert.deepEqual(names({ allow: ["pod_info$", "kube_pod_ips"] }), ["kube_pod_info", "kube_pod_ips"]);
  assert.deepEqual(names({ deny: ["^kube_pod_(?!info)"] }), ["kube_pod_info"]);
  assert.ok(!names({}).includes("kube_pod_nodeselectors"));
  assert.ok(names({ optIn: ["nodeselectors"] }).includes("kube_pod_nodeselectors"));
  assert.throws(() => names({ allow: ["a"], deny: ["b"] }), /mutually exclusive/);
});
