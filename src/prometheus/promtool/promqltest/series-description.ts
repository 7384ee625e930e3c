/**
 * Series as tests write them: `metric{label="value"} 1+2x5 _ stale {{schema:1 count:3}}` (upstream's
 * `ParseSeriesDesc`, documented with unit tests for rules).
 */

import { quoteGo } from "../../../model/go-quote.ts";
import { Labels } from "../../../model/labels.ts";
import { unquote } from "../../promql/parser/unquote.ts";
import { SeriesDescriptionError } from "./series-description-error.ts";
import { parseSeriesValues, type SequenceValue } from "./series-values.ts";

export interface SeriesDescription {
  labels: Labels;
  values: SequenceValue[];
  /** A label that was given twice, which no store takes. */
  repeatedLabel: string | undefined;
}

/**
 * @param unquotedUtf8Names whether names may have letters of any script, and dots, as in `ParserOptions`
 * @throws Error that says what was expected where
 */
export function parseSeriesDescription(text: string, unquotedUtf8Names = false): SeriesDescription {
  const reader = new LabelsReader(text, unquotedUtf8Names ? UTF8_NAME : NAME);
  const labels = reader.labels();
  return { labels, values: parseSeriesValues(text, reader.at), repeatedLabel: reader.repeated };
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const UTF8_NAME = /[\p{L}_:][\p{L}0-9_:.]*/uy;
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/y;

/** The name and the labels of a series. */
class LabelsReader {
  readonly #text: string;
  readonly #name: RegExp;
  /** How far the text has been read. */
  at = 0;
  repeated: string | undefined;

  constructor(text: string, name: RegExp) {
    this.#text = text;
    this.#name = name;
  }

  get #isAtEnd(): boolean {
    return this.at >= this.#text.length;
  }

  labels(): Labels {
    const pairs: [string, string][] = [];
    this.#space();
    if (this.#isAtEnd) return Labels.empty;
    const name = this.#match(this.#name);
    if (this.#take("{")) {
      while (!this.#take("}")) {
        pairs.push(this.#label());
        this.#space();
        if (!this.#take(",") && this.#text[this.at] !== "}") this.#fail(' in label set, expected "," or "}"');
        this.#space();
      }
    } else if (name === undefined) this.#fail(" in series values");
    const names = pairs.map(([label]) => label).sort();
    this.repeated = names.find((label, i) => label === names[i + 1]);
    // Before braces it counts more than one among the labels.
    if (name !== undefined) pairs.push(["__name__", name]);
    return Labels.of(pairs);
  }

  #label(): [string, string] {
    this.#space();
    const quoted = this.#match(STRING);
    const name = quoted === undefined ? this.#match(this.#name) : unquote(quoted);
    if (name === undefined) this.#failWithoutString('identifier or "}"');
    this.#space();
    if (this.#text.startsWith("=~", this.at) || !this.#take("=")) {
      if (quoted === undefined) this.#fail(' in label set, expected "="');
      return ["__name__", name];
    }
    this.#space();
    const value = this.#match(STRING);
    if (value === undefined) this.#failWithoutString("string");
    return [name, unquote(value)];
  }

  #space(): void {
    while (this.#text[this.at] === " " || this.#text[this.at] === "\t") this.at++;
  }

  #take(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.at);
    if (isThere) this.at += text.length;
    return isThere;
  }

  #match(pattern: RegExp): string | undefined {
    const sticky = pattern;
    sticky.lastIndex = this.at;
    const text = sticky.exec(this.#text)?.[0];
    if (text !== undefined) this.at += text.length;
    return text;
  }

  /** @param context where what stands here is unexpected, and what may stand there */
  #fail(context: string): never {
    throw this.#error(`unexpected ${this.#found()}${context}`);
  }

  #failWithoutString(expected: string): never {
    if (/["'`]/.test(this.#text[this.at] ?? "")) throw this.#error("unterminated quoted string");
    this.#fail(` in label set, expected ${expected}`);
  }

  #error(detail: string, at = this.at): SeriesDescriptionError {
    return new SeriesDescriptionError(Buffer.byteLength(this.#text.slice(0, at)), detail, true);
  }

  /** What stands here, as upstream's lexer calls it. */
  #found(): string {
    const rest = this.#text.slice(this.at);
    if (rest === "") return "end of input";
    if (/^x\d/.test(rest)) return '"x"';
    const [word] = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(rest) ?? [];
    if (word !== undefined) return `identifier ${quoteGo(word)}`;
    const [number] = /^\d[\d.eE]*/.exec(rest) ?? [];
    if (number !== undefined) return `number ${quoteGo(number)}`;
    const [string] = new RegExp(`^(?:${STRING.source})`).exec(rest) ?? [];
    if (string !== undefined)
      return `string ${quoteGo(string.slice(0, 10))}${string.length > 10 ? "..." : ""}`;
    const [operator] = /^(?:!=|=~|!~|[-+*/%^=])/.exec(rest) ?? [];
    if (operator !== undefined) return operator === "=" ? '"="' : `<op:${operator}>`;
    return quoteGo(rest[0]);
  }
}
