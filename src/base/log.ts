/** Structured logging in the styles of the upstreams, so that what people grep for in a cluster is found here. */
import type { Clock } from "./clock.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

/**
 * `logfmt`: `time=… level=INFO msg="…" key=value` (Go's slog text handler: Prometheus).
 * `tab`: `2026-01-01T00:00:00.000Z\tinfo\tmessage\t{"key": …}` (zap's console encoder: the Collector, KEDA).
 * `json`: one object a line.
 */
export type LogFormat = "logfmt" | "tab" | "json";

const ORDER: LogLevel[] = ["debug", "info", "warn", "error"];

export interface LoggerOptions {
  clock: Clock;
  /** Takes one line without its newline. */
  write: (line: string) => void;
  /** @default "logfmt" */
  format?: LogFormat;
  /** @default "info" */
  level?: LogLevel;
}

export function createLogger(options: LoggerOptions, bound: LogFields = {}): Logger {
  const { clock, write, format = "logfmt", level = "info" } = options;
  const threshold = ORDER.indexOf(level);
  const at = (lineLevel: LogLevel) => (message: string, fields?: LogFields) => {
    if (ORDER.indexOf(lineLevel) < threshold) return;
    const time = new Date(clock.now()).toISOString();
    write(FORMATS[format](time, lineLevel, message, { ...bound, ...fields }));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLogger(options, { ...bound, ...fields }),
  };
}

/** A logger that says nothing, for tests and for parts that are asked to be quiet. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

const FORMATS: Record<
  LogFormat,
  (time: string, level: LogLevel, message: string, fields: LogFields) => string
> = {
  logfmt(time, level, message, fields) {
    const pairs = Object.entries({ time, level: level.toUpperCase(), msg: message, ...fields });
    return pairs.map(([key, value]) => `${key}=${logfmtValue(value)}`).join(" ");
  },
  tab(time, level, message, fields) {
    const rest = Object.keys(fields).length > 0 ? `\t${JSON.stringify(plain(fields))}` : "";
    return `${time}\t${level}\t${message}${rest}`;
  },
  json(time, level, message, fields) {
    return JSON.stringify({ time, level, msg: message, ...plain(fields) });
  },
};

function plain(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? value.message : value]),
  );
}

function logfmtValue(value: unknown): string {
  const text =
    value instanceof Error
      ? value.message
      : typeof value === "string"
        ? value
        : (JSON.stringify(value) ?? "");
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
