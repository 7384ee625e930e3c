/**
 * Series as tests write them: `metric{label="value"} 1+2x5 _ stale {{schema:1 count:3}}` (upstream's
 * `ParseSeriesDesc`, documented with unit tests for rules).
 */

import { quoteGo } from "../../../model/go-quote.ts";
import {
  type CounterResetHint,
  createHistogram,
  type FloatHistogram,
  type Span,
} from "../../../model/histogram.ts";
import { addHistograms, subtractHistograms } from "../../../model/histogram-arithmetic.ts";
import { Labels } from "../../../model/labels.ts";
import { unquote } from "../../promql/parser/unquote.ts";

/** One place in a sequence. */
export type SequenceValue =
  | { kind: "omitted" }
  | { kind: "stale" }
  | { kind: "float"; value: number }
  | { kind: "histogram"; histogram: FloatHistogram; isHintGiven: boolean };

export interface SeriesDescription {
  labels: Labels;
  values: SequenceValue[];
}

/** What is wrong with the text of a series, and at which character. */
export class SeriesDescriptionError extends Error {
  readonly offset: number;
  readonly #detail: string;

  /** @param offset in the text, in bytes of UTF-8 */
  constructor(offset: number, detail: string) {
    super(`1:${offset + 1}: parse error: ${detail}`);
    this.name = "SeriesDescriptionError";
    this.offset = offset;
    this.#detail = detail;
  }

  /** The message where the text is that line of a file. @param detail in other words */
  at(line: number, detail = this.#detail): string {
    return `${line}:${this.offset + 1}: parse error: ${detail}`;
  }
}

/** How long a sequence may be: `1x1000000000` is not for reading. */
export const SEQUENCE_LIMIT = 1_000_000;

/**
 * @param unquotedUtf8Names whether names may have letters of any script, and dots, as in `ParserOptions`
 * @throws Error that says what was expected where
 */
export function parseSeriesDescription(text: string, unquotedUtf8Names = false): SeriesDescription {
  const reader = new Reader(text, unquotedUtf8Names ? UTF8_NAME : NAME);
  const labels = reader.labels();
  const values: SequenceValue[] = [];
  while (!reader.isAtEnd) {
    reader.space();
    if (reader.isAtEnd) break;
    values.push(...reader.item());
    reader.endOfItem();
    if (values.length > SEQUENCE_LIMIT) throw new Error(`more than ${SEQUENCE_LIMIT} values`);
  }
  return { labels, values };
}

/** Where values are. */
const IN_VALUES = " in series values";

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const UTF8_NAME = /[\p{L}_:][\p{L}0-9_:.]*/uy;
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/y;
const NUMBER = /(?:[iI][nN][fF]|[nN][aA][nN]|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;

class Reader {
  readonly #text: string;
  readonly #name: RegExp;
  #at = 0;

  constructor(text: string, name: RegExp) {
    this.#text = text;
    this.#name = name;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  labels(): Labels {
    const pairs: [string, string][] = [];
    this.space();
    if (this.isAtEnd) return Labels.empty;
    const name = this.#match(this.#name);
    if (this.#take("{")) {
      while (!this.#take("}")) {
        pairs.push(this.#label());
        this.space();
        if (!this.#take(",") && this.#text[this.#at] !== "}")
          this.#fail(' in label set, expected "," or "}"');
        this.space();
      }
    } else if (name === undefined) this.#fail("");
    if (name !== undefined) pairs.push(["__name__", name]);
    return Labels.of(pairs);
  }

  #label(): [string, string] {
    this.space();
    const quoted = this.#match(STRING);
    const name = quoted === undefined ? this.#match(this.#name) : unquote(quoted);
    if (name === undefined) this.#failWithoutString('identifier or "}"');
    this.space();
    if (!this.#take("=")) {
      if (quoted === undefined) this.#fail(" in label set, expected label matching operator");
      return ["__name__", name];
    }
    this.space();
    const value = this.#match(STRING);
    if (value === undefined) this.#failWithoutString("string");
    return [name, unquote(value)];
  }

  space(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }

  /** Items stand apart. */
  endOfItem(): void {
    if (!this.isAtEnd && !/[ \t]/.test(this.#text[this.#at])) this.#fail("");
  }

  /** `1`, `1x3`, `1+2x3`, `_`, `_x3`, `stale`, `{{…}}x3`, `{{…}}+{{…}}x3`. */
  item(): SequenceValue[] {
    if (this.#take("_")) {
      return this.#take("x") ? repeat({ kind: "omitted" }, this.#count()) : [{ kind: "omitted" }];
    }
    if (this.#takeWord("stale")) return [{ kind: "stale" }];
    return this.#text.startsWith("{{", this.#at) ? this.#histograms() : this.#floats();
  }

  #floats(): SequenceValue[] {
    let value = this.#number();
    if (this.#take("x")) return repeat({ kind: "float", value }, this.#count() + 1);
    const sign = this.#take("+") ? 1 : this.#take("-") ? -1 : 0;
    if (sign === 0) return [{ kind: "float", value }];
    const step = sign * this.#unsigned();
    if (!this.#take("x")) this.#fail(IN_VALUES);
    return Array.from({ length: this.#count() + 1 }, () => {
      const one = { kind: "float" as const, value };
      value += step;
      return one;
    });
  }

  #histograms(): SequenceValue[] {
    const { histogram, isHintGiven } = this.#histogram();
    const one = (each: FloatHistogram, given = isHintGiven): SequenceValue => ({
      kind: "histogram",
      histogram: each,
      isHintGiven: given,
    });
    if (this.#take("x")) return repeat(one(histogram), this.#count() + 1);
    const isSum = this.#take("+");
    if (!isSum && !this.#take("-")) return [one(histogram)];
    const step = this.#histogram();
    if (!this.#take("x")) this.#fail(IN_VALUES);
    let current = histogram;
    const countAt = this.#at;
    return Array.from({ length: this.#count() + 1 }, (_, i) => {
      if (i > 0) {
        if (current.schema > step.histogram.schema) {
          throw this.#error(
            `error combining histograms: cannot merge from schema ${step.histogram.schema} to ${current.schema}`,
            countAt,
          );
        }
        current = (isSum ? addHistograms : subtractHistograms)(current, step.histogram).histogram;
      }
      return one(current, step.isHintGiven);
    });
  }

  #histogram(): { histogram: FloatHistogram; isHintGiven: boolean } {
    this.#at += 2;
    const fields = new Map<string, string>();
    for (;;) {
      this.space();
      if (this.#take("}")) {
        if (!this.#take("}")) this.#fail(IN_VALUES);
        return { histogram: histogramOf(fields), isHintGiven: fields.has("counter_reset_hint") };
      }
      const at = this.#at;
      const name = this.#match(/[a-zA-Z_]+/y);
      if (name === undefined) this.#fail(IN_VALUES);
      if (!FIELDS.has(name)) throw this.#error(`bad histogram descriptor found: ${quoteGo(name)}`, at);
      if (!this.#take(":")) throw this.#error("missing `:` for histogram descriptor", at);
      const valueAt = this.#at;
      const value = this.#match(/\[(?! )[^\]]*\]|[^\s}[]+/y);
      if (value === undefined) {
        this.#take("[");
        this.#fail(IN_VALUES);
      }
      if (name === "counter_reset_hint" && !HINTS.has(value))
        throw this.#error(`bad histogram descriptor found: ${quoteGo(value)}`, valueAt);
      if (fields.has(name)) throw this.#error(`duplicate key ${quoteGo(name)} in histogram`, 0);
      fields.set(name.toLowerCase(), value);
    }
  }

  #number(): number {
    if (this.#take("-")) return -this.#unsigned();
    this.#take("+");
    return this.#unsigned();
  }

  #unsigned(): number {
    const text = this.#match(NUMBER);
    if (text === undefined) this.#fail(IN_VALUES);
    return parseFloatText(text);
  }

  #count(): number {
    const text = this.#match(/\d+/y);
    if (text === undefined) this.#fail(IN_VALUES);
    const count = Number(text);
    if (count > SEQUENCE_LIMIT) throw new Error(`more than ${SEQUENCE_LIMIT} values`);
    return count;
  }

  #take(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #takeWord(word: string): boolean {
    const next = this.#text[this.#at + word.length];
    return (next === undefined || next === " " || next === "\t") && this.#take(word);
  }

  #match(pattern: RegExp): string | undefined {
    const sticky = pattern;
    sticky.lastIndex = this.#at;
    const text = sticky.exec(this.#text)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  /** @param context where what stands here is unexpected, and what may stand there */
  #fail(context: string): never {
    throw this.#error(`unexpected ${this.#found()}${context}`);
  }

  #failWithoutString(expected: string): never {
    if (/["'`]/.test(this.#text[this.#at] ?? "")) throw this.#error("unterminated quoted string");
    this.#fail(` in label set, expected ${expected}`);
  }

  #error(detail: string, at = this.#at): SeriesDescriptionError {
    return new SeriesDescriptionError(Buffer.byteLength(this.#text.slice(0, at)), detail);
  }

  /** What stands here, as upstream's lexer calls it. */
  #found(): string {
    const rest = this.#text.slice(this.#at);
    if (rest === "") return "end of input";
    if (/^x\d/.test(rest)) return '"x"';
    const [word] = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(rest) ?? [];
    if (word !== undefined) return `identifier ${quoteGo(word)}`;
    const [number] = /^\d[\d.eExX]*/.exec(rest) ?? [];
    if (number !== undefined) return `number ${quoteGo(number)}`;
    const [operator] = /^(?:!=|=~|!~|[-+*/%^=])/.exec(rest) ?? [];
    if (operator !== undefined) return operator === "=" ? '"="' : `<op:${operator}>`;
    return quoteGo(rest[0]);
  }
}

function repeat(value: SequenceValue, count: number): SequenceValue[] {
  return new Array<SequenceValue>(count).fill(value);
}

function parseFloatText(text: string): number {
  const lower = text.toLowerCase();
  if (lower === "nan") return Number.NaN;
  return lower === "inf" ? Number.POSITIVE_INFINITY : Number(text);
}

const HINTS: ReadonlySet<string> = new Set(["unknown", "reset", "not_reset", "gauge"]);

function histogramOf(fields: ReadonlyMap<string, string>): FloatHistogram {
  const number = (name: string) => signedNumber(fields.get(name) ?? "0", name);
  const numbers = (name: string) => {
    const list = fields.get(name)?.slice(1, -1).trim() ?? "";
    return list === "" ? [] : list.split(/\s+/).map((text) => signedNumber(text, name));
  };
  const spans = (buckets: number[], offset: number): Span[] =>
    buckets.length === 0 ? [] : [{ offset, length: buckets.length }];
  const hint = fields.get("counter_reset_hint") ?? "unknown";
  const positiveBuckets = numbers("buckets");
  const negativeBuckets = numbers("n_buckets");
  return createHistogram({
    schema: number("schema"),
    sum: number("sum"),
    count: number("count"),
    zeroCount: number("z_bucket"),
    zeroThreshold: number("z_bucket_w"),
    customValues: numbers("custom_values"),
    counterResetHint: hint as CounterResetHint,
    positiveBuckets,
    negativeBuckets,
    positiveSpans: spans(positiveBuckets, number("offset")),
    negativeSpans: spans(negativeBuckets, number("n_offset")),
  });
}

const FIELDS: ReadonlySet<string> = new Set([
  "schema",
  "sum",
  "count",
  "z_bucket",
  "z_bucket_w",
  "custom_values",
  "counter_reset_hint",
  "buckets",
  "offset",
  "n_buckets",
  "n_offset",
]);

function signedNumber(text: string, name: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const value = parseFloatText(text.replace(/^[+-]/, ""));
  if (Number.isNaN(value) && !/^[+-]?nan$/i.test(text))
    throw new Error(`error parsing ${name} number: ${text}`);
  return sign * value;
}
