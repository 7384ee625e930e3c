/** How long a Job waits before it replaces pods that failed: 10 s, 20 s, … at most 10 minutes (`backoff_utils.go`). */
import type { Pod } from "../../types.ts";
import { finishedMs, indexFailures } from "./job-pods.ts";

const BACK_OFF_MIN_MS = 10_000;
const BACK_OFF_MAX_MS = 600_000;

interface Failures {
  /** Since the last success. */
  count: number;
  lastMs: number | undefined;
}

export interface JobBackOff {
  /**
   * What the ends of pods that were not counted before make of the wait.
   *
   * @returns `keep` makes it what the next look starts from
   */
  look(
    key: string,
    succeededMs: number[],
    failedMs: number[],
  ): { remainingMs(nowMs: number): number; keep(): void };
  /** Those of the indexes that need not wait; when all must, the shortest wait goes to `waits`. */
  indexesToStart(
    indexes: number[],
    replaced: ReadonlyMap<number, Pod>,
    nowMs: number,
    waits: number[],
  ): number[];
  /** The Job is gone, or has ended. */
  forget(key: string): undefined;
}

export function createJobBackOff(): JobBackOff {
  const known = new Map<string, Failures>();
  return {
    look(key, succeededMs, failedMs) {
      const failures = nextFailures(known.get(key) ?? { count: 0, lastMs: undefined }, succeededMs, failedMs);
      return {
        remainingMs: (nowMs) => remaining(failures.count, failures.lastMs, nowMs),
        keep: () => void known.set(key, failures),
      };
    },
    indexesToStart(indexes, replaced, nowMs, waits) {
      const waitOf = (index: number) => {
        const pod = replaced.get(index);
        return pod === undefined ? 0 : remaining(indexFailures(pod, true) + 1, finishedMs(pod), nowMs);
      };
      const ready = indexes.filter((index) => waitOf(index) === 0);
      if (ready.length === 0 && indexes.length > 0) waits.push(Math.min(...indexes.map(waitOf)));
      return ready;
    },
    forget: (key) => void known.delete(key) as undefined,
  };
}

function nextFailures(before: Failures, succeededMs: number[], failedMs: number[]): Failures {
  if (succeededMs.length === 0 && failedMs.length === 0) return before;
  const lastMs = failedMs.length === 0 ? undefined : Math.max(...failedMs);
  if (succeededMs.length === 0) return { count: before.count + failedMs.length, lastMs };
  const lastSuccessMs = Math.max(...succeededMs);
  const since = failedMs.filter((ms) => ms > lastSuccessMs);
  return { count: since.length, lastMs: since.length === 0 ? undefined : lastMs };
}

function remaining(count: number, lastMs: number | undefined, nowMs: number): number {
  if (count === 0 || lastMs === undefined) return 0;
  const lengthMs = Math.min(BACK_OFF_MIN_MS * 2 ** (count - 1), BACK_OFF_MAX_MS);
  return Math.max(0, lastMs + lengthMs - nowMs);
}
