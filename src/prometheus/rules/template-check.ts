/** What Go's parser of templates refuses beyond syntax: functions and variables that there are not. */
import { type Node, type Pipeline, TemplateError, type Term } from "./template-parser.ts";

/** The variables that every template of a rule begins with. */
const GIVEN = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

/** @throws TemplateError with the line at which it is */
export function checkNames(
  nodes: readonly Node[],
  definitions: ReadonlyMap<string, readonly Node[]>,
  isFunction: (name: string) => boolean,
): void {
  const checker = new NameChecker(isFunction);
  checker.nodes(nodes, new Set(GIVEN));
  for (const body of definitions.values()) checker.nodes(body, new Set(["$"]));
}

type NamingNode = Extract<Node, { line: number }>;

class NameChecker {
  readonly #isFunction: (name: string) => boolean;

  constructor(isFunction: (name: string) => boolean) {
    this.#isFunction = isFunction;
  }

  /** What is declared in a block ends with it. */
  nodes(nodes: readonly Node[], outer: ReadonlySet<string>): void {
    const known = new Set(outer);
    for (const node of nodes) {
      if (!("line" in node)) continue;
      try {
        this.#node(node, known);
      } catch (error) {
        if (error instanceof TemplateError) error.line ??= node.line;
        throw error;
      }
    }
  }

  #node(node: NamingNode, known: Set<string>): void {
    if (node.kind === "action" || node.kind === "template") {
      if (node.pipeline !== undefined) this.#pipeline(node.pipeline, known);
      return;
    }
    const inner = new Set(known);
    if (node.kind === "range" && node.keyVariable !== undefined) inner.add(node.keyVariable);
    this.#pipeline(node.pipeline, inner);
    this.nodes(node.body, inner);
    this.nodes(node.otherwise, inner);
  }

  #pipeline({ variable, declares, commands }: Pipeline, known: Set<string>): void {
    if (variable !== undefined) {
      if (declares) known.add(variable);
      else if (!known.has(variable)) throw new TemplateError(`undefined variable "${variable}"`);
    }
    for (const command of commands) for (const term of command) this.#term(term, known);
  }

  #term(term: Term, known: Set<string>): void {
    if (term.kind === "pipeline") this.#pipeline(term.pipeline, known);
    else if (term.kind === "variable" && !known.has(term.name))
      throw new TemplateError(`undefined variable "${term.name}"`);
    else if (term.kind === "function" && !this.#isFunction(term.name))
      throw new TemplateError(`function "${term.name}" not defined`);
  }
}
