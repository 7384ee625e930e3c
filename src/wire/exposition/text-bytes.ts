/** The bytes that mean something in the text formats, and what stands between them. */
import { isUtf8 } from "./go-float.ts";

export const NEWLINE = 10;
export const TAB = 9;
export const SPACE = 32;
export const QUOTE = 34;
export const HASH = 35;
export const OPEN = 123;
const COMMA = 44;
const EQUAL = 61;
const BACKSLASH = 92;
const CLOSE = 125;

/** What a byte may be: 1 starts a label name, 2 starts a metric name, 4 continues a label name, 8 a metric name. */
export const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95;
  const isDigit = byte >= 48 && byte <= 57;
  if (isLetter) CLASS[byte] |= 1 | 2 | 4 | 8;
  if (byte === 58) CLASS[byte] |= 2 | 8;
  if (isDigit) CLASS[byte] |= 4 | 8;
}
const LABEL_START = 1;
export const METRIC_START = 2;
const LABEL_PART = 4;
export const METRIC_PART = 8;

export function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  return at;
}

/** Where the blank or the line's end behind a word stands. */
export function tokenEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== SPACE && bytes[at] !== NEWLINE) at++;
  return at;
}

export function lineEnd(bytes: Uint8Array, from: number): number {
  const at = bytes.indexOf(NEWLINE, from);
  return at < 0 ? bytes.length : at;
}

/** Behind the metric's name, quotes included, that starts at `from`; `from` where there is none. */
export function metricNameEnd(bytes: Uint8Array, from: number): number {
  if (bytes[from] === QUOTE) return Math.max(quotedEnd(bytes, from, true), from);
  if (!(CLASS[bytes[from]] & METRIC_START)) return from;
  let at = from;
  while (at < bytes.length && CLASS[bytes[at]] & METRIC_PART) at++;
  return at;
}

/** Behind the closing quote of the string that starts at `at`, or -1. A NUL is only taken in a label's value. */
function quotedEnd(bytes: Uint8Array, at: number, newlines: boolean, nuls = false): number {
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === 0 && !nuls) return -1;
    if (byte === BACKSLASH) i++;
    if (bytes[i] === NEWLINE && (!newlines || byte === BACKSLASH)) return -1;
  }
  return -1;
}

export interface LabelRules {
  /** No blanks between labels, and commas between all of them. */
  isOpenMetrics: boolean;
  /** No metric name among them. */
  isExemplar: boolean;
}

/**
 * Reads what stands between braces, `open` being behind the first one, and adds the offsets of names and values to
 * `offsets`, whose first two are -1 where the metric's name may stand here, and are set to its own.
 *
 * @returns the position behind the last brace, or -1: it is not in the format
 */
export function scanLabels(bytes: Uint8Array, open: number, offsets: number[], rules: LabelRules): number {
  const { isOpenMetrics, isExemplar } = rules;
  const blanks = (from: number) => (isOpenMetrics ? from : skipBlanks(bytes, from));
  let at = blanks(open);
  for (;;) {
    if (bytes[at] === CLOSE) return at + 1;
    let nameStart = at;
    let nameEnd: number;
    const isQuoted = bytes[at] === QUOTE;
    if (isQuoted) {
      at = quotedEnd(bytes, at, !isExemplar);
      if (at < 0) return -1;
      nameStart++;
      nameEnd = at - 1;
    } else {
      if (at >= bytes.length || !(CLASS[bytes[at]] & LABEL_START)) return -1;
      while (at < bytes.length && CLASS[bytes[at]] & LABEL_PART) at++;
      nameEnd = at;
    }
    at = blanks(at);
    if (isQuoted && (bytes[at] === COMMA || bytes[at] === CLOSE)) {
      if (isExemplar || offsets[0] !== -1) return -1;
      offsets[0] = nameStart;
      offsets[1] = nameEnd;
      if (bytes[at] === CLOSE) return at + 1;
      at = blanks(at + 1);
      continue;
    }
    offsets.push(nameStart, nameEnd);
    if (bytes[at] !== EQUAL) return -1;
    at = blanks(at + 1);
    const valueStart = at;
    at = bytes[at] === QUOTE ? quotedEnd(bytes, at, !isOpenMetrics, !isExemplar) : -1;
    if (at < 0 || !isUtf8(bytes, valueStart, at)) return -1;
    offsets.push(valueStart + 1, at - 1);
    at = blanks(at);
    if (bytes[at] === COMMA) at = blanks(at + 1);
    else if (bytes[at] !== CLOSE && isOpenMetrics) return -1;
  }
}
