import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { activeWindowMsOf, patched } from "./world-objects.ts";

const SET: KubernetesObject = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "test-db-small" },
  spec: {
    template: {
      spec: { containers: [{ name: "test-db", image: "test-db", args: ["--port=1"] }, { name: "side" }] },
    },
  },
};

test("patched() merges maps, takes away what is null, replaces lists, and merges containers by name", () => {
  const containers = [{ name: "test-db", args: ["--port=2"] }, { name: "new" }];
  const spec = { serviceName: "x", template: { spec: { containers, volumes: null } } };
  const changed = patched(SET, { patches: { "StatefulSet/test-db-small": { spec } } });
  assert.equal(changed.spec.serviceName, "x");
  assert.deepEqual(changed.spec.template.spec.containers, [
    { name: "test-db", image: "test-db", args: ["--port=2"] },
    { name: "side" },
    { name: "new" },
  ]);
  assert.equal(patched(SET, { patches: { "StatefulSet/other": { spec } } }), SET);
});

test("patched() sets the database's active window, whatever it was", () => {
  const once = patched(SET, { patches: {}, activeWindowMs: 20_000 });
  const twice = patched(once, { patches: {}, activeWindowMs: 45_000 });
  const { args } = twice.spec.template.spec.containers[0];
  assert.deepEqual(args, ["--port=1", "--active-window=45"]);
  assert.equal(activeWindowMsOf(args), 45_000);
  assert.equal(activeWindowMsOf([]), 300_000);
});
