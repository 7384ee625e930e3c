/** Queries that someone means badly: an answer or an error, in bounded time and memory, and never for long at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { FUNCTIONS } from "./functions/table.ts";
import { Engine, MemoryQueryable, ParseError, QueryError } from "./mod.ts";
import { EXPRESSION_DEPTH_LIMIT, OPERATOR_LIMIT } from "./parser/expression-parser.ts";
import { FUNCTION_SIGNATURES } from "./parser/function-signatures.ts";

const clock = { monotonic: () => performance.now(), sleep: async () => {} };
const ALL = { experimentalFunctions: true, extendedRangeSelectors: true, fillModifiers: true };

function store(count = 20): MemoryQueryable {
  const queryable = new MemoryQueryable();
  for (let i = 0; i < count; i++) {
    const points = Array.from({ length: 50 }, (_, n) => ({ timestampMs: n * 15_000, value: n * i }));
    const name = ["a_total", "b", "c_bucket"][i % 3];
    queryable.add(Labels.of({ __name__: name, le: `${i}`, pod: `p${i % 5}`, job: "j" }), points);
  }
  return queryable;
}

const engine = new Engine({ queryable: store(), clock, maxSamples: 1_000_000, parser: ALL });

const REFUSED: [name: string, query: string, message: RegExp][] = [
  ["a subquery of a hundred years by milliseconds", "sum_over_time(a_total[100y:1ms])", /too many samples/],
  [
    "subqueries in subqueries",
    `sum_over_time(${"(".repeat(3)}vector(1)[1y:1s])[1y:1s])[1y:1s])`,
    /too many samples|parse error/,
  ],
  ["a range beyond int64", "rate(a_total[1e300])", /duration out of range/],
  ["a computed range that is not a number", "rate(a_total[2s ^ 99999])", /NaN or infinite|out of range/],
  ["an offset of a billion years", "a_total offset 1000000000y", /duration out of range/],
  ["nested parentheses", `${"(".repeat(100_000)}1${")".repeat(100_000)}`, /levels deep/],
  ["nested calls", `${"abs(".repeat(5000)}a_total${")".repeat(5000)}`, /levels deep/],
  ["a chain of operators", `1${" + 1".repeat(100_000)}`, /operators/],
  ["an expression that is too long", `a_total{x="${"y".repeat(2_000_000)}"}`, /too long/],
  ["a parameter that is no integer", "topk(1e300, a_total)", /overflows int64/],
];

for (const [name, query, message] of REFUSED) {
  test(`instant() refuses ${name}`, async () => {
    await assert.rejects(engine.instant(query, 600_000), (error) => {
      assert.ok(error instanceof QueryError, String(error));
      assert.match(error.message.slice(-300), message);
      return true;
    });
  });
}

test("instant() answers what is as deep and as long as may be", async () => {
  const depth = EXPRESSION_DEPTH_LIMIT;
  const nested = await engine.instant(
    `${"abs(".repeat(depth)}vector(1)${")".repeat(depth)}`.replace("vector(1)", "b"),
    0,
  );
  assert.equal(nested.kind, "vector");
  const chain = await engine.instant(`1${" + 1".repeat(OPERATOR_LIMIT)}`, 0);
  assert.equal(chain.kind === "scalar" && chain.value, OPERATOR_LIMIT + 1);
  const powers = await engine.instant(`1${" ^ 1".repeat(OPERATOR_LIMIT / 4)}`, 0);
  assert.equal(powers.kind === "scalar" && powers.value, 1);
});

test("instant() takes an expression with a regular expression that is made to take for ever", async () => {
  const long = new MemoryQueryable();
  long.add(Labels.of({ __name__: "x", tenant: "a".repeat(2000) }), [{ timestampMs: 0, value: 1 }]);
  const onLong = new Engine({ queryable: long, clock });
  for (const query of [
    'x{tenant=~"(a*)*b"}',
    'x{tenant!~"(a|a)*"}',
    'label_replace(x, "y", "$1", "tenant", "((a*)*)b")',
  ]) {
    const result = await onLong.instant(query, 0);
    assert.equal(result.kind, "vector");
  }
});

test("range() lets others have their turns", async () => {
  let turns = 0;
  let nowMs = 0;
  // A clock that goes on a little each time it is looked at.
  const ticking = { monotonic: () => (nowMs += 0.5), sleep: async () => {} };
  const polite = new Engine({
    queryable: store(2000),
    clock: ticking,
    timeoutMs: 1e9,
    nextTurn: async () => {
      turns++;
    },
  });
  await polite.range(
    'sum by (le) (rate({__name__="a_total"}[1m])) / on (le) group_right () b',
    0,
    600_000,
    60_000,
  );
  assert.ok(turns > 10, `only ${turns} turns`);
});

test("range() stops between two turns when it is canceled", async () => {
  const controller = new AbortController();
  let nowMs = 0;
  const slow = new Engine({
    queryable: store(2000),
    clock: { monotonic: () => (nowMs += 5), sleep: async () => {} },
    timeoutMs: 1e9,
    nextTurn: async () => controller.abort(),
  });
  await assert.rejects(slow.range("sum(a_total)", 0, 600_000, 60_000, { signal: controller.signal }), {
    kind: "canceled",
  });
});

test("every function of the language has an implementation, but those that are constants of a query", () => {
  const constants = new Set(["start", "end", "step", "range"]);
  for (const name of FUNCTION_SIGNATURES.keys()) assert.ok(FUNCTIONS.has(name) || constants.has(name), name);
  for (const name of FUNCTIONS.keys()) assert.ok(FUNCTION_SIGNATURES.has(name), name);
});

/** Any function or operator on anything. */
function randomQuery(next: (below: number) => number, depth: number): string {
  const pick = <T>(choices: readonly T[]) => choices[next(choices.length)];
  if (depth === 0)
    return pick([
      "a_total",
      "b",
      "c_bucket",
      "nothing",
      "1",
      "-Inf",
      "NaN",
      "a_total[2m]",
      '"x"',
      "time()",
      '{job="j"}',
    ]);
  const inner = () => randomQuery(next, depth - 1);
  switch (next(8)) {
    case 0:
    case 1: {
      const name = pick([...FUNCTION_SIGNATURES.keys()]);
      const { arguments: types } = FUNCTION_SIGNATURES.get(name)!;
      const values = {
        vector: inner,
        matrix: () => `(${inner()})[3m:1m]`,
        scalar: () => pick(["0.5", "2", "NaN"]),
        string: () => '"pod"',
        none: inner,
      };
      return `${name}(${types.map((type) => values[type]()).join(", ")})`;
    }
    case 2:
      return `${pick(["sum", "avg", "stddev", "min", "count", "group"])} ${pick(["", "by (pod)", "without (le)"])} (${inner()})`;
    case 3:
      return `${pick(["topk", "bottomk", "quantile", "limitk", "limit_ratio"])}(${pick(["2", "-1", "0.4"])}, ${inner()})`;
    case 4:
      return `(${inner()}) ${pick(["+", "/", "^", "==", "> bool", "and", "or", "unless", "</"])} ${pick(["", "on (pod)", "ignoring (le)"])} (${inner()})`;
    case 5:
      return `(${inner()}) * on (pod) ${pick(["group_left (le)", "group_right", "fill (3)", "fill_left (0)"])} (${inner()})`;
    case 6:
      return `(${inner()}) ${pick(["@ 60", "offset 1m", "offset -1m", "@ end()", "anchored", "smoothed", "[5m]"])}`;
    default:
      return `-${inner()}`;
  }
}

test("instant() and range() answer whatever parses, or say why not", async () => {
  const seed = 11;
  const random = seededRandom(seed);
  const next = (below: number) => randomInteger(random, below);
  let answered = 0;
  for (let round = 0; round < 4000; round++) {
    const query = randomQuery(next, 1 + next(3));
    try {
      const instant = await engine.instant(query, 60_000 * next(15));
      answered++;
      if (instant.kind === "vector" || instant.kind === "scalar")
        await engine.range(query, 0, 300_000, 60_000);
    } catch (error) {
      const isExpected = error instanceof QueryError || error instanceof ParseError;
      assert.ok(isExpected, `${query}, seed ${seed}: ${(error as Error).stack}`);
    }
  }
  assert.ok(answered > 500, `only ${answered} answered`);
});
