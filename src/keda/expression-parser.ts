/** The grammar of formulas: each construct becomes a node that computes (expr-lang/expr `parser`). */
import { ExpressionCursor, textOf } from "./expression-cursor.ts";
import { callNode, isFunction } from "./expression-functions.ts";
import { ExpressionError, type Token } from "./expression-lexer.ts";
import {
  binaryNode,
  checkCondition,
  conditionalNode,
  indexNode,
  type Node,
  type Scope,
  sliceNode,
  spend,
  unaryNode,
  type Value,
  type ValueType,
} from "./expression-node.ts";
import {
  checkCollection,
  isPredicateFunction,
  isPredicateOptional,
  pointersOf,
  predicateCallNode,
  takesMore,
} from "./expression-predicates.ts";

/** Deeper nesting is refused. */
export const MAX_DEPTH = 100;

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

export class ExpressionParser {
  readonly #words: ExpressionCursor;
  readonly #names: ReadonlySet<string>;
  readonly #locals: Local[] = [];
  #depth = 0;
  /** The lists of the predicates around, and what those may ask for beside the element. */
  readonly #around: { list: Node; pointers: readonly string[] }[] = [];
  /** The first thing that does not fit: told when the whole has turned out to be well-formed. */
  #mistake: ExpressionError | undefined;

  constructor(tokens: Token[], names: ReadonlySet<string>) {
    this.#words = new ExpressionCursor(tokens);
    this.#names = names;
  }

  parse(): Node {
    const node = this.#sequence();
    if (this.#words.peek.kind !== "EOF") throw this.#words.unexpected();
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

  /** `let x = a; b`, `a; b` */
  #sequence(): Node {
    const first = this.#expression();
    if (!this.#words.accept(";") || this.#words.peek.kind === "EOF") return first;
    const next = this.#sequence();
    const run = (scope: Scope) => {
      first.run(scope);
      return next.run(scope);
    };
    return { ...next, run };
  }

  #variable(): Node {
    this.#words.take();
    const { kind, text: name, position } = this.#words.peek;
    if (kind !== "Identifier") throw this.#words.unexpected();
    this.#words.take();
    this.#words.expect("=");
    const value = this.#expression();
    this.#words.expect(";");
    const problem = this.#redeclared(name);
    if (problem !== undefined) this.#mistake ??= new ExpressionError(problem, position);
    this.#locals.push({ name, type: value.type });
    const body = this.#sequence();
    this.#locals.pop();
    const run = (scope: Scope) =>
      body.run({ ...scope, locals: new Map(scope.locals).set(name, value.run(scope)) });
    return { ...body, position, run };
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
      precedence === 0 && this.#words.is("let")
        ? this.#variable()
        : precedence === 0 && this.#words.is("if")
          ? this.#ifElse()
          : this.#operators(precedence);
    this.#depth--;
    return node;
  }

  #operators(precedence: number): Node {
    let node = this.#unary();
    let previous = "";
    for (;;) {
      const { kind, text, position } = this.#words.peek;
      const negated = text === "not" && kind === "Operator" && this.#words.next.text === "in";
      const operator = negated ? "in" : text;
      const binds = kind === "Operator" && Object.hasOwn(BINARY, operator) ? BINARY[operator] : undefined;
      if (binds === undefined || binds < precedence) break;
      this.#words.take();
      if (negated) this.#words.take();
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
    while (this.#words.peek.kind === "Operator" && COMPARISONS.has(this.#words.peek.text)) {
      const next = this.#words.take();
      const left = right;
      right = this.#expression(binds + 1);
      const more = this.#binary(next.text, left, right, next.position);
      node = this.#binary("&&", node, more, next.position);
    }
    return node;
  }

  /** `a | max(b)` is `max(a, b)`. */
  #piped(first: Node): Node {
    const { kind, text: name, position } = this.#words.peek;
    if (kind !== "Identifier") throw this.#words.unexpected();
    this.#words.take();
    this.#words.expect("(");
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
    if (!this.#words.is("?")) return condition;
    const { position } = this.#words.take();
    this.#condition(condition);
    // `a ?: b` gives a unless it is false.
    if (this.#words.accept(":")) {
      return this.#conditional(conditionalNode(condition, condition, this.#expression(), position));
    }
    const yes = this.#expression();
    this.#words.expect(":");
    return this.#conditional(conditionalNode(condition, yes, this.#expression(), position));
  }

  #unary(): Node {
    const { text, kind, position } = this.#words.peek;
    if (kind === "Operator" && (text === "-" || text === "+")) {
      this.#words.take();
      return this.#unaryOf(text, this.#expression(UNARY_PRECEDENCE), position);
    }
    if (kind === "Operator" && (text === "!" || text === "not")) {
      this.#words.take();
      return this.#unaryOf(text, this.#expression(NOT_PRECEDENCE), position);
    }
    return this.#postfix(this.#primary());
  }

  #postfix(start: Node): Node {
    let node = start;
    for (;;) {
      const { position } = this.#words.peek;
      if (this.#words.accept("[")) {
        node = this.#bracketed(node, position);
      } else if (this.#words.accept(".") || this.#words.accept("?.")) {
        const { kind, text: field, position: at } = this.#words.peek;
        if (kind !== "Identifier") throw this.#words.unexpected();
        this.#words.take();
        this.#mistake ??= new ExpressionError(`type ${node.type} has no field ${field}`, at);
      } else return node;
    }
  }

  /** `a[1]`, `a[1:2]` */
  #bracketed(list: Node, position: number): Node {
    const index = this.#words.is(":") ? undefined : this.#expression();
    const isSlice = this.#words.accept(":");
    const to = isSlice && !this.#words.is("]") ? this.#expression() : undefined;
    this.#words.expect("]");
    return this.#checked(position, () =>
      isSlice ? sliceNode(list, index, to, position) : indexNode(list, index!, position),
    );
  }

  #primary(): Node {
    const token = this.#words.take();
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
      this.#words.expect(")");
      return node;
    }
    if (text === "[") {
      const items = this.#list("]");
      const run = (scope: Scope) => items.map((item) => spend(scope, item.run(scope)));
      const same = items.every(({ type }) => type === items[0].type) ? items[0]?.type : undefined;
      return { type: "array", element: same ?? "unknown", position, run };
    }
    if (text === "#" && this.#around.length > 0) return this.#pointer(position);
    throw this.#words.unexpected(token);
  }

  /** `#`, and what else the function around has: `#index`, `#acc` */
  #pointer(position: number): Node {
    const { list, pointers } = this.#around.at(-1)!;
    const { kind, text: name } = this.#words.peek;
    if (kind === "Identifier") {
      this.#words.take();
      if (!pointers.includes(name)) {
        this.#mistake ??= new ExpressionError(`unknown pointer #${name}`, position);
      }
      return name === "index"
        ? { type: "int", position, run: ({ index }) => index! }
        : { type: "unknown", position, run: ({ accumulator }) => accumulator ?? null };
    }
    const { element: type } = list;
    const isAny = type === "unknown" || type === "nil";
    return { type: isAny ? "unknown" : (type ?? "unknown"), isAny, position, run: ({ element }) => element! };
  }

  #named(token: Token, literal: (type: ValueType, value: Value) => Node): Node {
    const { text: name, position } = token;
    if (name === "true" || name === "false") return literal("bool", name === "true");
    if (name === "nil") return literal("nil", null);
    if (name === ENVIRONMENT && ["[", ".", "?."].some((next) => this.#words.is(next)))
      return this.#memberOfAll();
    if (this.#words.accept("(")) {
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
    const open = this.#words.take();
    if (open.text !== "[") {
      const { kind, text: name, position } = this.#words.peek;
      if (kind !== "Identifier") throw this.#words.unexpected();
      this.#words.take();
      return this.#numberOf(name, position);
    }
    const first = this.#words.peek;
    const { kind, text } = first;
    const name = this.#expression();
    const isConstant = kind === "String" && this.#words.previous === first;
    this.#words.expect("]");
    if (isConstant) return this.#numberOf(textOf(text), open.position);
    const run = (scope: Scope) => scope.environment.get(String(name.run(scope))) ?? null;
    return { type: "float64", position: open.position, run };
  }

  /** `if a { b } else { c }` */
  #ifElse(): Node {
    const { position } = this.#words.take();
    const condition = this.#expression();
    this.#condition(condition);
    this.#words.expect("{");
    const yes = this.#sequence();
    this.#words.expect("}");
    this.#words.expect("else");
    if (this.#words.is("if")) return conditionalNode(condition, yes, this.#ifElse(), position);
    this.#words.expect("{");
    const no = this.#sequence();
    this.#words.expect("}");
    return conditionalNode(condition, yes, no, position);
  }

  /** `count(list, predicate)`; the predicate may stand in braces. */
  #predicateCall(name: string, position: number, piped?: Node): Node {
    const list = piped ?? this.#expression();
    this.#checked(list.position, () => {
      checkCollection(name, list);
      return list;
    });
    let predicate: Node | undefined;
    let last: Node | undefined;
    if (piped === undefined ? this.#words.accept(",") : !this.#words.is(")")) {
      const braced = this.#words.accept("{");
      this.#around.push({ list, pointers: pointersOf(name) });
      const start = this.#words.peek.position;
      predicate = { ...this.#expression(), position: start };
      this.#around.pop();
      if (braced) this.#words.expect("}");
      if (takesMore(name) && this.#words.accept(",")) last = this.#expression();
    }
    if (predicate === undefined && !isPredicateOptional(name)) {
      throw new ExpressionError("expected at least 2 arguments", this.#words.peek.position);
    }
    this.#words.expect(")");
    return this.#checked(position, () => predicateCallNode(name, list, predicate, last, position));
  }

  #list(close: string): Node[] {
    const items: Node[] = [];
    while (!this.#words.accept(close)) {
      items.push(this.#expression());
      if (!this.#words.is(close)) this.#words.expect(",");
    }
    return items;
  }
}
