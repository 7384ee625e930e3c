import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";

async function newStore() {
  const api = new ClusterStore({ clock: new VirtualClock(1_700_000_000_000), random: seededRandom(3) });
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } } as KubernetesObject);
  return api;
}

test("a Service that is no load balancer any more gives up what only those have", async () => {
  const api = await newStore();
  const spec = {
    type: "LoadBalancer",
    loadBalancerClass: "a.b/c",
    ports: [{ port: 80 }],
    selector: { a: "b" },
  };
  const made = await api.create(RESOURCES.services, {
    metadata: { name: "s", namespace: "default" },
    spec,
  } as unknown as KubernetesObject);
  const changed = (spec: object) =>
    api.replace(RESOURCES.services, { ...made, spec: { ...made.spec, ...spec } } as KubernetesObject);
  await assert.rejects(
    changed({ loadBalancerClass: "a.b/d" }),
    /spec\.loadBalancerClass: Invalid value: "a\.b\/d": may not change once set/,
  );
  const { spec: now } = await changed({ type: "ClusterIP" });
  assert.deepEqual(
    [
      now.loadBalancerClass,
      now.allocateLoadBalancerNodePorts,
      now.externalTrafficPolicy,
      now.ports[0].nodePort,
    ],
    [undefined, undefined, undefined, undefined],
  );
});

test("a Job's own labels are looked at, and a name that is missing is told with the rest", async () => {
  const api = await newStore();
  const template = (labels: object) => ({
    metadata: { labels },
    spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] },
  });
  const job = (metadata: object, spec: object) =>
    api.create(RESOURCES.jobs, {
      metadata: { namespace: "default", ...metadata },
      spec,
    } as unknown as KubernetesObject);
  await assert.rejects(
    job({ name: "j" }, { template: template({ "job-name": "k" }) }),
    /labels\[job-name\]: Invalid value: .*: must be 'j'/,
  );
  await assert.rejects(
    job({}, { template: template({}), parallelism: -1 }),
    /\[metadata\.name: Required value: name or generateName is required, spec\.parallelism: Invalid value: -1/,
  );
});

test("a node keeps its provider and ranges, and has whole devices", async () => {
  const api = await newStore();
  const node = (spec: object, status: object = {}) =>
    ({ metadata: { name: "n" }, spec, status }) as unknown as KubernetesObject;
  await assert.rejects(
    api.create(RESOURCES.nodes, node({}, { capacity: { "a.b/c": "500m" } })),
    /status\.capacity\.a\.b\/c: Invalid value: "500m": must be an integer/,
  );
  const made = await api.create(RESOURCES.nodes, node({ providerID: "p", podCIDR: "10.1.0.0/24" }));
  await assert.rejects(
    api.replace(RESOURCES.nodes, { ...made, spec: { ...made.spec, providerID: "q" } } as KubernetesObject),
    /spec\.providerID: Forbidden: node updates may not change providerID except from "" to valid/,
  );
});
