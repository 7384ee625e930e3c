/** The Common Expression Language: text → tree (cel-spec `doc/langdef.md`), as validation rules of custom resources use it. */

export type CelNode =
  | { kind: "literal"; value: CelLiteral }
  | { kind: "name"; name: string }
  | { kind: "select"; of: CelNode; field: string; isOptional: boolean }
  | { kind: "index"; of: CelNode; at: CelNode; isOptional: boolean }
  | { kind: "call"; receiver: CelNode | undefined; name: string; arguments: CelNode[] }
  | { kind: "list"; items: CelNode[] }
  | { kind: "map"; entries: [key: CelNode, value: CelNode][] }
  | { kind: "unary"; operator: string; of: CelNode }
  | { kind: "binary"; operator: string; left: CelNode; right: CelNode }
  | { kind: "condition"; test: CelNode; then: CelNode; otherwise: CelNode };

/** Whole numbers are bigint, others number. */
export type CelLiteral = null | boolean | bigint | number | string | Uint8Array;

/** How deep expressions nest at most. */
export const MAX_CEL_DEPTH = 200;

export class CelSyntaxError extends Error {}

interface Token {
  kind: "number" | "string" | "bytes" | "name" | "operator" | "end";
  text: string;
  value?: CelLiteral;
  at: number;
}

const NUMBER = /(?:0x[0-9a-fA-F]+u?|\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+u?)/y;
const NAME = /[A-Za-z_]\w*|`[^`\n]*`/y;
const STRING = /([bBrR]{0,2})("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/y;
/** A raw string ends at its quote, whatever stands before. */
const RAW_STRING = /([bB]?[rR][bB]?)("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')/y;
const OPERATOR = /\|\||&&|==|!=|<=|>=|\.\?|\[\?|[-+*/%!<>?:.,()[\]{}]/y;
const SPACE = /(?:\s|\/\/[^\n]*)*/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const add = (token: Omit<Token, "at">, length: number) => {
    tokens.push({ ...token, at });
    at += length;
  };
  for (;;) {
    at += match(SPACE)![0].length;
    if (at >= text.length) break;
    const string = match(RAW_STRING) ?? match(STRING);
    const number = match(NUMBER);
    const name = match(NAME);
    const operator = match(OPERATOR);
    if (string !== null) add(stringToken(string, at), string[0].length);
    else if (number !== null) add(numberToken(number[0]), number[0].length);
    else if (name !== null) add({ kind: "name", text: name[0].replaceAll("`", "") }, name[0].length);
    else if (operator !== null) add({ kind: "operator", text: operator[0] }, operator[0].length);
    else throw syntaxError(at, `token recognition error at: '${text[at]}'`);
  }
  tokens.push({ kind: "end", text: "<EOF>", at });
  return tokens;
}

/** What may begin an expression, as cel-go's parser lists it. */
const BEGINNINGS =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

function syntaxError(at: number, problem: string): CelSyntaxError {
  return new CelSyntaxError(`ERROR: <input>:1:${at + 1}: Syntax error: ${problem}`);
}

function numberToken(text: string): Omit<Token, "at"> {
  const isWhole = /^(0x[0-9a-fA-F]+|\d+)u?$/.test(text);
  return { kind: "number", text, value: isWhole ? BigInt(text.replace("u", "")) : Number(text) };
}

function stringToken([text, prefix, quoted]: RegExpExecArray, at: number): Omit<Token, "at"> {
  const width = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  const inner = quoted.slice(width, -width);
  const content = /r/i.test(prefix) ? inner : withoutEscapes(inner, at);
  if (!/b/i.test(prefix)) return { kind: "string", text, value: content };
  return { kind: "bytes", text, value: new TextEncoder().encode(content) };
}

const ESCAPES: Record<string, string> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function withoutEscapes(text: string, at: number): string {
  const pattern =
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[xX]([0-9a-fA-F]{2})|([0-3][0-7]{2})|([abfnrtv])|([\\?"'`])|[\s\S])/g;
  return text.replace(pattern, (all, u, long, x, octal, letter, same) => {
    if (letter !== undefined) return ESCAPES[letter];
    if (same !== undefined) return same;
    const code = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(u ?? long ?? x ?? "", 16);
    if (Number.isNaN(code) || code > 0x10ffff) throw syntaxError(at, `token recognition error at: '${all}'`);
    return String.fromCodePoint(code);
  });
}

const LEVELS = [["||"], ["&&"], ["<", "<=", ">=", ">", "==", "!=", "in"], ["+", "-"], ["*", "/", "%"]];
const RESERVED = new Set([
  "in",
  "as",
  "break",
  "const",
  "continue",
  "else",
  "for",
  "function",
  "if",
  "import",
]);

class Parser {
  readonly #tokens: Token[];
  #position = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  whole(): CelNode {
    const node = this.#expression();
    if (this.#next.kind !== "end") throw this.#unexpected();
    return node;
  }

  get #next(): Token {
    return this.#tokens[this.#position];
  }

  #unexpected(): CelSyntaxError {
    return syntaxError(this.#next.at, `mismatched input '${this.#next.text}'`);
  }

  #take(): Token {
    return this.#tokens[this.#position++];
  }

  #accept(text: string): boolean {
    const { kind, text: found } = this.#next;
    if ((kind !== "operator" && kind !== "name") || found !== text) return false;
    this.#position++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected();
  }

  #expression(): CelNode {
    if (++this.#depth > MAX_CEL_DEPTH)
      throw syntaxError(this.#next.at, "expression recursion limit exceeded");
    const test = this.#binary(0);
    let node = test;
    if (this.#accept("?")) {
      const then = this.#binary(0);
      this.#expect(":");
      node = { kind: "condition", test, then, otherwise: this.#expression() };
    }
    this.#depth--;
    return node;
  }

  #binary(level: number): CelNode {
    if (level === LEVELS.length) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const { kind, text } = this.#next;
      if ((kind !== "operator" && text !== "in") || !LEVELS[level].includes(text)) return left;
      this.#take();
      left = { kind: "binary", operator: text, left, right: this.#binary(level + 1) };
    }
  }

  #unary(): CelNode {
    const { text } = this.#next;
    if (this.#accept("!") || this.#accept("-")) {
      if (++this.#depth > MAX_CEL_DEPTH)
        throw syntaxError(this.#next.at, "expression recursion limit exceeded");
      const of = this.#unary();
      this.#depth--;
      return { kind: "unary", operator: text, of };
    }
    return this.#member();
  }

  #member(): CelNode {
    let node = this.#primary();
    for (;;) {
      if (this.#accept("[")) node = this.#index(node, false);
      else if (this.#accept("[?")) node = this.#index(node, true);
      else if (this.#accept(".?"))
        node = { kind: "select", of: node, field: this.#fieldName(), isOptional: true };
      else if (this.#accept(".")) {
        const field = this.#fieldName();
        node = this.#accept("(")
          ? { kind: "call", receiver: node, name: field, arguments: this.#list(")") }
          : { kind: "select", of: node, field, isOptional: false };
      } else return node;
    }
  }

  #index(of: CelNode, isOptional: boolean): CelNode {
    const at = this.#expression();
    this.#expect("]");
    return { kind: "index", of, at, isOptional };
  }

  #fieldName(): string {
    if (this.#next.kind !== "name") throw this.#unexpected();
    return this.#take().text;
  }

  #primary(): CelNode {
    const token = this.#take();
    const { kind, text } = token;
    if (kind === "number" || kind === "string" || kind === "bytes")
      return { kind: "literal", value: token.value! };
    if (kind === "name") return this.#named(token);
    if (text === ".") return { kind: "name", name: this.#fieldName() };
    if (text === "(") {
      const node = this.#expression();
      this.#expect(")");
      return node;
    }
    if (text === "[") return { kind: "list", items: this.#list("]") };
    if (text === "{") return this.#map();
    this.#position--;
    throw syntaxError(token.at, `mismatched input '${text}' expecting ${BEGINNINGS}`);
  }

  #named({ text, at }: Token): CelNode {
    if (text === "true" || text === "false") return { kind: "literal", value: text === "true" };
    if (text === "null") return { kind: "literal", value: null };
    if (RESERVED.has(text)) throw syntaxError(at, `mismatched input '${text}'`);
    if (!this.#accept("(")) return { kind: "name", name: text };
    return { kind: "call", receiver: undefined, name: text, arguments: this.#list(")") };
  }

  #list(end: string): CelNode[] {
    const items: CelNode[] = [];
    while (!this.#accept(end)) {
      items.push(this.#expression());
      if (!this.#accept(",")) {
        this.#expect(end);
        break;
      }
    }
    return items;
  }

  #map(): CelNode {
    const entries: [CelNode, CelNode][] = [];
    while (!this.#accept("}")) {
      const key = this.#expression();
      this.#expect(":");
      entries.push([key, this.#expression()]);
      if (!this.#accept(",")) {
        this.#expect("}");
        break;
      }
    }
    return { kind: "map", entries };
  }
}

/** @throws CelSyntaxError in about cel-go's words */
export function parseCel(text: string): CelNode {
  try {
    return new Parser(text).whole();
  } catch (error) {
    if (!(error instanceof CelSyntaxError)) throw error;
    const column = Number(/:(\d+): Syntax/.exec(error.message)?.[1] ?? 1);
    throw new CelSyntaxError(`${error.message}\n | ${text}\n | ${".".repeat(column - 1)}^`);
  }
}

/** Whether a variable is named anywhere. */
export function namesVariable(node: CelNode, name: string): boolean {
  if (node.kind === "name") return node.name === name;
  return childrenOf(node).some((child) => namesVariable(child, name));
}

export function childrenOf(node: CelNode): CelNode[] {
  switch (node.kind) {
    case "select":
    case "unary":
      return [node.of];
    case "index":
      return [node.of, node.at];
    case "call":
      return node.receiver === undefined ? node.arguments : [node.receiver, ...node.arguments];
    case "list":
      return node.items;
    case "map":
      return node.entries.flat();
    case "binary":
      return [node.left, node.right];
    case "condition":
      return [node.test, node.then, node.otherwise];
    default:
      return [];
  }
}
