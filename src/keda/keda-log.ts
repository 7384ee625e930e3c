/**
 * Lines as KEDA writes them (zap's console encoder, controller-runtime's names):
 * `2026-01-01T00:00:00Z⇥INFO⇥scaleexecutor⇥Successfully updated ScaleTarget⇥{"scaledobject.Name": "x"}`.
 * A field named `logger` becomes the name.
 */
import type { Clock } from "../base/clock.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";

const ORDER: LogLevel[] = ["debug", "info", "warn", "error"];

export interface KedaLogOptions {
  clock: Clock;
  /** Takes one line without its newline. */
  write: (line: string) => void;
  /** `--zap-log-level`. @default "info" */
  level?: LogLevel;
  /** `--zap-encoder`. @default "console" */
  encoder?: "console" | "json";
}

export function createKedaLog(options: KedaLogOptions, bound: LogFields = {}): Logger {
  const threshold = ORDER.indexOf(options.level ?? "info");
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (ORDER.indexOf(level) >= threshold)
      options.write(lineOf(options, level, message, { ...bound, ...fields }));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createKedaLog(options, { ...bound, ...fields }),
  };
}

function lineOf(
  { clock, encoder }: KedaLogOptions,
  level: LogLevel,
  message: string,
  all: LogFields,
): string {
  const { logger, ...fields } = all;
  const time = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
  const plain = Object.entries(fields).map(([key, value]): [string, unknown] => [
    key,
    value instanceof Error ? value.message : value,
  ]);
  if (encoder === "json") {
    return JSON.stringify({
      level,
      ts: time,
      ...(logger === undefined ? {} : { logger }),
      msg: message,
      ...Object.fromEntries(plain),
    });
  }
  const parts = [time, level.toUpperCase(), ...(logger === undefined ? [] : [String(logger)]), message];
  if (plain.length > 0) {
    const pairs = plain.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value) ?? "null"}`);
    parts.push(`{${pairs.join(", ")}}`);
  }
  return parts.join("\t");
}
