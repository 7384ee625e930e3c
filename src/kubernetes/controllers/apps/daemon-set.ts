/** DaemonSets: one pod on every node that takes it (Kubernetes 1.35 `pkg/controller/daemon`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { ControllerRevision, DaemonSet, Node, Pod } from "../../types.ts";
import { claimObjects } from "../claim-pods.ts";
import {
  type Controller,
  type ControllerContext,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "../controller.ts";
import { isPodAvailable, isPodFinished, isPodReady, isPodTerminating } from "../pod-state.ts";
import {
  type DaemonSetView,
  type NextSteps,
  neededPods,
  oldestFirst,
  type Placement,
  rollingUpdate,
} from "./daemon-set-placement.ts";
import { candidatePod, daemonPod, isUpdated, nodeOf, REVISION_LABEL } from "./daemon-set-pod.ts";
import { createFailureBackOff, type FailureBackOff } from "./failure-back-off.ts";
import { daemonRevisions, listRevisions, truncateHistory } from "./revision-history.ts";

/** At most so many pods are made or deleted in one go (`BurstReplicas`). */
export const DAEMON_BURST = 250;
/** A pod that failed on a node is replaced after 1 s, 2 s, … at most 15 minutes. */
const [BACK_OFF_MIN_MS, BACK_OFF_MAX_MS] = [1_000, 900_000];

/** Which nodes a template's pods can be on. The scheduler's business, so it is asked. */
export type PlacementOn = (pod: Pod, node: Node) => Placement;

export function startDaemonSetController(context: ControllerContext, placementOn: PlacementOn): void {
  const { informers, clock } = context;
  const backOff = createFailureBackOff(clock, { minMs: BACK_OFF_MIN_MS, maxMs: BACK_OFF_MAX_MS });
  const controller: Controller = startController({
    context,
    name: "daemonset-controller",
    reconcile: (key) => reconcile({ context, controller, placementOn, backOff }, key),
  });
  const sets = informers.of<DaemonSet>(RESOURCES.daemonSets);
  controller.watch(RESOURCES.daemonSets);
  controller.watchOwned(RESOURCES.pods, "DaemonSet");
  controller.watchMapped<Node>(RESOURCES.nodes, (node, previous) => {
    const facts = ({ spec, metadata }: Node) => JSON.stringify([spec, metadata.labels]);
    return previous !== undefined && node !== previous && facts(node) === facts(previous)
      ? []
      : sets.objects.keys();
  });
}

interface Parts {
  context: ControllerContext;
  controller: Controller;
  placementOn: PlacementOn;
  backOff: FailureBackOff;
}

async function reconcile(parts: Parts, key: string): Promise<number | undefined> {
  const { context, placementOn } = parts;
  const { api } = context;
  const set = await getIfExists<DaemonSet>(api, RESOURCES.daemonSets, splitKey(key));
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
  const { items: nodes } = await api.list<Node>(RESOURCES.nodes);
  const revisions = await listRevisions(context, set, "DaemonSet");
  const { current, old } = await daemonRevisions(context, set, revisions);
  const candidate = candidatePod(set);
  const placements = new Map(nodes.map((node) => [node.metadata.name, placementOn(candidate, node)]));
  const look = async (): Promise<DaemonSetView> => ({
    set,
    hash: current.metadata.labels![REVISION_LABEL],
    nowMs: context.clock.now(),
    nodes,
    placementOn: (node) => placements.get(node) ?? { shouldRun: false, shouldContinueRunning: false },
    pods: await podsByNode(context, set),
  });
  let againMs: number | undefined;
  let failure: unknown;
  try {
    againMs = await step(parts, look, old);
  } catch (error) {
    failure = error;
  }
  const reported = await reportStatus(context, await look());
  if (failure !== undefined) throw failure;
  return againMs ?? reported;
}

/** The pods that there are for each node. */
async function podsByNode(context: ControllerContext, set: DaemonSet): Promise<Map<string, Pod[]>> {
  const claimant = { owner: set, apiVersion: "apps/v1", kind: "DaemonSet", selector: set.spec.selector };
  const byNode = new Map<string, Pod[]>();
  for (const pod of await claimObjects<Pod>(context, RESOURCES.pods, claimant)) {
    const node = nodeOf(pod);
    if (node === undefined || (isPodFinished(pod) && isPodTerminating(pod))) continue;
    byNode.set(node, [...(byNode.get(node) ?? []), pod]);
  }
  return byNode;
}

async function step(
  parts: Parts,
  look: () => Promise<DaemonSetView>,
  old: ControllerRevision[],
): Promise<number | undefined> {
  const view = await look();
  const { set } = view;
  const waits: number[] = [];
  const steps = neededPods(view, (pod, node) => mayReplace(parts, set, pod, node, waits));
  await take(parts, view, steps);
  // What was just done is seen by the next pass, before more is undone.
  if (steps.create.length + steps.delete.length === 0 && set.spec.updateStrategy?.type !== "OnDelete")
    await take(parts, view, rollingUpdate(await look()));
  const live = new Set(
    [...view.pods.values()].flat().map(({ metadata }) => metadata.labels?.[REVISION_LABEL]),
  );
  await truncateHistory(parts.context, set, old, ({ metadata }) =>
    live.has(metadata.labels?.[REVISION_LABEL]),
  );
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** Says that a pod has ended; false while the node has had too many that failed. */
function mayReplace(
  { controller, backOff }: Parts,
  set: DaemonSet,
  pod: Pod,
  node: string,
  waits: number[],
): boolean {
  const { namespace, name } = pod.metadata;
  const where = `daemon pod ${namespace}/${name} on node ${node}, will try to`;
  if (pod.status?.phase === "Succeeded") {
    controller.events.record(set, "Normal", "SucceededDaemonPod", `Found succeeded ${where} delete it`);
    return true;
  }
  const key = `${set.metadata.uid}/${set.status?.observedGeneration ?? 0}/${node}`;
  const leftMs = backOff.remainingMs(key);
  if (leftMs > 0) {
    waits.push(leftMs);
    return false;
  }
  backOff.fail(key);
  controller.events.record(set, "Warning", "FailedDaemonPod", `Found failed ${where} kill it`);
  return true;
}

async function take({ context, controller }: Parts, view: DaemonSetView, steps: NextSteps): Promise<void> {
  const { api } = context;
  const { set, hash } = view;
  for (const node of steps.create.slice(0, DAEMON_BURST)) {
    try {
      const { metadata } = await api.create<Pod>(RESOURCES.pods, daemonPod(set, hash, node));
      controller.events.record(set, "Normal", "SuccessfulCreate", `Created pod: ${metadata.name}`);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) {
        const message = `Error creating: ${(error as Error).message}`;
        controller.events.record(set, "Warning", "FailedCreate", message);
      }
      throw error;
    }
  }
  for (const pod of steps.delete.slice(0, DAEMON_BURST)) {
    await deleteIfExists(api, RESOURCES.pods, pod);
    controller.events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }
}

/** @returns when to look again for pods that become available, in milliseconds */
async function reportStatus(context: ControllerContext, view: DaemonSetView): Promise<number | undefined> {
  const { set, hash, nowMs, nodes } = view;
  const { minReadySeconds = 0 } = set.spec;
  let [desired, current, misplaced, ready, available, updated] = [0, 0, 0, 0, 0, 0];
  for (const { metadata } of nodes) {
    const [oldest] = (view.pods.get(metadata.name) ?? []).toSorted(oldestFirst);
    if (!view.placementOn(metadata.name).shouldRun) {
      if (oldest !== undefined) misplaced++;
      continue;
    }
    desired++;
    if (oldest === undefined) continue;
    current++;
    if (isPodReady(oldest)) ready++;
    if (isPodAvailable(oldest, minReadySeconds, nowMs)) available++;
    if (isUpdated(set, oldest, hash)) updated++;
  }
  const { collisionCount } = set.status ?? {};
  await writeStatus(context.api, RESOURCES.daemonSets, set, {
    ...(collisionCount === undefined ? {} : { collisionCount }),
    currentNumberScheduled: current,
    numberMisscheduled: misplaced,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration: set.metadata.generation,
    ...(updated > 0 ? { updatedNumberScheduled: updated } : {}),
    ...(available > 0 ? { numberAvailable: available } : {}),
    ...(desired > available ? { numberUnavailable: desired - available } : {}),
  });
  return minReadySeconds > 0 && ready !== available ? minReadySeconds * 1_000 : undefined;
}
