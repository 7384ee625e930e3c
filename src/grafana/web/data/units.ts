/** Values as text: Grafana's units (upstream `packages/grafana-data/src/valueFormats`). */
import type { FieldConfig } from "./frame.ts";

/** `1.5` + `KiB`. */
export interface DisplayText {
  text: string;
  suffix: string;
  prefix?: string;
}

type Format = (value: number, decimals: number | undefined) => DisplayText;

const NUMBER_STEPS = ["", " K", " Mil", " Bil", " Tri", " Quadr", " Quint"];
const SI = ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi"];
const DECIMAL = ["", "k", "M", "G", "T", "P", "E", "Z"];

/** At most as many decimals as tell values of that size apart. */
export function toFixed(value: number, decimals: number | undefined): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  if (decimals !== undefined) return value.toFixed(Math.min(Math.max(decimals, 0), 20));
  const size = Math.abs(value);
  if (size === 0 || Number.isInteger(value)) return String(value);
  const digits =
    size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(20, 2 - Math.floor(Math.log10(size)));
  return String(Number(value.toFixed(digits)));
}

function plain(suffix: string): Format {
  return (value, decimals) => ({ text: toFixed(value, decimals), suffix });
}

/** Divides until the number is small, naming the step. */
function scaled(factor: number, steps: readonly string[], unit: string, first = 0): Format {
  return (value, decimals) => {
    if (!Number.isFinite(value) || value === 0)
      return { text: toFixed(value, decimals), suffix: join(steps[first], unit) };
    const exponent = Math.floor(Math.log(Math.abs(value)) / Math.log(factor) + 1e-9);
    const step = Math.min(steps.length - 1 - first, Math.max(-first, exponent));
    return { text: toFixed(value / factor ** step, decimals), suffix: join(steps[first + step], unit) };
  };
}

function join(step: string, unit: string): string {
  const text = step + unit;
  if (unit.startsWith(" ")) return text;
  return text === "" || text.startsWith(" ") ? text : ` ${text}`;
}

const si = (unit: string) => scaled(1000, SI, unit, 5);
const binary = (unit: string) => scaled(1024, BINARY, unit);
const decimal = (unit: string) => scaled(1000, DECIMAL, unit);
const count = (unit: string) => scaled(1000, ["", "K", "M", "B", "T"], ` ${unit}`);
const currency =
  (symbol: string): Format =>
  (value, decimals) => ({ ...scaled(1000, NUMBER_STEPS, "")(value, decimals), prefix: symbol });

/** How many seconds a unit of time has, largest first. */
const TIME_STEPS: [seconds: number, name: string][] = [
  [31_536_000, " years"],
  [604_800, " weeks"],
  [86_400, " days"],
  [3600, " hours"],
  [60, " mins"],
  [1, " s"],
  [1e-3, " ms"],
  [1e-6, " µs"],
  [1e-9, " ns"],
];

function duration(unitSeconds: number): Format {
  return (value, decimals) => {
    const seconds = value * unitSeconds;
    const size = Math.abs(seconds);
    const step =
      TIME_STEPS.find(([length]) => size >= length) ?? TIME_STEPS.find(([length]) => length <= unitSeconds)!;
    if (size === 0) return { text: "0", suffix: TIME_STEPS.find(([length]) => length <= unitSeconds)![1] };
    return { text: toFixed(seconds / step[0], decimals), suffix: step[1] };
  };
}

/** `01:02:03` */
const clock: Format = (value) => {
  const total = Math.floor(Math.abs(value));
  const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return {
    text: (value < 0 ? "-" : "") + parts.map((part) => String(part).padStart(2, "0")).join(":"),
    suffix: "",
  };
};

const FORMATS: Record<string, Format> = {
  none: plain(""),
  short: scaled(1000, NUMBER_STEPS, ""),
  sishort: si(""),
  string: plain(""),
  percent: plain("%"),
  percentunit: (value, decimals) => ({ text: toFixed(value * 100, decimals), suffix: "%" }),
  humidity: plain(" %H"),
  celsius: plain(" °C"),
  fahrenheit: plain(" °F"),
  bytes: binary("B"),
  decbytes: decimal("B"),
  bits: binary("b"),
  decbits: decimal("b"),
  kbytes: scaled(1024, BINARY.slice(1), "B"),
  mbytes: scaled(1024, BINARY.slice(2), "B"),
  gbytes: scaled(1024, BINARY.slice(3), "B"),
  deckbytes: scaled(1000, DECIMAL.slice(1), "B"),
  decmbytes: scaled(1000, DECIMAL.slice(2), "B"),
  decgbytes: scaled(1000, DECIMAL.slice(3), "B"),
  Bps: decimal("B/s"),
  binBps: binary("B/s"),
  bps: decimal("b/s"),
  binbps: binary("b/s"),
  KBs: scaled(1000, DECIMAL.slice(1), "B/s"),
  MBs: scaled(1000, DECIMAL.slice(2), "B/s"),
  Mbits: scaled(1000, DECIMAL.slice(2), "b/s"),
  pps: decimal("p/s"),
  ops: count("ops/s"),
  cps: count("c/s"),
  reqps: count("req/s"),
  rps: count("rd/s"),
  wps: count("wr/s"),
  iops: count("io/s"),
  eps: count("evt/s"),
  mps: count("msg/s"),
  opm: count("ops/m"),
  reqpm: count("req/m"),
  hertz: si("Hz"),
  rothz: si("Hz"),
  volt: si("V"),
  amp: si("A"),
  watt: si("W"),
  joule: si("J"),
  s: duration(1),
  ms: duration(1e-3),
  µs: duration(1e-6),
  ns: duration(1e-9),
  m: duration(60),
  h: duration(3600),
  d: duration(86_400),
  dtdurations: duration(1),
  dtdurationms: duration(1e-3),
  clocks: clock,
  dthms: clock,
  currencyUSD: currency("$"),
  currencyEUR: currency("€"),
  dateTimeAsIso: (value) => ({ text: dateTimeText(value), suffix: "" }),
  dateTimeAsIsoNoDateIfToday: (value) => ({ text: dateTimeText(value), suffix: "" }),
  dateTimeFromNow: (value) => ({ text: dateTimeText(value), suffix: "" }),
  bool: (value) => ({ text: value === 0 ? "False" : "True", suffix: "" }),
  bool_yes_no: (value) => ({ text: value === 0 ? "No" : "Yes", suffix: "" }),
  bool_on_off: (value) => ({ text: value === 0 ? "Off" : "On", suffix: "" }),
};

/** A number in a unit. `suffix:…`, `prefix:…`, `currency:…`, `count:…`, `si:…` and `time:…` make units of one's own. */
export function formatUnit(value: number, unit: string | undefined, decimals?: number): DisplayText {
  if (unit === undefined || unit === "") return FORMATS["none"](value, decimals);
  if (Object.hasOwn(FORMATS, unit)) return FORMATS[unit](value, decimals);
  const [, kind, rest] = /^(suffix|prefix|currency|count|si|time):(.*)$/.exec(unit) ?? [];
  if (kind === "prefix" || kind === "currency") return { ...plain("")(value, decimals), prefix: rest };
  if (kind === "count") return count(rest)(value, decimals);
  if (kind === "si") return si(rest)(value, decimals);
  if (kind === "time") return { text: dateTimeText(value), suffix: "" };
  return plain(` ${rest ?? unit}`)(value, decimals);
}

export function dateTimeText(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "Invalid date";
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A value as the panel shows it: mapped, or formatted in its unit. */
export interface DisplayValue extends DisplayText {
  /** Of a mapping that has one. */
  color?: string;
}

export function displayValue(value: unknown, config: FieldConfig, type = "number"): DisplayValue {
  const mapped = mapValue(value, config);
  if (mapped?.text !== undefined) return { text: mapped.text, suffix: "", color: mapped.color };
  if (value === null || value === undefined)
    return { text: config.noValue ?? "", suffix: "", ...colorOf(mapped) };
  if (type === "time") return { text: dateTimeText(Number(value)), suffix: "" };
  if (typeof value !== "number") {
    const number =
      type === "number" || (typeof value === "string" && config.unit && value.trim() !== "")
        ? Number(value)
        : Number.NaN;
    if (Number.isNaN(number))
      return {
        text: typeof value === "object" ? JSON.stringify(value) : String(value),
        suffix: "",
        ...colorOf(mapped),
      };
    return { ...formatUnit(number, config.unit, config.decimals ?? undefined), ...colorOf(mapped) };
  }
  if (Number.isNaN(value)) return { text: config.noValue ?? "NaN", suffix: "", ...colorOf(mapped) };
  return { ...formatUnit(value, config.unit, config.decimals ?? undefined), ...colorOf(mapped) };
}

/** All in one text. */
export function displayText(value: unknown, config: FieldConfig, type?: string): string {
  const { prefix = "", text, suffix } = displayValue(value, config, type);
  return prefix + text + suffix;
}

function colorOf(mapped: { color?: string } | undefined): { color?: string } {
  return mapped?.color === undefined ? {} : { color: mapped.color };
}

interface MappingResult {
  text?: string;
  color?: string;
}

function mapValue(value: unknown, config: FieldConfig): MappingResult | undefined {
  for (const { type, options } of config.mappings ?? []) {
    const result = MAPPINGS[type]?.(value, options as never);
    if (result !== undefined) return result;
  }
  return undefined;
}

const MAPPINGS: Record<string, (value: unknown, options: never) => MappingResult | undefined> = {
  value(value, options: Record<string, MappingResult>) {
    const key = String(value);
    return value !== null && Object.hasOwn(options, key) ? options[key] : undefined;
  },
  range(value, { from, to, result }: { from?: number | null; to?: number | null; result?: MappingResult }) {
    const number = Number(value);
    if (value === null || Number.isNaN(number)) return undefined;
    return number >= (from ?? Number.NEGATIVE_INFINITY) && number <= (to ?? Number.POSITIVE_INFINITY)
      ? result
      : undefined;
  },
  regex(value, { pattern, result }: { pattern?: string; result?: MappingResult }) {
    if (value === null || pattern === undefined) return undefined;
    try {
      const regex = new RegExp(pattern.replace(/^\/(.*)\/$/, "$1"));
      if (!regex.test(String(value))) return undefined;
      return {
        ...result,
        text: result?.text === undefined ? undefined : String(value).replace(regex, result.text),
      };
    } catch {
      return undefined;
    }
  },
  special(value, { match, result }: { match?: string; result?: MappingResult }) {
    const matches: Record<string, boolean> = {
      null: value === null || value === undefined,
      nan: Number.isNaN(value),
      "null+nan": value === null || value === undefined || Number.isNaN(value),
      true: value === true,
      false: value === false,
      empty: value === "",
    };
    return matches[match ?? ""] ? result : undefined;
  },
};
