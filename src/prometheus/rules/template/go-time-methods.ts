/** The methods that templates may call on times and durations. */
import { DAYS, GoDuration, GoNamedNumber, GoTime, MONTHS } from "./go-time.ts";
import type { Value } from "./values.ts";

export interface Method {
  /** Types of what it is given. */
  parameters: readonly string[];
  call: (...args: never[]) => Value;
}

const nanoseconds = (ms: number) => BigInt(Math.round(ms * 1e6));

/** Undefined: there is no such method. */
export function durationMethod(duration: GoDuration, name: string): Method | undefined {
  const { ms } = duration;
  const of = (call: () => Value): Method => ({ parameters: [], call });
  const rounded = (round: (value: number) => number): Method => ({
    parameters: ["time.Duration"],
    call: (unit: GoDuration) => new GoDuration(unit.ms <= 0 ? ms : round(ms / unit.ms) * unit.ms),
  });
  switch (name) {
    case "String":
      return of(() => duration.toString());
    case "Seconds":
      return of(() => ms / 1000);
    case "Minutes":
      return of(() => ms / 60_000);
    case "Hours":
      return of(() => ms / 3_600_000);
    case "Milliseconds":
      return of(() => int64(BigInt(Math.trunc(ms))));
    case "Microseconds":
      return of(() => int64(BigInt(Math.trunc(ms * 1000))));
    case "Nanoseconds":
      return of(() => int64(nanoseconds(ms)));
    case "Abs":
      return of(() => new GoDuration(Math.abs(ms)));
    case "Round":
      return rounded((value) => Math.sign(value) * Math.round(Math.abs(value)));
    case "Truncate":
      return rounded(Math.trunc);
    default:
      return undefined;
  }
}

/** Undefined: there is no such method. */
export function timeMethod(time: GoTime, name: string): Method | undefined {
  const { ms, date } = time;
  const of = (call: () => Value): Method => ({ parameters: [], call });
  const compared = (holds: (other: number) => boolean): Method => ({
    parameters: ["time.Time"],
    call: (other: GoTime) => holds(other.ms),
  });
  switch (name) {
    case "Format":
      return { parameters: ["string"], call: (layout: string) => time.format(layout) };
    case "Add":
      return { parameters: ["time.Duration"], call: (by: GoDuration) => new GoTime(ms + Math.trunc(by.ms)) };
    case "Sub":
      return { parameters: ["time.Time"], call: (other: GoTime) => new GoDuration(ms - other.ms) };
    case "AddDate":
      return { parameters: ["int", "int", "int"], call: (...by: bigint[]) => addDate(date, by) };
    case "Before":
      return compared((other) => ms < other);
    case "After":
      return compared((other) => ms > other);
    case "Equal":
      return compared((other) => ms === other);
    case "IsZero":
      return of(() => false);
    case "UTC":
      return of(() => new GoTime(ms));
    case "String":
      return of(() => time.toString());
    case "Weekday":
      return of(() => named(date.getUTCDay(), DAYS[date.getUTCDay()], "time.Weekday"));
    case "Month":
      return of(() => named(date.getUTCMonth() + 1, MONTHS[date.getUTCMonth()], "time.Month"));
    default: {
      const number = TIME_NUMBERS[name]?.(time);
      return number === undefined ? undefined : of(() => number);
    }
  }
}

const TIME_NUMBERS: Record<string, (time: GoTime) => bigint | GoNamedNumber> = {
  Unix: ({ ms }) => int64(BigInt(Math.floor(ms / 1000))),
  UnixMilli: ({ ms }) => int64(BigInt(ms)),
  UnixMicro: ({ ms }) => int64(BigInt(ms) * 1000n),
  UnixNano: ({ ms }) => int64(BigInt(ms) * 1_000_000n),
  Year: ({ date }) => BigInt(date.getUTCFullYear()),
  Day: ({ date }) => BigInt(date.getUTCDate()),
  Hour: ({ date }) => BigInt(date.getUTCHours()),
  Minute: ({ date }) => BigInt(date.getUTCMinutes()),
  Second: ({ date }) => BigInt(date.getUTCSeconds()),
  Nanosecond: ({ date }) => BigInt(date.getUTCMilliseconds()) * 1_000_000n,
  YearDay: ({ yearDay }) => BigInt(yearDay),
};

function named(number: number, text: string, type: string): GoNamedNumber {
  return new GoNamedNumber(BigInt(number), text, type);
}

function addDate(date: Date, [years, months, days]: bigint[]): GoTime {
  const moved = new Date(date);
  moved.setUTCFullYear(
    date.getUTCFullYear() + Number(years),
    date.getUTCMonth() + Number(months),
    date.getUTCDate() + Number(days),
  );
  return new GoTime(moved.getTime());
}

function int64(number: bigint): GoNamedNumber {
  return new GoNamedNumber(number, String(number), "int64");
}
