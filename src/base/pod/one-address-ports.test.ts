/** Two pods on a machine with one loopback address: they find each other as if each had its own. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createNodeNetwork } from "../node-network.ts";
import { oneAddressNetwork, oneAddressSockets } from "../one-address.ts";
import { programFile } from "../program-files.ts";
import { systemSockets } from "../sockets.ts";
import { POD_VARIABLE, type PodEnvironment } from "./pod-environment.ts";

const folder = mkdtempSync(join(tmpdir(), "one-address-"));
const ports = join(folder, "ports");
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Knows `far.default.svc.cluster.local` = 127.90.64.2, after a moment's thought, and nothing else. */
const names = createSocket("udp4");
names.on("message", (message, sender) => {
  const known = message.toString("latin1").includes("\x03far\x07default");
  const question = message.subarray(12, message.indexOf(0, 12) + 5);
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(known ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const record = Buffer.from("c00c000100010000000100047f5a4002", "hex");
  const answer = Buffer.concat([header, question, ...(known ? [record] : [])]);
  setTimeout(() => names.send(answer, sender.port, sender.address), 20);
});
await new Promise<void>((resolve) => names.bind(0, "127.0.0.1", resolve));
after(() => names.close());

function environmentOf(ip: string): PodEnvironment {
  const rootDirectory = join(folder, ip);
  mkdirSync(rootDirectory, { recursive: true });
  return {
    ip,
    hostname: `pod-${ip}`,
    portDirectory: ports,
    dns: { host: "127.0.0.1", port: names.address().port },
    search: ["default.svc.cluster.local"],
    ndots: 5,
    hosts: { other: "127.90.64.2" },
    mounts: [],
    rootDirectory,
    hostDirectories: [folder],
    heartbeatPath: join(folder, "heartbeat"),
    heartbeatLimitMs: 600_000,
  };
}

/** Runs a module in a pod; answers its first line, and the process that may go on. */
function inPod(ip: string, source: string): Promise<{ line: string; child: ChildProcess }> {
  const env = {
    PATH: process.env.PATH,
    NODE_OPTIONS: `--import=file://${programFile("preload")}`,
    [POD_VARIABLE]: JSON.stringify(environmentOf(ip)),
  };
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { env });
  children.add(child);
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (chunk) => {
      text += chunk;
    });
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve({ line: text.split("\n")[0], child });
    });
    child.on("exit", () => reject(new Error(text)));
  });
}

const serve = (port: number) => `import http from "node:http";
  const server = http.createServer((request, response) => response.end(process.env.${POD_VARIABLE}.match(/"ip":"([^"]+)/)[1]));
  server.on("error", (error) => { console.log(error.code); });
  server.listen(${port}, () => console.log(JSON.stringify(server.address())));`;

test("two pods listen on one port, and everybody finds the right one", async () => {
  const one = await inPod("127.90.64.1", serve(8000));
  const other = await inPod("127.90.64.2", serve(8000));
  assert.deepEqual(JSON.parse(one.line), { address: "127.90.64.1", family: "IPv4", port: 8000 });
  assert.deepEqual(JSON.parse(other.line), { address: "127.90.64.2", family: "IPv4", port: 8000 });

  await inPod(
    "127.90.64.2",
    `import http2 from "node:http2"; http2.createServer((request, response) => response.end("over HTTP/2")).listen(9000, () => console.log("up"));`,
  );

  const ask = `import http from "node:http"; import http2 from "node:http2"; import net from "node:net";
    const get = (url) => new Promise((resolve, reject) => http.get(url, (response) => {
      let text = ""; response.on("data", (chunk) => text += chunk).on("end", () => resolve(text)); }).on("error", reject));
    const raw = () => new Promise((resolve, reject) => {
      const socket = net.connect(8000, "other"); let text = "";
      socket.on("data", (chunk) => text += chunk).on("end", () => resolve(text.split("\\r\\n").at(-1))).on("error", reject);
      socket.write("GET / HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"); });
    const h2 = () => new Promise((resolve, reject) => {
      const session = http2.connect("http://far:9000"); let text = "";
      session.on("error", reject);
      session.request({ ":path": "/" }).on("data", (chunk) => text += chunk).on("end", () => resolve(text)).on("error", reject); });
    const said = [
      await h2(),
      await (await fetch("http://127.90.64.2:8000/")).text(),
      await (await fetch("http://other:8000/")).text(),
      await get("http://other:8000/"),
      await raw(),
      await (await fetch("http://localhost:8000/")).text(),
      await (await fetch("http://127.0.0.1:8000/")).text(),
      await fetch("http://other:8001/").catch((error) => error.cause.code),
      await get("http://nobody.invalid:8000/").catch((error) => error.code),
    ];
    console.log(JSON.stringify(said));`;
  const { line } = await inPod("127.90.64.1", ask);
  assert.deepEqual(JSON.parse(line), [
    "over HTTP/2",
    "127.90.64.2",
    "127.90.64.2",
    "127.90.64.2",
    "127.90.64.2",
    "127.90.64.1",
    "127.90.64.1",
    "ECONNREFUSED",
    "ENOTFOUND",
  ]);

  // The control plane, which is not in a pod, finds them too.
  const network = oneAddressNetwork(
    createNodeNetwork(() => {}),
    ports,
  );
  assert.equal(await (await network.fetch("http://127.90.64.2:8000/")).text(), "127.90.64.2");
  const sockets = oneAddressSockets(systemSockets, ports);
  const socket = await sockets.connectTcp({ host: "127.90.64.1", port: 8000 });
  socket.destroy();
  await assert.rejects(sockets.connectTcp({ host: "127.90.64.1", port: 8001 }), { code: "ECONNREFUSED" });

  // The pod's second container is told that the port is taken; when its holder is gone it is free.
  const second = await inPod("127.90.64.1", serve(8000));
  assert.equal(second.line, "EADDRINUSE");
  const gone = new Promise((resolve) => one.child.once("exit", resolve));
  one.child.kill("SIGKILL");
  await gone;
  await assert.rejects(sockets.connectTcp({ host: "127.90.64.1", port: 8000 }), { code: "ECONNREFUSED" });
  const again = await inPod("127.90.64.1", serve(8000));
  assert.match(again.line, /127\.90\.64\.1/);
});

test("the control plane listens at addresses that are names", async () => {
  const sockets = oneAddressSockets(systemSockets, ports);
  const at = { host: "127.90.0.1", port: 443 };
  const server = await sockets.listenTcp(at, (socket) => socket.end("hello"));
  assert.deepEqual({ host: server.host, port: server.port }, at);
  await assert.rejects(
    sockets.listenTcp(at, () => {}),
    { code: "EADDRINUSE" },
  );
  const { line } = await inPod(
    "127.90.64.3",
    `import net from "node:net"; net.connect({ host: "127.90.0.1", port: 443 }).on("data", (chunk) => console.log(String(chunk)));`,
  );
  assert.equal(line, "hello");
  await server.close();
  await assert.rejects(sockets.connectTcp(at), { code: "ECONNREFUSED" });
});
