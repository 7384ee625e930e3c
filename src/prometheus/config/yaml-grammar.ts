/** Whether the tokens of YAML text are a document, as Go's YAML package has it (`parserc.go`), with its complaints. */
import { type YamlMark, YamlProblem, type YamlVersion } from "./yaml-cursor.ts";
import { YamlScanner, type YamlToken, type YamlTokenType } from "./yaml-scanner.ts";

type State = () => void;

/** Reads the first document of a text; what stands behind it, Go's package never looks at. */
export class YamlGrammar {
  readonly #scanner: YamlScanner;
  /** What comes when the node that is being read has ended. */
  readonly #states: State[] = [];
  /** Where the collections that are open start. */
  readonly #starts: YamlMark[] = [];
  readonly #anchors = new Set<string>();
  readonly #tagHandles = new Set(["!", "!!"]);

  constructor(text: string, version: YamlVersion) {
    this.#scanner = new YamlScanner(text, version);
  }

  /** @returns where the document ends @throws YamlProblem */
  read(): number {
    let hasVersion = false;
    let token = this.#peek();
    const isExplicit = token.type === "directive" || token.type === "document-start";
    for (; token.type === "directive"; token = this.#next()) {
      const directive = token.directive!;
      if (directive.kind === "tag") this.#tagHandles.add(directive.handle);
      else if (hasVersion) this.#fail("found duplicate %YAML directive", token);
      else if (!directive.isKnown) this.#fail("found incompatible YAML document", token);
      else hasVersion = true;
    }
    if (isExplicit) {
      if (token.type !== "document-start") this.#fail("did not find expected <document start>", token);
      token = this.#next();
      if (/^(?:directive|document-|stream-end)/.test(token.type)) return token.start.index;
    }
    if (token.type === "stream-end") return token.start.index;
    this.#node(true, false);
    while (this.#states.length > 0) this.#states.pop()!();
    return this.#peek().start.index;
  }

  #peek(): YamlToken {
    return this.#scanner.peek();
  }

  /** The token behind the one that was peeked at. */
  #next(): YamlToken {
    this.#scanner.skip();
    return this.#scanner.peek();
  }

  #fail(problem: string, token: YamlToken, context?: YamlMark): never {
    throw new YamlProblem(problem, { isOfScanner: false, place: token.start, context });
  }

  #isOneOf(token: YamlToken, ...types: YamlTokenType[]): boolean {
    return types.includes(token.type);
  }

  #node(isBlock: boolean, mayBeIndentless: boolean): void {
    let token = this.#peek();
    if (token.type === "alias") {
      if (!this.#anchors.has(token.name!))
        throw new YamlProblem(`unknown anchor '${token.name}' referenced`, { isOfScanner: false });
      return void this.#scanner.skip();
    }
    const { start } = token;
    let tag: YamlToken | undefined;
    const properties: Partial<Record<YamlTokenType, true>> = {};
    while (this.#isOneOf(token, "anchor", "tag") && !properties[token.type]) {
      properties[token.type] = true;
      if (token.type === "tag") tag = token;
      else this.#anchors.add(token.name!);
      token = this.#next();
    }
    if (tag !== undefined && tag.name !== "" && !this.#tagHandles.has(tag.name!))
      this.#fail("found undefined tag handle", tag, start);
    if (mayBeIndentless && token.type === "block-entry") this.#states.push(this.#indentlessEntry);
    else if (token.type === "scalar") this.#scanner.skip();
    else if (token.type === "[") this.#open(this.#flowSequence);
    else if (token.type === "{") this.#open(this.#flowMapping);
    else if (isBlock && token.type === "block-sequence-start") this.#open(() => this.#blockEntry());
    else if (isBlock && token.type === "block-mapping-start") this.#open(() => this.#blockKey());
    else if (Object.keys(properties).length === 0)
      this.#fail("did not find expected node content", token, start);
  }

  /** A collection begins. */
  #open(state: State): void {
    this.#starts.push(this.#peek().start);
    this.#scanner.skip();
    this.#states.push(state);
  }

  #close(): void {
    this.#starts.pop();
    this.#scanner.skip();
  }

  #then(state: State, isBlock: boolean, mayBeIndentless: boolean): void {
    this.#states.push(state);
    this.#node(isBlock, mayBeIndentless);
  }

  // ---- blocks ----

  #blockEntry(): void {
    let token = this.#peek();
    if (token.type === "block-end") return void this.#close();
    if (token.type !== "block-entry")
      this.#fail("did not find expected '-' indicator", token, this.#starts.pop());
    token = this.#next();
    const state = () => this.#blockEntry();
    if (this.#isOneOf(token, "block-entry", "block-end")) this.#states.push(state);
    else this.#then(state, true, false);
  }

  readonly #indentlessEntry = (): void => {
    if (this.#peek().type !== "block-entry") return;
    const token = this.#next();
    if (this.#isOneOf(token, "block-entry", "key", "value", "block-end"))
      this.#states.push(this.#indentlessEntry);
    else this.#then(this.#indentlessEntry, true, false);
  };

  #blockKey(): void {
    let token = this.#peek();
    if (token.type === "block-end") return void this.#close();
    if (token.type !== "key") this.#fail("did not find expected key", token, this.#starts.pop());
    token = this.#next();
    const state = () => this.#blockValue();
    if (this.#isOneOf(token, "key", "value", "block-end")) this.#states.push(state);
    else this.#then(state, true, true);
  }

  #blockValue(): void {
    const state = () => this.#blockKey();
    if (this.#peek().type !== "value") return void this.#states.push(state);
    const token = this.#next();
    if (this.#isOneOf(token, "key", "value", "block-end")) this.#states.push(state);
    else this.#then(state, true, true);
  }

  // ---- flows ----

  readonly #flowSequence = (): void => this.#flowEntry(true);

  #flowEntry(isFirst: boolean): void {
    const token = this.#afterComma("]", isFirst);
    if (token.type === "]") return void this.#close();
    const state = () => this.#flowEntry(false);
    if (token.type === "key") {
      const inner = this.#next();
      this.#states.push(state);
      const value = () => this.#flowPairValue();
      if (this.#isOneOf(inner, "value", ",", "]")) {
        // As upstream, which takes the token away here.
        this.#scanner.skip();
        this.#states.push(value);
      } else this.#then(value, false, false);
    } else this.#then(state, false, false);
  }

  /** Of the one pair that stands in a sequence without braces. */
  #flowPairValue(): void {
    if (this.#peek().type !== "value") return;
    if (!this.#isOneOf(this.#next(), ",", "]")) this.#node(false, false);
  }

  readonly #flowMapping = (): void => this.#flowKey(true);

  #flowKey(isFirst: boolean): void {
    const token = this.#afterComma("}", isFirst);
    if (token.type === "}") return void this.#close();
    if (token.type === "key") {
      const state = () => this.#flowValue();
      if (this.#isOneOf(this.#next(), "value", ",", "}")) this.#states.push(state);
      else this.#then(state, false, false);
    } else this.#then(() => this.#flowKey(false), false, false);
  }

  #flowValue(): void {
    const state = () => this.#flowKey(false);
    if (this.#peek().type !== "value") return void this.#states.push(state);
    if (this.#isOneOf(this.#next(), ",", "}")) this.#states.push(state);
    else this.#then(state, false, false);
  }

  /** The first token of an entry, behind its comma, or the collection's end. */
  #afterComma(end: "]" | "}", isFirst: boolean): YamlToken {
    const token = this.#peek();
    if (isFirst || token.type === end) return token;
    if (token.type === ",") return this.#next();
    return this.#fail(`did not find expected ',' or '${end}'`, token, this.#starts.pop());
  }
}
