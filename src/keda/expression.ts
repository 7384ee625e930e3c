/**
 * The formulas of `scalingModifiers`: the part of the expr language (expr-lang/expr v1) that computes with numbers.
 * Operators `+ - * / % ** ^ == != < <= > >= in && || ! and or not ?: ?? ..`, lists, the functions of `FUNCTIONS`, and
 * those that take a predicate (`count([a, b], # > 1)`, `{# > 1}` too), `let x = …; …`. Names are those of triggers.
 */

export type Value = number | string | boolean | null | Value[];
export type Environment = ReadonlyMap<string, number | null>;

/** Longer formulas are refused. */
export const MAX_FORMULA_LENGTH = 10_000;
/** Deeper nesting is refused. */
export const MAX_DEPTH = 100;
/** Steps that one evaluation may take. */
export const MAX_STEPS = 100_000;

/** A formula that can't be read or computed; the message says where. */
export class ExpressionError extends Error {
  constructor(message: string, position?: number) {
    super(position === undefined ? message : `${message} (1:${position + 1})`);
    this.name = "ExpressionError";
  }
}

interface Scope {
  environment: Environment;
  locals: Map<string, Value>;
  /** What `#` is. */
  element?: Value;
  index?: number;
  steps: { left: number };
}

type Node = (scope: Scope) => Value;

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
  const node = new Parser(tokenize(text), names).parse();
  return (environment) => node({ environment, locals: new Map(), steps: { left: MAX_STEPS } });
}

// ---- tokens ----

interface Token {
  kind: "number" | "string" | "name" | "operator" | "end";
  text: string;
  position: number;
}

const TOKEN =
  /\s*(?:(0[xX][0-9a-fA-F_]+|\d[\d_]*\.\d[\d_]*(?:[eE][+-]?\d+)?|\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|([A-Za-z_$][\w$]*)|(\*\*|\.\.|\?\?|\?\.|==|!=|<=|>=|&&|\|\||[-+*/%^<>!?:,.;=()[\]{}#|]))/y;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      const position = from + /^\s*/.exec(text.slice(from))![0].length;
      throw new ExpressionError(`unrecognized character: ${JSON.stringify(text[position])}`, position);
    }
    const [whole, number, string, name, operator] = match;
    const found = number ?? string ?? name ?? operator;
    const kind = number ? "number" : string ? "string" : name ? "name" : "operator";
    tokens.push({ kind, text: found, position: from + whole.length - found.length });
  }
  tokens.push({ kind: "end", text: "EOF", position: end });
  return tokens;
}

// ---- grammar ----

/** Higher binds tighter. `??` and `?:` are handled above the table. */
const BINARY: Record<string, number> = {
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
const UNARY_PRECEDENCE = 90;
const NOT_PRECEDENCE = 50;

class Parser {
  readonly #tokens: Token[];
  readonly #names: ReadonlySet<string>;
  readonly #locals: string[] = [];
  #position = 0;
  #depth = 0;
  #predicates = 0;

  constructor(tokens: Token[], names: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#names = names;
  }

  parse(): Node {
    const node = this.#sequence();
    if (this.#peek.kind !== "end") throw this.#unexpected();
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
    return found === text && kind !== "string" && kind !== "end";
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#position++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected();
  }

  #unexpected(): ExpressionError {
    const { kind, text, position } = this.#peek;
    const shown =
      kind === "end" ? "EOF" : `${kind[0].toUpperCase()}${kind.slice(1)}(${JSON.stringify(text)})`;
    return new ExpressionError(`unexpected token ${shown}`, position);
  }

  /** `let x = a; b` */
  #sequence(): Node {
    if (!this.#is("let")) return this.#expression();
    this.#take();
    const { kind, text: name, position } = this.#take();
    if (kind !== "name") throw new ExpressionError("expected a name after let", position);
    this.#expect("=");
    const value = this.#expression();
    this.#expect(";");
    this.#locals.push(name);
    const body = this.#sequence();
    this.#locals.pop();
    return (scope) => body({ ...scope, locals: new Map(scope.locals).set(name, value(scope)) });
  }

  #expression(precedence = 0): Node {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionError(`formula is nested deeper than ${MAX_DEPTH}`);
    let node = this.#unary();
    for (;;) {
      const { kind, text, position } = this.#peek;
      const negated = text === "not" && kind === "name" && this.#tokens[this.#position + 1].text === "in";
      const operator = negated ? "in" : text;
      const binds = kind === "operator" || kind === "name" ? BINARY[operator] : undefined;
      if (binds === undefined || !Object.hasOwn(BINARY, operator) || binds < precedence) break;
      this.#position += negated ? 2 : 1;
      const isRightAssociative = operator === "**" || operator === "^";
      const right = this.#expression(isRightAssociative ? binds : binds + 1);
      const combined = binary(operator, node, right, position);
      node = negated ? (scope) => !combined(scope) : combined;
    }
    if (precedence === 0) node = this.#conditional(node);
    this.#depth--;
    return node;
  }

  #conditional(condition: Node): Node {
    if (!this.#is("?")) return condition;
    const { position } = this.#take();
    // `a ?: b` gives a unless it is false.
    if (this.#accept(":")) {
      const other = this.#expression();
      return (scope) => (truth(condition(scope), position) ? condition(scope) : other(scope));
    }
    const yes = this.#expression();
    this.#expect(":");
    const no = this.#expression();
    return (scope) => (truth(condition(scope), position) ? yes(scope) : no(scope));
  }

  #unary(): Node {
    const { text, kind, position } = this.#peek;
    if (kind === "operator" && (text === "-" || text === "+")) {
      this.#take();
      const operand = this.#expression(UNARY_PRECEDENCE);
      const sign = text === "-" ? -1 : 1;
      return (scope) => sign * numeric(operand(scope), text, position);
    }
    if ((kind === "operator" && text === "!") || (kind === "name" && text === "not")) {
      this.#take();
      const operand = this.#expression(NOT_PRECEDENCE);
      return (scope) => !truth(operand(scope), position);
    }
    return this.#postfix(this.#primary());
  }

  #postfix(start: Node): Node {
    let node = start;
    while (this.#is("[")) {
      const { position } = this.#take();
      const inner = node;
      const index = this.#expression();
      this.#expect("]");
      node = (scope) => elementOf(inner(scope), index(scope), position);
    }
    return node;
  }

  #primary(): Node {
    const token = this.#take();
    const { kind, text, position } = token;
    if (kind === "number") {
      const value = Number(text.replaceAll("_", ""));
      return () => value;
    }
    if (kind === "string") {
      const value = text
        .slice(1, -1)
        .replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
      return () => value;
    }
    if (kind === "name") return this.#named(token);
    if (text === "(") {
      const node = this.#sequence();
      this.#expect(")");
      return node;
    }
    if (text === "[") {
      const items = this.#list("]");
      return (scope) => items.map((item) => spend(scope, item(scope)));
    }
    if (text === "#" && this.#predicates > 0) {
      if (this.#peek.kind === "name" && this.#peek.text === "index") {
        this.#take();
        return ({ index }) => index!;
      }
      return ({ element }) => element!;
    }
    this.#position--;
    throw new ExpressionError(
      `unexpected token ${kind === "end" ? "EOF" : `Operator(${JSON.stringify(text)})`}`,
      position,
    );
  }

  #named({ text: name, position }: Token): Node {
    if (name === "true" || name === "false") return () => name === "true";
    if (name === "nil") return () => null;
    if (this.#is("(")) {
      this.#take();
      if (Object.hasOwn(PREDICATE_FUNCTIONS, name)) return this.#predicateCall(name, position);
      if (!Object.hasOwn(FUNCTIONS, name)) throw new ExpressionError(`unknown name ${name}`, position);
      const args = this.#list(")");
      const apply = FUNCTIONS[name];
      return (scope) =>
        spend(
          scope,
          apply(
            args.map((arg) => arg(scope)),
            name,
            position,
          ),
        );
    }
    if (this.#locals.includes(name)) return ({ locals }) => locals.get(name)!;
    if (!this.#names.has(name)) throw new ExpressionError(`unknown name ${name}`, position);
    return ({ environment }) => environment.get(name) ?? null;
  }

  /** `count(list, predicate)`; the predicate may stand in braces. */
  #predicateCall(name: string, position: number): Node {
    const list = this.#expression();
    let predicate: Node | undefined;
    if (this.#accept(",")) {
      const braced = this.#accept("{");
      this.#predicates++;
      predicate = this.#expression();
      this.#predicates--;
      if (braced) this.#expect("}");
    }
    this.#expect(")");
    const apply = PREDICATE_FUNCTIONS[name];
    if (predicate === undefined && name !== "count" && name !== "sum") {
      throw new ExpressionError(`${name} needs a predicate`, position);
    }
    return (scope) => {
      const items = listOf(list(scope), name, position);
      const results = items.map((element, index) =>
        predicate === undefined ? element : spend(scope, predicate({ ...scope, element, index })),
      );
      return apply(items, results, position);
    };
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

/** Counts a step. */
function spend(scope: Scope, value: Value): Value {
  if (--scope.steps.left < 0) throw new ExpressionError(`formula takes more than ${MAX_STEPS} steps`);
  return value;
}

// ---- operators ----

function binary(operator: string, left: Node, right: Node, position: number): Node {
  switch (operator) {
    case "??":
      return (scope) => left(scope) ?? right(scope);
    case "||":
    case "or":
      return (scope) => truth(left(scope), position) || truth(right(scope), position);
    case "&&":
    case "and":
      return (scope) => truth(left(scope), position) && truth(right(scope), position);
    case "==":
      return (scope) => equal(left(scope), right(scope));
    case "!=":
      return (scope) => !equal(left(scope), right(scope));
    case "in":
      return (scope) => {
        const value = left(scope);
        return listOf(right(scope), "in", position).some((item) => equal(item, value));
      };
    case "..":
      return (scope) =>
        range(numeric(left(scope), "..", position), numeric(right(scope), "..", position), scope);
    default: {
      const compute = ARITHMETIC[operator];
      return (scope) => {
        const [a, b] = [left(scope), right(scope)];
        if (operator === "+" && typeof a === "string" && typeof b === "string") return a + b;
        return compute(numeric(a, operator, position), numeric(b, operator, position), position);
      };
    }
  }
}

const ARITHMETIC: Record<string, (a: number, b: number, position: number) => Value> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b, position) => {
    if (b === 0) throw new ExpressionError("integer divide by zero", position);
    return a % b;
  },
  "**": (a, b) => a ** b,
  "^": (a, b) => a ** b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};

function range(from: number, to: number, scope: Scope): number[] {
  const items: number[] = [];
  for (let value = from; value <= to; value++) {
    spend(scope, value);
    items.push(value);
  }
  return items;
}

function equal(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  return a === b;
}

function truth(value: Value, position: number): boolean {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`expected bool, got ${typeOf(value)}`, position);
}

function numeric(value: Value, operator: string, position: number): number {
  if (typeof value === "number") return value;
  throw new ExpressionError(`invalid operation: ${operator} (mismatched types ${typeOf(value)})`, position);
}

function listOf(value: Value, name: string, position: number): Value[] {
  if (Array.isArray(value)) return value;
  throw new ExpressionError(`invalid argument for ${name} (type ${typeOf(value)})`, position);
}

function elementOf(list: Value, index: Value, position: number): Value {
  const items = listOf(list, "[]", position);
  const at = numeric(index, "[]", position);
  const item = items[at < 0 ? items.length + at : at];
  if (item === undefined)
    throw new ExpressionError(`index out of range: ${at} (array length is ${items.length})`, position);
  return item;
}

function typeOf(value: Value): string {
  if (value === null) return "nil";
  return Array.isArray(value)
    ? "array"
    : typeof value === "number"
      ? "float64"
      : typeof value === "boolean"
        ? "bool"
        : "string";
}

// ---- functions ----

type Apply = (args: Value[], name: string, position: number) => Value;

/** Takes one number. */
const ofNumber =
  (compute: (value: number) => number): Apply =>
  (args, name, position) => {
    if (args.length !== 1)
      throw new ExpressionError(`invalid number of arguments (expected 1, got ${args.length})`, position);
    return compute(numeric(args[0], name, position));
  };

/** Takes numbers, and lists of numbers. */
const ofNumbers =
  (compute: (values: number[]) => number): Apply =>
  (args, name, position) => {
    const values = args.flat(MAX_DEPTH as 1).map((value) => numeric(value as Value, name, position));
    if (values.length === 0) throw new ExpressionError(`not enough arguments to call ${name}`, position);
    return compute(values);
  };

const toNumber: Apply = (args, name, position) => {
  const [value] = args;
  if (args.length === 1 && typeof value === "number") return value;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  if (Number.isNaN(number))
    throw new ExpressionError(`invalid argument for ${name} (type ${typeOf(value ?? null)})`, position);
  return number;
};

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

const FUNCTIONS: Record<string, Apply> = {
  abs: ofNumber(Math.abs),
  ceil: ofNumber(Math.ceil),
  floor: ofNumber(Math.floor),
  // Halves go away from zero, as Go rounds.
  round: ofNumber((value) => Math.sign(value) * Math.round(Math.abs(value))),
  float: toNumber,
  int: (args, name, position) => Math.trunc(toNumber(args, name, position) as number),
  max: ofNumbers((values) => Math.max(...values)),
  min: ofNumbers((values) => Math.min(...values)),
  mean: ofNumbers((values) => sum(values) / values.length),
  median: ofNumbers((values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }),
  len: ([list], name, position) =>
    typeof list === "string" ? list.length : listOf(list, name, position).length,
  first: ([list], name, position) => listOf(list, name, position)[0] ?? null,
  last: ([list], name, position) => listOf(list, name, position).at(-1) ?? null,
};

type ApplyPredicate = (items: Value[], results: Value[], position: number) => Value;

const PREDICATE_FUNCTIONS: Record<string, ApplyPredicate> = {
  all: (_, results, position) => results.every((result) => truth(result, position)),
  any: (_, results, position) => results.some((result) => truth(result, position)),
  none: (_, results, position) => !results.some((result) => truth(result, position)),
  one: (_, results, position) => results.filter((result) => truth(result, position)).length === 1,
  count: (_, results, position) => results.filter((result) => truth(result, position)).length,
  filter: (items, results, position) => items.filter((_, index) => truth(results[index], position)),
  map: (_, results) => results,
  sum: (_, results, position) => sum(results.map((result) => numeric(result, "sum", position))),
};
