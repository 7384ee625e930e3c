import assert from "node:assert/strict";
import { test } from "node:test";
import { runScript } from "./script-runner.ts";

const clock = { monotonic: () => 0, sleep: async () => {} };

/** The failures of a script, none when all of its cases hold. */
async function failures(script: string): Promise<string[]> {
  const out: string[] = [];
  for await (const { line, failure } of runScript(script, clock)) {
    if (failure !== undefined) out.push(`${line}: ${failure}`);
  }
  return out;
}

test("integral() gives the area under the samples, by strategy", async () => {
  const script = `
load 10s
  tenants 0 4 8 NaN 2

eval instant at 40s integral(tenants[41s])
  {} 130

eval instant at 40s integral(tenants[41s], 0)
  {} 120

eval instant at 40s integral(tenants[41s], 1)
  {} 140

eval instant at 40s integral(tenants[41s], 0.5)
  expect warn regex: strategy should be 0, 1, or 2 \\(default\\), using 2, got 0.5
  {} 130

eval instant at 40s integral(absent_metric[41s])
`;
  assert.deepEqual(await failures(script), []);
});

test("anchored and smoothed ranges know from start timestamps that a counter began anew", async () => {
  const script = `
load 1m
  served_total{pod="a"}@st _x10 -30s -30s
  served_total{pod="a"}    _x10  50   50
  served_total{pod="b"}    _x10  50   50

eval instant at 11m increase(served_total[1m] anchored)
  {pod="a"} 50
  {pod="b"} 0

eval instant at 11m increase(served_total[2m] smoothed)
  {pod="a"} 100
  {pod="b"} 0
`;
  assert.deepEqual(await failures(script), []);
});

test("info() looks at info series as of the step where its selectors differ in time", async () => {
  const script = `
load 1m
  reads{job="db", instance="0"} 1 2 3 4
  writes{job="db", instance="1"} 5 6 7 8
  target_info{job="db", instance="0", version="1"} 1 1 stale
  target_info{job="db", instance="0", version="2"} _ _ 1 1
  target_info{job="db", instance="1", version="2"} 1 1 1 1

eval instant at 3m info(reads @ 60)
  reads{job="db", instance="0", version="1"} 2

eval range from 3m to 3m step 1m info(reads @ 60 or writes)
  reads{job="db", instance="0", version="2"} 2
  writes{job="db", instance="1", version="2"} 8

eval range from 3m to 3m step 1m info(scalar(reads @ 60) * writes)
  {job="db", instance="1", version="2"} 16

clear

load 1m
  reads{job="db"} 1
  reads{instance="0"} 2
  target_info{job="db", tier="small"} 1
  target_info{instance="0", tier="large"} 1

eval instant at 0m info(reads)
  reads{job="db", tier="small"} 1
  reads{instance="0", tier="large"} 2
`;
  assert.deepEqual(await failures(script), []);
});

test("__type__ and __unit__ go with the name in without, absent() and info()", async () => {
  const script = `
load 1m
  reads{__type__="counter", __unit__="bytes", pod="a"} 1
  reads{__type__="counter", __unit__="bytes", pod="b"} 2

eval instant at 0m sum without (pod) (reads)
  {} 3

eval instant at 0m absent(writes{__type__="counter", pod="a"})
  {pod="a"} 1
`;
  assert.deepEqual(await failures(script), []);
});

test("comparing histograms takes their buckets into account, also below histogram_count()", async () => {
  const script = `
load 1m
  small {{schema:0 count:3 sum:6 buckets:[1 2]}}
  large {{schema:0 count:3 sum:6 buckets:[2 1]}}

eval instant at 0m histogram_count(small == large)

eval instant at 0m histogram_count(small != large)
  {} 3

eval instant at 0m histogram_count(small and on() (count(count_values("v", {__name__=~"small|large"})) > 1))
  {} 3
`;
  assert.deepEqual(await failures(script), []);
});

test("histogram_fraction() takes a custom bucket's bounds as they are; no bound is NaN", async () => {
  const script = `
load_with_nhcb 1m
  delay_bucket{le="0"} 3
  delay_bucket{le="4"} 9
  delay_bucket{le="+Inf"} 12
  odd{le="1"} 4
  odd{le="NaN"} 6
  odd{le="+Inf"} 8

eval instant at 0m histogram_fraction(-Inf, 0, delay)
  {} 0.25

eval instant at 0m histogram_fraction(-Inf, 0, delay_bucket)
  {} 0.25

eval instant at 0m histogram_quantile(0.25, odd)
  expect warn msg: PromQL warning: bucket label "le" is missing or has a malformed value of "NaN" for metric name "odd" (1:26)
  {} 0.5
`;
  assert.deepEqual(await failures(script), []);
});

test("names need no quotes for letters of other scripts and for dots", async () => {
  const script = `
load 1m
  zahl.der.mieter{größe="klein"} 3
  sum.total 4

eval instant at 0m zahl.der.mieter{größe=~"kl.*"}
  {"zahl.der.mieter", "größe"="klein"} 3

eval instant at 0m sum by (größe) (zahl.der.mieter)
  {"größe"="klein"} 3

eval instant at 0m sum.total + Inf
  {} +Inf

eval instant at 0m rad(vector(1e308))
  {} 1.7453292519943295e+306
`;
  assert.deepEqual(await failures(script), []);
});
