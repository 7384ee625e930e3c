/**
 * `promtool tsdb bench write`: how many samples the store takes in a second (`cmd/promtool/tsdb.go`). Upstream leaves
 * profiles of Go's runtime beside the store; those have no meaning here.
 */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import { Labels } from "../../model/labels.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import type { SeriesRef } from "../storage.ts";
import { openTsdb, type Tsdb } from "../tsdb/mod.ts";
import { parseToolArguments, UsageProblem } from "./arguments.ts";

const DEFAULT_FILE = "../../tsdb/testdata/20kseries.json";
const SCRAPE_INTERVAL_MS = 30_000;
const FIRST_VALUE = 123_456_789;
const VALUE_STEP = 1000;
const RETENTION_MS = 15 * 86_400_000;
/** Scrapes come in rounds of so many, as upstream's do, so that their number is rounded up. */
const ROUND = 100;
/** Series that are committed together, as upstream's shards. */
const BATCH = 1000;

export const benchWrite: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, { values: ["out", "metrics", "scrapes"], optional: 1 });
  const out = given.text("out", "benchout").replace(/(?<=.)\/+$/, "");
  const [metrics, scrapes] = [given.text("metrics", "10000"), given.text("scrapes", "3000")].map(integerOf);
  const { disk, clock, random, log } = machine;
  await disk.remove(out);
  await disk.makeDirectory(out);
  const tsdb = await openTsdb({
    directory: `${out}/storage`,
    disk,
    clock,
    random,
    log,
    retentionMs: RETENTION_MS,
    compactInBackground: false,
  });
  try {
    const file = given.rest[0] ?? DEFAULT_FILE;
    const [series] = await measured("readData", machine, () => readSeries(file, metrics, machine));
    const [total, tookMs] = await measured("ingestScrapes", machine, () =>
      ingest(tsdb, series, scrapes, machine),
    );
    machine.print(` > total samples: ${total}\n > samples/sec: ${total / (tookMs / 1000)}\n`);
  } finally {
    await measured("stopStorage", machine, () => tsdb.close());
  }
  return 0;
};

function integerOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new UsageProblem(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

async function measured<T>(
  stage: string,
  { clock, print }: Machine,
  work: () => Promise<T>,
): Promise<[result: T, tookMs: number]> {
  print(`>> start stage=${stage}\n`);
  const start = clock.monotonic();
  const result = await work();
  const tookMs = clock.monotonic() - start;
  print(`>> completed stage=${stage} duration=${formatGoDuration(tookMs)}\n`);
  return [result, tookMs];
}

/** The first `limit` different label sets of a file with one of them a line: `{"__name__":"up","job":"a"}`. */
async function readSeries(path: string, limit: number, { disk }: Machine): Promise<Labels[]> {
  if ((await disk.stat(path)) === undefined) throw new ConfigError(`open ${path}: no such file or directory`);
  const found = new Map<string, Labels>();
  for (const line of new TextDecoder().decode(await disk.readFile(path)).split("\n")) {
    if (found.size >= limit) break;
    if (line === "") continue;
    const pairs = line.replace(/["{}]/g, "").split(",");
    const labels = Labels.of(new Map(pairs.map((pair) => pair.split(":") as [string, string])));
    found.set(labels.key, labels);
  }
  return [...found.values()];
}

async function ingest(
  tsdb: Tsdb,
  series: readonly Labels[],
  scrapes: number,
  { print }: Machine,
): Promise<number> {
  let total = 0;
  for (let round = 0; round < scrapes; round += ROUND) {
    for (let from = 0; from < series.length; from += BATCH)
      total += await ingestBatch(tsdb, series.slice(from, from + BATCH), round);
  }
  print("ingestion completed\n");
  return total;
}

async function ingestBatch(tsdb: Tsdb, batch: readonly Labels[], round: number): Promise<number> {
  const refs: SeriesRef[] = batch.map(() => 0);
  for (let scrape = 1; scrape <= ROUND; scrape++) {
    const appender = tsdb.appender();
    const timestampMs = SCRAPE_INTERVAL_MS * (round + scrape);
    const value = FIRST_VALUE + scrape * VALUE_STEP;
    for (const [i, labels] of batch.entries()) refs[i] = appender.append(refs[i], labels, timestampMs, value);
    await appender.commit();
  }
  return ROUND * batch.length;
}
