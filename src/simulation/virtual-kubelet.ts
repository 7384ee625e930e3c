/**
 * Runs pods as virtual processes: start-up takes a time from a distribution, readiness is asked over the network, what
 * dies is started again with back-off, what is deleted gets its grace period.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Informers } from "../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../model/kubernetes-object.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import type { TenantEngine } from "../test-db/mod.ts";
import { MemoryDisk } from "./memory-disk.ts";
import type { OpenTenants } from "./open-tenants.ts";
import { type Container, type PodProgram, programOf, repositoryOf } from "./pod-program.ts";
import type { VirtualNetwork } from "./virtual-network.ts";
import { bound, environmentOf, keyOf, mountFiles, probeOf } from "./virtual-pod.ts";
import { createVirtualProcess, type VirtualProcess } from "./virtual-process.ts";

/** Readiness is asked so often until a pod is ready, and then. */
const STARTUP_PROBE_MS = 250;
const READINESS_PROBE_MS = 5_000;
const PROBE_TIMEOUT_MS = 1_000;
/** Nodes of the simulated cluster. */
const NODES = 3;
/** Unready so many times in a row while its process lives, a pod is started again. */
const LIVENESS_FAILURES = 6;
/** The second start of a container waits this long, the next ones twice as long each. */
const BACKOFF_MIN_MS = 10_000;
const BACKOFF_MAX_MS = 300_000;

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
  everReady: boolean;
  failures: number;
  restarts: number;
  probe?: Timer;
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
      .filter(({ object, ready }) => {
        const { labels = {}, namespace: own } = object.metadata;
        return (
          ready &&
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
    pod.probe?.cancel();
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
      everReady: false,
      failures: 0,
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
    // Until it has answered once it is starting, and takes the time that it takes.
    pod.everReady = false;
    pod.failures = 0;
    // A model is ready as soon as it runs, and never hangs.
    if (modelled !== undefined) await this.#setReady(pod, true);
    else this.#scheduleProbe(key, pod, STARTUP_PROBE_MS);
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
    await Promise.race([program(context).catch(() => {}), process.killed]);
    // Whatever it had begun and not waited for ends with it.
    process.kill();
    if (pod.process === process) await this.#exited(key, pod);
  }

  /** The process is gone: again, unless the pod goes too. */
  async #exited(key: string, pod: RunningPod): Promise<void> {
    const { clock, signal } = this.#options;
    pod.probe?.cancel();
    pod.process = undefined;
    await this.#setReady(pod, false);
    if (pod.ended || pod.object.metadata.deletionTimestamp !== undefined || signal.aborted) return;
    this.#tell(pod, "crashed");
    const backoffMs =
      pod.restarts === 0 ? 0 : Math.min(BACKOFF_MIN_MS * 2 ** (pod.restarts - 1), BACKOFF_MAX_MS);
    pod.restarts++;
    await clock.sleep(backoffMs, signal).catch(() => {});
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
    const { api, clock } = this.#options;
    const { name, namespace, uid, deletionGracePeriodSeconds = 30 } = pod.object.metadata;
    pod.ended = true;
    const { process } = pod;
    if (process !== undefined) {
      process.terminate();
      const limitMs = clock.monotonic() + deletionGracePeriodSeconds * 1000;
      while (pod.process !== undefined && clock.monotonic() < limitMs) await clock.sleep(STARTUP_PROBE_MS);
      process.kill();
    }
    pod.probe?.cancel();
    this.#options.network.drop(pod.ip);
    await this.#setReady(pod, false);
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    await api.delete(RESOURCES.pods, { namespace, name }, options).catch(() => {});
    if (this.#pods.get(key) === pod) this.#pods.delete(key);
    this.#tell(pod, "gone");
  }

  #scheduleProbe(key: string, pod: RunningPod, delayMs: number): void {
    pod.probe?.cancel();
    pod.probe = this.#options.clock.after(delayMs, () => void this.#probe(key, pod));
  }

  async #probe(key: string, pod: RunningPod): Promise<void> {
    const { process } = pod;
    if (process === undefined || this.#pods.get(key) !== pod) return;
    const answers = await this.#asks(pod);
    if (pod.process !== process || this.#options.signal.aborted) return;
    pod.failures = answers ? 0 : pod.failures + 1;
    if (answers) pod.everReady = true;
    if (answers !== pod.ready) await this.#setReady(pod, answers);
    // A program that hangs is ended as a liveness probe would, which is not asked any more of a pod that is ending.
    if (!pod.ended && pod.everReady && pod.failures >= LIVENESS_FAILURES) process.kill();
    this.#scheduleProbe(key, pod, pod.ready ? READINESS_PROBE_MS : STARTUP_PROBE_MS);
  }

  async #asks(pod: RunningPod): Promise<boolean> {
    const target = probeOf(pod.object);
    if (target === undefined) return true;
    try {
      const options = { timeoutMs: PROBE_TIMEOUT_MS };
      const { status } = await this.#options.network
        .host("10.0.0.2")
        .fetch(`http://${pod.ip}:${target}`, options);
      return status < 400;
    } catch {
      return false;
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
