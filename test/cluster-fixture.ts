/**
 * `node cluster-fixture.ts DIRECTORY [one-address]`: a control plane for tests that kill it. Prints the API's URL.
 * With `one-address` its machine has no loopback address but 127.0.0.1, as macOS.
 */
import { systemProcesses } from "../src/base/node-process.ts";
import { createNodeSystem } from "../src/base/node-system.ts";
import { type SocketAddress, type Sockets, systemSockets } from "../src/base/sockets.ts";
import { createCluster, createImageCatalogue } from "../src/kubernetes/mod.ts";

/** A program that tells what it finds in its pod. */
const WEB = `
const fs = require("node:fs"), http = require("node:http"), https = require("node:https"), os = require("node:os");
const account = "/var/run/secrets/kubernetes.io/serviceaccount/";
const askApi = () => new Promise((resolve, reject) => https.get({
  host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT, path: "/version",
  ca: fs.readFileSync(account + "ca.crt"), headers: { authorization: "Bearer " + fs.readFileSync(account + "token", "utf8") },
}, (response) => { response.resume(); resolve(response.statusCode); }).on("error", reject));
http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://x");
  const answer = (value) => response.end(JSON.stringify(value));
  try {
    if (url.pathname === "/") return response.end(os.hostname());
    if (url.pathname === "/facts-of-process") return answer({ pid: process.pid });
    if (url.pathname === "/write") { fs.writeFileSync("/data/text", url.searchParams.get("text")); return answer({}); }
    if (url.pathname === "/read") return answer({ text: fs.readFileSync("/data/text", "utf8") });
    const urls = await Promise.all(url.searchParams.getAll("url").map(async (other) => (await fetch(other)).text()));
    const color = fs.readFileSync("/etc/app/color.txt", "utf8");
    answer({ hostname: os.hostname(), color, greeting: process.env.GREETING, urls, api: await askApi() });
  } catch (error) { answer({ error: String(error), cause: String(error.cause) }); }
}).listen(8000);
process.on("SIGTERM", () => process.exit(0));
`;

const [dataDirectory, mode] = process.argv.slice(2);
const system = createNodeSystem();
const cluster = createCluster({
  system,
  processes: systemProcesses,
  sockets: mode === "one-address" ? withoutRange(systemSockets) : systemSockets,
  dataDirectory,
  images: createImageCatalogue({ web: { command: [systemProcesses.executable, "-e", WEB] } }),
});
await cluster.start();
system.print(`${cluster.apiUrl()}\n`);
system.signal.addEventListener("abort", async () => {
  await cluster.stop();
  process.exit(0);
});

/** Refuses to listen where macOS does. */
function withoutRange(sockets: Sockets): Sockets {
  const check = ({ host }: SocketAddress) => {
    if (host === "127.0.0.1") return;
    throw Object.assign(new Error(`bind EADDRNOTAVAIL ${host}`), { code: "EADDRNOTAVAIL" });
  };
  return {
    ...sockets,
    async listenTcp(at, onConnection) {
      check(at);
      return sockets.listenTcp(at, onConnection);
    },
    async listenUdp(at, onMessage) {
      check(at);
      return sockets.listenUdp(at, onMessage);
    },
  };
}
