/** The refusals are those that kube-apiserver 1.35.0 gives. */
import assert from "node:assert/strict";
import test from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";

async function newStore() {
  const serviceAddresses = {
    isServiceAddress: (address: string) => address.startsWith("10.0.0."),
    serviceAddress: (index: number) => (index < 250 ? `10.0.0.${index + 1}` : undefined),
  };
  const store = new ClusterStore({ clock: systemClock, random: seededRandom(1), serviceAddresses });
  await store.create(RESOURCES.namespaces, { metadata: { name: "t" } } as KubernetesObject);
  const make = (name: string, spec: object) =>
    store.create<KubernetesObject>(RESOURCES.services, {
      metadata: { namespace: "t", name },
      spec: { ports: [{ port: 80 }], ...spec },
    } as KubernetesObject);
  const refusal = (made: Promise<unknown>) => made.then(String, ({ message }: Error) => message);
  return { store, make, refusal };
}

test("an address must be of the range and free", async () => {
  const { make, refusal } = await newStore();
  const problem = (name: string, address: string, why: string) =>
    `Service "${name}" is invalid: spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP ${address}: ${why}`;
  assert.equal(
    await refusal(make("far", { clusterIP: "1.2.3.4" })),
    problem("far", "1.2.3.4", "the provided network does not match the current range"),
  );
  assert.equal((await make("own", { clusterIP: "10.0.0.9" })).spec.clusterIP, "10.0.0.9");
  assert.equal(
    await refusal(make("twice", { clusterIP: "10.0.0.9" })),
    problem("twice", "10.0.0.9", "provided IP is already allocated"),
  );
  assert.equal((await make("headless", { clusterIP: "None" })).spec.clusterIP, "None");
});

test("a port of the nodes is one Service's, which may keep it", async () => {
  const { store, make, refusal } = await newStore();
  const ports = (...nodePorts: number[]) => ({
    type: "NodePort",
    ports: nodePorts.map((nodePort, index) => ({ name: `p${index}`, port: 80 + index, nodePort })),
  });
  const first = await make("first", ports(30_099));
  assert.equal(
    await refusal(make("second", ports(30_100, 30_099))),
    'Service "second" is invalid: spec.ports[1].nodePort: Invalid value: 30099: provided port is already allocated',
  );
  const labelled = { ...first, metadata: { ...first.metadata, labels: { a: "b" } } };
  assert.equal((await store.replace(RESOURCES.services, labelled)).metadata.labels?.a, "b");
});
