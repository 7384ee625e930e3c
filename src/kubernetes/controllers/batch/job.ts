/** Jobs (Kubernetes 1.35 `pkg/controller/job`): pods until enough have succeeded, or too many failed. */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { Condition, Job, JobStatus, Pod } from "../../types.ts";
import { claimObjects } from "../claim-pods.ts";
import {
  type Controller,
  type ControllerContext,
  deleteIfExists,
  getIfExists,
  splitKey,
  startController,
} from "../controller.ts";
import { compareActivePods } from "../deletion-order.ts";
import { isPodFinished, isPodReady, isPodTerminating } from "../pod-state.ts";
import { createJobBackOff, type JobBackOff } from "./job-back-off.ts";
import { countPods } from "./job-count.ts";
import { type Decision, decideEnd, suspendedCondition } from "./job-end.ts";
import { startJobPodRelease, withoutFinalizer } from "./job-pod-release.ts";
import {
  finishedMs,
  isIndexed,
  jobPod,
  replacesOnlyFailed,
  surplusPods,
  TRACKING_FINALIZER,
} from "./job-pods.ts";
import { type JobView, viewOf } from "./job-view.ts";

/** At most so many pods are made or deleted in one go. */
export const MAX_PODS_A_PASS = 500;
const MANAGED_BY_US = "kubernetes.io/job-controller";

interface Parts {
  context: ControllerContext;
  controller: Controller;
  backOff: JobBackOff;
}

export function startJobController(context: ControllerContext): void {
  const backOff = createJobBackOff();
  const controller: Controller = startController({
    context,
    name: "job-controller",
    reconcile: (key) => reconcile({ context, controller, backOff }, key),
  });
  controller.watch(RESOURCES.jobs);
  controller.watchOwned(RESOURCES.pods, "Job");
  startJobPodRelease(context);
}

async function reconcile(parts: Parts, key: string): Promise<number | undefined> {
  const { context, backOff } = parts;
  const job = await getIfExists<Job>(context.api, RESOURCES.jobs, splitKey(key));
  if (job === undefined) return backOff.forget(key);
  if ((job.spec.managedBy ?? MANAGED_BY_US) !== MANAGED_BY_US) return undefined;
  if (job.spec.selector === undefined) return giveSelector(context, job);
  const endedMs = finishTime(job);
  if (endedMs !== undefined) {
    backOff.forget(key);
    return job.metadata.deletionTimestamp === undefined ? afterFinish(context, job, endedMs) : undefined;
  }
  const claimant = {
    owner: job,
    apiVersion: "batch/v1",
    kind: "Job",
    selector: job.spec.selector,
    finalizer: TRACKING_FINALIZER,
  };
  return sync(parts, key, job, await claimObjects<Pod>(context, RESOURCES.pods, claimant));
}

async function sync(parts: Parts, key: string, job: Job, pods: Pod[]): Promise<number | undefined> {
  const { context, controller, backOff } = parts;
  const nowMs = context.clock.now();
  const status: JobStatus = structuredClone(job.status ?? {});
  status.uncountedTerminatedPods ??= {};
  if (!job.spec.suspend) status.startTime ??= kubernetesTime(nowMs);
  const view = viewOf(job, status, pods);
  const wait = backOff.look(key, view.newSucceeded.map(finishedMs), view.newFailed.map(finishedMs));
  let decision: Decision | undefined = decideEnd(view, nowMs);
  let active = view.active;
  let terminating = pods.filter((pod) => isPodTerminating(pod) && !isPodFinished(pod)).length;
  const waits: number[] = [];
  let failure: unknown;
  const remove = async (some: Pod[], finalizer: "keep" | "release") => {
    for (const pod of some) await deletePod(parts, job, pod, finalizer);
    terminating += some.length;
    active = active.filter((pod) => !some.includes(pod));
  };
  if (decision !== undefined) await remove(active, "keep");
  else {
    const isManaged = job.metadata.deletionTimestamp === undefined;
    if (isManaged) {
      const made: Pod[] = [];
      try {
        await managePods(parts, view, terminating, wait.remainingMs(nowMs), waits, remove, made);
      } catch (error) {
        failure = error;
      }
      active = [...active, ...made];
    }
    decision = completion(view, active.length);
    if (decision === undefined && isManaged) suspend(controller, job, status, nowMs);
  }
  Object.assign(status, { active: active.length, ready: active.filter(isPodReady).length, terminating });
  await countPods(context, controller, view, decision, () => wait.keep());
  if (failure !== undefined) throw failure;
  const { activeDeadlineSeconds } = job.spec;
  if (decision === undefined && activeDeadlineSeconds !== undefined && status.startTime && !job.spec.suspend)
    waits.push(Date.parse(status.startTime) + activeDeadlineSeconds * 1_000 - nowMs);
  return waits.length === 0 ? undefined : Math.max(1, Math.min(...waits));
}

/** Makes what is missing, removes what is too much; never both in one pass. What was made is in `made`, also when it throws. */
async function managePods(
  parts: Parts,
  view: JobView,
  terminating: number,
  backOffMs: number,
  waits: number[],
  remove: (pods: Pod[], finalizer: "keep" | "release") => Promise<void>,
  made: Pod[],
): Promise<void> {
  const { job, active, succeeded } = view;
  const { parallelism = 1, completions, suspend: isSuspended } = job.spec;
  if (isSuspended) {
    return remove(active, "release");
  }
  const open = completions === undefined ? parallelism : Math.max(0, completions - succeeded);
  const wanted = completions === undefined && succeeded > 0 ? active.length : Math.min(parallelism, open);
  const surplus = surplusPods(job, active, Math.max(0, active.length - wanted), compareActivePods);
  if (surplus.length > 0) {
    return remove(surplus.slice(0, MAX_PODS_A_PASS), "release");
  }
  const awaited = replacesOnlyFailed(job) ? terminating : 0;
  const missing = Math.min(wanted - awaited - active.length, MAX_PODS_A_PASS);
  if (missing <= 0) return;
  if (job.spec.backoffLimitPerIndex === undefined && backOffMs > 0) {
    waits.push(backOffMs);
    return;
  }
  const indexes = isIndexed(job)
    ? parts.backOff.indexesToStart(
        view.pendingIndexes(missing),
        view.replaced,
        parts.context.clock.now(),
        waits,
      )
    : Array.from({ length: missing }, () => undefined);
  for (const index of indexes) made.push(await createPod(parts, view, index));
}

async function createPod(
  { context, controller }: Parts,
  { job, replaced }: JobView,
  index: number | undefined,
): Promise<Pod> {
  try {
    const replacedPod = index === undefined ? undefined : replaced.get(index);
    const pod = await context.api.create<Pod>(RESOURCES.pods, jobPod(job, index, replacedPod));
    controller.events.record(job, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    return pod;
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) {
      const message = `Error creating: ${(error as Error).message}`;
      controller.events.record(job, "Warning", "FailedCreate", message);
    }
    throw error;
  }
}

/** `release`: the pod is not to be counted. */
async function deletePod(
  { context, controller }: Parts,
  job: Job,
  pod: Pod,
  finalizer: "keep" | "release",
): Promise<void> {
  if (finalizer === "release") await withoutFinalizer(context, pod);
  await deleteIfExists(context.api, RESOURCES.pods, pod);
  controller.events.record(job, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
}

function completion({ job, succeeded }: JobView, active: number): Decision | undefined {
  const { completions } = job.spec;
  const isComplete = completions === undefined ? succeeded > 0 : succeeded >= completions;
  if (!isComplete || active > 0) return undefined;
  const message = "Reached expected number of succeeded pods";
  return { type: "SuccessCriteriaMet", reason: "CompletionsReached", message };
}

/** A Job that goes on after a break counts from then. */
function suspend(controller: Controller, job: Job, status: JobStatus, nowMs: number): void {
  const change = suspendedCondition(job, status, nowMs);
  if (change === undefined) return;
  status.conditions = change.conditions;
  if (!job.spec.suspend) status.startTime = kubernetesTime(nowMs);
  controller.events.record(job, "Normal", change.event, change.message);
}

/** The API server does this upstream; a Job that came without gets it here. */
async function giveSelector({ api }: ControllerContext, job: Job): Promise<undefined> {
  const { namespace, name, uid } = job.metadata;
  const unique = { "batch.kubernetes.io/controller-uid": uid! };
  const labels = {
    ...job.spec.template.metadata?.labels,
    ...unique,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid!,
    "job-name": name,
  };
  const body = { spec: { selector: { matchLabels: unique }, template: { metadata: { labels } } } };
  await api.patch(RESOURCES.jobs, { namespace, name }, { type: "merge", body });
}

function finishTime(job: Job): number | undefined {
  const conditions: Condition[] = job.status?.conditions ?? [];
  const end = conditions.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
  return end === undefined ? undefined : Date.parse(end.lastTransitionTime!);
}

async function afterFinish(
  context: ControllerContext,
  job: Job,
  endedMs: number,
): Promise<number | undefined> {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined) return undefined;
  const leftMs = endedMs + ttlSecondsAfterFinished * 1000 - context.clock.now();
  if (leftMs > 0) return leftMs;
  await deleteIfExists(context.api, RESOURCES.jobs, job, { propagationPolicy: "Foreground" });
  return undefined;
}
