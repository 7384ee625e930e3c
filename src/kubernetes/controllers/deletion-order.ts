/** Which of a controller's pods go first when there are too many (Kubernetes 1.35 `pkg/controller/controller_utils.go`). */
import type { Pod } from "../types.ts";
import { isPodReady, readySince } from "./pod-state.ts";

/**
 * Who goes first: not scheduled, not running, not ready, cheap to delete, crowded on its node, ready for the shortest
 * time, restarted most often, newest (`ActivePodsWithRanks`). Times count by orders of magnitude, so that a difference
 * of seconds between pods of the same age decides nothing; their uids do then.
 */
export function compareForDeletion(
  a: Pod,
  b: Pod,
  neighbours: ReadonlyMap<string, number>,
  nowMs: number,
): number {
  const bothReady = isPodReady(a) && isPodReady(b);
  return (
    byRank(a, b, (pod) => (pod.spec.nodeName ? 1 : 0)) ||
    byRank(a, b, phaseRank) ||
    byRank(a, b, (pod) => (isPodReady(pod) ? 1 : 0)) ||
    byRank(a, b, deletionCost) ||
    byRank(a, b, (pod) => -(neighbours.get(pod.spec.nodeName ?? "") ?? 0)) ||
    (bothReady ? byAge(a, b, readySince, nowMs) : 0) ||
    byRank(a, b, (pod) => -restarts(pod, false)) ||
    byRank(a, b, (pod) => -restarts(pod, true)) ||
    byAge(a, b, (pod) => Date.parse(pod.metadata.creationTimestamp ?? "") || 0, nowMs)
  );
}

/** The older order, which Jobs have: neither cost nor crowding, and times to the second (`ActivePods`). */
export function compareActivePods(a: Pod, b: Pod): number {
  const bothReady = isPodReady(a) && isPodReady(b);
  return (
    byRank(a, b, (pod) => (pod.spec.nodeName ? 1 : 0)) ||
    byRank(a, b, phaseRank) ||
    byRank(a, b, (pod) => (isPodReady(pod) ? 1 : 0)) ||
    (bothReady ? byTime(a, b, readySince) : 0) ||
    byRank(a, b, (pod) => -restarts(pod, false)) ||
    byRank(a, b, (pod) => -restarts(pod, true)) ||
    byTime(a, b, (pod) => Date.parse(pod.metadata.creationTimestamp ?? "") || 0)
  );
}

/** Later first; unknown before all. */
function byTime(a: Pod, b: Pod, sinceMs: (pod: Pod) => number): number {
  const [sinceA, sinceB] = [sinceMs(a), sinceMs(b)];
  return sinceA === 0 || sinceB === 0 ? sinceA - sinceB : sinceB - sinceA;
}

const byRank = (a: Pod, b: Pod, rank: (pod: Pod) => number): number => rank(a) - rank(b);

const phaseRank = ({ status }: Pod): number =>
  status?.phase === "Running" ? 2 : status?.phase === "Pending" ? 0 : 1;

/** Younger first; within the same power of two of seconds by uid. */
function byAge(a: Pod, b: Pod, sinceMs: (pod: Pod) => number, nowMs: number): number {
  const [sinceA, sinceB] = [sinceMs(a), sinceMs(b)];
  if (sinceA === sinceB) return 0;
  if (sinceA === 0 || sinceB === 0) return sinceA === 0 ? -1 : 1;
  const magnitude = (since: number) =>
    nowMs - since > 0 ? Math.floor(Math.log2((nowMs - since) * 1e6)) : -1;
  const difference = magnitude(sinceA) - magnitude(sinceB);
  return difference === 0 ? ((a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1) : difference;
}

/** The most of any container; those of sidecars count apart, after the others. */
function restarts({ spec, status }: Pod, sidecars: boolean): number {
  const isSidecar = (name: string) =>
    spec.initContainers?.some((container) => container.name === name && container.restartPolicy === "Always");
  const statuses = sidecars
    ? (status?.initContainerStatuses ?? []).filter(({ name }) => isSidecar(name))
    : (status?.containerStatuses ?? []);
  return Math.max(0, ...statuses.map(({ restartCount }) => restartCount ?? 0));
}

function deletionCost(pod: Pod): number {
  return Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0;
}
