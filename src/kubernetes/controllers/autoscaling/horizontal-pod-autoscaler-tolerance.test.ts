import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isWithinTolerance,
  replicasForSharedMetric,
  type Tolerances,
} from "./horizontal-pod-autoscaler-replicas.ts";

const TOLERANCES: Tolerances = { scaleUp: 0.1, scaleDown: 0.1, version: "1.37" };

test("isWithinTolerance() by version: 11 tenants on 5 pods of 2", () => {
  const ratio = 11_000 / (2000 * 5);
  assert.equal(isWithinTolerance({ ...TOLERANCES, version: "1.37" }, ratio), true);
  assert.equal(isWithinTolerance({ ...TOLERANCES, version: "1.28" }, ratio), false);
  assert.equal(replicasForSharedMetric(5, 11_000, 2000, TOLERANCES).replicas, 5);
  assert.equal(replicasForSharedMetric(5, 11_000, 2000, { ...TOLERANCES, version: "1.28" }).replicas, 6);
  assert.equal(
    replicasForSharedMetric(6, 13_000, 2000, { ...TOLERANCES, version: "1.28" }).replicas,
    6,
    "six pods and one tenant over",
  );
  assert.equal(replicasForSharedMetric(5, 11_000, 2000, { ...TOLERANCES, scaleUp: 0 }).replicas, 6);
  assert.equal(
    replicasForSharedMetric(5, 9000, 2000, { ...TOLERANCES, scaleDown: 0.05 }).replicas,
    5,
    "rounded up",
  );
  assert.equal(replicasForSharedMetric(10, 18_900, 2000, { ...TOLERANCES, scaleDown: 0.05 }).replicas, 10);
  assert.equal(replicasForSharedMetric(10, 17_900, 2000, { ...TOLERANCES, scaleDown: 0.05 }).replicas, 9);
});

test("isWithinTolerance() takes the edges in", () => {
  const cases: [scaleUp: number, scaleDown: number, ratio: number, now: boolean, then: boolean][] = [
    [0.5, 0.5, 1.5, true, true],
    [0.5, 0.5, 0.5, true, true],
    [0.5, 0.5, 1.500001, false, false],
    [0.5, 0.5, 0.499999, false, false],
    [0.1, 0.1, 0.9, true, true],
    [0, 0, 1, true, true],
    // One tolerance for both directions at 1.28.
    [0.5, 0.25, 0.5, false, true],
    [0.25, 0.5, 0.5, true, false],
  ];
  for (const [scaleUp, scaleDown, ratio, now, then] of cases) {
    const within = (version: Tolerances["version"]) =>
      isWithinTolerance({ scaleUp, scaleDown, version }, ratio);
    assert.deepEqual([within("1.37"), within("1.28")], [now, then], `${ratio} of ${scaleUp}, ${scaleDown}`);
  }
});
