/** The arguments of the subcommands, with the rules and complaints of upstream's (kingpin). */
import type { Machine } from "../../base/machine.ts";

/** What is wrong with the command line. */
export class UsageProblem extends Error {
  constructor(problem: string) {
    super(`promtool: error: ${problem}, try --help`);
  }
}

export interface ArgumentSpec {
  /** Flags that take a value. */
  values?: readonly string[];
  /** Of those the ones that may come more than once. */
  repeated?: readonly string[];
  switches?: readonly string[];
  /** Arguments that have to be there, by name. */
  required?: readonly string[];
  /** How many more there may be. @default 0 */
  optional?: number;
  /** Flags that have to be there. */
  requiredFlags?: readonly string[];
}

export interface ToolArguments {
  rest: string[];
  /** The last value given, or the fallback. */
  text(name: string, fallback?: string): string;
  /** All values given. */
  list(name: string): string[];
  has(name: string): boolean;
}

const GLOBAL_SWITCHES = ["experimental"];
const SHORT_NAMES: Record<string, string> = { o: "format", r: "human-readable", q: "quiet", t: "type" };

/** @throws UsageProblem */
export function parseToolArguments(args: readonly string[], spec: ArgumentSpec): ToolArguments {
  const { required = [], optional = 0, requiredFlags = [] } = spec;
  const values = new Map<string, string[]>();
  const rest: string[] = [];
  const addArgument = (text: string) => {
    if (rest.length >= required.length + optional) throw new UsageProblem(`unexpected ${text}`);
    rest.push(text);
  };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--") {
      for (const each of args.slice(i + 1)) addArgument(each);
      break;
    }
    const flag = flagOf(args[i]);
    if (flag === undefined) {
      addArgument(args[i]);
      continue;
    }
    const { isSwitch, isRepeated } = kindOf(flag, spec);
    const value = isSwitch ? "true" : (flag.inline ?? args[++i]);
    if (value === undefined) throw new UsageProblem(`expected argument for flag '${flag.shown}'`);
    const known = values.get(flag.name);
    if (known !== undefined && !isRepeated) throw new UsageProblem(`flag '${flag.name}' cannot be repeated`);
    values.set(flag.name, [...(known ?? []), value]);
  }
  const missingFlags = requiredFlags.filter((name) => !values.has(name)).map((name) => `'--${name}'`);
  if (missingFlags.length > 0)
    throw new UsageProblem(`required flag(s) ${missingFlags.join(", ")} not provided`);
  if (rest.length < required.length)
    throw new UsageProblem(`required argument '${required[rest.length]}' not provided`);
  return {
    rest,
    text: (name, fallback = "") => values.get(name)?.at(-1) ?? fallback,
    list: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
  };
}

interface Flag {
  name: string;
  /** As in messages: with its dashes. */
  shown: string;
  isShort: boolean;
  inline: string | undefined;
}

/** `--name`, `--name=value`, `-n`, `-nvalue`. Undefined for what is no flag. */
export function flagOf(text: string): Flag | undefined {
  const long = /^--([^=]*)(?:=(.*))?$/s.exec(text);
  if (long !== null) return { name: long[1], shown: `--${long[1]}`, isShort: false, inline: long[2] };
  const short = /^-([^-])(.*)$/s.exec(text);
  if (short === null) return undefined;
  const [, letter, value] = short;
  const inline = value === "" ? undefined : value;
  return { name: SHORT_NAMES[letter] ?? letter, shown: `-${letter}`, isShort: true, inline };
}

function kindOf({ name, shown, isShort }: Flag, spec: ArgumentSpec) {
  const isSwitch = GLOBAL_SWITCHES.includes(name) || (spec.switches ?? []).includes(name);
  const isValue = name === "enable-feature" || (spec.values ?? []).includes(name);
  if (!isSwitch && !isValue) throw new UsageProblem(`unknown ${isShort ? "short" : "long"} flag '${shown}'`);
  return { isSwitch, isRepeated: name === "enable-feature" || (spec.repeated ?? []).includes(name) };
}

/** @throws UsageProblem for a path where nothing is */
export async function requireFiles(paths: readonly string[], { disk }: Pick<Machine, "disk">): Promise<void> {
  for (const path of paths) {
    if ((await disk.stat(path)) !== undefined) continue;
    throw new UsageProblem(`path '${path}' does not exist`);
  }
}
