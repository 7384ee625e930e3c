import assert from "node:assert/strict";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { readTopologyManifests } from "../manifests.ts";
import { scenario } from "../scenario/scenario-source.ts";
import { simulateScenario } from "../simulated-world.ts";
import { kedaNews } from "./keda-news.ts";

const event = (kind: string, reason: string) =>
  ({ metadata: { name: "e" }, involvedObject: { kind }, reason, message: "why" }) as KubernetesObject;

test("kedaNews() tells what changes a ScaledObject's scaling, and nothing of others", () => {
  assert.equal(kedaNews(event("ScaledObject", "ScaledObjectPaused")), "ScaledObjectPaused: why");
  assert.equal(kedaNews(event("ScaledObject", "KEDAScalersStarted")), undefined);
  assert.equal(kedaNews(event("Pod", "ScaledObjectPaused")), undefined);
});

test("a ScaledObject that KEDA refuses while it runs is in the timeline, with why", async () => {
  const source = {
    name: "refused",
    for: "20s",
    faults: [
      {
        at: "5s",
        patch: { "ScaledObject/test-db-small": { spec: { triggers: [{ type: "none", metadata: {} }] } } },
      },
    ],
    expect: [],
  };
  const { timeline } = await simulateScenario(scenario(source), 1, await readTopologyManifests(systemDisk));
  const told = timeline.filter(({ what }) => what === "keda");
  assert.match(told[0].text, /^ScaledObjectCheckFailed: .*no scaler found for type: none$/);
  assert.equal(Math.round(told[0].atMs / 1000), 5);
});
