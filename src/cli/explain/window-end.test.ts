import assert from "node:assert/strict";
import { test } from "node:test";
import type { FetchResponse } from "../../base/network.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import type { HorizontalPodAutoscaler } from "../../kubernetes/mod.ts";
import { windowEnd } from "./window-end.ts";

const NOW_S = Date.UTC(2026, 0, 1, 12) / 1000;
const metadata = { query: "sum(active)", threshold: "2" };
const OBJECT = {
  metadata: { name: "a", namespace: "b" },
  spec: { scaleTargetRef: { name: "x" }, minReplicaCount: 1, triggers: [{ type: "prometheus", metadata }] },
} as ScaledObject;

function hpaThat(reason: string, window?: number): HorizontalPodAutoscaler {
  const behavior = window === undefined ? undefined : { scaleDown: { stabilizationWindowSeconds: window } };
  const conditions = [{ type: "AbleToScale", status: "True", reason, message: "" }];
  return {
    metadata: { name: "a" },
    spec: { behavior },
    status: { conditions },
  } as unknown as HorizontalPodAutoscaler;
}

/** Five tenants until two minutes ago, then one: what the query answers, and what it was asked. */
function explained(hpa: HorizontalPodAutoscaler, series = 1) {
  const asked: string[] = [];
  const values = Array.from({ length: 20 }, (_, i) => {
    const at = NOW_S - 285 + 15 * i;
    return [at, at <= NOW_S - 120 ? "5" : "1"];
  });
  const fetch = async (url: string) => {
    asked.push(url);
    const result = Array.from({ length: series }, () => ({ values }));
    return { status: 200, text: async () => JSON.stringify({ data: { result } }) } as FetchResponse;
  };
  const parts = { network: { fetch }, prometheusUrl: "http://prom:9090/", object: OBJECT, replicas: 3 };
  return { asked, line: windowEnd({ ...parts, hpa, nowMs: NOW_S * 1000 }) };
}

test("windowEnd() says for how long the highest number that was asked for holds, and what comes then", async () => {
  const { asked, line } = explained(hpaThat("ScaleDownStabilized", 300));
  assert.equal(
    await line,
    "held for 180 s more: 3 were asked for until 11:58:00 UTC; then down to 1, at the next turn",
  );
  assert.match(
    asked[0],
    /^http:\/\/prom:9090\/api\/v1\/query_range\?query=sum%28active%29&start=\d+&end=\d+&step=15$/,
  );
  assert.match((await explained(hpaThat("ScaleDownStabilized")).line)!, /^held for 180 s more/);
});

test("windowEnd() says nothing where nothing is held, or the query does not tell", async () => {
  assert.equal(await explained(hpaThat("ReadyForNewScale")).line, undefined);
  assert.equal(await explained(hpaThat("ScaleDownStabilized"), 2).line, undefined);
  assert.equal(await explained(hpaThat("ScaleDownStabilized"), 0).line, undefined);
});
