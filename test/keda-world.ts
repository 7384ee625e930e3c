/**
 * A small cluster in virtual time with KEDA and the HPA's controller in it, workloads whose pods do nothing, and a
 * program that answers with numbers which the test sets: for flows of which upstream has end-to-end tests.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonResponse } from "../src/base/network.ts";
import { untilAborted } from "../src/base/until-aborted.ts";
import { SCALED_OBJECTS, type ScaledObject, type ScaledObjectSpec } from "../src/keda/mod.ts";
import { type KubernetesApi, RESOURCES } from "../src/model/kubernetes-api.ts";
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";
import { isStatus } from "../src/model/kubernetes-status.ts";
import { SimulatedCluster } from "../src/simulation/world/simulated-cluster.ts";

const NAMESPACE = "flows";
/** Within it every flow has time to come to what it leads to. */
const LIMIT_SECONDS = 300;

export class KedaWorld {
  /** What `http://numbers.flows/<name>` answers: a number, or undefined for status 500. */
  readonly numbers: Record<string, number | undefined> = {};
  readonly cluster: SimulatedCluster;

  constructor() {
    this.cluster = new SimulatedCluster({
      seed: 1,
      startup: () => ({ minMs: 500, maxMs: 1000 }),
      modelled: {
        idle: ({ system }) => untilAborted(system.signal),
        numbers: async ({ system }) => {
          await system.network.serve({ host: "0.0.0.0", port: 80 }, ({ target }) => {
            const value = this.numbers[target.slice(1)];
            return value === undefined ? jsonResponse(500, {}) : jsonResponse(200, { value });
          });
          await untilAborted(system.signal);
        },
      },
    });
  }

  get api(): KubernetesApi {
    return this.cluster.api;
  }

  async start(): Promise<void> {
    await this.cluster.start();
    for (const name of [NAMESPACE, "keda"]) {
      await this.api.create(RESOURCES.namespaces, {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name },
      });
    }
    await this.deploy("keda-operator", 1, { namespace: "keda", image: "ghcr.io/kedacore/keda:2.20.2" });
    await this.deploy("numbers", 1, { image: "numbers:1" });
    await this.#service("keda-metrics-apiserver", "keda", { app: "keda-operator" });
    await this.#service("numbers", NAMESPACE, { app: "numbers" });
    await this.seconds(5);
  }

  stop(): void {
    this.cluster.stop();
  }

  async seconds(count: number): Promise<void> {
    await this.cluster.clock.advance(count * 1000);
  }

  async deploy(
    name: string,
    replicas: number,
    {
      namespace = NAMESPACE,
      image = "idle:1",
      kind = "Deployment",
    }: { namespace?: string; image?: string; kind?: "Deployment" | "ReplicaSet" | "StatefulSet" } = {},
  ): Promise<void> {
    const labels = { app: name };
    await this.api.create(resourceOf(kind), {
      apiVersion: "apps/v1",
      kind,
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        ...(kind === "StatefulSet" ? { serviceName: name } : {}),
        template: { metadata: { labels }, spec: { containers: [{ name: "main", image }] } },
      },
    } as KubernetesObject);
  }

  async #service(name: string, namespace: string, selector: Record<string, string>): Promise<void> {
    const metadata = { name, namespace };
    const spec = { selector, ports: [{ port: 80 }] };
    await this.api.create(RESOURCES.services, { apiVersion: "v1", kind: "Service", metadata, spec });
  }

  /** A ScaledObject that polls every 5 s and cools down for 10 s, unless told otherwise. */
  async scaledObject(
    target: string,
    spec: Partial<ScaledObjectSpec> & Pick<ScaledObjectSpec, "triggers">,
    annotations?: Record<string, string>,
  ): Promise<void> {
    await this.api.create<ScaledObject>(SCALED_OBJECTS, {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      metadata: { name: target, namespace: NAMESPACE, annotations },
      spec: { scaleTargetRef: { name: target }, pollingInterval: 5, cooldownPeriod: 10, ...spec },
    });
  }

  async patch(name: string, body: Record<string, unknown>): Promise<void> {
    await this.api.patch(SCALED_OBJECTS, { namespace: NAMESPACE, name }, { type: "merge", body });
  }

  annotate(name: string, annotations: Record<string, string | null>): Promise<void> {
    return this.patch(name, { metadata: { annotations } });
  }

  async scale(name: string, replicas: number): Promise<void> {
    const body = { spec: { replicas } };
    await this.api.patch(RESOURCES.deployments, { namespace: NAMESPACE, name }, { type: "merge", body });
  }

  /** Ready pods of a workload. */
  async ready(app: string): Promise<number> {
    const { items } = await this.api.list(RESOURCES.pods, {
      namespace: NAMESPACE,
      labelSelector: `app=${app}`,
    });
    return items.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status?.conditions?.some(
          (condition: { type: string; status: string }) =>
            condition.type === "Ready" && condition.status === "True",
        ),
    ).length;
  }

  /** Waits until a workload has so many ready pods. */
  async becomes(app: string, replicas: number, withinSeconds = LIMIT_SECONDS): Promise<void> {
    let ready = await this.ready(app);
    for (let second = 0; ready !== replicas && second < withinSeconds; second++) {
      await this.seconds(1);
      ready = await this.ready(app);
    }
    assert.equal(ready, replicas, `ready pods of ${app} after ${withinSeconds} s`);
  }

  /** A workload keeps its ready pods for so long. */
  async stays(app: string, replicas: number, seconds = 60): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      assert.equal(await this.ready(app), replicas, `ready pods of ${app} after ${second} s of ${seconds}`);
      await this.seconds(1);
    }
  }

  async hpaExists(name: string): Promise<boolean> {
    try {
      await this.api.get(RESOURCES.horizontalPodAutoscalers, { namespace: NAMESPACE, name });
      return true;
    } catch (error) {
      if (isStatus(error, "NotFound")) return false;
      throw error;
    }
  }

  condition(name: string, type: string): Promise<string | undefined> {
    return this.api.get<ScaledObject>(SCALED_OBJECTS, { namespace: NAMESPACE, name }).then((object) => {
      const found = object.status?.conditions?.find((candidate) => candidate.type === type);
      return found && `${found.status} ${found.reason}`;
    });
  }
}

function resourceOf(kind: "Deployment" | "ReplicaSet" | "StatefulSet") {
  if (kind === "StatefulSet") return RESOURCES.statefulSets;
  return kind === "ReplicaSet" ? RESOURCES.replicaSets : RESOURCES.deployments;
}

/** One pod of `app` asks for `1 / value` pods of the target. */
export function podsTrigger(app: string, value = "1", more: Record<string, unknown> = {}) {
  return { type: "kubernetes-workload", metadata: { podSelector: `app=${app}`, value }, ...more };
}

/** The number that the test sets. */
export function numberTrigger(name: string, targetValue: string, more: Record<string, unknown> = {}) {
  const metadata = { url: `http://numbers.${NAMESPACE}/${name}`, valueLocation: "value", targetValue };
  return { type: "metrics-api", metadata, ...more };
}

/** An HPA that goes down as soon as it may. */
export const PROMPT = {
  horizontalPodAutoscalerConfig: {
    behavior: { scaleDown: { stabilizationWindowSeconds: 0 }, scaleUp: { stabilizationWindowSeconds: 0 } },
  },
};

/** A test with a world of its own, `app` as the target and `asked` as the pods that its trigger counts. */
export function flow(
  name: string,
  replicas: { app: number; asked: number },
  run: (world: KedaWorld) => Promise<void>,
) {
  test(name, async () => {
    const world = new KedaWorld();
    try {
      await world.start();
      await world.deploy("app", replicas.app);
      await world.deploy("asked", replicas.asked);
      await world.becomes("asked", replicas.asked);
      await world.becomes("app", replicas.app);
      await run(world);
    } finally {
      world.stop();
    }
  });
}
