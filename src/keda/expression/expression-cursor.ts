/** Where the parser is in the words of a formula. */
import { ExpressionError, type Token } from "./expression-lexer.ts";

export class ExpressionCursor {
  readonly #tokens: Token[];
  #position = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  get peek(): Token {
    return this.#tokens[this.#position];
  }

  get next(): Token {
    return this.#tokens[this.#position + 1];
  }

  get previous(): Token {
    return this.#tokens[this.#position - 1];
  }

  take(): Token {
    return this.#tokens[this.#position++];
  }

  is(text: string): boolean {
    const { kind, text: found } = this.peek;
    return found === text && kind !== "String" && kind !== "EOF";
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.#position++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.unexpected();
  }

  unexpected({ kind, text, position } = this.peek): ExpressionError {
    const shown =
      kind === "EOF" ? kind : `${kind}(${JSON.stringify(kind === "String" ? textOf(text) : text)})`;
    return new ExpressionError(`unexpected token ${shown}`, position);
  }
}

/** What a text in quotes says. */
export function textOf(quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("`")) return inner;
  return inner.replaceAll(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}
