import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import test from "node:test";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { systemSockets } from "../../base/sockets.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { ClusterStore } from "../api-server/cluster-store.ts";
import { Informers } from "../controllers/controller.ts";
import type { EndpointSlice, Service } from "../types.ts";
import { startServiceProxy } from "./service-proxy.ts";

const ADDRESS = "127.15.203.1";

async function greet(port: number): Promise<string> {
  const socket = await systemSockets.connectTcp({ host: ADDRESS, port });
  socket.end("hello");
  return text(socket);
}

test("a Service's address leads to its ready endpoints, and to others when they change", async () => {
  const api = new ClusterStore({ clock: systemClock, random: systemRandom });
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const stop = new AbortController();
  const informers = new Informers({ api, clock: systemClock, log: silentLogger, signal: stop.signal });
  const proxy = startServiceProxy({
    informers,
    sockets: systemSockets,
    random: systemRandom,
    clock: systemClock,
    log: silentLogger,
  });
  const backend = async (name: string) =>
    systemSockets.listenTcp({ host: "127.15.203.9", port: 0 }, async (socket) => {
      const said = await text(socket);
      socket.end(`${name} heard ${said}`);
    });
  const [one, two] = [await backend("one"), await backend("two")];
  // A port that was free a moment ago.
  const probe = await systemSockets.listenTcp({ host: ADDRESS, port: 0 }, () => {});
  await probe.close();
  const { port } = probe;
  await api.create<Service>(RESOURCES.services, {
    metadata: { name: "web", namespace: "default" },
    spec: { clusterIP: ADDRESS, ports: [{ port, targetPort: 80 }] },
  });
  const metadata = { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } };
  const sliceTo = (ready: number, other: number): EndpointSlice => ({
    metadata,
    addressType: "IPv4",
    ports: [{ name: "", port: ready, protocol: "TCP" }],
    endpoints: [
      { addresses: ["127.15.203.9"], conditions: { ready: true } },
      { addresses: [`127.15.203.${other}`], conditions: { ready: false } },
    ],
  });
  await api.create(RESOURCES.endpointSlices, sliceTo(one.port, 10));
  await informers.synced();
  assert.equal(await greet(port), "one heard hello");
  await api.replace(RESOURCES.endpointSlices, sliceTo(two.port, 10));
  while ((await greet(port)) !== "two heard hello");
  await api.delete(RESOURCES.services, { namespace: "default", name: "web" });
  while (
    await greet(port).then(
      () => true,
      () => false,
    )
  );
  stop.abort();
  await proxy.close();
  await one.close();
  await two.close();
});

test("endpoints on their way out serve where there is nobody else", async () => {
  const api = new ClusterStore({ clock: systemClock, random: systemRandom });
  await api.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  const stop = new AbortController();
  const options = { clock: systemClock, log: silentLogger, signal: stop.signal };
  const informers = new Informers({ api, ...options });
  const proxy = startServiceProxy({ informers, sockets: systemSockets, random: systemRandom, ...options });
  const port = { port: 80 };
  // Headless: nobody listens for it.
  const service: Service = {
    metadata: { name: "web", namespace: "default" },
    spec: { clusterIP: "None", ports: [port] },
  };
  const labels = { "kubernetes.io/service-name": "web" };
  const endpoint = (host: string, ready: boolean, serving: boolean, terminating: boolean) => ({
    addresses: [host],
    conditions: { ready, serving, terminating },
  });
  const slice = await api.create<EndpointSlice>(RESOURCES.endpointSlices, {
    metadata: { name: "web-1", namespace: "default", labels },
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints: [
      endpoint("10.0.0.1", false, true, true),
      endpoint("10.0.0.2", false, false, true),
      endpoint("10.0.0.3", false, false, false),
    ],
  });
  await informers.synced();
  const hosts = () => proxy.endpoints(service, port).map(({ host }) => host);
  assert.deepEqual(hosts(), ["10.0.0.1"]);
  const endpoints = [...slice.endpoints, endpoint("10.0.0.4", true, true, false)];
  await api.replace<EndpointSlice>(RESOURCES.endpointSlices, { ...slice, endpoints });
  while (hosts()[0] !== "10.0.0.4") await systemClock.sleep(5);
  assert.deepEqual(hosts(), ["10.0.0.4"]);
  stop.abort();
  await proxy.close();
});
