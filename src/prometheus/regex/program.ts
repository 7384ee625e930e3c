/** A regular expression as a program for a machine that is in many places at once (Thompson's construction). */
import { type Assertion, type CharacterClass, type Node, type ParsedRegex, RegexError } from "./syntax.ts";

export type Instruction =
  | { op: "character"; class: CharacterClass; next: number }
  /** Goes on at both, rather at `next`. */
  | { op: "split"; next: number; other: number }
  | { op: "assert"; assertion: Assertion; next: number }
  /** Notes the position in a slot: 2n where group n begins, 2n + 1 where it ends. */
  | { op: "save"; slot: number; next: number }
  | { op: "match" };

export interface Program {
  instructions: Instruction[];
  start: number;
  groupCount: number;
  groupNames: ReadonlyMap<string, number>;
}

/** The largest program, in instructions. */
export const PROGRAM_LIMIT = 50_000;

/** @throws RegexError when the program would be too large */
export function compileProgram({ node, groupCount, groupNames }: ParsedRegex): Program {
  const compiler = new Compiler();
  const match = compiler.add({ op: "match" });
  const start = compiler.compile(node, match);
  return { instructions: compiler.instructions, start, groupCount, groupNames };
}

/** Works from the end: each part is compiled with the place where to go on. */
class Compiler {
  readonly instructions: Instruction[] = [];

  add(instruction: Instruction): number {
    if (this.instructions.length >= PROGRAM_LIMIT) throw new RegexError("expression too large");
    return this.instructions.push(instruction) - 1;
  }

  compile(node: Node, next: number): number {
    switch (node.kind) {
      case "empty":
        return next;
      case "class":
        return this.add({ op: "character", class: node.class, next });
      case "assertion":
        return this.add({ op: "assert", assertion: node.assertion, next });
      case "concatenation":
        return node.nodes.reduceRight((at, part) => this.compile(part, at), next);
      case "alternation":
        return node.nodes
          .map((part) => this.compile(part, next))
          .reduceRight((other, start) => this.add({ op: "split", next: start, other }));
      case "group": {
        const end = this.add({ op: "save", slot: 2 * node.index + 1, next });
        const inner = this.compile(node.node, end);
        return this.add({ op: "save", slot: 2 * node.index, next: inner });
      }
      case "repetition":
        return this.#repetition(node, next);
    }
  }

  #repetition(
    { node, minimum, maximum, isGreedy }: Extract<Node, { kind: "repetition" }>,
    next: number,
  ): number {
    let at = next;
    if (maximum === Number.POSITIVE_INFINITY) {
      at = this.#loop(node, next, isGreedy);
    } else {
      for (let i = minimum; i < maximum; i++) at = this.#choice(this.compile(node, at), next, isGreedy);
    }
    for (let i = 0; i < minimum; i++) at = this.compile(node, at);
    return at;
  }

  #loop(node: Node, next: number, isGreedy: boolean): number {
    const split = this.add({ op: "split", next, other: next });
    const body = this.compile(node, split);
    this.instructions[split] = isGreedy
      ? { op: "split", next: body, other: next }
      : { op: "split", next, other: body };
    return split;
  }

  #choice(body: number, next: number, isGreedy: boolean): number {
    return isGreedy
      ? this.add({ op: "split", next: body, other: next })
      : this.add({ op: "split", next, other: body });
  }
}

/** Whether a character belongs to a class. */
export function isInClass({ ranges, properties, isNegated }: CharacterClass, code: number): boolean {
  for (let i = 0; i < ranges.length; i += 2) {
    if (code >= ranges[i] && code <= ranges[i + 1]) return !isNegated;
  }
  if (properties.length > 0) {
    const character = String.fromCodePoint(code);
    if (properties.some((property) => property.test(character))) return !isNegated;
  }
  return isNegated;
}
