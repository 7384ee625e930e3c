/**
 * What taints do besides keeping pods away: a cordoned node gets one (upstream `pkg/controller/nodelifecycle`), and pods
 * that do not tolerate a NoExecute taint, or no longer do, are deleted (`pkg/controller/tainteviction`).
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { objectKey } from "../../../wire/kubernetes/informer.ts";
import { tolerates } from "../../scheduler/selection.ts";
import type { Condition, Node, Pod, Taint } from "../../types.ts";
import { type ControllerContext, getIfExists, splitKey, startController } from "../controller.ts";
import { isPodTerminating } from "../pod-state.ts";

const UNSCHEDULABLE = "node.kubernetes.io/unschedulable";

/** Keeps the taint of cordoned nodes. */
export function startNodeTaintController(context: ControllerContext): void {
  const { api, clock } = context;
  const controller = startController({
    context,
    name: "node-controller",
    async reconcile(key) {
      const node = await getIfExists<Node>(api, RESOURCES.nodes, { name: key });
      if (node === undefined) return;
      const taints = node.spec?.taints ?? [];
      const others = taints.filter(
        ({ key: its, effect }) => its !== UNSCHEDULABLE || effect !== "NoSchedule",
      );
      const isTainted = others.length < taints.length;
      if (isTainted === Boolean(node.spec?.unschedulable)) return;
      const added: Taint = {
        key: UNSCHEDULABLE,
        effect: "NoSchedule",
        timeAdded: kubernetesTime(clock.now()),
      };
      const wanted = isTainted ? others : [...taints, added];
      const body = {
        metadata: { resourceVersion: node.metadata.resourceVersion },
        spec: { taints: wanted.length === 0 ? null : wanted },
      };
      await api.patch(RESOURCES.nodes, { name: key }, { type: "merge", body });
    },
  });
  controller.watch(RESOURCES.nodes);
}

/** Deletes pods for the taints of their nodes, at once or when their tolerations run out. */
export function startTaintEvictionController(context: ControllerContext): void {
  const { api, clock, informers } = context;
  const nodes = informers.of<Node>(RESOURCES.nodes);
  const pods = informers.of<Pod>(RESOURCES.pods);
  /** Since when the end of a pod is planned, by key. */
  const planned = new Map<string, { uid: string; sinceMs: number }>();
  const controller = startController({
    context,
    name: "taint-eviction-controller",
    async reconcile(key) {
      const pod = pods.objects.get(key);
      const taints = noExecuteTaints(pod && nodes.objects.get(pod.spec.nodeName ?? ""));
      const patienceMs = pod === undefined ? undefined : toleratedMs(pod, taints);
      const plan = planned.get(key);
      if (pod === undefined || isPodTerminating(pod) || patienceMs === undefined) {
        planned.delete(key);
        if (pod !== undefined && !isPodTerminating(pod) && plan !== undefined)
          record(pod, `Cancelling deletion of Pod ${key}`);
        return;
      }
      const sinceMs = plan?.uid === pod.metadata.uid ? plan!.sinceMs : clock.now();
      const leftMs = sinceMs + patienceMs - clock.now();
      if (leftMs > 0) {
        planned.set(key, { uid: pod.metadata.uid!, sinceMs });
        return leftMs;
      }
      planned.delete(key);
      record(pod, `Marking for deletion Pod ${key}`);
      await evict(pod);
    },
  });
  const record = (pod: Pod, message: string) =>
    controller.events.record(pod, "Normal", "TaintManagerEviction", message);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) => {
    const isAffected = noExecuteTaints(nodes.objects.get(pod.spec.nodeName ?? "")).length > 0;
    return isAffected || planned.has(objectKey(pod)) ? [objectKey(pod)] : [];
  });
  controller.watchMapped<Node>(RESOURCES.nodes, (node, previous) => {
    const same = JSON.stringify(noExecuteTaints(node)) === JSON.stringify(noExecuteTaints(previous));
    if (same) return [];
    return [...pods.objects]
      .filter(([, pod]) => pod.spec.nodeName === node.metadata.name)
      .map(([key]) => key);
  });

  async function evict(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    const condition: Condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
      lastTransitionTime: kubernetesTime(clock.now()),
      observedGeneration: pod.metadata.generation,
    };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    try {
      const body = { metadata: { uid }, status: { conditions: [...others, condition] } };
      const key = { namespace, name };
      await api.patch(RESOURCES.pods, { ...key, subresource: "status" }, { type: "merge", body });
      await api.delete(RESOURCES.pods, splitKey(`${namespace}/${name}`), { preconditions: { uid } });
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict")) throw error;
    }
  }
}

const noExecuteTaints = (node: Node | undefined): Taint[] =>
  (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");

/** How long a pod bears the taints: 0 when it does not bear one, undefined when it bears all of them for ever. */
function toleratedMs({ spec }: Pod, taints: Taint[]): number | undefined {
  const { tolerations = [] } = spec;
  const limits: number[] = [];
  for (const taint of taints) {
    const found = tolerations.find((toleration) => tolerates([toleration], taint));
    if (found === undefined) return 0;
    if (found.tolerationSeconds !== undefined) limits.push(Math.max(0, found.tolerationSeconds) * 1_000);
  }
  return limits.length === 0 ? undefined : Math.min(...limits);
}
