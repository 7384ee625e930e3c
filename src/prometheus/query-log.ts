/** `query_log_file`: every query that the engine ran, with what it took (`promql/engine.go`). */
import type { Clock } from "../base/clock.ts";
import type { JsonLogFile } from "./json-log-file.ts";
import type { Engine, InstantResult, RangeResult } from "./promql/mod.ts";

export interface LoggedQuery {
  query: string;
  startMs: number;
  endMs: number;
  /** 0 for an instant. */
  stepMs: number;
  /** Where the query came from. */
  origin: Record<string, unknown>;
}

export type LoggedResult = { stats: unknown } | { error: Error };

/** Where no tracing is, as upstream writes it. */
const NO_SPAN = { spanID: "0".repeat(16), traceID: "0".repeat(32) };

export class QueryLog {
  /** Queries that could not be written. */
  failures = 0;
  /** undefined: queries are not logged. */
  file: JsonLogFile | undefined;

  log({ query, startMs, endMs, stepMs, origin }: LoggedQuery, result: LoggedResult): void {
    const date = (timeMs: number) => new Date(timeMs).toISOString();
    try {
      this.file?.write("INFO", "promql query logged", {
        params: { end: date(endMs), query, start: date(startMs), step: Math.floor(stepMs / 1000) },
        ...("error" in result ? { error: result.error.message } : { stats: result.stats }),
        ...NO_SPAN,
        ...origin,
      });
    } catch {
      this.failures++;
    }
  }
}

/** What a query took, as the API and the query log show it. @param seconds that it ran */
export function queryStats({ counts, seconds: parts }: InstantResult | RangeResult, seconds: number) {
  const evaluated = parts.prepare + parts.evaluate + parts.sort;
  return {
    timings: {
      evalTotalTime: evaluated,
      resultSortTime: parts.sort,
      queryPreparationTime: parts.prepare,
      innerEvalTime: parts.evaluate,
      // What is left is the wait for its turn.
      execQueueTime: Math.max(0, seconds - evaluated),
      execTotalTime: seconds,
    },
    samples: {
      ...(counts.steps && { totalQueryableSamplesPerStep: perStep(counts.steps, "queried") }),
      totalQueryableSamples: Math.round(counts.queried),
      ...(counts.steps && { samplesReadPerStep: perStep(counts.steps, "read") }),
      samplesRead: Math.round(counts.read),
      peakSamples: Math.round(counts.peak),
    },
  };
}

/** `[seconds, count]` of each step. */
function perStep(steps: NonNullable<InstantResult["counts"]["steps"]>, kind: "queried" | "read") {
  return Array.from(steps.timesMs, (timeMs, step) => [timeMs / 1000, Math.round(steps[kind][step])]);
}

/** An engine whose instant queries are logged as coming from `origin`. */
export function loggedEngine(
  engine: Pick<Engine, "instant">,
  log: QueryLog,
  clock: Pick<Clock, "monotonic">,
  origin: Record<string, unknown>,
): Pick<Engine, "instant"> {
  return {
    async instant(query, timeMs, options) {
      if (log.file === undefined) return engine.instant(query, timeMs, options);
      const started = clock.monotonic();
      const logged = { query, startMs: timeMs, endMs: timeMs, stepMs: 0, origin };
      try {
        const result = await engine.instant(query, timeMs, options);
        log.log(logged, { stats: queryStats(result, (clock.monotonic() - started) / 1000) });
        return result;
      } catch (error) {
        log.log(logged, { error: error as Error });
        throw error;
      }
    },
  };
}
