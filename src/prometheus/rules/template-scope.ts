/** The variables of a template: those of a block end with it, and an assignment reaches where they were declared. */
export class Scope {
  readonly #values: Map<string, unknown>;
  readonly #outer: Scope | undefined;

  constructor(values: Iterable<readonly [string, unknown]>, outer?: Scope) {
    this.#values = new Map(values);
    this.#outer = outer;
  }

  /** A block within. */
  inner(): Scope {
    return new Scope([], this);
  }

  has(name: string): boolean {
    return this.#values.has(name) || (this.#outer?.has(name) ?? false);
  }

  get(name: string): unknown {
    return this.#values.has(name) ? this.#values.get(name) : this.#outer?.get(name);
  }

  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }

  assign(name: string, value: unknown): void {
    if (this.#outer === undefined || this.#values.has(name)) this.#values.set(name, value);
    else this.#outer.assign(name, value);
  }
}
