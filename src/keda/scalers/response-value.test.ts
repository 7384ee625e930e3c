import assert from "node:assert/strict";
import { test } from "node:test";
import { valueFromJson, valueFromMap, valueFromPrometheus } from "./response-value.ts";

type Case = [location: string, expected: number | string];

function check(cases: Case[], read: (location: string) => number): void {
  for (const [location, expected] of cases) {
    if (typeof expected === "number") assert.equal(read(location), expected, location);
    else assert.throws(() => read(location), { message: expected }, location);
  }
}

const wrongType = (location: string, type: string): Case => [
  location,
  `valueLocation ${JSON.stringify(location)} must point to a numeric value or a string parseable as a Quantity, got ${type}`,
];

test("valueFromJson() follows a path to a number or a quantity", () => {
  const body = JSON.stringify({
    count: 43,
    "a.b": 1,
    nested: { list: [{ n: 5 }, { n: "250m" }], flag: true, off: false, nothing: null },
    word: "many",
  });
  const cases: Case[] = [
    ["count", 43],
    ["a\\.b", 1],
    ["nested.list.0.n", 5],
    ["nested.list.1.n", 0.25],
    ["nested.list.#", 2],
    wrongType("nested.list.2.n", "Null"),
    wrongType("nested.flag", "True"),
    wrongType("nested.off", "False"),
    wrongType("nested.nothing", "Null"),
    wrongType("nested", "JSON"),
    wrongType("constructor", "Null"),
    wrongType("count.toString", "Null"),
    ["word", 'valueLocation "word" points to a string that is not parseable as a Quantity'],
  ];
  check(cases, (location) => valueFromJson(body, location));
  check([wrongType("a", "Null")], (location) => valueFromJson("no JSON", location));
});

test("valueFromMap() knows names and indexes, and stops at the first value", () => {
  const root = { count: 2.5, list: [{ n: "1k" }, 7], flag: true, nothing: null };
  const cases: Case[] = [
    ["count", 2.5],
    ["count.more", 2.5],
    ["list.0.n", 1000],
    ["list.1", 7],
    wrongType("flag", "bool"),
    wrongType("nothing", "<nil>"),
    ["list", "path 'list' does not lead to a value"],
    ["list.2", "key '2' not found in path 'list.2'"],
    ["list.#", "key '#' not found in path 'list.#'"],
    ["list.length", "key 'length' not found in path 'list.length'"],
  ];
  check(cases, (location) => valueFromMap(root, location));
  const problem = (what: string) =>
    `yaml: unmarshal errors:\n  line 1: cannot unmarshal ${what} into map[string]interface {}`;
  assert.throws(() => valueFromMap([1], "0"), { message: problem("!!seq") });
  assert.throws(() => valueFromMap("no", "0"), { message: problem("!!str `no`") });
  assert.throws(() => valueFromMap(null, "a"), { message: "key 'a' not found in path 'a'" });
});

test("valueFromPrometheus() finds the first sample that a selector matches", () => {
  const body = [
    "# HELP queue_length Waiting.",
    "# TYPE queue_length gauge",
    'queue_length{queue="a",host="x, y"} 5',
    'queue_length{queue="b",text="say \\"hi\\""} 7.5 1700000000000',
    "up 1",
    "free +Inf",
    "# TYPE took summary",
    "took_sum 3",
  ].join("\r\n");
  const cases: Case[] = [
    ["up", 1],
    ['{__name__="up"}', 1],
    ["queue_length", 5],
    ['queue_length{queue="b"}', 7.5],
    ['queue_length{ host = "x, y" , queue="a" }', 5],
    ['queue_length{text="say \\"hi\\""}', 7.5],
    ['queue_length{queue!="b"}', 7.5],
    ["free", Number.POSITIVE_INFINITY],
    ['queue_length{queue="c"}', 'value queue_length{queue="c"} not found'],
    ["down", "metric 'down' not found"],
    ["took", "value took not found"],
    ["took_sum", "metric 'took_sum' not found"],
    ['{queue="a"}', "metric '' not found"],
    ["not a selector", 'parse error in valueLocation "not a selector"'],
    ["up{x=1}", 'parse error in valueLocation "up{x=1}"'],
  ];
  check(cases, (location) => valueFromPrometheus(body, location));
});

test("valueFromPrometheus() takes no body of which a line is malformed", () => {
  const cases: [line: string, problem: string][] = [
    ["up many", 'expected float as value, got "many"'],
    ["up", 'expected float as value, got ""'],
    ["up 1 now", 'expected integer as timestamp, got "now"'],
    ["up 1 2 3", 'spurious string after timestamp: " 3"'],
    ["# TYPE ok gauge", 'second TYPE line for metric name "ok", or TYPE reported after samples'],
    ["# TYPE up number", 'unknown metric type "number"'],
    ['up{a="1",a="2"} 1', 'duplicate label names for metric "up"'],
  ];
  for (const [line, problem] of cases) {
    assert.throws(() => valueFromPrometheus(`ok 1\n${line}\n`, "ok"), {
      message: `prometheus format parsing error: text format parsing error in line 2: ${problem}`,
    });
  }
});
