/** `promtool tsdb create-blocks-from openmetrics` (`cmd/promtool/backfill.go` of Prometheus 3.14). */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { parseGoDuration } from "../../model/go-duration.ts";
import { Labels } from "../../model/labels.ts";
import { ExpositionError } from "../../wire/exposition/exposition-error.ts";
import { TextParser } from "../../wire/exposition/text-parser.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { parseToolArguments, type ToolArguments, UsageProblem } from "./arguments.ts";
import { type BlockSample, compatibleBlockMs, makeBlock } from "./block-maker.ts";
import { blockTable, DEFAULT_DIRECTORY, withBlock } from "./tsdb-blocks.ts";

export const createBlocks: CliCommand = async (args, machine) => {
  const given = parseToolArguments(args, {
    values: ["max-block-duration", "label"],
    repeated: ["label"],
    switches: ["quiet", "human-readable"],
    required: ["input file"],
    optional: 1,
  });
  const { disk } = machine;
  const [file, output = DEFAULT_DIRECTORY] = given.rest;
  if ((await disk.stat(file)) === undefined) throw new ConfigError(`stat ${file}: no such file or directory`);
  const directory = output.replace(/(?<=.)\/+$/, "");
  const spanMs = compatibleBlockMs(blockDuration(given));
  const blocks = samplesByBlock(await disk.readFile(file), spanMs, keyValues(given.list("label")));
  await disk.makeDirectory(directory);
  let hasHeader = true;
  for (const [, samples] of [...blocks].sort(([a], [b]) => a - b)) {
    const ulid = await made(directory, samples, spanMs, machine);
    if (ulid === undefined || given.has("quiet")) continue;
    const options = { isReadable: given.has("human-readable"), hasHeader };
    // Each block is a table of its own, with its own widths.
    machine.print(
      await withBlock(directory, ulid, machine, (block) => blockTable([block], machine, options)),
    );
    hasHeader = false;
  }
  return 0;
};

async function made(directory: string, samples: BlockSample[], spanMs: number, machine: Machine) {
  try {
    return await makeBlock(directory, samples, spanMs, machine);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`block creation: process blocks: ${error.message}`);
  }
}

/** In milliseconds; 0 when nothing is said. @throws UsageProblem */
export function blockDuration(given: ToolArguments): number {
  const text = given.text("max-block-duration");
  try {
    return text === "" ? 0 : parseGoDuration(text);
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

/** `name=value` each, of those of one name the last. @throws UsageProblem */
export function keyValues(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const match = /^([^=:]*)[=:](.*)$/s.exec(text);
      if (match === null) throw new UsageProblem(`expected KEY=VALUE got '${text}'`);
      return [match[1], match[2]];
    }),
  );
}

/** By the number of the block. @throws ConfigError for a sample that has no time, and for what is no OpenMetrics */
function samplesByBlock(
  bytes: Uint8Array,
  spanMs: number,
  added: Readonly<Record<string, string>>,
): Map<number, BlockSample[]> {
  const parser = new TextParser(bytes, { format: "openmetrics" });
  const blocks = new Map<number, BlockSample[]>();
  try {
    for (let kind = parser.next(); kind !== "end"; kind = parser.next()) {
      if (kind !== "series") continue;
      if (!parser.hasTimestamp) throw new ConfigError("expected timestamp for series got none");
      const flat = parser.labels();
      const pairs = new Map<string, string>();
      for (let i = 0; i < flat.length; i += 2) pairs.set(flat[i], flat[i + 1]);
      for (const [name, value] of Object.entries(added)) pairs.set(name, value);
      const { timestampMs, value } = parser;
      const number = Math.floor(timestampMs / spanMs);
      const samples = blocks.get(number);
      const sample = { labels: Labels.of(pairs), timestampMs, value };
      if (samples === undefined) blocks.set(number, [sample]);
      else samples.push(sample);
    }
  } catch (error) {
    if (!(error instanceof ExpositionError || error instanceof ConfigError)) throw error;
    const text = error instanceof ExpositionError ? `next: ${error.message}` : error.message;
    throw new ConfigError(`getting min and max timestamp: ${text}`);
  }
  return blocks;
}
