/**
 * RE2's syntax, as Go's `regexp/syntax` reads it: no back references, no look-around, so that matching can take time
 * proportional to the text. `.` matches newlines too, as Prometheus has it (`^(?s:…)$`).
 */

/** A set of characters: in some range, or taken by some predicate. */
export interface CharacterClass {
  /** First and last code points, in pairs. */
  ranges: readonly number[];
  /** Unicode properties, which are asked of JavaScript. */
  properties: readonly RegExp[];
  isNegated: boolean;
}

export type Assertion =
  | "begin-text"
  | "end-text"
  | "begin-line"
  | "end-line"
  | "word-boundary"
  | "no-word-boundary";

export type Node =
  | { kind: "empty" }
  | { kind: "class"; class: CharacterClass }
  | { kind: "concatenation"; nodes: Node[] }
  | { kind: "alternation"; nodes: Node[] }
  | { kind: "repetition"; node: Node; minimum: number; maximum: number; isGreedy: boolean }
  | { kind: "group"; node: Node; index: number; name: string | undefined }
  | { kind: "assertion"; assertion: Assertion };

/** A regular expression that RE2 does not take. */
export class RegexError extends Error {
  constructor(reason: string, what?: string) {
    super(`error parsing regexp: ${reason}${what === undefined ? "" : `: \`${what}\``}`);
    this.name = "RegexError";
  }
}

/** The highest repetition count, as in RE2. */
export const REPEAT_LIMIT = 1000;
/** How deep groups may be nested, as in Go. */
export const NESTING_LIMIT = 1000;
const LAST_CODE_POINT = 0x10ffff;

interface Flags {
  ignoresCase: boolean;
  isMultiline: boolean;
  dotMatchesNewline: boolean;
  isUngreedy: boolean;
}

export interface ParsedRegex {
  node: Node;
  /** Capture groups, the whole match not counted. */
  groupCount: number;
  /** Indexes of named groups. */
  groupNames: ReadonlyMap<string, number>;
}

/** @throws RegexError with Go's text */
export function parseRegex(source: string): ParsedRegex {
  const parser = new RegexParser(source);
  const node = parser.parse();
  return { node, groupCount: parser.groupCount, groupNames: parser.groupNames };
}

const ESCAPED_CHARACTERS: Record<string, number> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

const DIGITS = [0x30, 0x39];
const WORD_CHARACTERS = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
const BLANKS = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20];
const PERL_CLASSES: Record<string, readonly number[]> = { d: DIGITS, w: WORD_CHARACTERS, s: BLANKS };

const POSIX_CLASSES: Record<string, readonly number[]> = {
  alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
  alpha: [0x41, 0x5a, 0x61, 0x7a],
  ascii: [0x00, 0x7f],
  blank: [0x09, 0x09, 0x20, 0x20],
  cntrl: [0x00, 0x1f, 0x7f, 0x7f],
  digit: DIGITS,
  graph: [0x21, 0x7e],
  lower: [0x61, 0x7a],
  print: [0x20, 0x7e],
  punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
  space: [0x09, 0x0d, 0x20, 0x20],
  upper: [0x41, 0x5a],
  word: WORD_CHARACTERS,
  xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
};

const REPETITION = /^\{(\d+)(,(\d*))?\}/;
const LAZY_REPETITION = /^\{\d+(,\d*)?\}\??/;

class RegexParser {
  groupCount = 0;
  readonly groupNames = new Map<string, number>();
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoresCase: false, isMultiline: false, dotMatchesNewline: true, isUngreedy: false };

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Node {
    const node = this.#alternation();
    if (this.#at < this.#source.length) this.#fail("unexpected )", this.#source);
    return node;
  }

  /** From some place on. */
  #rest(from: number): string {
    return this.#source.slice(from);
  }

  #fail(reason: string, what?: string): never {
    throw new RegexError(reason, what);
  }

  #take(text: string): boolean {
    const isThere = this.#source.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #next(): number {
    const code = this.#source.codePointAt(this.#at)!;
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #alternation(): Node {
    const flags = this.#flags;
    const nodes = [this.#concatenation()];
    while (this.#take("|")) nodes.push(this.#concatenation());
    this.#flags = flags;
    return nodes.length === 1 ? nodes[0] : { kind: "alternation", nodes };
  }

  #concatenation(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at])) {
      const node = this.#take("\\Q") ? this.#quoted() : this.#atom();
      if (Array.isArray(node)) nodes.push(...node);
      else if (node !== undefined) nodes.push(node);
      // What follows flags repeats what stands before them.
      if (nodes.length > 0) nodes.push(this.#repeated(nodes.pop()!));
    }
    if (nodes.length === 0) return { kind: "empty" };
    return nodes.length === 1 ? nodes[0] : { kind: "concatenation", nodes };
  }

  /** Undefined for what only sets flags. */
  #atom(): Node | undefined {
    const start = this.#at;
    const character = this.#source[start];
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#bracketClass();
      case "\\":
        return this.#escape();
      case ".":
        this.#at++;
        return this.#flags.dotMatchesNewline ? classOf([0, LAST_CODE_POINT]) : classOf([0x0a, 0x0a], true);
      case "^":
        this.#at++;
        return { kind: "assertion", assertion: this.#flags.isMultiline ? "begin-line" : "begin-text" };
      case "$":
        this.#at++;
        return { kind: "assertion", assertion: this.#flags.isMultiline ? "end-line" : "end-text" };
      case "*":
      case "+":
      case "?":
        return this.#fail(
          "missing argument to repetition operator",
          this.#source[start + 1] === "?" ? `${character}?` : character,
        );
    }
    const repetition = LAZY_REPETITION.exec(this.#source.slice(start, start + 32));
    if (repetition !== null) this.#fail("missing argument to repetition operator", repetition[0]);
    return this.#literal(this.#next());
  }

  #literal(code: number): Node {
    return classOf(this.#flags.ignoresCase ? withOtherCases([code, code]) : [code, code]);
  }

  #repeated(atom: Node): Node {
    let node = atom;
    let previous: string | undefined;
    for (;;) {
      const operatorStart = this.#at;
      const limits = this.#repetition();
      if (limits === undefined) return node;
      const isLazy = this.#take("?");
      const operator = this.#source.slice(operatorStart, this.#at);
      if (previous !== undefined) this.#fail("invalid nested repetition operator", previous + operator);
      if (node.kind === "assertion" && limits.maximum === Number.POSITIVE_INFINITY) {
        node = { kind: "repetition", node, minimum: limits.minimum, maximum: 1, isGreedy: true };
      } else {
        node = { kind: "repetition", node, ...limits, isGreedy: isLazy === this.#flags.isUngreedy };
      }
      if (repeatedSize(node) > REPEAT_LIMIT) {
        this.#fail("invalid repeat count", operator);
      }
      previous = operator;
    }
  }

  #repetition(): { minimum: number; maximum: number } | undefined {
    if (this.#take("*")) return { minimum: 0, maximum: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { minimum: 1, maximum: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { minimum: 0, maximum: 1 };
    const match = REPETITION.exec(this.#source.slice(this.#at, this.#at + 32));
    if (match === null) return undefined;
    this.#at += match[0].length;
    const minimum = Number(match[1]);
    const maximum =
      match[2] === undefined ? minimum : match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    const isFiniteTooHigh = maximum !== Number.POSITIVE_INFINITY && maximum > REPEAT_LIMIT;
    if (minimum > REPEAT_LIMIT || isFiniteTooHigh || minimum > maximum)
      this.#fail("invalid repeat count", match[0]);
    return { minimum, maximum };
  }

  #group(): Node | undefined {
    if (++this.#depth > NESTING_LIMIT) this.#fail("expression nests too deeply", this.#source);
    const start = this.#at;
    this.#at++;
    let index = 0;
    let name: string | undefined;
    const outer = this.#flags;
    if (this.#take("?")) {
      const named = /^P?<([^>]*)>/.exec(this.#source.slice(this.#at));
      if (named !== null && !/^<[=!]/.test(this.#source.slice(this.#at))) {
        this.#at += named[0].length;
        name = named[1];
        if (!/^\w+$/.test(name)) this.#fail("invalid named capture", `(?${named[0]}`);
        index = ++this.groupCount;
        // Of two groups of one name the first counts.
        if (!this.groupNames.has(name)) this.groupNames.set(name, index);
      } else if (this.#setFlags(start)) {
        this.#depth--;
        return undefined;
      }
    } else {
      index = ++this.groupCount;
    }
    const node = this.#alternation();
    if (!this.#take(")")) this.#fail("missing closing )", this.#source);
    this.#flags = outer;
    this.#depth--;
    return index === 0 ? node : { kind: "group", node, index, name };
  }

  /** After `(?`. Answers whether that was all: `(?i)`, rather than `(?i:…)`. */
  #setFlags(start: number): boolean {
    const flags = { ...this.#flags };
    let value = true;
    let isSignAlone = false;
    while (this.#at < this.#source.length) {
      const character = String.fromCodePoint(this.#next());
      const isEnd = character === ":" || character === ")";
      if (isEnd && !isSignAlone) {
        this.#flags = flags;
        return character === ")";
      }
      isSignAlone = false;
      if (character === "i") flags.ignoresCase = value;
      else if (character === "m") flags.isMultiline = value;
      else if (character === "s") flags.dotMatchesNewline = value;
      else if (character === "U") flags.isUngreedy = value;
      else if (character === "-" && value) {
        value = false;
        isSignAlone = true;
      } else break;
    }
    return this.#fail("invalid or unsupported Perl syntax", this.#source.slice(start, this.#at));
  }

  #escape(): Node {
    const start = this.#at;
    this.#at++;
    if (this.#at >= this.#source.length) {
      return this.#fail("trailing backslash at end of expression", "");
    }
    const character = String.fromCodePoint(this.#next());
    switch (character) {
      case "A":
        return { kind: "assertion", assertion: "begin-text" };
      case "z":
        return { kind: "assertion", assertion: "end-text" };
      case "b":
        return { kind: "assertion", assertion: "word-boundary" };
      case "B":
        return { kind: "assertion", assertion: "no-word-boundary" };
    }
    this.#at = start;
    const items = this.#escapedClass();
    if (items !== undefined) return { kind: "class", class: items };
    return this.#literal(this.#escapedCharacter());
  }

  /** After `\Q`, up to `\E`. */
  #quoted(): Node[] {
    const end = this.#source.indexOf("\\E", this.#at);
    const text = this.#source.slice(this.#at, end === -1 ? undefined : end);
    this.#at = end === -1 ? this.#source.length : end + 2;
    return Array.from(text, (character) => this.#literal(codePoint(character)));
  }

  /** `\d`, `\pL`, …; undefined when it is another escape. */
  #escapedClass(): CharacterClass | undefined {
    const letter = this.#source[this.#at + 1] ?? "";
    const perl = PERL_CLASSES[letter.toLowerCase()];
    if (perl !== undefined) {
      this.#at += 2;
      return { ranges: perl, properties: [], isNegated: letter !== letter.toLowerCase() };
    }
    if (letter.toLowerCase() !== "p" || letter === "") return undefined;
    const match = /^\\[pP](?:\{(\^?)([^}]*)\}|(.))/su.exec(this.#source.slice(this.#at));
    if (match === null) this.#fail("invalid character class range", this.#rest(this.#at));
    this.#at += match[0].length;
    const isNegated = (letter === "P") !== (match[1] === "^");
    const name = match[2] ?? match[3];
    if (name === "Any") return { ranges: [0, LAST_CODE_POINT], properties: [], isNegated };
    try {
      const isCategory = /^\p{Lu}\p{Ll}?$/u.test(name) || name === "LC";
      const property = new RegExp(isCategory ? `^\\p{${name}}$` : `^\\p{Script=${name}}$`, "u");
      return { ranges: [], properties: [property], isNegated };
    } catch {
      this.#fail("invalid character class range", match[0]);
    }
  }

  /** The character that an escape stands for. */
  #escapedCharacter(): number {
    const text = this.#source.slice(this.#at);
    if (text === "\\") this.#fail("trailing backslash at end of expression", "");
    const match =
      /^\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]+)\}|([afnrtv])|([^a-zA-Z0-9\u0080-\uffff]))/.exec(
        text,
      );
    const [whole, octal, short, long, letter, punctuation] = match ?? [];
    const isOctal = octal !== undefined && (octal.startsWith("0") || octal.length > 1);
    if (whole === undefined || (octal !== undefined && !isOctal)) {
      this.#fail(
        "invalid escape sequence",
        String.fromCodePoint(...Array.from(text.slice(0, 3), codePoint).slice(0, 2)),
      );
    }
    this.#at += whole.length;
    if (octal !== undefined) return Number.parseInt(octal, 8);
    if (letter !== undefined) return ESCAPED_CHARACTERS[letter];
    if (punctuation !== undefined) return punctuation.charCodeAt(0);
    const code = Number.parseInt(short ?? long, 16);
    if (code > LAST_CODE_POINT) this.#fail("invalid escape sequence", whole);
    return code;
  }

  #bracketClass(): Node {
    const start = this.#at;
    this.#at++;
    const isNegated = this.#take("^");
    const ranges: number[] = [];
    const properties: RegExp[] = [];
    const add = (items: CharacterClass) => {
      if (!items.isNegated) {
        ranges.push(...items.ranges);
        properties.push(...items.properties);
      } else if (items.properties.length === 0) ranges.push(...complement(items.ranges));
      else properties.push(...items.properties.map(negatedProperty));
    };
    for (let isFirst = true; isFirst || this.#source[this.#at] !== "]"; isFirst = false) {
      if (this.#at >= this.#source.length) this.#fail("missing closing ]", this.#rest(start));
      const posix = /^\[:(\^?)(\w+):\]/.exec(this.#source.slice(this.#at, this.#at + 16));
      if (posix !== null) {
        const items = POSIX_CLASSES[posix[2]];
        if (items === undefined) this.#fail("invalid character class range", posix[0]);
        this.#at += posix[0].length;
        add({ ranges: items, properties: [], isNegated: posix[1] === "^" });
        continue;
      }
      const escaped = this.#source[this.#at] === "\\" ? this.#escapedClass() : undefined;
      if (escaped !== undefined) add(escaped);
      else ranges.push(...this.#range(start));
    }
    this.#at++;
    const cased = this.#flags.ignoresCase ? withOtherCases(ranges) : ranges;
    return { kind: "class", class: { ranges: cased, properties, isNegated } };
  }

  #range(classStart: number): [first: number, last: number] {
    const start = this.#at;
    const first = this.#classCharacter(classStart);
    const next = this.#source[this.#at + 1];
    if (this.#source[this.#at] !== "-" || next === "]" || next === undefined) return [first, first];
    this.#at++;
    const last = this.#classCharacter(classStart);
    if (last < first) this.#fail("invalid character class range", this.#source.slice(start, this.#at));
    return [first, last];
  }

  #classCharacter(classStart: number): number {
    if (this.#at >= this.#source.length) this.#fail("missing closing ]", this.#rest(classStart));
    return this.#source[this.#at] === "\\" ? this.#escapedCharacter() : this.#next();
  }
}

function codePoint(character: string): number {
  return character.codePointAt(0)!;
}

function classOf(ranges: readonly number[], isNegated = false): Node {
  return { kind: "class", class: { ranges, properties: [], isNegated } };
}

function negatedProperty(property: RegExp): RegExp {
  return new RegExp(property.source.replace("\\p", "\\P"), "u");
}

function complement(ranges: readonly number[]): number[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i], ranges[i + 1]]);
  pairs.sort(([a], [b]) => a - b);
  const out: number[] = [];
  let next = 0;
  for (const [first, last] of pairs) {
    if (first > next) out.push(next, first - 1);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST_CODE_POINT) out.push(next, LAST_CODE_POINT);
  return out;
}

/** Ranges longer than this are taken to have all cases in them: such are whole scripts. */
const FOLDED_RANGE_LIMIT = 4096;

/** Ranges with the other cases of all their letters: `k` also stands for `K` and the Kelvin sign. */
function withOtherCases(ranges: readonly number[]): number[] {
  const out = [...ranges];
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i + 1] - ranges[i] > FOLDED_RANGE_LIMIT) continue;
    for (let code = ranges[i]; code <= ranges[i + 1]; code++) {
      const character = String.fromCodePoint(code);
      for (const other of [
        character.toLowerCase(),
        character.toUpperCase(),
        ...(SPECIAL_CASES[character] ?? []),
      ]) {
        const otherCode = other.codePointAt(0)!;
        const isSingle = other.length === (otherCode > 0xffff ? 2 : 1);
        if (isSingle && otherCode !== code) out.push(otherCode, otherCode);
      }
    }
  }
  return out;
}

const SPECIAL_CASES: Record<string, string[]> = {
  k: ["\u212a"],
  K: ["\u212a"],
  s: ["\u017f"],
  S: ["\u017f"],
};

/** How often the innermost repetition is written out. */
function repeatedSize(node: Node): number {
  switch (node.kind) {
    case "repetition": {
      const times = node.maximum === Number.POSITIVE_INFINITY ? node.minimum : node.maximum;
      return Math.max(1, times) * repeatedSize(node.node);
    }
    case "group":
      return repeatedSize(node.node);
    case "concatenation":
    case "alternation":
      return Math.max(1, ...node.nodes.map(repeatedSize));
    default:
      return 1;
  }
}
