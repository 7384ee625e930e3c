/** What does not fit in a formula whose grammar is right. */
import { ExpressionError } from "./expression-lexer.ts";
import type { Node } from "./expression-node.ts";

/** The first mistake, kept until the whole formula has turned out to be well-formed: upstream parses, then checks. */
export class FirstMistake {
  #error: ExpressionError | undefined;

  note(problem: string, position: number): void {
    this.#error ??= new ExpressionError(problem, position);
  }

  /** A node whose parts may not fit together: one that stands for anything where they don't. */
  checked(position: number, make: () => Node): Node {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#error ??= error;
      return { type: "unknown", position, run: () => null };
    }
  }

  /** @throws ExpressionError */
  raise(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}
