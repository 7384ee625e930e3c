/** Pods with real processes: init containers, sidecars, restart policies, probes, hooks, volumes, exec, logs. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { silentLogger } from "../src/base/log.ts";
import { systemProcesses } from "../src/base/node-process.ts";
import { createNodeSystem } from "../src/base/node-system.ts";
import { systemSockets } from "../src/base/sockets.ts";
import { type Cluster, createCluster, createImageCatalogue } from "../src/kubernetes/mod.ts";
import type { Container, ContainerStatus, Job, Pod, PodSpec } from "../src/kubernetes/types.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";

const TIMEOUT_MS = 20_000;
const node = createNodeSystem();
/** How many removals of a pod's folder fail, as they do while a program still writes there. */
let resistance = 0;
const system = {
  ...node,
  log: silentLogger,
  disk: {
    ...node.disk,
    async remove(path: string) {
      if (resistance > 0 && /\/pods\/[^/]+$/.test(path)) {
        resistance--;
        throw Object.assign(new Error("ENOTEMPTY: directory not empty"), { code: "ENOTEMPTY" });
      }
      await node.disk.remove(path);
    },
  },
};
let dataDirectory: string;
let cluster: Cluster;

before(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "topology-pods-"));
  cluster = createCluster({
    system,
    processes: systemProcesses,
    sockets: systemSockets,
    dataDirectory,
    images: createImageCatalogue({ sh: { command: ["sh", "-c"] } }),
  });
  await cluster.start();
});

after(async () => {
  await cluster.stop();
  assert.deepEqual(
    await systemProcesses.owned(`${(await readFile(join(dataDirectory, "cluster-id"), "utf8")).trim()}/`),
    new Map(),
  );
  await rm(dataDirectory, { recursive: true, force: true });
});

const sh = (name: string, script: string, rest: Partial<Container> = {}): Container => ({
  name,
  image: "sh:1",
  args: [script],
  ...rest,
});
const FOREVER = "exec sleep 600";

async function run(name: string, spec: PodSpec, metadata: object = {}): Promise<void> {
  const pod: Pod = {
    metadata: { name, namespace: "default", ...metadata },
    spec: { terminationGracePeriodSeconds: 2, ...spec },
  };
  await cluster.api.create(RESOURCES.pods, pod);
}

const get = (name: string) => cluster.api.get<Pod>(RESOURCES.pods, { namespace: "default", name });

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (performance.now() < endMs) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const { items } = await cluster.api.list<Pod>(RESOURCES.pods);
  throw new Error(
    `never: ${what}\n${JSON.stringify(
      items.map(({ metadata, status }) => [metadata.name, status]),
      null,
      1,
    )}`,
  );
}

const untilPhase = (name: string, phase: string) =>
  until(`${name} ${phase}`, async () => {
    const pod = await get(name);
    return pod.status?.phase === phase && pod;
  });
const untilReady = (name: string) =>
  until(`${name} ready`, async () => {
    const pod = await get(name);
    return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") && pod;
  });
const statusOf = (pod: Pod, name: string): ContainerStatus =>
  [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].find(
    (status) => status.name === name,
  )!;

async function logOf(pod: string, query = ""): Promise<string> {
  const token = (await readFile(join(dataDirectory, "admin.token"), "utf8")).trim();
  const url = `${cluster.apiUrl()}/api/v1/namespaces/default/pods/${pod}/log?${query}`;
  const headers = { authorization: `Bearer ${token}` };
  const response = await system.network.fetch(url, { headers, insecure: true });
  return response.text();
}

async function eventsOf(name: string): Promise<string[]> {
  const { items } = await cluster.api.list(RESOURCES.events, { namespace: "default" });
  return (
    items as (KubernetesObject & { involvedObject: { name: string }; reason: string; message: string })[]
  )
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => `${reason}: ${message}`);
}

test("init containers run one after the other, then the sidecar, then the rest; a Job's pod ends with its sidecar", async () => {
  const mount = { volumeMounts: [{ name: "shared", mountPath: "/shared" }], workingDir: "/shared" };
  await run("sequence", {
    restartPolicy: "Never",
    initContainers: [
      sh("first", "echo first >>order", mount),
      sh("side", `echo side >>order; ${FOREVER}`, { ...mount, restartPolicy: "Always" }),
      // Started is not the same as having written.
      sh("second", "until grep -q side order; do sleep 0.05; done; echo second >>order", mount),
    ],
    containers: [sh("main", "echo main >>order; cat order", mount)],
    volumes: [{ name: "shared", emptyDir: {} }],
  });
  const pod = await untilPhase("sequence", "Succeeded");
  assert.equal(await logOf("sequence", "container=main"), "first\nside\nsecond\nmain\n");
  assert.equal(statusOf(pod, "first").state?.terminated?.reason, "Completed");
  assert.equal(statusOf(pod, "main").state?.terminated?.exitCode, 0);
});

test("a failing init container ends a pod that never restarts", async () => {
  await run("failing-init", {
    restartPolicy: "Never",
    initContainers: [sh("init", "exit 3")],
    containers: [sh("main", FOREVER)],
  });
  const pod = await untilPhase("failing-init", "Failed");
  assert.equal(statusOf(pod, "init").state?.terminated?.exitCode, 3);
  assert.equal(statusOf(pod, "main").state?.waiting?.reason, "PodInitializing");
});

test("OnFailure runs again until it goes well, with its own layer fresh and its volume kept", async () => {
  const script = "echo again >>/dev/null; echo x >>count; test $(wc -l <count) -ge 2";
  await run("stubborn", {
    restartPolicy: "OnFailure",
    containers: [
      sh("main", script, { workingDir: "/data", volumeMounts: [{ name: "data", mountPath: "/data" }] }),
    ],
    volumes: [{ name: "data", emptyDir: {} }],
  });
  const pod = await untilPhase("stubborn", "Succeeded");
  assert.equal(statusOf(pod, "main").restartCount, 1);
  assert.equal(statusOf(pod, "main").lastState?.terminated?.exitCode, 1);
});

test("what crashes again and again is held back, and says so", async () => {
  await run("crashing", { containers: [sh("main", "echo oops; exit 1")] });
  const pod = await until("CrashLoopBackOff", async () => {
    const now = await get("crashing");
    return statusOf(now, "main").state?.waiting?.reason === "CrashLoopBackOff" && now;
  });
  const { uid } = pod.metadata;
  assert.equal(
    statusOf(pod, "main").state?.waiting?.message,
    `back-off 10s restarting failed container=main pod=crashing_default(${uid})`,
  );
  assert.equal(await logOf("crashing"), "oops\n");
  assert.equal(await logOf("crashing", "previous=true"), "oops\n");
  await until("the event", async () =>
    (await eventsOf("crashing")).includes(
      `BackOff: Back-off restarting failed container main in pod crashing_default(${uid})`,
    ),
  );
});

test("a liveness probe that fails restarts, an exec probe runs in the container", async () => {
  await run("ailing", {
    containers: [
      sh("main", `touch alive; sleep 1; rm alive; ${FOREVER}`, {
        livenessProbe: {
          exec: { command: ["test", "-e", "alive"] },
          periodSeconds: 1,
          failureThreshold: 1,
          initialDelaySeconds: 2,
        },
      }),
    ],
  });
  const pod = await until("restarted", async () => {
    const now = await get("ailing");
    return statusOf(now, "main").restartCount >= 1 && now;
  });
  assert.equal(statusOf(pod, "main").lastState?.terminated?.exitCode, 143);
  assert.ok(
    (await eventsOf("ailing")).includes("Killing: Container main failed liveness probe, will be restarted"),
  );
});

test("preStop comes before SIGTERM, and what ignores both is killed in time", async () => {
  const script = `trap 'echo term' TERM; echo up; while :; do sleep 0.05; done`;
  await run("slow", {
    terminationGracePeriodSeconds: 3,
    containers: [
      sh("main", script, {
        lifecycle: { preStop: { exec: { command: ["sh", "-c", "echo stopping >note"] } } },
      }),
    ],
  });
  await untilReady("slow");
  await until("up", async () => (await logOf("slow")).includes("up"));
  const { pid } = cluster.containers().find(({ pod }) => pod === "slow")!;
  const startMs = performance.now();
  await cluster.api.delete(RESOURCES.pods, { namespace: "default", name: "slow" });
  await until("term", async () => (await logOf("slow")).includes("term"));
  await until("gone", async () =>
    get("slow").then(
      () => false,
      () => true,
    ),
  );
  assert.ok(performance.now() - startMs >= 2_500);
  assert.throws(() => process.kill(pid, 0));
  assert.ok((await eventsOf("slow")).includes("Killing: Stopping container main"));
});

test("a forced deletion does not wait", async () => {
  await run("forced", {
    terminationGracePeriodSeconds: 600,
    containers: [sh("main", `trap '' TERM; echo up; while :; do sleep 0.05; done`)],
  });
  await untilReady("forced");
  const { pid } = cluster.containers().find(({ pod }) => pod === "forced")!;
  await cluster.api.delete(
    RESOURCES.pods,
    { namespace: "default", name: "forced" },
    { gracePeriodSeconds: 0 },
  );
  await until("ended", async () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
});

test("projected volumes, downward files, Secrets and subPath are where they should be", async () => {
  const data = { password: Buffer.from("s3cret").toString("base64") };
  await cluster.api.create(RESOURCES.secrets, {
    metadata: { name: "keys", namespace: "default" },
    data,
  } as KubernetesObject);
  await run(
    "volumes",
    {
      restartPolicy: "Never",
      containers: [
        sh("main", 'cat "$0" "$1" "$2"; ls "$3"', {
          // Paths as arguments are the container's; a script's own are the machine's but for mounts.
          args: [
            "cat /keys/password; echo; cat /info/labels; echo; cat /one/ns; echo; ls /var/run/secrets/kubernetes.io/serviceaccount",
          ],
          volumeMounts: [
            { name: "keys", mountPath: "/keys" },
            { name: "info", mountPath: "/info" },
            { name: "all", mountPath: "/one/ns", subPath: "namespace" },
          ],
        }),
      ],
      volumes: [
        { name: "keys", secret: { secretName: "keys" } },
        {
          name: "info",
          downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] },
        },
        {
          name: "all",
          projected: {
            sources: [
              {
                downwardAPI: {
                  items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }],
                },
              },
            ],
          },
        },
      ],
    },
    { labels: { app: "x" } },
  );
  const { metadata } = await untilPhase("volumes", "Succeeded");
  const zone = metadata.labels?.["topology.kubernetes.io/zone"];
  assert.equal(
    await logOf("volumes"),
    's3cret\napp="x"\ntopology.kubernetes.io/region="local"\n' +
      `topology.kubernetes.io/zone="${zone}"\ndefault\nca.crt\nnamespace\ntoken\n`,
  );
});

test("a pod waits for a ConfigMap that is not there yet", async () => {
  await run("patient", {
    containers: [sh("main", FOREVER, { volumeMounts: [{ name: "late", mountPath: "/late" }] })],
    volumes: [{ name: "late", configMap: { name: "late" } }],
  });
  const problem = 'FailedMount: MountVolume.SetUp failed for volume "late" : configmap "late" not found';
  await until("FailedMount", async () => (await eventsOf("patient")).includes(problem));
  await cluster.api.create(RESOURCES.configMaps, { metadata: { name: "late", namespace: "default" } });
  await untilReady("patient");
});

test("a Job runs to its completions and says so", async () => {
  await cluster.api.create<Job>(RESOURCES.jobs, {
    metadata: { name: "count", namespace: "default" },
    spec: {
      completions: 3,
      parallelism: 2,
      completionMode: "Indexed",
      template: {
        spec: { restartPolicy: "Never", containers: [sh("main", "echo index $JOB_COMPLETION_INDEX")] },
      },
    },
  });
  const job = await until("complete", async () => {
    const now = await cluster.api.get<Job>(RESOURCES.jobs, { namespace: "default", name: "count" });
    return now.status?.conditions?.some(({ type }: { type: string }) => type === "Complete") && now;
  });
  assert.equal(job.status.succeeded, 3);
  const pods = (await cluster.api.list<Pod>(RESOURCES.pods, { labelSelector: "job-name=count" })).items;
  const logs = await Promise.all(pods.map(({ metadata }) => logOf(metadata.name)));
  assert.deepEqual(logs.toSorted(), ["index 0\n", "index 1\n", "index 2\n"]);
});

test("a DaemonSet has a pod on every node that takes it", async () => {
  const labels = { app: "agent" };
  await cluster.api.create(RESOURCES.daemonSets, {
    metadata: { name: "agent", namespace: "default" },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [sh("main", FOREVER)] } },
    },
  });
  const nodes = await until("three", async () => {
    const { items } = await cluster.api.list<Pod>(RESOURCES.pods, { labelSelector: "app=agent" });
    return (
      items.length === 3 &&
      items.every(({ status }) => status?.phase === "Running") &&
      items.map(({ spec }) => spec.nodeName)
    );
  });
  assert.equal(new Set(nodes).size, 3);
});

test("a pod goes although its folder can't be removed at first", async () => {
  await run("sticky", { containers: [sh("c", FOREVER)] });
  await untilPhase("sticky", "Running");
  resistance = 2;
  await cluster.api.delete(RESOURCES.pods, { namespace: "default", name: "sticky" });
  await until("sticky gone", async () => {
    const { items } = await cluster.api.list<Pod>(RESOURCES.pods);
    return !items.some(({ metadata }) => metadata.name === "sticky");
  });
  assert.equal(resistance, 0);
});

test("an ephemeral container runs beside the others, once", async () => {
  await run("looked-into", { containers: [sh("main", FOREVER)] });
  await untilReady("looked-into");
  const pod = await get("looked-into");
  const ephemeralContainers = [{ ...sh("debugger", "echo looking"), terminationMessagePolicy: "File" }];
  await cluster.api.patch(
    RESOURCES.pods,
    { namespace: "default", name: "looked-into", subresource: "ephemeralcontainers" },
    { type: "merge", body: { spec: { ephemeralContainers } } },
  );
  const done = await until("the debugger's end", async () => {
    const now = await get("looked-into");
    const [status] = now.status?.ephemeralContainerStatuses ?? [];
    return status?.state?.terminated !== undefined && now;
  });
  const [status] = done.status!.ephemeralContainerStatuses!;
  assert.deepEqual(
    [status.name, status.state?.terminated?.exitCode, status.ready, status.restartCount],
    ["debugger", 0, false, 0],
  );
  assert.equal(await logOf("looked-into", "container=debugger"), "looking\n");
  assert.equal(statusOf(done, "main").restartCount, statusOf(pod, "main").restartCount);
  assert.equal(done.status?.phase, "Running");
});

test("another image ends a container and starts it again, whatever its policy", async () => {
  await run("redefined", { restartPolicy: "Never", containers: [sh("main", FOREVER)] });
  await untilReady("redefined");
  const body = { spec: { containers: [{ name: "main", image: "sh:2" }] } };
  await cluster.api.patch(
    RESOURCES.pods,
    { namespace: "default", name: "redefined" },
    { type: "strategic", body },
  );
  const pod = await until("the second run", async () => {
    const now = await get("redefined");
    const status = statusOf(now, "main");
    return status.restartCount === 1 && status.state?.running !== undefined && now;
  });
  assert.equal(statusOf(pod, "main").image, "docker.io/library/sh:2");
  await until("the event", async () =>
    (await eventsOf("redefined")).includes("Killing: Container main definition changed, will be restarted"),
  );
});
