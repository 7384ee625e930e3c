/** A cluster for kubectl's tests: the real API server and controllers, and a kubelet that only says what one would. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { systemDisk } from "../src/base/disk.ts";
import { silentLogger } from "../src/base/log.ts";
import { createNodeNetwork } from "../src/base/node-network.ts";
import { systemRandom } from "../src/base/random.ts";
import { type ApiServer, createApiServer } from "../src/kubernetes/api-server/mod.ts";
import { startDeploymentController } from "../src/kubernetes/controllers/apps/deployment.ts";
import { startReplicaSetController } from "../src/kubernetes/controllers/apps/replica-set.ts";
import { startStatefulSetController } from "../src/kubernetes/controllers/apps/stateful-set.ts";
import { Informers } from "../src/kubernetes/controllers/controller.ts";
import { startGarbageCollector } from "../src/kubernetes/controllers/core/garbage-collector.ts";
import { startNamespaceController } from "../src/kubernetes/controllers/core/namespace.ts";
import { startServiceAccountController } from "../src/kubernetes/controllers/core/service-account.ts";
import { startEndpointSliceController } from "../src/kubernetes/controllers/discovery/endpoint-slice.ts";
import { startPodDisruptionBudgetController } from "../src/kubernetes/controllers/policy/pod-disruption-budget.ts";
import type { ContainerStreams, PodRuntime } from "../src/kubernetes/pod-runtime.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../src/model/kubernetes-object.ts";
import { isStatus } from "../src/model/kubernetes-status.ts";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface KubectlWorld {
  server: ApiServer;
  directory: string;
  /** Runs a program with the cluster's kubeconfig. */
  run(
    command: string,
    args: string[],
    stdin?: string | Uint8Array,
    environment?: Record<string, string>,
  ): Promise<Outcome>;
  close(): Promise<void>;
}

/** Where the listeners of "pods" are. */
export const POD_ADDRESS = "127.14.0.9";

export async function createKubectlWorld(): Promise<KubectlWorld> {
  const directory = await mkdtemp(join(tmpdir(), "topology-kubectl-"));
  const server = await createApiServer({
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    network: createNodeNetwork(() => {}),
    log: silentLogger,
    directory: join(directory, "data"),
    serviceAddresses: {
      isServiceAddress: (address) => address.startsWith("127.14.1."),
      serviceAddress: (index) => `127.14.1.${index + 1}`,
    },
  });
  server.setRuntime(programRuntime);
  const { host, port } = await server.listen({ host: "127.0.0.1", port: 0 });
  await writeFile(join(directory, "kubeconfig"), server.kubeconfig(`https://${host}:${port}`), {
    mode: 0o600,
  });
  const stop = new AbortController();
  await startControllers(server, stop.signal);
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: directory,
    KUBECONFIG: join(directory, "kubeconfig"),
    LC_ALL: "C.UTF-8",
  };
  return {
    server,
    directory,
    run: (command, args, stdin, more) => run(command, args, { ...environment, ...more }, directory, stdin),
    async close() {
      stop.abort();
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function run(
  command: string,
  args: string[],
  env: Record<string, string>,
  cwd: string,
  stdin?: string | Uint8Array,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: "pipe", timeout: 60_000 });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on("error", () => {});
    child.stdin.end(stdin ?? "");
  });
}

async function startControllers({ api, ca }: ApiServer, signal: AbortSignal): Promise<void> {
  const informers = new Informers({ api, clock: systemClock, log: silentLogger, signal });
  const context = { api, clock: systemClock, random: systemRandom, log: silentLogger, informers, signal };
  for (const name of ["node-a", "node-b"]) {
    const status = {
      capacity: { cpu: "4", memory: "8Gi", pods: "110" },
      allocatable: { cpu: "4", memory: "8Gi", pods: "110" },
      conditions: [{ type: "Ready", status: "True" }],
      nodeInfo: { kubeletVersion: "v1.35.0" },
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    };
    await api.create(RESOURCES.nodes, { metadata: { name, labels: { "kubernetes.io/hostname": name } } });
    await api.updateStatus(RESOURCES.nodes, { metadata: { name }, status });
  }
  startServiceAccountController(context, ca);
  startDeploymentController(context);
  startReplicaSetController(context);
  startStatefulSetController(context);
  startEndpointSliceController(context);
  startPodDisruptionBudgetController(context);
  const served = () => api.context.registry.all().filter(({ verbs }) => verbs === undefined);
  startGarbageCollector(context, { resources: served });
  startNamespaceController(context, {
    namespacedResources: () => served().filter(({ namespaced }) => namespaced),
  });
  informers.onChange<KubernetesObject>(RESOURCES.pods, (pod) => {
    if (pod !== undefined) tendPod(api, pod).catch(ignoreRaces);
  });
}

function ignoreRaces(error: unknown): void {
  if (!isStatus(error, "Conflict", "NotFound")) throw error;
}

/** A pod is put on a node, then runs, then goes when it is asked to. */
async function tendPod(api: ApiServer["api"], pod: KubernetesObject): Promise<void> {
  const { namespace, name, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) {
    await api.delete(RESOURCES.pods, { namespace, name }, { gracePeriodSeconds: 0 });
  } else if (!pod.spec.nodeName) {
    const nodes = await api.list<KubernetesObject>(RESOURCES.nodes);
    const node = nodes.items.find(({ spec }) => !spec?.unschedulable);
    if (node === undefined) return;
    const binding = { metadata: { namespace, name }, target: { kind: "Node", name: node.metadata.name } };
    await api.create(RESOURCES.pods, binding as KubernetesObject, { subresource: "binding" });
  } else if (pod.status?.phase === "Pending") {
    const at = kubernetesTime(systemClock.now());
    const condition = (type: string) => ({ type, status: "True", lastTransitionTime: at });
    const status = {
      ...pod.status,
      phase: "Running",
      podIP: POD_ADDRESS,
      podIPs: [{ ip: POD_ADDRESS }],
      startTime: at,
      conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition),
      containerStatuses: pod.spec.containers.map((container: { name: string; image: string }) => ({
        name: container.name,
        image: container.image,
        imageID: container.image,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: at } },
      })),
    };
    await api.updateStatus(RESOURCES.pods, { ...pod, status });
  }
}

/** Commands run on this machine; logs are made up. */
const programRuntime: PodRuntime = {
  async logs({ pod, container }, { tailLines = 3 }) {
    const lines = Array.from(
      { length: tailLines },
      (_, index) => `line ${index + 1} of ${container} in ${pod}\n`,
    );
    return (async function* () {
      for (const line of lines) yield Buffer.from(line);
    })();
  },
  exec: (_key, command, streams) => runProgram(command, streams),
  attach: (_key, streams) => runProgram(["cat"], streams),
  portForward: (_key, port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: POD_ADDRESS, port, allowHalfOpen: true });
      socket.once("connect", () => resolve(socket));
      socket.once("error", reject);
    }),
  async podStats() {
    const containers = [{ name: "c", cpuCores: 0.25, memoryBytes: 50 * 1024 * 1024 }];
    return [
      { namespace: "default", pod: "shell", timestampMs: systemClock.now(), windowMs: 10_000, containers },
    ];
  },
  async nodeStats() {
    return [
      { node: "node-a", timestampMs: systemClock.now(), windowMs: 10_000, cpuCores: 1, memoryBytes: 2 ** 30 },
    ];
  },
};

async function runProgram(command: string[], streams: ContainerStreams): Promise<{ exitCode: number }> {
  const child = spawn(command[0], command.slice(1), { stdio: "pipe" });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 137));
  });
  streams.signal.addEventListener("abort", () => child.kill());
  const copy = async (from: AsyncIterable<Uint8Array>, to: ContainerStreams["stdout"]) => {
    for await (const chunk of from) await to?.(chunk);
  };
  const outputs = Promise.all([copy(child.stdout, streams.stdout), copy(child.stderr, streams.stderr)]);
  child.stdin.on("error", () => {});
  void (async () => {
    for await (const chunk of streams.stdin ?? []) {
      if (!child.stdin.write(chunk)) await new Promise((resolve) => child.stdin.once("drain", resolve));
    }
    child.stdin.end();
  })();
  const exitCode = await ended;
  await outputs;
  return { exitCode };
}
