/**
 * The templates of alert labels and annotations: Go's `text/template`, as far as Prometheus' functions and the
 * constructs that rules use go (`template/template.go`): pipelines, variables, `if`, `range`, `with`, `define`.
 */
import { formatGoDuration } from "../../model/go-duration.ts";
import { compareStrings } from "../../model/labels.ts";
import { matchesAnywhere, replaceAll } from "../regex/replace-all.ts";
import { checkNames } from "./template-check.ts";
import { isDot, isSample, printed, type QuerySample, sprint, sprintf, typeName } from "./template-format.ts";
import {
  type Node,
  type Pipeline,
  parseTemplate,
  type Template,
  TemplateError,
  type Term,
} from "./template-parser.ts";
import { Scope } from "./template-scope.ts";
import {
  escapeHtml,
  escapeJs,
  graphLink,
  queryEscape,
  secondsOf,
  sliced,
  splitHostPort,
  stripDomain,
  tableLink,
} from "./template-text.ts";

export type { QuerySample };

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

/** A template's output may be so long, in characters. */
export const MAX_TEMPLATE_OUTPUT = 1 << 20;

/** What is wrong with a template's syntax, or undefined. */
export function checkTemplate(text: string, name: string): string | undefined {
  try {
    parseChecked(text);
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError) return `template: ${name}:${error.line ?? 1}: ${error.message}`;
    throw error;
  }
}

function parseChecked(text: string): Template {
  const template = parseTemplate(text);
  checkNames(template.nodes, template.definitions, (name) => Object.hasOwn(FUNCTIONS, name));
  return template;
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
  const scope = new Scope([
    ["$", dot],
    ["$labels", data.labels],
    ["$externalLabels", data.externalLabels],
    ["$externalURL", data.externalUrl],
    ["$value", data.value],
  ]);
  const { nodes, definitions } = parseChecked(text);
  const output = new Output(definitions);
  await run(nodes, dot, scope, data, output);
  return output.text;
}

/** How deep templates may call each other. */
const MAX_CALL_DEPTH = 100;

class Output {
  text = "";
  /** Templates that are being executed, one called by the other. */
  depth = 0;
  /** What `break` or `continue` has asked for, until the loop has seen it. */
  jump: "break" | "continue" | undefined;
  readonly definitions: ReadonlyMap<string, Node[]>;

  constructor(definitions: ReadonlyMap<string, Node[]>) {
    this.definitions = definitions;
  }

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
  const scope = outer.inner();
  for (const node of nodes) {
    if (output.jump !== undefined) return;
    switch (node.kind) {
      case "break":
      case "continue":
        output.jump = node.kind;
        break;
      case "template":
        await runNamed(node, dot, scope, data, output);
        break;
      case "text":
        output.write(node.text);
        break;
      case "action": {
        const value = await evaluate(node.pipeline, dot, scope, data);
        if (node.pipeline.variable === undefined) output.write(printed(value));
        else if (node.pipeline.declares) scope.declare(node.pipeline.variable, value);
        else scope.assign(node.pipeline.variable, value);
        break;
      }
      case "if":
      case "with": {
        const inner = scope.inner();
        const value = await evaluate(node.pipeline, dot, inner, data);
        if (node.pipeline.variable !== undefined) inner.declare(node.pipeline.variable, value);
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

/** A template sees nothing but what it is given. */
async function runNamed(
  { name, pipeline }: Extract<Node, { kind: "template" }>,
  dot: Value,
  scope: Scope,
  data: TemplateData,
  output: Output,
): Promise<void> {
  const body = output.definitions.get(name);
  if (body === undefined) throw new TemplateError(`template "${name}" not defined`);
  if (++output.depth > MAX_CALL_DEPTH) throw new TemplateError("exceeded maximum template depth");
  const argument = pipeline === undefined ? undefined : await evaluate(pipeline, dot, scope, data);
  await run(body, argument, new Scope([["$", argument]]), data, output);
  output.depth--;
}

/** As many numbers may be counted through. */
const MAX_COUNT = 10_000n;

function countedTo(count: bigint): [Value, Value][] {
  if (count > MAX_COUNT) throw new TemplateError(`can't range over more than ${MAX_COUNT}`);
  return Array.from({ length: Number(count > 0n ? count : 0n) }, (_, i) => [BigInt(i), BigInt(i)]);
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
    ? value.map((item, index) => [BigInt(index), item])
    : typeof value === "bigint"
      ? countedTo(value)
      : typeof value === "object" && value !== null
        ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
        : [];
  if (entries.length === 0) return run(node.otherwise, dot, scope, data, output);
  for (const [key, item] of entries) {
    const inner = scope.inner();
    if (node.keyVariable !== undefined) inner.declare(node.keyVariable, key);
    if (node.pipeline.variable !== undefined) inner.declare(node.pipeline.variable, item);
    await run(node.body, item, inner, data, output);
    const { jump } = output;
    output.jump = undefined;
    if (jump === "break") break;
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
      if (!Object.hasOwn(current, name) && isDot(current)) {
        throw new TemplateError(
          `can't evaluate field ${name} in type struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }`,
        );
      }
      current = Object.hasOwn(current, name) ? (current as Record<string, Value>)[name] : "";
    } else throw new TemplateError(`can't evaluate field ${name} in type ${typeof current}`);
  }
  return current;
}

function isTruthy(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return (
    value !== undefined &&
    value !== "" &&
    value !== 0 &&
    value !== 0n &&
    value !== false &&
    !Object.is(value, Number.NaN)
  );
}

function numberOf(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string") throw new TemplateError(`can't convert ${printedNil(value)} to float`);
  const parsed = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  if (Number.isNaN(parsed) && value !== "NaN")
    throw new TemplateError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  return parsed;
}

function printedNil(value: Value): string {
  return value === undefined ? "<nil>" : printed(value);
}

function samplesOf(value: Value): QuerySample[] {
  return Array.isArray(value) ? (value as QuerySample[]) : [];
}

function sampleOf(value: Value): QuerySample {
  if (!isSample(value)) throw new TemplateError("the argument is not a sample");
  return value;
}

type TemplateFunction = (args: Value[], data: TemplateData) => Value | Promise<Value>;

/** @throws TemplateError for values of two kinds: numbers with a point are another kind than those without */
function requireComparable(name: string, a: Value, b: Value): void {
  if (typeof a === typeof b) return;
  throw new TemplateError(
    `error calling ${name}: incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`,
  );
}

function compare(name: string, holds: (order: number) => boolean): TemplateFunction {
  return ([a, b]) => {
    requireComparable(name, a, b);
    if (typeof a === "number" || typeof a === "bigint") return holds(Math.sign(numberOf(a) - numberOf(b)));
    return holds(compareStrings(String(a), String(b)));
  };
}

function equal(name: string, a: Value, b: Value): boolean {
  requireComparable(name, a, b);
  return a === b;
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
  stripPort: ([text]) => splitHostPort(String(text))?.host ?? String(text),
  stripDomain: ([text]) => stripDomain(String(text)),
  parseDuration: ([text]) => secondsOf(String(text)),
  toDuration: ([value]) => formatGoDuration(numberOf(value) * 1000),
  urlQueryEscape: ([text]) => queryEscape(String(text)),
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
  graphLink: ([expression]) => graphLink(String(expression)),
  tableLink: ([expression]) => tableLink(String(expression)),
  print: (args) => sprint(args),
  println: (args) => `${args.map(printed).join(" ")}\n`,
  printf: ([format, ...args]) => sprintf(String(format), args),
  len: ([value]) =>
    BigInt(typeof value === "string" ? Buffer.byteLength(value) : Object.keys(value as object).length),
  slice: ([value, from = 0n, to]) => sliced(value, Number(from), to === undefined ? undefined : Number(to)),
  index: ([value, ...keys]) => fieldOf(value, keys.map(String)),
  html: (args) => escapeHtml(sprint(args)),
  urlquery: (args) => queryEscape(args.map(printed).join("")),
  js: (args) => escapeJs(sprint(args)),
  and: (args) => args.find((value) => !isTruthy(value)) ?? args.at(-1),
  or: (args) => args.find(isTruthy) ?? args.at(-1),
  not: ([value]) => !isTruthy(value),
  eq: ([first, ...others]) => others.some((other) => equal("eq", first, other)),
  ne: ([a, b]) => !equal("ne", a, b),
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

/** Of the functions that take a fixed number of arguments. */
const ARGUMENT_COUNTS: Record<string, number> = Object.fromEntries([
  ...TEMPLATE_FUNCTION_NAMES.map((name) => [name, 1]),
  ...["label", "match", "sortByLabel", "ne", "lt", "le", "gt", "ge"].map((name) => [name, 2]),
  ...["len", "not"].map((name) => [name, 1]),
  ["reReplaceAll", 3],
  ...["externalURL", "now", "pathPrefix"].map((name) => [name, 0]),
  ["args", undefined],
]);

async function call(name: string, args: Value[], data: TemplateData): Promise<Value> {
  if (!Object.hasOwn(FUNCTIONS, name)) throw new TemplateError(`function "${name}" not defined`);
  const wanted = ARGUMENT_COUNTS[name];
  if (wanted !== undefined && args.length !== wanted)
    throw new TemplateError(`wrong number of args for ${name}: want ${wanted} got ${args.length}`);
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
    for (const name of "munpfazy") {
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
    for (const name of "munpfazy") {
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
