/** Times and durations as templates have them, and as Go prints them. */
import { formatGoDuration } from "../../../model/go-duration.ts";

export const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
export const MONTHS =
  "January February March April May June July August September October November December".split(" ");
const DAY_MS = 86_400_000;
/** The units of layouts, longest first, and what they stand for. */
const LAYOUT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|_2006|2006|Z07:00:00|Z07:00|Z070000|Z0700|Z07|-07:00:00|-07:00|-070000|-0700|-07|__2|002|01|02|03|04|05|06|15|PM|pm|_2|[.,]0+(?!\d)|[.,]9+(?!\d)|1|2|3|4|5/g;

/** A whole number of another type than `int`, such as a month: compared as a number, printed as its text. */
export class GoNamedNumber {
  readonly number: bigint;
  readonly text: string;
  readonly type: string;

  constructor(number: bigint, text: string, type: string) {
    this.number = number;
    this.text = text;
    this.type = type;
  }
}

/** What Go's processors make of a number that int64 has no room for, as a duration. */
const OVERFLOWN_MS = -(2 ** 63) / 1e6;
const OVERFLOWN_TEXT = "-2562047h47m16.854775808s";

export class GoDuration {
  /** Fractional. */
  readonly ms: number;
  readonly isPointer: boolean;

  constructor(ms: number, isPointer = false) {
    this.ms = Math.abs(ms) * 1e6 < 2 ** 63 ? ms : OVERFLOWN_MS;
    this.isPointer = isPointer;
  }

  toString(): string {
    if (this.ms === OVERFLOWN_MS) return OVERFLOWN_TEXT;
    // Below a nanosecond there is nothing.
    return formatGoDuration(Math.abs(this.ms) < 1e-6 ? 0 : this.ms);
  }
}

/** In UTC. */
export class GoTime {
  /** Since the epoch, whole. */
  readonly ms: number;
  readonly isPointer: boolean;

  constructor(ms: number, isPointer = false) {
    this.ms = ms;
    this.isPointer = isPointer;
  }

  get date(): Date {
    return new Date(this.ms);
  }

  /** `2026-01-02 03:04:05.678 +0000 UTC`. */
  toString(): string {
    return this.format("2006-01-02 15:04:05.999999999 -0700 MST");
  }

  /** By one of Go's layouts: the reference time as it is to look. */
  format(layout: string): string {
    return layout.replace(LAYOUT, (unit) => this.#unit(unit));
  }

  #unit(unit: string): string {
    const { date } = this;
    const two = (value: number) => String(value).padStart(2, "0");
    const hour = date.getUTCHours();
    switch (unit) {
      case "2006":
        return String(date.getUTCFullYear()).padStart(4, "0");
      case "_2006":
        return `_${date.getUTCFullYear()}`;
      case "06":
        return two(date.getUTCFullYear() % 100);
      case "January":
        return MONTHS[date.getUTCMonth()];
      case "Jan":
        return MONTHS[date.getUTCMonth()].slice(0, 3);
      case "01":
        return two(date.getUTCMonth() + 1);
      case "1":
        return String(date.getUTCMonth() + 1);
      case "Monday":
        return DAYS[date.getUTCDay()];
      case "Mon":
        return DAYS[date.getUTCDay()].slice(0, 3);
      case "02":
        return two(date.getUTCDate());
      case "_2":
        return String(date.getUTCDate()).padStart(2);
      case "2":
        return String(date.getUTCDate());
      case "__2":
        return String(this.yearDay).padStart(3);
      case "002":
        return String(this.yearDay).padStart(3, "0");
      case "15":
        return two(hour);
      case "03":
        return two(hour % 12 || 12);
      case "3":
        return String(hour % 12 || 12);
      case "04":
        return two(date.getUTCMinutes());
      case "4":
        return String(date.getUTCMinutes());
      case "05":
        return two(date.getUTCSeconds());
      case "5":
        return String(date.getUTCSeconds());
      case "PM":
        return hour >= 12 ? "PM" : "AM";
      case "pm":
        return hour >= 12 ? "pm" : "am";
      case "MST":
        return "UTC";
    }
    if (unit.startsWith("Z")) return "Z";
    if (unit.startsWith("-")) return unit.replace(/\d/g, "0").replace("-", "+");
    return this.#fraction(unit);
  }

  /** `.000` shows as many digits, `.999` those that are not zero at the end. */
  #fraction(unit: string): string {
    const digits = String(this.date.getUTCMilliseconds())
      .padStart(3, "0")
      .padEnd(unit.length - 1, "0");
    const shown = digits.slice(0, unit.length - 1);
    if (unit[1] === "0") return unit[0] + shown;
    const trimmed = shown.replace(/0+$/, "");
    return trimmed === "" ? "" : unit[0] + trimmed;
  }

  get yearDay(): number {
    return Math.floor((this.ms - Date.UTC(this.date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
  }
}
