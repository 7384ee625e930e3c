/** StatefulSets and Deployments under random storms in virtual time: what must hold at every moment, and at the end. */
import assert from "node:assert/strict";
import test from "node:test";
import { silentLogger } from "../../../base/log.ts";
import { type Random, randomInteger, seededRandom } from "../../../base/random.ts";
import { type KubernetesApi, RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../../api-server/cluster-store.ts";
import type { Deployment, Pod, ReplicaSet, StatefulSet } from "../../types.ts";
import { type ControllerContext, Informers } from "../controller.ts";
import { isPodReady } from "../pod-state.ts";
import { scaledValue } from "../scaled-value.ts";
import { startDeploymentController } from "./deployment.ts";
import { startReplicaSetController } from "./replica-set.ts";
import { startStatefulSetController } from "./stateful-set.ts";

const SEEDS = Array.from({ length: 8 }, (_, index) => index + 1);
const STORM_MS = 60_000;
const CALM_MS = 180_000;
const KEY = { namespace: "default", name: "web" };
/** Slower ones would be upstream's business too: this is how long a pod may take here to start, fail or end. */
const SLOW_MS = 4_000;

class Storm {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly api: KubernetesApi;
  readonly pods = new Map<string, Pod>();
  onPod: (pod: Pod, previous: Pod | undefined) => void = () => {};
  #calm = false;
  #controllers = new AbortController();

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.api = new ClusterStore({ clock: this.clock, random: this.random });
  }

  async start(startControllers: (context: ControllerContext) => void): Promise<void> {
    await this.api.create(RESOURCES.namespaces, { metadata: { name: "default" } }).catch(() => {});
    new Informers({ ...this, log: silentLogger, signal: new AbortController().signal }).onChange<Pod>(
      RESOURCES.pods,
      (pod, previous) => this.#follow(pod, previous),
    );
    this.restartControllers(startControllers);
  }

  /** As when the control plane dies and comes back. */
  restartControllers(startControllers: (context: ControllerContext) => void): void {
    this.#controllers.abort();
    this.#controllers = new AbortController();
    const { api, clock, random } = this;
    const { signal } = this.#controllers;
    const informers = new Informers({ api, clock, log: silentLogger, signal });
    startControllers({ api, clock, random, log: silentLogger, informers, signal });
  }

  /** Random things at random times, then nothing any more. */
  async rage(actions: (() => unknown)[]): Promise<void> {
    const endMs = this.clock.monotonic() + STORM_MS;
    while (this.clock.monotonic() < endMs) {
      await actions[this.below(actions.length)]();
      await this.clock.advance(this.below(3_000));
    }
    this.#calm = true;
    await this.clock.advance(CALM_MS);
    this.#controllers.abort();
  }

  below(limit: number): number {
    return randomInteger(this.random, limit);
  }

  async deleteSome(): Promise<void> {
    const pods = [...this.pods.values()];
    if (pods.length > 0)
      await this.api.delete(RESOURCES.pods, pods[this.below(pods.length)].metadata).catch(() => {});
  }

  #follow(pod: Pod | undefined, previous: Pod | undefined): void {
    const { uid } = (pod ?? previous)!.metadata;
    if (pod === undefined) {
      this.pods.delete(uid!);
      return;
    }
    this.pods.set(uid!, pod);
    this.onPod(pod, previous);
    if (previous === undefined) void this.#live(pod);
    if (pod.metadata.deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined) {
      void this.#end(pod);
    }
  }

  /** A pod's life: it is bound, starts slowly, gets ready, loses that and finds it again, or fails. */
  async #live(pod: Pod): Promise<void> {
    await this.clock.sleep(this.below(300));
    await this.#update(pod, (now) => ({ ...now, spec: { ...now.spec, nodeName: "node" } }));
    await this.clock.sleep(this.below(SLOW_MS));
    await this.#setReady(pod, true);
    while (!this.#calm && this.pods.has(pod.metadata.uid!)) {
      await this.clock.sleep(this.below(20_000));
      if (this.#calm) return;
      const fate = this.below(6);
      if (fate === 0)
        return void (await this.#update(pod, (now) => ({ ...now, status: { phase: "Failed" } }), "status"));
      if (fate > 2) continue;
      await this.#setReady(pod, false);
      await this.clock.sleep(this.below(SLOW_MS));
      await this.#setReady(pod, true);
    }
  }

  async #end(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    await this.clock.sleep(this.below(SLOW_MS));
    await this.api
      .delete(RESOURCES.pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
      .catch(() => {});
  }

  #setReady(pod: Pod, ready: boolean): Promise<void> {
    const status = ready ? "True" : "False";
    const lastTransitionTime = kubernetesTime(this.clock.now());
    const conditions = [{ type: "Ready", status, lastTransitionTime } as const];
    return this.#update(
      pod,
      (now) => ({ ...now, status: { ...now.status, phase: "Running", conditions } }),
      "status",
    );
  }

  async #update(pod: Pod, change: (now: Pod) => Pod, subresource?: string): Promise<void> {
    try {
      const now = await this.api.get<Pod>(RESOURCES.pods, pod.metadata);
      if (now.metadata.uid !== pod.metadata.uid || now.status?.phase === "Failed") return;
      await this.api.replace(RESOURCES.pods, change(now), { subresource });
    } catch {
      // It is gone.
    }
  }
}

const template = (tag: number) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "app", image: `web:${tag}` }] },
});
const ordinalOf = (pod: Pod) => Number(pod.metadata.name.split("-").at(-1));
const isGoing = (pod: Pod) => pod.metadata.deletionTimestamp !== undefined;

async function stormStatefulSet(seed: number, policy: "OrderedReady" | "Parallel"): Promise<void> {
  const storm = new Storm(seed);
  const controllers = (context: ControllerContext) => startStatefulSetController(context);
  await storm.start(controllers);
  let replicas = 3;
  const first = storm.below(3) * 4;
  const problems: string[] = [];
  storm.onPod = (pod, previous) => {
    const all = [...storm.pods.values()];
    const ordinal = ordinalOf(pod) - first;
    const twins = all.filter((other) => other.metadata.name === pod.metadata.name);
    if (twins.length > 1) problems.push(`two pods ${pod.metadata.name}`);
    if (policy === "Parallel") return;
    if (previous === undefined) {
      for (let below = 0; below < ordinal; below++) {
        const other = all.find((candidate) => ordinalOf(candidate) === first + below);
        if (other === undefined) problems.push(`${pod.metadata.name} came without web-${first + below}`);
      }
    } else if (isGoing(pod) && !isGoing(previous) && ordinal >= replicas && !byHand.has(pod.metadata.uid!)) {
      const higher = all.find((other) => ordinalOf(other) > first + ordinal);
      if (higher) problems.push(`${pod.metadata.name} went before ${higher.metadata.name}`);
    }
  };
  const byHand = new Set<string>();
  await storm.api.create<StatefulSet>(RESOURCES.statefulSets, {
    metadata: KEY,
    spec: {
      replicas,
      serviceName: "web",
      podManagementPolicy: policy,
      ordinals: { start: first },
      minReadySeconds: storm.below(3),
      updateStrategy: { rollingUpdate: { maxUnavailable: storm.below(3) + 1 } },
      selector: { matchLabels: { app: "web" } },
      template: template(1),
    },
  });
  const patch = (spec: object) =>
    storm.api.patch(RESOURCES.statefulSets, KEY, { type: "merge", body: { spec } });
  let tag = 1;
  await storm.rage([
    () => {
      replicas = storm.below(7);
      return patch({ replicas });
    },
    () => patch({ template: template(++tag) }),
    () => patch({ updateStrategy: { rollingUpdate: { partition: storm.below(4) } } }),
    () => {
      for (const pod of storm.pods.values()) byHand.add(pod.metadata.uid!);
      return storm.deleteSome();
    },
    () => storm.restartControllers(controllers),
    () => {},
  ]);
  assert.deepEqual(problems, []);
  const set = await storm.api.get<StatefulSet>(RESOURCES.statefulSets, KEY);
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const pods = [...storm.pods.values()].toSorted((a, b) => ordinalOf(a) - ordinalOf(b));
  assert.deepEqual(
    pods.map(ordinalOf),
    Array.from({ length: replicas }, (_, index) => first + index),
  );
  assert.ok(pods.every((pod) => isPodReady(pod) && !isGoing(pod)));
  const outdated = pods.filter(
    (pod) => pod.spec.containers[0].image !== `web:${tag}` && ordinalOf(pod) >= first + partition,
  );
  assert.deepEqual(
    outdated.map(({ metadata }) => metadata.name),
    [],
  );
  const { status } = set;
  assert.deepEqual([status!.replicas, status!.readyReplicas ?? 0], [replicas, replicas]);
  assert.equal(status!.observedGeneration, set.metadata.generation);
}

async function stormDeployment(seed: number): Promise<void> {
  const storm = new Storm(seed);
  const controllers = (context: ControllerContext) => {
    startReplicaSetController(context);
    startDeploymentController(context);
  };
  await storm.start(controllers);
  const maxSurge = `${storm.below(3) * 25 + 25}%`;
  const maxUnavailable = storm.below(3);
  let replicas = 3;
  let paused = false;
  let mostReplicas = 3;
  const problems: string[] = [];
  storm.onPod = (_pod, previous) => {
    const active = [...storm.pods.values()].filter((pod) => !isGoing(pod) && pod.status?.phase !== "Failed");
    const most = mostReplicas + scaledValue(maxSurge, mostReplicas, "up");
    if (previous === undefined && active.length > most)
      problems.push(`${active.length} pods, at most ${most} wanted`);
  };
  await storm.api.create<Deployment>(RESOURCES.deployments, {
    metadata: KEY,
    spec: {
      replicas,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
      selector: { matchLabels: { app: "web" } },
      template: template(1),
    },
  });
  const patch = (spec: object) =>
    storm.api.patch(RESOURCES.deployments, KEY, { type: "merge", body: { spec } });
  let tag = 1;
  await storm.rage([
    () => {
      replicas = storm.below(9);
      // While it shrinks, what was there before may still be.
      mostReplicas = Math.max(mostReplicas, replicas);
      return patch({ replicas });
    },
    () => patch({ template: template(storm.below(3) === 0 ? Math.max(1, tag - 1) : ++tag) }),
    () => {
      paused = !paused;
      return patch({ paused });
    },
    () => storm.deleteSome(),
    () => storm.restartControllers(controllers),
    () => {},
  ]);
  if (paused) {
    await patch({ paused: false });
    storm.restartControllers(controllers);
    await storm.clock.advance(CALM_MS);
  }
  assert.deepEqual(problems, []);
  const deployment = await storm.api.get<Deployment>(RESOURCES.deployments, KEY);
  const { image } = deployment.spec.template.spec.containers[0];
  const pods = [...storm.pods.values()].filter((pod) => !isGoing(pod) && pod.status?.phase !== "Failed");
  assert.deepEqual(
    pods.map(({ spec }) => spec.containers[0].image),
    Array.from({ length: replicas }, () => image),
  );
  assert.ok(pods.every(isPodReady));
  const { items } = await storm.api.list<ReplicaSet>(RESOURCES.replicaSets, { namespace: "default" });
  const busy = items.filter(({ spec }) => spec.replicas !== 0);
  assert.equal(busy.length, replicas === 0 ? 0 : 1);
  assert.equal(deployment.status?.updatedReplicas ?? 0, replicas);
  assert.equal(deployment.status?.readyReplicas ?? 0, replicas);
}

for (const seed of SEEDS) {
  test(`a StatefulSet survives a storm in order, seed ${seed}`, () => stormStatefulSet(seed, "OrderedReady"));
  test(`a parallel StatefulSet survives a storm, seed ${seed}`, () =>
    stormStatefulSet(seed + 1_000, "Parallel"));
  test(`a Deployment survives a storm, seed ${seed}`, () => stormDeployment(seed));
}
