/** Which of a CronJob's times has come (Kubernetes 1.37 `pkg/controller/cronjob/utils.go`). */
import { type CronSchedule, nextCronTime, parseStandardCron } from "../../../model/cron-schedule.ts";
import type { CronJob } from "../../types.ts";

/** A little later than the time itself, so that clocks that differ by a hair agree that it has come. */
const NEXT_SCHEDULE_DELTA_MS = 100;
/** So many missed times are worth a warning. */
const MANY_MISSED = 100;
/** The controller's own zone, where a CronJob names none. */
const LOCAL_ZONE = "UTC";

export interface Times {
  /** The latest time that has come since the last one; undefined when none has. */
  dueMs?: number;
  /** More than a hundred have come. */
  manyMissed: boolean;
  /** In milliseconds from now. */
  nextInMs: number;
}

/** @throws Error with the parser's text when the schedule is none */
export function readSchedule({ spec }: CronJob): CronSchedule {
  return parseStandardCron(
    spec.timeZone === undefined ? spec.schedule : `TZ=${spec.timeZone} ${spec.schedule}`,
  );
}

/** @throws Error when the schedule's times never come, or come at once */
export function timesOf(cronJob: CronJob, schedule: CronSchedule, nowMs: number): Times {
  const next = (timeMs: number) => nextCronTime(schedule, timeMs, LOCAL_ZONE);
  const { startingDeadlineSeconds } = cronJob.spec;
  const lastMs = Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? "");
  const deadlineMs = startingDeadlineSeconds === undefined ? 0 : nowMs - startingDeadlineSeconds * 1_000;
  const due = mostRecent(next, Math.max(lastMs, deadlineMs), nowMs);
  // For when to look again the deadline does not matter.
  const { recentMs, missed } = mostRecent(next, lastMs, nowMs);
  const fromMs = recentMs ?? (missed === 0 ? lastMs : nowMs);
  return {
    dueMs: due.recentMs,
    manyMissed: due.missed > MANY_MISSED,
    nextInMs: (next(fromMs) ?? Number.POSITIVE_INFINITY) + NEXT_SCHEDULE_DELTA_MS - nowMs,
  };
}

function mostRecent(
  next: (timeMs: number) => number | undefined,
  earliestMs: number,
  nowMs: number,
): { recentMs?: number; missed: number } {
  const first = next(earliestMs);
  const second = first === undefined ? undefined : next(first);
  if (first === undefined || second === undefined)
    throw new Error("time difference between two schedules is less than 1 second");
  if (nowMs < first) return { missed: 0 };
  if (nowMs < second) return { recentMs: first, missed: 0 };
  const intervalMs = second - first;
  const missed = Math.floor((nowMs - first) / intervalMs) + 1;
  // Most of the way by arithmetic, the rest time by time: intervals need not be equal.
  let recentMs: number | undefined;
  let timeMs = next(first + (missed - 2) * intervalMs);
  while (timeMs !== undefined && timeMs <= nowMs) {
    recentMs = timeMs;
    timeMs = next(timeMs);
  }
  return { recentMs, missed };
}
