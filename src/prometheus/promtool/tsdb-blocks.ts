/** The blocks of a data directory: `promtool tsdb list`, and what the other tools need of them. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { formatGoDuration } from "../../model/go-duration.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { Block } from "../tsdb/block/block.ts";
import { BlockSet, directorySize } from "../tsdb/block/block-set.ts";
import { Pacer } from "../tsdb/pacer.ts";
import { isUlid } from "../tsdb/ulid.ts";
import { parseToolArguments } from "./arguments.ts";
import { readableBytes, tabular } from "./tabular.ts";

export const DEFAULT_DIRECTORY = "data/";
/** Narrower columns are widened. */
const MIN_COLUMN_WIDTH = 13;
const HEADER = [
  "BLOCK ULID",
  "MIN TIME",
  "MAX TIME",
  "DURATION",
  "NUM SAMPLES",
  "NUM CHUNKS",
  "NUM SERIES",
  "SIZE",
];

/** Without the slash at the end. @throws ConfigError where nothing is */
export async function databaseDirectory(path: string, { disk }: Pick<Machine, "disk">): Promise<string> {
  if ((await disk.stat(path)) === undefined)
    throw new ConfigError(`opening the db dir: stat ${path}: no such file or directory`);
  return path.replace(/(?<=.)\/+$/, "");
}

/** Uses the blocks of a directory, oldest first, and closes them. */
export async function withBlocks<T>(
  directory: string,
  { disk, clock, log }: Machine,
  use: (blocks: readonly Block[]) => Promise<T>,
): Promise<T> {
  const blocks = new BlockSet(disk, directory, log, clock);
  await blocks.load(true);
  try {
    return await use(blocks.all);
  } finally {
    await blocks.close();
  }
}

/** Uses one block; the youngest by its name when none is named. @throws ConfigError when there is none */
export async function withBlock<T>(
  directory: string,
  ulid: string | undefined,
  { disk, clock }: Machine,
  use: (block: Block) => Promise<T>,
): Promise<T> {
  const names = (await disk.list(directory)).filter(isUlid).sort();
  const name = ulid ?? names.at(-1);
  if (name === undefined) throw new ConfigError("no blocks found");
  if (!names.includes(name)) throw new ConfigError(`invalid block ID ${name}`);
  const block = await Block.open(disk, `${directory}/${name}`, new Pacer(clock));
  try {
    return await use(block);
  } finally {
    await block.close();
  }
}

/** A table of blocks, with its header on request. */
export async function blockTable(
  blocks: readonly Block[],
  { disk }: Pick<Machine, "disk">,
  { isReadable, hasHeader }: { isReadable: boolean; hasHeader: boolean },
): Promise<string> {
  const rows = hasHeader ? [HEADER] : [];
  for (const { meta, directory } of blocks) {
    const { ulid, minTime, maxTime, stats = {} } = meta;
    const size = await directorySize(disk, directory);
    rows.push([
      ulid,
      timeText(minTime, isReadable),
      timeText(maxTime, isReadable),
      formatGoDuration(maxTime - minTime),
      String(stats.numSamples ?? 0),
      String(stats.numChunks ?? 0),
      String(stats.numSeries ?? 0),
      isReadable ? readableBytes(size) : String(size),
    ]);
  }
  return rows.length === 0 ? "" : tabular(rows, MIN_COLUMN_WIDTH);
}

function timeText(timeMs: number, isReadable: boolean): string {
  if (!isReadable) return String(timeMs);
  const time = new Date(Math.trunc(timeMs / 1000) * 1000).toISOString();
  return `${time.slice(0, 19).replace("T", " ")} +0000 UTC`;
}

export const tsdbList: CliCommand = async (args, machine) => {
  const { rest, has } = parseToolArguments(args, { switches: ["human-readable"], optional: 1 });
  const directory = await databaseDirectory(rest[0] ?? DEFAULT_DIRECTORY, machine);
  const options = { isReadable: has("human-readable"), hasHeader: true };
  machine.print(await withBlocks(directory, machine, (blocks) => blockTable(blocks, machine, options)));
  return 0;
};
