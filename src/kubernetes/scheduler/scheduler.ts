/**
 * kube-scheduler 1.35 with its default profile: filters, then scores, then binds, one pod at a time; a pod that finds no
 * room may end less important ones.
 */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { createEventSeriesRecorder } from "../../wire/kubernetes/event-series-recorder.ts";
import { objectKey } from "../../wire/kubernetes/informer.ts";
import { type ControllerContext, getIfExists, splitKey, startController } from "../controllers/controller.ts";
import type { Condition, Node, PersistentVolumeClaim, Pod } from "../types.ts";
import { type Refusal, refusal, type Situation } from "./filters.ts";
import { createNodeInfos } from "./node-info.ts";
import { findPreemption, type Preemption } from "./preemption.ts";
import { bestNode } from "./scores.ts";

/** A pod that found no place is tried again at least this often, in milliseconds; changes of the cluster try it at once. */
const RETRY_MS = 10_000;

/** How long a new pod's claims may be unbound before it is told, in milliseconds. */
const VOLUME_PATIENCE_MS = 2_000;

const SCHEDULER = "default-scheduler";

export function startScheduler(context: ControllerContext): void {
  const { informers } = context;
  /** Bound by us, and not yet seen so in the informer. */
  const assumed = new Map<string, Pod>();
  const pods = informers.of<Pod>(RESOURCES.pods);
  informers.of(RESOURCES.namespaces);
  const { api, clock } = context;
  const instance = `${SCHEDULER}-percolate-test-control-plane`;
  const events = createEventSeriesRecorder({ api, clock, component: SCHEDULER, instance });
  const controller = startController({
    context,
    name: SCHEDULER,
    workers: 1,
    reconcile: (key) => schedule(context, events, assumed, key),
  });
  const waiting = () =>
    [...pods.objects.values()]
      .filter((pod) => isWaiting(pod))
      .sort(byPriority)
      .map(objectKey);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod, previous) => {
    if (pod.spec.nodeName !== undefined) assumed.delete(pod.metadata.uid!);
    const isGone = pod === previous || pod.metadata.deletionTimestamp !== undefined;
    // Its room, or its company, may be what another one waits for.
    return isWaiting(pod)
      ? [objectKey(pod)]
      : isGone || previous?.status?.phase !== pod.status?.phase
        ? waiting()
        : [];
  });
  controller.watchMapped<Node>(RESOURCES.nodes, (node, previous) => {
    const facts = ({ spec, metadata, status }: Node) =>
      JSON.stringify([spec, metadata.labels, status?.allocatable]);
    return previous !== undefined && node !== previous && facts(node) === facts(previous) ? [] : waiting();
  });
  controller.watchMapped(RESOURCES.persistentVolumeClaims, waiting);
}

function isWaiting(pod: Pod): boolean {
  const { schedulerName = SCHEDULER } = pod.spec;
  return (
    !pod.spec.nodeName &&
    pod.metadata.deletionTimestamp === undefined &&
    (pod.spec.schedulingGates ?? []).length === 0 &&
    schedulerName === SCHEDULER
  );
}

function byPriority(a: Pod, b: Pod): number {
  return (b.spec.priority ?? 0) - (a.spec.priority ?? 0);
}

async function schedule(
  context: ControllerContext,
  events: EventRecorder,
  assumed: Map<string, Pod>,
  key: string,
): Promise<number | undefined> {
  const { api, informers } = context;
  const pod = await getIfExists<Pod>(api, RESOURCES.pods, splitKey(key));
  if (pod === undefined || !isWaiting(pod)) return;
  const known = [...informers.of<Pod>(RESOURCES.pods).objects.values()];
  const bound = known.filter(({ metadata }) => !assumed.has(metadata.uid!));
  const nodes = createNodeInfos(informers.of<Node>(RESOURCES.nodes).objects.values(), [
    ...bound,
    ...assumed.values(),
  ]);
  const namespaces = informers.of(RESOURCES.namespaces).objects;
  const situation: Situation = { pod, nodes, namespaces: (name) => namespaces.get(name)?.metadata.labels };
  const problem = await claimProblem(context, pod);
  // Volumes are made when their claim is: no reason to raise an alarm before that can have happened.
  if (problem !== undefined && ageMs(context, pod) < VOLUME_PATIENCE_MS) return VOLUME_PATIENCE_MS;
  const refusals = problem === undefined ? nodes.map((info) => refusal(situation, info)) : [];
  const possible = problem === undefined ? nodes.filter((_info, index) => refusals[index] === undefined) : [];
  if (possible.length === 0) {
    const preemption = problem === undefined ? findPreemption(situation, refusals) : undefined;
    const why = problem ?? (refusals as Refusal[]);
    await reportFailure(context, events, pod, nodes.length, why, preemption?.node.metadata.name);
    if (preemption !== undefined) await preempt(context, events, pod, preemption);
    return RETRY_MS;
  }
  const { node } = bestNode(situation, possible);
  await bind(context, events, pod, node.metadata.name);
  assumed.set(pod.metadata.uid!, { ...pod, spec: { ...pod.spec, nodeName: node.metadata.name } });
}

async function bind(
  context: ControllerContext,
  events: EventRecorder,
  pod: Pod,
  nodeName: string,
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  const binding: KubernetesObject & { target: unknown } = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { namespace, name, uid },
    target: { kind: "Node", name: nodeName },
  };
  await context.api.create(RESOURCES.pods, binding, { subresource: "binding" });
  const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
  events.record(pod, "Normal", "Scheduled", message, { action: "Binding" });
}

function ageMs({ clock }: ControllerContext, pod: Pod): number {
  return clock.now() - Date.parse(pod.metadata.creationTimestamp ?? "");
}

/** Claims must be there and bound; volumes of this cluster are reached from every node. */
async function claimProblem({ api }: ControllerContext, pod: Pod): Promise<string | undefined> {
  for (const { persistentVolumeClaim } of pod.spec.volumes ?? []) {
    if (persistentVolumeClaim === undefined) continue;
    const key = { namespace: pod.metadata.namespace, name: persistentVolumeClaim.claimName };
    const claim = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, key);
    if (claim === undefined) return `persistentvolumeclaim ${JSON.stringify(key.name)} not found`;
    if (claim.metadata.deletionTimestamp !== undefined) {
      return `persistentvolumeclaim ${JSON.stringify(key.name)} is being deleted`;
    }
    if (claim.status?.phase !== "Bound") return "pod has unbound immediate PersistentVolumeClaims";
  }
  return undefined;
}

/** The victims are told why, and go within their own grace. Their room is kept for nobody: upstream does that too. */
async function preempt(
  { api, clock }: ControllerContext,
  events: EventRecorder,
  pod: Pod,
  { node, victims }: Preemption,
): Promise<void> {
  const condition: Condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "PreemptionByScheduler",
    message: "default-scheduler: preempting to accommodate a higher priority pod",
    lastTransitionTime: kubernetesTime(clock.now()),
  };
  for (const victim of victims) {
    if (victim.metadata.deletionTimestamp !== undefined) continue;
    const { namespace, name, uid, generation } = victim.metadata;
    const conditions = (victim.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    try {
      await api.updateStatus(RESOURCES.pods, {
        ...victim,
        metadata: { ...victim.metadata, resourceVersion: undefined },
        status: {
          ...victim.status,
          conditions: [...conditions, { ...condition, observedGeneration: generation }],
        },
      });
      await api.delete(RESOURCES.pods, { namespace, name }, { preconditions: { uid } });
      const message = `Preempted by pod ${pod.metadata.uid} on node ${node.metadata.name}`;
      events.record(victim, "Normal", "Preempted", message, { action: "Preempting", related: pod });
    } catch (error) {
      if (!isStatus(error, "Conflict", "NotFound")) throw error;
    }
  }
}

async function reportFailure(
  context: ControllerContext,
  events: EventRecorder,
  pod: Pod,
  nodeCount: number,
  why: string | Refusal[],
  nominatedNodeName: string | undefined,
): Promise<void> {
  const { api, clock } = context;
  // The plugin for claims of devices has not been asked yet, and says so when preemption asks it.
  const message =
    typeof why === "string"
      ? `0/${nodeCount} nodes are available: ${why}. not found`
      : fitError(nodeCount, why, nominatedNodeName !== undefined);
  const condition: Condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastProbeTime: null,
    lastTransitionTime: kubernetesTime(clock.now()),
    observedGeneration: pod.metadata.generation,
  };
  const before = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const isNominated = nominatedNodeName === undefined || pod.status?.nominatedNodeName === nominatedNodeName;
  if (before?.status === "False" && before.message === message && isNominated) return;
  events.record(pod, "Warning", "FailedScheduling", message, { action: "Scheduling" });
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  if (before?.status === "False") condition.lastTransitionTime = before.lastTransitionTime;
  try {
    await api.updateStatus(RESOURCES.pods, {
      ...pod,
      status: {
        ...pod.status,
        phase: "Pending",
        conditions: [...others, condition],
        ...(nominatedNodeName !== undefined && { nominatedNodeName }),
      },
    });
  } catch (error) {
    if (!isStatus(error, "Conflict", "NotFound")) throw error;
  }
}

/** What the plugin for claims of devices has to say to a pod that has none. */
const NO_CLAIMS = "no new claims to deallocate";

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) …. preemption: …` (upstream `FitError`). */
export function fitError(nodeCount: number, refusals: Refusal[], preempts = false): string {
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const counts = new Map<string, number>();
  for (const { reasons } of refusals) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  // Preemption that helps has nothing to say.
  if (preempts) return `0/${nodeCount} nodes are available: ${parts.join(", ")}.`;
  const hopeless = refusals.filter(({ unresolvable }) => unresolvable).length;
  const others = refusals.length - hopeless;
  const preemption = [
    ...(others > 0 ? [`${others} No preemption victims found for incoming pod`] : []),
    ...(hopeless > 0 ? [`${hopeless} Preemption is not helpful for scheduling`] : []),
  ].sort();
  return (
    `0/${nodeCount} nodes are available: ${parts.join(", ")}. ` +
    `${NO_CLAIMS}, preemption: 0/${nodeCount} nodes are available: ${preemption.join(", ")}.`
  );
}
