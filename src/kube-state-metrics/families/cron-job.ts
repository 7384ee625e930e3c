/** Families of CronJobs (upstream `internal/store/cronjob.go`). */
import { type CronSchedule, nextCronTime, parseStandardCron } from "../../model/cron-schedule.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  annotationsFamily,
  createdFamily,
  type Family,
  flag,
  gauge,
  info,
  labelsFamily,
  numberFamily,
  one,
  optionalFamily,
  resourceVersionFamily,
  unixTime,
} from "../family.ts";
import type { Sample } from "../sample.ts";

/** Undefined for what cannot be read, an unknown time zone included. */
function scheduleOf({ spec }: KubernetesObject): CronSchedule | undefined {
  try {
    const schedule = parseStandardCron(
      spec.timeZone == null ? (spec.schedule ?? "") : `CRON_TZ=${spec.timeZone} ${spec.schedule ?? ""}`,
      { stepBelowRange: true },
    );
    if (schedule.timezone !== undefined) new Intl.DateTimeFormat("en-US", { timeZone: schedule.timezone });
    return schedule;
  } catch {
    return undefined;
  }
}

/** After the last time, or after the object's birth if there was none. Upstream counts in its own zone: UTC in a pod. */
function nextScheduleTime(cronJob: KubernetesObject): Sample[] {
  const schedule = scheduleOf(cronJob);
  const since = cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp;
  if (schedule === undefined || cronJob.spec.suspend || since == null) return [];
  const nextMs = nextCronTime(schedule, Date.parse(since), "UTC");
  return nextMs === undefined ? [] : one(nextMs / 1_000);
}

export const CRON_JOB_FAMILIES: Family[] = [
  annotationsFamily("cronjob"),
  labelsFamily("cronjob"),
  gauge("kube_cronjob_info", "Info about cronjob.", ({ spec }) => [
    info({
      schedule: spec.schedule,
      concurrency_policy: spec.concurrencyPolicy,
      timezone: spec.timeZone ?? "local",
    }),
  ]),
  createdFamily("cronjob"),
  numberFamily(
    "kube_cronjob_status_active",
    "Active holds pointers to currently running jobs.",
    ({ status }) => status?.active?.length,
  ),
  gauge(
    "kube_cronjob_status_last_schedule_time",
    "LastScheduleTime keeps information of when was the last time the job was successfully scheduled.",
    ({ status }) => unixTime(status?.lastScheduleTime),
  ),
  gauge(
    "kube_cronjob_status_last_successful_time",
    "LastSuccessfulTime keeps information of when was the last time the job was completed successfully.",
    ({ status }) => unixTime(status?.lastSuccessfulTime),
  ),
  numberFamily(
    "kube_cronjob_spec_suspend",
    "Suspend flag tells the controller to suspend subsequent executions.",
    ({ spec }) => flag(spec.suspend),
  ),
  optionalFamily(
    "kube_cronjob_spec_starting_deadline_seconds",
    "Deadline in seconds for starting the job if it misses scheduled time for any reason.",
    ({ spec }) => spec.startingDeadlineSeconds,
  ),
  gauge(
    "kube_cronjob_next_schedule_time",
    "Next time the cronjob should be scheduled. The time after lastScheduleTime, or after the cron job's creation time if it's never been scheduled. Use this to determine if the job is delayed.",
    nextScheduleTime,
  ),
  alphaGauge(
    "kube_cronjob_schedule_invalid",
    "Emitted with value 1 for cronjobs whose schedule, in its configured timezone, cannot be parsed.",
    (cronJob) => (scheduleOf(cronJob) === undefined ? one(1) : []),
  ),
  resourceVersionFamily("cronjob", "the cronjob", gauge),
  optionalFamily(
    "kube_cronjob_spec_successful_job_history_limit",
    "Successful job history limit tells the controller how many completed jobs should be preserved.",
    ({ spec }) => spec.successfulJobsHistoryLimit,
    alphaGauge,
  ),
  optionalFamily(
    "kube_cronjob_spec_failed_job_history_limit",
    "Failed job history limit tells the controller how many failed jobs should be preserved.",
    ({ spec }) => spec.failedJobsHistoryLimit,
    alphaGauge,
  ),
];
