/** The whole topology in virtual time, as a world for scenarios. */
import type { Network } from "../base/network.ts";
import type { Decision } from "../kubernetes/mod.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { startInformer } from "../wire/kubernetes/informer.ts";
import { modelledPrograms } from "./modelled/modelled-pods.ts";
import { startModelledScrapes } from "./modelled/modelled-scrapes.ts";
import { ModelledTenants } from "./modelled/modelled-tenants.ts";
import { isModelled } from "./scenario/fleet.ts";
import { type Fault, type Scenario, ScenarioError } from "./scenario/scenario.ts";
import { runScenario, type ScenarioResult, type ScenarioWorld } from "./scenario/scenario-run.ts";
import type { Traffic } from "./scenario/traffic.ts";
import type { MemoryDisk } from "./virtual/memory-disk.ts";
import { kedaNews } from "./world/keda-news.ts";
import { otherWorkloads } from "./world/other-workloads.ts";
import { SimulatedCluster } from "./world/simulated-cluster.ts";
import {
  activeWindowMsOf,
  deletePods,
  NAMESPACE,
  patched,
  patchObject,
  podsMeant,
  scaleWorkloads,
  TIER,
  withoutSelectors,
} from "./world/world-objects.ts";

const CLIENT_ADDRESS = "10.9.0.1";
const SCRAPER_ADDRESS = "10.9.0.2";
/** The topology has to be ready within this time. */
const BOOT_LIMIT_MS = 120_000;
/** What reading everything back may take after a scenario's end. */
const VERIFY_LIMIT_MS = 600_000;

/** What KEDA says is as old as the last scrape: `scrape_interval`, and what a scrape and a query take. */
const TOLD_AGE_MS = 17_000;

/** Runs a scenario with a seed. The same seed gives the same result to the byte. */
export async function simulateScenario(
  scenario: Scenario,
  seed: number,
  manifests: KubernetesObject[],
  options: SimulateOptions = {},
): Promise<ScenarioResult> {
  const world = new SimulatedWorld(scenario, seed);
  try {
    await world.boot(manifests);
    const limitMs = scenario.durationMs + VERIFY_LIMIT_MS;
    const result = await world.clock.runUntil(runScenario(scenario, world), limitMs);
    await options.onEnd?.(world);
    return result;
  } finally {
    world.stop();
  }
}

export interface SimulateOptions {
  /** Called when the scenario is over and everything still stands. */
  onEnd?: (world: SimulatedWorld) => Promise<void>;
}

export class SimulatedWorld implements ScenarioWorld {
  readonly network: Network;
  readonly routerUrl = "http://router.percolate-test.svc.cluster.local:8080";
  readonly activeWindowMs: number;
  readonly toldAgeMs = TOLD_AGE_MS;
  readonly #cluster: SimulatedCluster;
  readonly #scenario: Scenario;
  readonly #modelled: ModelledTenants | undefined;
  readonly #stop = new AbortController();
  #set: KubernetesObject | undefined;
  #listener: (what: string, text: string) => void = () => {};
  #tenants = 0;
  #toldMs = 0;
  #errors = 0;
  readonly #ready = new Set<string>();

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario;
    this.activeWindowMs = scenario.activeWindowMs ?? activeWindowMsOf();
    const modelled = isModelled(scenario);
    const { minMs, maxMs } = scenario.startup;
    this.#cluster = new SimulatedCluster({
      seed,
      startup: () => ({ minMs, maxMs }),
      autoscaler: scenario.autoscaler,
      modelled: modelled ? modelledPrograms(() => this.#modelled!) : undefined,
      onConflict: (text) => this.#listener("conflict", text),
      onPod: (pod, what) => {
        if (what === "ready") this.#ready.add(pod);
        else this.#ready.delete(pod);
        this.#listener("pod", `${pod} ${what}`);
      },
      onDecision: ({ currentReplicas, desiredReplicas, reason, proposals, error }, scale) => {
        const tenants = proposals.find(({ spec }) => spec.external?.metric.name === "s0-prometheus");
        if (tenants !== undefined) this.#told(tenants, scale.status.replicas);
        if (error !== undefined) this.#errors++;
        if (desiredReplicas !== currentReplicas) {
          this.#listener("hpa", `${currentReplicas} → ${desiredReplicas}: ${withoutSelectors(reason)}`);
        } else if (error !== undefined) this.#listener("hpa", withoutSelectors(error.message));
      },
    });
    this.network = this.#cluster.network.host(CLIENT_ADDRESS);
    if (modelled) this.#modelled = new ModelledTenants(this.#cluster.clock, this.activeWindowMs);
  }

  /** An average is one over the pods that there are, those that are ending included. */
  #told({ spec, usageMilli }: Decision["proposals"][number], pods: number): void {
    const isAverage = spec.external!.target.type === "AverageValue";
    if (isAverage && pods === 0) return;
    this.#tenants = Math.round((usageMilli / 1000) * (isAverage ? pods : 1));
    this.#toldMs = this.clock.monotonic();
  }

  get traffic(): Traffic | undefined {
    return this.#modelled;
  }

  get clock() {
    return this.#cluster.clock;
  }

  async boot(manifests: KubernetesObject[]): Promise<void> {
    await this.#cluster.start();
    const { collector } = this.#scenario;
    await this.#cluster.apply(
      manifests
        .filter(({ metadata }) => collector || metadata.name !== "otel-collector")
        .map((object) => patched(collector ? object : withoutOtlp(object), this.#scenario))
        .map((object) => (this.#modelled === undefined ? object : withoutScrapes(object))),
    );
    await this.#cluster.apply(otherWorkloads(this.#scenario.others));
    this.#follow();
    const { clock } = this.#cluster;
    const needed = ["prometheus-", "router-", "keda-operator-", ...(collector ? ["otel-collector-"] : [])];
    const isMissing = (prefix: string) => ![...this.#ready].some((pod) => pod.startsWith(prefix));
    while (needed.some(isMissing)) {
      if (clock.monotonic() > BOOT_LIMIT_MS) throw this.#notReady(needed.filter(isMissing));
      await clock.advance(250);
    }
    // The first scrape, the first poll and the HPA's first turn are behind.
    await clock.advance(20_000);
    this.#errors = 0;
  }

  #notReady(prefixes: string[]): ScenarioError {
    const problems = prefixes.map((prefix) => `${prefix}*: ${this.#cluster.kubelet.problemOf(prefix)}`);
    return new ScenarioError(
      `not ready after ${BOOT_LIMIT_MS / 1000} s of virtual time: ${problems.join("; ")}`,
    );
  }

  /** The StatefulSet as it is now, and what stands for scraping a modelled fleet. */
  #follow(): void {
    const { api, clock, network } = this.#cluster;
    const { signal } = this.#stop;
    const select = { namespace: NAMESPACE, fieldSelector: `metadata.name=${TIER}` };
    const seen = (set: KubernetesObject) => void (this.#set = set);
    const resource = RESOURCES.statefulSets;
    startInformer({ api, clock, resource, select, signal, onAdd: seen, onUpdate: seen });
    const onEvent = (event: KubernetesObject) => {
      const news = kedaNews(event);
      if (news !== undefined) this.#listener("keda", news);
    };
    const events = { resource: RESOURCES.events, select: { namespace: NAMESPACE } };
    startInformer({ api, clock, ...events, signal, onAdd: onEvent, onUpdate: onEvent });
    if (this.#modelled === undefined) return;
    const url = `http://prometheus.${NAMESPACE}.svc.cluster.local:9090`;
    const scraper = network.host(SCRAPER_ADDRESS);
    const tenants = this.#modelled;
    startModelledScrapes({ clock, network: scraper, url, namespace: NAMESPACE, tenants, signal });
  }

  /** The disk of a pod: `prometheus-0` has its data directory at /prometheus. */
  diskOf(pod: string): MemoryDisk {
    return this.#cluster.kubelet.volumeOf(pod);
  }

  stop(): void {
    this.#stop.abort();
    this.#modelled?.stop();
    this.#cluster.stop();
  }

  onEvent(listener: (what: string, text: string) => void): void {
    this.#listener = listener;
  }

  async observe() {
    const ready = [...this.#ready].filter((pod) => pod.startsWith(`${TIER}-`)).length;
    return {
      replicas: this.#set?.spec.replicas ?? 1,
      ready,
      tenants: this.#tenants,
      toldMs: this.#toldMs,
      conflicts: this.#cluster.openTenants.conflicts,
      errors: this.#errors,
      asleep: () => this.#cluster.kubelet.tenantsAsleep(),
    };
  }

  async inflict(fault: Fault): Promise<(() => Promise<void>) | undefined> {
    const { kubelet, network, diskDelays, clockSkews, api, random } = this.#cluster;
    const meant = await podsMeant(api, fault.targets, random);
    const pods = meant.map(({ metadata }) => metadata.name);
    const addresses = pods.map((pod) => kubelet.addressOf(pod)).filter((address) => address !== undefined);
    const amount = fault.amount ?? 0;
    switch (fault.kind) {
      case "kill":
        for (const pod of pods) kubelet.kill(pod);
        return undefined;
      case "delete":
        await deletePods(api, meant);
        return undefined;
      case "hang": {
        const ends = pods.map((pod) => kubelet.hang(pod));
        return async () => {
          for (const end of ends) end?.();
        };
      }
      case "partition": {
        const [a, b] = addresses;
        if (a === undefined || b === undefined) return undefined;
        network.part(a, b);
        return async () => network.join(a, b);
      }
      case "slow-disk":
        for (const pod of pods) diskDelays.set(pod, amount);
        return async () => {
          for (const pod of pods) diskDelays.delete(pod);
        };
      case "clock-skew":
        for (const pod of pods) clockSkews.set(pod, amount);
        return async () => {
          for (const pod of pods) clockSkews.delete(pod);
        };
      case "loss":
        this.#cluster.lossRate = amount;
        return async () => void (this.#cluster.lossRate = 0);
      case "latency":
        this.#cluster.extraLatencyMs = amount;
        return async () => void (this.#cluster.extraLatencyMs = 0);
      case "scale":
        return scaleWorkloads(api, fault.workloads!);
      case "patch":
        await patchObject(api, fault.patch!.object, fault.patch!.body);
        return undefined;
    }
  }
}

/** Prometheus' configuration without its targets: a modelled fleet has no pages to scrape. */
function withoutScrapes(object: KubernetesObject): KubernetesObject {
  if (object.kind !== "ConfigMap" || object.metadata.name !== "prometheus") return object;
  return { ...object, data: { "prometheus.yml": "global: { scrape_interval: 15s }\n" } } as KubernetesObject;
}

/** Pods that export nothing: there is no Collector to export to. */
function withoutOtlp(object: KubernetesObject): KubernetesObject {
  if (object.kind !== "StatefulSet" || object.metadata.name !== TIER) return object;
  const changed = structuredClone(object);
  for (const container of changed.spec.template.spec.containers) {
    container.env = [...(container.env ?? []), { name: "OTEL_SDK_DISABLED", value: "true" }];
  }
  return changed;
}
