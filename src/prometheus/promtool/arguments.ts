/** The flags of the subcommands: `--name=value`, `--name value`, `-o value`, and the rest. */
import type { Machine } from "../../base/machine.ts";
import { ConfigError } from "../config/strict-yaml.ts";

export interface ToolArguments {
  rest: string[];
  /** The last value given, or the fallback. */
  text(name: string, fallback?: string): string;
  /** All values given. */
  list(name: string): string[];
  has(name: string): boolean;
}

/** @param withValue flags that take a value; others are switches. @throws ConfigError */
export function parseToolArguments(
  args: readonly string[],
  withValue: readonly string[],
  switches: readonly string[] = [],
): ToolArguments {
  const values = new Map<string, string[]>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const match = /^--?([a-zA-Z][\w.-]*)(?:=(.*))?$/s.exec(args[i]);
    if (match === null) {
      rest.push(args[i]);
      continue;
    }
    const [, name, inline] = match;
    const isSwitch = switches.includes(name);
    if (!isSwitch && !withValue.includes(name))
      throw new ConfigError(`promtool: error: unknown long flag '--${name}', try --help`);
    const value = isSwitch ? "true" : (inline ?? args[++i]);
    if (value === undefined)
      throw new ConfigError(`promtool: error: expected argument for flag '--${name}', try --help`);
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return {
    rest,
    text: (name, fallback = "") => values.get(name)?.at(-1) ?? fallback,
    list: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
  };
}

/** @throws ConfigError for a path where nothing is */
export async function requireFiles(paths: readonly string[], { disk }: Pick<Machine, "disk">): Promise<void> {
  for (const path of paths) {
    if ((await disk.stat(path)) !== undefined) continue;
    throw new ConfigError(`promtool: error: path '${path}' does not exist, try --help`);
  }
}
