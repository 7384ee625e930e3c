/** What Services' pods become in EndpointSlices and in Endpoints. */
import assert from "node:assert/strict";
import test from "node:test";
import type { EndpointSlice, Node, Pod, Service } from "../../types.ts";
import { MAX_ENDPOINTS, subsetsOf, truncateSubsets } from "./endpoints-subsets.ts";
import { groupByPorts, isSelected } from "./service-endpoints.ts";
import { MAX_ENDPOINTS_PER_SLICE, packSlices, type SliceContent } from "./slice-packing.ts";

const NODE: Node = {
  metadata: { name: "n", labels: { "topology.kubernetes.io/zone": "a" } },
  spec: {},
} as unknown as Node;

const service = (spec: Partial<Service["spec"]> = {}, annotations?: Record<string, string>): Service => ({
  metadata: { name: "web", namespace: "s", annotations },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }], ...spec },
});

function pod(index: number, { ready = true, going = false, spec = {} } = {}): Pod {
  return {
    metadata: {
      name: `web-${index}`,
      namespace: "s",
      uid: `u${index}`,
      labels: { app: "web" },
      ...(going && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: { nodeName: "n", containers: [{ name: "c", image: "i" }], ...spec },
    status: {
      phase: "Running",
      podIP: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  } as Pod;
}

const pods = (count: number, more = {}) => Array.from({ length: count }, (_, index) => pod(index, more));
const groups = (of: Pod[], its = service()) => groupByPorts(its, of, () => NODE);
const fresh = () => false;

let names = 0;
const asSlice = (content: SliceContent): EndpointSlice =>
  ({ metadata: { name: `slice-${names++}` }, ...content }) as EndpointSlice;
const sizes = (contents: SliceContent[]) => contents.map(({ endpoints }) => endpoints.length);

test("a port's name is looked for in containers, then in sidecars", () => {
  const named = (name: string, containerPort: number) => ({ ports: [{ name, containerPort }] });
  const spec = {
    containers: [{ name: "c", image: "i", ...named("http", 8080) }],
    initContainers: [
      { name: "setup", image: "i", ...named("early", 1) },
      { name: "side", image: "i", restartPolicy: "Always", ...named("metrics", 9090) },
    ],
  };
  const ports = ["http", "metrics", "early"].map((name, index) => ({
    name,
    port: index + 1,
    targetPort: name,
  }));
  const [group] = groups([pod(1, { spec })], service({ ports }));
  assert.deepEqual(group.ports.map(({ name, port }) => [name, port]).sort(), [
    ["http", 8080],
    ["metrics", 9090],
  ]);
});

test("an empty selector selects nothing", () => {
  assert.equal(isSelected(service({ selector: {} }), pod(1)), false);
  assert.equal(isSelected(service(), pod(1)), true);
});

test("a preference for near endpoints becomes hints of those that are ready", () => {
  const hints = (trafficDistribution: string, annotations?: Record<string, string>) =>
    groups(
      [pod(1), pod(2, { ready: false })],
      service({ trafficDistribution }, annotations),
    )[0].endpoints.map((endpoint) => endpoint.hints);
  const zone = { forZones: [{ name: "a" }] };
  assert.deepEqual(hints("PreferClose"), [zone, undefined]);
  assert.deepEqual(hints("PreferSameZone"), [zone, undefined]);
  assert.deepEqual(hints("PreferSameNode"), [{ ...zone, forNodes: [{ name: "n" }] }, undefined]);
  assert.deepEqual(hints("PreferClose", { "service.kubernetes.io/topology-mode": "Auto" }), [
    undefined,
    undefined,
  ]);
});

test("slices hold a hundred endpoints, change as little as can be, and one stays when none is left", () => {
  const first = packSlices([], groups(pods(MAX_ENDPOINTS_PER_SLICE)), fresh);
  assert.deepEqual(sizes(first.create), [100]);
  const existing = first.create.map(asSlice);
  const grown = packSlices(existing, groups(pods(MAX_ENDPOINTS_PER_SLICE + 1)), fresh);
  assert.deepEqual([sizes(grown.create), grown.update, grown.remove], [[1], [], []]);
  existing.push(...grown.create.map(asSlice));
  // One leaves the full slice, whose place goes to one that is new.
  const changed = packSlices(existing, groups(pods(MAX_ENDPOINTS_PER_SLICE + 2).slice(1)), fresh);
  assert.deepEqual(
    changed.update.map(({ slice, content }) => [slice.metadata.name, content.endpoints.length]),
    [[existing[0].metadata.name, 100]],
  );
  assert.equal(
    changed.update[0].content.endpoints.at(-1)!.targetRef!.name,
    `web-${MAX_ENDPOINTS_PER_SLICE + 1}`,
  );
  const emptied = packSlices(existing, [], fresh);
  assert.deepEqual([emptied.create, emptied.remove.length], [[], 1]);
  assert.deepEqual(emptied.update[0].content, { ports: [], endpoints: [] });
  const placeholder = [asSlice({ ports: [], endpoints: [] })];
  assert.deepEqual(packSlices(placeholder, [], fresh), { create: [], update: [], remove: [] });
  assert.equal(packSlices(placeholder, [], () => true).update.length, 1);
});

test("Endpoints: ports of the same pods stand together, terminating pods only where all are published", () => {
  const spec = { containers: [{ name: "c", image: "i", ports: [{ name: "admin", containerPort: 9 }] }] };
  const members = [pod(1, { spec }), pod(2), pod(3, { ready: false }), pod(4, { going: true })];
  const its = service({
    ports: [
      { name: "a", port: 1 },
      { name: "b", port: 2, targetPort: "admin" },
    ],
  });
  const told = (of: Service) =>
    subsetsOf(of, members).map(({ addresses = [], notReadyAddresses = [], ports = [] }) => [
      addresses.map(({ targetRef }) => targetRef!.name),
      notReadyAddresses.map(({ targetRef }) => targetRef!.name),
      ports.map(({ name, port }) => `${name}:${port}`),
    ]);
  assert.deepEqual(told(its), [
    [["web-1", "web-2"], ["web-3"], ["a:1"]],
    [["web-1"], [], ["b:9"]],
  ]);
  const all = service({ publishNotReadyAddresses: true, ports: [], clusterIP: "None" });
  assert.deepEqual(told(all), [[["web-1", "web-2", "web-3", "web-4"], [], []]]);
  assert.deepEqual(subsetsOf(service({ ports: [], clusterIP: "10.0.0.1" }), members), []);
});

test("Endpoints hold a thousand addresses, those that are ready first", () => {
  const at = (ready: number, notReady: number) => {
    const members = [
      ...pods(ready),
      ...Array.from({ length: notReady }, (_, i) => pod(5_000 + i, { ready: false })),
    ];
    const { subsets, isCut } = truncateSubsets(subsetsOf(service(), members));
    return [subsets[0].addresses?.length ?? 0, subsets[0].notReadyAddresses?.length ?? 0, isCut];
  };
  assert.deepEqual(at(MAX_ENDPOINTS - 1, 1), [999, 1, false]);
  assert.deepEqual(at(MAX_ENDPOINTS - 1, 2), [999, 1, true]);
  assert.deepEqual(at(MAX_ENDPOINTS + 1, 2), [1_000, 0, true]);
});
