/** Ours against Prometheus and VictoriaMetrics: the same data, one after the other, round by round. */
import { Agent, createServer, request as httpRequest, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { BenchOptions } from "../main.ts";
import { type BenchResult, median } from "../measure.ts";
import { type BenchServer, installedServers, type ServerName, startBenchServer } from "./servers.ts";
import { benchSeries, expositionBody, writeRequests } from "./workload.ts";

/** What one server took in one round, by measurement. */
type Round = Record<string, number>;

interface Measurement {
  name: string;
  unit: string;
  goals?: Record<string, number>;
}

const INGEST_SERIES = 10_000;
const INGEST_STEPS = 120;
const CHURN_SERIES = 100_000;
const SCRAPE_TARGETS = 5;
const SCRAPE_SERIES = 9_600;
const SCRAPE_SECONDS = 15;
const QUERY_REPEATS = 5;

const QUERIES: [
  name: string,
  path: (startS: number, endS: number) => string,
  goals: Record<string, number>,
][] = [
  [
    "range sum by (tier) (rate) over 6k series",
    (start, end) => range("sum by (tier) (rate(bench_requests_total[1m]))", start, end),
    { prometheus: 5, victoria: 2 },
  ],
  [
    "range histogram_quantile over 2k buckets",
    (start, end) =>
      range("histogram_quantile(0.9, sum by (le) (rate(bench_duration_seconds_bucket[1m])))", start, end),
    { prometheus: 5, victoria: 2 },
  ],
  [
    "instant topk(10, rate)",
    (_, end) => instant("topk(10, rate(bench_requests_total[5m]))", end),
    { prometheus: 4, victoria: 3 },
  ],
  ["instant selector of 10k series", (_, end) => instant('{job="app"}', end), { prometheus: 8, victoria: 8 }],
  [
    "instant regular expression",
    (_, end) => instant('count({pod=~"test-db-small-.*[13579]"})', end),
    { prometheus: 1 },
  ],
  [
    "instant group_left",
    (_, end) =>
      instant(
        "count(bench_requests_total * on (instance) group_left () max by (instance) (bench_requests_total))",
        end,
      ),
    { prometheus: 1 },
  ],
];

const MEASUREMENTS: Measurement[] = [
  { name: "remote write, CPU", unit: "µs/sample", goals: { prometheus: 6, victoria: 1.5 } },
  { name: "remote write, wall", unit: "µs/sample" },
  { name: "remote write, resident", unit: "MB", goals: { prometheus: 1 / 1.5 } },
  ...QUERIES.flatMap(([name, , goals]) => [
    { name: `${name}, CPU`, unit: "ms", goals },
    { name: `${name}, wall`, unit: "ms", goals: { prometheus: 1, victoria: 1 } },
  ]),
  { name: "new series, CPU", unit: "µs/series", goals: { prometheus: 1.2 } },
  { name: "new series, resident", unit: "KB/series", goals: { prometheus: 1 / 1.5 } },
  { name: "scrape, CPU", unit: "µs/sample", goals: { prometheus: 3 } },
];

function range(query: string, startS: number, endS: number): string {
  return `/api/v1/query_range?query=${encodeURIComponent(query)}&start=${startS}&end=${endS}&step=15`;
}

function instant(query: string, timeS: number): string {
  return `/api/v1/query?query=${encodeURIComponent(query)}&time=${timeS}`;
}

export async function run({ rounds, only, servers, log }: BenchOptions): Promise<BenchResult[]> {
  const names = installedServers().filter((name) => servers.length === 0 || servers.includes(name));
  const taken: Record<ServerName, Round[]> = { ours: [], prometheus: [], victoria: [] };
  const wants = (name: string) => name.includes(only);
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      log(`round ${round + 1} of ${rounds}: ${name}`);
      const parts: Round = {};
      if (wants("ingest")) Object.assign(parts, await ingestAndQuery(name));
      if (wants("churn")) Object.assign(parts, await churn(name));
      if (wants("scrape")) Object.assign(parts, await scrape(name));
      taken[name].push(parts);
    }
  }
  return MEASUREMENTS.filter(({ name }) => taken.ours[0]?.[name] !== undefined).map(
    ({ name, unit, goals }) => {
      const of = (server: ServerName) => median(taken[server].map((each) => each[name]));
      const peers = names.filter((each) => each !== "ours").map((each) => [each, of(each)]);
      return { name, unit, goals, ours: of("ours"), peers: Object.fromEntries(peers) };
    },
  );
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Posts a body over the one connection and reads the answer. */
function post(url: string, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/x-protobuf",
          "content-encoding": "snappy",
          "x-prometheus-remote-write-version": "0.1.0",
          "content-length": body.length,
        },
      },
      (response) => response.resume().on("end", () => resolve(response.statusCode!)),
    );
    request.on("error", reject);
    request.end(body);
  });
}

async function send(server: BenchServer, requests: Iterable<Uint8Array>): Promise<void> {
  for (const body of requests) {
    const status = await post(server.writeUrl, body);
    if (status >= 300) throw new Error(`${server.name} answered ${status}`);
  }
}

async function ingestAndQuery(name: ServerName): Promise<Round> {
  const series = benchSeries(INGEST_SERIES);
  const startMs = Math.floor(Date.now() / 1000) * 1000 - INGEST_STEPS * 15_000;
  const requests = [...writeRequests(series, INGEST_STEPS, startMs, 15_000)];
  const server = await startBenchServer(name);
  try {
    // The first step makes the series; it is not part of the steady state.
    const first = Math.ceil(INGEST_SERIES / 2_000);
    await send(server, requests.slice(0, first));
    const cpu = server.cpuSeconds();
    const started = performance.now();
    await send(server, requests.slice(first));
    const wall = (performance.now() - started) / 1000;
    const samples = INGEST_SERIES * (INGEST_STEPS - 1);
    const result: Round = {
      "remote write, CPU": ((server.cpuSeconds() - cpu) / samples) * 1e6,
      "remote write, wall": (wall / samples) * 1e6,
      "remote write, resident": server.residentBytes() / 1e6,
    };
    // VictoriaMetrics shows what it took after a second or two.
    await sleep(3_000);
    const endS = Math.floor((startMs + (INGEST_STEPS - 1) * 15_000) / 1000);
    for (const [query, path] of QUERIES)
      Object.assign(result, await timeQuery(server, query, path(startMs / 1000, endS)));
    return result;
  } finally {
    await server.stop();
  }
}

async function timeQuery(server: BenchServer, name: string, path: string): Promise<Round> {
  const ask = async () => {
    const response = await fetch(server.url + path);
    const text = await response.text();
    if (!response.ok || !text.includes('"result":[{'))
      throw new Error(`${server.name}: ${name}: ${text.slice(0, 300)}`);
  };
  await ask();
  const cpu = server.cpuSeconds();
  const walls: number[] = [];
  // Ticks are coarse: enough repeats for a sum that they can tell.
  const repeats = Math.min(200, Math.max(QUERY_REPEATS, Math.ceil(1500 / (await timed(ask)))));
  for (let i = 0; i < repeats; i++) walls.push(await timed(ask));
  const count = repeats + 1;
  return {
    [`${name}, CPU`]: ((server.cpuSeconds() - cpu) / count) * 1000,
    [`${name}, wall`]: median(walls),
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function churn(name: ServerName): Promise<Round> {
  const series = benchSeries(CHURN_SERIES, "churn");
  const requests = [...writeRequests(series, 1, Date.now() - 60_000, 1000)];
  const server = await startBenchServer(name);
  try {
    const cpu = server.cpuSeconds();
    const resident = server.residentBytes();
    await send(server, requests);
    // What it put off is part of the cost.
    await sleep(2_000);
    return {
      "new series, CPU": ((server.cpuSeconds() - cpu) / CHURN_SERIES) * 1e6,
      "new series, resident": (server.residentBytes() - resident) / 1024 / CHURN_SERIES,
    };
  } finally {
    await server.stop();
  }
}

/** Serves bodies from a thread of its own, so that making them does not disturb the server that is measured. */
function startTargets(): { addresses: string[]; stop: () => Promise<void> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: "targets" });
  const addresses = Array.from({ length: SCRAPE_TARGETS }, (_, i) => `127.13.8.${i + 1}:8000`);
  return { addresses, stop: async () => void (await worker.terminate()) };
}

async function scrape(name: ServerName): Promise<Round> {
  const targets = startTargets();
  await sleep(1_000);
  const config = `
- job_name: bench
  scrape_interval: 1s
  scrape_timeout: 1s
  static_configs: [{targets: [${targets.addresses.map((address) => `"${address}"`).join(",")}]}]`;
  const server = await startBenchServer(name, config);
  try {
    await sleep(4_000);
    const cpu = server.cpuSeconds();
    await sleep(SCRAPE_SECONDS * 1000);
    const seconds = server.cpuSeconds() - cpu;
    return { "scrape, CPU": (seconds / (SCRAPE_SECONDS * SCRAPE_TARGETS * SCRAPE_SERIES)) * 1e6 };
  } finally {
    await server.stop();
    await targets.stop();
  }
}

/** The thread's side of `startTargets`. */
async function serveTargets(): Promise<void> {
  const bodies = Array.from({ length: 8 }, (_, version) =>
    Buffer.from(expositionBody(SCRAPE_SERIES, version)),
  );
  let version = 0;
  const serve = (host: string): Server =>
    createServer((_, response) => {
      const body = bodies[version++ % bodies.length];
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4", "content-length": body.length });
      response.end(body);
    }).listen(8000, host);
  for (let i = 1; i <= SCRAPE_TARGETS; i++) serve(`127.13.8.${i}`);
}

const { workerData } = await import("node:worker_threads");
if (workerData === "targets") await serveTargets();
