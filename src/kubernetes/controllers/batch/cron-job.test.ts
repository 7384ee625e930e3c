import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStandardCron } from "../../../model/cron-schedule.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { CronJob, Job, Pod } from "../../types.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import { startCronJobController } from "./cron-job.ts";
import { timesOf } from "./cron-schedule-times.ts";
import { startJobController } from "./job.ts";

const KEY = { namespace: "default", name: "nightly" };
const MINUTE_MS = 60_000;

async function worldWith(spec: Partial<CronJob["spec"]>, options: { runMs?: number } = {}) {
  const { runMs = 1_000 } = options;
  const clock = new VirtualClock(Date.parse("2026-03-01T10:00:30Z"));
  const world = await createWorkloadWorld({ clock });
  const { api, context } = world;
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  startJobController(context);
  startCronJobController(context);
  // Pods succeed after a while.
  context.informers.onChange<Pod>(RESOURCES.pods, (pod, previous) => {
    if (pod === undefined || previous !== undefined) return;
    clock.after(runMs, async () => {
      const now = await api.get<Pod>(RESOURCES.pods, pod.metadata).catch(() => undefined);
      if (now !== undefined)
        await api
          .updateStatus(RESOURCES.pods, { ...now, status: { ...now.status, phase: "Succeeded" } })
          .catch(() => {});
    });
  });
  // As it is stored: the API takes no schedule that can't be read.
  api.context.store.put("batch/cronjobs", "default/nightly", {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { ...KEY, uid: "u-nightly", creationTimestamp: kubernetesTime(clock.now()) },
    spec: {
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      schedule: "*/10 * * * *",
      jobTemplate: {
        metadata: { labels: { app: "count" } },
        spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "c" }] } } },
      },
      ...spec,
    },
  });
  const jobs = async () =>
    (await api.list<Job>(RESOURCES.jobs, { namespace: "default" })).items.map(({ metadata }) => metadata);
  const events = async () =>
    (await api.list(RESOURCES.events, { namespace: "default" })).items
      .filter(
        (event) =>
          (event as unknown as { involvedObject: { kind: string } }).involvedObject.kind === "CronJob",
      )
      .map((event) => {
        const { reason, message } = event as unknown as { reason: string; message: string };
        return `${reason}: ${message}`;
      });
  return { clock, world, jobs, events, get: () => api.get<CronJob>(RESOURCES.cronJobs, KEY) };
}

/** Minutes since the epoch, as in a Job's name. */
const minutes = (time: string) => Date.parse(time) / MINUTE_MS;

test("a Job is made at every time, named after it, and its end is noted", async () => {
  const { clock, world, jobs, events, get } = await worldWith({ timeZone: "Europe/Berlin" });
  await clock.advance(9 * MINUTE_MS);
  assert.deepEqual(await jobs(), []);
  await clock.advance(2 * MINUTE_MS);
  const [job, ...others] = await jobs();
  assert.equal(others.length, 0);
  assert.equal(job.name, `nightly-${minutes("2026-03-01T10:10:00Z")}`);
  assert.deepEqual(job.labels?.app, "count");
  assert.equal(
    job.annotations?.["batch.kubernetes.io/cronjob-scheduled-timestamp"],
    "2026-03-01T11:10:00+01:00",
  );
  const { status } = await get();
  assert.equal(status?.lastScheduleTime, "2026-03-01T10:10:00Z");
  assert.equal(status?.active, undefined);
  assert.equal(status?.lastSuccessfulTime, "2026-03-01T10:10:01Z");
  assert.deepEqual(await events(), [
    `SuccessfulCreate: Created job ${job.name}`,
    `SawCompletedJob: Saw completed job: ${job.name}, condition: Complete`,
  ]);
  world.stop();
});

test("only the last Jobs are kept", async () => {
  const { clock, world, jobs } = await worldWith({ schedule: "* * * * *", successfulJobsHistoryLimit: 2 });
  await clock.advance(6 * MINUTE_MS);
  assert.deepEqual(
    (await jobs()).map(({ name }) => name),
    ["2026-03-01T10:05:00Z", "2026-03-01T10:06:00Z"].map((time) => `nightly-${minutes(time)}`),
  );
  world.stop();
});

test("Forbid waits for the one before, Replace ends it, Allow does not mind", async () => {
  const counts: Record<string, number> = { Forbid: 1, Replace: 1, Allow: 3 };
  for (const [concurrencyPolicy, count] of Object.entries(counts)) {
    const { clock, world, get, events } = await worldWith(
      { schedule: "* * * * *", concurrencyPolicy: concurrencyPolicy as "Allow" },
      { runMs: 60 * MINUTE_MS },
    );
    await clock.advance(3 * MINUTE_MS);
    const { status } = await get();
    assert.equal(status?.active?.length, count, concurrencyPolicy);
    const first = `nightly-${minutes("2026-03-01T10:01:00Z")}`;
    assert.equal(
      status!.active!.some(({ name }) => name === first),
      concurrencyPolicy !== "Replace",
      concurrencyPolicy,
    );
    const told = (await events()).some((text) =>
      text.startsWith("JobAlreadyActive: Not starting job because"),
    );
    assert.equal(told, concurrencyPolicy === "Forbid");
    world.stop();
  }
});

test("suspended, nonsensical and misplaced ones start nothing, and the last two say why", async () => {
  const cases: [Partial<CronJob["spec"]>, RegExp | undefined][] = [
    [{ suspend: true }, undefined],
    [
      { schedule: "every day" },
      /^UnparseableSchedule: unparseable schedule: "every day" : expected exactly 5 fields/,
    ],
    [
      { timeZone: "Mars/Base" },
      /^UnknownTimeZone: invalid timeZone: "Mars\/Base": unknown time zone Mars\/Base$/,
    ],
  ];
  for (const [spec, event] of cases) {
    const { clock, world, jobs, events } = await worldWith(spec);
    await clock.advance(30 * MINUTE_MS);
    assert.deepEqual(await jobs(), []);
    const told = await events();
    if (event === undefined) assert.deepEqual(told, []);
    else assert.match(told[0], event);
    world.stop();
  }
});

test("timesOf() finds the latest time that has come, and counts what was missed", () => {
  const now = Date.parse("2026-03-01T10:00:30Z");
  const cronJob = (last: string, startingDeadlineSeconds?: number): CronJob => ({
    metadata: { name: "n", creationTimestamp: "2020-01-01T00:00:00Z" },
    spec: { schedule: "", startingDeadlineSeconds, jobTemplate: {} as CronJob["spec"]["jobTemplate"] },
    status: { lastScheduleTime: last },
  });
  const cases: [
    schedule: string,
    last: string,
    deadline: number | undefined,
    due: string | undefined,
    many: boolean,
  ][] = [
    ["0 * * * *", "2026-03-01T10:00:00Z", undefined, undefined, false],
    ["0 * * * *", "2026-03-01T09:00:00Z", undefined, "2026-03-01T10:00:00Z", false],
    ["0 * * * *", "2026-02-27T09:00:00Z", undefined, "2026-03-01T10:00:00Z", false],
    ["*/5 * * * *", "2026-02-27T09:00:00Z", undefined, "2026-03-01T10:00:00Z", true],
    ["0 9 * * *", "2026-02-27T09:00:00Z", 60, undefined, false],
    // Upstream steps over Friday's last one, reckoning with equal intervals, and so does this.
    ["30 6-16/4 * * 1-5", "2026-02-25T10:30:00Z", undefined, undefined, false],
    ["@every 90s", "2026-03-01T09:00:00Z", undefined, "2026-03-01T10:00:00Z", false],
  ];
  for (const [text, last, deadline, due, many] of cases) {
    const times = timesOf(cronJob(last, deadline), parseStandardCron(text), now);
    const found =
      times.dueMs === undefined ? undefined : new Date(times.dueMs).toISOString().replace(".000", "");
    assert.deepEqual([found, times.manyMissed], [due, many], text);
    assert.ok(times.nextInMs > 0, text);
  }
  assert.throws(
    () => timesOf(cronJob("2026-02-27T09:00:00Z"), parseStandardCron("59 23 31 2 *"), now),
    /less than 1 second/,
  );
});

test("a Job says that it is decided, then that it is so; a break has a condition too", async () => {
  const { clock, world } = await worldWith({ suspend: true });
  const { api } = world;
  const key = { namespace: "default", name: "count" };
  await api.create<Job>(RESOURCES.jobs, {
    metadata: key,
    spec: {
      suspend: true,
      completions: 3,
      parallelism: 3,
      completionMode: "Indexed",
      template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "c" }] } },
    },
  });
  await clock.advance(2_000);
  const conditions = async () =>
    (
      (await api.get<Job>(RESOURCES.jobs, key)).status.conditions as {
        type: string;
        status: string;
        reason: string;
      }[]
    ).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  assert.deepEqual(await conditions(), ["Suspended True JobSuspended"]);
  await api.patch(RESOURCES.jobs, key, { type: "merge", body: { spec: { suspend: false } } });
  await clock.advance(5_000);
  assert.deepEqual(await conditions(), [
    "Suspended False JobResumed",
    "SuccessCriteriaMet True CompletionsReached",
    "Complete True CompletionsReached",
  ]);
  const { status } = await api.get<Job>(RESOURCES.jobs, key);
  assert.deepEqual([status.succeeded, status.completedIndexes, status.terminating], [3, "0-2", 0]);
  world.stop();
});
