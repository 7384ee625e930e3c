/**
 * The real Prometheus with its kubernetes_sd against the API server, where one is installed that has it (Debian's has
 * not): through growth, restarts and 410s it knows every pod, and none that is gone.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../src/base/clock.ts";
import { systemDisk } from "../src/base/disk.ts";
import { silentLogger } from "../src/base/log.ts";
import { createNodeNetwork } from "../src/base/node-network.ts";
import { randomInteger, seededRandom, systemRandom } from "../src/base/random.ts";
import { type ApiServer, createApiServer } from "../src/kubernetes/api-server/mod.ts";
import { RESOURCES } from "../src/model/kubernetes-api.ts";
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";

const HOST = "127.14.0.22";
const PODS = 1_000;
const TIMEOUT_MS = 60_000;
const CANDIDATES = ["/usr/local/bin", "/usr/bin"];

/** One whose promtool knows the section. */
function findPrometheus(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "topology-promtool-"));
  const config = join(folder, "prometheus.yml");
  writeFileSync(config, "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}]}]\n");
  const found = CANDIDATES.map((place) => join(place, "prometheus")).find((path) => {
    if (!existsSync(path) || !existsSync(path.replace("prometheus", "promtool"))) return false;
    return spawnSync(path.replace("prometheus", "promtool"), ["check", "config", config]).status === 0;
  });
  rmSync(folder, { recursive: true });
  return found;
}

const PROMETHEUS = findPrometheus();

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startServer(directory: string, port: number): Promise<ApiServer> {
  const server = await createApiServer({
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    network: createNodeNetwork(() => {}),
    log: silentLogger,
    directory,
  });
  await server.listen({ host: HOST, port });
  return server;
}

/** All its targets are dropped: it is to find the pods, not to scrape them. */
function configuration(url: string, token: string): string {
  return `
global: {scrape_interval: 1h}
scrape_configs:
- job_name: pods
  kubernetes_sd_configs:
  - role: pod
    api_server: ${url}
    authorization: {credentials: ${token}}
    tls_config: {insecure_skip_verify: true}
    namespaces: {names: [default]}
  relabel_configs: [{action: drop, source_labels: [__address__]}]
`;
}

/** Each pod that Prometheus knows, with what it knows of it. */
async function discovered(port: number): Promise<Map<string, string>> {
  const response = await fetch(`http://${HOST}:${port}/api/v1/targets?state=dropped`);
  const { data } = (await response.json()) as {
    data: { droppedTargets: { discoveredLabels: Record<string, string> }[] };
  };
  return new Map(
    data.droppedTargets.map(({ discoveredLabels: labels }) => [
      labels.__meta_kubernetes_pod_uid,
      `${labels.__meta_kubernetes_pod_name} ${labels.__meta_kubernetes_pod_label_round ?? ""} ${labels.__address__}`,
    ]),
  );
}

const ipOf = (index: number) => `127.15.${index >> 8}.${index & 255}`;

async function createPod({ api }: ApiServer, index: number): Promise<void> {
  const pod = await api.create<KubernetesObject>(RESOURCES.pods, {
    metadata: { name: `pod-${index}`, namespace: "default" },
    spec: { containers: [{ name: "c", image: "i:1", ports: [{ containerPort: 8000 }] }] },
  });
  const podIP = ipOf(index);
  await api.updateStatus(RESOURCES.pods, {
    ...pod,
    status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
  });
}

async function expected({ api }: ApiServer): Promise<Map<string, string>> {
  const { items } = await api.list<KubernetesObject>(RESOURCES.pods);
  return new Map(
    items.map(({ metadata, status }) => [
      metadata.uid!,
      `${metadata.name} ${metadata.labels?.round ?? ""} ${status.podIP}:8000`,
    ]),
  );
}

test("Prometheus' kubernetes_sd follows 1,000 pods through restarts and 410s", {
  skip: PROMETHEUS === undefined && "no Prometheus with kubernetes_sd",
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "topology-discovery-"));
  const [apiPort, webPort] = [await freePort(), await freePort()];
  let server = await startServer(join(directory, "cluster"), apiPort);
  const config = join(directory, "prometheus.yml");
  await writeFile(config, configuration(`https://${HOST}:${apiPort}`, server.adminToken), { mode: 0o600 });
  let prometheus: ChildProcess | undefined;
  const caughtUp = async (where: string) => {
    const deadline = systemClock.monotonic() + TIMEOUT_MS;
    const wanted = await expected(server);
    for (;;) {
      const seen = await discovered(webPort).catch(() => new Map<string, string>());
      if (wanted.size === seen.size && [...wanted].every(([uid, text]) => seen.get(uid) === text)) return;
      assert.ok(systemClock.monotonic() < deadline, `${where}: ${seen.size} of ${wanted.size} pods`);
      await systemClock.sleep(200);
    }
  };
  const random = seededRandom(9);
  const churn = async (round: number) => {
    for (let i = 0; i < 150; i++) {
      const index = randomInteger(random, PODS);
      const key = { namespace: "default", name: `pod-${index}` };
      const exists = await server.api.get(RESOURCES.pods, key).then(
        () => true,
        () => false,
      );
      const body = { metadata: { labels: { round: String(round) } } };
      if (!exists) await createPod(server, index);
      else if (random.float() < 0.4) await server.api.delete(RESOURCES.pods, key);
      else await server.api.patch(RESOURCES.pods, key, { type: "merge", body });
    }
  };
  try {
    for (let i = 0; i < PODS / 2; i++) await createPod(server, i);
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, "data")}`];
    prometheus = spawn(PROMETHEUS!, [...flags, `--web.listen-address=${HOST}:${webPort}`], {
      stdio: "ignore",
    });
    await caughtUp("at first");
    for (let i = PODS / 2; i < PODS; i++) await createPod(server, i);
    await caughtUp("after growth");
    for (let round = 1; round <= 2; round++) {
      await churn(round);
      await server.close();
      server = await startServer(join(directory, "cluster"), apiPort);
      // Changes that Prometheus does not see happen: its version is from another life.
      await churn(round);
      await caughtUp(`after restart ${round}`);
    }
  } finally {
    const ended = prometheus && new Promise((resolve) => prometheus!.once("exit", resolve));
    prometheus?.kill();
    await ended;
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
});
