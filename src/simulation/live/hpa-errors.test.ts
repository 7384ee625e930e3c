import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { HpaErrors, READ_ERROR } from "./hpa-errors.ts";

const hpaWith = (status: string, reason: string) =>
  ({
    metadata: { name: "hpa" },
    status: { conditions: [{ type: "ScalingActive", status, reason }] },
  }) as KubernetesObject;
const FAILING = hpaWith("False", READ_ERROR);
const FINE = hpaWith("True", "ValidMetricFound");

test("HpaErrors counts events, and turns that no event tells of while the condition stands", () => {
  let nowMs = 0;
  const errors = new HpaErrors({ monotonic: () => nowMs });
  const until = (endMs: number, hpa: KubernetesObject | undefined, eventEveryMs = Number.NaN) => {
    for (; nowMs < endMs; nowMs += 1_000) {
      if (nowMs % eventEveryMs === 0) errors.told();
      errors.look(hpa);
    }
    return errors.count;
  };
  assert.equal(until(60_000, FINE), 0);
  // A turn every 15 s, each told by an event: none is counted twice.
  assert.equal(until(120_000, FAILING, 15_000), 4);
  // The filter is silent for five minutes, the turns go on: all but the last one, which an event might still tell.
  assert.equal(until(420_000, FAILING), 4 + 19);
  assert.equal(until(600_000, FINE), 23);
  assert.equal(until(700_000, undefined), 23);
  // It fails again: what was before says nothing of now.
  assert.equal(until(720_000, FAILING), 23);
});

test("HpaErrors counts nothing of a condition that is there from before", () => {
  let nowMs = 0;
  const errors = new HpaErrors({ monotonic: () => nowMs });
  for (; nowMs < 300_000; nowMs += 1_000) errors.look(FAILING);
  assert.equal(errors.count, 0);
});
