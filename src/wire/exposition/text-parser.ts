/**
 * Reads the Prometheus text format (0.0.4 and 1.0.0) and OpenMetrics text (0.0.1 and 1.0.0), entry by entry, from the
 * bytes of a body, as Prometheus' own scrape does (`model/textparse/{promparse,openmetricsparse}.go`, same verdicts and
 * error texts). It is lenient about meaning, as upstream's is: `checkOpenMetrics` has the format's every rule.
 *
 * Nothing is allocated for a sample whose series bytes the caller knows: `seriesStart` and `seriesEnd` say where they
 * stand, `labels()` makes strings of them when asked.
 */
import { formatOpenMetricsFloat, isUtf8, parseGoFloat, quoteGo } from "./go-float.ts";
import { withMetadataLabels } from "./metadata-labels.ts";
import { textProblem } from "./text-error.ts";

export type ExpositionFormat = "text" | "openmetrics";
export type EntryKind = "series" | "help" | "type" | "unit" | "comment" | "end";

/** The body is not in the format that its Content-Type promised. */
export class ExpositionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExpositionError";
  }
}

export interface ParsedExemplar {
  /** `[name0, value0, …]` as written. */
  labels: string[];
  value: number;
  timestampMs: number | undefined;
}

const NEWLINE = 10;
const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const EQUAL = 61;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** What a byte may be: 1 starts a label name, 2 starts a metric name, 4 continues a label name, 8 a metric name. */
const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95;
  const isDigit = byte >= 48 && byte <= 57;
  if (isLetter) CLASS[byte] |= 1 | 2 | 4 | 8;
  if (byte === 58) CLASS[byte] |= 2 | 8;
  if (isDigit) CLASS[byte] |= 4 | 8;
}
const LABEL_START = 1;
const METRIC_START = 2;
const LABEL_PART = 4;
const METRIC_PART = 8;

const TYPES: Record<ExpositionFormat, ReadonlySet<string>> = {
  text: new Set(["counter", "gauge", "histogram", "summary", "untyped"]),
  openmetrics: new Set([
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
    "unknown",
  ]),
};
/** Decimals of so many digits are exact in a float64 on the way. */
const EXACT_DIGITS = 15;
/** Exact powers of ten for the quick way of reading decimals. */
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i);
/** The metric types whose `_created` samples are times and not series of their own. */
const WITH_CREATED = new Set(["counter", "summary", "histogram"]);
const CREATED = new TextEncoder().encode("_created");

/** Metric type → the label whose value is a number. */
const BOUND_LABELS: Readonly<Record<string, string>> = { histogram: "le", summary: "quantile" };

const decoder = new TextDecoder();

export interface TextParserOptions {
  format: ExpositionFormat;
  /** OpenMetrics: pass over `_created` samples of counters, summaries and histograms. @default false */
  skipCreated?: boolean;
  /** `labels()` has the metric's type and unit. @default false */
  typeAndUnitLabels?: boolean;
}

export class TextParser {
  readonly bytes: Uint8Array;
  /** Where the next entry starts. */
  position = 0;
  /** The bytes of the current sample's name and labels, up to but without what follows. */
  seriesStart = 0;
  seriesEnd = 0;
  value = 0;
  hasTimestamp = false;
  timestampMs = 0;
  exemplar: ParsedExemplar | undefined;
  /** Of the current help, type or unit entry. */
  metricName = "";
  /** The help, the unit, or the type's name. */
  text = "";
  /** What the last TYPE line said; upstream's names, so `untyped` is `unknown`. */
  metricType = "unknown";
  /** What the last UNIT line said. As upstream, it stays until there is another. */
  metricUnit = "";

  readonly #isOpenMetrics: boolean;
  readonly #format: ExpositionFormat;
  readonly #skipCreated: boolean;
  readonly #typeAndUnitLabels: boolean;
  readonly #end: number;
  readonly #view: DataView;
  /** Pairs of offsets: metric name, then label name and value, … */
  #offsets: number[] = [];
  /** Whether `#offsets` are those of the current sample. */
  #isScanned = false;
  #start = 0;

  constructor(bytes: Uint8Array, options: TextParserOptions) {
    this.bytes = bytes;
    this.#end = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#format = options.format;
    this.#isOpenMetrics = options.format === "openmetrics";
    this.#skipCreated = options.skipCreated ?? false;
    this.#typeAndUnitLabels = options.typeAndUnitLabels ?? false;
  }

  /** @throws ExpositionError */
  next(): EntryKind {
    return this.#isOpenMetrics ? this.#nextOpenMetrics() : this.#nextText();
  }

  /**
   * When the next entry is a sample whose name and labels are these bytes exactly, reads it and answers true. The quick
   * way for a body that is in the order of the one before.
   *
   * @throws ExpositionError
   */
  nextIfSeries(known: DataView, start: number, end: number): boolean {
    const { bytes } = this;
    const view = this.#view;
    const from = this.position;
    const length = end - start;
    // Without labels, the name could go on.
    if (from + length >= this.#end || bytes[from + length] !== SPACE) return false;
    // From the end, where the series of one metric differ.
    let rest = length - 8;
    for (; rest >= 0; rest -= 8)
      if (view.getBigInt64(from + rest, true) !== known.getBigInt64(start + rest, true)) return false;
    for (let i = rest + 7; i >= 0; i--) if (bytes[from + i] !== known.getUint8(start + i)) return false;
    this.#start = from;
    this.seriesStart = from;
    this.seriesEnd = from + length;
    this.#isScanned = false;
    if (this.#isOpenMetrics) this.#openMetricsSuffix(from + length);
    else this.#knownTextSuffix(from + length);
    return true;
  }

  /** `#textSuffix` where what follows is a blank, a whole number and the line's end, which is how most lines are. */
  #knownTextSuffix(seriesEnd: number): void {
    const { bytes } = this;
    let at = seriesEnd + 1;
    let value = 0;
    let byte = bytes[at];
    while (byte >= 48 && byte <= 57) {
      value = value * 10 + byte - 48;
      byte = bytes[++at];
    }
    const digits = at - seriesEnd - 1;
    if (byte === NEWLINE && digits > 0 && digits <= EXACT_DIGITS) {
      this.value = value;
      this.hasTimestamp = false;
      this.position = at + 1;
    } else this.#textSuffix(seriesEnd);
  }

  /**
   * `["__name__", name, label0, value0, …]` of the current sample, in the order written. The bounds of classic
   * histograms and summaries are given as OpenMetrics writes them, whatever the body has: `le="1"` becomes `le="1.0"`.
   */
  labels(): string[] {
    if (!this.#isScanned) this.#scanSeries();
    const flat: string[] = [];
    for (let i = 0; i < this.#offsets.length; i += 2) {
      const start = this.#offsets[i];
      const end = this.#offsets[i + 1];
      if (i === 0) flat.push("__name__");
      const text = unescapeLabel(this.#decode(start, end));
      // Values were checked where they were read; names stand in the way of nothing until they are needed.
      if (text.includes("\ufffd") && !isUtf8(this.bytes, start, end))
        throw new ExpositionError(
          `invalid metric name or label names: ${quoteGo(this.bytes.subarray(start, end))}`,
        );
      flat.push(text);
    }
    const bound = BOUND_LABELS[this.metricType];
    if (bound !== undefined)
      for (let i = 2; i < flat.length; i += 2) if (flat[i] === bound) flat[i + 1] = normalBound(flat[i + 1]);
    if (this.#typeAndUnitLabels) return withMetadataLabels(flat, this.metricType, this.metricUnit);
    return flat;
  }

  #decode(start: number, end: number): string {
    return decoder.decode(this.bytes.subarray(start, end));
  }

  // ---- Prometheus text ----

  #nextText(): EntryKind {
    const { bytes } = this;
    for (;;) {
      const start = this.#skipBlanks(this.position);
      this.#start = this.position;
      if (start >= this.#end) {
        this.position = this.#end;
        return "end";
      }
      const byte = bytes[start];
      if (byte === NEWLINE) {
        this.position = start + 1;
        continue;
      }
      if (byte === HASH) return this.#textMetadata(start);
      // As upstream, which takes a NUL for the end.
      if (byte === 0) {
        this.position = this.#end;
        return "end";
      }
      if (byte === OPEN || CLASS[byte] & METRIC_START) {
        // Upstream's series bytes start where the line does; blanks before it are not part of a name.
        this.seriesStart = start;
        this.#scanSeries();
        this.#readSuffix(this.seriesEnd);
        return "series";
      }
      throw this.#malformed();
    }
  }

  #textMetadata(hash: number): EntryKind {
    const { bytes } = this;
    let at = hash + 1;
    const isBlank = bytes[at] === SPACE || bytes[at] === TAB;
    at = this.#skipBlanks(at);
    const keyword = isBlank ? this.#decode(at, at + 4) : "";
    const afterKeyword = bytes[at + 4];
    if ((keyword !== "HELP" && keyword !== "TYPE") || (afterKeyword !== SPACE && afterKeyword !== TAB)) {
      const end = this.#lineEnd(hash);
      this.text = this.#decode(hash, end);
      this.position = Math.min(end + 1, this.#end);
      return "comment";
    }
    const nameStart = this.#skipBlanks(at + 4);
    const nameEnd = this.#metricNameEnd(nameStart);
    if (nameEnd === nameStart) {
      throw this.#malformed();
    }
    this.metricName = this.#metadataName(nameStart, nameEnd);
    const end = this.#lineEnd(nameEnd);
    // Upstream cuts one character off what follows the name, whatever it is, and blanks alone are nothing.
    const textStart = this.#skipBlanks(nameEnd) >= end ? end : nameEnd + 1;
    this.text = this.#decode(textStart, end);
    this.position = Math.min(end + 1, this.#end);
    if (keyword === "TYPE") {
      this.#setType(this.text);
      return "type";
    }
    this.#checkHelp(textStart, end);
    this.text = unescapeHelp(this.text, this.#isOpenMetrics);
    return "help";
  }

  #checkHelp(start: number, end: number): void {
    if (!isUtf8(this.bytes, start, end)) throw this.#malformed();
  }

  #setType(type: string): void {
    if (!TYPES[this.#format].has(type)) throw this.#malformed();
    this.metricType = type === "untyped" ? "unknown" : type;
  }

  // ---- OpenMetrics ----

  #nextOpenMetrics(): EntryKind {
    const { bytes } = this;
    for (;;) {
      const start = this.position;
      this.#start = start;
      if (start >= this.#end) throw this.#malformed();
      const byte = bytes[start];
      if (byte === HASH) return this.#openMetricsMetadata(start);
      if (byte !== OPEN && !(CLASS[byte] & METRIC_START)) {
        throw this.#malformed();
      }
      this.seriesStart = start;
      this.#scanSeries();
      this.#readSuffix(this.seriesEnd);
      if (this.#skipCreated && this.#isCreated()) continue;
      return "series";
    }
  }

  #isCreated(): boolean {
    const end = this.#offsets[1];
    if (!WITH_CREATED.has(this.metricType) || end - this.#offsets[0] < CREATED.length) return false;
    return CREATED.every((byte, i) => this.bytes[end - CREATED.length + i] === byte);
  }

  #openMetricsMetadata(start: number): EntryKind {
    const keyword = this.#decode(start, start + 5);
    if (keyword === "# EOF") {
      const after = this.bytes[start + 5] === NEWLINE ? start + 6 : start + 5;
      if (after !== this.#end) throw this.#malformed();
      this.position = this.#end;
      return "end";
    }
    const word = this.#decode(start + 2, start + 6);
    const isKnown = word === "HELP" || word === "TYPE" || word === "UNIT";
    if (!keyword.startsWith("# ") || !isKnown || this.bytes[start + 6] !== SPACE) {
      throw this.#malformed();
    }
    const nameStart = start + 7;
    const nameEnd = this.#metricNameEnd(nameStart);
    if (nameEnd === nameStart) throw this.#malformed();
    this.metricName = this.#metadataName(nameStart, nameEnd);
    const end = this.#lineEnd(nameEnd);
    if (this.bytes[nameEnd] !== SPACE || end >= this.#end) throw this.#malformed();
    this.text = this.#decode(nameEnd + 1, end);
    this.position = end + 1;
    if (word === "TYPE") {
      this.#setType(this.text);
      return "type";
    }
    if (word === "UNIT") {
      if (this.text !== "" && !this.metricName.endsWith(`_${this.text}`)) {
        throw this.#malformed();
      }
      this.metricUnit = this.text;
      return "unit";
    }
    this.#checkHelp(nameEnd + 1, end);
    this.text = unescapeHelp(this.text, true);
    return "help";
  }

  #readExemplar(open: number): number {
    const { bytes } = this;
    const offsets: number[] = [];
    const afterLabels = this.#scanLabels(open, offsets, true);
    const valueEnd = this.#tokenEnd(afterLabels + 1);
    if (bytes[afterLabels] !== SPACE || valueEnd === afterLabels + 1) {
      throw this.#malformed();
    }
    const labels: string[] = [];
    for (let i = 0; i < offsets.length; i += 2)
      labels.push(unescapeLabel(this.#decode(offsets[i], offsets[i + 1])));
    const exemplar: ParsedExemplar = {
      labels,
      value: this.#float(afterLabels + 1, valueEnd),
      timestampMs: undefined,
    };
    let at = valueEnd;
    if (bytes[at] === SPACE && this.#tokenEnd(at + 1) > at + 1) {
      const stop = this.#tokenEnd(at + 1);
      exemplar.timestampMs = this.#seconds(at + 1, stop);
      at = stop;
      if (at < this.#end && bytes[at] !== NEWLINE) throw this.#malformed();
    }
    if (at >= this.#end) throw this.#malformed();
    if (bytes[at] !== NEWLINE) throw this.#malformed();
    this.exemplar = exemplar;
    return at + 1;
  }

  // ---- what both have ----

  /** Finds the name and labels that start at `seriesStart`, and sets `seriesEnd`. */
  #scanSeries(): void {
    const { bytes } = this;
    this.#offsets.length = 0;
    this.#isScanned = true;
    let at = this.seriesStart;
    if (bytes[at] === OPEN) {
      this.#offsets.push(-1, -1);
      at = this.#scanLabels(at + 1, this.#offsets, false);
    } else {
      const nameStart = at;
      while (at < this.#end && CLASS[bytes[at]] & METRIC_PART) at++;
      this.#offsets.push(nameStart, at);
      const brace = this.#isOpenMetrics ? at : this.#skipBlanks(at);
      if (bytes[brace] === OPEN) at = this.#scanLabels(brace + 1, this.#offsets, false);
    }
    this.seriesEnd = at;
  }

  /** Reads what stands between the braces, `at` being behind the first; answers the position behind the last. */
  #scanLabels(open: number, offsets: number[], isExemplar: boolean): number {
    const { bytes } = this;
    let at = this.#labelBlanks(open);
    for (;;) {
      if (bytes[at] === CLOSE) return at + 1;
      let nameStart = at;
      let nameEnd: number;
      const isQuoted = bytes[at] === QUOTE;
      if (isQuoted) {
        at = this.#quotedEnd(at, !isExemplar);
        if (at < 0) throw this.#malformed();
        nameStart++;
        nameEnd = at - 1;
      } else {
        if (at >= this.#end || !(CLASS[bytes[at]] & LABEL_START)) throw this.#malformed();
        while (at < this.#end && CLASS[bytes[at]] & LABEL_PART) at++;
        nameEnd = at;
      }
      at = this.#labelBlanks(at);
      if (isQuoted && (bytes[at] === COMMA || bytes[at] === CLOSE)) {
        if (isExemplar) throw this.#malformed();
        if (offsets[0] !== -1) throw this.#malformed();
        offsets[0] = nameStart;
        offsets[1] = nameEnd;
        if (bytes[at] === CLOSE) return at + 1;
        at = this.#labelBlanks(at + 1);
        continue;
      }
      offsets.push(nameStart, nameEnd);
      if (bytes[at] !== EQUAL) throw this.#malformed();
      at = this.#labelBlanks(at + 1);
      const valueStart = at;
      at = bytes[at] === QUOTE ? this.#quotedEnd(at, !this.#isOpenMetrics, !isExemplar) : -1;
      if (at < 0) throw this.#malformed();
      if (!isUtf8(bytes, valueStart, at)) throw this.#malformed();
      offsets.push(valueStart + 1, at - 1);
      at = this.#labelBlanks(at);
      if (bytes[at] === COMMA) at = this.#labelBlanks(at + 1);
      else if (bytes[at] !== CLOSE && this.#isOpenMetrics) throw this.#malformed();
    }
  }

  /** Behind the closing quote of the string that starts at `at`, or -1. A NUL is only taken in a label's value. */
  #quotedEnd(at: number, newlines: boolean, nuls = false): number {
    const { bytes } = this;
    for (let i = at + 1; i < this.#end; i++) {
      const byte = bytes[i];
      if (byte === QUOTE) return i + 1;
      if (byte === 0 && !nuls) return -1;
      if (byte === BACKSLASH) i++;
      if (bytes[i] === NEWLINE && (!newlines || byte === BACKSLASH)) return -1;
    }
    return -1;
  }

  /** Value, timestamp and exemplar of the sample whose series ends at `at`; leaves `position` behind the line. */
  #readSuffix(at: number): void {
    if (this.#offsets[0] === -1) throw this.#malformed();
    if (this.#isOpenMetrics) this.#openMetricsSuffix(at);
    else this.#textSuffix(at);
  }

  #textSuffix(seriesEnd: number): void {
    const { bytes } = this;
    const valueStart = this.#skipBlanks(seriesEnd);
    let at = valueStart;
    while (at < this.#end && !isBlankOrEnd(bytes[at]) && bytes[at] !== OPEN) at++;
    if (at === valueStart) throw this.#malformed();
    this.value = this.#float(valueStart, at);
    this.hasTimestamp = false;
    at = this.#skipBlanks(at);
    if (at >= this.#end || bytes[at] === NEWLINE) {
      this.position = Math.min(at + 1, this.#end);
      return;
    }
    const timeStart = at;
    let time = 0;
    // A sign is part of what upstream's lexer refuses here.
    while (at < this.#end && bytes[at] >= 48 && bytes[at] <= 57) time = time * 10 + bytes[at++] - 48;
    if (at === timeStart) throw this.#malformed();
    if (time >= 2 ** 63 && BigInt(this.#decode(timeStart, at)) >= 2n ** 63n) throw this.#malformed();
    this.hasTimestamp = true;
    this.timestampMs = time;
    at = this.#skipBlanks(at);
    if (at < this.#end && bytes[at] !== NEWLINE) throw this.#malformed();
    this.position = Math.min(at + 1, this.#end);
  }

  #openMetricsSuffix(seriesEnd: number): void {
    const { bytes } = this;
    const valueEnd = this.#tokenEnd(seriesEnd + 1);
    if (bytes[seriesEnd] !== SPACE || valueEnd === seriesEnd + 1) throw this.#malformed();
    this.value = this.#float(seriesEnd + 1, valueEnd);
    this.hasTimestamp = false;
    this.exemplar = undefined;
    let at = valueEnd;
    if (at >= this.#end) throw this.#malformed();
    if (bytes[at] === SPACE && bytes[at + 1] !== HASH) {
      const stop = this.#tokenEnd(at + 1);
      // A lone blank at the line's end is where upstream's lexer stops reading the sample.
      if (stop === at + 1) throw this.#malformed();
      this.timestampMs = this.#seconds(at + 1, stop);
      this.hasTimestamp = true;
      at = stop;
      if (at >= this.#end) throw this.#malformed();
    }
    if (bytes[at] === NEWLINE) {
      this.position = at + 1;
      return;
    }
    const isExemplar =
      bytes[at] === SPACE && bytes[at + 1] === HASH && bytes[at + 2] === SPACE && bytes[at + 3] === OPEN;
    if (isExemplar) this.position = this.#readExemplar(at + 4);
    else throw this.#malformed();
  }

  /** Decimals of up to 15 digits without a string in between; everything else as Go reads it. */
  #float(start: number, end: number): number {
    const { bytes } = this;
    let at = start;
    const isNegative = bytes[at] === 45;
    if (isNegative) at++;
    let mantissa = 0;
    let digits = 0;
    let fraction = -1;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte >= 48 && byte <= 57) {
        mantissa = mantissa * 10 + byte - 48;
        digits++;
      } else if (byte === 46 && fraction < 0) fraction = digits;
      else break;
    }
    if (at === end && digits > 0 && digits <= EXACT_DIGITS) {
      const scaled = fraction < 0 ? mantissa : mantissa / POWERS[digits - fraction];
      return isNegative ? -scaled : scaled;
    }
    return this.#slowFloat(start, end);
  }

  #slowFloat(start: number, end: number): number {
    const text = this.#decode(start, end);
    const value = /[pP_]/.test(text) ? undefined : parseGoFloat(text);
    if (value === undefined) throw this.#malformed();
    return value;
  }

  /** A time in seconds as whole milliseconds. */
  #seconds(start: number, end: number): number {
    const seconds = this.#float(start, end);
    if (!Number.isFinite(seconds)) throw this.#malformed();
    return Math.trunc(seconds * 1000);
  }

  #skipBlanks(from: number): number {
    let at = from;
    while (at < this.#end && (this.bytes[at] === SPACE || this.bytes[at] === TAB)) at++;
    return at;
  }

  /** Blanks between labels: OpenMetrics has none. */
  #labelBlanks(from: number): number {
    return this.#isOpenMetrics ? from : this.#skipBlanks(from);
  }

  #tokenEnd(from: number): number {
    let at = from;
    while (at < this.#end && this.bytes[at] !== SPACE && this.bytes[at] !== NEWLINE) at++;
    return at;
  }

  #lineEnd(from: number): number {
    const at = this.bytes.indexOf(NEWLINE, from);
    return at < 0 ? this.#end : at;
  }

  #metricNameEnd(from: number): number {
    const { bytes } = this;
    if (bytes[from] === QUOTE) return Math.max(this.#quotedEnd(from, true), from);
    if (!(CLASS[bytes[from]] & METRIC_START)) return from;
    let at = from;
    while (at < this.#end && CLASS[bytes[at]] & METRIC_PART) at++;
    return at;
  }

  #metadataName(start: number, end: number): string {
    return this.bytes[start] === QUOTE
      ? unescapeLabel(this.#decode(start + 1, end - 1))
      : this.#decode(start, end);
  }

  /** The entry is not in the format. What upstream says of it is found out only now. */
  #malformed(): ExpositionError {
    const problem = textProblem(this.bytes, this.#start, this.#isOpenMetrics);
    if (problem !== undefined) return new ExpositionError(problem);
    const begin = this.bytes.subarray(this.#start, this.#start + 100);
    return new ExpositionError(`malformed entry at byte ${this.#start}, which begins with ${quoteGo(begin)}`);
  }
}

function normalBound(text: string): string {
  const value = parseGoFloat(text);
  return value === undefined ? text : formatOpenMetricsFloat(value);
}

function isBlankOrEnd(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === NEWLINE;
}

/** `\\`, `\"` and `\n` in label values; any other backslash stays as it is. */
function unescapeLabel(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\"n])/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
}

/** In help, OpenMetrics escapes quotes too. */
function unescapeHelp(text: string, quotes: boolean): string {
  if (!text.includes("\\")) return text;
  return text.replace(quotes ? /\\([\\"n])/g : /\\([\\n])/g, (_, escaped) =>
    escaped === "n" ? "\n" : escaped,
  );
}
