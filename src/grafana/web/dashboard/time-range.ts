/** `now-6h`, `now/d` and times in milliseconds (upstream `packages/grafana-data/src/datetime/datemath.ts`). */

export interface RawRange {
  from: string;
  to: string;
}

/** Milliseconds since the Unix epoch. */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}

const UNIT_MS: Record<string, number> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };

/** What the text stands for at `nowMs`; undefined when it is no time. */
export function parseTime(text: string, nowMs: number, isEnd = false): number | undefined {
  if (/^\d{10,}$/.test(text)) return Number(text);
  if (!text.startsWith("now")) {
    const date = Date.parse(text);
    return Number.isNaN(date) ? undefined : date;
  }
  let ms = nowMs;
  let rest = text.slice(3);
  while (rest !== "") {
    const match = /^([-+])(\d*)([smhdwMyQ])|^\/([smhdwMy])/.exec(rest);
    if (match === null) return undefined;
    const [whole, sign, amount, unit, round] = match;
    ms =
      round === undefined
        ? add(ms, unit, (sign === "-" ? -1 : 1) * Number(amount || 1))
        : roundTo(ms, round, isEnd);
    rest = rest.slice(whole.length);
  }
  return ms;
}

function add(ms: number, unit: string, amount: number): number {
  if (Object.hasOwn(UNIT_MS, unit)) return ms + amount * UNIT_MS[unit];
  const date = new Date(ms);
  if (unit === "y") date.setFullYear(date.getFullYear() + amount);
  else date.setMonth(date.getMonth() + amount * (unit === "Q" ? 3 : 1));
  return date.getTime();
}

/** The beginning of the unit that `ms` is in, or its last millisecond. */
function roundTo(ms: number, unit: string, isEnd: boolean): number {
  const date = new Date(ms);
  if (unit === "s") date.setMilliseconds(0);
  else if (unit === "m") date.setSeconds(0, 0);
  else if (unit === "h") date.setMinutes(0, 0, 0);
  else {
    date.setHours(0, 0, 0, 0);
    if (unit === "w") date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
    if (unit === "M" || unit === "y") date.setDate(1);
    if (unit === "y") date.setMonth(0);
  }
  return isEnd ? add(date.getTime(), unit, 1) - 1 : date.getTime();
}

/** The range in milliseconds; the last six hours where the text is no time. */
export function resolveRange({ from, to }: RawRange, nowMs: number): TimeRange {
  const toMs = parseTime(to, nowMs, true) ?? nowMs;
  const fromMs = parseTime(from, nowMs) ?? toMs - 6 * 3.6e6;
  return fromMs < toMs ? { fromMs, toMs } : { fromMs: toMs - 1000, toMs };
}

export const QUICK_RANGES: [from: string, title: string][] = [
  ["now-5m", "Last 5 minutes"],
  ["now-15m", "Last 15 minutes"],
  ["now-30m", "Last 30 minutes"],
  ["now-1h", "Last 1 hour"],
  ["now-3h", "Last 3 hours"],
  ["now-6h", "Last 6 hours"],
  ["now-12h", "Last 12 hours"],
  ["now-24h", "Last 24 hours"],
  ["now-2d", "Last 2 days"],
  ["now-7d", "Last 7 days"],
  ["now-30d", "Last 30 days"],
];

export const REFRESH_INTERVALS = ["", "5s", "10s", "30s", "1m", "5m", "15m"];

/** `30s` → 30000; 0 for everything else. */
export function intervalMs(text: string | undefined): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)$/.exec(text?.trim() ?? "") ?? [];
  if (amount === undefined) return 0;
  const size = unit === "ms" ? 1 : unit === "y" ? 365 * UNIT_MS["d"] : UNIT_MS[unit];
  return Number(amount) * size;
}

const NICE_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 2e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.2e6,
  1.8e6, 3.6e6, 7.2e6, 1.08e7, 2.16e7, 4.32e7, 8.64e7, 6.048e8, 2.592e9, 3.1536e10,
];

/** The distance of points so that about `maxDataPoints` fill the range, a round number not below `leastMs`. */
export function queryIntervalMs(range: TimeRange, maxDataPoints: number, leastMs: number): number {
  const exact = (range.toMs - range.fromMs) / Math.max(1, maxDataPoints);
  const nice =
    NICE_MS.find((candidate, i) => exact < (candidate + (NICE_MS[i + 1] ?? candidate * 2)) / 2) ??
    NICE_MS.at(-1)!;
  return Math.max(nice, leastMs);
}

/** 15000 → `15s`, 1500 → `1500ms` */
export function intervalText(ms: number): string {
  for (const unit of ["d", "h", "m", "s"])
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  return `${Math.max(1, Math.round(ms))}ms`;
}
