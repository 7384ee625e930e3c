/** What is wrong with the text of a series, and at which character. */
export class SeriesDescriptionError extends Error {
  /** In the text, in bytes of UTF-8. */
  readonly offset: number;
  /** Whether it is in front of the values. */
  readonly isInLabels: boolean;
  readonly #detail: string;

  /** @param offset in the text, in bytes of UTF-8 */
  constructor(offset: number, detail: string, isInLabels = false) {
    super(`1:${offset + 1}: parse error: ${detail}`);
    this.name = "SeriesDescriptionError";
    this.offset = offset;
    this.#detail = detail;
    this.isInLabels = isInLabels;
  }

  /** @param start in the text, in UTF-16 */
  static in(text: string, start: number, detail: string): SeriesDescriptionError {
    return new SeriesDescriptionError(Buffer.byteLength(text.slice(0, start)), detail);
  }

  /** The message where the text is that line of a file. @param detail in other words */
  at(line: number, detail = this.#detail): string {
    return `${line}:${this.offset + 1}: parse error: ${detail}`;
  }
}
