/**
 * The kubelet of all nodes: gives every pod that is bound to one of them a worker, keeps logs and tokens going.
 * Stands for kubelet 1.35 with a container runtime; a container is a process here (see `ContainerRuntime`).
 */
import { forgetAddress } from "../../base/pod/port-directory.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { Informers } from "../controllers/controller.ts";
import type { AddressPlan } from "../network/address-plan.ts";
import { POD_ADDRESSES_PER_NODE } from "../network/address-plan.ts";
import type {
  ConfigMap,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Service,
} from "../types.ts";
import type { PodContext } from "./pod-context.ts";
import { PodWorker } from "./pod-worker.ts";
import type { NodeDescription } from "./virtual-nodes.ts";

/** How often programs' output is copied into their logs, in milliseconds. */
const LOG_PERIOD_MS = 200;
/** How often the sign of life for programs is renewed, in milliseconds. */
const HEARTBEAT_MS = 10_000;
/** Tokens live for an hour; they are renewed well before. */
const TOKEN_REFRESH_MS = 40 * 60_000;
/** At the end of the control plane a pod gets no more than this to end, in milliseconds. */
const MAX_LEAVE_GRACE_MS = 30_000;

export interface KubeletOptions
  extends Omit<
    PodContext,
    "node" | "services" | "configMap" | "secret" | "claim" | "volume" | "takeAddress" | "release"
  > {
  informers: Informers;
  addresses: AddressPlan;
  nodes: NodeDescription[];
  signal: AbortSignal;
}

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #context: PodContext;
  readonly workers = new Map<string, PodWorker>();
  readonly #addresses = new Map<string, string>();
  readonly #lastIndex: number[];

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#lastIndex = options.nodes.map(() => -1);
    this.#context = { ...options, ...this.#sources() };
  }

  /** Resolves when running processes have been adopted and strays ended. */
  async start(): Promise<void> {
    const { informers, clock, signal } = this.#options;
    const pods = informers.of<Pod>(RESOURCES.pods);
    const sources = [RESOURCES.nodes, RESOURCES.services, RESOURCES.configMaps, RESOURCES.secrets];
    for (const resource of [...sources, RESOURCES.persistentVolumes, RESOURCES.persistentVolumeClaims]) {
      informers.of(resource);
    }
    await informers.synced();
    const own = [...pods.objects.values()].filter((pod) => this.#isOurs(pod));
    for (const pod of own) if (pod.status?.podIP) this.#addresses.set(pod.metadata.uid!, pod.status.podIP);
    const workers = own.map((pod) => this.#worker(pod));
    await Promise.all(workers.map((worker) => worker.adopt()));
    const runs = workers.flatMap(({ uid, units }) =>
      units.flatMap(({ spec, run }) => (run === undefined ? [] : [`${uid}/${spec.name}/${run.attempt}`])),
    );
    await this.#options.runtime.endUnknown(new Set(runs), new Set(workers.map(({ uid }) => uid)));

    informers.onChange<Pod>(RESOURCES.pods, (pod, previous) => this.#podChanged(pod, previous));
    const { configMaps, secrets, persistentVolumeClaims, serviceAccounts } = RESOURCES;
    for (const resource of [configMaps, secrets, persistentVolumeClaims, serviceAccounts]) {
      informers.onChange(resource, (object, previous) => this.#sourceChanged((object ?? previous)!));
    }
    const timers = [
      clock.every(LOG_PERIOD_MS, () => void this.#options.runtime.pumpLogs()),
      clock.every(HEARTBEAT_MS, () => void this.#beat()),
      clock.every(TOKEN_REFRESH_MS, () => {
        for (const worker of this.workers.values()) worker.refreshTokens().catch(() => {});
      }),
    ];
    signal.addEventListener("abort", () => {
      for (const timer of timers) timer.cancel();
    });
    await this.#beat();
  }

  /** Ends every pod's processes, or leaves them to the next control plane. The API's objects stay. */
  async leave(options: { keepProcesses: boolean }): Promise<void> {
    const workers = [...this.workers.values()];
    await Promise.all(workers.map((worker) => worker.leave({ ...options, maxGraceMs: MAX_LEAVE_GRACE_MS })));
    await this.#options.runtime.closeLogs();
  }

  worker(namespace: string, name: string): PodWorker | undefined {
    for (const worker of this.workers.values()) {
      const { metadata } = worker.pod;
      if (metadata.namespace === namespace && metadata.name === name) return worker;
    }
    return undefined;
  }

  get nodeNames(): string[] {
    return this.#options.nodes.map(({ name }) => name);
  }

  #isOurs(pod: Pod): boolean {
    return this.#options.nodes.some(({ name }) => name === pod.spec.nodeName);
  }

  #worker(pod: Pod): PodWorker {
    let worker = this.workers.get(pod.metadata.uid!);
    if (worker === undefined) {
      worker = new PodWorker(this.#context, pod);
      this.workers.set(pod.metadata.uid!, worker);
    }
    return worker;
  }

  #podChanged(pod: Pod | undefined, previous: Pod | undefined): void {
    if (this.#options.signal.aborted) return;
    if (pod !== undefined) {
      if (this.#isOurs(pod)) this.#worker(pod).update(pod);
      return;
    }
    // Removed by force: its processes have no grace left but what SIGTERM needs.
    void this.workers.get(previous!.metadata.uid!)?.end(1_000);
  }

  #sourceChanged(object: KubernetesObject): void {
    for (const worker of this.workers.values()) {
      if (worker.pod.metadata.namespace === object.metadata.namespace) worker.sourcesChanged();
    }
  }

  async #beat(): Promise<void> {
    const { disk, clock, surroundings, log } = this.#options;
    await disk
      .writeFile(surroundings.heartbeatPath, String(clock.now()))
      .catch((error: unknown) => log.warn("cannot write the heartbeat", { error }));
  }

  #sources() {
    const { informers } = this.#options;
    const object = <T extends KubernetesObject>(
      resource: (typeof RESOURCES)[keyof typeof RESOURCES],
      key: string,
    ) => informers.of<T>(resource).objects.get(key);
    return {
      node: (name: string) => object<Node>(RESOURCES.nodes, name)!,
      services: () => informers.of<Service>(RESOURCES.services).objects.values(),
      configMap: (namespace: string, name: string) =>
        object<ConfigMap>(RESOURCES.configMaps, `${namespace}/${name}`),
      secret: (namespace: string, name: string) => object<Secret>(RESOURCES.secrets, `${namespace}/${name}`),
      claim: (namespace: string, name: string) =>
        object<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, `${namespace}/${name}`),
      volume: (name: string) => object<PersistentVolume>(RESOURCES.persistentVolumes, name),
      takeAddress: (pod: Pod) => this.#takeAddress(pod),
      release: (pod: Pod) => {
        const { portDirectory } = this.#options.surroundings;
        const address = this.#addresses.get(pod.metadata.uid!);
        if (portDirectory !== undefined && address !== undefined) forgetAddress(portDirectory, address);
        this.#addresses.delete(pod.metadata.uid!);
        this.workers.delete(pod.metadata.uid!);
      },
    };
  }

  /** Addresses go round, so that a new pod does not at once answer for the one before. */
  #takeAddress(pod: Pod): string {
    const uid = pod.metadata.uid!;
    const present = this.#addresses.get(uid);
    if (present !== undefined) return present;
    const node = this.#options.nodes.findIndex(({ name }) => name === pod.spec.nodeName);
    const taken = new Set(this.#addresses.values());
    for (let tries = 0; tries < POD_ADDRESSES_PER_NODE; tries++) {
      this.#lastIndex[node] = (this.#lastIndex[node] + 1) % POD_ADDRESSES_PER_NODE;
      const address = this.#options.addresses.podAddress(node, this.#lastIndex[node]);
      if (taken.has(address)) continue;
      this.#addresses.set(uid, address);
      return address;
    }
    throw new Error(`node ${pod.spec.nodeName} has no free pod address`);
  }
}
