/**
 * The part of LogQL that people use first: stream selectors, line filters, label filters, `json` and `logfmt`; and as
 * metrics `count_over_time` and `rate`, also summed up by labels.
 *
 * `sum by (service_name) (rate({service_name=~"test.*"} |= "moved" | detected_level="error" [1m]))`
 */
import { parseGoDuration } from "../../model/go-duration.ts";
import type { StoredLog } from "./log-store.ts";

/** A query that is not understood. */
export class LogQueryError extends Error {
  constructor(problem: string) {
    super(`parse error : ${problem}`);
    this.name = "LogQueryError";
  }
}

export interface LogSelector {
  /** Whether a stream is meant. */
  matchesStream: (labels: Record<string, string>) => boolean;
  /** The labels of a line that is meant, with what the pipeline found in it; undefined for others. */
  apply: (log: StoredLog) => Record<string, string> | undefined;
  /** All lines belong to this trace. */
  traceId: string | undefined;
}

export interface LogMetric {
  kind: "count_over_time" | "rate" | "bytes_over_time" | "bytes_rate";
  selector: LogSelector;
  rangeMs: number;
  /** Labels that are kept when summing up; undefined: every stream on its own. */
  by: string[] | undefined;
}

export type LogQuery = { type: "logs"; selector: LogSelector } | { type: "metric"; metric: LogMetric };

/** Stages of one pipeline. */
export const MAX_STAGES = 50;
export const MAX_QUERY_LENGTH = 10_000;

/** @throws LogQueryError */
export function parseLogQuery(text: string): LogQuery {
  if (text.length > MAX_QUERY_LENGTH) throw new LogQueryError(`query is longer than ${MAX_QUERY_LENGTH}`);
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) return { type: "logs", selector: parseSelector(trimmed) };
  return { type: "metric", metric: parseMetric(trimmed, undefined) };
}

function parseMetric(text: string, by: string[] | undefined): LogMetric {
  const [, before, summed, after] =
    /^sum\s*(?:by\s*\(([^)]*)\))?\s*\((.*)\)\s*(?:by\s*\(([^)]*)\))?$/s.exec(text) ?? [];
  if (summed !== undefined && by === undefined) {
    const names = (before ?? after ?? "").split(",").map((name) => name.trim());
    return parseMetric(
      summed.trim(),
      names.filter((name) => name !== ""),
    );
  }
  const [, kind, inner, range] =
    /^(count_over_time|rate|bytes_over_time|bytes_rate)\s*\(\s*(\{.*)\[([^\]]+)\]\s*\)$/s.exec(text) ?? [];
  if (kind === undefined)
    throw new LogQueryError(`not understood here: ${JSON.stringify(text.slice(0, 100))}`);
  let rangeMs: number;
  try {
    rangeMs = parseGoDuration(range.trim().replace(/^(\d+)d$/, (_, days: string) => `${Number(days) * 24}h`));
  } catch (error) {
    throw new LogQueryError((error as Error).message);
  }
  if (!(rangeMs > 0)) throw new LogQueryError("the range must be positive");
  return { kind: kind as LogMetric["kind"], selector: parseSelector(inner), rangeMs, by };
}

type Test = (log: StoredLog, labels: Record<string, string>) => boolean;
type StringTest = (value: string) => boolean;

const STRING = String.raw`"(?:[^"\\]|\\.)*"|${"`"}[^${"`"}]*${"`"}`;
const MATCHER = new RegExp(String.raw`^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(${STRING})\s*(,|\})`);
const LINE_FILTER = new RegExp(String.raw`^\s*(\|=|!=|\|~|!~)\s*(${STRING})`);
const LABEL_FILTER = new RegExp(
  String.raw`^\s*\|\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|==|>=|<=|=|>|<)\s*(${STRING}|[\w.]+)`,
);
const STAGE = /^\s*\|\s*(json|logfmt)\b/;

function parseSelector(text: string): LogSelector {
  let rest = text.trim().slice(1);
  const matchers: [name: string, test: StringTest][] = [];
  for (;;) {
    if (matchers.length === 0 && /^\s*\}/.test(rest)) {
      throw new LogQueryError(
        "queries require at least one regexp or equality matcher that does not have an empty-compatible value",
      );
    }
    const match = MATCHER.exec(rest);
    if (match === null)
      throw new LogQueryError(`unexpected text in stream selector: ${JSON.stringify(rest.slice(0, 50))}`);
    matchers.push([match[1], stringTest(match[2], unquote(match[3]))]);
    rest = rest.slice(match[0].length);
    if (match[4] === "}") break;
    if (matchers.length >= MAX_STAGES) throw new LogQueryError(`more than ${MAX_STAGES} matchers`);
  }
  const { tests, traceId } = parsePipeline(rest);
  const matchesStream = (labels: Record<string, string>) =>
    matchers.every(([name, test]) => test(labels[name] ?? ""));
  return {
    matchesStream,
    traceId,
    apply(log) {
      if (!matchesStream(log.labels)) return undefined;
      const labels = { ...log.labels, ...log.metadata };
      return tests.every((test) => test(log, labels)) ? labels : undefined;
    },
  };
}

function parsePipeline(text: string): { tests: Test[]; traceId: string | undefined } {
  const tests: Test[] = [];
  let traceId: string | undefined;
  let rest = text;
  while (rest.trim() !== "") {
    if (tests.length >= MAX_STAGES) throw new LogQueryError(`more than ${MAX_STAGES} stages`);
    let match = LINE_FILTER.exec(rest);
    if (match !== null) tests.push(lineFilter(match[1], unquote(match[2])));
    else if ((match = STAGE.exec(rest)) !== null) tests.push(match[1] === "json" ? parseJson : parseLogfmt);
    else if ((match = LABEL_FILTER.exec(rest)) !== null) {
      const [, name, operator, literal] = match;
      const value = /^["`]/.test(literal) ? unquote(literal) : literal;
      // A line's own fields may bear the name too: only before those are read is it the record's.
      if (
        name === "trace_id" &&
        operator === "=" &&
        tests.every((test) => test !== parseJson && test !== parseLogfmt)
      )
        traceId = value;
      tests.push(labelFilter(name, operator, value));
    } else throw new LogQueryError(`not understood here: ${JSON.stringify(rest.trim().slice(0, 50))}`);
    rest = rest.slice(match[0].length);
  }
  return { tests, traceId };
}

function unquote(literal: string): string {
  if (literal.startsWith("`")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    // Go's escapes that JSON has not: `\d` in a regular expression is written with two.
    return literal.slice(1, -1).replace(/\\(.)/g, "$1");
  }
}

function regexOf(pattern: string, isWhole: boolean): RegExp {
  try {
    const isCaseless = pattern.startsWith("(?i)");
    const source = isCaseless ? pattern.slice(4) : pattern;
    return new RegExp(isWhole ? `^(?:${source})$` : source, isCaseless ? "i" : "");
  } catch (error) {
    throw new LogQueryError(`error parsing regexp: ${(error as Error).message}`);
  }
}

function stringTest(operator: string, value: string): StringTest {
  if (operator === "=" || operator === "==") return (text) => text === value;
  if (operator === "!=") return (text) => text !== value;
  const pattern = regexOf(value, true);
  return operator === "=~" ? (text) => pattern.test(text) : (text) => !pattern.test(text);
}

function lineFilter(operator: string, value: string): Test {
  if (operator === "|=") return ({ line }) => line.includes(value);
  if (operator === "!=") return ({ line }) => !line.includes(value);
  const pattern = regexOf(value, false);
  return operator === "|~" ? ({ line }) => pattern.test(line) : ({ line }) => !pattern.test(line);
}

function labelFilter(name: string, operator: string, value: string): Test {
  if (/^[<>]/.test(operator)) {
    const bound = Number(value);
    if (Number.isNaN(bound)) throw new LogQueryError(`${JSON.stringify(value)} is no number`);
    const compare: Record<string, (number: number) => boolean> = {
      ">": (number) => number > bound,
      ">=": (number) => number >= bound,
      "<": (number) => number < bound,
      "<=": (number) => number <= bound,
    };
    return (_, labels) => Object.hasOwn(labels, name) && compare[operator](Number(labels[name]));
  }
  const test = stringTest(operator, value);
  return (_, labels) => test(Object.hasOwn(labels, name) ? labels[name] : "");
}

/** Adds the line's members as labels, nested ones with `_` between. Never drops a line. */
function parseJson({ line }: StoredLog, labels: Record<string, string>): boolean {
  try {
    flatten(JSON.parse(line), "", labels, 0);
  } catch {
    labels["__error__"] = "JSONParserErr";
  }
  return true;
}

function flatten(value: unknown, prefix: string, labels: Record<string, string>, depth: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const name = (prefix === "" ? key : `${prefix}_${key}`).replace(/[^a-zA-Z0-9_]/g, "_");
    if (typeof item === "object" && depth < 8) flatten(item, name, labels, depth + 1);
    else if (name !== "__proto__")
      labels[Object.hasOwn(labels, name) ? `${name}_extracted` : name] = String(item);
  }
}

function parseLogfmt({ line }: StoredLog, labels: Record<string, string>): boolean {
  for (const [, key, quoted, bare] of line.matchAll(/([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)) {
    const name = key.replace(/[^a-zA-Z0-9_]/g, "_");
    if (name !== "__proto__")
      labels[Object.hasOwn(labels, name) ? `${name}_extracted` : name] = quoted ?? bare;
  }
  return true;
}
