/** The queries that are timed, on the hour of data that `ingest.ts` wrote. */
import { type LongestTurn, median } from "../measure.ts";
import type { Measurement, Round } from "./measurement.ts";
import type { BenchServer, ServerFamily } from "./servers.ts";

interface BenchQuery {
  name: string;
  expression: string;
  isRange: boolean;
  /** Of the request, besides those that `fetch` sends: it takes gzip. */
  headers?: Record<string, string>;
  goals: Partial<Record<ServerFamily, number>>;
}

/** One minute, as a dashboard of an hour asks. */
const STEP_S = 60;
/** Compilers and caches come to rest first. */
const WARM_UP = 5;
/** Clock ticks are coarse: each query is repeated for about so long. */
const ENOUGH_MS = 2_000;
const MAX_REPEATS = 200;

const NEVER_WORSE = { prometheus: 1 };
const RANGE = { prometheus: 5, victoria: 2 };

const COUNTERS = "bench_requests_total";

const QUERIES: BenchQuery[] = [
  {
    name: "range sum by (tier) (rate[1m]), 10k series",
    expression: `sum by (tier) (rate(${COUNTERS}[1m]))`,
    isRange: true,
    goals: RANGE,
  },
  {
    name: "range sum by (pod), 10k series",
    expression: `sum by (pod) (${COUNTERS})`,
    isRange: true,
    goals: RANGE,
  },
  {
    name: "range histogram_quantile, 3k buckets",
    expression: "histogram_quantile(0.9, sum by (le) (rate(bench_duration_seconds_bucket[1m])))",
    isRange: true,
    goals: RANGE,
  },
  {
    name: "range regular expression, 10k series",
    expression: `sum(rate(${COUNTERS}{tenant_id=~"tenant-.*[13579]",pod!~".*-[0-9]"}[5m]))`,
    isRange: true,
    goals: NEVER_WORSE,
  },
  {
    name: "range group_left, 10k to 10k series",
    expression: `count(${COUNTERS} * on (instance) group_left () max by (instance) (${COUNTERS}))`,
    isRange: true,
    goals: NEVER_WORSE,
  },
  {
    name: "instant topk(10, rate[5m]), 10k series",
    expression: `topk(10, rate(${COUNTERS}[5m]))`,
    isRange: false,
    goals: { prometheus: 4, victoria: 3 },
  },
  {
    name: "instant selector of 10k series",
    expression: COUNTERS,
    isRange: false,
    goals: { prometheus: 8, victoria: 8 },
  },
  {
    name: "instant selector of 10k series, client takes no gzip",
    expression: COUNTERS,
    isRange: false,
    headers: { "accept-encoding": "identity" },
    goals: { prometheus: 8, victoria: 8 },
  },
  {
    // Ours compresses for others than those on this machine.
    name: "instant selector of 10k series, by a proxy",
    expression: COUNTERS,
    isRange: false,
    headers: { "x-forwarded-for": "192.0.2.1" },
    goals: {},
  },
  {
    name: "instant regular expression, 10k series",
    expression: `count(${COUNTERS}{tenant_id=~"tenant-.*[13579]"})`,
    isRange: false,
    goals: NEVER_WORSE,
  },
  {
    name: "instant group_left, 10k to 10k series",
    expression: `count(${COUNTERS} * on (instance) group_left () max by (instance) (${COUNTERS}))`,
    isRange: false,
    goals: NEVER_WORSE,
  },
];

/** Asked once, of series that no query has read before; then the first of those above is the same one again. */
const FIRST: BenchQuery = {
  name: "first range sum by (tier) (rate[1m]), 10k series",
  expression: QUERIES[0].expression,
  isRange: true,
  goals: { prometheus: 1, victoria: 1 },
};
/** As the first, of other series: what is measured is the reading, not the compiler. */
const BEFORE_FIRST: BenchQuery = {
  name: "",
  expression: "sum by (tier) (rate(bench_active_tenants[1m]))",
  isRange: true,
  goals: {},
};

export const QUERY_MEASUREMENTS: Measurement[] = [FIRST, ...QUERIES].flatMap(({ name, goals }) => [
  { name: `${name}, CPU`, unit: "ms", goals },
  { name: `${name}, wall`, unit: "ms", goals: { prometheus: 1, victoria: 1 } },
]);

export async function timeQueries(server: BenchServer, startS: number, endS: number): Promise<Round> {
  const round: Round = await timeFirst(server, startS, endS);
  for (const query of QUERIES) {
    const ask = asker(server, query, startS, endS);
    let lastMs = 0;
    for (let i = 0; i < WARM_UP; i++) lastMs = await ask();
    const repeats = Math.min(MAX_REPEATS, Math.max(WARM_UP, Math.ceil(ENOUGH_MS / lastMs)));
    const cpu = server.cpuSeconds();
    const walls: number[] = [];
    for (let i = 0; i < repeats; i++) walls.push(await ask());
    round[`${query.name}, CPU`] = ((server.cpuSeconds() - cpu) / repeats) * 1000;
    round[`${query.name}, wall`] = median(walls);
  }
  return round;
}

async function timeFirst(server: BenchServer, startS: number, endS: number): Promise<Round> {
  const before = asker(server, BEFORE_FIRST, startS, endS);
  for (let i = 0; i < WARM_UP; i++) await before();
  const cpu = server.cpuSeconds();
  const wallMs = await asker(server, FIRST, startS, endS)();
  return {
    [`${FIRST.name}, CPU`]: (server.cpuSeconds() - cpu) * 1000,
    [`${FIRST.name}, wall`]: wallMs,
  };
}

/** The longest turn of the event loop while each query is answered once. */
export async function watchQueries(server: BenchServer, startS: number, endS: number): Promise<LongestTurn> {
  server.watchLoop();
  for (const query of QUERIES) await asker(server, query, startS, endS)();
  return server.longestTurn();
}

/** Asks the query and answers with the milliseconds that it took. */
function asker(
  server: BenchServer,
  { expression, isRange, headers }: BenchQuery,
  startS: number,
  endS: number,
): () => Promise<number> {
  const query = encodeURIComponent(expression);
  const path = isRange
    ? `/api/v1/query_range?query=${query}&start=${startS}&end=${endS}&step=${STEP_S}`
    : `/api/v1/query?query=${query}&time=${endS}`;
  return async () => {
    const started = performance.now();
    const response = await fetch(server.url + path, { headers });
    const text = await response.text();
    const wallMs = performance.now() - started;
    if (!response.ok || !text.includes('"result":[{'))
      throw new Error(`${server.kind.name}: ${expression}: ${text.slice(0, 300)}`);
    return wallMs;
  };
}
