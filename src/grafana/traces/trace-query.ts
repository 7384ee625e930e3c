/**
 * The part of TraceQL that picks spans by comparisons joined with `&&`:
 * `{ resource.service.name = "test-db" && name =~ "GET.*" && duration > 100ms && status = error }`.
 */
import { parseGoDuration } from "../../model/go-duration.ts";
import { STATUS_CODES } from "../../model/otlp-traces.ts";
import type { StoredSpan } from "./trace-store.ts";

export type SpanTest = (span: StoredSpan) => boolean;

/** A query that is not understood; its text tells where. */
export class TraceQueryError extends Error {
  constructor(problem: string) {
    super(`invalid TraceQL query: ${problem}`);
    this.name = "TraceQueryError";
  }
}

/** Comparisons in one query. */
export const MAX_COMPARISONS = 50;

const COMPARISON =
  /^\s*(?:(?:resource|span)\.|\.)?([\w.:/-]+)\s*(=~|!~|!=|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[\w.µ-]+)\s*/;

/** @throws TraceQueryError */
export function parseTraceQuery(text: string): SpanTest {
  const [, inner] = /^\s*\{(.*)\}\s*$/s.exec(text) ?? [];
  if (inner === undefined) throw new TraceQueryError("expected { … }");
  const tests: SpanTest[] = [];
  let rest = inner;
  while (rest.trim() !== "") {
    if (tests.length > 0) {
      if (!/^\s*&&/.test(rest))
        throw new TraceQueryError(`expected && before ${JSON.stringify(rest.trim())}`);
      rest = rest.replace(/^\s*&&/, "");
    }
    const match = COMPARISON.exec(rest);
    if (match === null) throw new TraceQueryError(`expected a comparison at ${JSON.stringify(rest.trim())}`);
    if (tests.length >= MAX_COMPARISONS)
      throw new TraceQueryError(`more than ${MAX_COMPARISONS} comparisons`);
    tests.push(comparison(match[1], match[2], match[3]));
    rest = rest.slice(match[0].length);
  }
  return (span) => tests.every((test) => test(span));
}

function comparison(name: string, operator: string, literal: string): SpanTest {
  const value = /^["`]/.test(literal) ? unquote(literal) : literal;
  if (name === "duration" || name === "traceDuration") {
    const nanos = durationNanos(value);
    return (span) => compare(Number(span.durationNanos), operator, nanos);
  }
  if (name === "status")
    return (span) => equals(STATUS_CODES[span.status]?.toLowerCase() ?? "", operator, value);
  if (name === "name") return textTest((span) => span.name, operator, value);
  if (name === "service.name" || name === "rootServiceName")
    return textTest((span) => span.service, operator, value);
  const number = Number(value);
  if (/^[<>]/.test(operator) && !Number.isNaN(number)) {
    return (span) =>
      Object.hasOwn(span.attributes, name) && compare(Number(span.attributes[name]), operator, number);
  }
  return textTest(
    (span) => (Object.hasOwn(span.attributes, name) ? span.attributes[name] : undefined),
    operator,
    value,
  );
}

function unquote(literal: string): string {
  if (literal.startsWith("`")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new TraceQueryError(`bad string ${literal}`);
  }
}

function durationNanos(text: string): number {
  try {
    return parseGoDuration(text) * 1e6;
  } catch (error) {
    throw new TraceQueryError((error as Error).message);
  }
}

function textTest(read: (span: StoredSpan) => string | undefined, operator: string, value: string): SpanTest {
  if (operator === "=~" || operator === "!~") {
    let pattern: RegExp;
    try {
      pattern = new RegExp(`^(?:${value})$`);
    } catch {
      throw new TraceQueryError(`bad regular expression ${JSON.stringify(value)}`);
    }
    return (span) => pattern.test(read(span) ?? "") === (operator === "=~");
  }
  return (span) => {
    const text = read(span);
    return text !== undefined && equals(text, operator, value);
  };
}

function equals(text: string, operator: string, value: string): boolean {
  return operator === "!=" ? text !== value : operator === "=" && text === value;
}

function compare(a: number, operator: string, b: number): boolean {
  if (operator === ">") return a > b;
  if (operator === ">=") return a >= b;
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === "=" ? a === b : operator === "!=" && a !== b;
}
