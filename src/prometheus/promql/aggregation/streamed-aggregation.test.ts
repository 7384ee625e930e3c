import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { Labels } from "../../../model/labels.ts";
import { STALE_HIGH, STALE_LOW } from "../../storage.ts";
import { Engine } from "../engine.ts";
import { MemoryQueryable } from "../memory-queryable.ts";

const STEP_MS = 15_000;
const START_MS = 1_767_571_200_000;
const SAMPLES = 120;

/** Counters that begin near zero, fall, have gaps and end; some go on without any of it. */
function store(seed: number): MemoryQueryable {
  const random = seededRandom(seed);
  const queryable = new MemoryQueryable();
  for (let i = 0; i < 40; i++) {
    const isSteady = i % 2 === 0;
    const times: number[] = [];
    const values: number[] = [];
    let value = isSteady ? 1_000 : 0;
    for (let step = 0; step < SAMPLES; step++) {
      if (!isSteady && random.float() < 0.1) continue;
      value =
        !isSteady && random.float() < 0.05 ? randomInteger(random, 3) : value + randomInteger(random, 9);
      times.push(START_MS + step * STEP_MS);
      values.push(!isSteady && random.float() < 0.02 ? Number.NaN : value);
    }
    const columns = { timestamps: Float64Array.from(times), values: Float64Array.from(values) };
    if (i % 10 === 5) new Uint32Array(columns.values.buffer).set([STALE_LOW, STALE_HIGH], 60);
    const labels = { __name__: "requests_total", pod: `pod-${i % 4}`, id: `${i}` };
    queryable.addColumns({ labels: Labels.of(labels), ...columns });
  }
  return queryable;
}

const INNER = [
  "requests_total",
  "rate(requests_total[1m])",
  "(increase(requests_total[2m]))",
  "delta(requests_total[1m])",
];
const OPERATORS = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"];
const GROUPINGS = ["", "by (pod)", "by (__name__)", "without (id)", "by (pod, __name__)"];

test("an aggregation of series that come one by one answers as one of series that are all there", async () => {
  const seed = Number(process.env.SEED ?? 1);
  const queryable = store(seed);
  const engine = new Engine({ queryable, clock: systemClock });
  const [from, to] = [START_MS + 60_000, START_MS + 20 * 60_000];
  for (const inner of INNER) {
    for (const operator of OPERATORS) {
      for (const grouping of GROUPINGS) {
        const streamed = `${operator} ${grouping} (${inner})`;
        // The first of a pair joined by `or` is passed on as it is, after all of it has been evaluated.
        const whole = `${operator} ${grouping} (${inner} or nothing)`;
        const [a, b] = await Promise.all([
          engine.range(streamed, from, to, 60_000),
          engine.range(whole, from, to, 60_000),
        ]);
        assert.ok(a.series.length > 0);
        assert.deepEqual(a.series, b.series, `seed ${seed}: ${streamed}`);
        assert.deepEqual([a.warnings, a.infos.length], [b.warnings, b.infos.length]);
      }
    }
  }
});

test("an aggregation of series that come one by one may load as many samples as one that has them all", async () => {
  const engine = new Engine({ queryable: store(1), clock: systemClock });
  const ask = (maxSamples: number) =>
    engine.range("sum(requests_total)", START_MS, START_MS + 9 * STEP_MS, STEP_MS, { maxSamples });
  const { counts } = await ask(1_000);
  await ask(counts.peak);
  await assert.rejects(ask(counts.peak - 1), { kind: "execution", message: /too many samples/ });
  assert.ok(counts.peak > 300, `${counts.peak}`);
});
