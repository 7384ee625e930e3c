import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { createMemoryCluster } from "../simulation/world/autoscaled-cluster.ts";
import { kindText, resolveTarget } from "./scale-target.ts";
import type { ScaledObjectSpec } from "./scaled-object.ts";

const version = (name: string, served: boolean, storage: boolean) => ({
  name,
  served,
  storage,
  schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
});

test("resolveTarget() knows Kubernetes' own kinds and the cluster's, in versions that are served", async () => {
  const api = createMemoryCluster(new VirtualClock());
  await api.create(RESOURCES.customResourceDefinitions, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "fleets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Fleet", plural: "fleets", singular: "fleet", listKind: "FleetList" },
      versions: [version("v1", true, true), version("v1alpha1", false, false)],
    },
  } as KubernetesObject);
  const resolved = async (target: Partial<ScaledObjectSpec["scaleTargetRef"]>) => {
    const found = await resolveTarget(api, {
      spec: { scaleTargetRef: { name: "web", ...target }, triggers: [] },
    });
    return `${kindText(found)} ${found.resource}`;
  };
  const cases: [apiVersion: string | undefined, kind: string | undefined, expected: string][] = [
    [undefined, undefined, "apps/v1.Deployment deployments"],
    ["", "", "apps/v1.Deployment deployments"],
    ["apps/v1", "StatefulSet", "apps/v1.StatefulSet statefulsets"],
    ["apps/v1", "ReplicaSet", "apps/v1.ReplicaSet replicasets"],
    ["v1", "ReplicationController", "v1.ReplicationController replicationcontrollers"],
    // Whether these can be scaled is found out when they are asked.
    ["batch/v1", "Job", "batch/v1.Job jobs"],
    ["example.com/v1", "Fleet", "example.com/v1.Fleet fleets"],
    // Nobody looks whether there are any of that group.
    ["example.com/v1", "StatefulSet", "example.com/v1.StatefulSet statefulsets"],
  ];
  for (const [apiVersion, kind, expected] of cases)
    assert.equal(await resolved({ apiVersion, kind }), expected);
  const refused: [apiVersion: string, kind: string, problem: string][] = [
    ["apps/v2", "ReplicaSet", 'no matches for kind "ReplicaSet" in version "apps/v2"'],
    ["example.com/v1alpha1", "Fleet", 'no matches for kind "Fleet" in version "example.com/v1alpha1"'],
    ["example.org/v1", "Fleet", 'no matches for kind "Fleet" in version "example.org/v1"'],
    ["a/b/c", "ReplicaSet", "unexpected GroupVersion string: a/b/c"],
  ];
  for (const [apiVersion, kind, message] of refused) {
    await assert.rejects(resolved({ apiVersion, kind }), { message });
  }
});
