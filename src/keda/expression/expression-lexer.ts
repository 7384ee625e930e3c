/** The words of a formula, and errors that show where in it they are (expr-lang/expr `parser/lexer`, `file/error.go`). */
import { scanNumber } from "./expression-number.ts";

export interface Token {
  kind: "Number" | "String" | "Identifier" | "Operator" | "Bracket" | "EOF";
  text: string;
  position: number;
}

/** A formula that can't be read or computed; the message says where, as upstream draws it. */
export class ExpressionError extends Error {
  constructor(problem: string, position?: number, source?: string) {
    super(position === undefined || source === undefined ? problem : drawn(problem, position, source));
    this.name = "ExpressionError";
    this.problem = problem;
    this.position = position;
  }

  readonly problem: string;
  /** Characters from the start. */
  readonly position: number | undefined;
}

/** `problem (1:5)` and below it the line with a mark under the place. */
function drawn(problem: string, position: number, source: string): string {
  const before = source.slice(0, position);
  const lineStart = before.lastIndexOf("\n") + 1;
  const end = source.indexOf("\n", lineStart);
  const line = source.slice(lineStart, end === -1 ? undefined : end);
  if (line === "") return problem;
  const column = before.length - lineStart;
  const row = before.split("\n").length;
  return `${problem} (${row}:${column + 1})\n | ${line.replaceAll("\t", " ")}\n | ${".".repeat(column)}^`;
}

const STRING = "\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`";
const OPERATOR = "\\*\\*|\\.\\.|\\?\\?|\\?\\.|==|!=|<=|>=|&&|\\|\\||[-+*/%^<>!?:,.;=#|]";
const TOKEN = new RegExp(
  `(\\s+|//[^\\n]*|/\\*[^]*?\\*/)|(${STRING})|([A-Za-z_$][\\w$]*)|(${OPERATOR})|([()[\\]{}])`,
  "y",
);
const KINDS = ["String", "Identifier", "Operator", "Bracket"] as const;

/** Words that are operators. */
const WORDS = new Set(["and", "or", "not", "in", "let", "if", "else"]);

/** @throws ExpressionError */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const position = TOKEN.lastIndex;
    const number = scanNumber(text, position);
    if (number !== undefined) {
      TOKEN.lastIndex = position + number.text.length;
      if (number.isBad) {
        throw new ExpressionError(`bad number syntax: ${JSON.stringify(number.text)}`, TOKEN.lastIndex - 1);
      }
      tokens.push({ kind: "Number", text: number.text, position });
      continue;
    }
    const match = TOKEN.exec(text);
    if (match === null) {
      const character = `U+${text.codePointAt(position)!.toString(16).toUpperCase().padStart(4, "0")} '${text[position]}'`;
      throw new ExpressionError(`unrecognized character: ${character}`, position);
    }
    const [found, space, ...groups] = match;
    if (space !== undefined) continue;
    const kind = KINDS[groups.findIndex((group) => group !== undefined)];
    tokens.push({ kind: WORDS.has(found) ? "Operator" : kind, text: found, position });
  }
  // The end is shown at the last character.
  tokens.push({ kind: "EOF", text: "", position: Math.max(text.length - 1, 0) });
  return tokens;
}
