/**
 * The tokens of the text formats, with the positions at which upstream's lexers stand between them
 * (`model/textparse/{promlex,openmetricslex}.l`). Error texts quote up to there; the parser itself reads without tokens.
 */
export type TokenName =
  | "INVALID"
  | "EOF"
  | "LINEBREAK"
  | "WHITESPACE"
  | "HELP"
  | "TYPE"
  | "UNIT"
  | "EOFWORD"
  | "TEXT"
  | "COMMENT"
  | "MNAME"
  | "QSTRING"
  | "BOPEN"
  | "BCLOSE"
  | "LNAME"
  | "LVALUE"
  | "COMMA"
  | "EQUAL"
  | "TIMESTAMP"
  | "VALUE";

type State =
  | "init"
  | "comment"
  | "meta1"
  | "meta2"
  | "labels"
  | "value"
  | "timestamp"
  | "labelValue"
  | "exemplar"
  | "exemplarValue"
  | "exemplarTime";

/** Which bytes stand at one place. */
type ByteSet = (byte: number) => boolean;

interface Item {
  set: ByteSet;
  /** More of them may follow. */
  isRepeated: boolean;
  isOptional: boolean;
}

/** A pattern that is read one byte at a time: items one after the other, or a string in quotes. */
type Pattern = { items: Item[] } | { quoted: ByteSet };

interface Rule {
  pattern: Pattern;
  /** undefined: reading goes on in the new state, as part of the same token. */
  token: TokenName | undefined;
  then: State;
}

const one = (set: ByteSet): Item => ({ set, isRepeated: false, isOptional: false });
const some = (set: ByteSet): Item => ({ set, isRepeated: true, isOptional: false });
const any = (set: ByteSet): Item => ({ set, isRepeated: true, isOptional: true });
const is = (characters: string): ByteSet => {
  const codes = new Set(Array.from(characters, (character) => character.charCodeAt(0)));
  return (byte) => codes.has(byte);
};
/** Never a NUL: it is how the lexers see the end. */
const not = (characters: string): ByteSet => {
  const inner = is(characters);
  return (byte) => byte !== 0 && !inner(byte);
};
const word = (text: string): Item[] => Array.from(text, (character) => one(is(character)));
const letters = /[a-zA-Z_]/;
const isLetter: ByteSet = (byte) => letters.test(String.fromCharCode(byte));
const isDigit: ByteSet = (byte) => byte >= 48 && byte <= 57;
const isMetricStart: ByteSet = (byte) => isLetter(byte) || byte === 58;

const rule = (then: State, token: TokenName | undefined, ...items: Item[]): Rule => ({
  pattern: { items },
  token,
  then,
});
const quoted = (then: State, token: TokenName, inner: ByteSet): Rule => ({
  pattern: { quoted: inner },
  token,
  then,
});
const METRIC_NAME = [one(isMetricStart), any((byte) => isMetricStart(byte) || isDigit(byte))];
const LABEL_NAME = [one(isLetter), any((byte) => isLetter(byte) || isDigit(byte))];
const inQuotes = not('\\"');
const inQuotesOfOneLine = not('\\"\n');
const BLANK = is(" \t");

/** Of rules that take equally much the first one counts. */
const TEXT_RULES: Partial<Record<State, Rule[]>> = {
  init: [
    rule("init", "LINEBREAK", one(is("\n"))),
    rule("init", "WHITESPACE", some(BLANK)),
    rule("comment", undefined, one(is("#")), some(BLANK)),
    rule("init", "COMMENT", one(is("#"))),
    rule("value", "MNAME", ...METRIC_NAME),
    rule("labels", "BOPEN", one(is("{"))),
  ],
  comment: [
    rule("comment", "WHITESPACE", some(BLANK)),
    rule("meta1", "HELP", ...word("HELP"), some(BLANK)),
    rule("meta1", "TYPE", ...word("TYPE"), some(BLANK)),
  ],
  meta1: [
    rule("meta1", "WHITESPACE", some(BLANK)),
    quoted("meta2", "MNAME", inQuotes),
    rule("meta2", "MNAME", ...METRIC_NAME),
  ],
  meta2: [rule("meta2", "WHITESPACE", some(BLANK)), rule("init", "TEXT", any(not("\n")))],
  labels: [
    rule("labels", "WHITESPACE", some(BLANK)),
    rule("labels", "LNAME", ...LABEL_NAME),
    quoted("labels", "QSTRING", inQuotes),
    rule("value", "BCLOSE", one(is("}"))),
    rule("labelValue", "EQUAL", one(is("="))),
    rule("labels", "COMMA", one(is(","))),
  ],
  labelValue: [rule("labelValue", "WHITESPACE", some(BLANK)), quoted("labels", "LVALUE", inQuotes)],
  value: [
    rule("value", "WHITESPACE", some(BLANK)),
    rule("labels", "BOPEN", one(is("{"))),
    rule("timestamp", "VALUE", some(not("{ \t\n"))),
  ],
  timestamp: [
    rule("timestamp", "WHITESPACE", some(BLANK)),
    rule("timestamp", "TIMESTAMP", some(isDigit)),
    rule("init", "LINEBREAK", one(is("\n"))),
  ],
};

const SPACE = one(is(" "));
const TO_BLANK = [SPACE, some(not(" \n"))];
const OPENMETRICS_RULES: Partial<Record<State, Rule[]>> = {
  init: [
    rule("comment", undefined, one(is("#")), SPACE),
    rule("value", "MNAME", ...METRIC_NAME),
    rule("labels", "BOPEN", one(is("{"))),
  ],
  comment: [
    rule("meta1", "HELP", ...word("HELP"), SPACE),
    rule("meta1", "TYPE", ...word("TYPE"), SPACE),
    rule("meta1", "UNIT", ...word("UNIT"), SPACE),
    rule("init", "EOFWORD", ...word("EOF"), { set: is("\n"), isRepeated: false, isOptional: true }),
  ],
  meta1: [quoted("meta2", "MNAME", inQuotes), rule("meta2", "MNAME", ...METRIC_NAME)],
  meta2: [rule("init", "TEXT", SPACE, any(not("\n")), one(is("\n")))],
  labels: [
    rule("labels", "LNAME", ...LABEL_NAME),
    quoted("labels", "QSTRING", inQuotes),
    rule("value", "BCLOSE", one(is("}"))),
    rule("labelValue", "EQUAL", one(is("="))),
    rule("labels", "COMMA", one(is(","))),
  ],
  labelValue: [quoted("labels", "LVALUE", inQuotesOfOneLine)],
  value: [rule("labels", "BOPEN", one(is("{"))), rule("timestamp", "VALUE", ...TO_BLANK)],
  timestamp: [
    rule("timestamp", "TIMESTAMP", ...TO_BLANK),
    rule("init", "LINEBREAK", one(is("\n"))),
    rule("exemplar", "COMMENT", SPACE, one(is("#")), SPACE, one(is("{"))),
  ],
  exemplar: [
    rule("exemplar", "LNAME", ...LABEL_NAME),
    quoted("exemplar", "QSTRING", inQuotesOfOneLine),
    rule("exemplarValue", "BCLOSE", one(is("}"))),
    rule("exemplarValue", "EQUAL", one(is("="))),
    rule("exemplar", "COMMA", one(is(","))),
  ],
  exemplarValue: [
    quoted("exemplar", "LVALUE", inQuotesOfOneLine),
    rule("exemplarTime", "VALUE", ...TO_BLANK),
  ],
  exemplarTime: [rule("exemplarTime", "TIMESTAMP", ...TO_BLANK), rule("init", "LINEBREAK", one(is("\n")))],
};

/** How far a pattern has been read: a place among the items, or within the quotes; -1 when it does not match. */
interface Progress {
  at: number;
  /** The repeated item at this place was seen. */
  wasSeen: boolean;
}

function advance(pattern: Pattern, { at, wasSeen }: Progress, byte: number): Progress | undefined {
  if ("quoted" in pattern) {
    // 0: before the string, 1: in it, 2: behind a backslash, 3: behind it.
    if (at === 0) return byte === 34 ? { at: 1, wasSeen } : undefined;
    if (at === 2) return byte !== 10 && byte !== 0 ? { at: 1, wasSeen } : undefined;
    if (at === 3) return undefined;
    if (byte === 34) return { at: 3, wasSeen };
    if (byte === 92) return { at: 2, wasSeen };
    return pattern.quoted(byte) ? { at: 1, wasSeen } : undefined;
  }
  for (let place = at, seen = wasSeen; place < pattern.items.length; place++, seen = false) {
    const { set, isRepeated, isOptional } = pattern.items[place];
    if (set(byte)) return isRepeated ? { at: place, wasSeen: true } : { at: place + 1, wasSeen: false };
    if (!isOptional && !(isRepeated && seen)) return undefined;
  }
  return undefined;
}

function isComplete(pattern: Pattern, { at, wasSeen }: Progress): boolean {
  if ("quoted" in pattern) return at === 3;
  return pattern.items
    .slice(at)
    .every(({ isRepeated, isOptional }, i) => isOptional || (i === 0 && isRepeated && wasSeen));
}

export class TextLexer {
  readonly bytes: Uint8Array;
  position = 0;
  /** Where the current token starts. */
  start = 0;
  #state: State = "init";
  readonly #rules: Partial<Record<State, Rule[]>>;
  readonly #isOpenMetrics: boolean;

  /** @param bytes from where an entry begins */
  constructor(bytes: Uint8Array, isOpenMetrics: boolean) {
    this.bytes = bytes;
    this.#isOpenMetrics = isOpenMetrics;
    this.#rules = isOpenMetrics ? OPENMETRICS_RULES : TEXT_RULES;
  }

  /** The next token; in the Prometheus format the next that is no white space. */
  next(): TokenName {
    for (;;) {
      const token = this.#lex();
      if (token !== "WHITESPACE") return token;
    }
  }

  #lex(): TokenName {
    if (this.position >= this.bytes.length) return "EOF";
    this.start = this.position;
    let byte = this.bytes[this.position];
    for (;;) {
      if (byte === 0 && this.#state === "init" && !this.#isOpenMetrics) return "EOF";
      const begin = { at: 0, wasSeen: false };
      let alive = this.#rules[this.#state]!.map((each) => ({ rule: each, progress: begin }));
      for (;;) {
        const further = alive.flatMap(({ rule: each, progress }) => {
          const reached = advance(each.pattern, progress, byte);
          return reached === undefined ? [] : [{ rule: each, progress: reached }];
        });
        if (further.length === 0) break;
        alive = further;
        byte = this.#advance();
      }
      const matched = alive.find(({ rule: each, progress }) => isComplete(each.pattern, progress))?.rule;
      if (matched === undefined) return this.#unmatched();
      if (matched.token === "COMMENT" && this.#state === "init") return this.#comment();
      this.#state = matched.then;
      if (matched.token !== undefined) return matched.token;
    }
  }

  #unmatched(): TokenName {
    return this.#state === "comment" && !this.#isOpenMetrics ? this.#comment() : "INVALID";
  }

  /** To the end of the line. */
  #comment(): TokenName {
    while (this.position < this.bytes.length && this.bytes[this.position] !== 10) this.position++;
    this.#state = "init";
    return "COMMENT";
  }

  #advance(): number {
    this.position++;
    const skipsNul = this.#state === "labelValue" || this.#state === "meta2" || this.#state === "comment";
    while (skipsNul && this.bytes[this.position] === 0) this.position++;
    return this.position < this.bytes.length ? this.bytes[this.position] : 0;
  }
}
