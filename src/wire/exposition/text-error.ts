/**
 * What is wrong with a text exposition, in upstream's words, which people know and search for
 * (`model/textparse/{promparse,openmetricsparse}.go`). The parser only finds out that an entry is malformed; this reads
 * the entry again the way upstream does, token by token.
 */
import { isUtf8, parseGoFloat, quoteGo } from "./go-float.ts";
import { TextLexer, type TokenName } from "./text-lexer.ts";

class Problem extends Error {}

const TEXT_TYPES: readonly string[] = ["counter", "gauge", "histogram", "summary", "untyped"];
const OPENMETRICS_TYPES: readonly string[] = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
];
const decoder = new TextDecoder();

/** No more than this of an entry is read again, and quoted: upstream would quote it all. */
export const MAX_EXPLAINED_BYTES = 16 * 1024;

/**
 * What upstream says of the entry at `start`.
 *
 * @returns undefined when it has nothing to say, or the entry is too long
 */
export function textProblem(bytes: Uint8Array, start: number, isOpenMetrics: boolean): string | undefined {
  const isCut = bytes.length - start > MAX_EXPLAINED_BYTES;
  const entry = bytes.subarray(start, start + MAX_EXPLAINED_BYTES);
  // Upstream reads the Prometheus format with a line end added, and quotes it too.
  const reader = new EntryReader(
    isOpenMetrics || isCut ? entry : Buffer.concat([entry, Buffer.from("\n")]),
    isOpenMetrics,
  );
  try {
    // In some cases upstream only stumbles over what an entry leaves behind.
    while (reader.read());
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return isCut && reader.isAtEnd ? undefined : error.message;
  }
}

class EntryReader {
  readonly #bytes: Uint8Array;
  readonly #lexer: TextLexer;
  readonly #isOpenMetrics: boolean;
  #start = 0;

  constructor(bytes: Uint8Array, isOpenMetrics: boolean) {
    this.#bytes = bytes;
    this.#isOpenMetrics = isOpenMetrics;
    this.#lexer = new TextLexer(bytes, isOpenMetrics);
  }

  get isAtEnd(): boolean {
    return this.#lexer.position >= this.#bytes.length;
  }

  /** Reads one entry, and answers whether there may be more. */
  read(): boolean {
    this.#start = this.#lexer.position;
    const token = this.#lexer.next();
    switch (token) {
      case "HELP":
      case "TYPE":
      case "UNIT":
        this.#metadata(token);
        return true;
      case "COMMENT":
      case "LINEBREAK":
        if (this.#isOpenMetrics) throw this.#unexpected("expected a valid start token", token);
        return true;
      case "EOFWORD":
        if (this.#lexer.next() !== "EOF") throw new Problem("unexpected data after # EOF");
        return false;
      case "EOF":
        if (this.#isOpenMetrics) throw new Problem("data does not end with # EOF");
        return false;
      case "BOPEN":
        this.#labels(false, false);
        this.#suffix(this.#lexer.next());
        return true;
      case "MNAME": {
        let next = this.#lexer.next();
        if (next === "BOPEN") {
          this.#labels(true, false);
          next = this.#lexer.next();
        }
        this.#suffix(next);
        return true;
      }
      default:
        throw this.#unexpected("expected a valid start token", token);
    }
  }

  #metadata(keyword: "HELP" | "TYPE" | "UNIT"): void {
    const nameToken = this.#lexer.next();
    if (nameToken !== "MNAME") throw this.#unexpected(`expected metric name after ${keyword}`, nameToken);
    const name = this.#buffer();
    const textToken = this.#lexer.next();
    if (textToken !== "TEXT")
      throw new Problem(
        this.#isOpenMetrics ? `expected text in ${keyword}` : `expected text in ${keyword}, got ${textToken}`,
      );
    const buffer = this.#buffer();
    const text = buffer.subarray(1, Math.max(1, this.#isOpenMetrics ? buffer.length - 1 : buffer.length));
    const types = this.#isOpenMetrics ? OPENMETRICS_TYPES : TEXT_TYPES;
    if (keyword === "TYPE" && !types.includes(decoder.decode(text)))
      throw new Problem(`invalid metric type ${quoteGo(text)}`);
    if (keyword === "HELP" && !isUtf8(text, 0, text.length))
      throw new Problem(`help text ${quoteGo(text)} is not a valid utf8 string`);
    if (keyword === "UNIT") checkUnit(unquoted(name), text);
  }

  /** What stands between braces. */
  #labels(isNamed: boolean, isExemplar: boolean): void {
    let hasName = isNamed;
    let token = this.#lexer.next();
    while (token !== "BCLOSE") {
      const isQuoted = token === "QSTRING";
      if (!isQuoted && token !== "LNAME") throw this.#unexpected("expected label name", token);
      token = this.#lexer.next();
      if (isQuoted && (token === "COMMA" || token === "BCLOSE")) {
        if (isExemplar) throw this.#unexpected("expected label name", token);
        if (hasName) throw new Problem(`metric name already set while parsing: ${this.#entry()}`);
        hasName = true;
        if (token === "COMMA") token = this.#lexer.next();
        else break;
        continue;
      }
      token = this.#labelValue(token);
    }
    if (!hasName && !isExemplar) throw new Problem(`metric name not set while parsing: ${this.#nameless()}`);
  }

  /** Reads from the equal sign to the next label's name, and answers the token there. */
  #labelValue(equal: TokenName): TokenName {
    if (equal !== "EQUAL") throw this.#unexpected("expected equal", equal);
    const value = this.#lexer.next();
    if (value !== "LVALUE") throw this.#unexpected("expected label value", value);
    const buffer = this.#buffer();
    if (!isUtf8(buffer, 0, buffer.length)) throw new Problem(`invalid UTF-8 label value: ${quoteGo(buffer)}`);
    const token = this.#lexer.next();
    if (token === "COMMA") return this.#lexer.next();
    if (token !== "BCLOSE" && this.#isOpenMetrics)
      throw this.#unexpected("expected comma or brace close", token);
    return token;
  }

  /** Upstream has read one token further when it finds that the name is missing. */
  #nameless(): string {
    this.#lexer.next();
    return this.#entry();
  }

  #suffix(token: TokenName): void {
    this.#value(token, "metric");
    const next = this.#lexer.next();
    if (!this.#isOpenMetrics) this.#textTime(next);
    else if (next === "EOF") throw new Problem("data does not end with # EOF");
    else if (next === "COMMENT") this.#exemplar();
    else if (next === "TIMESTAMP") this.#openMetricsTime();
  }

  #openMetricsTime(): void {
    this.#time("invalid timestamp");
    const last = this.#lexer.next();
    if (last === "COMMENT") this.#exemplar();
    else if (last !== "LINEBREAK") throw this.#unexpected("expected next entry after timestamp", last);
  }

  #textTime(token: TokenName): void {
    if (token === "LINEBREAK") return;
    if (token !== "TIMESTAMP") throw this.#unexpected("expected timestamp or new record", token);
    const text = decoder.decode(this.#buffer());
    if (BigInt(text) >= 2n ** 63n)
      throw new Problem(
        `strconv.ParseInt: parsing ${quoteGo(text)}: value out of range while parsing: ${this.#entry()}`,
      );
    const last = this.#lexer.next();
    if (last !== "LINEBREAK") throw this.#unexpected("expected next entry after timestamp", last);
  }

  #exemplar(): void {
    this.#labels(true, true);
    this.#value(this.#lexer.next(), "exemplar labels");
    const token = this.#lexer.next();
    if (token === "EOF") throw new Problem("data does not end with # EOF");
    if (token === "LINEBREAK") return;
    if (token !== "TIMESTAMP") throw this.#unexpected("expected timestamp or comment", token);
    this.#time("invalid exemplar timestamp");
    const last = this.#lexer.next();
    if (last !== "LINEBREAK") throw this.#unexpected("expected next entry after exemplar timestamp", last);
  }

  #value(token: TokenName, after: string): void {
    if (token !== "VALUE") throw this.#unexpected(`expected value after ${after}`, token);
    this.#float(this.#isOpenMetrics ? this.#buffer().subarray(1) : this.#buffer());
  }

  #time(invalid: string): void {
    const seconds = this.#float(this.#buffer().subarray(1));
    if (Number.isFinite(seconds)) return;
    throw new Problem(`${invalid} ${Number.isNaN(seconds) ? "NaN" : seconds > 0 ? "+Inf" : "-Inf"}`);
  }

  #float(bytes: Uint8Array): number {
    const text = decoder.decode(bytes);
    if (/[pP_]/.test(text))
      throw new Problem(`unsupported character in float while parsing: ${this.#entry()}`);
    const value = parseGoFloat(text);
    if (value !== undefined) return value;
    const isDecimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
    throw new Problem(
      `strconv.ParseFloat: parsing ${quoteGo(bytes)}: ${isDecimal ? "value out of range" : "invalid syntax"} while parsing: ${this.#entry()}`,
    );
  }

  #buffer(): Uint8Array {
    return this.#bytes.subarray(this.#lexer.start, this.#lexer.position);
  }

  #entry(end = this.#lexer.position): string {
    return quoteGo(this.#bytes.subarray(this.#start, end));
  }

  #unexpected(expected: string, token: TokenName): Problem {
    const end = Math.min(this.#bytes.length, this.#lexer.position + 1);
    const got = quoteGo(this.#bytes.subarray(this.#lexer.start, end));
    return new Problem(`${expected}, got ${got} (${quoteGo(token)}) while parsing: ${this.#entry(end)}`);
  }
}

function unquoted(name: Uint8Array): string {
  const text = decoder.decode(name);
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function checkUnit(name: string, text: Uint8Array): void {
  const unit = decoder.decode(text);
  if (unit !== "" && !name.endsWith(`_${unit}`))
    throw new Problem(`unit ${quoteGo(text)} not a suffix of metric ${quoteGo(name)}`);
}
