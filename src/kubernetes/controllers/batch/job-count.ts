/** How a pass over a Job counts pods that have ended, each once (upstream "tracking with finalizers"). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { Condition, Job, JobStatus, Pod } from "../../types.ts";
import { type Controller, type ControllerContext, sameJson } from "../controller.ts";
import type { Decision } from "./job-end.ts";
import { formatIndexes, indexOf } from "./job-indexes.ts";
import { withoutFinalizer } from "./job-pod-release.ts";
import { isCounted, isPodFailed, isTracked } from "./job-pods.ts";
import type { JobView } from "./job-view.ts";

/** So many pods are counted in one pass, as their uids stand in the status meanwhile. */
export const MAX_UNCOUNTED_PODS = 500;

/**
 * Writes the status, with the uids of pods that have ended, lets those pods go, and then writes their number in place of
 * their uids: whenever this stops half way, the next pass neither forgets a pod nor counts it twice. With a decision the
 * Job ends once its last pod is gone.
 *
 * @param onWritten is called after the first write
 */
export async function countPods(
  context: ControllerContext,
  controller: Controller,
  view: JobView,
  decision: Decision | undefined,
  onWritten: () => void,
): Promise<void> {
  const { status } = view;
  const leaving = tellUncounted(view, decision);
  const now = kubernetesTime(context.clock.now());
  const conditions: Condition[] = [...(status.conditions ?? [])];
  const isTold = (type: string) => conditions.some((each) => each.type === type && each.status === "True");
  status.conditions =
    decision === undefined || isTold(decision.type)
      ? conditions
      : withCondition(conditions, conditionOf(decision, now));
  let written = await write(context, view.job, status);
  onWritten();
  for (const pod of leaving.pods) await withoutFinalizer(context, pod);
  const uncounted = status.uncountedTerminatedPods!;
  const left = new Set(
    view.pods
      .filter((pod) => isTracked(pod) && !leaving.pods.includes(pod))
      .map(({ metadata }) => metadata.uid),
  );
  for (const [field, total] of [
    ["succeeded", "succeeded"],
    ["failed", "failed"],
  ] as const) {
    const kept = (uncounted[field] ?? []).filter((uid) => left.has(uid));
    const counted = (uncounted[field]?.length ?? 0) - kept.length;
    if (counted > 0) status[total] = (status[total] ?? 0) + counted;
    if (kept.length === 0) delete uncounted[field];
    else uncounted[field] = kept;
  }
  const isEnd =
    decision !== undefined &&
    !leaving.isCut &&
    status.terminating === 0 &&
    uncounted.succeeded === undefined &&
    uncounted.failed === undefined;
  if (isEnd) {
    const type = decision.type === "SuccessCriteriaMet" ? "Complete" : "Failed";
    status.conditions = withCondition(status.conditions, conditionOf({ ...decision, type }, now));
    if (type === "Complete") status.completionTime = now;
  }
  written = await write(context, written, status);
  if (!isEnd) return;
  const { completions } = view.job.spec;
  if (decision.type === "FailureTarget") {
    controller.events.record(written, "Warning", decision.reason, decision.message);
    return;
  }
  if (completions !== undefined && (status.succeeded ?? 0) > completions) {
    const message = "Too many succeeded pods running after completion count reached";
    controller.events.record(written, "Warning", "TooManySucceededPods", message);
  }
  controller.events.record(written, "Normal", "Completed", "Job completed");
}

/** In place of the one of its type, or at the end. */
function withCondition(conditions: Condition[], condition: Condition): Condition[] {
  const isThere = conditions.some(({ type }) => type === condition.type);
  return isThere
    ? conditions.map((each) => (each.type === condition.type ? condition : each))
    : [...conditions, condition];
}

function conditionOf(decision: Omit<Decision, "type"> & { type: Condition["type"] }, now: string): Condition {
  const { type, reason, message } = decision;
  return { type, status: "True", lastProbeTime: now, lastTransitionTime: now, reason, message };
}

/** Notes the pods that have ended in the status; those of a Job that ends count as failed, unless it has succeeded. */
function tellUncounted(view: JobView, decision: Decision | undefined): { pods: Pod[]; isCut: boolean } {
  const { job, status, indexes } = view;
  const uncounted = status.uncountedTerminatedPods!;
  const leaving: Pod[] = [];
  const done = new Set(indexes?.before);
  let told = 0;
  for (const pod of view.pods.filter(isTracked)) {
    if (told >= MAX_UNCOUNTED_PODS) return finish(true);
    const isFailed = isPodFailed(job, pod);
    const hasSucceeded = pod.status?.phase === "Succeeded";
    if (!mayLeave(view, decision, pod, isFailed)) continue;
    leaving.push(pod);
    const uid = pod.metadata.uid!;
    const index = indexOf(pod);
    const isOutside = indexes !== undefined && (index ?? Number.POSITIVE_INFINITY) >= job.spec.completions!;
    if (hasSucceeded && !uncounted.failed?.includes(uid)) {
      if (indexes !== undefined) {
        if (!isOutside && !done.has(index!)) told++;
        if (!isOutside) done.add(index!);
      } else if (!uncounted.succeeded?.includes(uid)) {
        uncounted.succeeded = [...(uncounted.succeeded ?? []), uid];
        told++;
      }
    } else if (isFailed || decision?.type === "FailureTarget") {
      if (uncounted.failed?.includes(uid) || isOutside || !isCounted(job, pod)) continue;
      uncounted.failed = [...(uncounted.failed ?? []), uid];
      told++;
    }
  }
  return finish(false);

  function finish(isCut: boolean) {
    if (indexes !== undefined) {
      status.succeeded = done.size;
      status.completedIndexes = done.size === 0 ? undefined : formatIndexes(done);
      if (indexes.failed !== undefined) status.failedIndexes = formatIndexes(indexes.failed);
    }
    return { pods: leaving, isCut };
  }
}

function mayLeave(
  { job, replaced }: JobView,
  decision: Decision | undefined,
  pod: Pod,
  isFailed: boolean,
): boolean {
  if (job.metadata.deletionTimestamp !== undefined || decision !== undefined) return true;
  if (pod.status?.phase === "Succeeded") return true;
  const index = indexOf(pod);
  return isFailed && !(index !== undefined && replaced.get(index)?.metadata.uid === pod.metadata.uid);
}

/** The Job as it is then. */
async function write({ api }: ControllerContext, job: Job, status: JobStatus): Promise<Job> {
  const { active, succeeded, failed, conditions, ...others } = status;
  const told = JSON.parse(
    JSON.stringify({
      ...others,
      active: active || undefined,
      succeeded: succeeded || undefined,
      failed: failed || undefined,
      conditions: conditions?.length ? conditions : undefined,
    }),
  );
  if (sameJson(job.status, told)) return job;
  return api.updateStatus<Job>(RESOURCES.jobs, { ...job, status: told });
}
