/**
 * The formulas of `scalingModifiers`: the part of the expr language (expr-lang/expr v1.17) that computes with numbers.
 * Operators `+ - * / % ** ^ == != < <= > >= in && || ! and or not ?: ?? ..`, lists, the functions of
 * `expression-functions.ts`, among them those that take a predicate (`count([a, b], # > 1)`, `{# > 1}` too),
 * `let x = …; …`, comments. Names are those of triggers. Types are checked, and errors worded and placed, as upstream does.
 */
import { callNode, isFunction, isPredicateFunction, predicateCallNode } from "./expression-functions.ts";
import { ExpressionError, type Token, tokenize } from "./expression-lexer.ts";
import {
  binaryNode,
  checkCondition,
  conditionalNode,
  indexNode,
  MAX_STEPS,
  type Node,
  type Scope,
  spend,
  unaryNode,
  type Value,
  type ValueType,
} from "./expression-node.ts";

export { ExpressionError } from "./expression-lexer.ts";
export { MAX_STEPS, type Value } from "./expression-node.ts";
export type Environment = ReadonlyMap<string, number | null>;

/** Longer formulas are refused. */
export const MAX_FORMULA_LENGTH = 10_000;
/** Deeper nesting is refused. */
export const MAX_DEPTH = 100;

/** Computes with the values of an environment. @throws ExpressionError */
export type Formula = (environment: Environment) => Value;

/**
 * Reads a formula.
 *
 * @param names the triggers that it may name
 * @throws ExpressionError
 */
export function compileFormula(text: string, names: ReadonlySet<string>): Formula {
  if (text.length > MAX_FORMULA_LENGTH) {
    throw new ExpressionError(`formula is longer than ${MAX_FORMULA_LENGTH} characters`);
  }
  const node = placed(text, () => new Parser(tokenize(text), names).parse());
  return (environment) =>
    placed(text, () => node.run({ environment, locals: new Map(), steps: { left: MAX_STEPS } }));
}

/** An error gets the formula drawn below it. */
function placed<T>(source: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ExpressionError(error.problem, error.position, source);
  }
}

// ---- grammar ----

/** Higher binds tighter. */
const BINARY: Record<string, number> = {
  "|": 0,
  "||": 10,
  or: 10,
  "&&": 15,
  and: 15,
  "==": 20,
  "!=": 20,
  "<": 20,
  ">": 20,
  "<=": 20,
  ">=": 20,
  in: 20,
  "..": 25,
  "+": 30,
  "-": 30,
  "*": 60,
  "/": 60,
  "%": 60,
  "**": 100,
  "^": 100,
  "??": 500,
};
const COMPARISONS = new Set(["<", ">", "<=", ">="]);
const UNARY_PRECEDENCE = 90;
const NOT_PRECEDENCE = 50;

/** All names of the formula as one map. */
const ENVIRONMENT = "$env";

/** What a name in the formula is. */
interface Local {
  name: string;
  type: ValueType;
}

class Parser {
  readonly #tokens: Token[];
  readonly #names: ReadonlySet<string>;
  readonly #locals: Local[] = [];
  #position = 0;
  #depth = 0;
  /** The lists of the predicates around. */
  readonly #lists: Node[] = [];
  /** The first thing that does not fit: told when the whole has turned out to be well-formed. */
  #mistake: ExpressionError | undefined;

  constructor(tokens: Token[], names: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#names = names;
  }

  parse(): Node {
    const node = this.#sequence();
    if (this.#peek.kind !== "EOF") throw this.#unexpected();
    if (this.#mistake !== undefined) throw this.#mistake;
    return node;
  }

  /** A node whose parts may not fit together. */
  #checked(position: number, make: () => Node): Node {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#mistake ??= error;
      return { type: "unknown", position, run: () => null };
    }
  }

  get #peek(): Token {
    return this.#tokens[this.#position];
  }

  #take(): Token {
    return this.#tokens[this.#position++];
  }

  #is(text: string): boolean {
    const { kind, text: found } = this.#peek;
    return found === text && kind !== "String" && kind !== "EOF";
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#position++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected();
  }

  #unexpected({ kind, text, position } = this.#peek): ExpressionError {
    const shown =
      kind === "EOF" ? kind : `${kind}(${JSON.stringify(kind === "String" ? textOf(text) : text)})`;
    return new ExpressionError(`unexpected token ${shown}`, position);
  }

  /** `let x = a; b`, `a; b` */
  #sequence(): Node {
    const first = this.#expression();
    if (!this.#accept(";") || this.#peek.kind === "EOF") return first;
    const next = this.#sequence();
    const run = (scope: Scope) => {
      first.run(scope);
      return next.run(scope);
    };
    return { ...next, run };
  }

  #variable(): Node {
    const { position: start } = this.#take();
    const { kind, text: name, position } = this.#peek;
    if (kind !== "Identifier") throw this.#unexpected();
    this.#take();
    this.#expect("=");
    const value = this.#expression();
    this.#expect(";");
    const problem = this.#redeclared(name);
    if (problem !== undefined) this.#mistake ??= new ExpressionError(problem, position);
    this.#locals.push({ name, type: value.type });
    const body = this.#sequence();
    this.#locals.pop();
    const run = (scope: Scope) =>
      body.run({ ...scope, locals: new Map(scope.locals).set(name, value.run(scope)) });
    return { ...body, position: start, run };
  }

  #redeclared(name: string): string | undefined {
    if (this.#names.has(name)) return `cannot redeclare ${name}`;
    if (isFunction(name) || isPredicateFunction(name)) return `cannot redeclare builtin ${name}`;
    const isLocal = this.#locals.some((local) => local.name === name);
    return isLocal ? `cannot redeclare variable ${name}` : undefined;
  }

  #expression(precedence = 0): Node {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionError(`formula is nested deeper than ${MAX_DEPTH}`);
    const node =
      precedence === 0 && this.#is("let")
        ? this.#variable()
        : precedence === 0 && this.#is("if")
          ? this.#ifElse()
          : this.#operators(precedence);
    this.#depth--;
    return node;
  }

  #operators(precedence: number): Node {
    let node = this.#unary();
    let previous = "";
    for (;;) {
      const { kind, text, position } = this.#peek;
      const negated = text === "not" && kind === "Operator" && this.#tokens[this.#position + 1].text === "in";
      const operator = negated ? "in" : text;
      const binds = kind === "Operator" && Object.hasOwn(BINARY, operator) ? BINARY[operator] : undefined;
      if (binds === undefined || binds < precedence) break;
      this.#position += negated ? 2 : 1;
      if (previous === "??" && operator !== "??" && operator !== "|") {
        const rule = "and coalesce expressions (??) cannot be mixed. Wrap either by parentheses.";
        throw new ExpressionError(`Operator (${operator}) ${rule}`, position);
      }
      if (operator === "|") node = this.#piped(node);
      else if (COMPARISONS.has(operator)) node = this.#comparisons(node, operator, position, binds);
      else {
        const isRightAssociative = operator === "**" || operator === "^";
        const right = this.#expression(isRightAssociative ? binds : binds + 1);
        node = this.#binary(operator, node, right, position);
      }
      if (negated) node = this.#unaryOf("not", node, position);
      previous = operator;
    }
    return precedence === 0 ? this.#conditional(node) : node;
  }

  #binary(operator: string, left: Node, right: Node, position: number): Node {
    return this.#checked(position, () => binaryNode(operator, left, right, position));
  }

  #unaryOf(operator: string, operand: Node, position: number): Node {
    return this.#checked(position, () => unaryNode(operator, operand, position));
  }

  /** `a < b < c` is `a < b && b < c`. */
  #comparisons(first: Node, operator: string, position: number, binds: number): Node {
    let right = this.#expression(binds + 1);
    let node = this.#binary(operator, first, right, position);
    while (this.#peek.kind === "Operator" && COMPARISONS.has(this.#peek.text)) {
      const next = this.#take();
      const left = right;
      right = this.#expression(binds + 1);
      const more = this.#binary(next.text, left, right, next.position);
      node = this.#binary("&&", node, more, next.position);
    }
    return node;
  }

  /** `a | max(b)` is `max(a, b)`. */
  #piped(first: Node): Node {
    const { kind, text: name, position } = this.#take();
    this.#position -= kind === "Identifier" ? 0 : 1;
    if (kind !== "Identifier") throw this.#unexpected();
    this.#expect("(");
    if (isPredicateFunction(name)) return this.#predicateCall(name, position, first);
    return this.#call(name, [first, ...this.#list(")")], position);
  }

  #call(name: string, args: Node[], position: number): Node {
    return this.#checked(position, () => {
      if (!isFunction(name)) throw new ExpressionError(`unknown name ${name}`, position);
      return callNode(name, args, position);
    });
  }

  /** Upstream looks at the condition before the branches. */
  #condition(condition: Node): void {
    this.#checked(condition.position, () => {
      checkCondition(condition);
      return condition;
    });
  }

  #conditional(condition: Node): Node {
    if (!this.#is("?")) return condition;
    const { position } = this.#take();
    this.#condition(condition);
    // `a ?: b` gives a unless it is false.
    if (this.#accept(":")) {
      return this.#conditional(conditionalNode(condition, condition, this.#expression(), position));
    }
    const yes = this.#expression();
    this.#expect(":");
    return this.#conditional(conditionalNode(condition, yes, this.#expression(), position));
  }

  #unary(): Node {
    const { text, kind, position } = this.#peek;
    if (kind === "Operator" && (text === "-" || text === "+")) {
      this.#take();
      return this.#unaryOf(text, this.#expression(UNARY_PRECEDENCE), position);
    }
    if (kind === "Operator" && (text === "!" || text === "not")) {
      this.#take();
      return this.#unaryOf(text, this.#expression(NOT_PRECEDENCE), position);
    }
    return this.#postfix(this.#primary());
  }

  #postfix(start: Node): Node {
    let node = start;
    for (;;) {
      const { position } = this.#peek;
      if (this.#accept("[")) {
        const index = this.#expression();
        this.#expect("]");
        const list = node;
        node = this.#checked(position, () => indexNode(list, index, position));
      } else if (this.#accept(".") || this.#accept("?.")) {
        const { kind, text: field, position: at } = this.#peek;
        if (kind !== "Identifier") throw this.#unexpected();
        this.#take();
        this.#mistake ??= new ExpressionError(`type ${node.type} has no field ${field}`, at);
      } else return node;
    }
  }

  #primary(): Node {
    const token = this.#take();
    const { kind, text, position } = token;
    const literal = (type: ValueType, value: Value): Node => ({ type, position, run: () => value });
    if (kind === "Number") {
      const plain = text.replaceAll("_", "");
      return literal(/^(0[xX]|\d+$)/.test(plain) ? "int" : "float64", Number(plain));
    }
    if (kind === "String") return literal("string", textOf(text));
    if (kind === "Identifier") return this.#named(token, literal);
    if (text === "(") {
      const node = this.#sequence();
      this.#expect(")");
      return node;
    }
    if (text === "[") {
      const items = this.#list("]");
      const run = (scope: Scope) => items.map((item) => spend(scope, item.run(scope)));
      const same = items.every(({ type }) => type === items[0].type) ? items[0]?.type : undefined;
      return { type: "array", element: same ?? "unknown", position, run };
    }
    if (text === "#" && this.#lists.length > 0) return this.#pointer(position);
    throw this.#unexpected(token);
  }

  /** `#`, `#index` */
  #pointer(position: number): Node {
    if (this.#peek.kind === "Identifier" && this.#peek.text === "index") {
      this.#take();
      return { type: "int", position, run: ({ index }) => index! };
    }
    const { element: type } = this.#lists.at(-1)!;
    const isAny = type === "unknown" || type === "nil";
    return { type: isAny ? "unknown" : (type ?? "unknown"), isAny, position, run: ({ element }) => element! };
  }

  #named(token: Token, literal: (type: ValueType, value: Value) => Node): Node {
    const { text: name, position } = token;
    if (name === "true" || name === "false") return literal("bool", name === "true");
    if (name === "nil") return literal("nil", null);
    if (name === ENVIRONMENT && ["[", ".", "?."].some((next) => this.#is(next))) return this.#memberOfAll();
    if (this.#accept("(")) {
      if (isPredicateFunction(name)) return this.#predicateCall(name, position);
      return this.#call(name, this.#list(")"), position);
    }
    const local = this.#locals.find((candidate) => candidate.name === name);
    if (local !== undefined) return { type: local.type, position, run: ({ locals }) => locals.get(name)! };
    return this.#numberOf(name, position);
  }

  #numberOf(name: string, position: number): Node {
    if (!this.#names.has(name)) this.#mistake ??= new ExpressionError(`unknown name ${name}`, position);
    return { type: "float64", position, run: ({ environment }) => environment.get(name) ?? null };
  }

  /** `$env.a`, and `$env["a-b"]` for a trigger whose name is no word of a formula. */
  #memberOfAll(): Node {
    const open = this.#take();
    if (open.text !== "[") {
      const { kind, text: name, position } = this.#take();
      if (kind !== "Identifier") throw this.#unexpected(this.#tokens[this.#position - 1]);
      return this.#numberOf(name, position);
    }
    const { kind, text } = this.#peek;
    const name = this.#expression();
    const isConstant = kind === "String" && this.#tokens[this.#position - 2] === open;
    this.#expect("]");
    if (isConstant) return this.#numberOf(textOf(text), open.position);
    const run = (scope: Scope) => scope.environment.get(String(name.run(scope))) ?? null;
    return { type: "float64", position: open.position, run };
  }

  /** `if a { b } else { c }` */
  #ifElse(): Node {
    const { position } = this.#take();
    const condition = this.#expression();
    this.#condition(condition);
    this.#expect("{");
    const yes = this.#sequence();
    this.#expect("}");
    this.#expect("else");
    if (this.#is("if")) return conditionalNode(condition, yes, this.#ifElse(), position);
    this.#expect("{");
    const no = this.#sequence();
    this.#expect("}");
    return conditionalNode(condition, yes, no, position);
  }

  /** `count(list, predicate)`; the predicate may stand in braces. */
  #predicateCall(name: string, position: number, piped?: Node): Node {
    const list = piped ?? this.#expression();
    let predicate: Node | undefined;
    if (piped === undefined ? this.#accept(",") : !this.#is(")")) {
      const braced = this.#accept("{");
      this.#lists.push(list);
      const start = this.#peek.position;
      predicate = { ...this.#expression(), position: start };
      this.#lists.pop();
      if (braced) this.#expect("}");
    }
    this.#expect(")");
    return this.#checked(position, () => predicateCallNode(name, list, predicate, position));
  }

  #list(close: string): Node[] {
    const items: Node[] = [];
    while (!this.#accept(close)) {
      items.push(this.#expression());
      if (!this.#is(close)) this.#expect(",");
    }
    return items;
  }
}

/** What a text in quotes says. */
function textOf(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("`")) return inner;
  return inner.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}
