/** Durations and sizes as Prometheus' configuration and flags write them. */
import { ConfigError } from "./strict-yaml.ts";

const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNIT_MS = [365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000, 1];
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
  const match = DURATION.exec(text);
  if (match === null) throw new ConfigError(`not a valid duration string: ${JSON.stringify(text)}`);
  const total = UNIT_MS.reduce((sum, unitMs, i) => sum + Number(match[i + 1] ?? 0) * unitMs, 0);
  if (total > MAX_DURATION_MS) throw new ConfigError("duration out of range");
  return total;
}

/** The inverse of `parseDuration`, with upstream's choice of units: years and weeks only when exact. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let rest = Math.abs(durationMs);
  let out = durationMs < 0 ? "-" : "";
  const part = (unit: string, unitMs: number, exact: boolean) => {
    if (exact && rest % unitMs !== 0) return;
    const count = Math.floor(rest / unitMs);
    if (count > 0) {
      out += `${count}${unit}`;
      rest -= count * unitMs;
    }
  };
  part("y", UNIT_MS[0], true);
  part("w", UNIT_MS[1], true);
  part("d", UNIT_MS[2], false);
  part("h", UNIT_MS[3], false);
  part("m", UNIT_MS[4], false);
  part("s", UNIT_MS[5], false);
  part("ms", UNIT_MS[6], false);
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
