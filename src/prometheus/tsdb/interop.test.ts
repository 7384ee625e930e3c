/** Our directories in the real Prometheus and promtool, and theirs in ours. Skipped where they are not installed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { REAL_PROMETHEUS, runRealPrometheus, temporaryDirectory } from "../../../test/real-prometheus.ts";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { randomInteger, seededRandom } from "../../base/random.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import { openTsdb, type Tsdb, type TsdbOptions } from "./mod.ts";

const HOUR = 3600_000;
const ADDRESS = "127.12.0.7";
const PROMTOOL = "/usr/bin/promtool";

const temporary = (t: TestContext) => temporaryDirectory(t, "tsdb-interop-");

function serve(t: TestContext, binary: string, directory: string, config: string, flags: string[] = []) {
  return runRealPrometheus(t, { binary, address: ADDRESS, directory, config, flags });
}

function open(directory: string, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  return openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: seededRandom(5),
    log: silentLogger,
    compactInBackground: false,
    ...options,
  });
}

const named = (value: string): Matcher => ({
  name: "__name__",
  operator: "=",
  value,
  matches: (text) => text === value,
});

function histogram(n: number, extra: number): FloatHistogram {
  return {
    counterResetHint: "unknown",
    schema: 2,
    zeroThreshold: 2 ** -128,
    zeroCount: n,
    count: 6 * n + extra,
    sum: n * 1.5,
    positiveSpans: [
      { offset: 0, length: 2 },
      { offset: n > 500 ? 3 : 2, length: 1 },
    ],
    negativeSpans: [{ offset: 1, length: 1 }],
    positiveBuckets: [n + extra, 2 * n, n],
    negativeBuckets: [n],
    customValues: [],
  };
}

/** Nine hours until now of counters, jittered gauges, histograms and a stale marker; blocks, log and head. */
async function fill(directory: string): Promise<{ store: Tsdb; samples: number }> {
  const store = await open(directory);
  const random = seededRandom(11);
  const endMs = Math.floor(systemClock.now() / 60_000) * 60_000;
  const labels = Array.from({ length: 50 }, (_, id) =>
    Labels.of({ __name__: `m${id % 5}`, id: `é${id}`, job: "x" }),
  );
  let samples = 0;
  let step = 0;
  for (let t = endMs - 9 * HOUR; t <= endMs; t += 15_000, step++) {
    const appender = store.appender();
    for (const [id, set] of labels.entries()) {
      const jitter = id % 2 === 0 ? 0 : randomInteger(random, 5);
      const value = id % 3 === 0 ? random.float() : id * 1000 + step * (1 + (id % 7));
      appender.append(0, set, t + jitter, value);
      samples++;
    }
    if (t === endMs) appender.appendStale(0, Labels.of({ __name__: "ended" }), t);
    else appender.append(0, Labels.of({ __name__: "ended" }), t, 1);
    samples++;
    appender.appendHistogram(0, Labels.of({ __name__: "hist" }), t, histogram(step + 1, 0));
    appender.appendHistogram(0, Labels.of({ __name__: "fhist" }), t, histogram(step + 1, 0.5));
    await appender.commit();
  }
  await store.compact();
  return { store, samples };
}

test("promtool lists, analyzes and dumps what we wrote", {
  skip: !existsSync(PROMTOOL) && "no promtool",
}, async (t) => {
  const directory = temporary(t);
  const { store, samples } = await fill(directory);
  const expected = new Map(
    (await store.select([], { minMs: 0, maxMs: 1e15 }))
      .filter((series) => series.histograms === undefined)
      .map(({ labels, timestamps, values }) => [
        labels.get("id") || labels.get("__name__"),
        { timestamps, values },
      ]),
  );
  await store.close();
  const run = (...args: string[]) =>
    execFileSync(PROMTOOL, args, {
      encoding: "utf8",
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "ignore"],
    });
  for (const { ulid } of store.blocks()) assert.ok(run("tsdb", "list", directory).includes(ulid));
  assert.match(run("tsdb", "analyze", directory), /Series: 53/);
  const seen = new Map<string, number>();
  let lines = 0;
  for (const line of run("tsdb", "dump", directory).split("\n")) {
    const match = /^\{__name__="(\w+)"(?:, id="([^"]+)")?.*\} (\S+) (\d+)$/.exec(line);
    if (match === null) continue;
    const id = match[2] ?? match[1];
    const index = seen.get(id) ?? 0;
    seen.set(id, index + 1);
    lines++;
    const { timestamps, values } = expected.get(id)!;
    assert.equal(Number(match[4]), timestamps[index]);
    assert.ok(Object.is(Number(match[3]), values[index]), `${id} ${index}: ${match[3]} ${values[index]}`);
  }
  assert.equal(lines, samples);
});

for (const binary of REAL_PROMETHEUS) {
  const skip = !existsSync(binary) && `no ${binary}`;

  test(`${binary} serves our directory`, { skip }, async (t) => {
    const directory = temporary(t);
    const { store } = await fill(directory);
    await store.close();
    const prometheus = await serve(t, binary, directory, "global: {scrape_interval: 15s}");
    for (const [expression, value] of [
      ['count(count_over_time({job="x"}[10h]))', "50"],
      ['sum(count_over_time({job="x"}[10h]))', String(50 * 2161)],
      ["count_over_time(hist[10h])", "2161"],
      ["count_over_time(fhist[10h])", "2161"],
      ["histogram_count(hist)", String(6 * 2161)],
      ["histogram_count(fhist)", String(6 * 2161 + 0.5)],
      ["count_over_time(ended[10h])", "2160"],
    ]) {
      const [found] = await prometheus.query(expression);
      assert.equal(found?.value[1], value, expression);
    }
    await prometheus.kill("SIGKILL");
    // And back: what it left behind after a kill opens in ours.
    const again = await open(directory);
    const [ended] = await again.select([named("hist")], { minMs: 0, maxMs: 1e15 });
    assert.equal(ended.timestamps.length, 2161);
    assert.equal(ended.histograms?.at(-1)?.count, 6 * 2161);
    await again.close();
  });

  test(`what ${binary} scraped opens in ours, killed or ended`, { skip }, async (t) => {
    const directory = temporary(t);
    const config = `global: {scrape_interval: 1s}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["${ADDRESS}:PORT"]}]
`;
    const flags = ["--enable-feature=native-histograms,exemplar-storage", "--web.enable-admin-api"];
    const prometheus = await serve(t, binary, directory, config, flags);
    // Its targets appear after some seconds.
    const upSamples = async () =>
      ((await prometheus.query("up[1h]")) as unknown as { values: [number, string][] }[])[0]?.values ?? [];
    while ((await upSamples()).length < 3) await sleep(300);
    const up = await upSamples();
    const names = ((await prometheus.json("/api/v1/label/__name__/values")) as { data: string[] }).data;
    await prometheus.kill("SIGKILL");
    const store = await open(directory, { readOnly: true });
    const range = { minMs: 0, maxMs: 1e15 };
    const [ours] = await store.select([named("up")], range);
    assert.deepEqual(
      [...ours.timestamps].slice(0, up.length),
      up.map(([seconds]) => Math.round(seconds * 1000)),
    );
    assert.deepEqual(
      (await store.labelValues("__name__", [], range)).filter((name) => names.includes(name)),
      names,
    );
    const all = await store.select([], range);
    assert.ok(all.length > 300 && all.every((series) => series.timestamps.length > 0));
    await store.close();
    // We go on where it stopped, and it goes on where we stopped.
    const writer = await open(directory);
    const appender = writer.appender();
    appender.append(0, Labels.of({ __name__: "added" }), systemClock.now(), 42);
    await appender.commit();
    await writer.close();
    const third = await serve(t, binary, directory, config, flags);
    const [added] = await third.query("last_over_time(added[1m])");
    assert.equal(added?.value[1], "42");
    await third.kill("SIGTERM");
    const last = await open(directory);
    const [count] = await last.select([named("up")], range);
    assert.ok(count.timestamps.length >= ours.timestamps.length);
    await last.close();
  });
}

test("blocks that promtool made open in ours, and take no less room", {
  skip: !existsSync(PROMTOOL) && "no promtool",
}, async (t) => {
  const directory = temporary(t);
  const startMs = Math.floor(1_790_000_000_000 / (2 * HOUR)) * 2 * HOUR;
  const lines = ["# TYPE load gauge"];
  const random = seededRandom(2);
  const values: number[][] = [];
  for (let id = 0; id < 40; id++) {
    let value = 0;
    values.push([]);
    for (let i = 0; i < 2 * 240; i++) {
      value += id % 2 === 0 ? randomInteger(random, 10) : random.float();
      values[id].push(value);
      lines.push(`load{id="${id}",zone="z${id % 3}"} ${value} ${(startMs + i * 15_000) / 1000}`);
    }
  }
  lines.push("# EOF", "");
  writeFileSync(join(directory, "in.txt"), lines.join("\n"));
  const theirs = join(directory, "theirs");
  execFileSync(PROMTOOL, ["tsdb", "create-blocks-from", "openmetrics", join(directory, "in.txt"), theirs], {
    stdio: "ignore",
  });
  const range = { minMs: 0, maxMs: 1e15 };
  const reader = await open(theirs, { readOnly: true });
  const found = await reader.select([named("load")], range);
  assert.equal(found.length, 40);
  for (const series of found) assert.deepEqual([...series.values], values[Number(series.labels.get("id"))]);
  await reader.close();

  const ours = join(directory, "ours");
  const store = await open(ours);
  for (let i = 0; i < 2 * 240; i++) {
    const appender = store.appender();
    for (const series of found) appender.append(0, series.labels, startMs + i * 15_000, series.values[i]);
    await appender.commit();
  }
  const copy = await store.snapshot(false);
  await store.close();
  const size = (root: string): number =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter(
        (entry) =>
          entry.isFile() && /chunks$|[0-9A-Z]{26}$/.test(entry.parentPath) && entry.name !== "in.txt",
      )
      .filter((entry) => entry.name === "index" || entry.parentPath.endsWith("chunks"))
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  const [a, b] = [size(join(ours, "snapshots", copy)), size(theirs)];
  assert.ok(a <= b * 1.05, `ours ${a} bytes, theirs ${b}`);
  t.diagnostic(`bytes: ours ${a}, promtool's ${b}`);
});

test("the newer chunks and records of Prometheus 3 read as the older ones", {
  skip: !existsSync(REAL_PROMETHEUS[1]) && "no Prometheus 3",
}, async (t) => {
  const directory = temporary(t);
  const config = `global: {scrape_interval: 1s}
scrape_configs:
  - job_name: self
    scrape_native_histograms: true
    scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]
    static_configs: [{targets: ["${ADDRESS}:PORT"]}]
`;
  const flags = ["--enable-feature=xor2-encoding,st-storage", "--web.enable-admin-api"];
  const prometheus = await serve(t, REAL_PROMETHEUS[1], directory, config, flags);
  while (Number((await prometheus.query("count_over_time(up[1h])"))[0]?.value[1] ?? 0) < 4) await sleep(300);
  const { data } = (await (
    await fetch(prometheus.url("/api/v1/admin/tsdb/snapshot"), { method: "POST" })
  ).json()) as {
    data: { name: string };
  };
  await prometheus.kill("SIGKILL");
  const range = { minMs: 0, maxMs: 1e15 };
  const block = await open(join(directory, "snapshots", data.name), { readOnly: true });
  const log = await open(directory, { readOnly: true });
  const fromLog = new Map((await log.select([], range)).map((series) => [series.labels.key, series]));
  let histograms = 0;
  const found = await block.select([], range);
  for (const { labels, timestamps, values, histograms: all } of found) {
    const same = fromLog.get(labels.key)!;
    assert.deepEqual([...timestamps], [...same.timestamps.subarray(0, timestamps.length)], labels.toString());
    if (all === undefined) assert.deepEqual([...values], [...same.values.subarray(0, values.length)]);
    else
      assert.deepEqual(
        all.map((h) => h?.count),
        same.histograms!.slice(0, all.length).map((h) => h?.count),
      );
    if (all !== undefined) histograms++;
  }
  assert.ok(found.length > 300 && histograms > 5);
  await block.close();
  await log.close();
});
