/**
 * A tier in virtual time: database pods with volumes, routers, a StatefulSet that starts and ends them as Kubernetes
 * would, tenants that work, and faults. Every run is a function of its seed.
 */
import { silentLogger } from "../src/base/log.ts";
import type { Network } from "../src/base/network.ts";
import { type Random, randomInteger, seededRandom } from "../src/base/random.ts";
import { type KubernetesApi, RESOURCES } from "../src/model/kubernetes-api.ts";
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";
import { parseMembership } from "../src/model/tier-membership.ts";
import { Router, RouterMetrics, TierScaler } from "../src/router/mod.ts";
import { MemoryDisk } from "../src/simulation/virtual/memory-disk.ts";
import { MemoryKubernetesApi } from "../src/simulation/virtual/memory-kubernetes-api.ts";
import { VirtualClock } from "../src/simulation/virtual/virtual-clock.ts";
import { type Message, VirtualNetwork } from "../src/simulation/virtual/virtual-network.ts";
import { createVirtualProcess, type VirtualProcess } from "../src/simulation/virtual/virtual-process.ts";
import { createJournalEngine, runTestDb, type TenantEngine } from "../src/test-db/mod.ts";
import { externalScalerHandler } from "../src/wire/keda/external-scaler.ts";
import { MembershipClient } from "../src/wire/kubernetes/tier-membership.ts";

const NAMESPACE = "percolate-test";
const SET = "test-db-small";
const MEMBERSHIP = "test-db-small-membership";
/** As the manifest's terminationGracePeriodSeconds. */
const GRACE_MS = 60_000;

interface Pod {
  name: string;
  ip: string;
  process: VirtualProcess;
  ended: boolean;
  killAtMs?: number;
}

export class TierWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: VirtualNetwork;
  readonly api: MemoryKubernetesApi;
  readonly pods = new Map<string, Pod>();
  readonly volumes = new Map<string, MemoryDisk>();
  readonly routers: { router: Router; process: VirtualProcess; ip: string }[] = [];
  /** What must never happen, in the order in which it did. */
  readonly violations: string[] = [];
  /** Set to make the disks of pods slow. */
  diskDelayMs = 0;
  /** How often a step of a hand-over is where a fault strikes, from 0 to 1. */
  faultRate = 0;
  /** How many of them did. */
  faults = 0;
  readonly #apiCuts = new Set<string>();
  /** Which pod has which tenant's database open. */
  readonly #open = new Map<string, { pod: Pod; path: string }>();
  readonly #restarts = new Map<string, number>();
  #addresses = 0;
  #messageMs = 3;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const delayMs = () => randomInteger(this.random, this.#messageMs);
    this.network = new VirtualNetwork({
      clock: this.clock,
      delayMs,
      onMessage: (message) => {
        if (message.target.startsWith("/internal/")) this.#messageFault(message);
      },
      onError: (error) => this.violations.push(`a handler threw: ${(error as Error)?.stack ?? error}`),
    });
    this.api = new MemoryKubernetesApi({ beforeOperation: () => this.clock.sleep(delayMs()) });
  }

  #strikes(): boolean {
    const strikes = this.faultRate > 0 && this.random.float() < this.faultRate;
    if (strikes) this.faults++;
    return strikes;
  }

  /** Kills one side of a hand-over, or parts the two, at this very message. */
  #messageFault({ from, to }: Message): void {
    if (!this.#strikes()) return;
    const choice = randomInteger(this.random, 3);
    if (choice === 2) {
      this.network.part(from, to);
      this.clock.after(randomInteger(this.random, 40_000), () => this.network.join(from, to));
      return;
    }
    const struck = [...this.pods.values()].find(({ ip }) => ip === (choice === 0 ? from : to));
    if (struck !== undefined) this.#kill(struck);
  }

  /** Kills the pod at this very step on its disk, before or after it has happened. */
  #diskFault(pod: Pod, operation: string, path: string): void {
    if (!/\/(tenants|incoming)\//.test(path) || !["rename", "remove", "sync", "open"].includes(operation))
      return;
    if (pod.ended || !this.#strikes()) return;
    this.#kill(pod);
    if (this.random.float() < 0.5) throw new Error("killed before it happened");
  }

  /** Takes the API away from a pod for a while: its view of the tier grows old. */
  cutFromApi(name: string, forMs: number): void {
    const pod = this.pods.get(name);
    if (pod === undefined) return;
    this.#apiCuts.add(pod.ip);
    this.clock.after(forMs, () => this.#apiCuts.delete(pod.ip));
  }

  #apiOf(pod: Pod): KubernetesApi {
    const check = () => {
      if (this.#apiCuts.has(pod.ip)) throw new Error("the API cannot be reached");
    };
    const guarded = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A) => {
        check();
        const result = await call(...args);
        check();
        return result;
      };
    };
    const { api } = this;
    return pod.process.connect({
      get: guarded(api.get.bind(api)) as KubernetesApi["get"],
      list: guarded(api.list.bind(api)) as KubernetesApi["list"],
      create: guarded(api.create.bind(api)) as KubernetesApi["create"],
      replace: guarded(api.replace.bind(api)) as KubernetesApi["replace"],
      updateStatus: guarded(api.updateStatus.bind(api)) as KubernetesApi["updateStatus"],
      patch: guarded(api.patch.bind(api)) as KubernetesApi["patch"],
      delete: guarded(api.delete.bind(api)) as KubernetesApi["delete"],
      async *watch<T extends KubernetesObject>(...args: Parameters<KubernetesApi["watch"]>) {
        for await (const event of api.watch<T>(...args)) {
          check();
          yield event;
        }
      },
    });
  }

  async start(replicas: number): Promise<void> {
    const metadata = { namespace: NAMESPACE, name: SET };
    await this.clock.runUntil(this.api.create(RESOURCES.statefulSets, { metadata, spec: { replicas } }));
    void this.#control();
  }

  async scale(replicas: number): Promise<void> {
    const key = { namespace: NAMESPACE, name: SET };
    await this.api.patch(RESOURCES.statefulSets, key, { type: "merge", body: { spec: { replicas } } });
  }

  /** The StatefulSet controller: OrderedReady, one change at a time. */
  async #control(): Promise<void> {
    for (;;) {
      await this.clock.sleep(50);
      const set = await this.api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: SET });
      const replicas: number = set.spec.replicas;
      for (const pod of this.pods.values()) this.#reap(pod, replicas);
      const names = [...this.pods.keys()].sort();
      const ready = await Promise.all(names.map((name) => this.isReady(name)));
      const ending = [...this.pods.values()].some((pod) => pod.killAtMs !== undefined);
      if (ending || ready.includes(false)) continue;
      const missing = Array.from({ length: replicas }, (_, ordinal) => `${SET}-${ordinal}`).find(
        (name) => !this.pods.has(name),
      );
      if (missing !== undefined) this.#boot(missing);
      else if (names.length > replicas) this.terminate(names.at(-1)!);
    }
  }

  #reap(pod: Pod, replicas: number): void {
    const ordinal = Number(pod.name.split("-").at(-1));
    if (pod.killAtMs !== undefined && this.clock.monotonic() >= pod.killAtMs) this.#kill(pod);
    if (!pod.ended) return;
    // A pod that is still wanted comes back under its name, after a while.
    const atMs = this.#restarts.get(pod.name) ?? this.clock.monotonic() + randomInteger(this.random, 2_000);
    this.#restarts.set(pod.name, atMs);
    if (ordinal < replicas && this.clock.monotonic() < atMs) return;
    this.#restarts.delete(pod.name);
    this.pods.delete(pod.name);
    if (ordinal < replicas) this.#boot(pod.name);
  }

  #newIp(): string {
    this.#addresses++;
    return `10.0.${this.#addresses >> 8}.${this.#addresses & 255}`;
  }

  #boot(name: string): void {
    const ip = this.#newIp();
    let disk = this.volumes.get(name);
    if (disk === undefined) {
      const before = async (operation: string, path: string) => {
        await this.clock.sleep(randomInteger(this.random, 2) + this.diskDelayMs);
        const holder = this.pods.get(name);
        if (holder !== undefined) this.#diskFault(holder, operation, path);
      };
      this.volumes.set(name, (disk = new MemoryDisk({ beforeOperation: before })));
    }
    const { clock, random } = this;
    const network = this.network.host(ip);
    const onKill = () => this.network.drop(ip);
    const process = createVirtualProcess({ clock, random, disk, network, log: silentLogger, onKill });
    const pod: Pod = { name, ip, process, ended: false };
    this.pods.set(name, pod);
    const done = runTestDb(
      {
        host: "0.0.0.0",
        port: 8000,
        dataDirectory: "/data",
        pod: name,
        podIp: ip,
        namespace: NAMESPACE,
        tier: "small",
        leaveLimitMs: GRACE_MS - 5_000,
        api: this.#apiOf(pod),
        engine: this.#watched(createJournalEngine(process.system.disk), pod),
      },
      process.system,
    );
    done.then(
      () => this.#ended(pod),
      (error) => {
        this.violations.push(`${name} ended: ${error?.stack ?? error}`);
        this.#ended(pod);
      },
    );
  }

  /** Sees to it that no two pods have one tenant open. */
  #watched(engine: TenantEngine, pod: Pod): TenantEngine {
    return {
      sideFiles: engine.sideFiles,
      empty: () => engine.empty(),
      open: async (path) => {
        const tenant = path
          .split("/")
          .at(-1)!
          .replace(/\.\d+\.db$/, "");
        const other = this.#open.get(tenant);
        if (!pod.ended && other !== undefined && other.pod !== pod) {
          this.violations.push(`${tenant} is opened by ${pod.name} while ${other.pod.name} has it open`);
        }
        const mine = { pod, path };
        if (!pod.ended) this.#open.set(tenant, mine);
        const database = await engine.open(path);
        const close = async () => {
          await database.close();
          if (this.#open.get(tenant) === mine) this.#open.delete(tenant);
        };
        return {
          insert: (...args) => database.insert(...args),
          get: (id) => database.get(id),
          search: (options) => database.search(options),
          close,
        };
      },
    };
  }

  #ended(pod: Pod): void {
    pod.ended = true;
    for (const [tenant, { pod: holder }] of this.#open) if (holder === pod) this.#open.delete(tenant);
  }

  #kill(pod: Pod): void {
    if (pod.ended) return;
    pod.process.kill();
    this.#ended(pod);
  }

  /** kill -9, when it runs. */
  kill(name: string): void {
    const pod = this.pods.get(name);
    if (pod !== undefined) this.#kill(pod);
  }

  /** SIGTERM, and SIGKILL when the grace period is over. */
  terminate(name: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined || pod.ended || pod.killAtMs !== undefined) return;
    pod.killAtMs = this.clock.monotonic() + GRACE_MS;
    pod.process.terminate();
  }

  async isReady(name: string): Promise<boolean> {
    const pod = this.pods.get(name);
    if (pod === undefined || pod.ended) return false;
    try {
      const probe = this.network.host(this.#probeIp);
      return (await probe.fetch(`http://${pod.ip}:8000/ready`, { timeoutMs: 1_000 })).status === 200;
    } catch {
      return false;
    }
  }

  readonly #probeIp = "10.1.0.1";

  /** Starts a router; its address. */
  async addRouter(options: { maxWaitMs?: number; maxPending?: number } = {}): Promise<string> {
    const ip = this.#newIp();
    const { clock, random } = this;
    const process = createVirtualProcess({
      clock,
      random,
      disk: new MemoryDisk(),
      network: this.network.host(ip),
      log: silentLogger,
      onKill: () => this.network.drop(ip),
    });
    const membership = this.follow(process.connect(this.api));
    const read = { pending: () => router.pending, epoch: () => membership.current.epoch };
    const metrics = new RouterMetrics(clock, "small", read);
    const network: Network = process.system.network;
    const router: Router = new Router({
      clock,
      random,
      log: silentLogger,
      network,
      membership,
      metrics,
      ...options,
    });
    await network.serve({ host: "0.0.0.0", port: 8080 }, (request) => router.handle(request));
    const pending = {
      count: () => router.pending,
      onChange: (listener: (count: number) => void) => router.onPending(listener),
    };
    const scaler = new TierScaler({
      clock: process.system.clock,
      network,
      pending,
      membership: () => membership.current,
    });
    await network.serve({ host: "0.0.0.0", port: 6000, protocol: "h2c" }, externalScalerHandler(scaler));
    this.routers.push({ router, process, ip });
    return `http://${ip}:8080`;
  }

  follow(api: KubernetesApi): MembershipClient {
    const { signal } = new AbortController();
    const client = new MembershipClient({
      api,
      clock: this.clock,
      random: this.random,
      log: silentLogger,
      namespace: NAMESPACE,
      name: MEMBERSHIP,
      signal,
    });
    void client.follow();
    return client;
  }

  async membership() {
    const object = await this.api.get(RESOURCES.configMaps, { namespace: NAMESPACE, name: MEMBERSHIP });
    return parseMembership((object as { data?: Record<string, string> }).data);
  }

  /** Tenant → the volumes that have a file of it. */
  filesByTenant(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const [name, disk] of this.volumes) {
      for (const path of disk.paths()) {
        const match = /^\/data\/tenants\/(.+)\.\d+\.(db|handover)$/.exec(path);
        if (match !== null) found.set(match[1], [...(found.get(match[1]) ?? []), `${name}:${match[2]}`]);
      }
    }
    return found;
  }
}

/** Tenants at work through routers: what was acknowledged, and what went wrong. */
export class Workload {
  readonly acknowledged = new Map<string, { tenant: string; content: string }>();
  readonly failures: string[] = [];
  requests = 0;
  refused = 0;
  readonly #world: TierWorld;
  readonly #client: Network;
  #sequence = 0;
  #stopped = false;

  constructor(world: TierWorld) {
    this.#world = world;
    this.#client = world.network.host("10.2.0.1");
  }

  /** Begins a tenant's work; resolves when `stop` was called and its last request is answered. */
  async run(tenant: string, routers: string[], pauseMs: number): Promise<void> {
    const { clock, random } = this.#world;
    while (!this.#stopped) {
      await clock.sleep(randomInteger(random, pauseMs));
      const router = routers[randomInteger(random, routers.length)];
      if (randomInteger(random, 3) === 0) await this.readOne(tenant, router);
      else await this.write(tenant, router);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async write(tenant: string, router: string): Promise<void> {
    const id = `${tenant}-${this.#sequence++}`;
    const content = `content of ${id}`;
    const status = await this.#send(tenant, `${router}/api/v1/resources`, JSON.stringify({ id, content }));
    if (status === 201) this.acknowledged.set(id, { tenant, content });
  }

  async readOne(tenant: string, router: string): Promise<void> {
    const mine = [...this.acknowledged].filter(([, entry]) => entry.tenant === tenant);
    if (mine.length > 0) await this.read(mine[randomInteger(this.#world.random, mine.length)][0], router);
  }

  /** Reads one acknowledged resource back. */
  async read(id: string, router: string): Promise<boolean> {
    const status = await this.#send(this.acknowledged.get(id)!.tenant, `${router}/api/v1/entities/${id}`);
    if (status === 404) this.#world.violations.push(`${id} was acknowledged and is lost`);
    return status === 200;
  }

  async #send(tenant: string, url: string, body?: string): Promise<number> {
    this.requests++;
    const method = body === undefined ? "GET" : "POST";
    try {
      const response = await this.#client.fetch(url, { method, body, headers: { "x-tenant-id": tenant } });
      const text = await response.text();
      if (response.status === 503 && response.headers["retry-after"] !== undefined) this.refused++;
      else if (response.status >= 300) this.failures.push(`${method} ${url}: ${response.status} ${text}`);
      return response.status;
    } catch (error) {
      this.failures.push(`${method} ${url}: ${(error as Error).message}`);
      return 0;
    }
  }
}
