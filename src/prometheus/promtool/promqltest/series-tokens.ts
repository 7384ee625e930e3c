/** The tokens of the values of a series, and of histograms in it (`lexValueSequence`, `lexHistogram` upstream). */
import { quoteGo } from "../../../model/go-quote.ts";
import { describeToken, tokenize } from "../../promql/parser/lexer.ts";
import { scanSeriesNumber } from "../../promql/parser/number-scanner.ts";
import { SeriesDescriptionError } from "./series-description-error.ts";

export interface SeriesToken {
  type: "space" | "number" | "word" | "field" | "hint" | "symbol" | "end";
  /** As written; of a symbol the symbol: `+`, `-`, `x`, `_`, `{{`, `}}`, `:`, `[`, `]`. */
  text: string;
  start: number;
  /** As messages call it. */
  description: string;
}

export const FIELDS: ReadonlySet<string> = new Set([
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

const HINTS: ReadonlySet<string> = new Set(["unknown", "reset", "not_reset", "gauge"]);
const NUMBER_WORD = /^(?:inf|nan)$/i;

export class SeriesTokens {
  readonly #text: string;
  #at: number;
  #isInHistogram = false;
  #isInBuckets = false;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#at = start;
  }

  /** @throws SeriesDescriptionError for what is no token */
  next(): SeriesToken {
    if (this.#isInBuckets) return this.#inBuckets();
    return this.#isInHistogram ? this.#inHistogram() : this.#inValues();
  }

  #inValues(): SeriesToken {
    if (this.#at >= this.#text.length) return this.#end();
    const space = this.#match(/[ \t\r\n]+/y);
    if (space !== undefined) return this.#token("space", space, '" "');
    if (this.#text.startsWith("{{", this.#at)) {
      this.#isInHistogram = true;
      return this.#symbol("{{");
    }
    const character = this.#text[this.#at];
    if (character === "+" || character === "-" || character === "x" || character === "_")
      return this.#symbol(character);
    if (/^\.?\d/.test(this.#text.slice(this.#at, this.#at + 2))) return this.#number();
    const word = this.#match(/[a-zA-Z_][a-zA-Z0-9_:]*/y);
    if (word === undefined)
      this.#failAt(this.#at, `unexpected character in series sequence: ${this.#quoted()}`);
    if (NUMBER_WORD.test(word)) return this.#token("number", word, `number ${quoteGo(word)}`);
    const [known] = tokenize(word).tokens;
    return this.#token("word", word, known === undefined ? quoteGo(word) : describeToken(known));
  }

  #inHistogram(): SeriesToken {
    const space = this.#match(/[ \t\r\n]+/y);
    if (space !== undefined) return this.#token("space", space, '" "');
    if (this.#text.startsWith("}}", this.#at)) {
      this.#isInHistogram = false;
      return this.#symbol("}}");
    }
    const character = this.#text[this.#at] ?? "";
    if (/[a-zA-Z_]/.test(character)) return this.#descriptor();
    if (character === ":" || character === "-") return this.#symbol(character);
    if (/\d/.test(character)) return this.#number();
    if (character !== "[") {
      this.#failAt(this.#at, `histogram description incomplete unexpected: ${this.#quoted()}`);
    }
    this.#isInBuckets = true;
    return this.#symbol("[");
  }

  #descriptor(): SeriesToken {
    const start = this.#at;
    const word = this.#match(/[a-zA-Z_]+/y)!;
    const lower = word.toLowerCase();
    if (FIELDS.has(lower)) {
      if (this.#text[this.#at] !== ":") this.#failAt(start, "missing `:` for histogram descriptor");
      return this.#token("field", word, quoteGo(word));
    }
    if (NUMBER_WORD.test(word)) return this.#token("number", word, `number ${quoteGo(word)}`);
    if (HINTS.has(lower)) return this.#token("hint", word, quoteGo(word));
    this.#failAt(start, `bad histogram descriptor found: ${quoteGo(word)}`);
  }

  #inBuckets(): SeriesToken {
    const space = this.#match(/[ \t\r\n]+/y);
    if (space !== undefined) return this.#token("space", space, '" "');
    const character = this.#text[this.#at] ?? "";
    if (character === "-") return this.#symbol("-");
    if (/\d/.test(character)) return this.#number();
    if (character === "]") {
      this.#isInBuckets = false;
      return this.#symbol("]");
    }
    const word = this.#match(/(?:inf|nan)/iy);
    if (word !== undefined) return this.#token("number", word, `number ${quoteGo(word)}`);
    this.#failAt(this.#at, `invalid character in buckets description: ${this.#quoted()}`);
  }

  #number(): SeriesToken {
    const start = this.#at;
    const { type, end } = scanSeriesNumber(this.#text, start);
    const text = this.#text.slice(start, end);
    if (type === "bad") this.#failAt(start, `bad number syntax: ${quoteGo(text)}`);
    this.#at = end;
    const shown = text.length > 10 ? `${quoteGo(text.slice(0, 10))}...` : quoteGo(text);
    return this.#token("number", text, `number ${shown}`);
  }

  #symbol(text: string): SeriesToken {
    this.#at += text.length;
    return this.#token("symbol", text, text === "+" || text === "-" ? `<op:${text}>` : quoteGo(text));
  }

  #end(): SeriesToken {
    return { type: "end", text: "", start: this.#at, description: "end of input" };
  }

  #token(type: SeriesToken["type"], text: string, description: string): SeriesToken {
    return { type, text, start: this.#at - text.length, description };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  /** What stands here as Go's `%q` shows a character; at the end it shows a replacement character. */
  #quoted(): string {
    const point = this.#text.codePointAt(this.#at);
    if (point === undefined) return "'\ufffd'";
    const character = String.fromCodePoint(point);
    if (character === "'") return "'\\''";
    return character === '"' ? `'"'` : `'${quoteGo(character).slice(1, -1)}'`;
  }

  #failAt(start: number, detail: string): never {
    throw SeriesDescriptionError.in(this.#text, start, detail);
  }
}
