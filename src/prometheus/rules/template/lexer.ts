/** Takes Go's templates apart into tokens (`text/template/parse/lex.go`). */
import { quoteGo } from "../../../model/go-quote.ts";

export type TokenType =
  | "error"
  | "eof"
  | "text"
  | "left-delimiter"
  | "right-delimiter"
  | "space"
  | "assign"
  | "declare"
  | "pipe"
  | "left-parenthesis"
  | "right-parenthesis"
  | "char"
  | "char-constant"
  | "string"
  | "raw-string"
  | "number"
  | "complex"
  | "bool"
  | "identifier"
  | "field"
  | "variable"
  | "dot"
  | "nil"
  | "keyword";

export interface Token {
  type: TokenType;
  /** Where it begins, in UTF-16 units. */
  at: number;
  text: string;
  line: number;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  "block break continue define else end if range template with".split(" "),
);
const BLANKS = " \t\r\n";
const ALPHANUMERIC = /[\p{L}\p{Nd}_]/u;
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;

export class Lexer {
  readonly #input: string;
  #at = 0;
  /** Where the token begins that is being read, and its line. */
  #start = 0;
  #startLine = 1;
  #isInAction = false;
  #depth = 0;
  #hasFailed = false;

  constructor(input: string) {
    this.#input = input;
  }

  /** At the end, and after an error, always an end. */
  next(): Token {
    if (this.#hasFailed) return { type: "eof", at: 0, text: "EOF", line: this.#startLine };
    return this.#isInAction ? this.#inAction() : this.#text();
  }

  #token(type: TokenType): Token {
    const token = {
      type,
      at: this.#start,
      text: this.#input.slice(this.#start, this.#at),
      line: this.#startLine,
    };
    this.#ignore();
    return token;
  }

  /** What was read so far belongs to no token. */
  #ignore(): void {
    for (let i = this.#start; i < this.#at; i++) if (this.#input[i] === "\n") this.#startLine++;
    this.#start = this.#at;
  }

  #fail(text: string): Token {
    this.#hasFailed = true;
    return { type: "error", at: this.#start, text, line: this.#startLine };
  }

  #text(): Token {
    for (;;) {
      const open = this.#input.indexOf("{{", this.#at);
      if (open < 0) {
        this.#at = this.#input.length;
        if (this.#at > this.#start) return this.#token("text");
        return { type: "eof", at: this.#at, text: "EOF", line: this.#startLine };
      }
      this.#at = open;
      const trims = this.#isTrimMark(open + 2);
      if (trims) while (this.#at > this.#start && BLANKS.includes(this.#input[this.#at - 1])) this.#at--;
      const before = this.#at > this.#start ? this.#token("text") : undefined;
      this.#at = open;
      this.#ignore();
      if (before !== undefined) return before;
      const isComment = this.#input.startsWith("/*", open + (trims ? 4 : 2));
      if (!isComment) return this.#leftDelimiter(trims);
      const problem = this.#comment(trims);
      if (problem !== undefined) return problem;
    }
  }

  /** Whether a `-` with a blank behind it stands there. */
  #isTrimMark(at: number): boolean {
    return this.#input[at] === "-" && at + 1 < this.#input.length && BLANKS.includes(this.#input[at + 1]);
  }

  #leftDelimiter(trims: boolean): Token {
    this.#at += 2;
    const token = this.#token("left-delimiter");
    if (trims) this.#at += 2;
    this.#ignore();
    this.#isInAction = true;
    this.#depth = 0;
    return token;
  }

  #comment(trims: boolean): Token | undefined {
    this.#at += trims ? 4 : 2;
    this.#ignore();
    const end = this.#input.indexOf("*/", this.#at + 2);
    if (end < 0) return this.#fail("unclosed comment");
    this.#at = end + 2;
    const closing = this.#closing();
    if (closing === undefined) return this.#fail("comment ends before closing delimiter");
    this.#close(closing);
    this.#ignore();
    return undefined;
  }

  /** How the action ends here, if it does. */
  #closing(): "plain" | "trimming" | undefined {
    const isBlank = this.#at < this.#input.length && BLANKS.includes(this.#input[this.#at]);
    if (isBlank && this.#input.startsWith("-}}", this.#at + 1)) return "trimming";
    return this.#input.startsWith("}}", this.#at) ? "plain" : undefined;
  }

  #close(closing: "plain" | "trimming"): void {
    this.#at += closing === "plain" ? 2 : 4;
    if (closing === "trimming") this.#skipBlanks();
  }

  #skipBlanks(): void {
    while (this.#at < this.#input.length && BLANKS.includes(this.#input[this.#at])) this.#at++;
  }

  #rightDelimiter(closing: "plain" | "trimming"): Token {
    if (closing === "trimming") this.#at += 2;
    this.#ignore();
    this.#at += 2;
    const token = this.#token("right-delimiter");
    if (closing === "trimming") this.#skipBlanks();
    this.#ignore();
    this.#isInAction = false;
    return token;
  }

  #inAction(): Token {
    const closing = this.#closing();
    if (closing !== undefined)
      return this.#depth === 0 ? this.#rightDelimiter(closing) : this.#fail("unclosed left paren");
    const code = this.#input.codePointAt(this.#at);
    if (code === undefined) return this.#fail("unclosed action");
    const character = String.fromCodePoint(code);
    if (BLANKS.includes(character)) return this.#blanks();
    switch (character) {
      case '"':
        return this.#quoted('"', "string", "unterminated quoted string");
      case "'":
        return this.#quoted("'", "char-constant", "unterminated character constant");
      case "`":
        return this.#rawString();
      case "$":
        return this.#fieldOrVariable("variable");
      case ".":
        // The input's last dot counts as a number: so it does upstream.
        if (/\D/.test(this.#input[this.#at + 1] ?? "0")) return this.#fieldOrVariable("field");
    }
    if (/[.+\-\d]/.test(character)) return this.#number();
    if (ALPHANUMERIC.test(character)) return this.#identifier();
    this.#at += character.length;
    return this.#punctuation(character, code);
  }

  #punctuation(character: string, code: number): Token {
    switch (character) {
      case "=":
        return this.#token("assign");
      case "|":
        return this.#token("pipe");
      case ":":
        if (this.#input[this.#at] !== "=") return this.#fail("expected :=");
        this.#at++;
        return this.#token("declare");
      case "(":
        this.#depth++;
        return this.#token("left-parenthesis");
      case ")":
        if (--this.#depth < 0) return this.#fail("unexpected right paren");
        return this.#token("right-parenthesis");
    }
    if (code >= 0x20 && code < 0x7f) return this.#token("char");
    return this.#fail(`unrecognized character in action: ${codePointText(code)}`);
  }

  #blanks(): Token {
    this.#skipBlanks();
    // The last blank may belong to the delimiter.
    this.#at--;
    if (this.#closing() !== "trimming") this.#at++;
    else if (this.#at === this.#start) return this.#rightDelimiter("trimming");
    return this.#token("space");
  }

  #quoted(quote: string, type: TokenType, problem: string): Token {
    for (this.#at++; ; this.#at++) {
      const character = this.#input[this.#at];
      if (character === "\\" && !["\n", undefined].includes(this.#input[this.#at + 1])) this.#at++;
      else if (character === undefined || character === "\n" || character === "\\")
        return this.#fail(problem);
      else if (character === quote) break;
    }
    this.#at++;
    return this.#token(type);
  }

  #rawString(): Token {
    const end = this.#input.indexOf("`", this.#at + 1);
    if (end < 0) return this.#fail("unterminated raw quoted string");
    this.#at = end + 1;
    return this.#token("raw-string");
  }

  #number(): Token {
    const scan = () => {
      NUMBER.lastIndex = this.#at;
      NUMBER.exec(this.#input);
      this.#at = NUMBER.lastIndex;
      const next = this.#peek();
      if (!ALPHANUMERIC.test(next)) return true;
      this.#at += next.length;
      return false;
    };
    const bad = () => this.#fail(`bad number syntax: ${quoteGo(this.#input.slice(this.#start, this.#at))}`);
    if (!scan()) return bad();
    if (!"+-".includes(this.#peek() || "x")) return this.#token("number");
    return scan() && this.#input[this.#at - 1] === "i" ? this.#token("complex") : bad();
  }

  #fieldOrVariable(type: "field" | "variable"): Token {
    this.#at++;
    if (this.#isAtTerminator()) return this.#token(type === "field" ? "dot" : type);
    this.#word();
    return this.#isAtTerminator() ? this.#token(type) : this.#badCharacter();
  }

  #identifier(): Token {
    this.#word();
    const word = this.#input.slice(this.#start, this.#at);
    if (!this.#isAtTerminator()) return this.#badCharacter();
    if (KEYWORDS.has(word)) return this.#token("keyword");
    if (word === "nil") return this.#token("nil");
    return this.#token(word === "true" || word === "false" ? "bool" : "identifier");
  }

  #badCharacter(): Token {
    return this.#fail(`bad character ${codePointText(this.#peek().codePointAt(0)!)}`);
  }

  #word(): void {
    for (let next = this.#peek(); ALPHANUMERIC.test(next); next = this.#peek()) this.#at += next.length;
  }

  /** "" at the end. */
  #peek(): string {
    const code = this.#input.codePointAt(this.#at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  /** Whether what stands here may follow a name. */
  #isAtTerminator(): boolean {
    const next = this.#peek();
    return next === "" || `${BLANKS}.,|:)(`.includes(next) || this.#input.startsWith("}}", this.#at);
  }
}

/** As Go's `%#U`. */
function codePointText(code: number): string {
  const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  const text = String.fromCodePoint(code);
  return /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(text) ? `${number} '${text}'` : number;
}
