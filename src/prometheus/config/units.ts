/** Durations and sizes as Prometheus' configuration and flags write them. */
import { quoteString } from "../promql/parser/lexer.ts";
import { ConfigError } from "./strict-yaml.ts";

/** From the largest to the smallest, the order in which they have to come. */
const UNITS_MS: [unit: string, milliseconds: number][] = [
  ["y", 365 * 86_400_000],
  ["w", 7 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];
/** Go's durations are 64-bit nanoseconds. */
const MAX_DURATION_MS = 2 ** 63 / 1e6;

/**
 * Milliseconds of `1h30m`, `15s`, `0` (`model.ParseDuration`).
 *
 * @throws ConfigError with upstream's text
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  if (text === "") throw new ConfigError("empty duration string");
  const invalid = () => new ConfigError(`not a valid duration string: ${quoteString(text)}`);
  let total = 0;
  let last = -1;
  for (const [, count, unit] of text.matchAll(/(\d*)(\D*)/g)) {
    if (count === "" && unit === "") break;
    if (count === "" || unit === "" || Number(count) >= 2 ** 64) throw invalid();
    const order = UNITS_MS.findIndex(([name]) => name === unit);
    if (order === -1)
      throw new ConfigError(`unknown unit ${quoteString(unit)} in duration ${quoteString(text)}`);
    if (order <= last) throw invalid();
    last = order;
    total += Number(count) * UNITS_MS[order][1];
    if (total > MAX_DURATION_MS) throw new ConfigError("duration out of range");
  }
  return total;
}

/** The inverse of `parseDuration`, with upstream's choice of units: years and weeks only when exact. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let rest = Math.abs(durationMs);
  let out = durationMs < 0 ? "-" : "";
  for (const [unit, unitMs] of UNITS_MS) {
    const isExactOnly = unit === "y" || unit === "w";
    if (isExactOnly && rest % unitMs !== 0) continue;
    const count = Math.floor(rest / unitMs);
    if (count > 0) out += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return out;
}

const SIZE_UNITS = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

/**
 * Bytes of `15MB`, `1GB512MB` (`units.ParseBase2Bytes`: KB, KiB and K are 1024).
 *
 * @throws ConfigError with upstream's text
 */
export function parseBytes(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  let rest = text.replace(/^[-+]/, "");
  if (rest === "0") return 0;
  if (rest === "") throw new ConfigError(`units: invalid ${text}`);
  let total = 0;
  while (rest !== "") {
    const match = /^(\d+(?:\.\d*)?|\.\d+)([^\d.]*)/.exec(rest);
    if (match === null) throw new ConfigError(`units: invalid ${text}`);
    const unit = /^([KMGTPE]?)i?B?$/.exec(match[2]);
    if (match[2] === "") throw new ConfigError(`units: unknown unit  in ${text}`);
    if (unit === null) throw new ConfigError(`units: unknown unit ${match[2]} in ${text}`);
    total += Number(match[1]) * 1024 ** SIZE_UNITS.indexOf(`${unit[1]}B`);
    rest = rest.slice(match[0].length);
  }
  return sign * Math.trunc(total);
}

/** The inverse of `parseBytes`: `1GiB512MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes === 0) return "0B";
  let rest = Math.abs(bytes);
  let out = bytes < 0 ? "-" : "";
  for (let power = 6; power >= 0; power--) {
    const count = Math.floor(rest / 1024 ** power);
    if (count > 0) out += `${count}${power === 0 ? "B" : `${SIZE_UNITS[power][0]}iB`}`;
    rest -= count * 1024 ** power;
  }
  return out;
}
