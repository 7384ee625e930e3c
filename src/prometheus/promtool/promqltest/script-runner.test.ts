import assert from "node:assert/strict";
import { test } from "node:test";
import { parseScript } from "./script.ts";
import { runScript } from "./script-runner.ts";

const clock = { monotonic: () => 0, sleep: async () => {} };

/** The failure of each case, or "". */
async function run(script: string): Promise<string[]> {
  const failures: string[] = [];
  for await (const { failure } of runScript(script, clock)) failures.push(failure ?? "");
  return failures;
}

const LOAD = `
load 1m
  requests_total{pod="a"} 0+60x10
  requests_total{pod="b"} 0+120x10
  up 1 stale 1 _ _
  level 5+1x10
  latency {{schema:1 count:4 sum:8 buckets:[1 2 1]}}x3
`;

const PASSING: [name: string, script: string][] = [
  ["a vector", 'eval instant at 10m rate(requests_total[5m])\n  {pod="a"} 1\n  {pod="b"} 2'],
  ["a scalar", "eval instant at 0 1 + 1\n  2"],
  ["a string", 'eval instant at 0 "a"\n  expect string "a"'],
  ["a zero where a gap is expected", "eval instant at 0 vector(0)\n  {} _"],
  [
    "a message by a pattern of RE2",
    "eval instant at 10m rate(level[5m])\n  expect info regex: (?i)METRIC MIGHT\n  {} 0.016666666666666666",
  ],
  ["start() under shifted times", "eval instant at 3m level @ start()\n  level 8"],
  ["an empty vector", "eval instant at 1m up"],
  ["a gap", "eval range from 0 to 2m step 1m up\n  up 1 _ 1"],
  ["order", "eval instant at 0 sort_desc(vector(1))\n  expect ordered\n  {} 1"],
  ["a failure", "eval instant at 0 up * on () requests_total\n  expect fail regex:found duplicate series"],
  ["an old-style failure", "eval_fail instant at 0 up * on () requests_total"],
  ["an info", "eval instant at 10m rate(level[5m])\n  expect info\n  {} 0.016666666666666666"],
  ["no info", "eval instant at 10m sum(requests_total)\n  expect no_info\n  {} 1800"],
  ["a histogram", "eval instant at 1m latency\n  latency {{schema:1 count:4 sum:8 buckets:[1 2 1]}}"],
  [
    "a range vector",
    'eval instant at 2m requests_total{pod="a"}[2m]\n  expect range vector from 1m to 2m step 1m\n  requests_total{pod="a"} 60 120',
  ],
];

for (const [name, script] of PASSING) {
  test(`runScript() passes ${name} that is as expected`, async () => {
    assert.deepEqual(await run(`${LOAD}\n${script}\n`), [""]);
  });
}

const FAILING: [name: string, script: string, failure: RegExp][] = [
  [
    "not a number where the end of a series is expected",
    "eval instant at 0 vector(NaN)\n  {} stale",
    /expected the end of {} but got NaN/,
  ],
  ["a wrong value", "eval instant at 0 1 + 1\n  3", /expected scalar 3 but got 2/],
  [
    "a value just beyond the tolerance",
    "eval instant at 0 vector(1)\n  {} 1.000003",
    /expected 1.000003 for {} but got 1/,
  ],
  [
    "a series too many",
    'eval instant at 10m requests_total\n  requests_total{pod="a"} 600',
    /unexpected metric/,
  ],
  ["a series that is missing", "eval instant at 10m nothing\n  nothing 1", /not found/],
  [
    "a failure that does not come",
    "eval instant at 0 1\n  expect fail",
    /^expected error evaluating query "1" \(line 9\) but got none$/,
  ],
  ["an info that was not to be", "eval instant at 10m rate(level[5m])\n  expect no_info", /unexpected info/],
  [
    "a warning that does not come",
    "eval instant at 10m sum(up)\n  expect warn",
    /expected warn annotations but none/,
  ],
  [
    "a histogram that differs",
    "eval instant at 1m latency\n  latency {{schema:1 count:4 sum:8 buckets:[1 1 2]}}",
    /but got {{schema:1/,
  ],
  [
    "too many points",
    "eval range from 0 to 1m step 1m vector(1)\n  {} 1 1 1",
    /^error in eval vector\(1\) \(line 9\): expected 3 points for {}, but query time range cannot/,
  ],
];

for (const [name, script, failure] of FAILING) {
  test(`runScript() fails ${name}`, async () => {
    const [found] = await run(`${LOAD}\n${script}\n`);
    assert.match(found, failure);
  });
}

test("runScript() takes a line about the failure that eval_fail asks for", async () => {
  const script = `${LOAD}\neval_fail instant at 0 up * on () requests_total\n  expect fail regex: duplicate series\n`;
  assert.deepEqual(await run(script), [""]);
});

test("runScript() forgets what was loaded at clear", async () => {
  const script = `${LOAD}\nclear\n\neval instant at 0 requests_total\n`;
  assert.deepEqual(await run(script), [""]);
});

test("runScript() loads classic histograms as native ones with custom buckets too", async () => {
  const script = `
load_with_nhcb 1m
  duration_bucket{le="1"} 1
  duration_bucket{le="+Inf"} 3
  duration_count 3
  duration_sum 7

eval instant at 0 duration
  duration {{schema:-53 count:3 sum:7 custom_values:[1] buckets:[1 2]}}
`;
  assert.deepEqual(await run(script), [""]);
});

test("runScript() takes start timestamps for resets", async () => {
  const script = `
load 1m
  c_total@st -30sx3
  c_total 1 2 3 4

eval instant at 3m resets(c_total[4m])
  {} 3
`;
  assert.deepEqual(await run(script), [""]);
});

const REFUSED: [script: string, message: RegExp][] = [
  ["foo", /line 1: invalid command "foo"/],
  ["load x\n  a 1", /line 2: not a valid duration string: "x"/],
  ["load 1m\n  a{b=} 1", /ScriptError: 2:5: parse error: unexpected "}" in label set, expected string$/],
  ["load 1m\n  a 1x99999999999", /more than 1000000 values/],
  [
    "eval instant at 5q 1",
    /error in eval 1 \(line 1\): invalid timestamp definition "5q": not a valid duration string: "5q"$/,
  ],
  ["\neval instant at 5m foo[5m", /ScriptError: 2:26: parse error: unclosed left bracket$/],
  ["load 1m\n  a 1+1", /ScriptError: 2:6: parse error: unexpected end of input in series values$/],
  ["load 1m\n  a 1 _-2", /ScriptError: 2:6: parse error: unexpected <op:->$/],
  [
    'load 1m\n  a{"b" c} 1',
    /ScriptError: 2:7: parse error: unexpected identifier "c" in label set, expected "," or "}"$/,
  ],
  ["load 1m\n  a {{schema :1}}", /ScriptError: 2:5: parse error: missing `:` for histogram descriptor$/],
  ["load 1m\n  a {{odd:1}}", /ScriptError: 2:5: parse error: bad histogram descriptor found: "odd"$/],
  ["eval instant at 0 a\n  a 1 2", /expecting multiple values in instant evaluation not allowed/],
  ["eval instant at 0 a\n  expect nonsense", /invalid expect statement/],
  ["eval instant at 0 a\n  expect info\n  expect no_info", /info and no_info cannot be used together/],
  ["eval range from 5m to 1m step 1m a", /is before start timestamp/],
  ["load 1m\n  a@st -1m", /@st line has no following sample line/],
];

for (const [script, message] of REFUSED) {
  test(`parseScript() refuses ${JSON.stringify(script)}`, () => {
    assert.throws(() => parseScript(script), message);
  });
}
