/**
 * The query engine by itself, in this process, on columns in memory: `node bench/prometheus/promql.bench.ts
 * [--series N] [--rounds N]`. Data as in anchors/performance: counters of 15 s, half of them aligned.
 *
 * Medians of rounds. The longest turn is how long the event loop was kept at most.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../src/base/clock.ts";
import { randomInteger, seededRandom } from "../../src/base/random.ts";
import { Labels } from "../../src/model/labels.ts";
import { Engine, MemoryQueryable } from "../../src/prometheus/promql/mod.ts";
import { parseExpression } from "../../src/prometheus/promql/parser/expression-parser.ts";

const { values: flags } = parseArgs({
  options: { series: { type: "string", default: "10000" }, rounds: { type: "string", default: "5" } },
});
const SERIES = Number(flags.series);
const ROUNDS = Number(flags.rounds);
const INTERVAL_MS = 15_000;
const SAMPLES = 261;
const START_MS = 1_767_571_200_000;
const END_MS = START_MS + (SAMPLES - 1) * INTERVAL_MS;
const HOUR_MS = 3_600_000;
const STEP_MS = 60_000;

const BUCKETS = ["0.05", "0.1", "0.5", "1", "5", "+Inf"];

function generate(): MemoryQueryable {
  const random = seededRandom(1);
  const store = new MemoryQueryable();
  const aligned = Float64Array.from({ length: SAMPLES }, (_, i) => START_MS + i * INTERVAL_MS);
  const counter = (labels: Record<string, string>, timestamps: Float64Array) => {
    let value = randomInteger(random, 10_000);
    const values = timestamps.map(() => (value += randomInteger(random, 100)));
    store.addColumns({ labels: Labels.of(labels), timestamps, values });
  };
  for (let i = 0; i < SERIES; i++) {
    const labels = {
      instance: `10.0.${i >> 8}.${i & 255}:8000`,
      tier: ["small", "medium", "large"][i % 3],
      tenant: `t${i}`,
    };
    counter({ __name__: "requests_total", ...labels }, aligned);
    const jittered = aligned.map((time) => time + randomInteger(random, 5));
    counter({ __name__: "jittered_total", ...labels }, jittered);
    counter({ __name__: "latency_bucket", le: BUCKETS[i % 6], pod: `p${Math.floor(i / 6)}` }, aligned);
  }
  for (let i = 0; i < SERIES; i += 100) {
    counter({ __name__: "node_info", instance: `10.0.${i >> 8}.${i & 255}:8000`, node: `n${i}` }, aligned);
  }
  return store;
}

const QUERIES: [query: string, isRange: boolean][] = [
  ["sum by (tier) (rate(requests_total[1m]))", true],
  ["sum by (tier) (rate(jittered_total[1m]))", true],
  ["histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))", true],
  ["histogram_quantile(0.9, rate(latency_bucket[5m]))", true],
  ["sum by (tier) (requests_total)", true],
  ["avg_over_time(requests_total[10m])", true],
  ["max_over_time(requests_total[10m])", true],
  ["requests_total / jittered_total", true],
  ["topk(10, rate(requests_total[5m]))", false],
  ["topk(10, rate(requests_total[5m]))", true],
  ["requests_total", false],
  ['requests_total{tenant=~".*[05]"}', false],
  ["count by (node) (requests_total * on (instance) group_left (node) node_info)", true],
  ["sum(requests_total == bool 1)", false],
];

/** The longest time between two turns of the event loop while `work` runs. */
async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = systemClock.monotonic();
  let isDone = false;
  const tick = () => {
    const now = systemClock.monotonic();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  isDone = true;
  tick();
  return longest;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

const store = generate();
const engine = new Engine({
  queryable: store,
  clock: systemClock,
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
});
console.log(`${SERIES} series a metric, ${SAMPLES} samples each; range queries of 1 h by 1 min`);
console.log("| Query | ms | ns per series and step | longest turn ms |\n|---|---|---|---|");
for (const [query, isRange] of QUERIES) {
  const steps = isRange ? HOUR_MS / STEP_MS + 1 : 1;
  const ask = () =>
    isRange ? engine.range(query, END_MS - HOUR_MS, END_MS, STEP_MS) : engine.instant(query, END_MS);
  const times: number[] = [];
  let longest = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage();
    const turn = await longestTurnMs(ask);
    const { user, system } = process.cpuUsage(start);
    // The first round warms up.
    if (round === 0) continue;
    times.push((user + system) / 1000);
    longest = Math.max(longest, turn);
  }
  const ms = median(times);
  const each = (ms * 1e6) / SERIES / steps;
  console.log(
    `| ${query}${isRange ? "" : " (instant)"} | ${ms.toFixed(1)} | ${each.toFixed(1)} | ${longest.toFixed(1)} |`,
  );
}

const text = QUERIES.map(([query]) => query);
const start = process.cpuUsage();
for (let i = 0; i < 1000; i++) parseExpression(text[i % text.length]);
const { user, system } = process.cpuUsage(start);
console.log(`parseExpression: ${((user + system) / 1000).toFixed(1)} µs each`);
