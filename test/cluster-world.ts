/** A cluster with real processes for tests: a control plane that can be killed, and a few workloads in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Network } from "../src/base/network.ts";
import { createNodeNetwork } from "../src/base/node-network.ts";
import { systemProcesses } from "../src/base/node-process.ts";
import { oneAddressNetwork } from "../src/base/one-address.ts";
import type { Pod } from "../src/kubernetes/types.ts";
import { type KubernetesApi, RESOURCES } from "../src/model/kubernetes-api.ts";
import { createKubernetesClient } from "../src/wire/kubernetes/client.ts";

const TIMEOUT_MS = 30_000;

export class ClusterWorld {
  readonly dataDirectory: string;
  control!: ChildProcess;
  api!: KubernetesApi;
  /** As the control plane's: it finds pods. */
  readonly network: Network;
  readonly #oneAddress: boolean;

  /** `oneAddress`: the machine pretends to have no loopback address but 127.0.0.1. */
  static async create(oneAddress = false): Promise<ClusterWorld> {
    return new ClusterWorld(await mkdtemp(join(tmpdir(), "topology-cluster-")), oneAddress);
  }

  private constructor(dataDirectory: string, oneAddress: boolean) {
    this.dataDirectory = dataDirectory;
    this.#oneAddress = oneAddress;
    const network = createNodeNetwork(() => {});
    this.network = oneAddress ? oneAddressNetwork(network, join(dataDirectory, "ports")) : network;
  }

  async remove(): Promise<void> {
    if (this.control?.exitCode === null) await this.stop();
    await rm(this.dataDirectory, { recursive: true, force: true });
  }

  /** The control plane is a process of its own, so that it can be killed. */
  async start(): Promise<void> {
    const fixture = join(import.meta.dirname, "cluster-fixture.ts");
    const args = [fixture, this.dataDirectory, ...(this.#oneAddress ? ["one-address"] : [])];
    const control = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.control = control;
    const url = await new Promise<string>((resolve, reject) => {
      control.stdout!.once("data", (line: Buffer) => resolve(line.toString().trim()));
      control.once("exit", (code) => reject(new Error(`the control plane ended with ${code}`)));
    });
    const token = (await readFile(join(this.dataDirectory, "admin.token"), "utf8")).trim();
    const ca = await readFile(join(this.dataDirectory, "pki/ca.crt"), "utf8");
    const network = createNodeNetwork(() => {});
    this.api = createKubernetesClient({ network, server: url, ca, token: () => token });
  }

  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const exit = new Promise((resolve) => this.control.once("exit", resolve));
    this.control.kill(signal);
    await exit;
  }

  async eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
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
    const pods = await this.api.list<Pod>(RESOURCES.pods).catch(() => undefined);
    const states = pods?.items.map(
      ({ metadata, status }) => `${metadata.name}: ${JSON.stringify(status?.containerStatuses)}`,
    );
    throw new Error(`never: ${what}\n${states?.join("\n")}`, { cause: problem });
  }

  async pods(): Promise<Pod[]> {
    return (await this.api.list<Pod>(RESOURCES.pods, { namespace: "default" })).items;
  }

  readyPods(count: number): Promise<Pod[]> {
    return this.eventually(`${count} pods ready`, async () => {
      const all = await this.pods();
      return all.length === count && all.every(isReady) && all;
    });
  }

  /** Asks a pod of the fixture's `web` image. */
  async ask(pod: Pod, path: string): Promise<Record<string, unknown>> {
    const response = await this.network.fetch(`http://${pod.status!.podIP}:8000${path}`);
    return JSON.parse(await response.text()) as Record<string, unknown>;
  }

  /** Every process that carries this cluster's mark. */
  async processes(): Promise<Map<number, string>> {
    const id = (await readFile(join(this.dataDirectory, "cluster-id"), "utf8")).trim();
    return systemProcesses.owned(`${id}/`);
  }

  /** A Deployment `web` and a StatefulSet `db` with a volume, two pods each, and their Services. */
  async createWorkloads(): Promise<void> {
    const create = (resource: (typeof RESOURCES)[keyof typeof RESOURCES], name: string, rest: object) =>
      this.api.create(resource, { metadata: { name, namespace: "default" }, ...rest });
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
}

export const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");

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
