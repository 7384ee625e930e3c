/**
 * How far a number or a duration goes, as upstream's scanner reads it (`scanNumber` and `acceptRemainingDuration` of
 * `promql/parser/lex.go`, Prometheus 3.14). It decides by single characters and does not go back, so that what it
 * refuses, and how much of it its message shows, follows from the order in which it looks.
 */

export interface ScannedNumber {
  type: "number" | "duration" | "bad";
  /** Where it ends; for a bad one, as far as the scanner has looked. */
  end: number;
}

/** The number or duration at `start`. */
export function scanNumber(input: string, start: number): ScannedNumber {
  const scanner = new NumberScanner(input, start);
  if (scanner.number()) return { type: "number", end: scanner.at };
  return { type: scanner.duration() ? "duration" : "bad", end: scanner.at };
}

/** The number at `start` in the values of a series, where `0x5` is a zero five times and an `x` may follow any number. */
export function scanSeriesNumber(input: string, start: number): ScannedNumber {
  const scanner = new NumberScanner(input, start, true);
  return { type: scanner.number() ? "number" : "bad", end: scanner.at };
}

const DECIMAL = /[0-9]/;
const HEXADECIMAL = /[0-9a-fA-F]/;

class NumberScanner {
  readonly #input: string;
  readonly #isInSeries: boolean;
  at: number;

  constructor(input: string, start: number, isInSeries = false) {
    this.#input = input;
    this.#isInSeries = isInSeries;
    this.at = start;
  }

  number(): boolean {
    const isHexadecimal = !this.#isInSeries && this.#take(/0/) && this.#take(/[xX]/);
    if (isHexadecimal) this.#take(/_/);
    const digit = isHexadecimal ? HEXADECIMAL : DECIMAL;
    // Upstream does not count these among the dots that may come once only: `0.1.2` is refused as a number later.
    this.#take(/\./);
    this.#take(digit);
    let hasDot = false;
    let hasExponent = false;
    while (this.#sees(digit) || this.#sees(/[._eE]/)) {
      if (this.#sees(/\./) && hasDot) return this.#refuse();
      // The hexadecimal digit E is an exponent to the scanner, too.
      if (this.#sees(/[eE]/) && hasExponent) return this.#refuse();
      if (this.#take(/\./)) {
        hasDot = true;
        if (this.#take(/[_.]/) || isHexadecimal) return false;
      } else if (this.#take(/[eE]/)) {
        hasExponent = true;
        this.#take(/[+-]/);
        if (this.#isSeparatedBadly()) return false;
      } else if (this.#take(/_/)) {
        if (this.#isSeparatedBadly()) return false;
      } else while (this.#take(digit));
    }
    return (this.#isInSeries && this.#sees(/x/)) || !this.#sees(/[A-Za-z0-9_]/);
  }

  /** Units and further parts behind the digits that `number` has read. */
  duration(): boolean {
    if (!this.#take(/[smhdwy]/)) return false;
    this.#take(/s/);
    while (this.#take(DECIMAL)) {
      while (this.#take(DECIMAL));
      if (!this.#take(/[smhdw]/)) return false;
      this.#take(/s/);
    }
    if (!this.#sees(/[A-Za-z0-9_]/)) return true;
    this.at++;
    return false;
  }

  #isSeparatedBadly(): boolean {
    return this.#take(/[._eE]/) || this.at >= this.#input.length;
  }

  #sees(characters: RegExp): boolean {
    return this.at < this.#input.length && characters.test(this.#input[this.at]);
  }

  #take(characters: RegExp): boolean {
    const isThere = this.#sees(characters);
    if (isThere) this.at++;
    return isThere;
  }

  #refuse(): false {
    this.at++;
    return false;
  }
}
