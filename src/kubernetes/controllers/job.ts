/**
 * Jobs (upstream `pkg/controller/job`): pods until enough have succeeded, or too many failed. Of completion modes there
 * is NonIndexed and Indexed; a limit of failures by index is not acted on.
 */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import type { Condition, Job, Pod } from "../types.ts";
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
import { failureMatch, successMatch } from "./job-policies.ts";
import { podFromTemplate } from "./pod-from-template.ts";
import { isPodActive, isPodReady, isPodTerminating } from "./pod-state.ts";

const INDEX_ANNOTATION = "batch.kubernetes.io/job-completion-index";
/** A pod that failed is replaced after 10 s, 20 s, … at most 6 minutes (`DefaultJobPodFailureBackOff`). */
const BACK_OFF_MIN_MS = 10_000;
const BACK_OFF_MAX_MS = 360_000;
const DEFAULT_BACK_OFF_LIMIT = 6;

export function startJobController(context: ControllerContext): void {
  const controller: Controller = startController({
    context,
    name: "job-controller",
    reconcile: (key) => reconcile(context, controller, key),
  });
  controller.watch(RESOURCES.jobs);
  controller.watchOwned(RESOURCES.pods, "Job");
}

interface Counts {
  active: Pod[];
  succeeded: Pod[];
  failed: Pod[];
}

async function reconcile(
  context: ControllerContext,
  controller: Controller,
  key: string,
): Promise<number | undefined> {
  const { api, clock } = context;
  const job = await getIfExists<Job>(api, RESOURCES.jobs, splitKey(key));
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) return;
  if (job.spec.selector === undefined) return giveSelector(context, job);
  const finishedMs = finishTime(job);
  if (finishedMs !== undefined) return afterFinish(context, job, finishedMs);
  const claimant = { owner: job, apiVersion: "batch/v1", kind: "Job", selector: job.spec.selector };
  const pods = await claimObjects<Pod>(context, RESOURCES.pods, claimant);
  const counts: Counts = {
    active: pods.filter(isPodActive),
    succeeded: pods.filter(({ status }) => status?.phase === "Succeeded"),
    failed: pods.filter(
      (pod) =>
        pod.status?.phase === "Failed" ||
        // With a policy, how a pod ends is waited for.
        (job.spec.podFailurePolicy === undefined &&
          isPodTerminating(pod) &&
          pod.status?.phase !== "Succeeded"),
    ),
  };
  // A Job that goes on after a break counts from then.
  const startTime = job.spec.suspend
    ? undefined
    : ((isSuspended(job) ? undefined : job.status?.startTime) ?? kubernetesTime(clock.now()));
  const outcome = outcomeOf(job, counts, startTime, clock.now());
  if (outcome !== undefined || job.spec.suspend) {
    for (const pod of counts.active) await deletePod(context, controller, job, pod);
    if (job.spec.suspend && outcome === undefined) counts.active = [];
  }
  const againMs =
    outcome === undefined && !job.spec.suspend
      ? await startPods(context, controller, job, counts)
      : undefined;
  await reportStatus(context, controller, job, counts, startTime, outcome);
  const deadlineMs =
    job.spec.activeDeadlineSeconds === undefined || startTime === undefined
      ? undefined
      : Date.parse(startTime) + job.spec.activeDeadlineSeconds * 1000 - clock.now();
  const times = [againMs, deadlineMs].filter((ms) => ms !== undefined && ms > 0) as number[];
  return times.length === 0 ? undefined : Math.min(...times);
}

const isSuspended = (job: Job): boolean =>
  ((job.status?.conditions ?? []) as Condition[]).some(
    ({ type, status }) => type === "Suspended" && status === "True",
  );

async function deletePod(
  { api }: ControllerContext,
  controller: Controller,
  job: Job,
  pod: Pod,
): Promise<void> {
  await deleteIfExists(api, RESOURCES.pods, pod);
  controller.events.record(job, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
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
  finishedMs: number,
): Promise<number | undefined> {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined) return undefined;
  const leftMs = finishedMs + ttlSecondsAfterFinished * 1000 - context.clock.now();
  if (leftMs > 0) return leftMs;
  await deleteIfExists(context.api, RESOURCES.jobs, job, { propagationPolicy: "Foreground" });
  return undefined;
}

interface Outcome {
  type: "Complete" | "Failed";
  reason: string;
  message: string;
}

function outcomeOf(
  job: Job,
  counts: Counts,
  startTime: string | undefined,
  nowMs: number,
): Outcome | undefined {
  const { backoffLimit = DEFAULT_BACK_OFF_LIMIT, activeDeadlineSeconds, completions } = job.spec;
  const matches = counts.failed.map((pod) => failureMatch(job, pod));
  const fatal = matches.find((match) => match?.action === "FailJob");
  if (fatal !== undefined) return { type: "Failed", reason: "PodFailurePolicy", message: fatal.message };
  const rule = successMatch(job, new Set(counts.succeeded.map(indexOf)));
  if (rule !== undefined)
    return { type: "Complete", reason: "SuccessPolicy", message: `Matched rules at index ${rule}` };
  const ignored = matches.filter((match) => match?.action === "Ignore").length;
  const restarts = [...counts.active].flatMap(({ status }) => status?.containerStatuses ?? []);
  const failures =
    counts.failed.length - ignored + restarts.reduce((sum, { restartCount }) => sum + restartCount, 0);
  if (failures > backoffLimit) {
    return {
      type: "Failed",
      reason: "BackoffLimitExceeded",
      message: "Job has reached the specified backoff limit",
    };
  }
  if (startTime !== undefined && activeDeadlineSeconds !== undefined) {
    if (nowMs >= Date.parse(startTime) + activeDeadlineSeconds * 1000) {
      return {
        type: "Failed",
        reason: "DeadlineExceeded",
        message: "Job was active longer than specified deadline",
      };
    }
  }
  const isComplete =
    completions === undefined
      ? counts.succeeded.length > 0 && counts.active.length === 0
      : doneCount(job, counts) >= completions;
  if (!isComplete) return undefined;
  return {
    type: "Complete",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
}

function doneCount(job: Job, { succeeded }: Counts): number {
  return job.spec.completionMode === "Indexed" ? new Set(succeeded.map(indexOf)).size : succeeded.length;
}

function indexOf(pod: Pod): number {
  return Number(pod.metadata.annotations?.[INDEX_ANNOTATION]);
}

/** Makes what is missing; answers when to look again while a failure is waited out. */
async function startPods(
  context: ControllerContext,
  controller: Controller,
  job: Job,
  counts: Counts,
): Promise<number | undefined> {
  const { api, clock } = context;
  const { parallelism = 1, completions } = job.spec;
  const done = doneCount(job, counts);
  const left = completions === undefined ? (done > 0 ? 0 : parallelism) : completions - done;
  const wanted = Math.min(parallelism, left);
  const surplus = counts.active.length - wanted;
  if (surplus > 0) {
    for (const pod of counts.active.splice(wanted)) await deletePod(context, controller, job, pod);
    return undefined;
  }
  if (surplus === 0) return undefined;
  const waitMs = backOffLeft(counts, clock.now());
  if (waitMs > 0) return waitMs;
  const indexes = freeIndexes(job, counts);
  for (let missing = -surplus; missing > 0; missing--) {
    const pod = await api.create<Pod>(RESOURCES.pods, jobPod(job, indexes.shift()));
    counts.active.push(pod);
    controller.events.record(job, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
  }
  return undefined;
}

function jobPod(job: Job, index: number | undefined): Pod {
  const owner = controllerReference(job, "batch/v1", "Job");
  const generateName = index === undefined ? `${job.metadata.name}-` : `${job.metadata.name}-${index}-`;
  const pod = podFromTemplate(job.spec.template, job.metadata.namespace!, owner, { generateName });
  if (index === undefined) return pod;
  pod.metadata.annotations = { ...pod.metadata.annotations, [INDEX_ANNOTATION]: String(index) };
  pod.metadata.labels = { ...pod.metadata.labels, [INDEX_ANNOTATION]: String(index) };
  pod.spec.hostname = `${job.metadata.name}-${index}`;
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    container.env = [...(container.env ?? []), { name: "JOB_COMPLETION_INDEX", value: String(index) }];
  }
  return pod;
}

/** The indexes that no pod works on or has done, ascending. Empty for jobs without. */
function freeIndexes(job: Job, { active, succeeded }: Counts): number[] {
  if (job.spec.completionMode !== "Indexed") return [];
  const taken = new Set([...active, ...succeeded].map(indexOf));
  return Array.from({ length: job.spec.completions ?? 0 }, (_, index) => index).filter(
    (index) => !taken.has(index),
  );
}

function backOffLeft({ failed, succeeded }: Counts, nowMs: number): number {
  const ends = (pods: Pod[]) => pods.map(endTime);
  const lastSuccessMs = Math.max(0, ...ends(succeeded));
  const since = ends(failed).filter((endMs) => endMs > lastSuccessMs);
  if (since.length === 0) return 0;
  const delayMs = Math.min(BACK_OFF_MIN_MS * 2 ** (since.length - 1), BACK_OFF_MAX_MS);
  return Math.max(0, Math.max(...since) + delayMs - nowMs);
}

function endTime(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ""),
  );
  return Math.max(0, ...ends.filter((end) => !Number.isNaN(end)));
}

async function reportStatus(
  context: ControllerContext,
  controller: Controller,
  job: Job,
  counts: Counts,
  startTime: string | undefined,
  outcome: Outcome | undefined,
): Promise<void> {
  const now = kubernetesTime(context.clock.now());
  const conditions = conditionsOf(controller, job, outcome, now);
  const active = outcome === undefined ? counts.active : [];
  const isIndexed = job.spec.completionMode === "Indexed";
  const terminating = outcome?.type === "Failed" ? counts.active.length : 0;
  await writeStatus(context.api, RESOURCES.jobs, job, {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(outcome?.type === "Complete" ? { completionTime: now } : {}),
    ...(active.length === 0 ? {} : { active: active.length }),
    ...(counts.succeeded.length === 0 ? {} : { succeeded: doneCount(job, counts) }),
    ...(failedCount(job, counts) === 0 ? {} : { failed: failedCount(job, counts) }),
    ...(isIndexed && counts.succeeded.length > 0 ? { completedIndexes: indexRanges(counts.succeeded) } : {}),
    ready: active.filter(isPodReady).length,
    terminating,
    uncountedTerminatedPods: {},
  });
}

/** Failures that the policy ignores are not told. */
function failedCount(job: Job, { failed }: Counts): number {
  return failed.filter((pod) => failureMatch(job, pod)?.action !== "Ignore").length;
}

/** The end's conditions come in pairs: that it is decided, and that it has happened. Breaks have one of their own. */
function conditionsOf(
  controller: Controller,
  job: Job,
  outcome: Outcome | undefined,
  now: string,
): Condition[] {
  let conditions: Condition[] = [...(job.status?.conditions ?? [])];
  const times = { lastProbeTime: now, lastTransitionTime: now };
  if (outcome !== undefined) {
    const { type, reason, message } = outcome;
    const decided = type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget";
    conditions.push({ type: decided, status: "True", ...times, reason, message });
    conditions.push({ type, status: "True", ...times, reason, message });
    if (type === "Complete") controller.events.record(job, "Normal", "Completed", "Job completed");
    else controller.events.record(job, "Warning", reason, message);
    return conditions;
  }
  const suspend = Boolean(job.spec.suspend);
  if (suspend === isSuspended(job)) return conditions;
  conditions = conditions.filter(({ type }) => type !== "Suspended");
  const [reason, event, verb] = suspend
    ? ["JobSuspended", "Suspended", "suspended"]
    : ["JobResumed", "Resumed", "resumed"];
  const message = `Job ${verb}`;
  controller.events.record(job, "Normal", event, message);
  return [
    ...conditions,
    { type: "Suspended", status: suspend ? "True" : "False", ...times, reason, message },
  ];
}

/** `0-2,5`. */
function indexRanges(pods: Pod[]): string {
  const indexes = [...new Set(pods.map(indexOf))].sort((a, b) => a - b);
  const ranges: [first: number, last: number][] = [];
  for (const index of indexes) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === index - 1) range[1] = index;
    else ranges.push([index, index]);
  }
  // Two neighbours are written one by one.
  return ranges
    .map(([first, last]) =>
      first === last ? `${first}` : `${first}${last === first + 1 ? "," : "-"}${last}`,
    )
    .join(",");
}
