/** Reads Go's `text/template` syntax into a tree. */
import { unquote as unquoteGo } from "../promql/parser/unquote.ts";

export class TemplateError extends Error {
  /** The line of the template, from 1, where it is known. */
  line: number | undefined;

  constructor(message: string) {
    super(message);
    this.name = "TemplateError";
  }
}

export type Term =
  | { kind: "literal"; value: string | number | bigint | boolean | undefined }
  | { kind: "dot"; path: string[] }
  | { kind: "variable"; name: string; path: string[] }
  | { kind: "function"; name: string }
  | { kind: "pipeline"; pipeline: Pipeline; path: string[] };

export interface Pipeline {
  /** `$x := …` or `$x = …`. */
  variable?: string;
  declares?: boolean;
  /** Each a term, or a function and its arguments; each gets the result of the one before. */
  commands: Term[][];
}

export type Node =
  | { kind: "text"; text: string }
  | { kind: "break" | "continue" }
  | { kind: "action"; pipeline: Pipeline; line: number }
  | { kind: "template"; name: string; pipeline: Pipeline | undefined; line: number }
  | { kind: "if" | "with"; pipeline: Pipeline; body: Node[]; otherwise: Node[]; line: number }
  | {
      kind: "range";
      pipeline: Pipeline;
      keyVariable?: string;
      body: Node[];
      otherwise: Node[];
      line: number;
    };

export interface Template {
  nodes: Node[];
  /** What `define` and `block` name. */
  definitions: Map<string, Node[]>;
}

/** Blocks in blocks. */
const MAX_DEPTH = 100;

/** @throws TemplateError */
export function parseTemplate(text: string): Template {
  const parser = new TemplateParser(pieces(text));
  try {
    const nodes = parser.nodes(0);
    parser.expectEnd();
    return { nodes, definitions: parser.definitions };
  } catch (error) {
    if (error instanceof TemplateError) error.line ??= parser.line;
    throw error;
  }
}

interface Piece {
  isAction: boolean;
  text: string;
  line: number;
}

/** Text and actions in turn; `{{-` and `-}}` take the blanks beside them along. */
function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  let trims = false;
  const push = (chunk: string) => {
    const trimmed = trims ? chunk.replace(/^[ \t\r\n]+/, "") : chunk;
    if (trimmed !== "") found.push({ isAction: false, text: trimmed, line });
  };
  let line = 1;
  let counted = 0;
  for (;;) {
    const open = text.indexOf("{{", at);
    if (open < 0) break;
    const action =
      /\{\{(-[ \t\r\n])?((?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|(?!\}\})[^"`'])*?)([ \t\r\n]-)?\}\}/sy;
    action.lastIndex = open;
    const match = action.exec(text);
    for (; counted < open; counted++) if (text[counted] === "\n") line++;
    if (match === null) {
      const error = new TemplateError("unclosed action");
      error.line = line;
      throw error;
    }
    let chunk = text.slice(at, open);
    if (match[1] !== undefined) chunk = chunk.replace(/[ \t\r\n]+$/, "");
    push(chunk);
    trims = match[3] !== undefined;
    if (!/^\s*\/\*[\s\S]*\*\/\s*$/.test(match[2]))
      found.push({ isAction: true, text: match[2].trim(), line });
    at = action.lastIndex;
  }
  push(text.slice(at));
  return found;
}

class TemplateParser {
  readonly definitions = new Map<string, Node[]>();
  readonly #pieces: Piece[];
  #at = 0;
  #loops = 0;

  constructor(list: Piece[]) {
    this.#pieces = list;
  }

  /** Where the parser is. */
  get line(): number {
    return this.#pieces[Math.min(this.#at, this.#pieces.length - 1)]?.line ?? 1;
  }

  expectEnd(): void {
    const piece = this.#pieces[this.#at];
    if (piece !== undefined) throw new TemplateError(`unexpected {{${piece.text}}}`);
  }

  /** Nodes up to an `end` or `else`, which is left to be read. */
  nodes(depth: number): Node[] {
    if (depth > MAX_DEPTH) throw new TemplateError("exceeded maximum template depth");
    const nodes: Node[] = [];
    for (; this.#at < this.#pieces.length; this.#at++) {
      const { isAction, text, line } = this.#pieces[this.#at];
      if (!isAction) {
        nodes.push({ kind: "text", text });
        continue;
      }
      const keyword = /^(\w+)\b/.exec(text)?.[1];
      if (keyword === "end" || keyword === "else") return nodes;
      if (keyword === "if" || keyword === "with" || keyword === "range") {
        if (text === keyword) throw new TemplateError(`missing value for ${keyword}`);
        this.#at++;
        nodes.push(this.#block(keyword, text.slice(keyword.length), depth));
      } else if (keyword === "define" || keyword === "template" || keyword === "block") {
        const node = this.#named(keyword, text, depth);
        if (node !== undefined) nodes.push(node);
      } else if (text === "break" || text === "continue") {
        if (this.#loops === 0) throw new TemplateError(`{{${text}}} outside {{range}}`);
        nodes.push({ kind: text });
      } else nodes.push({ kind: "action", pipeline: parsePipeline(text), line });
    }
    return nodes;
  }

  /** `define "name"`, `template "name" pipeline`, or both in one, which is `block`. */
  #named(keyword: "define" | "template" | "block", text: string, depth: number): Node | undefined {
    const { line } = this;
    const match = /^\w+\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)\s*(.*)$/s.exec(text);
    if (match === null) throw new TemplateError(`unexpected "}}" in ${keyword} clause`);
    const [, quoted, rest] = match;
    const name = quoted.startsWith("`") ? quoted.slice(1, -1) : unquote(quoted);
    if (keyword === "define" && depth > 0) throw new TemplateError("unexpected {{define}}");
    if (keyword !== "template") {
      this.#at++;
      this.definitions.set(name, this.nodes(depth + 1));
      if (this.#pieces[this.#at]?.text !== "end") throw new TemplateError("unexpected EOF");
    }
    if (keyword === "define") return undefined;
    return { kind: "template", name, pipeline: rest === "" ? undefined : parsePipeline(rest), line };
  }

  /** The position is behind the opening action; it ends on the closing one. */
  #block(keyword: "if" | "with" | "range", head: string, depth: number): Node {
    const line = this.#pieces[this.#at - 1].line;
    const keyed = /^\s*(\$\w+)\s*,\s*(\$\w+)\s*:=\s*/.exec(head);
    const pipeline =
      keyword === "range" && keyed !== null
        ? { ...parsePipeline(head.slice(keyed[0].length)), variable: keyed[2], declares: true }
        : parsePipeline(head);
    if (keyword === "range") this.#loops++;
    const body = this.nodes(depth + 1);
    if (keyword === "range") this.#loops--;
    let otherwise: Node[] = [];
    const next = this.#pieces[this.#at]?.text;
    if (next !== undefined && /^else\b/.test(next)) {
      const chained = /^else\s+(if|with)\b(.*)$/s.exec(next);
      this.#at++;
      if (chained !== null) {
        otherwise = [this.#block(chained[1] as "if" | "with", chained[2], depth + 1)];
        return this.#made(keyword, { pipeline, body, otherwise, line }, keyed?.[1]);
      }
      otherwise = this.nodes(depth + 1);
    }
    if (this.#pieces[this.#at]?.text !== "end") throw new TemplateError("unexpected EOF");
    return this.#made(keyword, { pipeline, body, otherwise, line }, keyed?.[1]);
  }

  #made(
    keyword: "if" | "with" | "range",
    parts: { pipeline: Pipeline; body: Node[]; otherwise: Node[]; line: number },
    keyVariable: string | undefined,
  ): Node {
    return keyword === "range" ? { kind: keyword, keyVariable, ...parts } : { kind: keyword, ...parts };
  }
}

const TOKEN =
  /\s+|"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|\$?\w+(?:\.\w+)*|\$(?:\.\w+)*|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\w+(?:\.\w+)*|:=|[().,|=]/y;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const number =
      /[-+]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)(?!\w)/y;
    number.lastIndex = at;
    const numeric = number.exec(text);
    if (numeric !== null) {
      tokens.push(numeric[0]);
      TOKEN.lastIndex = number.lastIndex;
      continue;
    }
    const match = TOKEN.exec(text);
    if (match === null) throw new TemplateError(`unexpected ${JSON.stringify(text[at])} in command`);
    if (match[0].trim() === "") tokens.push(" ");
    else tokens.push(match[0]);
  }
  return tokens;
}

export function parsePipeline(text: string): Pipeline {
  const tokens = tokenize(text.trim());
  const reader = { tokens, at: 0 };
  const assignment = /^(\$\w+)\s*(:?=)\s*/.exec(text.trim());
  const pipeline: Pipeline = { commands: [] };
  if (assignment !== null) {
    pipeline.variable = assignment[1];
    pipeline.declares = assignment[2] === ":=";
    reader.tokens = tokenize(text.trim().slice(assignment[0].length));
  }
  pipeline.commands = parseCommands(reader);
  if (reader.at < reader.tokens.length)
    throw new TemplateError(`unexpected ${JSON.stringify(reader.tokens[reader.at])} in operand`);
  return pipeline;
}

interface TokenReader {
  tokens: string[];
  at: number;
}

function parseCommands(reader: TokenReader): Term[][] {
  const commands: Term[][] = [];
  let command: Term[] = [];
  for (; reader.at < reader.tokens.length; ) {
    const token = reader.tokens[reader.at];
    if (token === " ") reader.at++;
    else if (token === ")") break;
    else if (token === "|") {
      if (command.length === 0) throw new TemplateError('unexpected "|" in command');
      commands.push(command);
      command = [];
      reader.at++;
    } else command.push(parseTerm(reader));
  }
  if (command.length > 0) commands.push(command);
  if (commands.length === 0) throw new TemplateError("missing value for command");
  for (const [i, [head]] of commands.entries())
    if (i > 0 && head.kind === "literal")
      throw new TemplateError(`non executable command in pipeline stage ${i + 1}`);
  return commands;
}

function parseTerm(reader: TokenReader): Term {
  const token = reader.tokens[reader.at++];
  if (token === "(") {
    const pipeline = { commands: parseCommands(reader) };
    if (reader.tokens[reader.at++] !== ")") throw new TemplateError("unclosed left paren");
    const next = reader.tokens[reader.at];
    const path = next !== undefined && /^\.\w/.test(next) ? next.slice(1).split(".") : [];
    if (path.length > 0) reader.at++;
    return { kind: "pipeline", pipeline, path };
  }
  if (/^[-+]?\.?\d/.test(token)) return { kind: "literal", value: numberLiteral(token) };
  if (token === ".") return { kind: "dot", path: [] };
  if (token.startsWith(".")) return { kind: "dot", path: token.slice(1).split(".") };
  if (token.startsWith("$")) {
    const [name, ...path] = token.split(".");
    return { kind: "variable", name, path };
  }
  if (token.startsWith('"')) return { kind: "literal", value: unquote(token) };
  if (token.startsWith("`")) return { kind: "literal", value: token.slice(1, -1) };
  if (token.startsWith("'")) return { kind: "literal", value: BigInt(unquote(token).codePointAt(0) ?? 0) };
  if (token === "true" || token === "false") return { kind: "literal", value: token === "true" };
  if (token === "nil") return { kind: "literal", value: undefined };
  if (/^\w+$/.test(token)) return { kind: "function", name: token };
  throw new TemplateError(`unexpected ${JSON.stringify(token)} in operand`);
}

/** Whole numbers are of another type than those with a point or an exponent. */
function numberLiteral(token: string): number | bigint {
  const digits = token.replaceAll("_", "");
  if (!/^[-+]?0[xXbBoO]/.test(digits) && /[.eE]/.test(digits)) return Number(digits);
  return (digits.startsWith("-") ? -1n : 1n) * BigInt(digits.replace(/^[-+]/, ""));
}

function unquote(token: string): string {
  try {
    return unquoteGo(token);
  } catch {
    throw new TemplateError(`invalid string ${token}`);
  }
}
