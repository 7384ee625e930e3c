import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import { TIER } from "../world/world-objects.ts";
import { untilMetricsAreRead } from "./topology.ts";

/** How long it waits, in milliseconds, where the autoscaler looks like this over time. */
async function waited(hpaAt: (ms: number) => { type: string; status: string; reason: string }[] | undefined) {
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
  };
  const list = async () => {
    const conditions = hpaAt(now);
    return {
      items:
        conditions === undefined
          ? []
          : [{ spec: { scaleTargetRef: { name: TIER } }, status: { conditions } }],
    };
  };
  await untilMetricsAreRead({ list } as unknown as KubernetesApi, { monotonic: () => now, sleep });
  return now;
}

const active = (status: string, reason: string) => [{ type: "ScalingActive", status, reason }];

test("a scenario begins when the autoscaler has read its metrics", async () => {
  const failed = active("False", "FailedGetExternalMetric");
  const read = active("True", "ValidMetricFound");
  assert.equal(await waited(() => read), 0);
  assert.equal(await waited((ms) => (ms < 15_000 ? failed : read)), 15_000);
  assert.equal(await waited((ms) => (ms < 1_000 ? [] : read)), 1_000);
});

test("and at once where it has none to read, after 20 s where it never can", async () => {
  assert.equal(await waited(() => undefined), 0);
  assert.equal(await waited(() => active("False", "ScalingDisabled")), 0);
  assert.equal(await waited(() => active("False", "FailedGetExternalMetric")), 20_000);
});
