/**
 * The store by itself, in this process: `node bench/prometheus/tsdb.bench.ts [--series N] [--samples N] [--replay]`.
 * With `--replay` the installed Prometheus then opens the same write-ahead log, for its time, processor and memory.
 *
 * Numbers are processor time (user and system) unless they say "wall". Ratios mean more than the numbers: other load
 * on the machine changes these by a factor of two.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/base/clock.ts";
import { systemDisk } from "../../src/base/disk.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom, systemRandom } from "../../src/base/random.ts";
import { Labels } from "../../src/model/labels.ts";
import type { Matcher } from "../../src/prometheus/matcher.ts";
import { SampleColumns } from "../../src/prometheus/tsdb/chunks/sample-columns.ts";
import {
  appendXor,
  MAX_SAMPLE_BYTES,
  ROW_FLOATS,
  resetXorRow,
  writeXorCount,
  xorByteLength,
} from "../../src/prometheus/tsdb/chunks/xor-chunk.ts";
import { decodeXor } from "../../src/prometheus/tsdb/chunks/xor-decoder.ts";
import { openTsdb, type Tsdb } from "../../src/prometheus/tsdb/mod.ts";

const { values: flags } = parseArgs({
  options: {
    series: { type: "string", default: "100000" },
    samples: { type: "string", default: "60" },
    replay: { type: "boolean", default: false },
  },
});
const SERIES = Number(flags.series);
const SAMPLES = Number(flags.samples);
const BATCH = 2000;
const T0 = Math.floor(systemClock.now() / 7200e3) * 7200e3 - 2 * 3600e3;
const ADDRESS = "127.12.0.9";

function report(name: string, value: number, unit: string): void {
  console.log(`${name.padEnd(52)} ${value.toPrecision(4).padStart(10)} ${unit}`);
}

/** Processor milliseconds that `work` took. */
async function cpuMs(work: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

const rssMb = () => process.memoryUsage.rss() / 1e6;

const open = (directory: string): Promise<Tsdb> =>
  openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    compactInBackground: false,
  });

const labelsOf = (id: number) =>
  Labels.fromSorted([
    ...["__name__", `http_requests_total_${id % 50}`, "instance", `10.0.${Math.floor(id / 500)}.1:9090`],
    ...["job", "node", "path", `/api/v1/x${id % 500}`, "pod", `pod-${id}`, "zone", "eu-west-1"],
  ]);

/** Encoding and decoding of chunks alone, by kinds of data. */
async function benchChunks(): Promise<void> {
  const random = seededRandom(1);
  const kinds: [string, (last: number) => number][] = [
    ["counter", (last) => last + Math.floor(random.float() * 100)],
    ["constant", () => 42],
    ["float gauge", () => random.float() * 100],
  ];
  const floats = new Float64Array(ROW_FLOATS);
  const words = new Int32Array(floats.buffer);
  const bytes = new DataView(new ArrayBuffer(121 * MAX_SAMPLE_BYTES + 64));
  const columns = new SampleColumns(256);
  const scratch = new Float64Array(120);
  const halves = new Int32Array(scratch.buffer);
  const rounds = 30_000;
  for (const [name, next] of kinds) {
    for (let i = 0, value = 0; i < 120; i++) scratch[i] = value = next(value);
    const encode = () => {
      resetXorRow(words, 0);
      for (let i = 0; i < 120; i++) {
        appendXor(words, floats, 0, bytes, 0, T0 + i * 15_000, halves[2 * i], halves[2 * i + 1]);
      }
    };
    const repeat = (work: () => void) => () => {
      for (let round = 0; round < rounds; round++) work();
    };
    const encodeMs = await cpuMs(repeat(encode));
    writeXorCount(words, 0, bytes, 0);
    const byteLength = xorByteLength(words, 0);
    const decodeMs = await cpuMs(
      repeat(() => {
        columns.clear();
        decodeXor(bytes, 0, byteLength, -Infinity, Infinity, columns);
      }),
    );
    report(`chunk encode, ${name}`, (encodeMs * 1e6) / (rounds * 120), "ns/sample");
    report(`chunk decode, ${name}`, (decodeMs * 1e6) / (rounds * 120), "ns/sample");
    report(`chunk size, ${name}`, byteLength / 120, "bytes/sample");
  }
}

async function benchStore(directory: string): Promise<void> {
  const store = await open(directory);
  const refs = new Float64Array(SERIES);
  const before = rssMb();
  const create = await cpuMs(async () => {
    for (let from = 0; from < SERIES; from += BATCH) {
      const appender = store.appender();
      for (let i = from; i < Math.min(SERIES, from + BATCH); i++)
        refs[i] = appender.append(0, labelsOf(i), T0, i);
      await appender.commit();
    }
  });
  report(`new series, logged (${SERIES})`, (create * 1e6) / SERIES, "ns/series");
  const append = await cpuMs(async () => {
    for (let step = 1; step < SAMPLES; step++) {
      for (let from = 0; from < SERIES; from += BATCH) {
        const appender = store.appender();
        for (let i = from; i < Math.min(SERIES, from + BATCH); i++) {
          appender.appendKnown(refs[i], T0 + step * 15_000, i + step * ((i % 7) + 1));
        }
        await appender.commit();
      }
    }
  });
  report("append, logged", (append * 1e6) / (SERIES * (SAMPLES - 1)), "ns/sample");
  report("memory", ((rssMb() - before) * 1e6) / SERIES, "bytes/series");
  await benchSelects(store);
  const size = readdirSync(join(directory, "wal")).reduce(
    (sum, name) => sum + statSync(join(directory, "wal", name)).size,
    0,
  );
  report("log", size / (SERIES * SAMPLES), "bytes/sample");
  await store.close();
}

const equals = (name: string, value: string): Matcher => ({
  name,
  operator: "=",
  value,
  matches: (text) => text === value,
});

async function benchSelects(store: Tsdb): Promise<void> {
  const range = { minMs: T0, maxMs: T0 + 1e8 };
  const some = Math.min(SERIES, 10_000);
  const matchers: Matcher[] = [
    equals("job", "node"),
    {
      name: "instance",
      operator: "=~",
      value: "",
      matches: (text) => Number(text.split(".")[2]) * 500 < some,
    },
  ];
  for (const [name, hints] of [
    ["all samples", {}],
    ["newest sample", { newestOnly: true }],
  ] as const) {
    let count = 0;
    const first = await cpuMs(async () => (count = (await store.select(matchers, range, hints)).length));
    const runs: number[] = [];
    for (let run = 0; run < 5; run++) runs.push(await cpuMs(() => store.select(matchers, range, hints)));
    report(`select ${count} series, ${name}, first time`, first, "ms");
    report(`select ${count} series, ${name}, again`, runs.sort((a, b) => a - b)[2], "ms");
  }
}

/** Opens the log in a fresh process, and in Prometheus. */
async function benchReplay(directory: string): Promise<void> {
  const script = `
    import { openTsdb } from ${JSON.stringify(new URL("../../src/prometheus/tsdb/mod.ts", import.meta.url).href)};
    import { createNodeSystem } from ${JSON.stringify(new URL("../../src/base/node-system.ts", import.meta.url).href)};
    const { disk, clock, random, log } = createNodeSystem();
    let worst = 0, last = performance.now();
    setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last - 5); last = now; }, 5).unref();
    const started = performance.now();
    const store = await openTsdb({ directory: ${JSON.stringify(directory)}, disk, clock, random, log: log.with({}), readOnly: true });
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ wall: performance.now() - started, cpu: (user + system) / 1000, rss: process.memoryUsage.rss() / 1e6, worst, series: store.headStats().numSeries }));
    process.exit(0);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  await new Promise((resolve) => child.on("exit", resolve));
  const ours = JSON.parse(output) as Record<string, number>;
  report(`replay of ${ours.series} series, ours`, ours.wall, "ms wall");
  report("replay, ours", ours.cpu, "ms");
  report("replay, ours: longest block of the event loop", ours.worst, "ms wall");
  report("memory after replay, ours", (ours.rss * 1e6) / SERIES, "bytes/series");
  for (const binary of ["/usr/local/bin/prometheus", "/usr/bin/prometheus"]) {
    if (existsSync(binary)) await replayInPrometheus(binary, directory);
  }
}

async function replayInPrometheus(binary: string, directory: string): Promise<void> {
  const port = await freePort();
  const config = join(directory, "prometheus.yml");
  writeFileSync(config, "global: {}\n");
  const started = performance.now();
  const child: ChildProcess = spawn(
    binary,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${directory}`,
      `--web.listen-address=${ADDRESS}:${port}`,
    ],
    { stdio: "ignore" },
  );
  try {
    const isReady = () =>
      fetch(`http://${ADDRESS}:${port}/-/ready`).then(
        (response) => response.ok,
        () => false,
      );
    while (!(await isReady())) await sleep(20);
    const wall = performance.now() - started;
    const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1].split(" ");
    report(`replay, ${binary}`, wall, "ms wall");
    report(`replay, ${binary}`, (Number(stat[11]) + Number(stat[12])) * 10, "ms");
    const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1];
    report(`memory after replay, ${binary}`, (Number(rss) * 1024) / SERIES, "bytes/series");
  } finally {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("exit", resolve));
    rmSync(join(directory, "chunks_head"), { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const directory = mkdtempSync(join(tmpdir(), "tsdb-bench-"));
try {
  await benchChunks();
  await benchStore(directory);
  if (flags.replay) await benchReplay(directory);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
