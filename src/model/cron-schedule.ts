/**
 * Five-field cron expressions and their next time in a time zone (robfig/cron v3 `parser.go`, `spec.go`): KEDA's cron
 * scaler, CronJobs and what kube-state-metrics says of them.
 */

/** Minutes, hours, days, months, weekdays that match. */
export interface CronSchedule {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  daysOfMonth: ReadonlySet<number>;
  months: ReadonlySet<number>;
  daysOfWeek: ReadonlySet<number>;
  /** Only one of the two day fields restricts. */
  anyDayOfMonth: boolean;
  anyDayOfWeek: boolean;
  /** `TZ=…` in front of the expression, which upstream honours over the trigger's own. */
  timezone?: string;
  /** `@every 90s`: so long after the last time, whatever the fields say. */
  everyMs?: number;
}

interface Field {
  min: number;
  max: number;
  names?: Record<string, number>;
}

const MONTHS = namesOf(
  ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  1,
);
const WEEKDAYS = namesOf(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], 0);
const FIELDS: Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: WEEKDAYS },
];

function namesOf(names: string[], first: number): Record<string, number> {
  return Object.fromEntries(names.map((name, index) => [name, index + first]));
}

/** What `ParseStandard` takes besides five fields. */
const DESCRIPTORS: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/**
 * As `parseCron`, with descriptors: `@hourly`, `@every 1h30m`.
 *
 * @throws Error with upstream's text
 */
export function parseStandardCron(text: string, checks: CronChecks = {}): CronSchedule {
  const [, zone = "", expression] = /^((?:CRON_)?TZ=\S+\s+)?(.*)$/s.exec(text)!;
  if (!expression.startsWith("@")) return parseCron(text, checks);
  if (Object.hasOwn(DESCRIPTORS, expression)) return parseCron(zone + DESCRIPTORS[expression]);
  const every = /^@every (.*)$/.exec(expression);
  if (every === null) throw new Error(`unrecognized descriptor: ${expression}`);
  const durationMs = parseDurationMs(every[1]);
  if (durationMs === undefined) {
    throw new Error(
      `failed to parse duration ${expression}: time: invalid duration ${JSON.stringify(every[1])}`,
    );
  }
  // Upstream drops what is finer than a second, and does not go below one.
  return { ...parseCron("* * * * *"), everyMs: Math.max(Math.floor(durationMs / 1000), 1) * 1000 };
}

/** Go's `time.ParseDuration` for hours to milliseconds; undefined when it is none. */
function parseDurationMs(text: string): number | undefined {
  if (!/^\+?(\d+(\.\d*)?(h|m|s|ms))+$/.test(text)) return undefined;
  const unitMs = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ms|h|m|s)/g))
    totalMs += Number(amount) * unitMs[unit as keyof typeof unitMs];
  return totalMs;
}

export interface CronChecks {
  /** A step as wide as its range is an error: kube-state-metrics' parser (netresearch/go-cron). @default false */
  stepBelowRange?: boolean;
}

/** @throws Error with upstream's text */
export function parseCron(text: string, checks: CronChecks = {}): CronSchedule {
  let expression = text;
  let timezone: string | undefined;
  const zone = /^(?:CRON_)?TZ=(\S+)\s+/.exec(text);
  if (zone !== null) {
    timezone = zone[1];
    expression = text.slice(zone[0].length);
  }
  if (expression.trim() === "") throw new Error("empty spec string");
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    throw new Error(`expected exactly 5 fields, found ${parts.length}: [${parts.join(" ")}]`);
  }
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = parts.map((part, index) =>
    parseField(part, FIELDS[index], checks),
  );
  const isAny = (part: string) => part.split(",").some((piece) => /^[*?](\/1)?$/.test(piece));
  return {
    minutes,
    hours,
    daysOfMonth,
    months,
    daysOfWeek,
    anyDayOfMonth: isAny(parts[2]),
    anyDayOfWeek: isAny(parts[4]),
    timezone,
  };
}

function parseField(text: string, field: Field, checks: CronChecks): Set<number> {
  const values = new Set<number>();
  for (const piece of text.split(",").filter((part) => part !== "")) {
    const [range, stepText, extra] = piece.split("/");
    if (extra !== undefined) throw new Error(`too many slashes: ${piece}`);
    const [start, end] = parseRange(range, piece, field, stepText !== undefined);
    const step = stepText === undefined ? 1 : parseNumber(stepText);
    if (step === 0) throw new Error(`step of range should be a positive number: ${piece}`);
    if (start < field.min)
      throw new Error(`beginning of range (${start}) below minimum (${field.min}): ${piece}`);
    if (end > field.max) throw new Error(`end of range (${end}) above maximum (${field.max}): ${piece}`);
    if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${piece}`);
    const size = end - start + 1;
    if (checks.stepBelowRange && step > 1 && step >= size)
      throw new Error(`step (${step}) must be less than range size (${size}): ${JSON.stringify(piece)}`);
    for (let value = start; value <= end; value += step) values.add(value);
  }
  return values;
}

function parseRange(range: string, piece: string, field: Field, hasStep: boolean): [number, number] {
  const [low, high, extra] = range.split("-");
  if (low === "*" || low === "?") return [field.min, field.max];
  if (extra !== undefined) throw new Error(`too many hyphens: ${piece}`);
  const start = parseValue(low, field);
  if (high !== undefined) return [start, parseValue(high, field)];
  // "5/15" goes on to the end, "5" is one value.
  return [start, hasStep ? field.max : start];
}

function parseValue(text: string, { names }: Field): number {
  const lower = text.toLowerCase();
  return names !== undefined && Object.hasOwn(names, lower) ? names[lower] : parseNumber(text);
}

function parseNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (/^-\d+$/.test(text)) throw new Error(`negative number (${text}) not allowed: ${text}`);
  throw new Error(
    `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** A schedule that matches nothing within this many days (30 February) never comes: five years, as upstream. */
const MAX_DAYS_AHEAD = 5 * 366;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** No zone's clocks change by more within a month: a zone that crosses the date line skips a day. */
const CLOCK_CHANGE_MS = 26 * 60 * MINUTE_MS;
/** A jump to this hour of the same day cannot land in the next one, whatever the clocks do. */
const LAST_SAFE_HOUR = 22;

/** The first matching minute after `nowMs`, or undefined when there is none. */
export function nextCronTime(schedule: CronSchedule, nowMs: number, timezone: string): number | undefined {
  if (schedule.everyMs !== undefined) return Math.floor(nowMs / 1000) * 1000 + schedule.everyMs;
  const zone = schedule.timezone ?? timezone;
  let timeMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const limitMs = timeMs + MAX_DAYS_AHEAD * DAY_MS;
  while (timeMs < limitMs) {
    const local = localParts(timeMs, zone);
    if (!schedule.months.has(local.month) && local.daysLeft > 1) {
      // Not quite to the month's last day: the clocks may be put forward in between.
      timeMs += local.daysLeft * DAY_MS - CLOCK_CHANGE_MS;
    } else if (!schedule.months.has(local.month) || !matchesDay(schedule, local)) {
      // Not straight to midnight: a day may be 23 or 25 hours long.
      const hours = Math.max(LAST_SAFE_HOUR - local.hour, 1);
      timeMs += (hours * 60 - local.minute) * MINUTE_MS;
    } else if (!schedule.hours.has(local.hour)) timeMs += (60 - local.minute) * MINUTE_MS;
    else if (!schedule.minutes.has(local.minute)) timeMs += MINUTE_MS;
    else return timeMs;
  }
  return undefined;
}

function matchesDay(
  { daysOfMonth, daysOfWeek, anyDayOfMonth, anyDayOfWeek }: CronSchedule,
  { day, weekday }: { day: number; weekday: number },
): boolean {
  const inMonth = daysOfMonth.has(day);
  const inWeek = daysOfWeek.has(weekday);
  // When both restrict, either is enough: cron's old rule.
  return anyDayOfMonth || anyDayOfWeek ? inMonth && inWeek : inMonth || inWeek;
}

const formatters = new Map<string, Intl.DateTimeFormat>();
const MAX_FORMATTERS = 64;

/** The clock on the wall, as if it were UTC's. */
function wallClock(timeMs: number, zone: string): Date {
  if (zone === "UTC" || zone === "Etc/UTC") return new Date(timeMs);
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    });
    if (formatters.size >= MAX_FORMATTERS) formatters.clear();
    formatters.set(zone, formatter);
  }
  // "07/15/2026, 10:20": read so, it takes a third of the time of `formatToParts`.
  const [month, day, year, hour, minute] = formatter.format(timeMs).split(/\D+/).map(Number);
  return new Date(Date.UTC(year, month - 1, day, hour, minute));
}

function localParts(timeMs: number, zone: string) {
  const wall = wallClock(timeMs, zone);
  const day = wall.getUTCDate();
  return {
    month: wall.getUTCMonth() + 1,
    day,
    hour: wall.getUTCHours(),
    minute: wall.getUTCMinutes(),
    weekday: wall.getUTCDay(),
    daysLeft: new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate() - day,
  };
}
