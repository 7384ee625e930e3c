/**
 * Puts operators and modifiers in the right order. The grammar, made for an editor, hangs `@`, `offset` and brackets
 * on everything to their left (`a + b @ 5` is `(a + b) @ 5` to it) and reads `-2 ^ 2` as `(-2) ^ 2`. So its trees are
 * laid flat again, up to the next parentheses, and put together by upstream's precedences (`generated_parser.y`).
 */
import type { SyntaxNode } from "@lezer/common";

/** What a chain is made of, in the order in which it is written. */
type Link =
  | { kind: "operand"; node: SyntaxNode; start: number }
  | { kind: "sign"; sign: "+" | "-"; start: number }
  | { kind: "infix"; operator: SyntaxNode; modifiers: SyntaxNode[] }
  /** A node whose first child is what it modifies, to the grammar. */
  | { kind: "postfix"; node: SyntaxNode };

/** Makes expressions of the parts of a chain. */
export interface ChainBuilder<T> {
  /** @param start behind the sign, where the grammar took that for part of a number */
  operand(node: SyntaxNode, start: number): T;
  postfix(node: SyntaxNode, operand: T): T;
  signed(sign: "+" | "-", operand: T, start: number): T;
  infix(operator: SyntaxNode, modifiers: SyntaxNode[], left: T, right: T): T;
  textOf(node: SyntaxNode): string;
}

const POSTFIX_NODES: ReadonlySet<string> = new Set([
  "MatrixSelector",
  "SubqueryExpr",
  "OffsetExpr",
  "StepInvariantExpr",
  "AnchoredExpr",
  "SmoothedExpr",
]);

const PRECEDENCE: Record<string, number> = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  ">": 3,
  "<": 3,
  ">=": 3,
  "<=": 3,
  "</": 3,
  ">/": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": 6,
};

const MULTIPLICATION = PRECEDENCE["*"];

export function isChain({ name }: SyntaxNode): boolean {
  return (
    name === "BinaryExpr" ||
    name === "UnaryExpr" ||
    name === "NumberDurationLiteral" ||
    POSTFIX_NODES.has(name)
  );
}

export function buildChain<T>(node: SyntaxNode, builder: ChainBuilder<T>): T {
  const links: Link[] = [];
  flatten(node, builder, links);
  return new ChainReader(links, builder).expression(0);
}

function flatten<T>(node: SyntaxNode, builder: ChainBuilder<T>, links: Link[]): void {
  if (node.name === "BinaryExpr") {
    const children: SyntaxNode[] = [];
    for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
    flatten(children[0], builder, links);
    links.push({ kind: "infix", operator: children[1], modifiers: children.slice(2, -1) });
    flatten(children.at(-1)!, builder, links);
  } else if (node.name === "UnaryExpr") {
    links.push({ kind: "sign", sign: builder.textOf(node.firstChild!) as "+" | "-", start: node.from });
    flatten(node.lastChild!, builder, links);
  } else if (POSTFIX_NODES.has(node.name)) {
    flatten(node.firstChild!, builder, links);
    links.push({ kind: "postfix", node });
  } else {
    links.push(...operandLinks(node, builder));
  }
}

/** A number's sign is an operator like others. */
function operandLinks<T>(node: SyntaxNode, builder: ChainBuilder<T>): Link[] {
  const match = node.name === "NumberDurationLiteral" ? /^([+-])\s*/.exec(builder.textOf(node)) : null;
  if (match === null) return [{ kind: "operand", node, start: node.from }];
  return [
    { kind: "sign", sign: match[1] as "+" | "-", start: node.from },
    { kind: "operand", node, start: node.from + match[0].length },
  ];
}

class ChainReader<T> {
  readonly #links: Link[];
  readonly #builder: ChainBuilder<T>;
  #at = 0;

  constructor(links: Link[], builder: ChainBuilder<T>) {
    this.#links = links;
    this.#builder = builder;
  }

  /** Up to the first operator that binds less than `precedence`. */
  expression(precedence: number): T {
    let left = this.#prefixed();
    for (;;) {
      const link = this.#links[this.#at];
      if (link?.kind !== "infix") return left;
      const own = PRECEDENCE[this.#builder.textOf(link.operator).toLowerCase()];
      if (own < precedence) return left;
      this.#at++;
      // Powers associate to the right.
      const right = this.expression(own === PRECEDENCE["^"] ? own : own + 1);
      left = this.#builder.infix(link.operator, link.modifiers, left, right);
    }
  }

  #prefixed(): T {
    const link = this.#links[this.#at++];
    // A sign binds like multiplication: less than a power, more than a sum.
    if (link.kind === "sign") {
      return this.#builder.signed(link.sign, this.expression(MULTIPLICATION + 1), link.start);
    }
    if (link.kind !== "operand") throw new Error("BUG: an operand was expected");
    let operand = this.#builder.operand(link.node, link.start);
    for (;;) {
      const next = this.#links[this.#at];
      if (next?.kind !== "postfix") return operand;
      this.#at++;
      operand = this.#builder.postfix(next.node, operand);
    }
  }
}
