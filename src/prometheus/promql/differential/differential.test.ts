/**
 * Generated queries over generated data, asked of ours and of the real Prometheus, which reads the data from a
 * directory that our store wrote. Skipped where no Prometheus is installed. PROMQL_SEED chooses the queries, PROMQL_COUNT
 * how many, PROMQL_PEER whom else to ask.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type Answer, histogramValues, type Sample, startPeer } from "../../../../test/prometheus-peer.ts";
import { systemClock } from "../../../base/clock.ts";
import { systemDisk } from "../../../base/disk.ts";
import { silentLogger } from "../../../base/log.ts";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { histogramJson } from "../../api/query-json.ts";
import { openTsdb } from "../../tsdb/mod.ts";
import { Engine, MemoryQueryable, QueryError, type RangeResult } from "../mod.ts";
import { difference, isUnsettled } from "./agreement-fixture.ts";
import { generateData, generateHistograms, type Next, START_MS } from "./data-fixture.ts";
import { QueryGenerator } from "./query-fixture.ts";

/** The newest first. */
const BINARIES = ["/usr/local/bin/prometheus", "/usr/bin/prometheus"];
const BINARY = process.env.PROMQL_PEER ?? BINARIES.find((path) => existsSync(path));
const SEED = Number(process.env.PROMQL_SEED ?? 1);
const COUNT = Number(process.env.PROMQL_COUNT ?? 600);

async function askOurs(engine: Engine, ...query: Parameters<Engine["range"]>): Promise<Answer> {
  try {
    const result = await engine.range(...query);
    const remarks = [...result.warnings, ...result.infos].sort();
    return { error: undefined, series: seriesOf(result), remarks };
  } catch (error) {
    assert.ok(error instanceof QueryError, `${query[0]}: ${(error as Error).stack}`);
    return { error: error.message, series: new Map(), remarks: [] };
  }
}

function seriesOf({ series }: RangeResult): Answer["series"] {
  return new Map(
    series.map(({ labels, timestamps, values, histograms }) => {
      const samples = Array.from(timestamps, (time, i): Sample => {
        const histogram = histograms?.[i];
        return [
          time,
          histogram === undefined ? [values[i]] : histogramValues(JSON.parse(histogramJson(histogram))),
        ];
      });
      // As in JSON: floats first.
      const isFloat = ([, { length }]: Sample) => length === 1;
      return [labels.toString(), [...samples.filter(isFloat), ...samples.filter((each) => !isFloat(each))]];
    }),
  );
}

/** The labels of a vector's samples in their order; the error where there is one. */
async function orderOfOurs(engine: Engine, query: string, timeMs: number): Promise<string[]> {
  try {
    const result = await engine.instant(query, timeMs);
    return result.kind === "vector" ? result.samples.map(({ labels }) => labels.toString()) : [];
  } catch (error) {
    assert.ok(error instanceof QueryError, `${query}: ${(error as Error).stack}`);
    return [error.message];
  }
}

test("range() and instant() answer as the real Prometheus does", {
  skip: !BINARY && "no prometheus",
}, async (t) => {
  const random = seededRandom(SEED);
  const next: Next = (below) => randomInteger(random, below);
  t.diagnostic(`PROMQL_SEED=${SEED}, ${COUNT} queries, ${BINARY}`);
  const isLegacy = / version 2\./.test(execFileSync(BINARY!, ["--version"], { encoding: "utf8" }));
  const directory = mkdtempSync(join(tmpdir(), "promql-differential-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const store = new MemoryQueryable();
  const tsdb = await openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random,
    log: silentLogger,
    compactInBackground: false,
  });
  const appender = tsdb.appender();
  for (const { labels, points } of generateData(next, isLegacy)) {
    store.add(labels, points);
    let ref = 0;
    for (const { timestampMs, value } of points) ref = appender.append(ref, labels, timestampMs, value);
  }
  for (const { labels, points } of isLegacy ? [] : generateHistograms(next)) {
    store.add(labels, points);
    let ref = 0;
    for (const { timestampMs, histogram } of points)
      ref = appender.appendHistogram(ref, labels, timestampMs, histogram);
  }
  await appender.commit();
  await tsdb.close();
  const peer = await startPeer(t, BINARY!, directory);
  const parser = { experimentalFunctions: true, extendedRangeSelectors: true, fillModifiers: true };
  const engine = new Engine({ queryable: store, clock: systemClock, parser });
  const generator = new QueryGenerator(next, isLegacy);
  const originMs = START_MS - 137;
  const differences: string[] = [];
  let answered = 0;
  let unsettled = 0;
  for (let i = 0; i < COUNT; i++) {
    const query = generator.query();
    const startMs = originMs + 60_000 * next(50);
    const stepMs = 1000 * (5 + next(120));
    const endMs = startMs + stepMs * next(20);
    const ours = await askOurs(engine, query, startMs, endMs, stepMs);
    const ask = () => peer.range(query, startMs, endMs, stepMs);
    const theirs = await ask();
    const found = difference(ours, theirs, isLegacy);
    if (found !== undefined && (isLegacy || !(await isUnsettled(ours, theirs, ask)))) {
      differences.push(`${query} from ${startMs} to ${endMs} by ${stepMs}: ${found}`);
    } else if (found !== undefined) unsettled++;
    if (theirs.series.size > 0) answered++;
  }
  for (let i = 0; i < (isLegacy ? 0 : COUNT / 10); i++) {
    const query = generator.ordered();
    const timeMs = originMs + 60_000 * next(50);
    const [ours, theirs] = [await orderOfOurs(engine, query, timeMs), await peer.order(query, timeMs)];
    if (!isDeepStrictEqual(ours, theirs))
      differences.push(`${query} at ${timeMs}: ${ours}, theirs ${theirs}`);
  }
  t.diagnostic(`${unsettled} queries to which Prometheus gives now this answer, now that`);
  assert.deepEqual(differences, [], `seed ${SEED}`);
  assert.ok(answered > COUNT / 4, `only ${answered} of ${COUNT} queries had an answer`);
});
