/** A Job's pods: how they are made, when they have failed, and when (upstream `pkg/controller/job`). */
import type { Job, Pod } from "../../types.ts";
import { controllerReference } from "../controller.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import { INDEX_ANNOTATION, indexOf } from "./job-indexes.ts";
import { failureMatch } from "./job-policies.ts";

/** Keeps a pod until the Job has counted it. */
export const TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking";
const FAILURES_ANNOTATION = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURES_ANNOTATION = "batch.kubernetes.io/job-index-ignored-failure-count";
const INDEX_VARIABLE = "JOB_COMPLETION_INDEX";
/** Names that the server completes have five characters more. */
const MAX_NAME_PREFIX = 58;

export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === "Indexed";
export const isTracked = ({ metadata }: Pod): boolean =>
  metadata.finalizers?.includes(TRACKING_FINALIZER) ?? false;
/** A pod that is on its way out is replaced when it has ended, not before. */
export const replacesOnlyFailed = ({ spec }: Job): boolean =>
  spec.podReplacementPolicy === "Failed" || spec.podFailurePolicy !== undefined;

/** A deleted pod has failed, unless its end is waited for. */
export function isPodFailed(job: Job, { metadata, status }: Pod): boolean {
  if (status?.phase === "Failed") return true;
  if (replacesOnlyFailed(job)) return false;
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

/** Whether the failure policy lets a failure count. */
export const isCounted = (job: Job, pod: Pod): boolean => {
  const match = failureMatch(job, pod);
  return (
    match === undefined ||
    match.action === "Count" ||
    match.action === "FailJob" ||
    match.action === "FailIndex"
  );
};

/** How often an index has failed before this pod, ignored failures included on demand. */
export function indexFailures({ metadata }: Pod, withIgnored = false): number {
  const count = (name: string) => Number(metadata.annotations?.[name] ?? 0) || 0;
  return count(FAILURES_ANNOTATION) + (withIgnored ? count(IGNORED_FAILURES_ANNOTATION) : 0);
}

/** Whether this pod's failure was its index's last. */
export function isIndexFailed(job: Job, pod: Pod): boolean {
  if (!isPodFailed(job, pod)) return false;
  if (failureMatch(job, pod)?.action === "FailIndex") return true;
  return isCounted(job, pod) && indexFailures(pod) >= job.spec.backoffLimitPerIndex!;
}

/**
 * The pod to be made.
 *
 * @param replaced the failed pod of the same index, with `backoffLimitPerIndex`
 */
export function jobPod(job: Job, index: number | undefined, replaced: Pod | undefined): Pod {
  const { name, namespace } = job.metadata;
  const owner = controllerReference(job, "batch/v1", "Job");
  const suffix = index === undefined ? "-" : `-${index}-`;
  const generateName = `${name.slice(0, MAX_NAME_PREFIX - suffix.length)}${suffix}`;
  const pod = podFromTemplate(job.spec.template, namespace!, owner, { generateName });
  const { metadata, spec } = pod;
  metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), TRACKING_FINALIZER])];
  if (index === undefined) return pod;
  const text = String(index);
  metadata.annotations = { ...metadata.annotations, [INDEX_ANNOTATION]: text };
  metadata.labels = { ...metadata.labels, [INDEX_ANNOTATION]: text };
  spec.hostname = `${name}-${index}`;
  const fieldRef = { fieldPath: `metadata.labels['${INDEX_ANNOTATION}']` };
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    if (container.env?.some((variable) => variable.name === INDEX_VARIABLE)) continue;
    container.env = [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef } }];
  }
  if (job.spec.backoffLimitPerIndex !== undefined) {
    const [failures, ignored] = nextFailures(job, replaced);
    metadata.annotations[FAILURES_ANNOTATION] = String(failures);
    if (ignored > 0) metadata.annotations[IGNORED_FAILURES_ANNOTATION] = String(ignored);
  }
  return pod;
}

function nextFailures(job: Job, replaced: Pod | undefined): [counted: number, ignored: number] {
  if (replaced === undefined) return [0, 0];
  const counted = indexFailures(replaced);
  const ignored = indexFailures(replaced, true) - counted;
  return isCounted(job, replaced) ? [counted + 1, ignored] : [counted, ignored + 1];
}

/** When a pod has ended, as well as can be told. Milliseconds. */
export function finishedMs({ metadata, spec, status }: Pod): number {
  const sidecars = (status?.initContainerStatuses ?? []).filter(({ name }) =>
    spec.initContainers?.some((each) => each.name === name && each.restartPolicy === "Always"),
  );
  const ends = [...(status?.containerStatuses ?? []), ...sidecars].map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ""),
  );
  if (ends.length > 0 && ends.every((end) => end > 0)) return Math.max(...ends);
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "False" && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp = "" } = metadata;
  if (deletionTimestamp !== undefined)
    return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1_000;
  return Date.parse(creationTimestamp);
}

/** The pods that are too many: twice of an index, or past the last one, then those that cost least. */
export function surplusPods(
  job: Job,
  active: Pod[],
  atLeast: number,
  compare: (a: Pod, b: Pod) => number,
): Pod[] {
  const left = active.toSorted(compare);
  const surplus: Pod[] = [];
  if (isIndexed(job)) {
    // Of two with one index the one that costs more stays.
    const seen = new Set<number | undefined>();
    for (const pod of left.toReversed()) {
      const index = indexOf(pod);
      if (seen.has(index) || index === undefined || index >= job.spec.completions!) surplus.push(pod);
      seen.add(index);
    }
  }
  const others = left.filter((pod) => !surplus.includes(pod));
  return [...surplus, ...others.slice(0, Math.max(0, atLeast - surplus.length))];
}
