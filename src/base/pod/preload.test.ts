import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { programFile } from "../program-files.ts";
import { createPathMap, POD_VARIABLE, type PodEnvironment } from "./pod-environment.ts";

const POD_IP = "127.15.201.1";
const OTHER_IP = "127.15.201.2";
const folder = mkdtempSync(join(tmpdir(), "pod-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Knows `web.default.svc.cluster.local` and nothing else; answers with an A record or NXDOMAIN. */
const names = createSocket("udp4");
names.on("message", (message, sender) => {
  const known = message.toString("latin1").includes("\x03web\x07default\x03svc\x07cluster\x05local");
  const question = message.subarray(12, message.indexOf(0, 12) + 5);
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(known ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const record = Buffer.concat([
    Buffer.from("c00c00010001000000010004", "hex"),
    Buffer.from(OTHER_IP.split(".").map(Number)),
  ]);
  names.send(Buffer.concat([header, question, known ? record : Buffer.of()]), sender.port, sender.address);
});
await new Promise<void>((resolve) => names.bind(0, "127.0.0.1", resolve));
after(() => names.close());

const environment: PodEnvironment = {
  ip: POD_IP,
  hostname: "db-0",
  dns: { host: "127.0.0.1", port: names.address().port },
  search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"],
  ndots: 5,
  hosts: { alias: OTHER_IP },
  mounts: [
    ["/data", join(folder, "volume")],
    ["/etc/app/app.yaml", join(folder, "app.yaml")],
  ],
  rootDirectory: join(folder, "root"),
  hostDirectories: [folder],
  heartbeatPath: join(folder, "heartbeat"),
  heartbeatLimitMs: 600_000,
};
mkdirSync(join(folder, "volume"));
mkdirSync(join(folder, "root"));
writeFileSync(join(folder, "app.yaml"), "a: 1");

/** Runs a module in the pod; what it prints is its result. */
function inPod(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    PATH: process.env.PATH,
    NODE_OPTIONS: `--import=file://${programFile("preload")}`,
    [POD_VARIABLE]: JSON.stringify(environment),
  };
  return new Promise((resolve) =>
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    ),
  );
}

async function moduleInPod(source: string): Promise<unknown> {
  const { stdout, stderr } = await inPod(["--input-type=module", "-e", source]);
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

const LISTENS: [call: string, what: string][] = [
  ["listen(0)", "a port"],
  ["listen(0, '0.0.0.0')", "all addresses"],
  ["listen(0, undefined, 10)", "no host and a backlog"],
  ["listen({ port: 0, host: '::' })", "all IPv6 addresses"],
  ["listen({ port: 0, host: 'localhost' })", "localhost"],
  ["listen()", "nothing at all"],
];
for (const [call, what] of LISTENS) {
  test(`listening on ${what} binds the pod's address`, async () => {
    const source = `import http from "node:http";
      const server = http.createServer((request, response) => response.end("own"));
      server.${call};
      server.on("listening", async () => {
        const { address, port } = server.address();
        const texts = await Promise.all(["localhost", "127.0.0.1", "db-0"].map(async (host) => (await fetch("http://" + host + ":" + port)).text()));
        const byAgent = await new Promise((resolve) => http.get("http://127.0.0.1:" + port, (response) => response.on("data", (chunk) => resolve(String(chunk)))));
        console.log(JSON.stringify([address, ...texts, byAgent]));
        process.exit();
      });`;
    assert.deepEqual(await moduleInPod(source), [POD_IP, "own", "own", "own", "own"]);
  });
}

test("names resolve by the cluster's name server and the search list, in every way to ask", async () => {
  const source = `import dns, { lookup } from "node:dns"; import { promisify } from "node:util"; import os from "node:os";
    const by = [
      await dns.promises.lookup("web"),
      await dns.promises.lookup("web.default", { all: true }),
      await promisify(lookup)("web.default.svc.cluster.local"),
      await dns.promises.resolve4("web.default.svc.cluster.local"),
      await dns.promises.lookup("alias"),
      await dns.promises.lookup("127.0.0.9"),
      await dns.promises.lookup("nobody.invalid").catch((error) => error.code),
    ];
    console.log(JSON.stringify([os.hostname(), ...by]));`;
  const found = { address: OTHER_IP, family: 4 };
  assert.deepEqual(await moduleInPod(source), [
    "db-0",
    found,
    [found],
    found,
    [OTHER_IP],
    found,
    { address: "127.0.0.9", family: 4 },
    "ENOTFOUND",
  ]);
});

test("files: mounts are their folders, the rest is the container's own layer over the machine's", async () => {
  const source = `import fs from "node:fs"; import { readFile, writeFile, readdir } from "node:fs/promises";
    fs.writeFileSync("/data/a", "1");
    await writeFile("/tmp/own", "2");
    fs.mkdirSync("/prometheus/wal", { recursive: true });
    const stream = fs.createWriteStream("/data/b"); stream.end("3"); await new Promise((done) => stream.on("close", done));
    fs.renameSync("/data/b", "/data/c");
    console.log(JSON.stringify([
      await readdir("/data"), fs.readFileSync("/tmp/own", "utf8"), await readFile("/etc/app/app.yaml", "utf8"),
      fs.existsSync("/prometheus/wal"), fs.existsSync("/proc/self/stat"),
    ]));`;
  const result = await moduleInPod(source);
  assert.deepEqual(result, [["a", "c"], "2", "a: 1", true, process.platform === "linux"]);
  assert.equal(readFileSync(join(folder, "root/tmp/own"), "utf8"), "2");
});

test("fs.promises.rm() removes what lies on a volume, and only that", async () => {
  // Node's own rm() calls other functions of node:fs, which must not map the path once more.
  const source = `import * as fs from "node:fs/promises";
    await fs.mkdir("/data/folder"); await fs.writeFile("/data/folder/kept", ""); await fs.writeFile("/data/gone", "");
    await fs.mkdir("/data/all/of/it", { recursive: true });
    await fs.rm("/data/gone", { recursive: true, force: true });
    await fs.rm("/data/all", { recursive: true, force: true });
    console.log(JSON.stringify([await fs.readdir("/data"), await fs.readdir("/data/folder")]));`;
  const [names, kept] = (await moduleInPod(source)) as string[][];
  assert.ok(names.includes("folder") && !names.includes("gone") && !names.includes("all"));
  assert.deepEqual(kept, ["kept"]);
});

test("createPathMap() maps by the longest mount, never out of a folder by ..", () => {
  const map = createPathMap({ ...environment, mounts: [...environment.mounts, ["/data/deep", "/deep"]] });
  const cases: [path: string, expected: string][] = [
    ["/data", join(folder, "volume")],
    ["/data/x", join(folder, "volume/x")],
    ["/data/deep/x", "/deep/x"],
    ["/database/x", join(folder, "root/database/x")],
    ["/data/../etc/own", join(folder, "root/etc/own")],
    ["/proc/self/stat", "/proc/self/stat"],
    [join(folder, "volume/x"), join(folder, "volume/x")],
    ["relative/x", "relative/x"],
  ];
  for (const [path, expected] of cases) assert.equal(map(path, "write"), expected, path);
});

test("nc -zv tells which port is open, as in a pod", async () => {
  const server = createServer().listen(0, OTHER_IP);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const open = await inPod([programFile("tool"), "nc", "-zv", "web", String(port)]);
  assert.deepEqual(open, {
    code: 0,
    stdout: "",
    stderr: `Connection to web (${OTHER_IP}) ${port} port [tcp/*] succeeded!\n`,
  });
  server.close();
  await new Promise((resolve) => server.once("close", resolve));
  const shut = await inPod([programFile("tool"), "nc", "-zv", "web", String(port)]);
  assert.equal(shut.code, 1);
  assert.equal(shut.stderr, `nc: connect to web port ${port} (tcp) failed: Connection refused\n`);
});

test("curl, wget and nslookup work without the machine's own", async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/missing" ? 404 : 200;
    response.end(`${request.method} ${request.url}`);
  }).listen(0, OTHER_IP);
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://web:${(server.address() as { port: number }).port}`;
  const tool = (...args: string[]) => inPod([programFile("tool"), ...args]);
  assert.equal((await tool("curl", "-s", `${url}/x`)).stdout, "GET /x");
  assert.equal((await tool("curl", "-sd", "a=1", `${url}/x`)).stdout, "POST /x");
  assert.equal((await tool("curl", "-sf", `${url}/missing`)).code, 22);
  assert.equal(
    (await tool("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", `${url}/missing`)).stdout,
    "404",
  );
  assert.equal((await tool("wget", "-qO-", `${url}/y`)).stdout, "GET /y");
  assert.match((await tool("nslookup", "web")).stdout, new RegExp(`Address: ${OTHER_IP}`));
  assert.equal((await tool("hostname")).stdout, "db-0\n");
  server.close();
});
