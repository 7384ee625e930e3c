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
  #predicates = 0;

  constructor(tokens: Token[], names: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#names = names;
  }

  parse(): Node {
    const node = this.#sequence();
    if (this.#peek.kind !== "EOF") throw this.#unexpected();
    return node;
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
    this.#take();
    const { kind, text: name, position } = this.#peek;
    if (kind !== "Identifier") throw this.#unexpected();
    this.#take();
    this.#expect("=");
    const value = this.#expression();
    this.#expect(";");
    if (this.#names.has(name)) throw new ExpressionError(`cannot redeclare ${name}`, position);
    if (isFunction(name) || isPredicateFunction(name)) {
      throw new ExpressionError(`cannot redeclare builtin ${name}`, position);
    }
    if (this.#locals.some((local) => local.name === name)) {
      throw new ExpressionError(`cannot redeclare variable ${name}`, position);
    }
    this.#locals.push({ name, type: value.type });
    const body = this.#sequence();
    this.#locals.pop();
    const run = (scope: Scope) =>
      body.run({ ...scope, locals: new Map(scope.locals).set(name, value.run(scope)) });
    return { ...body, run };
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
        node = binaryNode(operator, node, this.#expression(isRightAssociative ? binds : binds + 1), position);
      }
      if (negated) node = unaryNode("not", node, position);
      previous = operator;
    }
    return precedence === 0 ? this.#conditional(node) : node;
  }

  /** `a < b < c` is `a < b && b < c`. */
  #comparisons(first: Node, operator: string, position: number, binds: number): Node {
    let right = this.#expression(binds + 1);
    let node = binaryNode(operator, first, right, position);
    while (this.#peek.kind === "Operator" && COMPARISONS.has(this.#peek.text)) {
      const next = this.#take();
      const left = right;
      right = this.#expression(binds + 1);
      node = binaryNode("&&", node, binaryNode(next.text, left, right, next.position), next.position);
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
    if (!isFunction(name)) throw new ExpressionError(`unknown name ${name}`, position);
    return callNode(name, [first, ...this.#list(")")], position);
  }

  #conditional(condition: Node): Node {
    if (!this.#is("?")) return condition;
    const { position } = this.#take();
    checkCondition(condition);
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
      return unaryNode(text, this.#expression(UNARY_PRECEDENCE), position);
    }
    if (kind === "Operator" && (text === "!" || text === "not")) {
      this.#take();
      return unaryNode(text, this.#expression(NOT_PRECEDENCE), position);
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
        node = indexNode(node, index, position);
      } else if (this.#accept(".") || this.#accept("?.")) {
        const { kind, text: field, position: at } = this.#peek;
        if (kind !== "Identifier") throw this.#unexpected();
        throw new ExpressionError(`type ${node.type} has no field ${field}`, at);
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
      return { type: "array", position, run };
    }
    if (text === "#" && this.#predicates > 0) return this.#pointer(position);
    throw this.#unexpected(token);
  }

  /** `#`, `#index` */
  #pointer(position: number): Node {
    if (this.#peek.kind === "Identifier" && this.#peek.text === "index") {
      this.#take();
      return { type: "int", position, run: ({ index }) => index! };
    }
    return { type: "unknown", position, run: ({ element }) => element! };
  }

  #named(token: Token, literal: (type: ValueType, value: Value) => Node): Node {
    const { text: name, position } = token;
    if (name === "true" || name === "false") return literal("bool", name === "true");
    if (name === "nil") return literal("nil", null);
    if (this.#accept("(")) {
      if (isPredicateFunction(name)) return this.#predicateCall(name, position);
      if (!isFunction(name)) throw new ExpressionError(`unknown name ${name}`, position);
      return callNode(name, this.#list(")"), position);
    }
    const local = this.#locals.find((candidate) => candidate.name === name);
    if (local !== undefined) return { type: local.type, position, run: ({ locals }) => locals.get(name)! };
    if (!this.#names.has(name)) throw new ExpressionError(`unknown name ${name}`, position);
    return { type: "float64", position, run: ({ environment }) => environment.get(name) ?? null };
  }

  /** `if a { b } else { c }` */
  #ifElse(): Node {
    const { position } = this.#take();
    const condition = this.#expression();
    checkCondition(condition);
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
      this.#predicates++;
      predicate = this.#expression();
      this.#predicates--;
      if (braced) this.#expect("}");
    }
    this.#expect(")");
    return predicateCallNode(name, list, predicate, position);
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
