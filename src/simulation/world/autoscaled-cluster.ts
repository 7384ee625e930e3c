/**
 * A small cluster in memory for tests of what scales: the API's store with KEDA's kinds, one StatefulSet whose pods
 * come and go as its replicas say, and the API server's hand-over of metrics to whoever serves them.
 */
import type { Clock } from "../../base/clock.ts";
import type { HttpHandler } from "../../base/network.ts";
import { bodyOf } from "../../base/network.ts";
import { seededRandom } from "../../base/random.ts";
import { ClusterStore, type GetJson, type ResourceInfo } from "../../kubernetes/mod.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";

/** The kinds of KEDA, as its CustomResourceDefinitions name them. */
const KEDA_KINDS: [kind: string, resource: string, namespaced: boolean][] = [
  ["ScaledObject", "scaledobjects", true],
  ["TriggerAuthentication", "triggerauthentications", true],
  ["ClusterTriggerAuthentication", "clustertriggerauthentications", false],
  ["ScaledJob", "scaledjobs", true],
];

export function createMemoryCluster(clock: Clock, seed = 1): KubernetesApi {
  const store = new ClusterStore({ clock, random: seededRandom(seed) });
  registerKedaKinds(store);
  return store;
}

/** What applying KEDA's CustomResourceDefinitions does. */
export function registerKedaKinds(store: ClusterStore): void {
  for (const [kind, resource, namespaced] of KEDA_KINDS) {
    store.context.registry.addCustom(customKind(kind, resource, namespaced));
  }
}

function customKind(kind: string, resource: string, namespaced: boolean): ResourceInfo {
  return {
    group: "keda.sh",
    version: "v1alpha1",
    resource,
    collection: `${resource}.keda.sh`,
    kind,
    listKind: `${kind}List`,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced,
    hasStatus: true,
    subresources: [],
    hasGeneration: true,
    isCustom: true,
  };
}

export interface StatefulSetOptions {
  api: KubernetesApi;
  clock: Clock;
  namespace: string;
  name: string;
  replicas: number;
  /** The first container's environment. */
  env?: { name: string; value: string }[];
  /** From creation of a pod to its readiness. @default 0 */
  readyAfterMs?: () => number;
  signal: AbortSignal;
}

/** A StatefulSet, and in place of controller and kubelet something that makes its pods: ready after a while. */
export async function addStatefulSet(options: StatefulSetOptions): Promise<void> {
  const { api, clock, namespace, name, replicas, env, signal, readyAfterMs = () => 0 } = options;
  const labels = { app: name };
  await api.create(RESOURCES.statefulSets, {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name, namespace },
    spec: {
      replicas,
      serviceName: name,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "main", env }] } },
    },
  });
  const pods: { name: string; ready: boolean }[] = [];
  const makeReady = async (pod: { name: string; ready: boolean }) => {
    if (!pods.includes(pod) || signal.aborted) return;
    pod.ready = true;
    const object = await api.get(RESOURCES.pods, { namespace, name: pod.name });
    const time = kubernetesTime(clock.now());
    const conditions = [{ type: "Ready", status: "True", lastTransitionTime: time }];
    await api.updateStatus(RESOURCES.pods, {
      ...object,
      status: { phase: "Running", startTime: time, conditions },
    });
  };
  const follow = async () => {
    const set = await api.get(RESOURCES.statefulSets, { namespace, name });
    while (pods.length < set.spec.replicas) {
      const pod = { name: `${name}-${pods.length}`, ready: false };
      pods.push(pod);
      await api.create(RESOURCES.pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: pod.name, namespace, labels },
        spec: { containers: [{ name: "main", image: "main" }] },
      } as KubernetesObject);
      clock.after(readyAfterMs(), () => void makeReady(pod));
    }
    while (pods.length > set.spec.replicas) {
      const pod = pods.pop()!;
      await api.delete(RESOURCES.pods, { namespace, name: pod.name }, { gracePeriodSeconds: 0 });
    }
    if (set.status?.replicas !== pods.length) {
      await api.updateStatus(RESOURCES.statefulSets, {
        ...set,
        status: { ...set.status, replicas: pods.length },
      });
    }
  };
  await follow();
  void (async () => {
    for await (const { object } of api.watch(RESOURCES.statefulSets, { namespace, signal })) {
      if (object.metadata.name === name && !signal.aborted) await follow();
    }
  })();
}

/** The API server's aggregation: GETs below a metrics group go to a handler. */
export function aggregate(handlers: Record<string, HttpHandler>): GetJson {
  return async (path) => {
    const group = path.split("/")[2];
    const handler = handlers[group];
    if (handler === undefined) throw new Error("the server could not find the requested resource");
    const response = await handler({
      method: "GET",
      target: path,
      headers: {},
      body: bodyOf(),
      remoteAddress: "",
      signal: new AbortController().signal,
    });
    const answer = JSON.parse(String(response.body));
    if (response.status !== 200) throw new Error(answer.message ?? `status ${response.status}`);
    return answer;
  };
}
