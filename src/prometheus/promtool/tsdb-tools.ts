/** `promtool tsdb list|analyze|dump|create-blocks-from openmetrics`, on a data directory. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { Labels } from "../../model/labels.ts";
import { formatGoFloat } from "../../wire/exposition/go-float.ts";
import { TextParser } from "../../wire/exposition/text-parser.ts";
import { histogramJson } from "../api/query-json.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { createMatcher } from "../matcher.ts";
import { parseMetricSelector } from "../promql/mod.ts";
import { AppendError, isStaleMarker } from "../storage.ts";
import { openTsdb, type Tsdb } from "../tsdb/mod.ts";
import { parseToolArguments } from "./arguments.ts";

const DEFAULT_DIRECTORY = "data/";
/** A block's directory is named by its ULID. */
const BLOCK_NAME = /^[0-9A-Z]{26}$/;
const BLOCK_MS = 2 * 3_600_000;
/** Times before this are no times in milliseconds; the store's head needs some room below. */
const EVERYTHING = { minMs: -8.64e15, maxMs: 8.64e15 };

async function withStore(
  directory: string,
  machine: Machine,
  use: (tsdb: Tsdb) => Promise<void>,
): Promise<number> {
  if ((await machine.disk.stat(directory)) === undefined)
    throw new ConfigError(`open ${directory}: no such file or directory`);
  const { disk, clock, random, log } = machine;
  const quiet = { ...log, info: () => {}, debug: () => {} };
  const tsdb = await openTsdb({
    directory: directory.replace(/\/$/, ""),
    disk,
    clock,
    random,
    log: quiet,
    readOnly: true,
    retentionMs: 0,
    lockFile: false,
    compactInBackground: false,
  });
  try {
    await use(tsdb);
  } finally {
    await tsdb.close();
  }
  return 0;
}

export const tsdbList: CliCommand = async (args, machine) => {
  const { rest, has } = parseToolArguments(args, [], ["r", "human-readable"]);
  const isReadable = has("r") || has("human-readable");
  const timeText = (timeMs: number) =>
    isReadable
      ? `${new Date(timeMs).toISOString().replace("T", " ").slice(0, 19)} +0000 UTC`
      : String(timeMs);
  return withStore(rest[0] ?? DEFAULT_DIRECTORY, machine, async (tsdb) => {
    const header = [
      "BLOCK ULID",
      "MIN TIME",
      "MAX TIME",
      "DURATION",
      "NUM SAMPLES",
      "NUM CHUNKS",
      "NUM SERIES",
    ];
    const rows = tsdb
      .blocks()
      .map(({ ulid, minTime, maxTime, stats = {} }) => [
        ulid,
        timeText(minTime),
        timeText(maxTime),
        goDuration(maxTime - minTime),
        String(stats.numSamples ?? 0),
        String(stats.numChunks ?? 0),
        String(stats.numSeries ?? 0),
      ]);
    printColumns(machine, [header, ...rows]);
  });
};

/** `2h0m0s`. */
function goDuration(durationMs: number): string {
  const seconds = durationMs / 1000;
  return `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`;
}

function printColumns(machine: Machine, rows: string[][]): void {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    machine.print(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd()}\n`,
    );
}

export const tsdbAnalyze: CliCommand = async (args, machine) => {
  const { rest, text } = parseToolArguments(args, ["limit", "match"], ["extended"]);
  const limit = Number(text("limit", "20"));
  return withStore(rest[0] ?? DEFAULT_DIRECTORY, machine, async (tsdb) => {
    const block =
      rest[1] === undefined ? tsdb.blocks().at(-1) : tsdb.blocks().find(({ ulid }) => ulid === rest[1]);
    if (block === undefined)
      throw new ConfigError(rest[1] === undefined ? "no blocks found" : `block ${rest[1]} not found`);
    const matchers =
      text("match") === "" ? [createMatcher("__name__", "!=", "")] : parseMetricSelector(text("match"));
    const all = await tsdb.series(matchers, { minMs: block.minTime, maxMs: block.maxTime - 1 });
    machine.print(`Block ID: ${block.ulid}\nDuration: ${goDuration(block.maxTime - block.minTime)}\n`);
    machine.print(`Total Series: ${all.length}\n`);
    const byName = new Map<string, Set<string>>();
    const byPair = new Map<string, number>();
    const byMetric = new Map<string, number>();
    const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
    for (const labels of all) {
      add(byMetric, labels.get("__name__"));
      for (const [name, value] of labels) {
        add(byPair, `${name}=${value}`);
        const values = byName.get(name);
        if (values === undefined) byName.set(name, new Set([value]));
        else values.add(value);
      }
    }
    machine.print(`Label names: ${byName.size}\n`);
    const table = (title: string, rows: Iterable<[string, number]>) => {
      machine.print(`\n${title}:\n`);
      for (const [name, count] of [...rows].sort((a, b) => b[1] - a[1]).slice(0, limit))
        machine.print(`${count} ${name}\n`);
    };
    table("Most common label pairs", byPair);
    table(
      "Highest cardinality labels",
      [...byName].map(([name, values]): [string, number] => [name, values.size]),
    );
    table("Highest cardinality metric names", byMetric);
  });
};

export const tsdbDump: CliCommand = async (args, machine) => {
  const { rest, text, list } = parseToolArguments(args, [
    "match",
    "min-time",
    "max-time",
    "sandbox-dir-root",
  ]);
  const range = {
    minMs: Number(text("min-time", String(EVERYTHING.minMs))),
    maxMs: Number(text("max-time", String(EVERYTHING.maxMs))),
  };
  const selectors =
    list("match").length === 0
      ? [[createMatcher("__name__", "=~", ".*")]]
      : list("match").map((text) => parseMetricSelector(text));
  return withStore(rest[0] ?? DEFAULT_DIRECTORY, machine, async (tsdb) => {
    const seen = new Set<string>();
    for (const matchers of selectors) {
      for (const { labels, timestamps, values, histograms } of await tsdb.select(matchers, range)) {
        if (seen.has(labels.key)) continue;
        seen.add(labels.key);
        const lines: string[] = [];
        const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
        for (let i = 0; i < timestamps.length; i++) {
          const histogram = histograms?.[i];
          const value =
            histogram !== undefined
              ? histogramJson(histogram)
              : isStaleMarker(words, i)
                ? "NaN"
                : formatGoFloat(values[i]);
          lines.push(`${labels} ${value} ${timestamps[i]}\n`);
        }
        machine.print(lines.join(""));
      }
    }
  });
};

export const createBlocks: CliCommand = async (args, machine) => {
  const { rest } = parseToolArguments(
    args,
    ["max-block-duration", "label"],
    ["q", "r", "quiet", "human-readable"],
  );
  if (rest.length === 0)
    throw new ConfigError("usage: promtool tsdb create-blocks-from openmetrics FILE [DIRECTORY]");
  const { disk, clock, random, log } = machine;
  const bytes = await disk.readFile(rest[0]);
  const directory = (rest[1] ?? DEFAULT_DIRECTORY).replace(/\/$/, "");
  const byBlock = samplesByBlock(bytes);
  for (const [, samples] of [...byBlock].sort(([a], [b]) => a - b)) {
    // A store of its own for each block, of which the snapshot is the block.
    const scratch = `${directory}/.create-blocks-${Buffer.from(random.bytes(4)).toString("hex")}`;
    const tsdb = await openTsdb({
      directory: scratch,
      disk,
      clock,
      random,
      log: { ...log, info: () => {} },
      retentionMs: 0,
      lockFile: false,
      compactInBackground: false,
      outOfOrderTimeWindowMs: BLOCK_MS,
    });
    try {
      const appender = tsdb.appender();
      samples.sort((a, b) => a.timestampMs - b.timestampMs);
      for (const { labels, timestampMs, value } of samples) {
        try {
          appender.append(0, labels, timestampMs, value);
        } catch (error) {
          if (!(error instanceof AppendError)) throw error;
          throw new ConfigError(`add sample: ${error.message}: ${labels}`);
        }
      }
      await appender.commit();
      const name = await tsdb.snapshot(false);
      await disk.makeDirectory(directory);
      const made = await disk.list(`${scratch}/snapshots/${name}`);
      for (const ulid of made.filter((each) => BLOCK_NAME.test(each)))
        await disk.rename(`${scratch}/snapshots/${name}/${ulid}`, `${directory}/${ulid}`);
    } finally {
      await tsdb.close();
      await disk.remove(scratch);
    }
  }
  return tsdbList([directory], machine);
};

interface FileSample {
  labels: Labels;
  timestampMs: number;
  value: number;
}

/** @throws ExpositionError, ConfigError when a sample has no time */
function samplesByBlock(bytes: Uint8Array): Map<number, FileSample[]> {
  const parser = new TextParser(bytes, { format: "openmetrics" });
  const blocks = new Map<number, FileSample[]>();
  for (let kind = parser.next(); kind !== "end"; kind = parser.next()) {
    if (kind !== "series") continue;
    const flat = parser.labels();
    const pairs = Array.from({ length: flat.length / 2 }, (_, i): [string, string] => [
      flat[2 * i],
      flat[2 * i + 1],
    ]);
    const labels = Labels.of(pairs);
    if (!parser.hasTimestamp) throw new ConfigError(`expected timestamp for series ${labels}, got none`);
    const start = Math.floor(parser.timestampMs / BLOCK_MS);
    const sample = { labels, timestampMs: parser.timestampMs, value: parser.value };
    const list = blocks.get(start);
    if (list === undefined) blocks.set(start, [sample]);
    else list.push(sample);
  }
  return blocks;
}
