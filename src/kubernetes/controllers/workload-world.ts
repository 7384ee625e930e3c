/**
 * A cluster without machines, for the tests of controllers: the store, a virtual clock, and a stand-in for scheduler and
 * kubelet that makes pods ready and lets deleted ones end.
 */
import type { Clock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";
import { ClusterStore } from "../api-server/cluster-store.ts";
import type { Pod } from "../types.ts";
import { nodeOf } from "./apps/daemon-set-pod.ts";
import { type ControllerContext, Informers } from "./controller.ts";
import type { ServedResource } from "./core/served-resource.ts";

export interface WorkloadWorld {
  api: ClusterStore;
  context: ControllerContext;
  /** All that the store serves and that can be deleted. */
  served(): ServedResource[];
  /** Pods in their order of creation, the ended ones gone. */
  pods(): Promise<Pod[]>;
  stop(): void;
}

export interface WorkloadWorldOptions {
  clock: Clock & { monotonic(): number };
  /** From creation to ready, milliseconds; undefined: never. @default 100 */
  readyAfterMs?: (pod: Pod) => number | undefined;
  /** From deletion to gone, milliseconds. @default 50 */
  goneAfterMs?: number;
}

export async function createWorkloadWorld(options: WorkloadWorldOptions): Promise<WorkloadWorld> {
  const { clock, readyAfterMs = () => 100, goneAfterMs = 50 } = options;
  const stop = new AbortController();
  const random = seededRandom(7);
  const api = new ClusterStore({ clock, random });
  const informers = new Informers({ api, clock, log: silentLogger, signal: stop.signal });
  const context = { api, clock, random, log: silentLogger, informers, signal: stop.signal };
  let addresses = 0;
  informers.onChange<Pod>(RESOURCES.pods, (pod, previous) => {
    if (pod === undefined) return;
    const { name, namespace, uid } = pod.metadata;
    if (previous === undefined) {
      const delayMs = readyAfterMs(pod);
      void bind(pod);
      if (delayMs !== undefined) clock.after(delayMs, () => void run(pod));
    }
    if (pod.metadata.deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined) {
      const remove = () =>
        api.delete(RESOURCES.pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      clock.after(goneAfterMs, () => void remove().catch(() => {}));
    }
  });

  async function bind(pod: Pod): Promise<void> {
    const { namespace, name } = pod.metadata;
    const target = { kind: "Node", name: nodeOf(pod) ?? "node-1" };
    const binding = { metadata: { namespace, name }, target };
    // Deleted in the meantime, perhaps.
    await api.create(RESOURCES.pods, binding as KubernetesObject, { subresource: "binding" }).catch(() => {});
  }

  async function run(pod: Pod): Promise<void> {
    const lastTransitionTime = kubernetesTime(clock.now());
    const podIP = `127.9.0.${++addresses}`;
    const conditions = [{ type: "Ready" as const, status: "True" as const, lastTransitionTime }];
    await update(pod, (now) => ({ ...now, status: { phase: "Running", podIP, conditions } }), "status");
  }

  async function update(pod: Pod, change: (now: Pod) => Pod, subresource: string | undefined): Promise<void> {
    const { namespace, name } = pod.metadata;
    try {
      const now = await api.get<Pod>(RESOURCES.pods, { namespace, name });
      if (now.metadata.uid === pod.metadata.uid)
        await api.replace(RESOURCES.pods, change(now), { subresource });
    } catch {
      // Deleted in the meantime.
    }
  }

  return {
    api,
    context,
    served: () => api.context.registry.all().filter(({ verbs }) => verbs === undefined),
    pods: async () => (await api.list<Pod>(RESOURCES.pods)).items,
    stop: () => stop.abort(),
  };
}
