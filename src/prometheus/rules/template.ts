/**
 * The templates of alert labels and annotations: Go's `text/template`, as far as Prometheus' functions and the
 * constructs that rules use go (`template/template.go`): pipelines, variables, `if`, `range`, `with`, `define`-free.
 */
import type { Labels } from "../../model/labels.ts";
import { formatGoFloat } from "../../wire/exposition/go-float.ts";
import { matchesAnywhere, replaceAll } from "../regex/replace-all.ts";
import { type Node, type Pipeline, parseTemplate, TemplateError, type Term } from "./template-parser.ts";

export interface QuerySample {
  labels: Labels;
  value: number;
}

export interface TemplateData {
  labels: Record<string, string>;
  externalLabels: Record<string, string>;
  externalUrl: string;
  value: number;
  /** When the rule is evaluated; milliseconds. */
  timestampMs: number;
  /** Runs an instant query. Awaited results are looked up before: see `expandTemplate`. */
  query: (expression: string) => Promise<QuerySample[]>;
}

/** Values in a template. Maps are records; query results are lists of samples. */
type Value = unknown;
type Scope = Map<string, Value>;

/** A template's output may be so long, in characters. */
export const MAX_TEMPLATE_OUTPUT = 1 << 20;

/** What is wrong with a template's syntax, or undefined. */
export function checkTemplate(text: string, name: string): string | undefined {
  try {
    parseTemplate(text);
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError) return `template: ${name}:1: ${error.message}`;
    throw error;
  }
}

/** @throws TemplateError */
export async function expandTemplate(text: string, data: TemplateData): Promise<string> {
  if (!text.includes("{{")) return text;
  const dot = {
    Labels: data.labels,
    ExternalLabels: data.externalLabels,
    ExternalURL: data.externalUrl,
    Value: data.value,
  };
  const scope: Scope = new Map<string, Value>([
    ["$", dot],
    ["$labels", data.labels],
    ["$externalLabels", data.externalLabels],
    ["$externalURL", data.externalUrl],
    ["$value", data.value],
  ]);
  const output = new Output();
  await run(parseTemplate(text), dot, scope, data, output);
  return output.text;
}

class Output {
  text = "";

  write(text: string): void {
    this.text += text;
    if (this.text.length > MAX_TEMPLATE_OUTPUT) throw new TemplateError("the output is too long");
  }
}

async function run(
  nodes: Node[],
  dot: Value,
  outer: Scope,
  data: TemplateData,
  output: Output,
): Promise<void> {
  const scope: Scope = new Map(outer);
  for (const node of nodes) {
    switch (node.kind) {
      case "text":
        output.write(node.text);
        break;
      case "action": {
        const value = await evaluate(node.pipeline, dot, scope, data);
        if (node.pipeline.variable === undefined) output.write(printed(value));
        else {
          // An assignment reaches the scope that declared the variable; a declaration stays here.
          scope.set(node.pipeline.variable, value);
          if (!node.pipeline.declares && outer.has(node.pipeline.variable))
            outer.set(node.pipeline.variable, value);
        }
        break;
      }
      case "if":
      case "with": {
        const inner: Scope = new Map(scope);
        const value = await evaluate(node.pipeline, dot, inner, data);
        if (node.pipeline.variable !== undefined) inner.set(node.pipeline.variable, value);
        if (isTruthy(value)) await run(node.body, node.kind === "with" ? value : dot, inner, data, output);
        else await run(node.otherwise, dot, scope, data, output);
        break;
      }
      case "range":
        await runRange(node, dot, scope, data, output);
        break;
    }
  }
}

async function runRange(
  node: Extract<Node, { kind: "range" }>,
  dot: Value,
  scope: Scope,
  data: TemplateData,
  output: Output,
): Promise<void> {
  const value = await evaluate(node.pipeline, dot, scope, data);
  const entries: [Value, Value][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : typeof value === "object" && value !== null
      ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
      : [];
  if (entries.length === 0) return run(node.otherwise, dot, scope, data, output);
  for (const [key, item] of entries) {
    const inner: Scope = new Map(scope);
    if (node.keyVariable !== undefined) inner.set(node.keyVariable, key);
    if (node.pipeline.variable !== undefined) inner.set(node.pipeline.variable, item);
    await run(node.body, item, inner, data, output);
  }
}

async function evaluate(pipeline: Pipeline, dot: Value, scope: Scope, data: TemplateData): Promise<Value> {
  let value: Value;
  for (const [index, command] of pipeline.commands.entries()) {
    const piped = index === 0 ? [] : [value];
    const [head, ...rest] = command;
    if (head.kind === "function") {
      const args: Value[] = [];
      for (const term of rest) args.push(await termValue(term, dot, scope, data));
      value = await call(head.name, [...args, ...piped], data);
    } else {
      if (rest.length > 0 || piped.length > 0) throw new TemplateError(`can't give argument to non-function`);
      value = await termValue(head, dot, scope, data);
    }
  }
  return value;
}

async function termValue(term: Term, dot: Value, scope: Scope, data: TemplateData): Promise<Value> {
  switch (term.kind) {
    case "literal":
      return term.value;
    case "dot":
      return fieldOf(dot, term.path);
    case "variable": {
      if (!scope.has(term.name)) throw new TemplateError(`undefined variable "${term.name}"`);
      return fieldOf(scope.get(term.name), term.path);
    }
    case "pipeline":
      return fieldOf(await evaluate(term.pipeline, dot, scope, data), term.path);
    case "function":
      return call(term.name, [], data);
  }
}

/** Fields of maps and of samples; a missing one prints as "". */
function fieldOf(value: Value, path: readonly string[]): Value {
  let current = value;
  for (const name of path) {
    if (isSample(current)) {
      current = name === "Labels" ? current.labels.toObject() : name === "Value" ? current.value : undefined;
    } else if (typeof current === "object" && current !== null && !Array.isArray(current)) {
      current = Object.hasOwn(current, name) ? (current as Record<string, Value>)[name] : "";
    } else throw new TemplateError(`can't evaluate field ${name} in type ${typeof current}`);
  }
  return current;
}

function isSample(value: Value): value is QuerySample {
  return typeof value === "object" && value !== null && "labels" in value && "value" in value;
}

function isTruthy(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return (
    value !== undefined && value !== "" && value !== 0 && value !== false && !Object.is(value, Number.NaN)
  );
}

function printed(value: Value): string {
  if (typeof value === "number") return formatGoFloat(value);
  if (value === undefined || value === null) return "<no value>";
  if (typeof value === "object") {
    if (isSample(value)) return `${value.labels} => ${formatGoFloat(value.value)}`;
    const pairs = Object.entries(value).map(([key, item]) => `${key}:${printed(item)}`);
    return Array.isArray(value) ? `[${value.map(printed).join(" ")}]` : `map[${pairs.sort().join(" ")}]`;
  }
  return String(value);
}

function numberOf(value: Value): number {
  if (typeof value === "number") return value;
  const parsed = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  if (Number.isNaN(parsed) && value !== "NaN")
    throw new TemplateError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  return parsed;
}

function samplesOf(value: Value): QuerySample[] {
  return Array.isArray(value) ? (value as QuerySample[]) : [];
}

function sampleOf(value: Value): QuerySample {
  if (!isSample(value)) throw new TemplateError("the argument is not a sample");
  return value;
}

type TemplateFunction = (args: Value[], data: TemplateData) => Value | Promise<Value>;

function compare(name: string, holds: (order: number) => boolean): TemplateFunction {
  return ([a, b]) => {
    if (typeof a === "number" || typeof b === "number") return holds(numberOf(a) - numberOf(b));
    if (typeof a !== typeof b)
      throw new TemplateError(`error calling ${name}: incompatible types for comparison`);
    return holds(String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0);
  };
}

const FUNCTIONS: Record<string, TemplateFunction> = {
  query: ([expression], data) => data.query(String(expression)),
  first([list]) {
    const [found] = samplesOf(list);
    if (found === undefined)
      throw new TemplateError("error calling first: first() called on vector with no elements");
    return found;
  },
  label: ([name, sample]) => sampleOf(sample).labels.get(String(name)),
  value: ([sample]) => sampleOf(sample).value,
  strvalue: ([sample]) => sampleOf(sample).labels.get("__value__"),
  sortByLabel: ([name, list]) =>
    [...samplesOf(list)].sort((a, b) => (a.labels.get(String(name)) < b.labels.get(String(name)) ? -1 : 1)),
  args: (args) => Object.fromEntries(args.map((value, index) => [`arg${index}`, value])),
  reReplaceAll: ([pattern, replacement, text]) =>
    replaceAll(String(pattern), String(replacement), String(text)),
  match: ([pattern, text]) => matchesAnywhere(String(pattern), String(text)),
  title: ([text]) =>
    String(text).replace(/(^|[^\p{L}\p{N}'])(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase()),
  toUpper: ([text]) => String(text).toUpperCase(),
  toLower: ([text]) => String(text).toLowerCase(),
  stripPort: ([host]) => String(host).replace(/:\d*$/, ""),
  stripDomain: ([host]) => String(host).replace(/^([^.:]+)\.[^:]*/, "$1"),
  parseDuration: ([text]) => numberOf(text),
  humanize: ([value]) => humanize(numberOf(value), 1000),
  humanize1024: ([value]) => humanize(numberOf(value), 1024),
  humanizeDuration: ([value]) => humanizeDuration(numberOf(value)),
  humanizePercentage: ([value]) => `${general(numberOf(value) * 100)}%`,
  humanizeTimestamp: ([value]) => {
    const seconds = numberOf(value);
    return Number.isFinite(seconds) ? goTime(seconds * 1000) : general(seconds);
  },
  toTime: ([value]) => goTime(numberOf(value) * 1000),
  now: (_, data) => data.timestampMs / 1000,
  externalURL: (_, data) => data.externalUrl,
  pathPrefix: (_, data) => (data.externalUrl === "" ? "" : new URL(data.externalUrl).pathname),
  safeHtml: ([text]) => text,
  graphLink: ([expression]) => `/graph?g0.expr=${encodeURIComponent(String(expression))}&g0.tab=0`,
  tableLink: ([expression]) => `/graph?g0.expr=${encodeURIComponent(String(expression))}&g0.tab=1`,
  print: (args) => args.map(printed).join(""),
  println: (args) => `${args.map(printed).join(" ")}\n`,
  printf: ([format, ...args]) => sprintf(String(format), args),
  len: ([value]) =>
    typeof value === "string" ? Buffer.byteLength(value) : Object.keys(value as object).length,
  index: ([value, ...keys]) => fieldOf(value, keys.map(String)),
  html: ([text]) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
  urlquery: ([text]) => encodeURIComponent(String(text)).replace(/%20/g, "+"),
  js: ([text]) => JSON.stringify(String(text)).slice(1, -1),
  and: (args) => args.find((value) => !isTruthy(value)) ?? args.at(-1),
  or: (args) => args.find(isTruthy) ?? args.at(-1),
  not: ([value]) => !isTruthy(value),
  eq: ([first, ...others]) => others.some((other) => first === other || printed(first) === printed(other)),
  ne: ([a, b]) => printed(a) !== printed(b),
  lt: compare("lt", (order) => order < 0),
  le: compare("le", (order) => order <= 0),
  gt: compare("gt", (order) => order > 0),
  ge: compare("ge", (order) => order >= 0),
};

/** Those that Go's templates have of their own. */
const BUILTINS = new Set(
  "and call eq ge gt html index js le len lt ne not or print printf println slice urlquery".split(" "),
);
/** The names of the functions that Prometheus adds. */
export const TEMPLATE_FUNCTION_NAMES: readonly string[] = Object.keys(FUNCTIONS).filter(
  (name) => !BUILTINS.has(name),
);

async function call(name: string, args: Value[], data: TemplateData): Promise<Value> {
  if (!Object.hasOwn(FUNCTIONS, name)) throw new TemplateError(`function "${name}" not defined`);
  return FUNCTIONS[name](args, data);
}

/** `%.4g`. */
function general(value: number): string {
  return sprintf("%.4g", [value]);
}

function humanize(value: number, base: 1000 | 1024): string {
  if (value === 0 || !Number.isFinite(value)) return general(value);
  let scaled = value;
  let prefix = "";
  const large = base === 1000 ? "kMGTPEZY" : "";
  const names = base === 1000 ? [...large] : ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
  if (Math.abs(value) >= 1) {
    for (const name of names) {
      if (Math.abs(scaled) < base) break;
      prefix = name;
      scaled /= base;
    }
  } else if (base === 1000) {
    for (const name of "mµnpfazy") {
      if (Math.abs(scaled) >= 1) break;
      prefix = name;
      scaled *= 1000;
    }
  }
  return `${general(scaled)}${base === 1024 && prefix === "" ? "" : prefix}`;
}

function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return general(seconds);
  if (seconds === 0) return `${general(seconds)}s`;
  if (Math.abs(seconds) < 1) {
    let scaled = seconds;
    let prefix = "";
    for (const name of "mµnpfazy") {
      if (Math.abs(scaled) >= 1) break;
      prefix = name;
      scaled *= 1000;
    }
    return `${general(scaled)}${prefix}s`;
  }
  const sign = seconds < 0 ? "-" : "";
  const total = Math.abs(Math.trunc(seconds));
  const days = Math.floor(total / 86_400);
  const hours = Math.floor(total / 3600) % 24;
  const minutes = Math.floor(total / 60) % 60;
  const rest = total % 60;
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${rest}s`;
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${rest}s`;
  if (minutes > 0) return `${sign}${minutes}m ${rest}s`;
  return `${general(seconds)}s`;
}

/** `2026-01-02 03:04:05.678 +0000 UTC`. */
function goTime(timeMs: number): string {
  const iso = new Date(Math.round(timeMs)).toISOString();
  const fraction = iso.slice(20, 23).replace(/0+$/, "");
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction === "" ? "" : `.${fraction}`} +0000 UTC`;
}

/** The verbs of `fmt.Sprintf` that make sense for strings and numbers. */
function sprintf(format: string, args: Value[]): string {
  let next = 0;
  return format.replace(
    /%([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g,
    (whole, flags: string, width: string | undefined, precision: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const text = formatVerb(
        verb,
        args[next++],
        precision === undefined ? undefined : Number(precision),
        flags,
      );
      if (text === undefined) return whole;
      const size = Math.min(Number(width ?? 0), 1000);
      if (flags.includes("-")) return text.padEnd(size);
      return flags.includes("0") && !flags.includes("-") ? text.padStart(size, "0") : text.padStart(size);
    },
  );
}

function formatVerb(
  verb: string,
  value: Value,
  precision: number | undefined,
  flags: string,
): string | undefined {
  const signed = (text: string) => (flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
  switch (verb) {
    case "s":
    case "v":
      return precision === undefined ? printed(value) : printed(value).slice(0, precision);
    case "q":
      return JSON.stringify(printed(value));
    case "d":
      return signed(String(Math.trunc(numberOf(value))));
    case "f":
    case "F":
      return signed(plainNumber(numberOf(value), (number) => number.toFixed(Math.min(precision ?? 6, 100))));
    case "e":
      return signed(
        plainNumber(numberOf(value), (number) =>
          goExponent(number.toExponential(Math.min(precision ?? 6, 100))),
        ),
      );
    case "g":
      return signed(
        precision === undefined
          ? formatGoFloat(numberOf(value))
          : plainNumber(numberOf(value), (number) => goGeneral(number, Math.max(precision, 1))),
      );
    case "t":
      return String(value);
    case "x":
      return typeof value === "number"
        ? Math.trunc(value).toString(16)
        : Buffer.from(printed(value)).toString("hex");
    default:
      return undefined;
  }
}

function plainNumber(value: number, format: (value: number) => string): string {
  return Number.isFinite(value) ? format(value) : formatGoFloat(value);
}

function goExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** `%.<n>g`: exponents below 1e-4 and from 1e<n> on, no trailing zeros. */
function goGeneral(value: number, precision: number): string {
  const text = value.toExponential(Math.min(precision - 1, 100));
  const exponent = Number(text.slice(text.indexOf("e") + 1));
  if (exponent < -4 || exponent >= precision) {
    const [mantissa, rest] = text.split("e");
    return goExponent(`${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${rest}`);
  }
  const fixed = value.toFixed(Math.max(0, precision - 1 - exponent));
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}
