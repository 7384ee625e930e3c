/** Reads Go's templates into trees (`text/template/parse/parse.go`). */
import { quoteGo } from "../../../model/go-quote.ts";
import { Lexer, type Token, type TokenType } from "./lexer.ts";
import { numberNode, stringText } from "./literals.ts";
import { type Branch, type Command, nodeText, type Operand, type Pipeline, type Statement } from "./nodes.ts";
import { TemplateError } from "./template-error.ts";

export interface Template {
  name: string;
  text: string;
  statements: Statement[];
  /** What `define` and `block` name. */
  definitions: Map<string, Statement[]>;
}

/** Parentheses in parentheses, and blocks in blocks. */
const MAX_DEPTH = 500;

/** @throws TemplateError that says name and line */
export function parseTemplate(name: string, text: string, isFunction: (name: string) => boolean): Template {
  return new TemplateParser(name, text, isFunction).parse();
}

/** What ends a list of statements. */
type Ending = { kind: "end" } | { kind: "else" };
/** Variables and loops of one definition. */
interface Frame {
  variables: string[];
  loops: number;
}

const OPERANDS: ReadonlySet<TokenType> = new Set<TokenType>([
  "bool",
  "char-constant",
  "complex",
  "dot",
  "field",
  "identifier",
  "number",
  "nil",
  "raw-string",
  "string",
  "variable",
  "left-parenthesis",
]);
/** With A|B|C these can be no B. */
const NOT_EXECUTABLE: ReadonlySet<string> = new Set(["bool", "dot", "nil", "number", "string"]);

class TemplateParser {
  readonly #name: string;
  readonly #text: string;
  readonly #isFunction: (name: string) => boolean;
  readonly #lexer: Lexer;
  readonly #definitions = new Map<string, Statement[]>();
  /** Read and put back, the next one last. */
  readonly #ahead: Token[] = [];
  /** Where the reading is, for errors. */
  #line = 1;
  #actionLine = 0;
  #depth = 0;
  #frame: Frame = { variables: ["$"], loops: 0 };

  constructor(name: string, text: string, isFunction: (name: string) => boolean) {
    this.#name = name;
    this.#text = text;
    this.#isFunction = isFunction;
    this.#lexer = new Lexer(text);
  }

  parse(): Template {
    const statements: Statement[] = [];
    while (this.#peek().type !== "eof") {
      if (this.#readDefinition()) continue;
      const statement = this.#statement();
      if (isEnding(statement)) this.#fail(`unexpected {{${statement.kind}}}`);
      statements.push(statement);
    }
    return { name: this.#name, text: this.#text, statements, definitions: this.#definitions };
  }

  #fail(message: string): never {
    throw new TemplateError(`template: ${this.#name}:${this.#line}: ${message}`);
  }

  #next(): Token {
    const token = this.#ahead.pop();
    if (token !== undefined) return token;
    const fresh = this.#lexer.next();
    this.#line = fresh.line;
    return fresh;
  }

  #peek(): Token {
    const token = this.#next();
    this.#ahead.push(token);
    return token;
  }

  #nextNonSpace(): Token {
    for (;;) {
      const token = this.#next();
      if (token.type !== "space") return token;
    }
  }

  #peekNonSpace(): Token {
    const token = this.#nextNonSpace();
    this.#ahead.push(token);
    return token;
  }

  #unexpected(token: Token, context: string): never {
    if (token.type !== "error") this.#fail(`unexpected ${tokenText(token)} in ${context}`);
    if (this.#actionLine === 0 || this.#actionLine === token.line) this.#fail(token.text);
    const place = `started at ${this.#name}:${this.#actionLine}`;
    this.#fail(`${token.text} ${token.text.endsWith(" action") ? "" : "in action "}${place}`);
  }

  #expect(type: TokenType, context: string): Token {
    const token = this.#nextNonSpace();
    if (token.type !== type) this.#unexpected(token, context);
    return token;
  }

  /** `{{define "name"}} … {{end}}`, which may stand outside of all else only. */
  #readDefinition(): boolean {
    if (this.#peek().type !== "left-delimiter") return false;
    const delimiter = this.#next();
    const first = this.#nextNonSpace();
    if (first.type !== "keyword" || first.text !== "define") {
      this.#ahead.push(first, delimiter);
      return false;
    }
    const context = "define clause";
    const name = this.#templateName(this.#nextNonSpace(), context);
    this.#expect("right-delimiter", context);
    this.#define(name, context);
    return true;
  }

  /** Reads a template's body: it knows nothing of the variables around it. */
  #define(name: string, context: string): void {
    const outer = this.#frame;
    this.#frame = { variables: ["$"], loops: 0 };
    const { statements, ending } = this.#list();
    if (ending.kind !== "end") this.#fail(`unexpected {{${ending.kind}}} in ${context}`);
    this.#frame = outer;
    const known = this.#definitions.get(name);
    if (known !== undefined && !isEmpty(known)) {
      if (!isEmpty(statements)) this.#fail(`template: multiple definition of template ${quoteGo(name)}`);
    } else this.#definitions.set(name, statements);
  }

  #templateName(token: Token, context: string): string {
    if (token.type !== "string" && token.type !== "raw-string") this.#unexpected(token, context);
    return this.#unquoted(token.text);
  }

  #unquoted(text: string): string {
    return this.#placed(() => stringText(text));
  }

  /** What a literal comes to; what is wrong with it is said with the place. */
  #placed<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      this.#fail(error.message);
    }
  }

  #list(): { statements: Statement[]; ending: Ending } {
    if (++this.#depth > MAX_DEPTH) this.#fail("max expression depth exceeded");
    const statements: Statement[] = [];
    while (this.#peekNonSpace().type !== "eof") {
      const statement = this.#statement();
      if (isEnding(statement)) {
        this.#depth--;
        return { statements, ending: statement };
      }
      statements.push(statement);
    }
    this.#fail("unexpected EOF");
  }

  #statement(): Statement | Ending {
    const token = this.#nextNonSpace();
    if (token.type === "text") return { kind: "text", at: token.at, text: token.text };
    if (token.type !== "left-delimiter") this.#unexpected(token, "input");
    this.#actionLine = token.line;
    const statement = this.#action();
    this.#actionLine = 0;
    return statement;
  }

  #action(): Statement | Ending {
    const token = this.#nextNonSpace();
    if (token.type === "keyword") {
      switch (token.text) {
        case "block":
          return this.#block();
        case "break":
        case "continue":
          return this.#jump(token.text, token.at);
        case "else":
          return this.#else();
        case "end":
          this.#expect("right-delimiter", "end");
          return { kind: "end" };
        case "if":
        case "range":
        case "with":
          return this.#branch(token.text);
        case "template":
          return this.#template();
      }
    }
    this.#ahead.push(token);
    return { kind: "action", at: token.at, pipeline: this.#pipeline("command", "right-delimiter") };
  }

  #jump(kind: "break" | "continue", at: number): Statement {
    this.#expect("right-delimiter", `{{${kind}}}`);
    if (this.#frame.loops === 0) this.#fail(`{{${kind}}} outside {{range}}`);
    return { kind, at };
  }

  /** `else if` and `else with` are left to be read. */
  #else(): Ending {
    const { type, text } = this.#peekNonSpace();
    if (type !== "keyword" || (text !== "if" && text !== "with")) this.#expect("right-delimiter", "else");
    return { kind: "else" };
  }

  #branch(kind: Branch["kind"]): Branch {
    const variables = this.#frame.variables.length;
    const pipeline = this.#pipeline(kind, "right-delimiter");
    if (kind === "range") this.#frame.loops++;
    const { statements: body, ending } = this.#list();
    if (kind === "range") this.#frame.loops--;
    const otherwise = ending.kind === "else" ? this.#otherwise(kind) : [];
    this.#frame.variables.length = variables;
    return { kind, at: pipeline.at, pipeline, body, otherwise };
  }

  #otherwise(kind: Branch["kind"]): Statement[] {
    const { type, text } = this.#peek();
    if (type === "keyword" && kind !== "range" && text === kind) {
      this.#next();
      return [this.#branch(kind)];
    }
    const { statements, ending } = this.#list();
    if (ending.kind !== "end") this.#fail(`expected end; found {{${ending.kind}}}`);
    return statements;
  }

  /** A definition and its use in one. */
  #block(): Statement {
    const context = "block clause";
    const token = this.#nextNonSpace();
    const name = this.#templateName(token, context);
    const pipeline = this.#pipeline(context, "right-delimiter");
    this.#define(name, context);
    return { kind: "template", at: token.at, name, pipeline };
  }

  #template(): Statement {
    const context = "template clause";
    const token = this.#nextNonSpace();
    const name = this.#templateName(token, context);
    const next = this.#nextNonSpace();
    if (next.type === "right-delimiter") return { kind: "template", at: token.at, name, pipeline: undefined };
    this.#ahead.push(next);
    return { kind: "template", at: token.at, name, pipeline: this.#pipeline(context, "right-delimiter") };
  }

  #pipeline(context: string, end: TokenType): Pipeline {
    const pipeline: Pipeline = {
      kind: "pipeline",
      at: this.#peekNonSpace().at,
      variables: [],
      isAssignment: false,
      commands: [],
    };
    while (this.#declaration(pipeline, context));
    for (;;) {
      const token = this.#nextNonSpace();
      if (token.type === end) break;
      if (!OPERANDS.has(token.type)) this.#unexpected(token, context);
      this.#ahead.push(token);
      pipeline.commands.push(this.#command());
    }
    this.#checkPipeline(pipeline, context);
    return pipeline;
  }

  /** Reads `$x :=`, `$x =` or `$x,`; answers whether another one is to come. */
  #declaration(pipeline: Pipeline, context: string): boolean {
    if (this.#peekNonSpace().type !== "variable") return false;
    const variable = this.#next();
    const after = this.#next();
    const next = after.type === "space" ? this.#nextNonSpace() : after;
    const isComma = next.type === "char" && next.text === ",";
    if (next.type !== "assign" && next.type !== "declare" && !isComma) {
      this.#ahead.push(next);
      if (after !== next) this.#ahead.push(after);
      this.#ahead.push(variable);
      return false;
    }
    if (!isComma) pipeline.isAssignment = next.type === "assign";
    const [name, ...path] = variable.text.split(".");
    pipeline.variables.push({ kind: "variable", at: variable.at, name, path });
    this.#frame.variables.push(variable.text);
    if (!isComma) return false;
    if (context !== "range" || pipeline.variables.length >= 2)
      this.#fail(`too many declarations in ${context}`);
    const { type } = this.#peekNonSpace();
    if (type !== "variable" && type !== "right-delimiter" && type !== "right-parenthesis")
      this.#fail("range can only initialize variables");
    return true;
  }

  #checkPipeline({ commands }: Pipeline, context: string): void {
    if (commands.length === 0) this.#fail(`missing value for ${context}`);
    commands.forEach(({ operands: [first] }, i) => {
      if (i > 0 && NOT_EXECUTABLE.has(first.kind))
        this.#fail(`non executable command in pipeline stage ${i + 1}`);
    });
  }

  #command(): Command {
    const command: Command = { kind: "command", at: this.#peekNonSpace().at, operands: [] };
    for (;;) {
      this.#peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) command.operands.push(operand);
      const token = this.#next();
      if (token.type === "space") continue;
      if (token.type === "right-delimiter" || token.type === "right-parenthesis") this.#ahead.push(token);
      else if (token.type !== "pipe") this.#unexpected(token, "operand");
      break;
    }
    if (command.operands.length === 0) this.#fail("empty command");
    return command;
  }

  /** A term and the fields behind it. */
  #operand(): Operand | undefined {
    const term = this.#term();
    if (term === undefined || this.#peek().type !== "field") return term;
    const { at } = this.#peek();
    const path: string[] = [];
    while (this.#peek().type === "field") path.push(this.#next().text.slice(1));
    if (NOT_EXECUTABLE.has(term.kind)) this.#fail(`unexpected . after term ${quoteGo(nodeText(term))}`);
    if (term.kind === "field" || term.kind === "variable")
      return { ...term, at, path: [...term.path, ...path] };
    return { kind: "chain", at, node: term, path };
  }

  #term(): Operand | undefined {
    const token = this.#nextNonSpace();
    const { at, text } = token;
    switch (token.type) {
      case "identifier":
        if (!this.#isFunction(text)) this.#fail(`function ${quoteGo(text)} not defined`);
        return { kind: "identifier", at, name: text };
      case "dot":
        return { kind: "dot", at };
      case "nil":
        return { kind: "nil", at };
      case "variable":
        if (!this.#frame.variables.includes(text)) this.#fail(`undefined variable ${quoteGo(text)}`);
        return { kind: "variable", at, name: text, path: [] };
      case "field":
        return { kind: "field", at, path: [text.slice(1)] };
      case "bool":
        return { kind: "bool", at, value: text === "true" };
      case "char-constant":
      case "complex":
      case "number":
        return this.#placed(() => numberNode(text, at));
      case "left-parenthesis":
        return this.#parenthesis();
      case "string":
      case "raw-string":
        return { kind: "string", at, quoted: text, text: this.#unquoted(text) };
    }
    this.#ahead.push(token);
    return undefined;
  }

  #parenthesis(): Pipeline {
    if (++this.#depth > MAX_DEPTH) this.#fail("max expression depth exceeded");
    const pipeline = this.#pipeline("parenthesized pipeline", "right-parenthesis");
    this.#depth--;
    return pipeline;
  }
}

function isEnding(statement: Statement | Ending): statement is Ending {
  return statement.kind === "end" || statement.kind === "else";
}

/** Nothing but blanks. */
function isEmpty(statements: readonly Statement[]): boolean {
  return statements.every((each) => each.kind === "text" && each.text.trim() === "");
}

/** As in "unexpected … in …". */
function tokenText({ type, text }: Token): string {
  if (type === "eof") return "EOF";
  if (type === "keyword" || type === "nil" || type === "dot") return `<${text}>`;
  const characters = [...text];
  return characters.length > 10 ? `${quoteGo(characters.slice(0, 10).join(""))}...` : quoteGo(text);
}
