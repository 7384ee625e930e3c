/** Writes what rules have found, and marks what they no longer find as ended (`Group.Eval` in `rules/group.go`). */
import type { Logger } from "../../base/log.ts";
import type { Labels } from "../../model/labels.ts";
import { AppendError, type Appender } from "../storage.ts";
import type { RuleSample } from "./query-vector.ts";

/** Series by key. */
export type WrittenSeries = Map<string, Labels>;

/** What is said of samples that the store did not take, by its reason. */
const DISCARDED: Record<string, string> = {
  "out of order sample": "Error on ingesting out-of-order result from rule evaluation",
  "too old sample": "Error on ingesting too old result from rule evaluation",
  "duplicate sample for timestamp":
    "Error on ingesting results from rule evaluation with different value but same timestamp",
};

export interface AppendedResult {
  written: WrittenSeries;
  /** The last sample's, that was not taken. */
  error: AppendError | undefined;
}

/** Adds all samples that the store takes. */
export function appendResult(
  appender: Appender,
  samples: readonly RuleSample[],
  atMs: number,
  log: Logger,
): AppendedResult {
  const written: WrittenSeries = new Map();
  const dropped = new Map<string, number>();
  let error: AppendError | undefined;
  appender.refuseLate?.();
  for (const { labels, value, histogram } of samples) {
    try {
      if (histogram === undefined) appender.append(0, labels, atMs, value);
      else appender.appendHistogram(0, labels, atMs, histogram);
      written.set(labels.key, labels);
    } catch (thrown) {
      if (!(thrown instanceof AppendError)) throw thrown;
      error = thrown;
      const text = DISCARDED[thrown.reason];
      if (text === undefined)
        log.warn("Rule evaluation result discarded", { err: thrown, sample: String(labels) });
      else dropped.set(text, (dropped.get(text) ?? 0) + 1);
    }
  }
  for (const [text, count] of dropped) log.warn(text, { num_dropped: count });
  return { written, error };
}

/** Another rule may have gone on with the series meanwhile: the store says so, and that is no error. */
export function markStale(appender: Appender, series: Iterable<Labels>, atMs: number, log: Logger): void {
  for (const labels of series) {
    try {
      appender.appendStale(0, labels, atMs, true);
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      if (DISCARDED[error.reason] === undefined)
        log.warn("Adding stale sample failed", { sample: String(labels), err: error });
    }
  }
}
