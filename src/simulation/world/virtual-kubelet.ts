/**
 * Runs pods as virtual processes: start-up takes a time from a distribution, the kubelet's own prober asks over the
 * network, what dies is started again with its back-off, what is deleted or does not answer gets its grace period.
 */
import type { Clock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { BackOff, type Informers, type Probe, Prober } from "../../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { TenantEngine } from "../../test-db/mod.ts";
import { MemoryDisk } from "../virtual/memory-disk.ts";
import type { VirtualNetwork } from "../virtual/virtual-network.ts";
import { createVirtualProcess, type VirtualProcess } from "../virtual/virtual-process.ts";
import type { OpenTenants } from "./open-tenants.ts";
import { type Container, type PodProgram, programOf, repositoryOf } from "./pod-program.ts";
import { bound, environmentOf, keyOf, mountFiles, probeTarget } from "./virtual-pod.ts";

/** Nodes of the simulated cluster. */
const NODES = 3;
/** Where probes come from. */
export const KUBELET_ADDRESS = "10.0.0.2";
/** As the API server defaults `terminationGracePeriodSeconds`. */
const GRACE_SECONDS = 30;

/** A tenant's file on a pod's volume. */
const TENANT_FILE = /^\/data\/tenants\/(.+)\.\d+\.(?:db|handover)$/;

export interface VirtualKubeletOptions {
  api: KubernetesApi;
  clock: Clock;
  /** What a pod's processes draw from. */
  randomOf: (pod: string) => Random;
  network: VirtualNetwork;
  informers: Informers;
  /** Time from a container's start until its program begins. */
  startupMs: (pod: KubernetesObject) => number;
  /** Milliseconds that every disk operation takes, by pod. */
  diskDelayMs: (pod: string) => number;
  /** Milliseconds by which a pod's wall clock is wrong. */
  clockSkewMs: (pod: string) => number;
  openTenants: OpenTenants;
  /** Programs in place of the real ones, by image without tag; their pods are not probed. */
  modelled?: Record<string, PodProgram>;
  signal: AbortSignal;
  onChange?: (pod: string, what: "starting" | "ready" | "unready" | "ended" | "crashed" | "gone") => void;
}

interface RunningPod {
  object: KubernetesObject;
  ip: string;
  process?: VirtualProcess;
  ready: boolean;
  prober?: Prober;
  backOff: BackOff;
  restarts: number;
  /** What its last process ended with. */
  problem?: string;
  /** It is to go: nothing of it is started again. */
  ended: boolean;
}

export class VirtualKubelet {
  readonly #options: VirtualKubeletOptions;
  readonly #pods = new Map<string, RunningPod>();
  /** Volumes outlive pods of the same name. */
  readonly #volumes = new Map<string, MemoryDisk>();
  #addresses = 0;

  constructor(options: VirtualKubeletOptions) {
    this.#options = options;
    options.informers.onChange<KubernetesObject>(RESOURCES.pods, (pod, previous) => {
      if (pod === undefined) return this.#removed(previous!);
      const key = keyOf(pod);
      const known = this.#pods.get(key);
      if (known === undefined || known.object.metadata.uid !== pod.metadata.uid) {
        if (pod.metadata.deletionTimestamp === undefined) void this.#admit(key, pod);
      } else {
        known.object = pod;
        if (
          pod.metadata.deletionTimestamp !== undefined &&
          previous?.metadata.deletionTimestamp === undefined
        ) {
          void this.#stop(key, known);
        }
      }
    });
  }

  /** SIGKILL of a pod's process. */
  kill(name: string): void {
    this.#find(name)?.process?.kill();
  }

  /**
   * SIGSTOP of a pod's process: nothing of it runs, and what is sent to it waits. Answers SIGCONT; undefined where no
   * process runs. One that is killed meanwhile, by its probe, is followed by one that is not stopped.
   */
  hang(name: string): (() => void) | undefined {
    const { network } = this.#options;
    const pod = this.#find(name);
    const process = pod?.process;
    if (pod === undefined || process === undefined) return undefined;
    network.unplug(pod.ip);
    process.stop();
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      network.plug(pod.ip);
      process.proceed();
    };
    void process.killed.then(end);
    return end;
  }

  /** How many tenants lie on volumes of pods that are not there, and nowhere else: nobody counts them. */
  tenantsAsleep(): number {
    const here = new Set<string>();
    const asleep = new Set<string>();
    for (const [name, disk] of this.#volumes) {
      const tenants = this.#find(name) === undefined ? asleep : here;
      for (const path of disk.paths()) {
        const tenant = TENANT_FILE.exec(path)?.[1];
        if (tenant !== undefined) tenants.add(tenant);
      }
    }
    return [...asleep].filter((tenant) => !here.has(tenant)).length;
  }

  /** Why a pod whose name begins so is not ready, in words. */
  problemOf(prefix: string): string {
    const pod = [...this.#pods.values()].find(({ object }) => object.metadata.name.startsWith(prefix));
    if (pod === undefined) return "there is no such pod";
    return pod.problem === undefined ? "it runs and is not ready" : `it ended with: ${pod.problem}`;
  }

  /** Whose pod has the address; undefined for addresses of no pod. */
  namespaceAt(ip: string): string | undefined {
    for (const { ip: own, object } of this.#pods.values()) if (own === ip) return object.metadata.namespace;
    return undefined;
  }

  addressOf(name: string): string | undefined {
    return this.#find(name)?.ip;
  }

  /** Addresses of pods that are ready and have these labels. */
  readyAddresses(namespace: string, selector: Record<string, string>): string[] {
    return [...this.#pods.values()]
      .filter(({ object, ready, ended }) => {
        const { labels = {}, namespace: own } = object.metadata;
        return (
          ready &&
          !ended &&
          own === namespace &&
          Object.entries(selector).every(([key, value]) => labels[key] === value)
        );
      })
      .map(({ ip }) => ip);
  }

  #find(name: string): RunningPod | undefined {
    for (const pod of this.#pods.values()) if (pod.object.metadata.name === name) return pod;
    return undefined;
  }

  /** The object is gone, by force or after its end: what still runs of it does not any more. */
  #removed(object: KubernetesObject): void {
    const key = keyOf(object);
    const pod = this.#pods.get(key);
    if (pod === undefined || pod.ended || pod.object.metadata.uid !== object.metadata.uid) return;
    pod.ended = true;
    pod.process?.kill();
    pod.prober?.stop();
    this.#options.network.drop(pod.ip);
    this.#pods.delete(key);
    this.#tell(pod, "gone");
  }

  async #admit(key: string, object: KubernetesObject): Promise<void> {
    const number = ++this.#addresses;
    const ip = `10.1.${number >> 8}.${number & 255}`;
    const pod: RunningPod = {
      object,
      ip,
      ready: false,
      backOff: new BackOff(),
      restarts: 0,
      ended: false,
    };
    this.#pods.set(key, pod);
    await this.#bind(pod);
    await this.#writeStatus(pod, "Running");
    await this.#start(key, pod);
  }

  /** In place of the scheduler: the nodes take turns. A pod without a node would be deleted without a grace period. */
  async #bind({ object }: RunningPod): Promise<void> {
    const { name, namespace } = object.metadata;
    const target = { apiVersion: "v1", kind: "Node", name: `node-${(this.#addresses % NODES) + 1}` };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target };
    await this.#options.api.create(RESOURCES.pods, binding, { subresource: "binding" });
  }

  async #start(key: string, pod: RunningPod): Promise<void> {
    const { clock, startupMs, signal } = this.#options;
    this.#tell(pod, "starting");
    await clock.sleep(startupMs(pod.object), signal).catch(() => {});
    if (signal.aborted || pod.ended || this.#pods.get(key) !== pod) return;
    const container = (pod.object.spec.containers as Container[])[0];
    const modelled = this.#options.modelled?.[repositoryOf(container.image)];
    const program = modelled ?? programOf(container.image);
    if (program === undefined) {
      pod.ready = true;
      return this.#writeStatus(pod, "Running");
    }
    const process = await this.#processFor(pod, container);
    pod.process = process;
    const startedMs = clock.monotonic();
    // A model is ready as soon as it runs, and never hangs.
    if (modelled !== undefined) await this.#setReady(pod, true);
    else pod.prober = this.#probe(pod, process, container);
    const env = environmentOf(container, pod);
    const context = {
      system: process.system,
      api: process.connect(this.#options.api),
      pod: pod.object,
      podIp: pod.ip,
      container,
      env,
      watchEngine: (engine: TenantEngine) =>
        this.#options.openTenants.watch(engine, pod.object.metadata.name, process),
    };
    const failed = (error: unknown) =>
      void (pod.problem = error instanceof Error ? error.message : String(error));
    await Promise.race([program(context).catch(failed), process.killed]);
    // Whatever it had begun and not waited for ends with it.
    process.kill();
    if (pod.process === process) await this.#exited(key, pod, clock.monotonic() - startedMs);
  }

  /** The process is gone: again, unless the pod goes too. */
  async #exited(key: string, pod: RunningPod, ranMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    pod.prober?.stop();
    pod.process = undefined;
    await this.#setReady(pod, false);
    if (pod.ended || pod.object.metadata.deletionTimestamp !== undefined || signal.aborted) return;
    this.#tell(pod, "crashed");
    pod.restarts++;
    pod.backOff.fail(clock.monotonic(), ranMs);
    await clock.sleep(pod.backOff.remainingMs(clock.monotonic()), signal).catch(() => {});
    await this.#start(key, pod);
  }

  async #processFor(pod: RunningPod, container: Container): Promise<VirtualProcess> {
    const { api, clock, randomOf, network, clockSkewMs } = this.#options;
    const { name } = pod.object.metadata;
    const random = randomOf(name);
    const disk = this.volumeOf(name);
    const skewed: Clock = { ...bound(clock), now: () => clock.now() + clockSkewMs(name) };
    await mountFiles(disk, pod.object, api);
    return createVirtualProcess({
      clock: skewed,
      random,
      disk,
      network: network.host(pod.ip),
      log: silentLogger,
      env: {
        ...environmentOf(container, pod),
        KUBERNETES_SERVICE_HOST: "10.0.0.1",
        KUBERNETES_SERVICE_PORT: "443",
      },
      onKill: () => network.drop(pod.ip),
    });
  }

  /** What a pod of this name has on its disk, and will have again. */
  volumeOf(name: string): MemoryDisk {
    const { clock, diskDelayMs } = this.#options;
    let disk = this.#volumes.get(name);
    if (disk === undefined) {
      disk = new MemoryDisk({
        now: () => clock.now(),
        beforeOperation: () => {
          const delayMs = diskDelayMs(name);
          return delayMs > 0 ? clock.sleep(delayMs) : undefined;
        },
      });
      this.#volumes.set(name, disk);
    }
    return disk;
  }

  async #stop(key: string, pod: RunningPod): Promise<void> {
    const { api } = this.#options;
    const { name, namespace, uid, deletionGracePeriodSeconds = GRACE_SECONDS } = pod.object.metadata;
    pod.ended = true;
    if (pod.process !== undefined) await this.#end(pod.process, deletionGracePeriodSeconds);
    pod.prober?.stop();
    this.#options.network.drop(pod.ip);
    await this.#setReady(pod, false);
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    await api.delete(RESOURCES.pods, { namespace, name }, options).catch(() => {});
    if (this.#pods.get(key) === pod) this.#pods.delete(key);
    this.#tell(pod, "gone");
  }

  /** SIGTERM, and SIGKILL when the grace period is over. */
  async #end(process: VirtualProcess, graceSeconds: number): Promise<void> {
    process.terminate();
    const { promise: overdue, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.after(graceSeconds * 1000, resolve);
    await Promise.race([process.killed, overdue]);
    limit.cancel();
    process.kill();
  }

  #probe(pod: RunningPod, process: VirtualProcess, container: Container): Prober {
    const { clock } = this.#options;
    const { terminationGracePeriodSeconds: graceSeconds = GRACE_SECONDS } = pod.object.spec;
    const prober = new Prober({
      clock,
      container,
      startedMs: clock.now(),
      run: (probe, timeoutMs) => this.#ask(pod, container, probe, timeoutMs),
      onChange: () => void this.#setReady(pod, prober.ready),
      onFailure: () => {},
      // Liveness is not asked any more of a pod that is ending.
      onUnhealthy: (_, probe) => {
        if (!pod.ended) void this.#end(process, probe.terminationGracePeriodSeconds ?? graceSeconds);
      },
    });
    prober.start();
    if (prober.ready) void this.#setReady(pod, true);
    return prober;
  }

  /** Probes by HTTP; others count as passed. */
  async #ask(pod: RunningPod, container: Container, probe: Probe, timeoutMs: number) {
    const target = probeTarget(container, probe);
    if (target === undefined) return { ok: true, message: "" };
    try {
      const url = `http://${pod.ip}:${target}`;
      const { status } = await this.#options.network.host(KUBELET_ADDRESS).fetch(url, { timeoutMs });
      return { ok: status < 400, message: `status ${status}` };
    } catch (error) {
      return { ok: false, message: (error as Error).message };
    }
  }

  async #setReady(pod: RunningPod, ready: boolean): Promise<void> {
    if (pod.ready === ready) return;
    pod.ready = ready;
    this.#tell(pod, ready ? "ready" : "unready");
    await this.#writeStatus(pod, "Running");
  }

  async #writeStatus(pod: RunningPod, phase: string): Promise<void> {
    const { api, clock } = this.#options;
    const { name, namespace } = pod.object.metadata;
    const lastTransitionTime = kubernetesTime(clock.now());
    const status = pod.ready ? "True" : "False";
    const conditions = ["Initialized", "ContainersReady", "Ready", "PodScheduled"].map((type) => ({
      type,
      status: type === "Initialized" || type === "PodScheduled" ? "True" : status,
      lastTransitionTime,
    }));
    const containerStatuses = (pod.object.spec.containers as Container[]).map((container) => ({
      name: container.name,
      image: container.image,
      imageID: "",
      ready: pod.ready,
      started: pod.ready,
      restartCount: pod.restarts,
      state: { running: { startedAt: lastTransitionTime } },
    }));
    const body = {
      status: {
        phase,
        podIP: pod.ip,
        podIPs: [{ ip: pod.ip }],
        startTime: pod.object.status?.startTime ?? lastTransitionTime,
        conditions,
        containerStatuses,
      },
    };
    try {
      await api.patch(RESOURCES.pods, { namespace, name, subresource: "status" }, { type: "merge", body });
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict")) throw error;
    }
  }

  #tell(pod: RunningPod, what: Parameters<NonNullable<VirtualKubeletOptions["onChange"]>>[1]): void {
    this.#options.onChange?.(pod.object.metadata.name, what);
  }
}
