/**
 * Decodes YAML into typed configuration as Go's `yaml.UnmarshalStrict` does for Prometheus: unknown fields, repeated
 * keys and values of the wrong kind are collected, each with its line; a check that fails stops at once.
 *
 * Scalars are taken as they were written (`regex: true` is the text "true"), and resolved only where a number or a
 * boolean is asked for.
 */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
} from "yaml";
import { decodeBytes } from "../promql/parser/unquote.ts";
import { YamlProblem, type YamlVersion } from "./yaml-cursor.ts";
import { YamlGrammar } from "./yaml-grammar.ts";
import { yamlSyntaxError } from "./yaml-syntax-error.ts";

/** The configuration is not valid; the text is upstream's. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

/** Nodes that one file may decode to, aliases counted each time: an alias bomb stays small. */
export const MAX_CONFIG_NODES = 1_000_000;

interface Context {
  document: Document;
  lines: LineCounter;
  /** "line 3: field x not found in type config.plain" */
  typeErrors: string[];
  nodes: number;
  /** A mapping with a key twice is not looked into: so does the third version of upstream's library. */
  refusesRepeatedKeys: boolean;
}

type Node = unknown;

/** Turns a node into a value; a null gives the type's zero value, as in Go. `current` is what the field had before. */
export type Decoder<T> = {
  // Written as a method: `current` only ever is what the same decoder made before.
  decode(node: Node, context: Context, current: T | undefined): T;
}["decode"];

/**
 * Reads one document.
 *
 * @param refusesRepeatedKeys as upstream's rule files, which it reads with another version of its library
 * @throws ConfigError with upstream's texts
 */
export function decodeYaml<T>(
  text: string,
  decoder: Decoder<T>,
  whenEmpty: () => T,
  refusesRepeatedKeys = false,
): T {
  const lines = new LineCounter();
  const document = parseDocument(firstDocument(text, refusesRepeatedKeys ? 3 : 2), {
    schema: "failsafe",
    uniqueKeys: false,
    lineCounter: lines,
    logLevel: "silent",
  });
  const [failure] = document.errors;
  if (failure !== undefined)
    throw new ConfigError(
      `yaml: line ${lines.linePos(failure.pos[0]).line}: ${failure.message.split(" at line ")[0]}`,
    );
  if (document.contents === null) return whenEmpty();
  const context: Context = { document, lines, typeErrors: [], nodes: 0, refusesRepeatedKeys };
  const value = decoder(document.contents, context, undefined);
  throwTypeErrors(context.typeErrors);
  return value;
}

/** What of the text is looked at. @throws ConfigError where Go's package says that it is no YAML */
function firstDocument(text: string, version: YamlVersion): string {
  try {
    return text.slice(0, new YamlGrammar(text, version).read());
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    throw new ConfigError(`yaml: ${yamlSyntaxError(error, version)}`);
  }
}

function throwTypeErrors(errors: string[]): void {
  if (errors.length > 0) throw new ConfigError(`yaml: unmarshal errors:\n  ${errors.join("\n  ")}`);
}

function lineOf(node: Node, context: Context): number {
  const start = (node as { range?: [number, number, number] | null } | null)?.range?.[0] ?? 0;
  return context.lines.linePos(start).line;
}

function resolve(node: Node, context: Context): Node {
  if (++context.nodes > MAX_CONFIG_NODES) throw new ConfigError("yaml: document contains excessive aliasing");
  const target = isAlias(node) ? node.resolve(context.document) : node;
  if (isScalar(target) && RESOLVED_TAGS.has(target.tag ?? "")) checkTag(target);
  return target;
}

/** Tags that say of what type a value is, so that it has to look like it. */
const RESOLVED_TAGS: ReadonlySet<string> = new Set(
  ["int", "float", "bool", "null", "timestamp"].map((name) => `tag:yaml.org,2002:${name}`),
);

/** @throws ConfigError */
function checkTag(node: Scalar): void {
  const tag = node.tag!.replace("tag:yaml.org,2002:", "!!");
  const found = plainTag(sourceOf(node));
  if (found === tag || (tag === "!!float" && found === "!!int")) return;
  throw new ConfigError(`yaml: cannot decode ${found} \`${sourceOf(node)}\` as a ${tag}`);
}

function isNull(node: Node): boolean {
  if (node === null || node === undefined) return true;
  if (!isScalar(node)) return false;
  if (node.tag?.endsWith(":null")) return true;
  return node.type === "PLAIN" && !hasTag(node) && NULL.test(sourceOf(node));
}

function hasTag(node: Scalar): boolean {
  return node.tag !== undefined && node.tag !== "tag:yaml.org,2002:str";
}

function sourceOf(node: Scalar): string {
  return node.source ?? String(node.value ?? "");
}

/** `!!str \`abc\`` as in Go's texts: long values are cut. */
function describe(node: Node): string {
  if (isMap(node)) return "!!map";
  if (isSeq(node)) return "!!seq";
  const text = sourceOf(node as Scalar);
  const shown = text.length > 10 ? `${text.slice(0, 7)}...` : text;
  return `${scalarTag(node as Scalar)} \`${shown}\``;
}

function scalarTag(node: Scalar): string {
  if (node.tag === BINARY_TAG) return "!!binary";
  if (node.type !== "PLAIN" || node.tag === "tag:yaml.org,2002:str") return "!!str";
  return plainTag(sourceOf(node));
}

function plainTag(text: string): string {
  if (TIMESTAMP.test(text)) return "!!timestamp";
  if (/^[-+]?\d[\d_]*$/.test(text) && Math.abs(Number(text.replaceAll("_", ""))) >= 2 ** 64) return "!!float";
  if (/^[-+]?\d[\d_]*$/.test(text) || /^[-+]?0[xob][\da-fA-F_]+$/.test(text)) return "!!int";
  if (/^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(text)) return "!!float";
  if (/^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(text)) return "!!float";
  if (BOOLEANS.has(text)) return "!!bool";
  return NULL.test(text) ? "!!null" : "!!str";
}

const NULL = /^(?:~|null|Null|NULL|)$/;
const TIMESTAMP =
  /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]|[ \t]+)\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d{1,2}(?::\d{2})?))?)?$/;

function mismatch(node: Node, context: Context, type: string): void {
  context.typeErrors.push(`line ${lineOf(node, context)}: cannot unmarshal ${describe(node)} into ${type}`);
}

/** Go's booleans of YAML 1.1. */
const BOOLEANS = new Map<string, boolean>([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map((t) => [t, true] as const),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map(
    (t) => [t, false] as const,
  ),
]);

/** Text, as written. @param type Go's name of the type, for error texts */
export function text(type = "string"): Decoder<string> {
  return (raw, context, current) => {
    const node = resolve(raw, context);
    if (isNull(node)) return "";
    if (!isScalar(node)) {
      mismatch(node, context, type);
      return current ?? "";
    }
    if (node.tag === BINARY_TAG) return decodeBinary(sourceOf(node));
    return sourceOf(node);
  };
}

const BINARY_TAG = "tag:yaml.org,2002:binary";

/** `!!binary`: bytes that are not UTF-8 are kept apart from text, and no check lets them pass as a label. */
function decodeBinary(source: string): string {
  const compact = source.replace(/\s/g, "");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact))
    throw new ConfigError("yaml: !!binary value contains invalid base64 data");
  return decodeBytes(Buffer.from(compact, "base64"));
}

/** A node of any kind, whose value nobody asks for. */
export const anything: Decoder<string> = () => "";

export const boolean: Decoder<boolean> = (raw, context, current) => {
  const node = resolve(raw, context);
  if (isNull(node)) return false;
  if (isScalar(node) && node.type === "PLAIN") {
    const value = BOOLEANS.get(sourceOf(node));
    if (value !== undefined) return value;
  }
  mismatch(node, context, "bool");
  return current ?? false;
};

export function integer(type: "int" | "uint" | "uint64" | "int64"): Decoder<number> {
  return (raw, context, current) => {
    const node = resolve(raw, context);
    if (isNull(node)) return 0;
    if (isScalar(node) && node.type === "PLAIN") {
      const source = sourceOf(node).replace(/_/g, "");
      const value = /^[-+]?(\d+|0[xob][\da-fA-F]+)$/.test(source)
        ? Number(source)
        : /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(source)
          ? Math.trunc(Number(source))
          : Number.NaN;
      // As in Go, what is behind the point is cut off.
      if (Number.isInteger(value) && Math.abs(value) < 2 ** 64 && (value >= 0 || !type.startsWith("u")))
        return value;
    }
    mismatch(node, context, type);
    return current ?? 0;
  };
}

export const float: Decoder<number> = (raw, context, current) => {
  const node = resolve(raw, context);
  if (isNull(node)) return 0;
  if (isScalar(node) && node.type === "PLAIN") {
    const source = sourceOf(node).replace(/_/g, "");
    if (/^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(source)) return Number(source);
    if (/^0(x[\da-fA-F]+|o[0-7]+|b[01]+)$/.test(source)) return Number(source);
    if (/^[-+]?\.(inf|Inf|INF)$/.test(source))
      return source.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  mismatch(node, context, "float64");
  return current ?? 0;
};

/** A scalar that `parse` makes sense of. @throws what `parse` throws */
export function parsed<T>(parse: (text: string) => T, zero: T, type = "string"): Decoder<T> {
  const asText = text(type);
  return (raw, context, current) => {
    const node = resolve(raw, context);
    if (isNull(node)) return zero;
    const before = context.typeErrors.length;
    const value = asText(node, context, "");
    return context.typeErrors.length > before ? (current ?? zero) : parse(value);
  };
}

/** A list; a null item is undefined, for the checks that name its section. */
export function list<T>(item: Decoder<T>, type: string): Decoder<T[]> {
  return (raw, context, current) => {
    const node = resolve(raw, context);
    // Absent, not empty: some checks tell the two apart.
    if (isNull(node)) return undefined as unknown as T[];
    if (!isSeq(node)) {
      mismatch(node, context, type);
      return current ?? [];
    }
    return node.items.map((each) => item(each, context, undefined));
  };
}

/** An item or field that may be null, which upstream keeps apart from an empty one. */
export function nullable<T>(inner: Decoder<T>): Decoder<T | undefined> {
  return (raw, context, current) => {
    const node = resolve(raw, context);
    return isNull(node) ? undefined : inner(node, context, current);
  };
}

/** A mapping with free keys. Without a prototype, so that no key means anything. */
export function mapping<T>(value: Decoder<T>, type: string): Decoder<Record<string, T>> {
  return (raw, context, current) => {
    const node = resolve(raw, context);
    if (isNull(node)) return current ?? {};
    if (!isMap(node)) {
      mismatch(node, context, type);
      return current ?? {};
    }
    if (context.refusesRepeatedKeys && tellRepeatedKeys(node, context)) return current ?? {};
    const result: Record<string, T> = Object.create(null);
    for (const [key, keyNode, valueNode] of entriesOf(node, context)) {
      if (isCollection(keyNode)) {
        mismatch(keyNode, context, "string");
        continue;
      }
      if (key in result) {
        context.typeErrors.push(
          `line ${lineOf(keyNode, context)}: key ${JSON.stringify(key)} already set in map`,
        );
        continue;
      }
      result[key] = value(valueNode, context, undefined);
    }
    return result;
  };
}

/** Whether there are any. */
function tellRepeatedKeys(node: Node, context: Context): boolean {
  const before = context.typeErrors.length;
  const keys = entriesOf(node, context).map(([key, keyNode]) => ({ key, line: lineOf(keyNode, context) }));
  for (const [i, first] of keys.entries()) {
    for (const { key, line } of keys.slice(i + 1)) {
      if (key !== first.key) continue;
      const problem = `mapping key ${JSON.stringify(key)} already defined at line ${first.line}`;
      context.typeErrors.push(`line ${line}: ${problem}`);
    }
  }
  return context.typeErrors.length > before;
}

function keyOf(node: Scalar): string {
  return node.tag === BINARY_TAG ? decodeBinary(sourceOf(node)) : sourceOf(node);
}

type Entry = [key: string, keyNode: Node, valueNode: Node];

/** A map's pairs; those merged in by `<<` come where the map has none of its own. */
function entriesOf(node: Node, context: Context): Entry[] {
  if (!isMap(node)) return [];
  const own: Entry[] = [];
  const merged: Entry[] = [];
  for (const pair of node.items) {
    const key = isScalar(pair.key) ? keyOf(pair.key) : "";
    if (key === "<<") {
      const target = resolve(pair.value, context);
      for (const source of isSeq(target) ? target.items : [target]) {
        const map = resolve(source, context);
        if (!isMap(map))
          throw new ConfigError("yaml: map merge requires map or sequence of maps as the value");
        merged.push(...entriesOf(map, context));
      }
    } else own.push([key, pair.key, pair.value]);
  }
  const names = new Set(own.map(([key]) => key));
  return [...merged.filter(([key]) => !names.has(key) && names.add(key)), ...own];
}

export type Fields<T> = { [K in keyof T]?: Decoder<NonNullable<T[K]>> | Decoder<T[K]> };

export interface StructOptions<T> {
  /** Go's name of the type, for error texts: `config.plain`. */
  type: string;
  /** YAML key → decoder. */
  fields: Fields<T>;
  /** A new value with upstream's defaults. */
  defaults: () => T;
  /** Runs when the whole struct was read without a type error. @throws ConfigError */
  check?: (value: T) => void;
  /** Takes keys that `fields` does not have; answers whether it knew the key. */
  other?: (value: T, key: string, node: Node, context: Context) => boolean;
}

export function struct<T extends object>(options: StructOptions<T>): Decoder<T> {
  const { type, fields, defaults, check, other } = options;
  return (raw, context) => {
    const node = resolve(raw, context);
    const value = defaults();
    const before = context.typeErrors.length;
    if (!isNull(node)) {
      if (isMap(node)) readFields(node, value, context);
      else mismatch(node, context, type);
    }
    if (context.typeErrors.length === before) check?.(value);
    return value;
  };

  function readFields(node: Node, value: T, context: Context): void {
    if (context.refusesRepeatedKeys && tellRepeatedKeys(node, context)) return;
    const seen = new Set<string>();
    for (const [key, keyNode, valueNode] of entriesOf(node, context)) {
      if (isCollection(keyNode)) {
        mismatch(keyNode, context, "string");
        continue;
      }
      const decoder = Object.hasOwn(fields, key) ? fields[key as keyof T] : undefined;
      if (decoder !== undefined && seen.has(key)) {
        context.typeErrors.push(`line ${lineOf(keyNode, context)}: field ${key} already set in type ${type}`);
        continue;
      }
      seen.add(key);
      if (decoder !== undefined) {
        const slot = key as keyof T;
        value[slot] = (decoder as Decoder<T[keyof T]>)(valueNode, context, value[slot]);
      } else if (!other?.(value, key, valueNode, context)) {
        context.typeErrors.push(`line ${lineOf(keyNode, context)}: field ${key} not found in type ${type}`);
      }
    }
  }
}
