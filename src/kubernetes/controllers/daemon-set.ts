/** DaemonSets: one pod on every node that takes it (upstream `pkg/controller/daemon`), replaced one by one. */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { DaemonSet, Node, Pod } from "../types.ts";
import { claimObjects } from "./claim-pods.ts";
import {
  type Controller,
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "./controller.ts";
import { podFromTemplate } from "./pod-from-template.ts";
import {
  isPodAvailable,
  isPodFinished,
  isPodReady,
  isPodTerminating,
  podAvailableInMs,
} from "./pod-state.ts";
import { listRevisions, truncateHistory, updateRevision } from "./revision-history.ts";
import { scaledValue } from "./scaled-value.ts";

const REVISION_LABEL = "controller-revision-hash";
/** Taints that daemon pods tolerate, so that they run where others may not (`AddOrUpdateDaemonPodTolerations`). */
const TOLERATED: [key: string, effect: string][] = [
  ["node.kubernetes.io/not-ready", "NoExecute"],
  ["node.kubernetes.io/unreachable", "NoExecute"],
  ["node.kubernetes.io/disk-pressure", "NoSchedule"],
  ["node.kubernetes.io/memory-pressure", "NoSchedule"],
  ["node.kubernetes.io/pid-pressure", "NoSchedule"],
  ["node.kubernetes.io/unschedulable", "NoSchedule"],
];

/** Which nodes a template's pods can be on. The scheduler's business, so it is asked. */
export type NodeFits = (pod: Pod, node: Node) => boolean;

export function startDaemonSetController(context: ControllerContext, fits: NodeFits): void {
  const { informers } = context;
  const controller: Controller = startController({
    context,
    name: "daemonset-controller",
    reconcile: (key) => reconcile(context, controller, fits, key),
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

async function reconcile(
  context: ControllerContext,
  controller: Controller,
  fits: NodeFits,
  key: string,
): Promise<number | undefined> {
  const { api } = context;
  const set = await getIfExists<DaemonSet>(api, RESOURCES.daemonSets, splitKey(key));
  if (set === undefined) return;
  const claimant = { owner: set, apiVersion: "apps/v1", kind: "DaemonSet", selector: set.spec.selector };
  const pods = await claimObjects<Pod>(context, RESOURCES.pods, claimant);
  if (set.metadata.deletionTimestamp !== undefined) return;
  const revisions = await listRevisions(context, set, "DaemonSet");
  const revision = await updateRevision(context, set, "DaemonSet", revisions);
  const hash = revision.metadata.labels!["controller.kubernetes.io/hash"];
  const { items: nodes } = await api.list<Node>(RESOURCES.nodes);
  const wanted = nodes.filter((node) => fits(daemonPod(set, hash, node.metadata.name), node));
  await place(context, controller, set, hash, wanted, pods);
  if (set.spec.updateStrategy?.type !== "OnDelete")
    await replaceOld(context, controller, set, hash, wanted, pods);
  await reportStatus(context, set, hash, nodes, wanted, pods);
  const live = new Set(pods.map((pod) => `${set.metadata.name}-${pod.metadata.labels?.[REVISION_LABEL]}`));
  await truncateHistory(context, set, revisions, new Set([...live, revision.metadata.name]));
  const { minReadySeconds = 0 } = set.spec;
  const waits = pods.flatMap((pod) => podAvailableInMs(pod, minReadySeconds, context.clock.now()) || []);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function daemonPod(set: DaemonSet, hash: string, node: string): Pod {
  const owner = controllerReference(set, "apps/v1", "DaemonSet");
  const generateName = `${set.metadata.name}-`;
  const pod = podFromTemplate(set.spec.template, set.metadata.namespace!, owner, { generateName });
  pod.metadata.labels = { ...pod.metadata.labels, [REVISION_LABEL]: hash };
  pod.spec.tolerations = [
    ...(pod.spec.tolerations ?? []),
    ...TOLERATED.map(([key, effect]) => ({ key, effect, operator: "Exists" as const })),
  ];
  const matchFields = [{ key: "metadata.name", operator: "In" as const, values: [node] }];
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = (required?.nodeSelectorTerms ?? [{}]).map((term) => ({ ...term, matchFields }));
  pod.spec.affinity = {
    ...pod.spec.affinity,
    nodeAffinity: {
      ...pod.spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
    },
  };
  return pod;
}

/** The node that a pod is on, or meant for. */
function nodeOf(pod: Pod): string | undefined {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return pod.spec.nodeName ?? terms?.[0]?.matchFields?.[0]?.values?.[0];
}

/** Missing pods are made; ended ones, second ones and those on nodes that are no longer meant are deleted. */
async function place(
  context: ControllerContext,
  controller: Controller,
  set: DaemonSet,
  hash: string,
  wanted: Node[],
  pods: Pod[],
): Promise<void> {
  const { api } = context;
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const kept = new Set<string>();
  for (const pod of pods.toSorted(
    (a, b) => Date.parse(a.metadata.creationTimestamp!) - Date.parse(b.metadata.creationTimestamp!),
  )) {
    if (isPodTerminating(pod)) continue;
    const node = nodeOf(pod);
    if (pod.status?.phase === "Failed") {
      const where = `on node ${pod.spec.nodeName}`;
      const message = `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} ${where}, will try to kill it`;
      controller.events.record(set, "Warning", "FailedDaemonPod", message);
    }
    if (isPodFinished(pod) || node === undefined || !names.has(node) || kept.has(node)) {
      await deleteIfExists(api, RESOURCES.pods, pod);
      controller.events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
    } else kept.add(node);
  }
  const leaving = new Set(pods.filter(isPodTerminating).map(nodeOf));
  for (const name of names) {
    if (kept.has(name) || leaving.has(name)) continue;
    const created = await api.create<Pod>(RESOURCES.pods, daemonPod(set, hash, name));
    controller.events.record(set, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
  }
}

/** Old pods go as long as no more than `maxUnavailable` are missing. */
async function replaceOld(
  context: ControllerContext,
  controller: Controller,
  set: DaemonSet,
  hash: string,
  wanted: Node[],
  pods: Pod[],
): Promise<void> {
  const { api, clock } = context;
  const limit = scaledValue(set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, wanted.length, "up");
  const isUp = (pod: Pod) =>
    !isPodTerminating(pod) && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, clock.now());
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  let missing = names.size - new Set(pods.filter(isUp).map(nodeOf)).size;
  const old = pods.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] !== hash && !isPodTerminating(pod));
  // Those that don't run are replaced first: it costs nothing.
  for (const pod of old.toSorted((a, b) => Number(isUp(a)) - Number(isUp(b)))) {
    if (isUp(pod) && missing++ >= limit) return;
    await deleteIfExists(api, RESOURCES.pods, pod);
    controller.events.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }
}

async function reportStatus(
  context: ControllerContext,
  set: DaemonSet,
  hash: string,
  nodes: Node[],
  wanted: Node[],
  pods: Pod[],
): Promise<void> {
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const nowMs = context.clock.now();
  const running = pods.filter((pod) => !isPodTerminating(pod));
  const there = running.filter((pod) => names.has(nodeOf(pod) ?? ""));
  const available = there.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)).length;
  const others = nodes.filter(({ metadata }) => !names.has(metadata.name));
  const misplaced = others.filter(({ metadata }) => running.some((pod) => nodeOf(pod) === metadata.name));
  const unavailable = wanted.length - available;
  await writeStatus(context.api, RESOURCES.daemonSets, set, {
    currentNumberScheduled: there.length,
    numberMisscheduled: misplaced.length,
    desiredNumberScheduled: wanted.length,
    numberReady: there.filter(isPodReady).length,
    observedGeneration: set.metadata.generation,
    updatedNumberScheduled: there.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === hash).length,
    ...(available > 0 ? { numberAvailable: available } : {}),
    ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
  });
}
