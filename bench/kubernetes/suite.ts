/** The API server with 5,000 pods and 100 watchers: writes, lists, fan-out, memory. No pod runs. */
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../src/base/clock.ts";
import { systemDisk } from "../../src/base/disk.ts";
import { silentLogger } from "../../src/base/log.ts";
import { createNodeNetwork } from "../../src/base/node-network.ts";
import { systemRandom } from "../../src/base/random.ts";
import { type ApiServer, createApiServer } from "../../src/kubernetes/api-server/mod.ts";
import { RESOURCES } from "../../src/model/kubernetes-api.ts";
import { type BenchOptions, type BenchResult, median } from "../measure.ts";

const PODS = 5_000;
const WATCHERS = 100;
const CHANGES = 1_000;
const LISTS = 10;

export async function run({ rounds, log }: BenchOptions): Promise<BenchResult[]> {
  const measured = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    log(`round ${round + 1} of ${rounds}`);
    for (const [name, value] of Object.entries(await measure())) {
      measured.set(name, [...(measured.get(name) ?? []), value]);
    }
  }
  return [...measured].map(([name, values]) => ({
    name,
    unit: name.includes("memory") ? "MiB" : "ms",
    ours: median(values),
    peers: {},
  }));
}

async function measure(): Promise<Record<string, number>> {
  const directory = await mkdtemp(join(tmpdir(), "bench-api-"));
  const server = await createApiServer({
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    network: createNodeNetwork(() => {}),
    log: silentLogger,
    directory,
  });
  try {
    const { host, port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const url = `https://${host}:${port}`;
    const created = await timed(() => createPods(server));
    const first = await timed(() => get(`${url}/api/v1/pods`, server.adminToken));
    const lists: number[] = [];
    for (let i = 0; i < LISTS; i++)
      lists.push(await timed(() => get(`${url}/api/v1/pods`, server.adminToken)));
    const selected = await timed(() => get(`${url}/api/v1/pods?labelSelector=part%3D7`, server.adminToken));
    const before = memoryMiB();
    const fanOut = await fanOutMs(server, url);
    return {
      [`create ${PODS} pods`]: created,
      [`list ${PODS} pods, first time`]: first,
      [`list ${PODS} pods`]: median(lists),
      "list by label": selected,
      [`${CHANGES} changes to ${WATCHERS} watchers`]: fanOut,
      [`memory added by ${WATCHERS} watchers`]: memoryMiB() - before,
    };
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = systemClock.monotonic();
  await work();
  return systemClock.monotonic() - start;
}

async function createPods({ api }: ApiServer): Promise<void> {
  const env = Array.from({ length: 10 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value ${i}` }));
  for (let i = 0; i < PODS; i++) {
    await api.create(RESOURCES.pods, {
      metadata: { name: `pod-${i}`, namespace: "default", labels: { app: "bench", part: String(i % 10) } },
      spec: { containers: [{ name: "main", image: "bench:1", env, ports: [{ containerPort: 8000 }] }] },
    });
  }
}

async function fanOutMs(server: ApiServer, url: string): Promise<number> {
  const { api, adminToken: token } = server;
  const resourceVersion = String(api.context.store.revision);
  const workerData = { url, token, watchers: WATCHERS, expected: WATCHERS * CHANGES, resourceVersion };
  const worker = new Worker(new URL("./watchers.ts", import.meta.url), { workerData });
  const heard = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      worker.on("message", (message) => {
        if (message === wanted) resolve();
        else if (message.startsWith("error")) reject(new Error(message));
      });
      worker.on("error", reject);
    });
  await heard("open");
  const done = heard("done");
  const elapsed = await timed(async () => {
    for (let i = 0; i < CHANGES; i++) {
      const body = { metadata: { labels: { change: String(i) } } };
      await api.patch(RESOURCES.pods, { namespace: "default", name: `pod-${i}` }, { type: "merge", body });
      // Writers come from outside, one request at a time; the loop must turn between them.
      if (i % 10 === 9) await systemClock.sleep(0);
    }
    await done;
  });
  await worker.terminate();
  return elapsed;
}

function memoryMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
}

function get(url: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { rejectUnauthorized: false, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
        });
        response.on("end", () =>
          response.statusCode === 200 ? resolve(length) : reject(new Error(`${response.statusCode}`)),
        );
      },
    );
    call.on("error", reject);
    call.end();
  });
}
