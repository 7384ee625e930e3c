/** What a pass over a Job sees (upstream `syncJobCtx`). */
import type { Job, JobStatus, Pod } from "../../types.ts";
import { isPodActive, isPodFinished } from "../pod-state.ts";
import { indexOf, parseIndexes } from "./job-indexes.ts";
import {
  finishedMs,
  indexFailures,
  isCounted,
  isIndexed,
  isIndexFailed,
  isPodFailed,
  isTracked,
  replacesOnlyFailed,
} from "./job-pods.ts";

export interface JobView {
  job: Job;
  /** The status to be written; a pass changes it. */
  status: JobStatus;
  pods: Pod[];
  active: Pod[];
  /** Ended and not counted yet. */
  newSucceeded: Pod[];
  newFailed: Pod[];
  /** In all, the new ones included. */
  succeeded: number;
  failed: number;
  /** Of Jobs by index; `failed` only with `backoffLimitPerIndex`. */
  indexes: { before: Set<number>; succeeded: Set<number>; failed: Set<number> | undefined } | undefined;
  /** Failed pods that stay until their index has a new one, which learns from them how often it has failed. */
  replaced: ReadonlyMap<number, Pod>;
  /** The first indexes that nobody works on. */
  pendingIndexes(count: number): number[];
}

export function viewOf(job: Job, status: JobStatus, pods: Pod[]): JobView {
  const { uncountedTerminatedPods: uncounted = {} } = status;
  const isNew = (pod: Pod, counted: string[] = []) => {
    if (!isTracked(pod) || counted.includes(pod.metadata.uid!)) return false;
    return !isIndexed(job) || (indexOf(pod) ?? Number.POSITIVE_INFINITY) < job.spec.completions!;
  };
  const newSucceeded = pods.filter(
    (pod) => pod.status?.phase === "Succeeded" && isNew(pod, uncounted.succeeded),
  );
  const newFailed = pods.filter((pod) => isPodFailed(job, pod) && isNew(pod, uncounted.failed));
  const active = pods.filter(isPodActive);
  const indexes = isIndexed(job) ? indexSets(job, status, pods) : undefined;
  const counted = (status.succeeded ?? 0) + newSucceeded.length + (uncounted.succeeded?.length ?? 0);
  return {
    job,
    status,
    pods,
    active,
    newSucceeded,
    newFailed,
    succeeded: indexes?.succeeded.size ?? counted,
    failed:
      (status.failed ?? 0) +
      newFailed.filter((pod) => isCounted(job, pod)).length +
      (uncounted.failed?.length ?? 0),
    indexes,
    replaced:
      indexes?.failed === undefined
        ? new Map()
        : replacedPods(job, pods, active, indexes.succeeded, indexes.failed),
    pendingIndexes(count) {
      const busy = replacesOnlyFailed(job) ? pods.filter((pod) => !isPodFinished(pod)) : active;
      const taken = new Set([...busy.map(indexOf), ...indexes!.succeeded, ...(indexes!.failed ?? [])]);
      const pending: number[] = [];
      for (let index = 0; index < job.spec.completions! && pending.length < count; index++)
        if (!taken.has(index)) pending.push(index);
      return pending;
    },
  };
}

function indexSets(job: Job, status: JobStatus, pods: Pod[]): NonNullable<JobView["indexes"]> {
  const { completions = 0, backoffLimitPerIndex } = job.spec;
  const before = parseIndexes(status.completedIndexes, completions);
  const succeeded = new Set(before);
  const failed = parseIndexes(status.failedIndexes, completions);
  for (const pod of pods) {
    const index = indexOf(pod);
    if (index === undefined || index >= completions) continue;
    // One that is not tracked any more has been counted.
    if (!isTracked(pod)) continue;
    if (pod.status?.phase === "Succeeded") succeeded.add(index);
    if (backoffLimitPerIndex !== undefined && isIndexFailed(job, pod)) failed.add(index);
  }
  return { before, succeeded, failed: backoffLimitPerIndex === undefined ? undefined : failed };
}

function replacedPods(
  job: Job,
  pods: Pod[],
  active: Pod[],
  succeeded: Set<number>,
  failed: Set<number>,
): Map<number, Pod> {
  const busy = new Set(active.map(indexOf));
  const replaced = new Map<number, Pod>();
  for (const pod of pods) {
    const index = indexOf(pod);
    if (index === undefined || index >= job.spec.completions! || !isTracked(pod) || !isPodFailed(job, pod))
      continue;
    if (succeeded.has(index) || failed.has(index) || busy.has(index)) continue;
    const other = replaced.get(index);
    const isLater =
      other === undefined ||
      (indexFailures(other, true) <= indexFailures(pod, true) && finishedMs(pod) >= finishedMs(other));
    if (isLater) replaced.set(index, pod);
  }
  return replaced;
}
