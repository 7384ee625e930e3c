import assert from "node:assert/strict";
import { test } from "node:test";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { withFieldManager } from "../../with-field-manager.ts";
import { createWorkloadWorld } from "../workload-world.ts";
import {
  serviceRange,
  startServiceAddressController,
  startServiceRangeController,
} from "./service-addresses.ts";

const service = (name: string, clusterIP: string): KubernetesObject => ({
  metadata: { name, namespace: "default" },
  spec: { type: "ClusterIP", clusterIP, ports: [{ port: 80 }] },
});

test("each address of a Service is an IPAddress, for as long as it is the Service's", async () => {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  startServiceAddressController({
    ...world.context,
    api: withFieldManager(world.api, "kube-apiserver"),
  });
  await world.api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const addresses = async () => {
    await clock.advance(1_000);
    const { items } = await world.api.list(RESOURCES.ipAddresses);
    return items.map(({ metadata, spec }) => `${metadata.name} ${spec.parentRef.name}`);
  };
  await world.api.create(RESOURCES.services, service("web", "127.9.0.7"));
  await world.api.create(RESOURCES.services, service("none", "None"));
  assert.deepEqual(await addresses(), ["127.9.0.7 web"]);
  const [object] = (await world.api.list(RESOURCES.ipAddresses)).items;
  assert.deepEqual(object.metadata.labels, {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  // A pointer that is left out where it is nil: the one who sets it owns it, and what is in it.
  const fields = object.metadata.managedFields![0].fieldsV1 as { "f:spec": { "f:parentRef": object } };
  assert.deepEqual(Object.keys(fields["f:spec"]["f:parentRef"]), [
    ".",
    "f:name",
    "f:namespace",
    "f:resource",
  ]);
  // Whoever deletes it gets it back; whoever made one of their own keeps it.
  await world.api.delete(RESOURCES.ipAddresses, { name: "127.9.0.7" });
  await world.api.create(RESOURCES.ipAddresses, {
    metadata: { name: "127.9.0.8" },
    spec: { parentRef: { resource: "gateways", name: "own" } },
  });
  assert.deepEqual(await addresses(), ["127.9.0.7 web", "127.9.0.8 own"]);
  await world.api.delete(RESOURCES.services, { namespace: "default", name: "web" });
  await world.api.create(RESOURCES.services, service("next", "127.9.0.7"));
  assert.deepEqual(await addresses(), ["127.9.0.7 next", "127.9.0.8 own"]);
  await world.api.delete(RESOURCES.services, { namespace: "default", name: "next" });
  assert.deepEqual(await addresses(), ["127.9.0.8 own"]);
  world.stop();
});

test("a range of Services is ready, and goes when it is deleted", async () => {
  const clock = new VirtualClock();
  const world = await createWorkloadWorld({ clock });
  startServiceRangeController(world.context);
  await world.api.create(RESOURCES.serviceCidrs, serviceRange("127.9.0.0/20"));
  await clock.advance(1_000);
  const range = await world.api.get<KubernetesObject>(RESOURCES.serviceCidrs, { name: "kubernetes" });
  assert.deepEqual(range.metadata.finalizers, ["networking.k8s.io/service-cidr-finalizer"]);
  assert.equal(range.status.conditions[0].message, "Kubernetes Service CIDR is ready");
  assert.deepEqual(range.metadata.managedFields?.map(({ manager }) => manager)[0], "service-cidr-controller");
  await world.api.delete(RESOURCES.serviceCidrs, { name: "kubernetes" });
  await clock.advance(1_000);
  assert.deepEqual((await world.api.list(RESOURCES.serviceCidrs)).items, []);
  world.stop();
});
