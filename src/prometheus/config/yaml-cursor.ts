/** A place in YAML text, and what Go's YAML package finds wrong there. */

/** Of Go's package: configurations are read with the second, rule files with the third. */
export type YamlVersion = 2 | 3;

export interface YamlMark {
  index: number;
  /** From 0. */
  line: number;
  column: number;
}

/** The text is no YAML. Which of the two places is told depends on the version of the package. */
export class YamlProblem extends Error {
  readonly isOfScanner: boolean;
  /** Where it was found; undefined: the text has a character that may stand nowhere. */
  readonly place: YamlMark | undefined;
  /** Where what has the problem begins. */
  readonly context: YamlMark | undefined;

  constructor(problem: string, places: { isOfScanner: boolean; place?: YamlMark; context?: YamlMark }) {
    super(problem);
    this.name = "YamlProblem";
    this.isOfScanner = places.isOfScanner;
    this.place = places.place;
    this.context = places.context;
  }
}

/** What upstream's reader takes at once: a bad character is found when the first of its neighbours is asked for. */
const READER_BYTES = 512;
/** The scanner looks so far ahead. */
const LOOKAHEAD = 4;
const FORBIDDEN = /[^\t\n\r\x20-\x7e\x85\xa0-\ufffd]/;
/** What text ends with. */
export const END = "\0";

export class YamlCursor {
  readonly text: string;
  index = 0;
  line = 0;
  column = 0;
  /** From here on the reader would meet a character that may stand nowhere. */
  readonly #badFrom: number;

  constructor(text: string) {
    this.text = text;
    const bad = text.search(FORBIDDEN);
    this.#badFrom = bad < 0 ? Number.POSITIVE_INFINITY : bad - (bad % READER_BYTES);
  }

  get mark(): YamlMark {
    const { index, line, column } = this;
    return { index, line, column };
  }

  /** @throws YamlProblem */
  char(offset = 0): string {
    if (this.index + LOOKAHEAD > this.#badFrom)
      throw new YamlProblem("control characters are not allowed", { isOfScanner: false });
    return this.text[this.index + offset] ?? END;
  }

  get isAtEnd(): boolean {
    return this.index >= this.text.length;
  }

  isBlank(offset = 0): boolean {
    const char = this.char(offset);
    return char === " " || char === "\t";
  }

  isBreak(offset = 0): boolean {
    return "\n\r\x85\u2028\u2029".includes(this.char(offset));
  }

  /** A line's end, or the text's. */
  isBreakOrEnd(offset = 0): boolean {
    return this.isBreak(offset) || this.char(offset) === END;
  }

  isBlankOrEnd(offset = 0): boolean {
    return this.isBlank(offset) || this.isBreakOrEnd(offset);
  }

  /** `---` or `...` at the start of a line. */
  isAtIndicator(sign: string): boolean {
    return this.column === 0 && [0, 1, 2].every((i) => this.char(i) === sign) && this.isBlankOrEnd(3);
  }

  skip(count = 1): void {
    this.index += count;
    this.column += count;
  }

  skipBreak(): void {
    this.index += this.char() === "\r" && this.char(1) === "\n" ? 2 : 1;
    this.line++;
    this.column = 0;
  }

  skipBlanks(): void {
    while (this.isBlank()) this.skip();
  }

  skipComment(): void {
    if (this.char() === "#") while (!this.isBreakOrEnd()) this.skip();
  }

  /** Takes characters as long as they match. */
  take(pattern: RegExp): string {
    const from = this.index;
    while (!this.isAtEnd && pattern.test(this.char())) this.skip();
    return this.text.slice(from, this.index);
  }

  /** @throws YamlProblem always */
  fail(problem: string, context?: YamlMark): never {
    throw new YamlProblem(problem, { isOfScanner: true, place: this.mark, context });
  }
}
