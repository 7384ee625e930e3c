import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { silentLogger } from "../../../base/log.ts";
import { bodyOf, type HttpRequest } from "../../../base/network.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { MemoryDisk } from "../../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import type { PodRuntime } from "../../pod-runtime.ts";
import { createApiServer } from "../api-server.ts";
import { terminalSizes } from "./remote-command.ts";

const unused = () => Promise.reject(new Error("not for this test"));

async function newServer() {
  const server = await createApiServer({
    clock: new VirtualClock(),
    random: seededRandom(1),
    disk: new MemoryDisk(),
    network: { fetch: unused, serve: unused },
    log: silentLogger,
    directory: "/data",
  });
  const metadata = { name: "p", namespace: "default" };
  await server.api.create(RESOURCES.pods, {
    metadata,
    spec: {
      containers: [
        { name: "a", image: "i" },
        { name: "b", image: "i" },
      ],
      nodeName: "node-1",
    },
  });
  const homeless = { containers: [{ name: "a", image: "i" }] };
  await server.api.create(RESOURCES.pods, { metadata: { ...metadata, name: "new" }, spec: homeless });
  return { server, metadata };
}

/** What the server writes before it closes the connection. */
function ask(
  upgrade: (request: HttpRequest, socket: Duplex, head: Uint8Array) => void,
  target: string,
  headers: Record<string, string>,
): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    socket.on("finish", () => resolve(text));
    socket.on("close", () => resolve(text));
    const signal = new AbortController().signal;
    upgrade(
      { method: "GET", target, headers, body: bodyOf(), remoteAddress: "127.0.0.1", signal },
      socket,
      new Uint8Array(),
    );
  });
}

test("an upgrade is refused like any other request: token, origin, role, path, container, protocol", async () => {
  const { server, metadata } = await newServer();
  const exec = "/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=1&container=a";
  const good = {
    host: "127.0.0.1:6443",
    authorization: `Bearer ${server.adminToken}`,
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-protocol": "v5.channel.k8s.io",
  };
  assert.match(await ask(server.upgrade, exec, good), /^HTTP\/1\.1 503 [\s\S]*no kubelet is running/);
  server.setRuntime({ exec: unused, attach: unused, portForward: unused } as unknown as PodRuntime);
  const account = await server.api.create<KubernetesObject>(RESOURCES.serviceAccounts, {
    metadata: { name: "weak", namespace: "default" },
  });
  const { token } = server.api.context.tokens!.issue(
    { namespace: "default", serviceAccount: "weak", uid: account.metadata.uid! },
    3600,
  );
  const cases: [name: string, target: string, headers: Record<string, string>, answer: RegExp][] = [
    ["no token", exec, { ...good, authorization: "" }, /^HTTP\/1\.1 401 /],
    ["another host", exec, { ...good, host: "evil.example" }, /^HTTP\/1\.1 403 [\s\S]*is not this server/],
    ["another origin", exec, { ...good, origin: "https://evil.example" }, /^HTTP\/1\.1 403 /],
    [
      "no role",
      exec,
      { ...good, authorization: `Bearer ${token}` },
      /^HTTP\/1\.1 403 [\s\S]*cannot create resource \\"pods\/exec\\"/,
    ],
    ["no such pod", exec.replace("pods/p", "pods/q"), good, /^HTTP\/1\.1 404 [\s\S]*pods \\"q\\" not found/],
    [
      "no such container",
      exec.replace("container=a", "container=z"),
      good,
      /^HTTP\/1\.1 400 [\s\S]*container z is not valid/,
    ],
    [
      "no container chosen",
      exec.replace("&container=a", ""),
      good,
      /^HTTP\/1\.1 400 [\s\S]*choose one of: \[a b\]/,
    ],
    ["no command", exec.replace("command=ls&", ""), good, /^HTTP\/1\.1 400 [\s\S]*at least 1 command/],
    [
      "no stream",
      exec.replace("&stdout=1", ""),
      good,
      /^HTTP\/1\.1 400 [\s\S]*at least 1 of stdin, stdout, stderr/,
    ],
    [
      "an unknown subprotocol",
      exec,
      { ...good, "sec-websocket-protocol": "v9" },
      /^HTTP\/1\.1 400 [\s\S]*unsupported protocols: v9/,
    ],
    [
      "an unknown protocol",
      exec,
      { ...good, upgrade: "h2c" },
      /^HTTP\/1\.1 400 [\s\S]*missing upgrade headers/,
    ],
    [
      "SPDY without a version",
      exec,
      { ...good, upgrade: "SPDY/3.1" },
      /^HTTP\/1\.1 403 [\s\S]*unable to negotiate protocol/,
    ],
    [
      "a pod that no node has",
      "/api/v1/namespaces/default/pods/new/exec?command=ls&stdout=true",
      good,
      /^HTTP\/1\.1 400 [\s\S]*pod new does not have a host assigned/,
    ],
    ["another path", "/api/v1/pods", good, /^HTTP\/1\.1 400 /],
    ["a path that is none", "/%zz", good, /^HTTP\/1\.1 (400|500) /],
    [
      "a pod that does not run",
      "/api/v1/namespaces/default/pods/p/portforward?ports=80",
      good,
      /^HTTP\/1\.1 400 [\s\S]*pod is not running/,
    ],
  ];
  for (const [name, target, headers, answer] of cases)
    assert.match(await ask(server.upgrade, target, headers), answer, name);
  await server.api.updateStatus(RESOURCES.pods, { metadata, status: { phase: "Running" } });
  const ports = "/api/v1/namespaces/default/pods/p/portforward?ports=0";
  assert.match(
    await ask(server.upgrade, ports, { ...good, "sec-websocket-protocol": "v4.channel.k8s.io" }),
    /1 to 32 port numbers/,
  );
});

test("terminalSizes() reads sizes, however they are cut, and nothing else", async () => {
  const chunks = async function* () {
    yield Buffer.from('{"Width":80,"Height":24}\n{"Width":0,"Height":1}{"Width":100,"Height":30}');
    yield Buffer.from('nonsense {"Width":"x"} {}');
  };
  const sizes = [];
  for await (const size of terminalSizes(chunks())) sizes.push(size);
  assert.deepEqual(sizes, [
    { width: 80, height: 24 },
    { width: 100, height: 30 },
  ]);
});
