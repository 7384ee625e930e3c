/** What a parsed value does not tell of a JSON text: fields that occur twice, and what is wrong with it in Go's words. */

/** A text that is no JSON, with the message of Go's `encoding/json`. */
export class JsonTextError extends Error {}

const END = "unexpected end of JSON input";

/**
 * Reads the text once more.
 *
 * @returns the paths of fields that occur more than once: `metadata.name`, `spec.containers[0].image`
 * @throws JsonTextError
 */
export function duplicateFields(text: string): string[] {
  const scanner = new Scanner(text);
  scanner.document();
  return scanner.duplicates;
}

/** Where in a text fields begin: the last of those with this path, in characters from its start. */
export function fieldPositions(text: string): ReadonlyMap<string, number> {
  const positions = new Map<string, number>();
  new Scanner(text, positions).document();
  return positions;
}

/** The message that Go has for a text that is no JSON. */
export function jsonProblem(text: string): string {
  try {
    duplicateFields(text);
    return "invalid JSON";
  } catch (error) {
    if (error instanceof JsonTextError) return error.message;
    throw error;
  }
}

/** Deeper than the API takes: what is below is told by the reader of values. */
const MAX_DEPTH = 1_000;

class Scanner {
  readonly duplicates: string[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;

  readonly #positions: Map<string, number> | undefined;

  /** @param positions takes where fields begin */
  constructor(text: string, positions?: Map<string, number>) {
    this.#text = text;
    this.#positions = positions;
  }

  document(): void {
    this.#value("", "looking for beginning of value");
    this.#blanks();
    if (this.#at < this.#text.length) this.#fail("after top-level value");
  }

  #fail(where: string): never {
    const char = this.#text[this.#at];
    if (char === undefined) throw new JsonTextError(END);
    const shown = char === "'" ? "'\\''" : char === '"' ? "'\"'" : `'${JSON.stringify(char).slice(1, -1)}'`;
    throw new JsonTextError(`invalid character ${shown} ${where}`);
  }

  #blanks(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #value(path: string, where: string): void {
    this.#blanks();
    const char = this.#text[this.#at];
    if (char === "{") this.#within(() => this.#object(path));
    else if (char === "[") this.#within(() => this.#array(path));
    else if (char === '"') this.#string();
    else if (char === "t" || char === "f" || char === "n") this.#literal(LITERALS[char]);
    else if (char === "-" || /\d/.test(char ?? "")) this.#number();
    else this.#fail(where);
  }

  #within(read: () => void): void {
    if (++this.#depth > MAX_DEPTH) throw new JsonTextError("exceeded max depth");
    read();
    this.#depth--;
  }

  #object(path: string): void {
    this.#at++;
    const seen = new Set<string>();
    this.#blanks();
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return;
    }
    for (;;) {
      this.#blanks();
      if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string");
      const key = this.#string();
      const below = path === "" ? key : `${path}.${key}`;
      if (seen.has(key)) this.duplicates.push(below);
      seen.add(key);
      this.#positions?.set(below, this.#at);
      this.#blanks();
      if (this.#text[this.#at] !== ":") this.#fail("after object key");
      this.#at++;
      this.#value(below, "looking for beginning of value");
      if (this.#isLast("}", "after object key:value pair")) return;
    }
  }

  #array(path: string): void {
    this.#at++;
    this.#blanks();
    if (this.#text[this.#at] === "]") {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.#value(`${path}[${index}]`, "looking for beginning of value");
      if (this.#isLast("]", "after array element")) return;
    }
  }

  #isLast(close: string, where: string): boolean {
    this.#blanks();
    const char = this.#text[this.#at];
    if (char !== "," && char !== close) this.#fail(where);
    this.#at++;
    return char === close;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < " ") this.#fail("in string literal");
      this.#at++;
      if (char === '"') return JSON.parse(this.#text.slice(start, this.#at));
      if (char === "\\") this.#escape();
    }
  }

  #escape(): void {
    const char = this.#text[this.#at];
    if (char === undefined || !'"\\/bfnrtu'.includes(char)) this.#fail("in string escape code");
    this.#at++;
    for (let digits = 0; char === "u" && digits < 4; digits++, this.#at++) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? "")) this.#fail("in \\u hexadecimal character escape");
    }
  }

  #literal(word: string): void {
    for (const [index, char] of [...word].entries()) {
      if (this.#text[this.#at] !== char)
        this.#fail(
          index === 0 ? "looking for beginning of value" : `in literal ${word} (expecting '${char}')`,
        );
      this.#at++;
    }
  }

  #number(): void {
    if (this.#text[this.#at] === "-") this.#at++;
    if (this.#text[this.#at] === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (!/[eE]/.test(this.#text[this.#at] ?? "")) return;
    this.#at++;
    if (/[+-]/.test(this.#text[this.#at] ?? "")) this.#at++;
    this.#digits("in exponent of numeric literal");
  }

  #digits(where: string): void {
    if (!/\d/.test(this.#text[this.#at] ?? "")) this.#fail(where);
    while (/\d/.test(this.#text[this.#at] ?? "")) this.#at++;
  }
}

const LITERALS = { t: "true", f: "false", n: "null" };
