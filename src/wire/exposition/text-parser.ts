/**
 * Reads the Prometheus text format (0.0.4 and 1.0.0) and OpenMetrics text (0.0.1 and 1.0.0), entry by entry, from the
 * bytes of a body, as Prometheus' own scrape does (`model/textparse/{promparse,openmetricsparse}.go`, same verdicts and
 * error texts). It is lenient about meaning, as upstream's is: `checkOpenMetrics` has the format's every rule.
 *
 * Nothing is allocated for a sample whose series bytes the caller knows: `seriesStart` and `seriesEnd` say where they
 * stand, `labels()` makes strings of them when asked.
 */

import { ExpositionError } from "./exposition-error.ts";
import { formatOpenMetricsFloat, isUtf8, parseGoFloat, quoteGo } from "./go-float.ts";
import { withMetadataLabels } from "./metadata-labels.ts";
import { type MetadataLine, openMetricsMetadata, textMetadata } from "./metadata-line.ts";
import {
  CLASS,
  HASH,
  METRIC_PART,
  METRIC_START,
  NEWLINE,
  OPEN,
  SPACE,
  scanLabels,
  skipBlanks,
  TAB,
  tokenEnd,
} from "./text-bytes.ts";
import { textProblem } from "./text-error.ts";
import { unescapeLabel } from "./text-escapes.ts";

export type ExpositionFormat = "text" | "openmetrics";
export type EntryKind = "series" | "help" | "type" | "unit" | "comment" | "end";

export interface ParsedExemplar {
  /** `[name0, value0, …]` as written. */
  labels: string[];
  value: number;
  timestampMs: number | undefined;
}

const POINT = 46;
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

  /** `#textSuffix` where what follows is a blank, digits with or without a point and the line's end, as mostly. */
  #knownTextSuffix(seriesEnd: number): void {
    const { bytes } = this;
    let at = seriesEnd + 1;
    let value = 0;
    let byte = bytes[at];
    while (byte >= 48 && byte <= 57) {
      value = value * 10 + byte - 48;
      byte = bytes[++at];
    }
    let digits = at - seriesEnd - 1;
    if (byte === POINT && digits > 0) {
      const point = at;
      byte = bytes[++at];
      while (byte >= 48 && byte <= 57) {
        value = value * 10 + byte - 48;
        byte = bytes[++at];
      }
      digits = at - seriesEnd - 2;
      if (digits <= EXACT_DIGITS) value /= POWERS[at - point - 1];
    }
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
    const from = this.seriesStart;
    const series = this.#decode(from, this.seriesEnd);
    // Nearly always the offsets of bytes are those of characters too.
    const isAscii = series.length === this.seriesEnd - from && !series.includes("\ufffd");
    for (let i = 0; i < this.#offsets.length; i += 2) {
      const start = this.#offsets[i];
      const end = this.#offsets[i + 1];
      if (i === 0) flat.push("__name__");
      const text = unescapeLabel(isAscii ? series.slice(start - from, end - from) : this.#decode(start, end));
      // Values were checked where they were read; names stand in the way of nothing until they are needed.
      if (!isAscii && text.includes("\ufffd") && !isUtf8(this.bytes, start, end))
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
      const start = skipBlanks(bytes, this.position);
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
      if (byte === HASH) return this.#metadata(textMetadata(bytes, start));
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

  /** Takes over what a line of metadata says. */
  #metadata(line: MetadataLine | undefined): EntryKind {
    if (line === undefined) throw this.#malformed();
    const { kind, name, text, next } = line;
    this.text = text;
    this.position = next;
    if (kind === "comment") return kind;
    this.metricName = name;
    if (kind === "type") this.metricType = text === "untyped" ? "unknown" : text;
    if (kind === "unit") this.metricUnit = text;
    return kind;
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
    if (this.#decode(start, start + 5) !== "# EOF")
      return this.#metadata(openMetricsMetadata(this.bytes, start));
    const after = this.bytes[start + 5] === NEWLINE ? start + 6 : start + 5;
    if (after !== this.#end) throw this.#malformed();
    this.position = this.#end;
    return "end";
  }

  #readExemplar(open: number): number {
    const { bytes } = this;
    const offsets: number[] = [];
    const afterLabels = this.#scanLabels(open, offsets, true);
    const valueEnd = tokenEnd(bytes, afterLabels + 1);
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
    if (bytes[at] === SPACE && tokenEnd(bytes, at + 1) > at + 1) {
      const stop = tokenEnd(bytes, at + 1);
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
      const brace = this.#isOpenMetrics ? at : skipBlanks(bytes, at);
      if (bytes[brace] === OPEN) at = this.#scanLabels(brace + 1, this.#offsets, false);
    }
    this.seriesEnd = at;
  }

  #scanLabels(open: number, offsets: number[], isExemplar: boolean): number {
    const end = scanLabels(this.bytes, open, offsets, { isOpenMetrics: this.#isOpenMetrics, isExemplar });
    if (end < 0) throw this.#malformed();
    return end;
  }

  /** Value, timestamp and exemplar of the sample whose series ends at `at`; leaves `position` behind the line. */
  #readSuffix(at: number): void {
    if (this.#offsets[0] === -1) throw this.#malformed();
    if (this.#isOpenMetrics) this.#openMetricsSuffix(at);
    else this.#textSuffix(at);
  }

  #textSuffix(seriesEnd: number): void {
    const { bytes } = this;
    const valueStart = skipBlanks(bytes, seriesEnd);
    let at = valueStart;
    while (at < this.#end && !isBlankOrEnd(bytes[at]) && bytes[at] !== OPEN) at++;
    if (at === valueStart) throw this.#malformed();
    this.value = this.#float(valueStart, at);
    this.hasTimestamp = false;
    at = skipBlanks(bytes, at);
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
    at = skipBlanks(bytes, at);
    if (at < this.#end && bytes[at] !== NEWLINE) throw this.#malformed();
    this.position = Math.min(at + 1, this.#end);
  }

  #openMetricsSuffix(seriesEnd: number): void {
    const { bytes } = this;
    const valueEnd = tokenEnd(bytes, seriesEnd + 1);
    if (bytes[seriesEnd] !== SPACE || valueEnd === seriesEnd + 1) throw this.#malformed();
    this.value = this.#float(seriesEnd + 1, valueEnd);
    this.hasTimestamp = false;
    this.exemplar = undefined;
    let at = valueEnd;
    if (at >= this.#end) throw this.#malformed();
    if (bytes[at] === SPACE && bytes[at + 1] !== HASH) {
      const stop = tokenEnd(bytes, at + 1);
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
      } else if (byte === POINT && fraction < 0) fraction = digits;
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
