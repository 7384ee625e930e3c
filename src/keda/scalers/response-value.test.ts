import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_PATH_STEPS, valueFromJson, valueFromPrometheus } from "./response-value.ts";

test("valueFromJson() follows a path to a number or a quantity", () => {
  const root = {
    count: 43,
    "a.b": 1,
    nested: { list: [{ n: 5 }, { n: "250m" }], flag: true, nothing: null },
  };
  const cases: [location: string, expected: number | string][] = [
    ["count", 43],
    ["a\\.b", 1],
    ["nested.list.0.n", 5],
    ["nested.list.1.n", 0.25],
    ["nested.list.#", 2],
    ["nested.list.2.n", "Null"],
    ["nested.flag", "True"],
    ["nested.nothing", "Null"],
    ["nested", "JSON"],
    ["constructor", "Null"],
    ["count.toString", "Null"],
  ];
  for (const [location, expected] of cases) {
    const read = () => valueFromJson(root, location);
    if (typeof expected === "number") assert.equal(read(), expected, location);
    else {
      const message = `valueLocation ${JSON.stringify(location)} must point to a numeric value or a string parseable as a Quantity, got ${expected}`;
      assert.throws(read, { message });
    }
  }
  assert.throws(() => valueFromJson({ n: "many" }, "n"), {
    message: 'valueLocation "n" points to a string that is not parseable as a Quantity',
  });
});

test("valueFromJson() bounds the steps of a path", () => {
  const deep = (steps: number): unknown => (steps === 0 ? 7 : { a: deep(steps - 1) });
  const path = (steps: number) => Array(steps).fill("a").join(".");
  assert.equal(valueFromJson(deep(MAX_PATH_STEPS), path(MAX_PATH_STEPS)), 7);
  assert.throws(
    () => valueFromJson(deep(MAX_PATH_STEPS + 1), path(MAX_PATH_STEPS + 1)),
    /more than 100 steps/,
  );
});

test("valueFromPrometheus() finds the first sample that a selector matches", () => {
  const body = [
    "# HELP queue_length Waiting.",
    "# TYPE queue_length gauge",
    'queue_length{queue="a",host="x, y"} 5',
    'queue_length{queue="b",text="say \\"hi\\""} 7.5 1700000000000',
    "up 1",
    "free +Inf",
  ].join("\n");
  const cases: [location: string, expected: number | string][] = [
    ["up", 1],
    ["queue_length", 5],
    ['queue_length{queue="b"}', 7.5],
    ['queue_length{ host = "x, y" , queue="a" }', 5],
    ['queue_length{text="say \\"hi\\""}', 7.5],
    ["free", Number.POSITIVE_INFINITY],
    ['queue_length{queue="c"}', 'value queue_length{queue="c"} not found'],
    ["down", "metric 'down' not found"],
    ["not a selector", 'parse error in valueLocation "not a selector"'],
    ["up{x=1}", 'parse error in labels "x=1"'],
  ];
  for (const [location, expected] of cases) {
    const read = () => valueFromPrometheus(body, location);
    if (typeof expected === "number") assert.equal(read(), expected, location);
    else assert.throws(read, { message: expected });
  }
});
