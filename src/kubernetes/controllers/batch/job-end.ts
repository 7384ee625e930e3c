/** Whether a Job has come to its end, and why; whether it takes a break (upstream `syncJob`). */
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import type { Condition, Job, JobStatus, Pod } from "../../types.ts";
import { isPodFailed } from "./job-pods.ts";
import { failureMatch, successMatch } from "./job-policies.ts";
import type { JobView } from "./job-view.ts";

/** What is decided first; `Failed` or `Complete` follows when all pods are gone and counted. */
export interface Decision {
  type: "FailureTarget" | "SuccessCriteriaMet";
  reason: string;
  message: string;
}

const DEFAULT_BACK_OFF_LIMIT = 6;

/** The first reason to end, in upstream's order; undefined while the Job goes on. */
export function decideEnd(view: JobView, nowMs: number): Decision | undefined {
  const { job, status, pods, indexes } = view;
  const decided = (status.conditions ?? []).find(
    (condition) =>
      condition.status === "True" &&
      (condition.type === "SuccessCriteriaMet" || condition.type === "FailureTarget"),
  );
  if (decided !== undefined) {
    const { type, reason = "", message = "" } = decided;
    return { type: type as Decision["type"], reason, message };
  }
  const fatal = pods
    .filter((pod) => isPodFailed(job, pod))
    .map((pod) => failureMatch(job, pod))
    .find((match) => match?.action === "FailJob");
  if (fatal !== undefined) return failed("PodFailurePolicy", fatal.message);
  const { backoffLimit = DEFAULT_BACK_OFF_LIMIT } = job.spec;
  if (view.failed > backoffLimit || restartsExceed(job, pods, backoffLimit))
    return failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  if (isPastDeadline(job, status, nowMs))
    return failed("DeadlineExceeded", "Job was active longer than specified deadline");
  if (indexes === undefined) return undefined;
  const { maxFailedIndexes, completions = 0 } = job.spec;
  const failures = indexes.failed?.size ?? 0;
  if (maxFailedIndexes !== undefined && failures > maxFailedIndexes) {
    const message = "Job has exceeded the specified maximal number of failed indexes";
    return failed("MaxFailedIndexesExceeded", message);
  }
  if (failures > 0 && failures + indexes.succeeded.size >= completions)
    return failed("FailedIndexes", "Job has failed indexes");
  const rule = successMatch(job, indexes.succeeded);
  if (rule === undefined) return undefined;
  return { type: "SuccessCriteriaMet", reason: "SuccessPolicy", message: `Matched rules at index ${rule}` };
}

const failed = (reason: string, message: string): Decision => ({ type: "FailureTarget", reason, message });

/** Containers that are started again in their pods count, where the pod itself stays. */
function restartsExceed(job: Job, pods: Pod[], limit: number): boolean {
  if (job.spec.template.spec.restartPolicy !== "OnFailure") return false;
  const open = pods.filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending");
  const restarts = open
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function isPastDeadline(job: Job, { startTime }: JobStatus, nowMs: number): boolean {
  const { activeDeadlineSeconds, suspend } = job.spec;
  if (activeDeadlineSeconds === undefined || startTime === undefined || suspend) return false;
  return nowMs >= Date.parse(startTime) + activeDeadlineSeconds * 1_000;
}

/** Undefined when the conditions say already whether the Job takes a break. */
export function suspendedCondition(
  job: Job,
  status: JobStatus,
  nowMs: number,
): { conditions: Condition[]; event: string; message: string } | undefined {
  const suspend = Boolean(job.spec.suspend);
  const before = (status.conditions ?? []).find(({ type }) => type === "Suspended");
  if (suspend === (before?.status === "True") || (before === undefined && !suspend)) return undefined;
  const [reason, event, message] = suspend
    ? ["JobSuspended", "Suspended", "Job suspended"]
    : ["JobResumed", "Resumed", "Job resumed"];
  const now = kubernetesTime(nowMs);
  const times = { lastProbeTime: now, lastTransitionTime: now };
  const condition: Condition = {
    type: "Suspended",
    status: suspend ? "True" : "False",
    ...times,
    reason,
    message,
  };
  const all = status.conditions ?? [];
  const conditions =
    before === undefined
      ? [...all, condition]
      : all.map((each) => (each.type === "Suspended" ? condition : each));
  return { conditions, event, message };
}
