/** What a word in a formula names: a trigger, a variable of `let`, `#` and what is beside it. */
import { isFunction } from "./expression-functions.ts";
import type { FirstMistake } from "./expression-mistakes.ts";
import type { Node, ValueType } from "./expression-node.ts";
import { isPredicateFunction, pointersOf } from "./expression-predicates.ts";

export class ExpressionNames {
  readonly #triggers: ReadonlySet<string>;
  readonly #mistakes: FirstMistake;
  readonly #variables: { name: string; type: ValueType }[] = [];
  /** The lists of the predicates around, and what those may ask for beside the element. */
  readonly #around: { list: Node; pointers: readonly string[] }[] = [];

  constructor(triggers: ReadonlySet<string>, mistakes: FirstMistake) {
    this.#triggers = triggers;
    this.#mistakes = mistakes;
  }

  /** A variable that what `read` reads may name. */
  withVariable(name: string, type: ValueType, position: number, read: () => Node): Node {
    const problem = this.#redeclared(name);
    if (problem !== undefined) this.#mistakes.note(problem, position);
    this.#variables.push({ name, type });
    const body = read();
    this.#variables.pop();
    return body;
  }

  #redeclared(name: string): string | undefined {
    if (this.#triggers.has(name)) return `cannot redeclare ${name}`;
    if (isFunction(name) || isPredicateFunction(name)) return `cannot redeclare builtin ${name}`;
    return this.#variableOf(name) === undefined ? undefined : `cannot redeclare variable ${name}`;
  }

  #variableOf(name: string) {
    return this.#variables.find((variable) => variable.name === name);
  }

  node(name: string, position: number): Node {
    const variable = this.#variableOf(name);
    if (variable === undefined) return this.trigger(name, position);
    return { type: variable.type, position, run: ({ locals }) => locals.get(name)! };
  }

  /** Of a trigger: `$env` has no others. */
  trigger(name: string, position: number): Node {
    if (!this.#triggers.has(name)) this.#mistakes.note(`unknown name ${name}`, position);
    return { type: "float64", position, run: ({ environment }) => environment.get(name) ?? null };
  }

  /** What `read` reads is a predicate about the list's elements. */
  withElements(list: Node, called: string, read: () => Node): Node {
    this.#around.push({ list, pointers: pointersOf(called) });
    const predicate = read();
    this.#around.pop();
    return predicate;
  }

  get hasElement(): boolean {
    return this.#around.length > 0;
  }

  /** `#` */
  element(position: number): Node {
    const { element: type } = this.#around.at(-1)!.list;
    const isAny = type === "unknown" || type === "nil";
    return { type: isAny ? "unknown" : (type ?? "unknown"), isAny, position, run: ({ element }) => element! };
  }

  /** `#index`, `#acc`: what else the function around has. */
  pointer(name: string, position: number): Node {
    const { pointers } = this.#around.at(-1)!;
    if (!pointers.includes(name)) this.#mistakes.note(`unknown pointer #${name}`, position);
    return name === "index"
      ? { type: "int", position, run: ({ index }) => index! }
      : { type: "unknown", position, run: ({ accumulator }) => accumulator ?? null };
  }
}
