/** What a scenario is written as, in YAML or TypeScript, and how it becomes a checked {@link Scenario}. */
import { fleetObstacles } from "./fleet.ts";
import {
  CHANGEABLE_KINDS,
  type Expectation,
  type Fault,
  type FaultKind,
  type Load,
  MAX_DURATION_MS,
  MAX_OTHERS,
  MAX_TENANTS,
  QUANTITIES,
  type Scenario,
} from "./scenario.ts";
import {
  boundsOf,
  duration,
  type Entry,
  FieldError,
  isMap,
  number,
  OBJECT_NAME,
  onlyFields,
  type Path,
  share,
  whole,
} from "./scenario-fields.ts";

/** What a scenario looks like in YAML, and as an argument of `scenario()`. */
export interface ScenarioSource {
  name: string;
  about?: string;
  for: string;
  startup?: { min?: string; max?: string };
  autoscaler?: { version?: "1.28" | "1.37"; tolerance?: number };
  activeWindow?: string;
  others?: number;
  collector?: boolean;
  pods?: "real" | "modelled";
  patch?: Record<string, Record<string, unknown>>;
  load?: Record<string, unknown>[];
  faults?: Record<string, unknown>[];
  expect: Record<string, unknown>[];
  only?: "virtual";
}

const FIELDS = [
  "name",
  "about",
  "for",
  "startup",
  "autoscaler",
  "activeWindow",
  "others",
  "collector",
  "pods",
  "patch",
  "load",
  "faults",
  "expect",
  "only",
];

/** A scenario from its source, checked. @throws Error naming the field */
export function scenario(source: ScenarioSource): Scenario {
  if (!isMap(source)) throw new FieldError([], "a scenario is a map");
  const unknown = Object.keys(source).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) throw new FieldError([unknown], `unknown field; there are ${FIELDS.join(", ")}`);
  if (typeof source.name !== "string" || source.name === "")
    throw new FieldError(["name"], "a text is needed");
  const durationMs = duration(source.for, ["for"]);
  if (durationMs <= 0 || durationMs > MAX_DURATION_MS)
    throw new FieldError(["for"], "must be above 0 and up to 7d");
  if (source.about !== undefined && typeof source.about !== "string")
    throw new FieldError(["about"], "a text is needed");
  if (source.expect === undefined)
    throw new FieldError(["expect"], "what is expected is missing; [] where a look is enough");
  const list = (key: "load" | "faults" | "expect") => {
    const value = source[key] ?? [];
    if (!Array.isArray(value)) throw new FieldError([key], "a list is needed");
    return value;
  };
  if (source.only !== undefined && source.only !== "virtual")
    throw new FieldError(["only"], "virtual is what there is");
  if (source.collector !== undefined && typeof source.collector !== "boolean")
    throw new FieldError(["collector"], "must be true or false");
  if (source.pods !== undefined && source.pods !== "real" && source.pods !== "modelled")
    throw new FieldError(["pods"], "real or modelled");
  const made: Scenario = {
    name: source.name,
    about: source.about ?? "",
    durationMs,
    startup: startupOf(source.startup ?? {}),
    autoscaler: autoscalerOf(source.autoscaler ?? {}),
    ...(source.activeWindow !== undefined && { activeWindowMs: activeWindowOf(source.activeWindow) }),
    others: source.others === undefined ? 0 : whole(source.others, ["others"], 0, MAX_OTHERS),
    collector: source.collector ?? false,
    ...(source.pods !== undefined && { pods: source.pods }),
    patches: patchesOf(source.patch ?? {}),
    load: list("load").map((entry, index) => loadOf(entry, ["load", index], durationMs)),
    faults: list("faults").map((entry, index) => faultOf(entry, ["faults", index], durationMs)),
    expectations: list("expect").map((entry, index) => expectationOf(entry, ["expect", index], durationMs)),
    virtualOnly: source.only === "virtual",
  };
  if (made.pods === "modelled") {
    const [obstacle] = fleetObstacles(made);
    if (obstacle !== undefined) throw new FieldError(["pods"], `modelled pods have no ${obstacle}`);
  }
  return made;
}

/** Half a second to two where a scenario says nothing. */
function startupOf(source: NonNullable<ScenarioSource["startup"]>): Scenario["startup"] {
  onlyFields(source, ["min", "max"], ["startup"]);
  const { min = "500ms", max = "2s" } = source;
  const startup = { minMs: duration(min, ["startup", "min"]), maxMs: duration(max, ["startup", "max"]) };
  if (startup.minMs < 0) throw new FieldError(["startup", "min"], "must not be negative");
  if (startup.maxMs < startup.minMs) throw new FieldError(["startup", "max"], "must not be below min");
  return startup;
}

function autoscalerOf(source: NonNullable<ScenarioSource["autoscaler"]>): Scenario["autoscaler"] {
  onlyFields(source, ["version", "tolerance"], ["autoscaler"]);
  const { version, tolerance } = source;
  if (version !== undefined && version !== "1.28" && version !== "1.37")
    throw new FieldError(["autoscaler", "version"], '"1.28" or "1.37", in quotes');
  if (tolerance !== undefined && !(number(tolerance, ["autoscaler", "tolerance"]) >= 0))
    throw new FieldError(["autoscaler", "tolerance"], "must not be negative");
  return { ...(version !== undefined && { version }), ...(tolerance !== undefined && { tolerance }) };
}

/** As `--active-window` of the database takes it. */
function activeWindowOf(value: unknown): number {
  const windowMs = duration(value, ["activeWindow"]);
  if (windowMs < 1_000 || windowMs > 86_400_000)
    throw new FieldError(["activeWindow"], "must be from 1s to 1d");
  return windowMs;
}

function patchesOf(source: Record<string, Record<string, unknown>>): Scenario["patches"] {
  if (!isMap(source)) throw new FieldError(["patch"], "a map is needed");
  for (const [object, body] of Object.entries(source)) {
    if (!OBJECT_NAME.test(object)) throw new FieldError(["patch", object], "Kind/name is needed");
    if (!isMap(body)) throw new FieldError(["patch", object], "a map is needed");
  }
  return source;
}

function loadOf(entry: Entry, path: Path, endMs: number): Load {
  onlyFields(entry, ["from", "to", "tenants", "first", "every"], path);
  const tenants = whole(entry.tenants, [...path, "tenants"], 1, MAX_TENANTS);
  const fromMs = entry.from === undefined ? 0 : duration(entry.from, [...path, "from"]);
  const toMs = entry.to === undefined ? endMs : duration(entry.to, [...path, "to"]);
  inOrder(fromMs, toMs, endMs, path);
  return {
    fromMs,
    toMs,
    tenants,
    first: entry.first === undefined ? 0 : whole(entry.first, [...path, "first"], 0, MAX_TENANTS),
    everyMs: Math.max(duration(entry.every ?? "5s", [...path, "every"]), 1),
  };
}

/** Start and end within the scenario, in order. */
function inOrder(fromMs: number, toMs: number, endMs: number, path: Path): void {
  if (fromMs < 0 || fromMs > endMs || toMs > endMs)
    throw new FieldError(path, "lies outside of the scenario");
  if (toMs < fromMs) throw new FieldError(path, "ends before it begins");
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

/** Faults that happen and are over. */
const INSTANT: ReadonlySet<FaultKind> = new Set(["kill", "delete", "patch"]);

function faultOf(entry: Entry, path: Path, endMs: number): Fault {
  const kind = FAULT_KINDS.find((candidate) => entry?.[candidate] !== undefined);
  if (kind === undefined) throw new FieldError(path, `one of ${FAULT_KINDS.join(", ")} is needed`);
  onlyFields(entry, ["at", "from", "to", "by", kind], path);
  const start = entry.at ?? entry.from;
  if (start === undefined) throw new FieldError(path, "at, or from and to, is needed");
  const fault: Fault = { kind, fromMs: duration(start, path), targets: [] };
  if (entry.to !== undefined) {
    if (INSTANT.has(kind)) throw new FieldError([...path, "to"], `${kind} does not last`);
    fault.toMs = duration(entry.to, [...path, "to"]);
  }
  inOrder(fault.fromMs, fault.toMs ?? fault.fromMs, endMs, path);
  const value = entry[kind];
  const at = [...path, kind];
  if (kind === "loss") fault.amount = share(value, at);
  else if (kind === "latency") fault.amount = duration(value, at);
  else if (kind === "scale") fault.workloads = workloadsOf(value, at);
  else if (kind === "patch") fault.patch = patchOf(value, at);
  else {
    fault.targets = targetsOf(value, at);
    if (kind === "partition" && fault.targets.length !== 2) throw new FieldError(at, "two pods are needed");
    if (kind === "slow-disk" || kind === "clock-skew")
      fault.amount = duration(entry.by ?? "100ms", [...path, "by"]);
  }
  return fault;
}

/** A pod or several, by name or pattern. */
function targetsOf(value: unknown, path: Path): string[] {
  const targets = [value].flat();
  if (targets.length === 0 || !targets.every((target) => typeof target === "string" && target !== ""))
    throw new FieldError(path, "a pod's name, or a list of such, is needed");
  return targets as string[];
}

/** `3`: the tier's; `{ Deployment/router: 0 }`. */
function workloadsOf(value: unknown, path: Path): Record<string, number> {
  const workloads = typeof value === "number" ? { "StatefulSet/test-db-small": value } : value;
  if (!isMap(workloads)) throw new FieldError(path, "replicas, or Kind/name: replicas, is needed");
  for (const [object, replicas] of Object.entries(workloads)) {
    requireChangeable(object, [...path, object]);
    whole(replicas, [...path, object], 0, 10_000);
  }
  return workloads as Record<string, number>;
}

function patchOf(value: unknown, path: Path): NonNullable<Fault["patch"]> {
  const entries = isMap(value) ? Object.entries(value) : [];
  if (entries.length !== 1) throw new FieldError(path, "one Kind/name with its patch is needed");
  const [[object, body]] = entries;
  requireChangeable(object, [...path, object]);
  if (!isMap(body)) throw new FieldError([...path, object], "a map is needed");
  return { object, body };
}

/** @throws FieldError where it names no object that faults may change */
function requireChangeable(object: string, path: Path): void {
  if (!OBJECT_NAME.test(object)) throw new FieldError(path, "Kind/name is needed");
  if (!CHANGEABLE_KINDS.includes(object.split("/")[0]))
    throw new FieldError(path, `one of the kinds ${CHANGEABLE_KINDS.join(", ")} is needed`);
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
  const beside = ["by", "from", "to"].find((key) => entry[key] !== undefined);
  if (entry.at !== undefined && beside !== undefined)
    throw new FieldError([...path, beside], "at is one moment, and has none of by, from, to beside it");
  if (entry.by !== undefined && entry.to !== undefined)
    throw new FieldError([...path, "to"], "by is the end already");
  const mode = entry.at !== undefined ? "at" : entry.by !== undefined ? "by" : "always";
  const fromMs = mode === "at" ? time("at", 0) : time("from", 0);
  const toMs = mode === "at" ? fromMs : mode === "by" ? time("by", endMs) : time("to", endMs);
  inOrder(fromMs, toMs, endMs, path);
  return { mode, fromMs, toMs, bounds, text: describe(entry) };
}

function describe(entry: Entry): string {
  return Object.entries(entry)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
}
