/**
 * Scenarios: load, faults and what is expected, in one readable file that runs in virtual time and against the live
 * topology. Times count from the moment at which everything is ready.
 *
 * ```yaml
 * name: five tenants
 * about: Five tenants need three pods, and get them within two scrapes and a sync.
 * for: 4m
 * load:
 *   - { from: 10s, to: 4m, tenants: 5, every: 2s }
 * faults:
 *   - { at: 2m, kill: prometheus-0 }
 * expect:
 *   - { by: 60s, replicas: 3 }
 *   - { from: 60s, to: 4m, replicas: ">= 3" }
 *   - { at: 4m, failed: 0 }
 * ```
 */
import { LineCounter, parseDocument } from "yaml";

/** What a scenario may last: a week. */
export const MAX_DURATION_MS = 7 * 24 * 3_600_000;
export const MAX_TENANTS = 10_000;

export interface Load {
  fromMs: number;
  toMs: number;
  /** Names are `tenant-<first + i>`. */
  tenants: number;
  first: number;
  /** Between two requests of one tenant. */
  everyMs: number;
}

export type FaultKind =
  | "kill"
  | "hang"
  | "delete"
  | "partition"
  | "slow-disk"
  | "clock-skew"
  | "loss"
  | "latency"
  | "scale"
  | "patch";

export interface Fault {
  kind: FaultKind;
  fromMs: number;
  /** Faults that last end here. */
  toMs?: number;
  /** Pods by name; one that ends in `*` by its beginning. */
  targets: string[];
  /** Milliseconds, a rate, or replicas: what the kind takes. */
  amount?: number;
  /** `patch`: the kind and name, and the merge patch. */
  patch?: { object: string; body: Record<string, unknown> };
}

/**
 * What can be looked at. `replicas` and `ready` are the tier's, `tenants` is the number that KEDA last told the HPA,
 * `drift` by how much that number was wrong when nothing but time had passed since a scrape, `conflicts` how often a
 * tenant was opened in two pods at once; the others count requests.
 */
export const QUANTITIES = [
  "replicas",
  "ready",
  "tenants",
  "drift",
  "conflicts",
  "failed",
  "lost",
  "served",
  "waited",
] as const;
export type Quantity = (typeof QUANTITIES)[number];

export interface Bounds {
  min: number;
  max: number;
  text: string;
}

export interface Expectation {
  /** `at`: then. `by`: at some time from `fromMs` to `toMs`. `always`: at every time in between. */
  mode: "at" | "by" | "always";
  fromMs: number;
  toMs: number;
  bounds: Partial<Record<Quantity, Bounds>>;
  /** As it stands in the file. */
  text: string;
}

export interface Scenario {
  name: string;
  about: string;
  durationMs: number;
  /** Start-up time of pods: database pods, and all others. */
  startup: { minMs: number; maxMs: number };
  autoscaler: { version?: "1.28" | "1.37"; tolerance?: number };
  /** Merge patches of manifests before they are applied, by `Kind/name`. */
  patches: Record<string, Record<string, unknown>>;
  load: Load[];
  faults: Fault[];
  expectations: Expectation[];
  /** Needs what only virtual time has. */
  virtualOnly: boolean;
}

/** A file is no scenario: the message names file, line and field. */
export class ScenarioError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

/** What a scenario looks like in YAML, and as an argument of `scenario()`. */
export interface ScenarioSource {
  name: string;
  about?: string;
  for: string;
  startup?: { min?: string; max?: string };
  autoscaler?: { version?: "1.28" | "1.37"; tolerance?: number };
  patch?: Record<string, Record<string, unknown>>;
  load?: Record<string, unknown>[];
  faults?: Record<string, unknown>[];
  expect: Record<string, unknown>[];
  only?: "virtual";
}

/** Reads a YAML file. @throws ScenarioError */
export function parseScenario(text: string, path: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new ScenarioError(`${path}:${lines.linePos(problem.pos[0]).line}: ${problem.message}`);
  }
  try {
    return scenario(document.toJS({ maxAliasCount: 100 }) as ScenarioSource);
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    const node = document.getIn(error.path, true) as { range?: [number, number, number] } | undefined;
    const line = node?.range === undefined ? 1 : lines.linePos(node.range[0]).line;
    throw new ScenarioError(`${path}:${line}: ${error.message}`);
  }
}

class FieldError extends Error {
  readonly path: (string | number)[];

  constructor(path: (string | number)[], message: string) {
    super(`${path.join(".")}: ${message}`);
    this.path = path;
  }
}

const FIELDS = ["name", "about", "for", "startup", "autoscaler", "patch", "load", "faults", "expect", "only"];

/** A scenario from its source, checked. @throws Error naming the field */
export function scenario(source: ScenarioSource): Scenario {
  if (typeof source !== "object" || source === null) throw new FieldError([], "a scenario is a map");
  const unknown = Object.keys(source).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) throw new FieldError([unknown], `unknown field; there are ${FIELDS.join(", ")}`);
  if (typeof source.name !== "string" || source.name === "")
    throw new FieldError(["name"], "a text is needed");
  const durationMs = duration(source.for, ["for"]);
  if (durationMs <= 0 || durationMs > MAX_DURATION_MS)
    throw new FieldError(["for"], "must be above 0 and up to 7d");
  const list = (key: "load" | "faults" | "expect") => {
    const value = source[key] ?? [];
    if (!Array.isArray(value)) throw new FieldError([key], "a list is needed");
    return value;
  };
  return {
    name: source.name,
    about: source.about ?? "",
    durationMs,
    startup: {
      minMs: duration(source.startup?.min ?? "500ms", ["startup", "min"]),
      maxMs: duration(source.startup?.max ?? "2s", ["startup", "max"]),
    },
    autoscaler: source.autoscaler ?? {},
    patches: source.patch ?? {},
    load: list("load").map((entry, index) => loadOf(entry, ["load", index], durationMs)),
    faults: list("faults").map((entry, index) => faultOf(entry, ["faults", index])),
    expectations: list("expect").map((entry, index) => expectationOf(entry, ["expect", index], durationMs)),
    virtualOnly: source.only === "virtual",
  };
}

type Path = (string | number)[];
type Entry = Record<string, unknown>;

function loadOf(entry: Entry, path: Path, endMs: number): Load {
  onlyFields(entry, ["from", "to", "tenants", "first", "every"], path);
  const tenants = whole(entry.tenants, [...path, "tenants"], 1, MAX_TENANTS);
  return {
    fromMs: entry.from === undefined ? 0 : duration(entry.from, [...path, "from"]),
    toMs: entry.to === undefined ? endMs : duration(entry.to, [...path, "to"]),
    tenants,
    first: entry.first === undefined ? 0 : whole(entry.first, [...path, "first"], 0, MAX_TENANTS),
    everyMs: Math.max(duration(entry.every ?? "5s", [...path, "every"]), 1),
  };
}

const FAULT_KINDS: FaultKind[] = [
  "kill",
  "hang",
  "delete",
  "partition",
  "slow-disk",
  "clock-skew",
  "loss",
  "latency",
  "scale",
  "patch",
];

function faultOf(entry: Entry, path: Path): Fault {
  const kind = FAULT_KINDS.find((candidate) => entry?.[candidate] !== undefined);
  if (kind === undefined) throw new FieldError(path, `one of ${FAULT_KINDS.join(", ")} is needed`);
  onlyFields(entry, ["at", "from", "to", "by", kind], path);
  const start = entry.at ?? entry.from;
  if (start === undefined) throw new FieldError(path, "at, or from and to, is needed");
  const fault: Fault = { kind, fromMs: duration(start, path), targets: [] };
  if (entry.to !== undefined) fault.toMs = duration(entry.to, [...path, "to"]);
  const value = entry[kind];
  if (kind === "loss" || kind === "scale") fault.amount = number(value, [...path, kind]);
  else if (kind === "latency") fault.amount = duration(value, [...path, kind]);
  else if (kind === "patch") {
    const [[object, body]] = Object.entries(value as Record<string, Record<string, unknown>>);
    fault.patch = { object, body };
  } else {
    fault.targets = [value].flat().map(String);
    if (kind === "partition" && fault.targets.length !== 2) {
      throw new FieldError([...path, kind], "two pods are needed");
    }
    if (kind === "slow-disk" || kind === "clock-skew")
      fault.amount = duration(entry.by ?? "100ms", [...path, "by"]);
  }
  return fault;
}

function expectationOf(entry: Entry, path: Path, endMs: number): Expectation {
  onlyFields(entry, ["at", "by", "from", "to", ...QUANTITIES], path);
  const time = (key: string, fallback: number) =>
    entry[key] === undefined ? fallback : duration(entry[key], [...path, key]);
  const bounds: Expectation["bounds"] = {};
  for (const quantity of QUANTITIES) {
    if (entry[quantity] !== undefined) bounds[quantity] = boundsOf(entry[quantity], [...path, quantity]);
  }
  if (Object.keys(bounds).length === 0) {
    throw new FieldError(path, `one of ${QUANTITIES.join(", ")} is needed`);
  }
  const mode = entry.at !== undefined ? "at" : entry.by !== undefined ? "by" : "always";
  const fromMs = mode === "at" ? time("at", 0) : time("from", 0);
  const toMs = mode === "at" ? fromMs : mode === "by" ? time("by", endMs) : time("to", endMs);
  if (toMs < fromMs || toMs > endMs) throw new FieldError(path, "lies outside of the scenario");
  return { mode, fromMs, toMs, bounds, text: describe(entry) };
}

function describe(entry: Entry): string {
  return Object.entries(entry)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
}

/** `3`, `">= 3"`, `"2..5"`, `"!= 0"` is not one. */
function boundsOf(value: unknown, path: Path): Bounds {
  const text = String(value).trim();
  const range = /^(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)$/.exec(text);
  if (range !== null) return { min: Number(range[1]), max: Number(range[2]), text };
  const compared = /^(>=|<=|>|<|=)?\s*(-?[\d.]+)$/.exec(text);
  if (compared === null) throw new FieldError(path, `${text} is no number, comparison or range`);
  const [, operator = "=", digits] = compared;
  const number = Number(digits);
  const step = Number.EPSILON * Math.max(Math.abs(number), 1) * 4;
  const min = operator === ">=" || operator === "=" ? number : operator === ">" ? number + step : -Infinity;
  const max = operator === "<=" || operator === "=" ? number : operator === "<" ? number - step : Infinity;
  return { min, max, text };
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function duration(value: unknown, path: Path): number {
  const text = String(value);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const negative = text.startsWith("-");
  if (
    parts.map(([part]) => part).join("") !== text.replace(/^-/, "") ||
    (parts.length === 0 && text !== "0")
  ) {
    throw new FieldError(path, `${JSON.stringify(value) ?? "nothing"} is no duration such as 90s or 5m`);
  }
  const sum = parts.reduce((total, [, amount, unit]) => total + Number(amount) * UNIT_MS[unit], 0);
  return negative ? -sum : sum;
}

function number(value: unknown, path: Path): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new FieldError(path, `${JSON.stringify(value)} is no number`);
}

function whole(value: unknown, path: Path, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw new FieldError(path, `must be a whole number from ${min} to ${max}`);
}

function onlyFields(entry: Entry, allowed: string[], path: Path): void {
  if (typeof entry !== "object" || entry === null) throw new FieldError(path, "a map is needed");
  const unknown = Object.keys(entry).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new FieldError([...path, unknown], `unknown field; there are ${allowed.join(", ")}`);
  }
}
