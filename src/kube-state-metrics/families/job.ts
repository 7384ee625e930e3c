/** Families of Jobs (upstream `internal/store/job.go`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  annotationsFamily,
  conditionSamples,
  createdFamily,
  type Family,
  flag,
  gauge,
  labelled,
  labelsFamily,
  numberFamily,
  one,
  optionalFamily,
  ownerFamily,
  presenceFamily,
  unixTime,
} from "../family.ts";
import type { Sample } from "../sample.ts";

interface Condition {
  type: string;
  status: string;
  reason?: string;
}

const FAILURE_REASONS = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

const conditions = (job: KubernetesObject, type: string): Condition[] =>
  ((job.status?.conditions ?? []) as Condition[]).filter((condition) => condition.type === type);

const conditionOf = (job: KubernetesObject, type: string): Sample[] =>
  conditions(job, type).flatMap(({ status }) => conditionSamples([], "condition", status));

/** 0 without labels while none failed; then a series for each known reason, and all of them under "" if it is another. */
function failures(job: KubernetesObject): Sample[] {
  const failed = job.status?.failed ?? 0;
  if (failed === 0) return one(0);
  const failures = conditions(job, "Failed");
  const samples = failures.flatMap((condition) =>
    FAILURE_REASONS.map((reason) => labelled({ reason }, flag(condition.reason === reason))),
  );
  const known = failures.some(({ reason }) => reason !== undefined && FAILURE_REASONS.includes(reason));
  return known ? samples : [...samples, labelled({ reason: "" }, failed)];
}

export const JOB_FAMILIES: Family[] = [
  annotationsFamily("job"),
  labelsFamily("job"),
  presenceFamily("kube_job_info", "Information about job."),
  createdFamily("job"),
  optionalFamily(
    "kube_job_spec_parallelism",
    "The maximum desired number of pods the job should run at any given time.",
    ({ spec }) => spec.parallelism,
  ),
  optionalFamily(
    "kube_job_spec_completions",
    "The desired number of successfully finished pods the job should be run with.",
    ({ spec }) => spec.completions,
  ),
  optionalFamily(
    "kube_job_spec_active_deadline_seconds",
    "The duration in seconds relative to the startTime that the job may be active before the system tries to terminate it.",
    ({ spec }) => spec.activeDeadlineSeconds,
  ),
  numberFamily(
    "kube_job_status_succeeded",
    "The number of pods which reached Phase Succeeded.",
    ({ status }) => status?.succeeded,
  ),
  gauge(
    "kube_job_status_failed",
    "The number of pods which reached Phase Failed and the reason for failure.",
    failures,
  ),
  numberFamily(
    "kube_job_status_active",
    "The number of actively running pods.",
    ({ status }) => status?.active,
  ),
  numberFamily(
    "kube_job_status_ready",
    "The number of ready pods that belong to this Job.",
    ({ status }) => status?.ready,
    alphaGauge,
  ),
  gauge("kube_job_complete", "The job has completed its execution.", (job) => conditionOf(job, "Complete")),
  gauge("kube_job_failed", "The job has failed its execution.", (job) => conditionOf(job, "Failed")),
  gauge(
    "kube_job_status_start_time",
    "StartTime represents time when the job was acknowledged by the Job Manager.",
    ({ status }) => unixTime(status?.startTime),
  ),
  gauge(
    "kube_job_status_completion_time",
    "CompletionTime represents time when the job was completed.",
    ({ status }) => unixTime(status?.completionTime),
  ),
  alphaGauge("kube_job_status_suspended", "The number of pods which reached Phase Suspended.", (job) =>
    conditions(job, "Suspended").flatMap(({ status }) => one(flag(status === "True"))),
  ),
  ownerFamily("job", "Job's"),
];
