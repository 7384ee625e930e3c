/** The whole topology in virtual time, as a world for scenarios. */
import type { Network } from "../base/network.ts";
import { randomInteger } from "../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { runScenario, type ScenarioResult, type ScenarioWorld } from "./scenario-run.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";

const NAMESPACE = "percolate-test";
const TIER = "test-db-small";
const CLIENT_ADDRESS = "10.9.0.1";
/** The topology has to be ready within this time. */
const BOOT_LIMIT_MS = 120_000;
/** What reading everything back may take after a scenario's end. */
const VERIFY_LIMIT_MS = 600_000;

/** Runs a scenario with a seed. The same seed gives the same result to the byte. */
export async function simulateScenario(
  scenario: Scenario,
  seed: number,
  manifests: KubernetesObject[],
): Promise<ScenarioResult> {
  const world = new SimulatedWorld(scenario, seed);
  try {
    await world.boot(manifests);
    return await world.clock.runUntil(runScenario(scenario, world), scenario.durationMs + VERIFY_LIMIT_MS);
  } finally {
    world.stop();
  }
}

class SimulatedWorld implements ScenarioWorld {
  readonly network: Network;
  readonly routerUrl = "http://router.percolate-test.svc.cluster.local:8080";
  readonly #cluster: SimulatedCluster;
  readonly #scenario: Scenario;
  #listener: (what: string, text: string) => void = () => {};
  #tenants = 0;
  #toldMs = 0;
  readonly #ready = new Set<string>();

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario;
    const { minMs, maxMs } = scenario.startup;
    this.#cluster = new SimulatedCluster({
      seed,
      startup: () => ({ minMs, maxMs }),
      autoscaler: scenario.autoscaler,
      onConflict: (text) => this.#listener("conflict", text),
      onPod: (pod, what) => {
        if (what === "ready") this.#ready.add(pod);
        else this.#ready.delete(pod);
        this.#listener("pod", `${pod} ${what}`);
      },
      onDecision: (_, { currentReplicas, desiredReplicas, reason, proposals, error }) => {
        const tenants = proposals.find(({ spec }) => spec.external?.metric.name === "s0-prometheus");
        if (tenants !== undefined) {
          this.#tenants = Math.round((tenants.usageMilli / 1000) * currentReplicas);
          this.#toldMs = this.clock.monotonic();
        }
        if (desiredReplicas !== currentReplicas) {
          this.#listener(
            "hpa",
            `${currentReplicas} → ${desiredReplicas}: ${reason.replace(/\(&LabelSelector.*\)/, "")}`,
          );
        } else if (error !== undefined)
          this.#listener("hpa", error.message.replaceAll(/&LabelSelector\{[^/]*\}:/g, ":"));
      },
    });
    this.network = this.#cluster.network.host(CLIENT_ADDRESS);
  }

  get clock() {
    return this.#cluster.clock;
  }

  async boot(manifests: KubernetesObject[]): Promise<void> {
    await this.#cluster.start();
    const { collector, patches } = this.#scenario;
    await this.#cluster.apply(
      manifests
        .filter(({ metadata }) => collector || metadata.name !== "otel-collector")
        .map((object) => patched(collector ? object : withoutOtlp(object), patches)),
    );
    const { clock } = this.#cluster;
    const needed = ["prometheus-", "router-", "keda-operator-", ...(collector ? ["otel-collector-"] : [])];
    while (!needed.every((prefix) => [...this.#ready].some((pod) => pod.startsWith(prefix)))) {
      if (clock.monotonic() > BOOT_LIMIT_MS)
        throw new Error(`not ready after ${BOOT_LIMIT_MS / 1000} s of virtual time`);
      await clock.advance(250);
    }
    // The first scrape, the first poll and the HPA's first turn are behind.
    await clock.advance(20_000);
  }

  stop(): void {
    this.#cluster.stop();
  }

  onEvent(listener: (what: string, text: string) => void): void {
    this.#listener = listener;
  }

  async observe() {
    const set = await this.#cluster.api.get(RESOURCES.statefulSets, { namespace: NAMESPACE, name: TIER });
    const ready = [...this.#ready].filter((pod) => pod.startsWith(`${TIER}-`)).length;
    return {
      replicas: set.spec.replicas ?? 1,
      ready,
      tenants: this.#tenants,
      toldMs: this.#toldMs,
      conflicts: this.#cluster.openTenants.conflicts,
    };
  }

  async inflict(fault: Fault): Promise<(() => Promise<void>) | undefined> {
    const { kubelet, network, diskDelays, clockSkews, api } = this.#cluster;
    const pods = await this.#pods(fault.targets);
    const addresses = pods.map((pod) => kubelet.addressOf(pod)).filter((address) => address !== undefined);
    const amount = fault.amount ?? 0;
    switch (fault.kind) {
      case "kill":
        for (const pod of pods) kubelet.kill(pod);
        return undefined;
      case "delete":
        for (const name of pods)
          await api.delete(RESOURCES.pods, { namespace: await this.#namespaceOf(name), name });
        return undefined;
      case "hang":
        for (const address of addresses) network.unplug(address);
        return async () => {
          for (const address of addresses) network.plug(address);
        };
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
        return this.#scale(fault.workloads!);
      case "patch":
        await this.#patch(fault.patch!.object, fault.patch!.body);
        return undefined;
    }
  }

  /** Sets replicas; answers how to put them back. */
  async #scale(workloads: Record<string, number>): Promise<() => Promise<void>> {
    const before: [object: string, replicas: number][] = [];
    for (const [object, replicas] of Object.entries(workloads)) {
      const [resource, name] = patchable(object);
      const { spec } = await this.#cluster.api.get(resource, { namespace: NAMESPACE, name });
      before.push([object, spec.replicas ?? 1]);
      await this.#patch(object, { spec: { replicas } });
    }
    return async () => {
      for (const [object, replicas] of before) await this.#patch(object, { spec: { replicas } });
    };
  }

  async #patch(object: string, body: Record<string, unknown>): Promise<void> {
    const [resource, name] = patchable(object);
    await this.#cluster.api.patch(resource, { namespace: NAMESPACE, name }, { type: "merge", body });
  }

  /**
   * Names of pods that the targets mean: `prometheus-0`; `router-*`, all that begin so; `test-db-small-?`, one of them
   * by the seed, or none where there is none. @throws Error when one means none
   */
  async #pods(targets: string[]): Promise<string[]> {
    const { items } = await this.#cluster.api.list(RESOURCES.pods);
    const names = items.map(({ metadata }) => metadata.name).sort();
    return targets.flatMap((target) => {
      const beginning = target.slice(0, -1);
      const found = /[*?]$/.test(target)
        ? names.filter((name) => name.startsWith(beginning))
        : names.filter((name) => name === target);
      if (target.endsWith("?")) {
        return found.length === 0 ? [] : [found[randomInteger(this.#cluster.random, found.length)]];
      }
      if (found.length === 0) throw new Error(`there is no pod ${target}`);
      return found;
    });
  }

  async #namespaceOf(name: string): Promise<string> {
    const { items } = await this.#cluster.api.list(RESOURCES.pods);
    return items.find(({ metadata }) => metadata.name === name)!.metadata.namespace!;
  }
}

const PATCHABLE: Record<string, GroupVersionResource> = {
  ConfigMap: RESOURCES.configMaps,
  Deployment: RESOURCES.deployments,
  StatefulSet: RESOURCES.statefulSets,
  ScaledObject: { group: "keda.sh", version: "v1alpha1", resource: "scaledobjects" },
};

/** `StatefulSet/test-db-small` as the API has it. */
function patchable(object: string): [resource: GroupVersionResource, name: string] {
  const [kind, name] = object.split("/");
  if (!Object.hasOwn(PATCHABLE, kind))
    throw new Error(`${kind} can't be patched; there are ${Object.keys(PATCHABLE).join(", ")}`);
  return [PATCHABLE[kind], name];
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

/** A manifest with the scenario's merge patch applied. */
export function patched(
  object: KubernetesObject,
  patches: Record<string, Record<string, unknown>>,
): KubernetesObject {
  const patch = patches[`${object.kind}/${object.metadata.name}`];
  return patch === undefined ? object : (mergePatch(object, patch) as unknown as KubernetesObject);
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const entries = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) entries.delete(key);
    else entries.set(key, mergePatch(entries.get(key), value));
  }
  return Object.fromEntries(entries);
}
