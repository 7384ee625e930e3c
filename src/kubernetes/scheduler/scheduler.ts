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
import { CONTROL_PLANE_HOST } from "../control-plane-host.ts";
import { type ControllerContext, getIfExists, splitKey, startController } from "../controllers/controller.ts";
import type { PodDisruptionBudget } from "../controllers/policy/pod-disruption-budget.ts";
import type { Condition, Node, Pod } from "../types.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import { type Refusal, refusal, type Situation } from "./filters.ts";
import { fitText } from "./fit-text.ts";
import { createNodeInfos, type NodeInfo } from "./node-info.ts";
import { createPodLikes } from "./pod-likes.ts";
import { findPreemption, type Preemption } from "./preemption.ts";
import { bestNode } from "./scores.ts";
import { nodesNamedBy } from "./selection.ts";
import { bindVolumes, claimsOf } from "./volume-binding.ts";

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
  informers.of(RESOURCES.podDisruptionBudgets);
  const likes = createPodLikes(informers);
  const { api, clock } = context;
  const instance = `${SCHEDULER}-${CONTROL_PLANE_HOST}`;
  const events = createEventSeriesRecorder({ api, clock, component: SCHEDULER, instance });
  const failures = new FailedAttempts();
  const state: State = { context, events, assumed, likes, failures };
  const controller = startController({
    context,
    name: SCHEDULER,
    workers: 1,
    reconcile: (key) => schedule(state, key),
  });
  const waiting = () =>
    [...pods.objects.values()]
      .filter((pod) => isWaiting(pod))
      .sort(byPriority)
      .map(objectKey);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod, previous) => {
    if (pod.spec.nodeName !== undefined) assumed.delete(pod.metadata.uid!);
    if (pod === previous || pod.spec.nodeName) failures.forget(pod);
    if (pod.spec.nodeName && (pod === previous || hasEnded(pod, previous))) failures.podGone();
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

interface State {
  context: ControllerContext;
  events: EventRecorder;
  /** Bound by us, and not yet seen so in the informer. */
  assumed: Map<string, Pod>;
  likes: Situation["likes"];
  failures: FailedAttempts;
}

function hasEnded(pod: Pod, previous: Pod | undefined): boolean {
  const isOver = ({ status }: Pod) => ["Succeeded", "Failed"].includes(status?.phase ?? "");
  return previous !== undefined && isOver(pod) && !isOver(previous);
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

async function schedule(state: State, key: string): Promise<number | undefined> {
  const { context, events, assumed, likes } = state;
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
  const labelsOf = (name: string) => namespaces.get(name)?.metadata.labels;
  const named = nodesNamedBy(pod);
  const claims = named?.size === 0 ? "pod affinity terms conflict" : await claimsOf(api, pod);
  // Volumes are made when their claim is: no reason to raise an alarm before that can have happened.
  if (typeof claims === "string") {
    if (ageMs(context, pod) < VOLUME_PATIENCE_MS) return VOLUME_PATIENCE_MS;
    return reportFailure(state, pod, prefilterText(nodes.length, claims), [], undefined);
  }
  const situation: Situation = { pod, nodes, namespaces: labelsOf, claims, likes };
  const nominated = known.filter((other) => isWaiting(other) && isNominatedBefore(other, pod));
  const refusals = nodes.map((info) =>
    named?.has(info.node.metadata.name) === false ? NOT_NAMED : refusalBeside(situation, info, nominated),
  );
  const possible = nodes.filter((_info, index) => refusals[index] === undefined);
  if (possible.length === 0) {
    const budgets = informers.of<PodDisruptionBudget>(RESOURCES.podDisruptionBudgets).objects.values();
    const preemption = nodes.length === 0 ? "" : findPreemption(situation, refusals, [...budgets]);
    // Upstream does not look at the pod again until they have gone.
    if (preemption === undefined) return RETRY_MS;
    const text = failureText(nodes.length, refusals as Refusal[], preemption);
    const nominatedNode = typeof preemption === "string" ? undefined : preemption.node.metadata.name;
    const retryMs = await reportFailure(state, pod, text, refusals as Refusal[], nominatedNode);
    if (typeof preemption !== "string") await preempt(context, events, pod, preemption);
    return retryMs;
  }
  const { node } = bestNode(situation, possible);
  // The pod is bound once its claims are: their change wakes this up.
  if (await bindVolumes(api, claims, node)) return RETRY_MS;
  await bind(context, events, pod, node.metadata.name);
  assumed.set(pod.metadata.uid!, { ...pod, spec: { ...pod.spec, nodeName: node.metadata.name } });
}

/** The plugin that leaves all nodes out but those that the pod's affinity names. */
const NOT_NAMED: Refusal = {
  reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"],
  unresolvable: true,
};

/** Whether `other` waits for the room that was made for it, which `pod` must not take. */
function isNominatedBefore(other: Pod, pod: Pod): boolean {
  return (
    other.status?.nominatedNodeName !== undefined &&
    other.metadata.uid !== pod.metadata.uid &&
    (other.spec.priority ?? 0) >= (pod.spec.priority ?? 0)
  );
}

/** Room must be there with the pods that are to come, and company without them, since they may never come. */
function refusalBeside(situation: Situation, info: NodeInfo, nominated: Pod[]): Refusal | undefined {
  const coming = nominated.filter(({ status }) => status?.nominatedNodeName === info.node.metadata.name);
  if (coming.length > 0) {
    const bound = coming.map((pod) => ({ ...pod, spec: { ...pod.spec, nodeName: info.node.metadata.name } }));
    const [fuller] = createNodeInfos([info.node], [...info.pods, ...bound]);
    const nodes = situation.nodes.map((other) => (other === info ? fuller : other));
    const refused = refusal({ ...situation, nodes }, fuller);
    if (refused !== undefined) return refused;
  }
  return refusal(situation, info);
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

/** Resolves with when to try again, in milliseconds. */
async function reportFailure(
  { context, events, failures }: State,
  pod: Pod,
  message: string,
  refusals: Refusal[],
  nominatedNodeName: string | undefined,
): Promise<number> {
  const { api, clock } = context;
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
  const isKnown = before?.status === "False" && before.message === message && isNominated;
  const dueInMs = failures.dueInMs(pod, clock.now());
  if (isKnown && dueInMs !== 0) return Math.min(RETRY_MS, dueInMs ?? RETRY_MS);
  failures.failed(pod, clock.now(), refusals);
  events.record(pod, "Warning", "FailedScheduling", message, { action: "Scheduling" });
  if (isKnown) return RETRY_MS;
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
  return RETRY_MS;
}

/** What the plugin for claims of devices has to say to a pod that has none. */
const NO_CLAIMS = "no new claims to deallocate";

/** Where no node could change it. The plugin for claims of devices has not been asked yet, and says so to preemption. */
function prefilterText(nodeCount: number, problem: string): string {
  return `0/${nodeCount} nodes are available: ${problem}. not found`;
}

function failureText(nodeCount: number, refusals: Refusal[], preemption: Preemption | string): string {
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const text = fitText(nodeCount, refusals);
  // Preemption that helps has nothing to say.
  return typeof preemption === "string" ? `${text} ${NO_CLAIMS}, preemption: ${preemption}` : text;
}
