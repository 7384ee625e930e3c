/** Command-line options, declared once: parsing, checking and help come from the same table. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** One option. `parse` turns the text into the value, or throws an `Error` that says what is wrong with it. */
export interface Option<T> {
  /** What stands for the value in the help: `PORT`. Absent for switches. */
  placeholder?: string;
  /** One letter that stands for the name: `-n`. */
  short?: string;
  help: string;
  default: T;
  parse: (text: string) => T;
}

export type Options = Record<string, Option<unknown>>;
type Values<O extends Options> = { [K in keyof O]: O[K] extends Option<infer T> ? T : never };

export interface Parsed<O extends Options> {
  values: Values<O>;
  /** Names of the options that stand on the command line. */
  given: ReadonlySet<keyof O>;
  positionals: string[];
}

/** What the user typed cannot be taken. Printed without a stack; exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

export const text = (placeholder: string, help: string, fallback: string): Option<string> => ({
  placeholder,
  help,
  default: fallback,
  parse: (value) => value,
});

export const optionalText = (placeholder: string, help: string): Option<string | undefined> => ({
  placeholder,
  help,
  default: undefined,
  parse: (value) => value,
});

export const flag = (help: string): Option<boolean> => ({ help, default: false, parse: () => true });

/** One of a few words; the first is the default. */
export const choice = <const T extends string>(
  placeholder: string,
  help: string,
  among: readonly T[],
): Option<T> => ({
  placeholder,
  help,
  default: among[0],
  parse(value) {
    const found = among.find((word) => word === value);
    if (found === undefined) throw new Error(`must be one of ${among.join(", ")}`);
    return found;
  },
});

/** A whole number within bounds, both included. */
export const integer = (
  placeholder: string,
  help: string,
  fallback: number,
  bounds: { min: number; max: number },
): Option<number> => ({
  placeholder,
  help,
  default: fallback,
  parse(value) {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < bounds.min || number > bounds.max) {
      throw new Error(`must be a whole number from ${bounds.min} to ${bounds.max}`);
    }
    return number;
  },
});

/** A number above zero. */
export const positive = (placeholder: string, help: string, fallback: number): Option<number> => ({
  placeholder,
  help,
  default: fallback,
  parse(value) {
    const number = Number(value);
    if (value.trim() === "" || !Number.isFinite(number) || number <= 0) {
      throw new Error("must be a number above 0");
    }
    return number;
  },
});

export const port = (help: string, fallback: number): Option<number> =>
  integer("PORT", help, fallback, { min: 1, max: 65_535 });

/** `90s`, `5m`, `1h30m`, `500ms` → milliseconds. */
export const duration = (help: string, fallbackMs: number): Option<number> => ({
  placeholder: "DURATION",
  help,
  default: fallbackMs,
  parse: parseDurationMs,
});

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws Error for anything but a sequence of numbers with units ms, s, m, h, d. */
export function parseDurationMs(value: string): number {
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== value) {
    throw new Error("must be a duration such as 90s, 5m or 1h30m");
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit], 0);
}

/**
 * Parses `args` by the table.
 *
 * @throws UsageError naming the option that is unknown or has a bad value.
 */
export function parseOptions<const O extends Options>(
  args: string[],
  options: O,
  limits: { positionals?: number } = {},
): Parsed<O> {
  const config: ParseArgsOptionsConfig = {};
  for (const [name, option] of Object.entries(options)) {
    const type = option.placeholder === undefined ? "boolean" : "string";
    config[name] = option.short === undefined ? { type } : { type, short: option.short };
  }
  const { values: raw, positionals } = parseRaw(args, config);
  if (positionals.length > (limits.positionals ?? 0)) {
    throw new UsageError(`unexpected argument "${positionals[limits.positionals ?? 0]}"`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    values[name] = raw[name] === undefined ? option.default : parseValue(name, option, String(raw[name]));
  }
  return { values: values as Values<O>, given: new Set(Object.keys(raw)), positionals };
}

function parseRaw(args: string[], config: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args, options: config, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". To specify")[0]);
  }
}

function parseValue(name: string, option: Option<unknown>, value: string): unknown {
  try {
    return option.parse(value);
  } catch (error) {
    throw new UsageError(`--${name} ${value}: ${(error as Error).message}`);
  }
}

/** The help text of a command: usage line, sentence, options with defaults. */
export function helpText(usage: string, sentence: string, options: Options): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const names = option.short === undefined ? `--${name}` : `-${option.short}, --${name}`;
    const left = option.placeholder === undefined ? names : `${names} ${option.placeholder}`;
    const shown = option.placeholder !== undefined && option.default !== undefined;
    return [left, shown ? `${option.help} (default ${defaultText(option)})` : option.help];
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`);
  return `Usage: topology ${usage}\n\n${sentence}\n\nOptions:\n${lines.join("\n")}\n`;
}

function defaultText(option: Option<unknown>): string {
  return option.placeholder === "DURATION"
    ? formatDurationMs(option.default as number)
    : String(option.default);
}

/** 90000 → `1m30s`. */
export function formatDurationMs(durationMs: number): string {
  if (durationMs < 1_000) return `${durationMs}ms`;
  let rest = Math.round(durationMs / 1_000);
  let shown = "";
  for (const [unit, seconds] of [
    ["h", 3_600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) shown += `${count}${unit}`;
  }
  return shown;
}
