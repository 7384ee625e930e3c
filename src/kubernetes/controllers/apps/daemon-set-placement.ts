/**
 * Which pods a DaemonSet makes and deletes next: to have one on every node that takes it (`podsShouldBeOnNode`), and to
 * replace old ones (`rollingUpdate`). Both only decide.
 */
import type { DaemonSet, Node, Pod } from "../../types.ts";
import { isPodAvailable, isPodReady, isPodTerminating } from "../pod-state.ts";
import { scaledValue } from "../scaled-value.ts";
import { isUpdated, REVISION_LABEL } from "./daemon-set-pod.ts";

/** Whether a daemon pod belongs on a node, and whether one that is there may stay. */
export interface Placement {
  shouldRun: boolean;
  shouldContinueRunning: boolean;
}

export interface DaemonSetView {
  set: DaemonSet;
  /** Of the newest revision. */
  hash: string;
  nowMs: number;
  nodes: Node[];
  placementOn(node: string): Placement;
  /** By node, those that are not both ended and deleted. */
  pods: ReadonlyMap<string, Pod[]>;
}

export interface NextSteps {
  /** Names of nodes that get a pod. */
  create: string[];
  delete: Pod[];
}

/**
 * What is missing and what is too much.
 *
 * @param onEnded is told of pods that have ended; false leaves the pod for later (it is in back-off)
 */
export function neededPods(view: DaemonSetView, onEnded: (pod: Pod, node: string) => boolean): NextSteps {
  const steps: NextSteps = { create: [], delete: [] };
  for (const { metadata } of view.nodes) {
    const onNode = view.pods.get(metadata.name);
    const { shouldRun, shouldContinueRunning } = view.placementOn(metadata.name);
    if (shouldRun && onNode === undefined) steps.create.push(metadata.name);
    else if (shouldContinueRunning)
      continueOnNode(view, metadata.name, onNode ?? [], shouldRun, steps, onEnded);
    else steps.delete.push(...(onNode ?? []).filter((pod) => !isPodTerminating(pod)));
  }
  // The scheduler can't bind them any more, and nobody else would remove them.
  const names = new Set(view.nodes.map(({ metadata }) => metadata.name));
  for (const [node, pods] of view.pods)
    if (!names.has(node)) steps.delete.push(...pods.filter(({ spec }) => !spec.nodeName));
  return steps;
}

function continueOnNode(
  { set, hash, nowMs }: DaemonSetView,
  node: string,
  onNode: Pod[],
  shouldRun: boolean,
  steps: NextSteps,
  onEnded: (pod: Pod, node: string) => boolean,
): void {
  const running: Pod[] = [];
  for (const pod of onNode) {
    if (isPodTerminating(pod)) continue;
    const { phase } = pod.status ?? {};
    if (phase !== "Failed" && phase !== "Succeeded") running.push(pod);
    else if (onEnded(pod, node)) steps.delete.push(pod);
  }
  running.sort(oldestFirst);
  if (limits(set, 1).maxSurge === 0) {
    steps.delete.push(...running.slice(1));
    return;
  }
  if (running.length === 0 && shouldRun) steps.create.push(node);
  if (running.length <= 1) return;
  // Two may be there while the new one is on its way up and the old one still serves.
  const isNew = (pod: Pod) => pod.metadata.labels?.[REVISION_LABEL] === hash;
  const newest = running.find(isNew);
  const old = running.find((pod) => !isNew(pod));
  steps.delete.push(...running.filter((pod) => pod !== newest && pod !== old));
  if (newest === undefined || old === undefined) return;
  if (!isPodReady(old) || isPodAvailable(newest, set.spec.minReadySeconds ?? 0, nowMs))
    steps.delete.push(old);
}

/** Scheduled ones go first, then the older ones. */
export function oldestFirst(a: Pod, b: Pod): number {
  const created = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp ?? "") || 0;
  return (
    Number(!a.spec.nodeName) - Number(!b.spec.nodeName) ||
    created(a) - created(b) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}

/** Old pods that may go now, and nodes that get a new one besides their old one. */
export function rollingUpdate(view: DaemonSetView): NextSteps {
  const desired = view.nodes.filter(({ metadata }) => view.placementOn(metadata.name).shouldRun);
  const pods = new Map(view.pods);
  for (const { metadata } of desired) if (!pods.has(metadata.name)) pods.set(metadata.name, []);
  const { maxSurge, maxUnavailable } = limits(view.set, desired.length);
  return maxSurge === 0
    ? replaceInPlace(view, pods, maxUnavailable)
    : surge(view, pods, maxSurge, desired.length);
}

/** `maxUnavailable` and `maxSurge` as numbers of pods. */
export function limits(set: DaemonSet, desired: number): { maxUnavailable: number; maxSurge: number } {
  const { type, rollingUpdate: update = {} } = set.spec.updateStrategy ?? {};
  if (type === "OnDelete") return { maxUnavailable: 0, maxSurge: 0 };
  const maxSurge = scaledValue(update.maxSurge ?? 0, desired, "up");
  const maxUnavailable = scaledValue(update.maxUnavailable ?? 1, desired, "up");
  // Neither would never end.
  return desired > 0 && maxSurge === 0 && maxUnavailable === 0
    ? { maxUnavailable: 1, maxSurge }
    : { maxUnavailable, maxSurge };
}

interface Pair {
  newPod?: Pod;
  oldPod?: Pod;
}

/** The one new and the one old pod of a node; undefined when there are more, which `neededPods` sorts out. */
function pairOn({ set, hash }: DaemonSetView, pods: Pod[]): Pair | undefined {
  const pair: Pair = {};
  for (const pod of pods) {
    if (isPodTerminating(pod)) continue;
    const field = isUpdated(set, pod, hash) ? "newPod" : "oldPod";
    if (pair[field] !== undefined) return undefined;
    pair[field] = pod;
  }
  return pair;
}

function replaceInPlace(view: DaemonSetView, pods: Map<string, Pod[]>, maxUnavailable: number): NextSteps {
  const isAvailable = (pod: Pod) => isPodAvailable(pod, view.set.spec.minReadySeconds ?? 0, view.nowMs);
  let unavailable = 0;
  const free: Pod[] = [];
  const candidates: Pod[] = [];
  for (const onNode of pods.values()) {
    const pair = pairOn(view, onNode);
    const { newPod, oldPod } = pair ?? {};
    if (newPod !== undefined && oldPod === undefined) {
      if (!isAvailable(newPod)) unavailable++;
    } else if (oldPod === undefined || newPod !== undefined) {
      unavailable++;
    } else if (!isAvailable(oldPod)) {
      free.push(oldPod);
      unavailable++;
    } else if (unavailable < maxUnavailable) {
      candidates.push(oldPod);
    }
  }
  return { create: [], delete: [...free, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))] };
}

function surge(view: DaemonSetView, pods: Map<string, Pod[]>, maxSurge: number, desired: number): NextSteps {
  const isAvailable = (pod: Pod) => isPodAvailable(pod, view.set.spec.minReadySeconds ?? 0, view.nowMs);
  let [surging, available] = [0, 0];
  const done: Pod[] = [];
  const misplaced: Pod[] = [];
  const free: string[] = [];
  const candidates: string[] = [];
  for (const [node, onNode] of pods) {
    const pair = pairOn(view, onNode);
    if (pair === undefined) {
      surging++;
      continue;
    }
    const { newPod, oldPod } = pair;
    const serving = oldPod ?? newPod;
    if (serving !== undefined && isAvailable(serving)) available++;
    if (oldPod === undefined) continue;
    if (newPod !== undefined) {
      if (isAvailable(newPod)) done.push(oldPod);
      else surging++;
      continue;
    }
    const { shouldRun } = view.placementOn(node);
    if (!isAvailable(oldPod)) {
      if (shouldRun) free.push(node);
      else done.push(oldPod);
    } else if (!shouldRun) misplaced.push(oldPod);
    else if (surging < maxSurge) candidates.push(node);
  }
  return {
    create: [...free, ...candidates.slice(0, Math.max(0, maxSurge - surging))],
    // Where a pod should not be any more, it stays until one elsewhere has taken its place.
    delete: [...done, ...misplaced.slice(0, Math.max(0, available - desired))],
  };
}
