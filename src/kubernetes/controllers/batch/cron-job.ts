/** CronJobs: Jobs at their times (Kubernetes 1.37 `pkg/controller/cronjob`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import type { CronJob, CronJobStatus, Job } from "../../types.ts";
import {
  type Controller,
  type ControllerContext,
  controllerReference,
  deleteIfExists,
  getIfExists,
  isControlledBy,
  splitKey,
  startController,
  writeStatus,
} from "../controller.ts";
import { readSchedule, type Times, timesOf } from "./cron-schedule-times.ts";

const SCHEDULED_ANNOTATION = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/** A timer may not be longer (Node takes 31 bits of milliseconds). */
const MAX_WAIT_MS = 24 * 3_600_000;

export function startCronJobController(context: ControllerContext): void {
  const controller: Controller = startController({
    context,
    name: "cronjob-controller",
    reconcile: (key) => reconcile(context, controller, key),
  });
  controller.watch(RESOURCES.cronJobs);
  controller.watchOwned(RESOURCES.jobs, "CronJob");
}

/** What one pass works on. */
interface Pass {
  context: ControllerContext;
  controller: Controller;
  cronJob: CronJob;
  /** The status as it becomes. */
  status: CronJobStatus;
  jobs: Job[];
}

async function reconcile(
  context: ControllerContext,
  controller: Controller,
  key: string,
): Promise<number | undefined> {
  const { api } = context;
  const cronJob = await getIfExists<CronJob>(api, RESOURCES.cronJobs, splitKey(key));
  if (cronJob === undefined) return;
  const { namespace } = cronJob.metadata;
  const { items } = await api.list<Job>(RESOURCES.jobs, { namespace });
  const pass: Pass = {
    context,
    controller,
    cronJob,
    status: { ...cronJob.status, active: [...(cronJob.status?.active ?? [])] },
    jobs: items.filter((job) => isControlledBy(job, cronJob)),
  };
  seeJobs(pass);
  await cleanUp(pass);
  try {
    return cronJob.metadata.deletionTimestamp === undefined ? await runDue(pass) : undefined;
  } finally {
    const { active = [], ...rest } = pass.status;
    await writeStatus(api, RESOURCES.cronJobs, cronJob, { ...rest, ...(active.length > 0 && { active }) });
  }
}

const finishOf = (job: Job): string | undefined =>
  job.status?.conditions?.find(
    ({ type, status }: { type: string; status: string }) =>
      (type === "Complete" || type === "Failed") && status === "True",
  )?.type;

/** Takes note of Jobs that have ended, gone, or come from elsewhere. */
function seeJobs({ controller, cronJob, status, jobs }: Pass): void {
  const event = (type: "Normal" | "Warning", reason: string, message: string) =>
    controller.events.record(cronJob, type, reason, message);
  const isActive = (job: Job) => status.active!.some(({ uid }) => uid === job.metadata.uid);
  for (const job of jobs) {
    const finish = finishOf(job);
    const { name, uid } = job.metadata;
    if (finish === undefined) {
      if (!isActive(job))
        event("Warning", "UnexpectedJob", `Saw a job that the controller did not create or forgot: ${name}`);
      continue;
    }
    if (isActive(job)) {
      status.active = status.active!.filter((reference) => reference.uid !== uid);
      event("Normal", "SawCompletedJob", `Saw completed job: ${name}, condition: ${finish}`);
    }
    const { completionTime } = job.status ?? {};
    if (
      finish === "Complete" &&
      completionTime !== undefined &&
      completionTime > (status.lastSuccessfulTime ?? "")
    )
      status.lastSuccessfulTime = completionTime;
  }
  for (const { uid, name } of status.active!) {
    if (jobs.some(({ metadata }) => metadata.uid === uid)) continue;
    event("Normal", "MissingJob", `Active job went missing: ${name}`);
    status.active = status.active!.filter((reference) => reference.uid !== uid);
  }
}

/** Starts the Job whose time has come; answers when the next one's does. */
async function runDue(pass: Pass): Promise<number | undefined> {
  const { context, controller, cronJob, status } = pass;
  const warn = (reason: string, message: string) =>
    controller.events.record(cronJob, "Warning", reason, message);
  const { schedule, suspend, concurrencyPolicy, startingDeadlineSeconds, timeZone } = cronJob.spec;
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    const zone = JSON.stringify(timeZone);
    warn("UnknownTimeZone", `invalid timeZone: ${zone}: unknown time zone ${timeZone}`);
    return undefined;
  }
  if (suspend) return undefined;
  const nowMs = context.clock.now();
  let times: Times;
  try {
    times = timesOf(cronJob, readSchedule(cronJob), nowMs);
  } catch (error) {
    warn(
      "UnparseableSchedule",
      `unparseable schedule: ${JSON.stringify(schedule)} : ${(error as Error).message}`,
    );
    return undefined;
  }
  const { dueMs, manyMissed } = times;
  const againMs = Math.min(times.nextInMs, MAX_WAIT_MS);
  if (dueMs === undefined) return againMs;
  if (manyMissed) {
    warn(
      "TooManyMissedTimes",
      "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
    );
  }
  if (startingDeadlineSeconds !== undefined && dueMs + startingDeadlineSeconds * 1_000 < nowMs) {
    warn("MissSchedule", `Missed scheduled time to start a job: ${rfc1123(dueMs)}`);
    return againMs;
  }
  const name = jobName(cronJob, dueMs);
  if (status.active!.some((job) => job.name === name) || status.lastScheduleTime === kubernetesTime(dueMs))
    return againMs;
  if (concurrencyPolicy === "Forbid" && status.active!.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    controller.events.record(cronJob, "Normal", "JobAlreadyActive", message);
    return againMs;
  }
  if (concurrencyPolicy === "Replace") for (const job of activeJobs(pass)) await deleteJob(pass, job);
  await createJob(pass, name, dueMs);
  return againMs;
}

const activeJobs = ({ status, jobs }: Pass): Job[] =>
  jobs.filter(({ metadata }) => status.active!.some(({ uid }) => uid === metadata.uid));

/** The same for a time whoever asks: no time is started twice. */
function jobName({ metadata }: CronJob, dueMs: number): string {
  return `${metadata.name}-${Math.floor(dueMs / 60_000)}`;
}

async function createJob(
  { context, controller, cronJob, status }: Pass,
  name: string,
  dueMs: number,
): Promise<void> {
  const { api } = context;
  const { namespace } = cronJob.metadata;
  const { metadata: template, spec } = cronJob.spec.jobTemplate;
  const job: Job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace,
      labels: { ...template?.labels },
      annotations: { ...template?.annotations, [SCHEDULED_ANNOTATION]: inZone(dueMs, cronJob.spec.timeZone) },
      ownerReferences: [controllerReference(cronJob, "batch/v1", "CronJob")],
    },
    spec: structuredClone(spec),
  };
  let created: Job;
  try {
    created = await api.create<Job>(RESOURCES.jobs, job);
    controller.events.record(cronJob, "Normal", "SuccessfulCreate", `Created job ${name}`);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) {
      const message = `Error creating job: ${(error as Error).message}`;
      controller.events.record(cronJob, "Warning", "FailedCreate", message);
      throw error;
    }
    created = await api.get<Job>(RESOURCES.jobs, { namespace, name });
    if (!isControlledBy(created, cronJob)) return;
  }
  const { uid, resourceVersion } = created.metadata;
  status.active!.push({ apiVersion: "batch/v1", kind: "Job", namespace, name, uid, resourceVersion });
  status.lastScheduleTime = kubernetesTime(dueMs);
}

async function deleteJob({ context, controller, cronJob, status }: Pass, job: Job): Promise<void> {
  await deleteIfExists(context.api, RESOURCES.jobs, job, { propagationPolicy: "Background" });
  status.active = status.active!.filter(({ uid }) => uid !== job.metadata.uid);
  controller.events.record(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${job.metadata.name}`);
}

/** Ended Jobs beyond the limits go, those that started first. */
async function cleanUp(pass: Pass): Promise<void> {
  const { successfulJobsHistoryLimit: successes = 3, failedJobsHistoryLimit: failures = 1 } =
    pass.cronJob.spec;
  const startOf = (job: Job): string => job.status?.startTime ?? "";
  for (const [finish, limit] of [
    ["Complete", successes],
    ["Failed", failures],
  ] as const) {
    const ended = pass.jobs
      .filter((job) => finishOf(job) === finish)
      .sort((a, b) =>
        startOf(a) === startOf(b)
          ? a.metadata.name < b.metadata.name
            ? -1
            : 1
          : startOf(a) < startOf(b)
            ? -1
            : 1,
      );
    for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await deleteJob(pass, job);
  }
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone });
    return true;
  } catch {
    return false;
  }
}

/** `Mon, 02 Jan 2006 15:04:05 +0000`. */
function rfc1123(timeMs: number): string {
  return new Date(timeMs).toUTCString().replace("GMT", "+0000");
}

/** RFC 3339 with the zone's offset; `Z` for UTC. */
function inZone(timeMs: number, timeZone = "UTC"): string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium",
  });
  const local = format.format(timeMs).replace(" ", "T");
  const offsetMinutes = Math.round((Date.parse(`${local}Z`) - Math.floor(timeMs / 1_000) * 1_000) / 60_000);
  if (offsetMinutes === 0) return `${local}Z`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const size = Math.abs(offsetMinutes);
  return `${local}${offsetMinutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}
