import assert from "node:assert/strict";
import { test } from "node:test";
import { DASHBOARDS } from "../dashboards/mod.ts";
import { staleness } from "./generate-dashboards.ts";

test("the dashboards' manifest is what dashboards/ says", () => {
  assert.equal(staleness(), undefined);
});

test("dashboards avoid the queries that mislead", () => {
  const text = JSON.stringify(DASHBOARDS);
  assert.doesNotMatch(
    text,
    /count\(kube_pod_status_phase/,
    "every pod has a series for each phase: sum, not count",
  );
  assert.doesNotMatch(
    text,
    /sum[^"]*\(percolate_affinity_hits_total[^[]*\)/,
    "a hit rate is a ratio of rates, not of lifetime counters",
  );
});
