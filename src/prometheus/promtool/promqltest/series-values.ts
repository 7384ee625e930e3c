/** The values of a series: `1+2x5 _ stale {{schema:1 count:3}}x2` (`series_values` in upstream's grammar). */
import { quoteGo } from "../../../model/go-quote.ts";
import {
  type CounterResetHint,
  createHistogram,
  type FloatHistogram,
  type Span,
} from "../../../model/histogram.ts";
import { addHistograms, subtractHistograms } from "../../../model/histogram-arithmetic.ts";
import { parseNumber } from "../../promql/parser/number.ts";
import { ParseError } from "../../promql/parser/parse-error.ts";
import { SeriesDescriptionError } from "./series-description-error.ts";
import { type SeriesToken, SeriesTokens } from "./series-tokens.ts";

/** One place in a sequence. */
export type SequenceValue =
  | { kind: "omitted" }
  | { kind: "stale" }
  | { kind: "float"; value: number }
  | { kind: "histogram"; histogram: FloatHistogram; isHintGiven: boolean };

/** How often a value may be repeated, and how many more values than one there may be: `1x1000000000` is not for reading. */
export const SEQUENCE_LIMIT = 1_000_000;

/** Where something is unexpected, and what would not be. */
const IN_VALUES = " in series values";
const IN_HISTOGRAM = " in histogram description, expected histogram description key, e.g. buckets:[5 10 7]";

type Field = number | number[] | string;

/**
 * The values from `start` on, behind the labels.
 *
 * @throws SeriesDescriptionError
 */
export function parseSeriesValues(text: string, start: number): SequenceValue[] {
  return new ValuesParser(text, start).all();
}

class ValuesParser {
  readonly #text: string;
  readonly #tokens: SeriesTokens;
  #token: SeriesToken;
  #context = IN_VALUES;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#tokens = new SeriesTokens(text, start);
    this.#token = this.#tokens.next();
  }

  all(): SequenceValue[] {
    const values: SequenceValue[] = [];
    for (let isFirst = true; !this.#isAtEnd; isFirst = false) {
      // What stands where the series could be over, upstream's parser blames on nothing in particular.
      if (this.#token.type !== "space") this.#fail(isFirst ? IN_VALUES : "");
      this.#advance();
      if (this.#isAtEnd) break;
      for (const value of this.#item()) values.push(value);
      if (values.length > SEQUENCE_LIMIT + 1) throw new Error(`more than ${SEQUENCE_LIMIT} values`);
    }
    return values;
  }

  #item(): SequenceValue[] {
    this.#context = IN_VALUES;
    if (this.#takes("_"))
      return this.#takes("x") ? repeat({ kind: "omitted" }, this.#count()) : [{ kind: "omitted" }];
    if (this.#is("{{")) return this.#histograms();
    if (this.#token.type === "word") return this.#stale();
    if (this.#token.type === "number" || this.#is("+") || this.#is("-")) return this.#floats();
    return this.#fail("");
  }

  #stale(): SequenceValue[] {
    const isIdentifier = this.#token.description.startsWith("identifier ");
    if (this.#token.text !== "stale")
      this.#fail(isIdentifier ? `${IN_VALUES}, expected number or "stale"` : "");
    this.#advance();
    return this.#takes("x") ? repeat({ kind: "stale" }, this.#count() + 1) : [{ kind: "stale" }];
  }

  #floats(): SequenceValue[] {
    let value = this.#number();
    if (this.#takes("x")) return repeat({ kind: "float", value }, this.#count() + 1);
    if (!this.#is("+") && !this.#is("-")) return [{ kind: "float", value }];
    const step = this.#number();
    this.#expect("x");
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
    if (this.#takes("x")) return repeat(one(histogram), this.#count() + 1);
    const isSum = this.#is("+");
    if (!isSum && !this.#is("-")) return [one(histogram)];
    this.#advance();
    const step = this.#histogram();
    this.#expect("x");
    let current = histogram;
    const countAt = this.#token.start;
    return Array.from({ length: this.#count() + 1 }, (_, i) => {
      if (i > 0) {
        if (current.schema > step.histogram.schema) {
          const detail = `error combining histograms: cannot merge from schema ${step.histogram.schema} to ${current.schema}`;
          throw SeriesDescriptionError.in(this.#text, countAt, detail);
        }
        current = (isSum ? addHistograms : subtractHistograms)(current, step.histogram).histogram;
      }
      return one(current, step.isHintGiven);
    });
  }

  #histogram(): { histogram: FloatHistogram; isHintGiven: boolean } {
    this.#context = IN_VALUES;
    this.#expect("{{");
    const fields = new Map<string, Field>();
    if (this.#token.type === "space") {
      this.#advance();
      this.#expect("}}");
    } else if (!this.#takes("}}")) this.#fields(fields);
    this.#context = IN_VALUES;
    return { histogram: histogramOf(fields), isHintGiven: fields.has("counter_reset_hint") };
  }

  /** Up to and with the end of the histogram. */
  #fields(fields: Map<string, Field>): void {
    for (;;) {
      const { type, text } = this.#token;
      if (type !== "field") this.#fail();
      const name = text.toLowerCase();
      this.#advance();
      this.#expect(":");
      const value = this.#fieldValue(name);
      if (fields.has(name)) {
        throw new SeriesDescriptionError(0, `duplicate key ${quoteGo(name)} in histogram`);
      }
      fields.set(name, value);
      this.#context = IN_HISTOGRAM;
      if (this.#takes("}}")) return;
      if (this.#token.type !== "space") this.#fail();
      this.#advance();
      if (this.#takes("}}")) return;
    }
  }

  #fieldValue(name: string): Field {
    switch (name) {
      case "schema":
      case "offset":
      case "n_offset":
        return this.#takes("-") ? -this.#count() : this.#count();
      case "z_bucket_w":
        return this.#unsigned();
      case "sum":
      case "count":
      case "z_bucket":
        return this.#number();
      case "counter_reset_hint": {
        const { type, text } = this.#token;
        if (type !== "hint") this.#fail();
        this.#advance();
        return text.toLowerCase();
      }
    }
    this.#expect("[");
    const numbers = [this.#number()];
    while (!this.#takes("]")) {
      if (this.#token.type !== "space") this.#fail();
      this.#advance();
      if (!this.#is("]")) numbers.push(this.#number());
    }
    return numbers;
  }

  #number(): number {
    if (this.#takes("-")) return -this.#unsigned();
    this.#takes("+");
    return this.#unsigned();
  }

  #unsigned(): number {
    const { type, text, start } = this.#token;
    if (type !== "number") this.#fail();
    this.#advance();
    try {
      return parseNumber(text, { start: 0, end: text.length }).value;
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      throw SeriesDescriptionError.in(this.#text, start, error.detail);
    }
  }

  /** A number of values, or an index. */
  #count(): number {
    const { type, text, start } = this.#token;
    if (type !== "number") this.#fail();
    if (!/^\d+$/.test(text)) {
      const detail = `invalid repetition in series values: strconv.ParseUint: parsing ${quoteGo(text)}: invalid syntax`;
      throw SeriesDescriptionError.in(this.#text, start, detail);
    }
    const count = Number(text);
    if (count > SEQUENCE_LIMIT) throw new Error(`more than ${SEQUENCE_LIMIT} values`);
    this.#advance();
    return count;
  }

  #is(symbol: string): boolean {
    return this.#token.type === "symbol" && this.#token.text === symbol;
  }

  #takes(symbol: string): boolean {
    const isThere = this.#is(symbol);
    if (isThere) this.#advance();
    return isThere;
  }

  #expect(symbol: string): void {
    if (!this.#takes(symbol)) this.#fail();
  }

  #advance(): void {
    this.#token = this.#tokens.next();
  }

  get #isAtEnd(): boolean {
    return this.#token.type === "end";
  }

  #fail(context = this.#context): never {
    const { start, description } = this.#token;
    throw SeriesDescriptionError.in(this.#text, start, `unexpected ${description}${context}`);
  }
}

function repeat(value: SequenceValue, count: number): SequenceValue[] {
  return new Array<SequenceValue>(count).fill(value);
}

function histogramOf(fields: ReadonlyMap<string, Field>): FloatHistogram {
  const number = (name: string) => (fields.get(name) as number | undefined) ?? 0;
  const numbers = (name: string) => (fields.get(name) as number[] | undefined) ?? [];
  const spans = (buckets: number[], offset: number): Span[] =>
    buckets.length === 0 ? [] : [{ offset, length: buckets.length }];
  const positiveBuckets = numbers("buckets");
  const negativeBuckets = numbers("n_buckets");
  return createHistogram({
    schema: number("schema"),
    sum: number("sum"),
    count: number("count"),
    zeroCount: number("z_bucket"),
    zeroThreshold: number("z_bucket_w"),
    customValues: numbers("custom_values"),
    counterResetHint: (fields.get("counter_reset_hint") ?? "unknown") as CounterResetHint,
    positiveBuckets,
    negativeBuckets,
    positiveSpans: spans(positiveBuckets, number("offset")),
    negativeSpans: spans(negativeBuckets, number("n_offset")),
  });
}
