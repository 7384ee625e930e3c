/**
 * `kill -9` and then the other program: the real Prometheus is killed in the middle of ingest, a compaction, a checkpoint
 * or a retention, and ours opens its directory; ours is killed, and the real one and promtool open it. Nothing that was
 * acknowledged is lost, and both say the same of it. Skipped where no real one is installed.
 * `INTEROP_CRASH_ROUNDS=5` kills more often.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  REAL_PROMETHEUS,
  type RealPrometheus,
  runRealPrometheus,
  temporaryDirectory,
} from "../../../test/real-prometheus.ts";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { type Random, randomInteger, seededRandom, systemRandom } from "../../base/random.ts";
import type { Labels } from "../../model/labels.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { snappyCompress } from "../../wire/snappy.ts";
import {
  describeFloat,
  describeHistogram,
  difference,
  lines,
  load,
  ofOurs,
  ofTheirs,
  type Said,
  STEP_MS,
  T0,
} from "./interop-fixture.ts";
import { openTsdb, type Tsdb, type TsdbOptions } from "./mod.ts";

const SEED = Number(process.env.INTEROP_CRASH_SEED ?? 7);
const ROUNDS = Number(process.env.INTEROP_CRASH_ROUNDS ?? 1);
/** Of this process alone. */
const ADDRESS = `127.12.${1 + ((process.pid >> 8) % 250)}.${1 + (process.pid % 250)}`;
/** Of version 2.42: takes no late histograms, and its queries for ranges of several series of them answer one's for all. */
const FIRST_HISTOGRAMS = "/usr/bin/prometheus";
const PROMTOOL = "/usr/bin/promtool";
const BLOCK_MS = 60_000;
const MAX_BATCHES = 3000;
const ALL = { minMs: 0, maxMs: 1e15 };
const CONFIG = "storage: {tsdb: {out_of_order_time_window: 1m}, exemplars: {max_exemplars: 100000}}";
/** The end of a query's range, and its length: all of what the load may reach. */
const AT = (T0 + MAX_BATCHES * STEP_MS) / 1000;
const RANGE = `${MAX_BATCHES * STEP_MS + BLOCK_MS}ms`;

/** When to kill: as soon as a name like this has appeared in this folder so often. */
interface Moment {
  folder: string;
  name: RegExp | undefined;
  /** At most so often. */
  times: number;
  /** How long blocks get; with those of one length, only retention removes any. */
  maxBlockMs: number;
  retentionMs: number;
}

const MOMENTS: Record<string, Moment> = {
  ingest: { folder: "", name: undefined, times: 0, maxBlockMs: 9 * BLOCK_MS, retentionMs: 20 * BLOCK_MS },
  compaction: {
    folder: "",
    name: /\.tmp-for-creation$/,
    times: 6,
    maxBlockMs: 9 * BLOCK_MS,
    retentionMs: 20 * BLOCK_MS,
  },
  checkpoint: {
    folder: "wal",
    name: /^checkpoint\.\d+\.tmp$/,
    times: 1,
    maxBlockMs: 9 * BLOCK_MS,
    retentionMs: 20 * BLOCK_MS,
  },
  retention: {
    folder: "",
    name: /\.tmp-for-deletion$/,
    times: 3,
    maxBlockMs: BLOCK_MS,
    retentionMs: 3 * BLOCK_MS,
  },
};

/** All that was acknowledged from a time on is there. */
function assertHas(said: Said, acknowledged: number, fromMs: number, hasLate: boolean): void {
  for (let batch = 1; batch <= acknowledged; batch++) {
    for (const { labels, samples, histograms } of load(batch, hasLate)) {
      const { timestampMs } = samples[0] ?? histograms[0];
      if (timestampMs < fromMs) continue;
      const value = said.get(JSON.stringify(labels.toObject()))?.get(timestampMs);
      const h = histograms[0]?.histogram;
      const expected =
        h === undefined
          ? describeFloat(samples[0].value)
          : describeHistogram(h.count, h.sum, [
              ...h.negativeBuckets.toReversed(),
              h.zeroCount,
              ...h.positiveBuckets,
            ]);
      assert.equal(value, expected, `${labels} in batch ${batch} of ${acknowledged}`);
    }
  }
}

/** Where the retention has its edge at most, judged by the blocks on disk. */
function keptFromMs(directory: string, retentionMs: number): number {
  let newest = T0;
  for (const name of readdirSync(directory)) {
    const file = join(directory, name, "meta.json");
    if (!/^[0-9A-Z]{26}$/.test(name) || !existsSync(file)) continue;
    newest = Math.max(newest, JSON.parse(readFileSync(file, "utf8")).maxTime);
  }
  return newest - retentionMs;
}

const traceIds = (found: { exemplars: { labels: Labels }[] }[]) =>
  found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.get("trace"))).sort();

async function exemplarsOf(prometheus: RealPrometheus): Promise<string[]> {
  const path = `/api/v1/query_exemplars?query=load&start=${T0 / 1000}&end=${AT}`;
  const { data } = (await prometheus.json(path)) as {
    data: { exemplars: { labels: { trace: string } }[] }[];
  };
  return data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace)).sort();
}

function open(directory: string, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  return openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    minBlockDurationMs: BLOCK_MS,
    maxBlockDurationMs: 9 * BLOCK_MS,
    retentionMs: 0,
    outOfOrderTimeWindowMs: BLOCK_MS,
    maxExemplars: 100_000,
    compactInBackground: false,
    ...options,
  });
}

const realFlags = (maxBlockMs: number, retentionMs: number) => [
  "--enable-feature=native-histograms,exemplar-storage",
  "--web.enable-remote-write-receiver",
  `--storage.tsdb.min-block-duration=${BLOCK_MS / 1000}s`,
  `--storage.tsdb.max-block-duration=${maxBlockMs / 1000}s`,
  `--storage.tsdb.retention.time=${retentionMs / 1000}s`,
  "--query.max-samples=500000000",
];
const FOREVER_MS = 10 * 365 * 86_400_000;

/** Calls back when the moment has come. The folder may not be there yet. */
function whenSeen(
  directory: string,
  { folder, name }: Moment,
  times: number,
  onSeen: () => void,
): () => void {
  if (name === undefined) return () => {};
  mkdirSync(join(directory, folder), { recursive: true });
  const seen = new Set<string>();
  const watcher = watch(join(directory, folder), (_, file) => {
    if (file === null || !name.test(file)) return;
    seen.add(file);
    if (seen.size >= times) onSeen();
  });
  return () => watcher.close();
}

/** Writes to a real Prometheus until it is killed. @returns the last batch that it acknowledged */
async function killTheirs(
  t: TestContext,
  binary: string,
  directory: string,
  moment: Moment,
  random: Random,
): Promise<number> {
  const hasLate = binary !== FIRST_HISTOGRAMS;
  const prometheus = await runRealPrometheus(t, {
    binary,
    address: ADDRESS,
    directory,
    config: CONFIG,
    flags: realFlags(moment.maxBlockMs, moment.retentionMs),
  });
  let killed: Promise<void> | undefined;
  const stop = whenSeen(directory, moment, 1 + randomInteger(random, moment.times), () => {
    killed ??= prometheus.kill("SIGKILL");
  });
  const last = moment.name === undefined ? 150 + randomInteger(random, 500) : MAX_BATCHES;
  let acknowledged = 0;
  for (let batch = 1; batch <= last && killed === undefined; batch++) {
    const body = snappyCompress(encodeWriteRequestV1({ series: load(batch, hasLate), metadata: [] }));
    const request = fetch(prometheus.url("/api/v1/write"), {
      method: "POST",
      body,
      headers: { "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf" },
    });
    // The last one is under way when the kill comes.
    if (batch === last) setImmediate(() => (killed ??= prometheus.kill("SIGKILL")));
    try {
      const answer = await request;
      if (!answer.ok) assert.fail(`batch ${batch}: ${answer.status} ${await answer.text()}`);
      acknowledged = batch;
    } catch (error) {
      assert.ok(killed !== undefined, `batch ${batch}: ${error}`);
    }
  }
  stop();
  assert.ok(killed !== undefined, "the moment has come");
  await killed;
  return acknowledged;
}

/** A copy to look at, since looking may change it. */
function copyOf(t: TestContext, directory: string): string {
  const copy = temporaryDirectory(t, "tsdb-crash-copy-");
  cpSync(directory, copy, { recursive: true });
  return copy;
}

async function theirsOf(
  t: TestContext,
  binary: string,
  directory: string,
): Promise<{ said: Said; exemplars: string[] }> {
  const prometheus = await runRealPrometheus(t, {
    binary,
    address: ADDRESS,
    directory,
    config: CONFIG,
    flags: realFlags(9 * BLOCK_MS, FOREVER_MS),
  });
  const said = await ofTheirs(prometheus, `{__name__=~".+"}[${RANGE}] @ ${AT}`);
  const exemplars = await exemplarsOf(prometheus);
  await prometheus.kill("SIGKILL");
  return { said, exemplars };
}

const LOAD = [
  { name: "__name__", operator: "=" as const, value: "load", matches: (s: string) => s === "load" },
];

/** Writes batch after batch in a process of its own, and a line to a file for each one that is acknowledged. */
async function child(
  directory: string,
  maxBlockMs: number,
  retentionMs: number,
  last: number,
): Promise<void> {
  const acknowledgements = openSync(`${directory}.acknowledged`, "w");
  const store = await open(directory, {
    retentionMs,
    maxBlockDurationMs: maxBlockMs,
    walSegmentBytes: 1 << 20,
  });
  let compacting: Promise<void> | undefined;
  for (let batch = 1; batch <= last; batch++) {
    const appender = store.appender();
    for (const { labels, samples, histograms, exemplars } of load(batch, true)) {
      for (const { timestampMs, value } of samples) appender.append(0, labels, timestampMs, value);
      for (const { timestampMs, histogram } of histograms)
        appender.appendHistogram(0, labels, timestampMs, histogram);
      for (const exemplar of exemplars) appender.appendExemplar(0, labels, exemplar);
    }
    await appender.commit();
    writeSync(acknowledgements, `${batch}\n`);
    if (batch % 30 === 0) {
      await compacting;
      compacting = store.compact();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.kill(process.pid, "SIGKILL");
}

async function killOurs(directory: string, moment: Moment, random: Random): Promise<number> {
  const last = moment.name === undefined ? 150 + randomInteger(random, 500) : MAX_BATCHES;
  const args = [directory, String(moment.maxBlockMs), String(moment.retentionMs), String(last)];
  const writer = spawn(process.execPath, [fileURLToPath(import.meta.url), "child", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<string | null>((resolve) => writer.on("close", (_, signal) => resolve(signal)));
  let hasCome = moment.name === undefined;
  const stop = whenSeen(directory, moment, 1 + randomInteger(random, moment.times), () => {
    hasCome = true;
    writer.kill("SIGKILL");
  });
  assert.equal(await ended, "SIGKILL");
  stop();
  assert.ok(hasCome, "the moment has come");
  const said = readFileSync(`${directory}.acknowledged`, "utf8");
  rmSync(`${directory}.acknowledged`);
  // The kill may cut off the last line.
  return Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
}

if (process.argv[2] === "child") {
  const [directory, maxBlockMs, retentionMs, last] = process.argv.slice(3);
  await child(directory, Number(maxBlockMs), Number(retentionMs), Number(last));
} else {
  for (const binary of REAL_PROMETHEUS) {
    const moments = Object.entries(MOMENTS);
    // Both are killed at every moment only where many rounds are asked for.
    const isAll = ROUNDS > 1 || binary === REAL_PROMETHEUS.findLast(existsSync);
    for (const [name, moment] of isAll ? moments : moments.slice(0, 2)) {
      for (let round = 0; round < ROUNDS; round++) {
        const skip = !existsSync(binary) && `no ${binary}`;
        const isFirst = binary === FIRST_HISTOGRAMS;
        const same = (one: Said, other: Said, fromMs: number, name: string) =>
          assert.deepEqual(
            difference(lines(one, fromMs, isFirst), lines(other, fromMs, isFirst)),
            [[], []],
            name,
          );
        const seed = SEED + round;

        test(`ours opens what ${binary} left when killed in ${name} (seed ${seed})`, { skip }, async (t) => {
          const directory = temporaryDirectory(t, "tsdb-crash-theirs-");
          const acknowledged = await killTheirs(t, binary, directory, moment, seededRandom(seed));
          const fromMs = keptFromMs(directory, moment.retentionMs);
          const theirs = await theirsOf(t, binary, copyOf(t, directory));
          const reader = await open(copyOf(t, directory), { readOnly: true });
          const ours = ofOurs(await reader.select([], ALL));
          assertHas(ours, acknowledged, fromMs, !isFirst);
          // Killed, it has not yet written some late samples to a chunk that its log says are there. Ours takes them
          // from the log.
          const [onlyOurs, onlyTheirs] = difference(
            lines(ours, fromMs, isFirst),
            lines(theirs.said, fromMs, isFirst),
          );
          assert.deepEqual(onlyTheirs, []);
          assert.ok(
            onlyOurs.every((line) => line.includes(`"late`)),
            onlyOurs.join("\n"),
          );
          assert.deepEqual(traceIds(await reader.exemplars([LOAD], ALL)), theirs.exemplars);
          await reader.close();

          // We go on with it, and it with what we left.
          const store = await open(directory);
          same(ofOurs(await store.select([], ALL)), ours, fromMs, "writing");
          await store.compact();
          same(ofOurs(await store.select([], ALL)), ours, fromMs, "compacted");
          await store.close();
          same((await theirsOf(t, binary, directory)).said, ours, fromMs, "and back");
          t.diagnostic(
            `${acknowledged} batches acknowledged, ${lines(ours, fromMs).length} samples compared`,
          );
        });

        test(`${binary} serves what ours left when killed in ${name} (seed ${seed})`, { skip }, async (t) => {
          const directory = temporaryDirectory(t, "tsdb-crash-ours-");
          const acknowledged = await killOurs(directory, moment, seededRandom(seed));
          const fromMs = keptFromMs(directory, moment.retentionMs);
          const reader = await open(copyOf(t, directory), { readOnly: true });
          const ours = ofOurs(await reader.select([], ALL));
          assertHas(ours, acknowledged, fromMs, true);
          const theirs = await theirsOf(t, binary, copyOf(t, directory));
          same(theirs.said, ours, fromMs, "theirs");
          assert.deepEqual(theirs.exemplars, traceIds(await reader.exemplars([LOAD], ALL)));
          await reader.close();
          const hasBlocks = readdirSync(directory).some((file) => /^[0-9A-Z]{26}$/.test(file));
          if (hasBlocks && existsSync(PROMTOOL)) {
            const said = execFileSync(PROMTOOL, ["tsdb", "analyze", directory], {
              encoding: "utf8",
              stdio: ["ignore", "pipe", "ignore"],
            });
            assert.match(said, /^Series: \d+/m);
          }
          t.diagnostic(
            `${acknowledged} batches acknowledged, ${lines(ours, fromMs).length} samples compared`,
          );
        });
      }
    }
  }
}
