import assert from "node:assert/strict";
import { test } from "node:test";
import { Labels } from "../../model/labels.ts";
import { type Queryable, STALE_HIGH, STALE_LOW } from "../storage.ts";
import {
  Engine,
  type InstantResult,
  MemoryQueryable,
  QueryError,
  type RangeResult,
  type VectorValue,
} from "./mod.ts";

const clock = { monotonic: () => 0, sleep: async () => {} };

const STALE_NAN = new Float64Array(Uint32Array.of(STALE_LOW, STALE_HIGH).buffer)[0];

/** Samples every 15 s from 0, as `value(i)`. */
function series(
  store: MemoryQueryable,
  labels: Record<string, string>,
  value: (i: number) => number,
  count = 41,
) {
  const points = Array.from({ length: count }, (_, i) => ({ timestampMs: i * 15_000, value: value(i) }));
  store.add(Labels.of(labels), points);
}

function topology(): MemoryQueryable {
  const store = new MemoryQueryable();
  for (const [i, pod] of ["test-db-small-0", "test-db-small-1"].entries()) {
    const labels = { pod, tier: "small" };
    series(store, { __name__: "percolate_active_tenants", ...labels }, () => i + 2);
    series(store, { __name__: "percolate_tenant_requests_total", ...labels }, (n) => n * 15 * (i + 1));
    series(store, { __name__: "hits_total", ...labels }, (n) => n * 3);
    series(store, { __name__: "kube_pod_info", pod, node: `node-${i}` }, () => 1);
    series(store, { __name__: "kube_pod_status_phase", pod, phase: "Running" }, () => 1);
    series(store, { __name__: "kube_pod_status_phase", pod, phase: "Pending" }, () => 0);
    for (const [le, share] of [
      ["0.1", 5],
      ["0.5", 9],
      ["+Inf", 10],
    ] as const) {
      series(store, { __name__: "duration_seconds_bucket", le, ...labels }, (n) => n * share);
    }
  }
  return store;
}

function engine(options = {}): Engine {
  return new Engine({ queryable: topology(), clock, ...options });
}

/** `{a="b"} 1` for each sample, sorted. */
function lines(result: InstantResult): string[] {
  if (result.kind === "vector") {
    return result.samples.map(({ labels, value }) => `${labels} ${Number(value.toPrecision(12))}`).sort();
  }
  assert.notEqual(result.kind, "matrix");
  return [String((result as { value: number }).value)];
}

const at = 600_000;

const INSTANT: [query: string, ...expected: string[]][] = [
  ['sum(percolate_active_tenants{tier="small"})', "{} 5"],
  [
    "rate(percolate_tenant_requests_total[1m])",
    '{pod="test-db-small-0", tier="small"} 1',
    '{pod="test-db-small-1", tier="small"} 2',
  ],
  [
    "sum by (pod) (rate(hits_total[5m])) / sum by (pod) (rate(percolate_tenant_requests_total[5m]))",
    '{pod="test-db-small-0"} 0.2',
    '{pod="test-db-small-1"} 0.1',
  ],
  ["histogram_quantile(0.5, sum by (le) (rate(duration_seconds_bucket[5m])))", "{} 0.1"],
  [
    "topk(1, percolate_active_tenants)",
    '{__name__="percolate_active_tenants", pod="test-db-small-1", tier="small"} 3',
  ],
  [
    'label_replace(kube_pod_info, "index", "$1", "pod", ".*-(\\\\d+)")',
    '{__name__="kube_pod_info", index="0", node="node-0", pod="test-db-small-0"} 1',
    '{__name__="kube_pod_info", index="1", node="node-1", pod="test-db-small-1"} 1',
  ],
  ["sum(kube_pod_status_phase == 1)", "{} 2"],
  ['count(kube_pod_status_phase{phase="Running"} == 1)', "{} 2"],
  [
    "percolate_active_tenants * on (pod) group_left (node) kube_pod_info",
    '{node="node-0", pod="test-db-small-0", tier="small"} 2',
    '{node="node-1", pod="test-db-small-1", tier="small"} 3',
  ],
  ["max_over_time(sum(percolate_active_tenants)[5m:1m])", "{} 5"],
  ['absent(nonexistent{job="x"})', '{job="x"} 1'],
  ["-2 ^ 2", "-4"],
  ["scalar(sum(percolate_active_tenants)) + 1", "6"],
];

for (const [query, ...expected] of INSTANT) {
  test(`instant() evaluates ${query}`, async () => {
    assert.deepEqual(lines(await engine().instant(query, at)), expected);
  });
}

test("range() gives every step a value", async () => {
  const result: RangeResult = await engine().range("sum(percolate_active_tenants)", 0, at, 60_000);
  assert.equal(result.series.length, 1);
  assert.deepEqual(
    [...result.series[0].timestamps],
    Array.from({ length: 11 }, (_, i) => i * 60_000),
  );
  assert.deepEqual([...result.series[0].values], new Array(11).fill(5));
});

test("range() looks back no further than the lookback period", async () => {
  const { series: found } = await engine().range("hits_total", 600_000, 1_200_000, 100_000, {
    lookbackMs: 250_000,
  });
  assert.deepEqual([...found[0].timestamps], [600_000, 700_000, 800_000]);
});

test("instant() remarks that a metric is not named as a counter", async () => {
  const { infos } = await engine().instant("rate(percolate_active_tenants[1m])", at);
  assert.deepEqual(infos, [
    'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "percolate_active_tenants" (1:6)',
  ]);
});

const FAILURES: [query: string, kind: string, message: string][] = [
  ["sum(", "bad_data", "1:5: parse error: unclosed left parenthesis"],
  ["foo(1)", "bad_data", '1:1: parse error: unknown function with name "foo"'],
  [
    "kube_pod_status_phase * on (pod) kube_pod_status_phase",
    "execution",
    'found duplicate series for the match group {pod="test-db-small-0"} on the right hand-side of the operation: ' +
      '[{__name__="kube_pod_status_phase", phase="Pending", pod="test-db-small-0"}, ' +
      '{__name__="kube_pod_status_phase", phase="Running", pod="test-db-small-0"}]' +
      ";many-to-many matching not allowed: matching labels must be unique on one side",
  ],
  [
    "kube_pod_status_phase * on (pod) kube_pod_info",
    "execution",
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
  ],
  [
    'abs({__name__=~"hits_total|percolate_active_tenants"})',
    "execution",
    "vector cannot contain metrics with the same labelset",
  ],
];

for (const [query, kind, message] of FAILURES) {
  test(`instant() refuses ${query}`, async () => {
    await assert.rejects(engine().instant(query, at), (error) => {
      assert.ok(error instanceof QueryError);
      assert.deepEqual([error.kind, error.message], [kind, message]);
      return true;
    });
  });
}

test("instant() counts samples against its limit", async () => {
  const limited = engine({ maxSamples: 1 });
  await assert.rejects(limited.instant("hits_total", at), /would load too many samples into memory/);
  assert.equal(lines(await engine({ maxSamples: 2 }).instant("hits_total", at)).length, 2);
});

test("of subqueries those samples count that are taken from them, of ranges all", async () => {
  const counts = async (query: string) => {
    const { queried, read } = (await engine().instant(query, 600_000)).counts;
    return [queried, read];
  };
  // Two series; four samples a minute, of which neighbouring ranges share none.
  assert.deepEqual(await counts("hits_total[5m]"), [40, 40]);
  assert.deepEqual(await counts("rate(hits_total[5m])"), [40, 40]);
  assert.deepEqual(await counts("max_over_time(rate(hits_total[1m])[5m:1m])"), [10, 40]);
});

test("range() counts samples step by step where engine and query ask for it", async () => {
  const counts = async (query: string) => {
    const options = { countsSteps: true };
    const { steps } = (await engine({ stepStatistics: true }).range(query, 300_000, 480_000, 60_000, options))
      .counts;
    return [[...steps!.queried], [...steps!.read]];
  };
  assert.deepEqual(await counts("hits_total"), [
    [2, 2, 2, 2],
    [2, 2, 2, 2],
  ]);
  assert.deepEqual(await counts("timestamp(hits_total)"), await counts("hits_total"));
  // Windows that overlap find samples again that were read for the step before.
  assert.deepEqual(await counts("rate(hits_total[2m])"), [
    [16, 16, 16, 16],
    [16, 8, 8, 8],
  ]);
  // What is the same at each step is read for the first one.
  assert.deepEqual(await counts("rate(hits_total[2m] @ 300)"), [
    [16, 16, 16, 16],
    [16, 0, 0, 0],
  ]);
  // Of a subquery what falls between the windows counts for none of them.
  assert.deepEqual(await counts("max_over_time(hits_total[30s:15s])"), [
    [4, 4, 4, 4],
    [4, 4, 4, 4],
  ]);
  // Further back than an offset the same, for the step that sees it.
  assert.deepEqual(await counts("max_over_time(hits_total[1m:30s] offset 1m)"), [
    [4, 4, 4, 4],
    [4, 4, 4, 4],
  ]);
  const plain = await engine().range("hits_total", 300_000, 480_000, 60_000, { countsSteps: true });
  assert.equal(plain.counts.steps, undefined);
});

test("instant() stops when its signal aborts", async () => {
  await assert.rejects(engine().instant("hits_total", at, { signal: AbortSignal.abort() }), {
    kind: "canceled",
    message: "query was canceled in query execution",
  });
});

test("instant() stops at its deadline", async () => {
  let nowMs = 0;
  const ticking = { monotonic: () => (nowMs += 50), sleep: async () => {} };
  await assert.rejects(engine({ clock: ticking, timeoutMs: 60 }).instant("sum(hits_total)", at), {
    kind: "timeout",
    message: "query timed out in query execution",
  });
});

test("a range with room for one step is a range nevertheless", async () => {
  const { warnings } = await engine().range("sort(hits_total)", 60_000, 70_000, 15_000);
  assert.deepEqual(warnings, [
    "PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)",
  ]);
  assert.deepEqual((await engine().instant("sort(hits_total)", 60_000)).warnings, []);
});

test("functions of vectors refuse what they leave without a difference", async () => {
  const store = new MemoryQueryable();
  for (const name of ["a", "b"])
    series(store, { __name__: name, le: "1" }, (i) => (name === "a" ? i : 2 * i));
  const both = '{__name__=~"a|b"}';
  for (const query of [`timestamp(-${both} or ${both})`, `histogram_quantiles(${both}, "le", 0.5, 0.5)`]) {
    const strict = new Engine({ queryable: store, clock, parser: { experimentalFunctions: true } });
    await assert.rejects(strict.instant(query, 60_000), {
      message: "vector cannot contain metrics with the same labelset",
    });
  }
});

test("of equal remarks the last place is shown, and none within a subquery's result", async () => {
  const info =
    'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "kube_pod_info"';
  const infos = async (query: string) => (await engine().instant(query, at)).infos;
  const twice = "rate(kube_pod_info[1m]) + rate(kube_pod_info[2m])";
  assert.deepEqual(await infos(twice), [`PromQL info: ${info} (1:32)`]);
  const subquery = "1 + rate(kube_pod_info[1m:30s])";
  assert.deepEqual(await infos(subquery), [`PromQL info: ${info} (1:1)`]);
});

test("the many side is not looked at before the one side is found to be unique", async () => {
  const query = "kube_pod_status_phase + on (phase) fill (0) percolate_active_tenants";
  const fill = engine({ parser: { fillModifiers: true } });
  await assert.rejects(fill.instant(query, at), {
    message: /^found duplicate series for the match group {} on the right/,
  });
});

test("a start that is unknown is none, also for a range that reaches before the epoch", async () => {
  const store = new MemoryQueryable();
  store.addColumns({
    labels: Labels.of({ __name__: "c_total" }),
    timestamps: Float64Array.of(60_000),
    values: Float64Array.of(7),
    histograms: undefined,
    startTimestamps: Float64Array.of(0),
  });
  const started = new Engine({ queryable: store, clock, startTimestamps: true });
  assert.deepEqual(lines(await started.instant("increase(c_total[2m])", 100_000)), []);
});

test("a selector alone is answered from newest samples as it is from all", async () => {
  const store = topology();
  // Ended, too old for a look-back, no number, and with its newest sample before one that is yet to come.
  series(store, { __name__: "gauge", id: "ended" }, (i) => (i < 40 ? i : STALE_NAN));
  series(store, { __name__: "gauge", id: "old" }, (i) => i, 20);
  series(store, { __name__: "gauge", id: "nan" }, () => Number.NaN);
  series(store, { __name__: "gauge", id: "ahead" }, (i) => i, 60);
  const select = withoutShortWay(store);
  const queries = ["gauge", "(gauge)", "gauge offset 5m", "gauge @ 300", '{__name__=~".+"}', "nothing"];
  for (const query of queries) {
    for (const delayedNameRemoval of [false, true]) {
      const newest = await engine({ queryable: store, delayedNameRemoval }).instant(query, at);
      const evaluated = await engine({ queryable: select, delayedNameRemoval }).instant(query, at);
      assert.ok(newest.kind === "vector" && newest.hasStoredLabels, query);
      assert.deepEqual(
        { ...newest, hasStoredLabels: undefined },
        { ...evaluated, hasStoredLabels: undefined },
      );
    }
  }
  // As many as there may be, and one less.
  const count = ((await engine({ queryable: store }).instant("gauge", at)) as VectorValue).samples.length;
  assert.equal(count, 2);
  await engine({ queryable: store, maxSamples: count }).instant("gauge", at);
  await assert.rejects(engine({ queryable: store, maxSamples: count - 1 }).instant("gauge", at), {
    message: /too many samples/,
  });
});

test("a failure of the store is one of the query, also where only newest samples are asked for", async () => {
  const store = topology();
  store.newest = () => Promise.reject(new Error("no disk"));
  await assert.rejects(engine({ queryable: store }).instant("up", at), {
    kind: "execution",
    message: "expanding series: no disk",
  });
});

test("aggregations of newest samples are those of all samples", async () => {
  const store = topology();
  series(store, { __name__: "gauge", id: "ended", tier: "a" }, (i) => (i < 40 ? i : STALE_NAN));
  series(store, { __name__: "gauge", id: "old", tier: "a" }, (i) => i, 20);
  for (const id of ["1", "2", "3"])
    series(store, { __name__: "gauge", id, tier: id < "3" ? "a" : "b" }, (i) => i * 1.1 * Number(id));
  const withoutNewest = withoutShortWay(store);
  const operators = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"];
  const queries = operators.flatMap((operator) => [
    `${operator}(gauge)`,
    `${operator} by (tier) ((gauge))`,
    `${operator} without (id) (gauge)`,
    `${operator} by () (gauge offset 1m)`,
    `${operator}(nothing)`,
    `${operator}(gauge) + on () group_right () gauge`,
    `topk(1, ${operator} by (tier) (gauge @ 300))`,
  ]);
  for (const query of queries) {
    for (const delayedNameRemoval of [false, true]) {
      const newest = await engine({ queryable: store, delayedNameRemoval }).instant(query, at);
      const evaluated = await engine({ queryable: withoutNewest, delayedNameRemoval }).instant(query, at);
      assert.deepEqual(newest, evaluated, query);
    }
  }
  await engine({ queryable: store, maxSamples: 3 }).instant("count(gauge)", at);
  await assert.rejects(engine({ queryable: store, maxSamples: 2 }).instant("count(gauge)", at), {
    message: /too many samples/,
  });
});

function withoutShortWay(store: MemoryQueryable): Queryable {
  return {
    select: (matchers, range) => store.select(matchers, range),
    series: (matchers, range) => store.series(matchers, range),
    labelNames: (matchers, range) => store.labelNames(matchers, range),
    labelValues: (name, matchers, range) => store.labelValues(name, matchers, range),
    exemplars: () => store.exemplars(),
  };
}
