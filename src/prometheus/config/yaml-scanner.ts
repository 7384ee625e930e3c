/** The tokens of YAML text, as Go's YAML package finds them (`scannerc.go`), with its complaints. */
import { YamlCursor, type YamlMark, type YamlVersion } from "./yaml-cursor.ts";
import {
  scanAnchor,
  scanBlockScalar,
  scanDirective,
  scanPlainScalar,
  scanQuotedScalar,
  scanTag,
  type YamlDirective,
} from "./yaml-scalars.ts";

export type YamlTokenType =
  | "stream-end"
  | "directive"
  | "document-start"
  | "document-end"
  | "block-sequence-start"
  | "block-mapping-start"
  | "block-end"
  | "["
  | "]"
  | "{"
  | "}"
  | "block-entry"
  | ","
  | "key"
  | "value"
  | "alias"
  | "anchor"
  | "tag"
  | "scalar";

export interface YamlToken {
  type: YamlTokenType;
  start: YamlMark;
  /** Of an anchor or an alias; of a tag its handle. */
  name?: string;
  directive?: YamlDirective;
}

/** A place that could be the start of a key, which only a colon behind it tells. */
interface SimpleKey {
  isPossible: boolean;
  /** In a block whose entries start here there must be a key. */
  isRequired: boolean;
  tokenNumber: number;
  mark: YamlMark;
}

/** A key without `?` and its colon are so many characters apart at most. */
const MAX_KEY_LENGTH = 1024;
/** Flow collections in each other, and blocks. */
export const MAX_DEPTH = 10_000;

export class YamlScanner {
  readonly #cursor: YamlCursor;
  #tokens: YamlToken[] = [];
  /** How many were taken out of `#tokens`. */
  #taken = 0;
  #indent = -1;
  readonly #indents: number[] = [];
  #flowLevel = 0;
  #isKeyAllowed = true;
  /** One for each flow level. */
  readonly #keys: SimpleKey[];
  /** Token → the level of the key that starts there. One that grew too old stays in it, as upstream has it. */
  readonly #levelOfToken = new Map<number, number>();
  #hasEnded = false;

  /** So many tokens are known besides the next one. */
  readonly #lookahead: number;

  /** @param version of Go's package: the third looks two tokens further, and so finds some problems earlier */
  constructor(text: string, version: YamlVersion) {
    this.#lookahead = version === 3 ? 2 : 0;
    this.#cursor = new YamlCursor(text);
    this.#keys = [this.#noKey()];
  }

  /** The next token, which stays. @throws YamlProblem */
  peek(): YamlToken {
    for (;;) {
      const isShort = this.#tokens.length <= this.#lookahead && !this.#hasEnded;
      if (!isShort && (!this.#mayBecomeKey() || this.#hasEnded)) break;
      this.#readToken();
    }
    return this.#tokens[0];
  }

  /** Takes the token that was peeked at. */
  skip(): void {
    this.#tokens.shift();
    this.#taken++;
  }

  /** Whether a key's token may yet have to come before the first one. */
  #mayBecomeKey(): boolean {
    const level = this.#levelOfToken.get(this.#taken);
    return level !== undefined && this.#isValid(this.#keys[level]);
  }

  #noKey(): SimpleKey {
    const tokenNumber = this.#taken + this.#tokens.length;
    return { isPossible: false, isRequired: false, tokenNumber, mark: this.#cursor.mark };
  }

  #add(type: YamlTokenType, start = this.#cursor.mark, fields: Partial<YamlToken> = {}): void {
    this.#tokens.push({ type, start, ...fields });
  }

  #readToken(): void {
    const cursor = this.#cursor;
    this.#toNextToken();
    this.#unrollIndent(cursor.column);
    const char = cursor.char();
    if (cursor.isAtEnd) this.#readEnd();
    else if (cursor.column === 0 && char === "%") this.#readDirective();
    else if (cursor.isAtIndicator("-")) this.#readIndicator("document-start");
    else if (cursor.isAtIndicator(".")) this.#readIndicator("document-end");
    else if (char === "[" || char === "{") this.#readFlowStart(char);
    else if (char === "]" || char === "}") this.#readFlowEnd(char);
    else if (char === ",") this.#readFlowEntry();
    else if (char === "-" && cursor.isBlankOrEnd(1)) this.#readBlockEntry();
    else if (char === "?" && (this.#flowLevel > 0 || cursor.isBlankOrEnd(1))) this.#readKey();
    else if (char === ":" && (this.#flowLevel > 0 || cursor.isBlankOrEnd(1))) this.#readValue();
    else this.#readContent(char);
  }

  #readContent(char: string): void {
    const cursor = this.#cursor;
    const isInFlow = this.#flowLevel > 0;
    const start = cursor.mark;
    if (char === "*" || char === "&") {
      this.#startContent();
      this.#add(char === "*" ? "alias" : "anchor", start, { name: scanAnchor(cursor) });
    } else if (char === "!") {
      this.#startContent();
      this.#add("tag", start, { name: scanTag(cursor) });
    } else if ((char === "|" || char === ">") && !isInFlow) {
      this.#removeKey();
      this.#isKeyAllowed = true;
      scanBlockScalar(cursor, this.#indent);
      this.#add("scalar", start);
    } else if (char === "'" || char === '"') {
      this.#startContent();
      scanQuotedScalar(cursor);
      this.#add("scalar", start);
    } else if (this.#startsPlainScalar(char)) {
      this.#startContent();
      if (scanPlainScalar(cursor, this.#indent, isInFlow)) this.#isKeyAllowed = true;
      this.#add("scalar", start);
    } else cursor.fail("found character that cannot start any token", start);
  }

  #startsPlainScalar(char: string): boolean {
    const cursor = this.#cursor;
    if (char === "-") return !cursor.isBlank(1);
    if (char === "?" || char === ":") return this.#flowLevel === 0 && !cursor.isBlankOrEnd(1);
    return !cursor.isBlankOrEnd() && !",[]{}#&*!|>'\"%@`".includes(char);
  }

  /** Content may be a key, and no other key starts right behind it. */
  #startContent(): void {
    this.#saveKey();
    this.#isKeyAllowed = false;
  }

  #toNextToken(): void {
    const cursor = this.#cursor;
    for (;;) {
      if (cursor.column === 0 && cursor.char() === "\ufeff") cursor.skip();
      const areTabsAllowed = this.#flowLevel > 0 || !this.#isKeyAllowed;
      while (cursor.char() === " " || (areTabsAllowed && cursor.char() === "\t")) cursor.skip();
      cursor.skipComment();
      if (!cursor.isBreak()) return;
      cursor.skipBreak();
      if (this.#flowLevel === 0) this.#isKeyAllowed = true;
    }
  }

  // ---- keys ----

  #isValid(key: SimpleKey): boolean {
    if (!key.isPossible) return false;
    const { line, index } = this.#cursor;
    if (key.mark.line >= line && key.mark.index + MAX_KEY_LENGTH >= index) return true;
    if (key.isRequired) this.#cursor.fail("could not find expected ':'", key.mark);
    key.isPossible = false;
    return false;
  }

  #saveKey(): void {
    const { mark } = this.#cursor;
    if (!this.#isKeyAllowed) return;
    const isRequired = this.#flowLevel === 0 && this.#indent === mark.column;
    this.#removeKey();
    const tokenNumber = this.#taken + this.#tokens.length;
    this.#keys[this.#keys.length - 1] = { isPossible: true, isRequired, tokenNumber, mark };
    this.#levelOfToken.set(tokenNumber, this.#keys.length - 1);
  }

  #removeKey(): void {
    const key = this.#keys[this.#keys.length - 1];
    if (!key.isPossible) return;
    if (key.isRequired) this.#cursor.fail("could not find expected ':'", key.mark);
    key.isPossible = false;
    this.#levelOfToken.delete(key.tokenNumber);
  }

  // ---- indentation ----

  /** A block begins; its token goes before the token `number` where that is given. */
  #rollIndent(column: number, type: YamlTokenType, start: YamlMark, number?: number): void {
    if (this.#flowLevel > 0 || this.#indent >= column) return;
    this.#indents.push(this.#indent);
    this.#indent = column;
    if (this.#indents.length > MAX_DEPTH)
      this.#cursor.fail(`exceeded max depth of ${MAX_DEPTH}`, this.#keys[this.#keys.length - 1].mark);
    const at = number === undefined ? this.#tokens.length : number - this.#taken;
    this.#tokens.splice(at, 0, { type, start });
  }

  /** Ends the blocks that are deeper than the column. */
  #unrollIndent(column: number): void {
    if (this.#flowLevel > 0) return;
    while (this.#indent > column) {
      this.#add("block-end");
      this.#indent = this.#indents.pop()!;
    }
  }

  // ---- tokens ----

  #readEnd(): void {
    const cursor = this.#cursor;
    if (cursor.column !== 0) {
      cursor.column = 0;
      cursor.line++;
    }
    this.#unrollIndent(-1);
    this.#removeKey();
    this.#isKeyAllowed = false;
    this.#add("stream-end");
    this.#hasEnded = true;
  }

  #readDirective(): void {
    this.#unrollIndent(-1);
    this.#removeKey();
    this.#isKeyAllowed = false;
    const start = this.#cursor.mark;
    this.#add("directive", start, { directive: scanDirective(this.#cursor) });
  }

  #readIndicator(type: "document-start" | "document-end"): void {
    this.#unrollIndent(-1);
    this.#removeKey();
    this.#isKeyAllowed = false;
    this.#add(type);
    this.#cursor.skip(3);
  }

  #addSign(type: YamlTokenType): void {
    this.#add(type);
    this.#cursor.skip();
  }

  #readFlowStart(type: "[" | "{"): void {
    this.#saveKey();
    this.#keys.push(this.#noKey());
    if (++this.#flowLevel > MAX_DEPTH)
      this.#cursor.fail(`exceeded max depth of ${MAX_DEPTH}`, this.#cursor.mark);
    this.#isKeyAllowed = true;
    this.#addSign(type);
  }

  #readFlowEnd(type: "]" | "}"): void {
    this.#removeKey();
    if (this.#flowLevel > 0) {
      this.#flowLevel--;
      this.#levelOfToken.delete(this.#keys.pop()!.tokenNumber);
    }
    this.#isKeyAllowed = false;
    this.#addSign(type);
  }

  #readFlowEntry(): void {
    this.#removeKey();
    this.#isKeyAllowed = true;
    this.#addSign(",");
  }

  #readBlockEntry(): void {
    const { mark } = this.#cursor;
    if (this.#flowLevel === 0) {
      if (!this.#isKeyAllowed)
        this.#cursor.fail("block sequence entries are not allowed in this context", mark);
      this.#rollIndent(mark.column, "block-sequence-start", mark);
    }
    this.#removeKey();
    this.#isKeyAllowed = true;
    this.#addSign("block-entry");
  }

  #readKey(): void {
    const { mark } = this.#cursor;
    if (this.#flowLevel === 0) {
      if (!this.#isKeyAllowed) this.#cursor.fail("mapping keys are not allowed in this context", mark);
      this.#rollIndent(mark.column, "block-mapping-start", mark);
    }
    this.#removeKey();
    this.#isKeyAllowed = this.#flowLevel === 0;
    this.#addSign("key");
  }

  #readValue(): void {
    const key = this.#keys[this.#keys.length - 1];
    const { mark } = this.#cursor;
    if (this.#isValid(key)) {
      this.#tokens.splice(key.tokenNumber - this.#taken, 0, { type: "key", start: key.mark });
      this.#rollIndent(key.mark.column, "block-mapping-start", key.mark, key.tokenNumber);
      key.isPossible = false;
      this.#levelOfToken.delete(key.tokenNumber);
      this.#isKeyAllowed = false;
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#isKeyAllowed) this.#cursor.fail("mapping values are not allowed in this context", mark);
        this.#rollIndent(mark.column, "block-mapping-start", mark);
      }
      this.#isKeyAllowed = this.#flowLevel === 0;
    }
    this.#addSign("value");
  }
}
