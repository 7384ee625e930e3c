/** The cluster with real processes: what a pod finds, what survives, what is left behind. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { createNodeNetwork } from "../src/base/node-network.ts";
import { systemProcesses } from "../src/base/node-process.ts";
import type { Deployment, Pod, StatefulSet } from "../src/kubernetes/types.ts";
import type { KubernetesApi } from "../src/model/kubernetes-api.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { createKubernetesClient } from "../src/wire/kubernetes/client.ts";

const TIMEOUT_MS = 30_000;
let dataDirectory: string;
let control: ChildProcess;
let api: KubernetesApi;

before(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "topology-cluster-"));
});

after(async () => {
  if (control?.exitCode === null) await stopControlPlane();
  await rm(dataDirectory, { recursive: true, force: true });
});

/** The control plane is a process of its own, so that it can be killed. */
async function startControlPlane(): Promise<void> {
  control = spawn(process.execPath, [join(import.meta.dirname, "cluster-fixture.ts"), dataDirectory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    control.stdout!.once("data", (line: Buffer) => resolve(line.toString().trim()));
    control.once("exit", (code) => reject(new Error(`the control plane ended with ${code}`)));
  });
  const token = (await readFile(join(dataDirectory, "admin.token"), "utf8")).trim();
  const ca = await readFile(join(dataDirectory, "pki/ca.crt"), "utf8");
  const network = createNodeNetwork(() => {});
  api = createKubernetesClient({ network, server: url, ca, token: () => token });
}

function ended(): Promise<unknown> {
  return new Promise((resolve) => control.once("exit", resolve));
}

async function stopControlPlane(): Promise<void> {
  const exit = ended();
  control.kill("SIGTERM");
  await exit;
}

async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const endMs = performance.now() + TIMEOUT_MS;
  let problem: unknown;
  while (performance.now() < endMs) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      problem = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const pods = await api.list<Pod>(RESOURCES.pods).catch(() => undefined);
  const states = pods?.items.map(
    ({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status?.containerStatuses)}`,
  );
  throw new Error(`never: ${what}\n${states?.join("\n")}`, { cause: problem });
}

const pods = async () => (await api.list<Pod>(RESOURCES.pods, { namespace: "default" })).items;
const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");

async function readyPods(count: number): Promise<Pod[]> {
  return eventually(`${count} pods ready`, async () => {
    const all = await pods();
    return all.length === count && all.every(isReady) && all;
  });
}

/** Asks a pod of the fixture's `web` image. */
async function ask(pod: Pod, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${pod.status!.podIP}:8000${path}`);
  return (await response.json()) as Record<string, unknown>;
}

const container = {
  name: "app",
  image: "web:1",
  ports: [{ name: "http", containerPort: 8000 }],
  readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 },
  env: [
    { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    { name: "GREETING", value: "hello $(POD_IP)" },
  ],
  volumeMounts: [{ name: "settings", mountPath: "/etc/app" }],
};
const podSpec = {
  terminationGracePeriodSeconds: 5,
  containers: [container],
  volumes: [{ name: "settings", configMap: { name: "settings" } }],
};
const labels = { app: "web" };

async function createWorkloads(): Promise<void> {
  const create = (resource: (typeof RESOURCES)[keyof typeof RESOURCES], name: string, rest: object) =>
    api.create(resource, { metadata: { name, namespace: "default" }, ...rest });
  await create(RESOURCES.configMaps, "settings", { data: { "color.txt": "blue" } });
  await create(RESOURCES.services, "web", {
    spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] },
  });
  await create(RESOURCES.services, "db", {
    spec: { clusterIP: "None", selector: { app: "db" }, ports: [{ port: 8000 }] },
  });
  await create(RESOURCES.deployments, "web", {
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec },
    },
  });
  const mounts = [...container.volumeMounts, { name: "data", mountPath: "/data" }];
  const dbSpec = { ...podSpec, containers: [{ ...container, volumeMounts: mounts }] };
  await create(RESOURCES.statefulSets, "db", {
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: { metadata: { labels: { app: "db" } }, spec: dbSpec },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      ],
    },
  });
}

/** Every process that carries this cluster's mark. */
async function processes(): Promise<Map<number, string>> {
  const id = (await readFile(join(dataDirectory, "cluster-id"), "utf8")).trim();
  return systemProcesses.owned(`${id}/`);
}

test("pods run, each on its address, and find names, files, environment and the API", async () => {
  await startControlPlane();
  await createWorkloads();
  const all = await readyPods(4);
  const addresses = new Set(all.map(({ status }) => status!.podIP));
  assert.equal(addresses.size, 4);
  assert.equal(new Set(all.map(({ spec }) => spec.nodeName)).size, 3);
  const db = all.find(({ metadata }) => metadata.name === "db-1")!;
  const facts = await ask(db, "/facts?url=http://web/&url=http://db-0.db:8000/&url=http://localhost:8000/");
  assert.deepEqual(facts, {
    hostname: "db-1",
    color: "blue",
    greeting: `hello ${db.status!.podIP}`,
    urls: ["web", "db-0", "db-1"].map((name) => (name === "web" ? (facts.urls as string[])[0] : name)),
    api: 200,
  });
  assert.match((facts.urls as string[])[0], /^web-/);
});

test("a ConfigMap's change arrives in the pod's files", async () => {
  const patch = { type: "merge", body: { data: { "color.txt": "green" } } } as const;
  await api.patch(RESOURCES.configMaps, { namespace: "default", name: "settings" }, patch);
  const [pod] = await pods();
  await eventually("green", async () => (await ask(pod, "/facts")).color === "green");
});

test("a program that is killed comes back at once, with its volume", async () => {
  const [pod] = (await pods()).filter(({ metadata }) => metadata.name === "db-0");
  await ask(pod, "/write?text=kept");
  const { pid } = await ask(pod, "/facts-of-process");
  process.kill(Number(pid), "SIGKILL");
  const back = await eventually("restarted", async () => {
    const now = await api.get<Pod>(RESOURCES.pods, pod.metadata);
    return now.status?.containerStatuses?.[0].restartCount === 1 && isReady(now) && now;
  });
  assert.equal(back.status!.containerStatuses![0].lastState?.terminated?.exitCode, 137);
  assert.equal((await ask(back, "/read")).text, "kept");
});

test("a control plane that is killed finds its ten pods again, none twice, none lost", async () => {
  await api.patch(
    RESOURCES.deployments,
    { namespace: "default", name: "web" },
    { type: "merge", body: { spec: { replicas: 8 } } },
  );
  const all = await readyPods(10);
  const pids = async () => Promise.all(all.map(async (pod) => (await ask(pod, "/facts-of-process")).pid));
  const [earlier, groups] = [await pids(), await processes()];
  assert.equal(groups.size, 10);
  const exit = ended();
  control.kill("SIGKILL");
  await exit;
  // One ends while nobody looks.
  const victim = all.find(({ metadata }) => metadata.name === "db-1")!;
  process.kill(Number((await ask(victim, "/facts-of-process")).pid), "SIGKILL");
  await startControlPlane();
  await eventually("the lost one is back", async () => {
    const now = await api.get<Pod>(RESOURCES.pods, victim.metadata);
    return now.status?.containerStatuses?.[0].restartCount === 1 && isReady(now);
  });
  const now = await readyPods(10);
  assert.deepEqual(
    now.map(({ metadata }) => metadata.uid).sort(),
    all.map(({ metadata }) => metadata.uid).sort(),
  );
  const later = await pids();
  const changed = all.filter((_pod, index) => earlier[index] !== later[index]);
  assert.deepEqual(
    changed.map(({ metadata }) => metadata.name),
    ["db-1"],
  );
  assert.equal((await processes()).size, 10);
  // Its Services work again too.
  const facts = await ask(now[0], "/facts?url=http://web/");
  assert.match((facts.urls as string[])[0], /^web-/);
});

test("an unknown image is told by name", async () => {
  const spec = { containers: [{ name: "app", image: "nobody/knows:1" }] };
  await api.create<Pod>(RESOURCES.pods, { metadata: { name: "lost", namespace: "default" }, spec });
  const message = await eventually("waiting", async () => {
    const pod = await api.get<Pod>(RESOURCES.pods, { namespace: "default", name: "lost" });
    const waiting = pod.status?.containerStatuses?.[0].state?.waiting;
    return waiting?.reason === "ErrImagePull" && waiting.message;
  });
  assert.match(message as string, /not in the image catalogue, which has web: add it to images.yaml/);
  await api.delete(RESOURCES.pods, { namespace: "default", name: "lost" });
});

test("the end of the control plane is the end of all programs, and the next one starts them again", async () => {
  const before = await api.get<StatefulSet>(RESOURCES.statefulSets, { namespace: "default", name: "db" });
  await stopControlPlane();
  assert.deepEqual(await processes(), new Map());
  await startControlPlane();
  const all = await readyPods(10);
  const db = all.find(({ metadata }) => metadata.name === "db-0")!;
  assert.equal((await ask(db, "/read")).text, "kept");
  const now = await api.get<StatefulSet>(RESOURCES.statefulSets, { namespace: "default", name: "db" });
  assert.equal(now.metadata.uid, before.metadata.uid);
});

test("what is deleted goes with its processes and folders", async () => {
  for (const [resource, name] of [
    [RESOURCES.deployments, "web"],
    [RESOURCES.statefulSets, "db"],
  ] as const) {
    await api.delete<Deployment>(resource, { namespace: "default", name });
  }
  await eventually("no pods", async () => (await pods()).length === 0);
  assert.deepEqual(await processes(), new Map());
  await stopControlPlane();
});
