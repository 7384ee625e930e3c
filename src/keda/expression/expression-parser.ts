/** The grammar of formulas: each construct becomes a node that computes (expr-lang/expr `parser`). */
import { ExpressionCursor, textOf } from "./expression-cursor.ts";
import { callNode, isFunction } from "./expression-functions.ts";
import { ExpressionError, type Token } from "./expression-lexer.ts";
import { FirstMistake } from "./expression-mistakes.ts";
import { ExpressionNames } from "./expression-names.ts";
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
import { readNumber } from "./expression-number.ts";
import { binaryPrecedence, rightPrecedence, unaryPrecedence } from "./expression-precedence.ts";
import {
  checkCollection,
  isPredicateFunction,
  isPredicateOptional,
  predicateCallNode,
  takesMore,
} from "./expression-predicates.ts";

/** Deeper nesting is refused. */
export const MAX_DEPTH = 100;

const COMPARISONS = new Set(["<", ">", "<=", ">="]);

const CONSTANTS: Record<string, [type: ValueType, value: Value]> = {
  true: ["bool", true],
  false: ["bool", false],
  nil: ["nil", null],
};

/** All names of the formula as one map. */
const ENVIRONMENT = "$env";

export class ExpressionParser {
  readonly #words: ExpressionCursor;
  readonly #mistakes = new FirstMistake();
  readonly #names: ExpressionNames;
  #depth = 0;

  constructor(tokens: Token[], triggers: ReadonlySet<string>) {
    this.#words = new ExpressionCursor(tokens);
    this.#names = new ExpressionNames(triggers, this.#mistakes);
  }

  parse(): Node {
    const node = this.#sequence();
    if (this.#words.peek.kind !== "EOF") throw this.#words.unexpected();
    this.#mistakes.raise();
    return node;
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
    const body = this.#names.withVariable(name, value.type, position, () => this.#sequence());
    const run = (scope: Scope) =>
      body.run({ ...scope, locals: new Map(scope.locals).set(name, value.run(scope)) });
    return { ...body, position, run };
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
      const binds = kind === "Operator" ? binaryPrecedence(operator) : undefined;
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
        const right = this.#expression(rightPrecedence(operator));
        node = this.#binary(operator, node, right, position);
      }
      if (negated) node = this.#unaryOf("not", node, position);
      previous = operator;
    }
    return precedence === 0 ? this.#conditional(node) : node;
  }

  #binary(operator: string, left: Node, right: Node, position: number): Node {
    return this.#mistakes.checked(position, () => binaryNode(operator, left, right, position));
  }

  #unaryOf(operator: string, operand: Node, position: number): Node {
    return this.#mistakes.checked(position, () => unaryNode(operator, operand, position));
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
    return this.#mistakes.checked(position, () => {
      if (!isFunction(name)) throw new ExpressionError(`unknown name ${name}`, position);
      return callNode(name, args, position);
    });
  }

  /** Upstream looks at the condition before the branches. */
  #condition(condition: Node): void {
    this.#mistakes.checked(condition.position, () => {
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
    const precedence = kind === "Operator" ? unaryPrecedence(text) : undefined;
    if (precedence !== undefined) {
      this.#words.take();
      return this.#postfix(this.#unaryOf(text, this.#expression(precedence), position));
    }
    // Of a number, true, false and nil nothing is to be had.
    const isBare = kind === "Number" || (kind === "Identifier" && Object.hasOwn(CONSTANTS, text));
    return isBare ? this.#primary() : this.#postfix(this.#primary());
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
        this.#mistakes.note(`type ${node.type} has no field ${field}`, at);
      } else return node;
    }
  }

  /** `a[1]`, `a[1:2]` */
  #bracketed(list: Node, position: number): Node {
    const index = this.#words.is(":") ? undefined : this.#expression();
    const isSlice = this.#words.accept(":");
    const to = isSlice && !this.#words.is("]") ? this.#expression() : undefined;
    this.#words.expect("]");
    return this.#mistakes.checked(position, () =>
      isSlice ? sliceNode(list, index, to, position) : indexNode(list, index!, position),
    );
  }

  #primary(): Node {
    const token = this.#words.take();
    const { kind, text, position } = token;
    const literal = (type: ValueType, value: Value): Node => ({ type, position, run: () => value });
    if (kind === "Number") return this.#number(text, literal);
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
    if (text === "#" && this.#names.hasElement) return this.#pointer(position);
    throw this.#words.unexpected(token);
  }

  /** One that can't be read is told of where the word after it is, as upstream does. */
  #number(text: string, literal: (type: ValueType, value: Value) => Node): Node {
    try {
      const { type, value } = readNumber(text);
      return literal(type, value);
    } catch (error) {
      throw new ExpressionError((error as Error).message, this.#words.peek.position);
    }
  }

  /** `#`, `#index`, `#acc` */
  #pointer(position: number): Node {
    const { kind, text: name } = this.#words.peek;
    if (kind !== "Identifier") return this.#names.element(position);
    this.#words.take();
    return this.#names.pointer(name, position);
  }

  #named(token: Token, literal: (type: ValueType, value: Value) => Node): Node {
    const { text: name, position } = token;
    if (Object.hasOwn(CONSTANTS, name)) return literal(...CONSTANTS[name]);
    if (name === ENVIRONMENT && ["[", ".", "?."].some((next) => this.#words.is(next)))
      return this.#memberOfAll();
    if (this.#words.accept("(")) {
      if (isPredicateFunction(name)) return this.#predicateCall(name, position);
      return this.#call(name, this.#list(")"), position);
    }
    return this.#names.node(name, position);
  }

  /** `$env.a`, and `$env["a-b"]` for a trigger whose name is no word of a formula. */
  #memberOfAll(): Node {
    const open = this.#words.take();
    if (open.text !== "[") {
      const { kind, text: name, position } = this.#words.peek;
      if (kind !== "Identifier") throw this.#words.unexpected();
      this.#words.take();
      return this.#names.trigger(name, position);
    }
    const first = this.#words.peek;
    const { kind, text } = first;
    const name = this.#expression();
    const isConstant = kind === "String" && this.#words.previous === first;
    this.#words.expect("]");
    if (isConstant) return this.#names.trigger(textOf(text), open.position);
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
    this.#mistakes.checked(list.position, () => {
      checkCollection(name, list);
      return list;
    });
    let predicate: Node | undefined;
    let last: Node | undefined;
    if (piped === undefined ? this.#words.accept(",") : !this.#words.is(")")) {
      const braced = this.#words.accept("{");
      const start = this.#words.peek.position;
      predicate = { ...this.#names.withElements(list, name, () => this.#expression()), position: start };
      if (braced) this.#words.expect("}");
      if (takesMore(name) && this.#words.accept(",")) last = this.#expression();
    }
    if (predicate === undefined && !isPredicateOptional(name)) {
      throw new ExpressionError("expected at least 2 arguments", this.#words.peek.position);
    }
    this.#words.expect(")");
    return this.#mistakes.checked(position, () => predicateCallNode(name, list, predicate, last, position));
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
