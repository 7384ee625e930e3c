/** Ours and the real kube-state-metrics, where one is installed, on one API server: the same text. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/log.ts";
import { parseCustomResourceConfig } from "../src/kube-state-metrics/custom-resource/custom-resource-config.ts";
import { KINDS } from "../src/kube-state-metrics/kind.ts";
import { parseLabelAllowList } from "../src/kube-state-metrics/label-allow-list.ts";
import {
  handleMetrics,
  type KubeStateMetrics,
  type KubeStateMetricsOptions,
  startKubeStateMetrics,
} from "../src/kube-state-metrics/mod.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";
import { createKubectlWorld, type KubectlWorld } from "./kubectl-world.ts";
import { STATE_NAMESPACE, STATE_OBJECTS, type StateObject } from "./state-objects.ts";

const REAL = ["/usr/local/bin/kube-state-metrics", "/usr/bin/kube-state-metrics"].find(existsSync);
const skip = REAL === undefined && "kube-state-metrics is not installed";
const PORT = 18_470;

/** A kind that kube-state-metrics does not tell of, and that a pod of the objects names. */
const RUNTIME_CLASSES = {
  group: "node.k8s.io",
  version: "v1",
  resource: "runtimeclasses",
  kind: "RuntimeClass",
};

async function createAll({ server: { api } }: KubectlWorld): Promise<void> {
  await api.create(RUNTIME_CLASSES, {
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name: "thick" },
    handler: "thick",
    overhead: { podFixed: { cpu: "250m", memory: "120Mi" } },
  } as KubernetesObject);
  for (const object of [STATE_NAMESPACE, ...STATE_OBJECTS]) {
    const resource = resourceOf(object);
    const { name, namespace } = object.metadata;
    const status = structuredClone(object.status);
    await api.create(resource, structuredClone(object));
    if (status === undefined) continue;
    const current = await api.get<StateObject>(resource, { name, namespace });
    // Without a version: the world's kubelet may have written first, and has no say here.
    const metadata = { ...current.metadata, resourceVersion: undefined };
    await api.updateStatus(resource, { ...current, metadata, status });
  }
  // What the controllers of the world make of these objects comes to rest: only then are two readers comparable.
  let before = "";
  for (;;) {
    await sleep(300);
    const versions = await Promise.all(
      [...KINDS.values()].map(({ resource }) =>
        api.list(resource).then(
          ({ items }) => items.map(({ metadata }) => metadata.resourceVersion).join(),
          () => "",
        ),
      ),
    );
    if (versions.join() === before) return;
    before = versions.join();
  }
}

const PLURALS: Record<string, string> = {
  Ingress: "ingresses",
  IngressClass: "ingressclasses",
  Endpoints: "endpoints",
  NetworkPolicy: "networkpolicies",
  StorageClass: "storageclasses",
};

function resourceOf({ kind }: StateObject) {
  const found = KINDS.get(PLURALS[kind] ?? `${kind.toLowerCase()}s`);
  assert.ok(found, kind);
  return found.resource;
}

/** The real one's answers, for flags and a few request targets. */
async function askReal(
  world: KubectlWorld,
  flags: string[],
  requests: { target: string; headers: Record<string, string> }[],
  awaited: string,
): Promise<{ text: string; type: string }[]> {
  const child = spawn(
    REAL!,
    [
      `--kubeconfig=${join(world.directory, "kubeconfig")}`,
      `--host=127.0.0.1`,
      `--port=${PORT}`,
      "--telemetry-host=127.0.0.1",
      `--telemetry-port=${PORT + 1}`,
      ...flags,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const ask = async ({ target, headers }: { target: string; headers: Record<string, string> }) => {
    const response = await fetch(`http://127.0.0.1:${PORT}${target}`, { headers });
    return { text: await response.text(), type: response.headers.get("content-type") ?? "" };
  };
  try {
    // It listens before it has listed: its answer is complete when it no longer grows.
    for (let last = ""; ; ) {
      await sleep(500);
      assert.equal(child.exitCode, null, log);
      const now = await ask({ target: "/metrics", headers: {} }).catch(() => ({ text: "" }));
      if (now.text.includes(awaited) && now.text !== "" && now.text.length === last.length) break;
      last = now.text;
    }
    return await Promise.all(requests.map(ask));
  } finally {
    child.kill();
  }
}

/** Objects, and what Go keeps in maps, come in no order: a family's samples are sorted, the families are not. */
function canonical(text: string): string {
  const families: string[] = [];
  let samples: string[] = [];
  const flush = () => {
    families.push(...samples.sort());
    samples = [];
  };
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP")) flush();
    if (line.startsWith("#")) families.push(line);
    else if (line !== "") samples.push(line);
  }
  flush();
  return families.join("\n");
}

/** `awaited`: what the real one says only when it has found out what there is. */
const CASES: [name: string, flags: string[], options: Partial<KubeStateMetricsOptions>, awaited?: string][] =
  [
    ["without flags", [], {}],
    [
      "every kind, every label",
      [
        `--resources=${servedKinds().join(",")}`,
        "--metric-labels-allowlist=*=[*]",
        "--metric-annotations-allowlist=pods=[*],nodes=[example.org/*],statefulsets=[owner]",
        "--metric-opt-in-list=kube_pod_nodeselectors,kube_persistentvolume_csi_attributes",
      ],
      {
        resources: servedKinds(),
        allow: {
          labels: parseLabelAllowList("*=[*]"),
          annotations: parseLabelAllowList("pods=[*],nodes=[example.org/*],statefulsets=[owner]"),
        },
        families: { optIn: ["kube_pod_nodeselectors", "kube_persistentvolume_csi_attributes"] },
      },
    ],
    [
      "one namespace, some families, some labels",
      [
        "--resources=pods,nodes,configmaps",
        "--namespaces=shop",
        "--metric-allowlist=kube_pod_(info|labels|status_.*),kube_node_status.*$,configmap_info",
        "--metric-labels-allowlist=pods=[app,camel*],nodes=[tier,*]",
      ],
      {
        resources: ["pods", "nodes", "configmaps"],
        namespaces: ["shop"],
        families: { allow: ["kube_pod_(info|labels|status_.*)", "kube_node_status.*$", "configmap_info"] },
        allow: { labels: parseLabelAllowList("pods=[app,camel*],nodes=[tier,*]") },
      },
    ],
    [
      "without a namespace and some families",
      [
        "--resources=secrets,services,namespaces",
        "--namespaces-denylist=shop,kube-system",
        "--metric-denylist=kube_.*_created,kube_secret_metadata_resource_version",
      ],
      {
        resources: ["secrets", "services", "namespaces"],
        namespacesDenied: ["shop", "kube-system"],
        families: { deny: ["kube_.*_created", "kube_secret_metadata_resource_version"] },
      },
    ],
  ];

/** A kind of the user's own, an object of it, and metrics of every type that read it. */
const FLEETS = { group: "example.org", version: "v1", resource: "fleets", kind: "Fleet" };
const FLEET_DEFINITION: KubernetesObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "fleets.example.org" },
  spec: {
    group: "example.org",
    scope: "Namespaced",
    names: { kind: "Fleet", plural: "fleets", singular: "fleet", listKind: "FleetList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};
const FLEET: KubernetesObject = {
  apiVersion: "example.org/v1",
  kind: "Fleet",
  metadata: { name: "north", namespace: "shop", labels: { tier: "small", "team.example/x": "a-b" } },
  spec: {
    ships: 3,
    share: "25%",
    load: "250m",
    since: "2026-01-02T03:04:05Z",
    paused: false,
    note: 'un"quoted',
  },
  status: {
    phase: "Sailing",
    ports: { oslo: { docked: 2, name: "o" }, bergen: { docked: 0 }, empty: {} },
    conditions: [
      { type: "Ready", status: "True", reason: "Ok" },
      { type: "Safe", status: "Unknown" },
    ],
    crews: ["a", "b"],
  },
};
const FLEET_CONFIG = `kind: CustomResourceStateMetrics
spec:
  resources:
    # In vain: what comes last has the resource.
    - groupVersionKind: { group: example.org, version: v1, kind: "*" }
      metricNamePrefix: fleet
      metrics:
        - { name: up, help: There., each: { type: gauge, gauge: { path: [spec, ships] } } }
    - groupVersionKind: { group: example.org, version: "*", kind: Fleet }
      commonLabels: { where: sea }
      labelsFromPath: { name: [metadata, name], "tag_*": [metadata, labels] }
      metrics:
        - { name: ships, help: "How many.", each: { type: Gauge, gauge: { path: [spec, ships] } } }
        - { name: share, each: { type: gauge, gauge: { path: [spec, share] } } }
        - { name: load, each: { type: gauge, gauge: { path: [spec], valueFrom: [load], labelsFromPath: { note: [note] } } } }
        - { name: since, each: { type: gauge, gauge: { path: [spec, since] } } }
        - { name: paused, commonLabels: { where: port }, each: { type: gauge, gauge: { path: [spec, paused] } } }
        - { name: absent, each: { type: gauge, gauge: { path: [spec, absent], nilIsZero: true } } }
        - { name: nothing, each: { type: gauge, gauge: { path: [spec, nothing] } } }
        - name: docked
          each: { type: gauge, gauge: { path: [status, ports], labelFromKey: port, valueFrom: [docked], labelsFromPath: { called: [name] } } }
        - name: condition
          each: { type: gauge, gauge: { path: [status, conditions], valueFrom: [status], labelsFromPath: { type: [type], reason: [reason] } } }
        - name: safe
          each: { type: gauge, gauge: { path: [status, conditions, "[type=Safe]", status] } }
        - name: last
          each: { type: info, info: { path: [status, conditions, "-1"], labelsFromPath: { kind: [type] } } }
        - name: ports_info
          each: { type: Info, info: { path: [status, ports], labelFromKey: port, labelsFromPath: { called: [name] } } }
        - name: phase
          each: { type: StateSet, stateSet: { path: [status], valueFrom: [phase], labelName: phase, list: [Docked, Sailing] } }
`;
CASES.push([
  "metrics of a custom resource",
  [
    "--resources=namespaces",
    `--custom-resource-state-config=${FLEET_CONFIG}`,
    "--metric-denylist=kube_namespace_created",
  ],
  {
    resources: ["namespaces"],
    customResources: { config: parseCustomResourceConfig(FLEET_CONFIG) },
    families: { deny: ["kube_namespace_created"] },
  },
  "kube_customresource_phase{",
]);

/** What the embedded API server has no kind for is left out: both would say nothing of it. */
function servedKinds(): string[] {
  return [...KINDS].flatMap(([name]) => (/admissionpolic|certificatesigning/.test(name) ? [] : [name]));
}

const REQUESTS: { target: string; headers: Record<string, string> }[] = [
  { target: "/metrics", headers: {} },
  { target: "/metrics?resources=pods,nodes&exclude_resources=nodes", headers: {} },
  {
    target: "/metrics?resources=nodes",
    headers: {
      accept: "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.5",
    },
  },
  {
    target: "/metrics?resources=nodes",
    headers: { accept: "application/openmetrics-text;version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.5" },
  },
  { target: "/metrics?resources=nodes", headers: { accept: "application/openmetrics-text" } },
  { target: "/metrics", headers: { accept: "application/openmetrics-text;version=1.0.0" } },
  { target: "/metrics?resources=example.org/v1%2C+Resource%3Dfleets", headers: {} },
];

test("kube-state-metrics says what the real one says", { skip, timeout: 120_000 }, async (t) => {
  const world = await createKubectlWorld();
  t.after(() => world.close());
  await createAll(world);
  await world.server.api.create(RESOURCES.customResourceDefinitions, FLEET_DEFINITION);
  await sleep(1_000);
  await world.server.api.create(FLEETS, FLEET);
  for (const [name, flags, options, awaited = ""] of CASES) {
    await t.test(name, async () => {
      const stop = new AbortController();
      const ours: KubeStateMetrics = startKubeStateMetrics({
        api: world.server.api,
        clock: systemClock,
        log: silentLogger,
        signal: stop.signal,
        ...options,
      });
      t.after(() => stop.abort());
      await ours.ready;
      const answers = await askReal(world, flags, REQUESTS, awaited);
      for (const [index, request] of REQUESTS.entries()) {
        const { body, headers } = handleMetrics(ours, request);
        assert.deepEqual(canonical(body as string), canonical(answers[index].text), request.target);
        assert.equal(headers?.["content-type"], answers[index].type, JSON.stringify(request));
      }
      stop.abort();
    });
  }
});
