/** What a query answered over the time that is replayed: from a Prometheus data directory, or from a Prometheus. */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import type { FetchOptions, FetchResponse } from "../../base/network.ts";
import type { Random } from "../../base/random.ts";
import { Engine, openTsdb } from "../../prometheus/mod.ts";

/** Points of one range query; Prometheus itself takes 11,000. */
export const POINTS_PER_QUERY = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const QUERY_TIMEOUT_MS = 120_000;

/** At each step: a number, or nothing. `several` where the answer had more than one element. */
export interface QueryHistory {
  values: Float64Array;
  several: Uint8Array;
}

export interface Grid {
  startMs: number;
  stepMs: number;
  count: number;
}

export interface History {
  /** @throws Error when the query is wrong or can't be asked */
  query(query: string, grid: Grid): Promise<QueryHistory>;
  /** The time that there are samples of, where that is known. */
  range?: { minMs: number; maxMs: number };
  close(): Promise<void>;
}

interface Series {
  timestampsMs: ArrayLike<number>;
  values: ArrayLike<number>;
}

/**
 * Reads a data directory without changing anything in it.
 *
 * @param lookbackMs as the Prometheus had it that wrote it @default Prometheus' own, five minutes
 */
export async function openDirectoryHistory(
  directory: string,
  parts: { disk: Disk; clock: Clock; random: Random; signal?: AbortSignal },
  lookbackMs?: number,
): Promise<History> {
  const { disk, clock, signal } = parts;
  if ((await disk.stat(directory)) === undefined) throw new Error(`${directory}: no such directory`);
  const tsdb = await openTsdb({ ...parts, directory, log: silentLogger, readOnly: true });
  const engine = new Engine({ queryable: tsdb, clock, timeoutMs: QUERY_TIMEOUT_MS, lookbackMs });
  const { minTimeMs, maxTimeMs } = timeRange(tsdb);
  return {
    range: { minMs: minTimeMs, maxMs: maxTimeMs },
    query: (query, grid) =>
      inParts(grid, async (startMs, endMs) => {
        if (signal !== undefined) await clock.sleep(0, signal);
        const { series } = await engine.range(query, startMs, endMs, grid.stepMs, { signal });
        return series.map(({ timestamps, values }) => ({ timestampsMs: timestamps, values }));
      }),
    close: () => tsdb.close(),
  };
}

function timeRange(tsdb: Awaited<ReturnType<typeof openTsdb>>) {
  const ranges = tsdb.blocks().map(({ minTime, maxTime }) => [minTime, maxTime - 1]);
  const head = tsdb.headStats();
  if (head.numSeries > 0) ranges.push([head.minTime, head.maxTime]);
  return {
    minTimeMs: Math.min(...ranges.map(([min]) => min)),
    maxTimeMs: Math.max(...ranges.map(([, max]) => max)),
  };
}

/**
 * Asks a Prometheus by its HTTP API.
 *
 * @param lookbackMs @default its own
 */
export function openRemoteHistory(
  url: string,
  request: (url: string, options: FetchOptions) => Promise<FetchResponse>,
  lookbackMs?: number,
): History {
  return {
    query: (query, grid) =>
      inParts(grid, async (startMs, endMs) => {
        const parameters = new URLSearchParams({
          query,
          start: String(startMs / 1000),
          end: String(endMs / 1000),
          step: String(grid.stepMs / 1000),
          ...(lookbackMs !== undefined && { lookback_delta: `${lookbackMs}ms` }),
        });
        const response = await request(`${url.replace(/\/$/, "")}/api/v1/query_range`, {
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: parameters.toString(),
          timeoutMs: QUERY_TIMEOUT_MS,
        });
        const text = await response.text(MAX_ANSWER_BYTES);
        return resultOf(text, response.status).map(({ values }) => ({
          timestampsMs: values.map(([seconds]) => Math.round(seconds * 1000)),
          values: values.map(([, value]) => goNumber(value)),
        }));
      }),
    close: async () => {},
  };
}

type RangeResult = { values: [number, string][] }[];

/** @throws Error with what the server said */
function resultOf(text: string, status: number): RangeResult {
  let answer: { status?: string; error?: string; data?: { result: RangeResult } } | undefined;
  try {
    answer = JSON.parse(text);
  } catch {
    // Something before Prometheus has answered: a proxy, or another server.
  }
  if (answer?.status === "success" && Array.isArray(answer.data?.result)) return answer.data.result;
  if (answer?.error !== undefined) throw new Error(answer.error);
  const [line] = text.trim().split("\n");
  throw new Error(
    `status ${status}, and no answer of a Prometheus: ${JSON.stringify(line.slice(0, SHOWN_CHARACTERS))}`,
  );
}

/** Of an answer that is none this much is shown. */
const SHOWN_CHARACTERS = 100;

function goNumber(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** One history from range queries of a bearable size. */
async function inParts(
  { startMs, stepMs, count }: Grid,
  ask: (startMs: number, endMs: number) => Promise<Series[]>,
): Promise<QueryHistory> {
  const history = { values: new Float64Array(count).fill(Number.NaN), several: new Uint8Array(count) };
  const present = new Uint8Array(count);
  for (let first = 0; first < count; first += POINTS_PER_QUERY) {
    const last = Math.min(first + POINTS_PER_QUERY, count) - 1;
    for (const { timestampsMs, values } of await ask(startMs + first * stepMs, startMs + last * stepMs)) {
      for (let i = 0; i < timestampsMs.length; i++) {
        const index = Math.round((timestampsMs[i] - startMs) / stepMs);
        if (index < 0 || index >= count) continue;
        if (present[index] === 1) history.several[index] = 1;
        present[index] = 1;
        history.values[index] = values[i];
      }
    }
  }
  return history;
}
