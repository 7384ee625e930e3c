/**
 * The tokens of a PromQL expression, named and complained about as upstream does (`promql/parser/lex.go`).
 *
 * The grammar itself is the official Lezer one (`expression-parser.ts`). This lexer finds what Lezer, made for an
 * editor, lets pass (a bad escape, an unclosed parenthesis), and supplies the words for error messages.
 */
import { scanNumber } from "./number-scanner.ts";
import { ParseError } from "./parse-error.ts";

export type TokenType =
  | "punctuation"
  | "operator"
  | "keyword"
  | "aggregator"
  | "preprocessor"
  | "identifier"
  | "metric identifier"
  | "string"
  | "number"
  | "duration"
  | "end of input";

export interface Token {
  type: TokenType;
  /** As written. */
  text: string;
  start: number;
  end: number;
}

const OPERATOR_WORDS = new Set(["and", "or", "unless", "atan2"]);

/** Aggregation operators. */
export const AGGREGATORS: ReadonlySet<string> = new Set([
  "sum",
  "avg",
  "count",
  "min",
  "max",
  "group",
  "stddev",
  "stdvar",
  "topk",
  "bottomk",
  "count_values",
  "quantile",
  "limitk",
  "limit_ratio",
]);

const KEYWORDS = new Set([
  "offset",
  "smoothed",
  "anchored",
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "fill",
  "fill_left",
  "fill_right",
  "bool",
]);

const DURATION_FUNCTIONS = new Set(["step", "range", "max_of", "min_of"]);
const PREPROCESSORS = new Set(["start", "end", ...DURATION_FUNCTIONS]);

const SPACE = /[ \t\n\r]/;

/** How names look that need no quotes. */
interface NamePatterns {
  /** Of metrics, keywords and functions. */
  word: RegExp;
  label: RegExp;
}

const ASCII_NAMES: NamePatterns = { word: /[A-Za-z_:][A-Za-z0-9_:]*/y, label: /[A-Za-z_][A-Za-z0-9_]*/y };
/** Letters of any script, and dots behind the first character. */
const UTF8_NAMES: NamePatterns = { word: /[\p{L}_:][\p{L}0-9_:.]*/uy, label: /[\p{L}_][\p{L}0-9_.]*/uy };

const TWO_CHARACTER_OPERATORS = new Set(["==", "!=", "<=", ">=", "</", ">/"]);
const OPERATORS = "*/%+-^<>@";

export interface Tokens {
  tokens: Token[];
  /** What stopped the lexer; without it the last token is `end of input`. */
  error: ParseError | undefined;
}

export interface LexerOptions {
  /** Names may have letters of any script, and dots. @default false */
  unquotedUtf8Names?: boolean;
}

/** Splits an expression into tokens. */
export function tokenize(input: string, { unquotedUtf8Names = false }: LexerOptions = {}): Tokens {
  const lexer = new Lexer(input, unquotedUtf8Names ? UTF8_NAMES : ASCII_NAMES);
  try {
    lexer.run();
    return { tokens: lexer.tokens, error: undefined };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { tokens: lexer.tokens, error };
  }
}

class Lexer {
  readonly #input: string;
  readonly #names: NamePatterns;
  readonly tokens: Token[] = [];
  #position = 0;
  #parentheses = 0;
  #insideBraces = false;
  #insideBrackets = false;
  #gotColon = false;
  #gotDuration = false;
  #gotNumber = false;

  constructor(input: string, names: NamePatterns) {
    this.#input = input;
    this.#names = names;
  }

  run(): undefined {
    for (;;) {
      this.#skipBlanks();
      if (this.#position >= this.#input.length) {
        this.#checkClosed();
        this.#emit("end of input", 0);
        return;
      }
      if (this.#insideBraces) this.#insideBracesToken();
      else if (this.#insideBrackets) this.#durationToken();
      else this.#expressionToken();
    }
  }

  #skipBlanks(): undefined {
    const input = this.#input;
    for (;;) {
      while (this.#position < input.length && SPACE.test(input[this.#position])) this.#position++;
      // Before the first number in brackets, upstream's lexer knows no comments.
      if (input[this.#position] !== "#" || (this.#insideBrackets && !this.#gotNumber)) return;
      const end = input.indexOf("\n", this.#position);
      this.#position = end === -1 ? input.length : end;
    }
  }

  #checkClosed(): undefined {
    if (this.#insideBraces) this.#fail("unexpected end of input inside braces");
    if (this.#insideBrackets && !this.#gotNumber) {
      this.#fail("unexpected end of input in duration expression");
    }
    if (this.#parentheses !== 0) this.#fail("unclosed left parenthesis");
    if (this.#insideBrackets) this.#fail("unclosed left bracket");
  }

  #expressionToken(): undefined {
    const character = this.#input[this.#position];
    const two = this.#input.slice(this.#position, this.#position + 2);
    if (TWO_CHARACTER_OPERATORS.has(two)) return this.#emit("operator", 2);
    if (OPERATORS.includes(character)) return this.#emit("operator", 1);
    if (/[0-9]/.test(character) || /^\.[0-9]/.test(two)) return this.#number();
    if (`"'\``.includes(character)) return this.#string();
    const word = this.#match(this.#names.word);
    if (word !== undefined) return this.#word(word);
    switch (character) {
      case "=":
        if (two === "=~") this.#fail(`unexpected character after '=': '~'`, 1);
        return this.#emit("punctuation", 1);
      case "!":
        return this.#fail(`unexpected character after '!': ${quoteRune(two[1])}`, 2);
      case "(":
        this.#parentheses++;
        return this.#emit("punctuation", 1);
      case ")":
        return this.#rightParenthesis();
      case "{":
        this.#insideBraces = true;
        return this.#emit("punctuation", 1);
      case "[":
        if (this.#insideBrackets) this.#fail("unexpected left bracket '['", 1);
        this.#insideBrackets = true;
        this.#gotColon = false;
        this.#gotDuration = false;
        this.#gotNumber = false;
        return this.#emit("punctuation", 1);
      case "]":
        return this.#fail("unexpected right bracket ']'", 1);
      case ",":
        return this.#emit("punctuation", 1);
    }
    this.#fail(`unexpected character: ${quoteRune(this.#rune())}`, 1);
  }

  #insideBracesToken(): undefined {
    const character = this.#input[this.#position];
    const next = this.#input[this.#position + 1];
    const name = this.#match(this.#names.label);
    if (name !== undefined) return this.#emit("identifier", name.length);
    if (`"'\``.includes(character)) return this.#string();
    switch (character) {
      case ",":
        return this.#emit("punctuation", 1);
      case "=":
        return next === "~" ? this.#emit("operator", 2) : this.#emit("punctuation", 1);
      case "!":
        if (next !== "~" && next !== "=") {
          this.#fail(`unexpected character after '!' inside braces: ${quoteRune(next)}`, 2);
        }
        return this.#emit("operator", 2);
      case "{":
        return this.#fail("unexpected left brace '{'", 1);
      case "}":
        this.#insideBraces = false;
        return this.#emit("punctuation", 1);
    }
    this.#fail(`unexpected character inside braces: ${quoteRune(this.#rune())}`, 1);
  }

  #rightParenthesis(): undefined {
    // Upstream's lexer forgets the token in favour of the error, which it places behind it.
    if (--this.#parentheses >= 0) return this.#emit("punctuation", 1);
    this.#position++;
    this.#fail("unexpected right parenthesis ')'");
  }

  #number(): undefined {
    const { type, end } = scanNumber(this.#input, this.#position);
    const duration = this.#input.slice(this.#position, end);
    if (type === "number") return this.#emit("number", duration.length);
    if (type === "bad") this.#fail(`bad number or duration syntax: ${quoteString(duration)}`);
    this.#emit("duration", duration.length);
  }

  #word(word: string): undefined {
    const type = typeOfWord(word);
    // `fill` is a metric like any other unless an argument follows.
    const isMetric = /^fill/i.test(word) && type === "keyword" && !this.#isFollowedByParenthesis(word.length);
    this.#emit(isMetric ? "identifier" : type, word.length);
  }

  #isFollowedByParenthesis(length: number): boolean {
    return /^\s*\(/.test(this.#input.slice(this.#position + length));
  }

  /** Between `[` and `]`. */
  #durationToken(): undefined {
    const character = this.#input[this.#position];
    if (/[0-9]/.test(character) || /^\.[0-9]/.test(this.#input.slice(this.#position, this.#position + 2))) {
      this.#gotDuration = true;
      this.#gotNumber = true;
      return this.#number();
    }
    if ("+-*/%^".includes(character)) return this.#emit("operator", 1);
    if ("(,".includes(character)) {
      if (character === "(") this.#parentheses++;
      return this.#emit("punctuation", 1);
    }
    switch (character) {
      case "]":
        this.#insideBrackets = false;
        return this.#emit("punctuation", 1);
      case ")":
        return this.#rightParenthesis();
      case ":":
        return this.#colon();
    }
    const word = this.#match(this.#names.label);
    if (word !== undefined && DURATION_FUNCTIONS.has(word.toLowerCase())) {
      this.#gotDuration = true;
      return this.#emit("preprocessor", word.length);
    }
    // Behind the first number, upstream's lexer is back where it reads expressions.
    if (this.#gotNumber && word !== undefined) {
      this.#fail(`unexpected character: ${quoteRune(character)}, expected ':'`, 1);
    }
    if (this.#gotNumber) return this.#expressionToken();
    this.#fail(`unexpected character in duration expression: ${quoteRune(this.#rune())}`, 1);
  }

  /** Between the range and the step of a subquery. */
  #colon(): undefined {
    if (this.#gotColon && this.#gotNumber) this.#fail("unexpected colon ':'", 1);
    // As with a right parenthesis too many, the token is forgotten in favour of the error behind it.
    if (!this.#gotDuration || this.#gotColon) {
      this.#position++;
      this.#fail(
        `unexpected ${this.#gotDuration ? "repeated colon" : "colon before duration"} in duration expression`,
      );
    }
    this.#emit("punctuation", 1);
    this.#gotColon = true;
  }

  #string(): undefined {
    const input = this.#input;
    const quote = input[this.#position];
    for (let i = this.#position + 1; i < input.length; i++) {
      if (input[i] === quote) return this.#emit("string", i + 1 - this.#position);
      // What does not decode, and the character that stands for it.
      if (input[i] === "\ufffd") this.#fail("invalid UTF-8 rune");
      if (quote === "`") continue;
      if (input[i] === "\n") break;
      if (input[i] === "\\") i += this.#escapeLength(i, quote) - 1;
    }
    this.#fail(quote === "`" ? "unterminated raw string" : "unterminated quoted string");
  }

  /** The length of the escape sequence at `at`, its backslash included. */
  #escapeLength(at: number, quote: string): number {
    const kind = this.#input[at + 1];
    if (kind === undefined) this.#fail("escape sequence not terminated");
    if ("abfnrtv\\".includes(kind) || kind === quote) return 2;
    const digits = ESCAPES.get(kind) ?? (/[0-7]/.test(kind) ? { from: 1, count: 3, base: 8 } : undefined);
    if (digits === undefined) return this.#fail(`unknown escape sequence ${unicodeName(kind)}`);
    const text = this.#input.slice(at + digits.from, at + digits.from + digits.count);
    const allowed = digits.base === 8 ? /^[0-7]*/ : /^[0-9a-fA-F]*/;
    const good = allowed.exec(text)![0];
    if (good.length < digits.count) {
      const bad = text[good.length];
      if (bad === undefined) this.#fail("escape sequence not terminated");
      this.#fail(`illegal character ${unicodeName(bad)} in escape sequence`);
    }
    const code = Number.parseInt(good, digits.base);
    const maximum = kind === "u" || kind === "U" ? 0x10ffff : 0xff;
    if (code > maximum || (code >= 0xd800 && code < 0xe000)) {
      this.#fail("escape sequence is an invalid Unicode code point");
    }
    return digits.from + digits.count;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#input)?.[0];
  }

  #rune(): string {
    return String.fromCodePoint(this.#input.codePointAt(this.#position)!);
  }

  #emit(type: TokenType, length: number): undefined {
    const start = this.#position;
    this.#position += length;
    this.tokens.push({ type, text: this.#input.slice(start, this.#position), start, end: this.#position });
  }

  #fail(message: string, consumed = 0): never {
    throw new ParseError(this.#input, { start: this.#position, end: this.#position + consumed }, message);
  }
}

const ESCAPES = new Map([
  ["x", { from: 2, count: 2, base: 16 }],
  ["u", { from: 2, count: 4, base: 16 }],
  ["U", { from: 2, count: 8, base: 16 }],
]);

const IS_ASCII = /^[ -~]*$/;

function typeOfWord(word: string): TokenType {
  // Of other scripts some letters have lower-case forms within ASCII, which make no keyword of a name.
  const lower = IS_ASCII.test(word) ? word.toLowerCase() : word;
  if (lower === "inf" || lower === "nan") return "number";
  if (OPERATOR_WORDS.has(lower)) return "operator";
  if (AGGREGATORS.has(lower)) return "aggregator";
  if (KEYWORDS.has(lower)) return "keyword";
  if (PREPROCESSORS.has(lower)) return "preprocessor";
  return word.includes(":") ? "metric identifier" : "identifier";
}

/** How upstream's messages name a token: `<op:+>`, `identifier "foo"`, `")"`. */
export function describeToken(token: Token): string {
  switch (token.type) {
    case "end of input":
      return "end of input";
    case "operator":
      return `<op:${token.text}>`;
    case "keyword":
      return `<${token.text}>`;
    case "aggregator":
      return `<aggr:${token.text}>`;
    case "identifier":
    case "metric identifier":
      return `${token.type} ${quoteString(token.text)}`;
    case "string":
    case "number":
    case "duration": {
      const { text } = token;
      return `${token.type} ${text.length > 10 ? `${quoteString(text.slice(0, 10))}...` : quoteString(text)}`;
    }
    default:
      return quoteString(token.text);
  }
}

/** As Go's `%q` prints a string. */
export function quoteString(text: string): string {
  let out = '"';
  for (const character of text) out += quotedCharacter(character, '"');
  return `${out}"`;
}

/** As Go's `%q` prints a character, or the end of the input, which is none. */
function quoteRune(character: string | undefined): string {
  return character === undefined ? "'\ufffd'" : `'${quotedCharacter(character, "'")}'`;
}

const SHORT_ESCAPES: Record<string, string> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};

function quotedCharacter(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0)!;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd";
  return UNPRINTABLE.test(character) ? `\\u${code.toString(16).padStart(4, "0")}` : character;
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** As Go's `%#U` prints a character. */
function unicodeName(character: string): string {
  const code = character.codePointAt(0)!;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")} '${character}'`;
}
