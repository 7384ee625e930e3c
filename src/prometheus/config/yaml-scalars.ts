/**
 * How far scalars, tags, anchors and directives go (`scannerc.go` of Go's YAML package). Only what is wrong with them
 * is of interest, not their values.
 */
import type { YamlCursor, YamlMark } from "./yaml-cursor.ts";

const WORD = /[0-9A-Za-z_-]/;
const HEX = /[0-9A-Fa-f]/;
const URI = /[0-9A-Za-z_\-;/?:@&=+$,.!~*'()[\]%]/;

/** `|` and `>`. @param parentIndent the column of the block that it stands in, or -1 */
export function scanBlockScalar(cursor: YamlCursor, parentIndent: number): void {
  const start = cursor.mark;
  cursor.skip();
  let increment = 0;
  const readIncrement = () => {
    if (!/[0-9]/.test(cursor.char())) return;
    if (cursor.char() === "0") cursor.fail("found an indentation indicator equal to 0", start);
    increment = Number(cursor.char());
    cursor.skip();
  };
  const isChomped = () => cursor.char() === "+" || cursor.char() === "-";
  if (isChomped()) {
    cursor.skip();
    readIncrement();
  } else {
    readIncrement();
    if (increment > 0 && isChomped()) cursor.skip();
  }
  cursor.skipBlanks();
  cursor.skipComment();
  if (!cursor.isBreakOrEnd()) cursor.fail("did not find expected comment or line break", start);
  if (cursor.isBreak()) cursor.skipBreak();
  let indent = increment > 0 ? Math.max(parentIndent, 0) + increment : 0;
  indent = scanBlockBreaks(cursor, indent, parentIndent, start);
  while (cursor.column === indent && !cursor.isAtEnd) {
    while (!cursor.isBreakOrEnd()) cursor.skip();
    if (cursor.isBreak()) cursor.skipBreak();
    indent = scanBlockBreaks(cursor, indent, parentIndent, start);
  }
}

/** Empty lines, and the indentation of the line behind them; answers the scalar's. */
function scanBlockBreaks(cursor: YamlCursor, known: number, parentIndent: number, start: YamlMark): number {
  let deepest = 0;
  for (;;) {
    const isIndentation = () => known === 0 || cursor.column < known;
    while (isIndentation() && cursor.char() === " ") cursor.skip();
    deepest = Math.max(deepest, cursor.column);
    if (isIndentation() && cursor.char() === "\t")
      cursor.fail("found a tab character where an indentation space is expected", start);
    if (!cursor.isBreak()) break;
    cursor.skipBreak();
  }
  return known === 0 ? Math.max(deepest, parentIndent + 1, 1) : known;
}

const SHORT_ESCAPES = "0abt\tnvfre \"'\\N_LP";
const CODE_LENGTHS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** In quotes. */
export function scanQuotedScalar(cursor: YamlCursor): void {
  const quote = cursor.char();
  const start = cursor.mark;
  cursor.skip();
  for (;;) {
    if (cursor.isAtIndicator("-") || cursor.isAtIndicator("."))
      cursor.fail("found unexpected document indicator", start);
    if (cursor.isAtEnd) cursor.fail("found unexpected end of stream", start);
    while (!cursor.isBlankOrEnd()) {
      if (quote === "'" && cursor.char() === "'" && cursor.char(1) === "'") cursor.skip(2);
      else if (cursor.char() === quote) break;
      else if (quote === '"' && cursor.char() === "\\") {
        if (cursor.isBreak(1)) {
          cursor.skip();
          cursor.skipBreak();
          break;
        }
        scanEscape(cursor, start);
      } else cursor.skip();
    }
    if (cursor.char() === quote) break;
    while (cursor.isBlank() || cursor.isBreak())
      if (cursor.isBlank()) cursor.skip();
      else cursor.skipBreak();
  }
  cursor.skip();
}

function scanEscape(cursor: YamlCursor, start: YamlMark): void {
  const sign = cursor.char(1);
  const length = CODE_LENGTHS[sign] ?? 0;
  if (length === 0 && (cursor.index + 1 >= cursor.text.length || !SHORT_ESCAPES.includes(sign)))
    cursor.fail("found unknown escape character", start);
  cursor.skip(2);
  let digits = "";
  for (let i = 0; i < length; i++) {
    if (!HEX.test(cursor.char(i))) cursor.fail("did not find expected hexdecimal number", start);
    digits += cursor.char(i);
  }
  const code = Number.parseInt(digits || "0", 16);
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
    cursor.fail("found invalid Unicode character escape code", start);
  cursor.skip(length);
}

/** Without quotes. @returns whether it ends at the start of a line */
export function scanPlainScalar(cursor: YamlCursor, parentIndent: number, isInFlow: boolean): boolean {
  const indent = parentIndent + 1;
  const start = cursor.mark;
  let hasLeadingBlanks = false;
  for (;;) {
    if (cursor.isAtIndicator("-") || cursor.isAtIndicator(".") || cursor.char() === "#") break;
    while (!cursor.isBlankOrEnd()) {
      const char = cursor.char();
      if (char === ":" && cursor.isBlankOrEnd(1)) break;
      if (isInFlow && ",?[]{}".includes(char)) break;
      hasLeadingBlanks = false;
      cursor.skip();
    }
    if (!cursor.isBlank() && !cursor.isBreak()) break;
    while (cursor.isBlank() || cursor.isBreak()) {
      if (cursor.isBreak()) {
        cursor.skipBreak();
        hasLeadingBlanks = true;
      } else {
        if (hasLeadingBlanks && cursor.column < indent && cursor.char() === "\t")
          cursor.fail("found a tab character that violates indentation", start);
        cursor.skip();
      }
    }
    if (!isInFlow && cursor.column < indent) break;
  }
  return hasLeadingBlanks;
}

/** `&name` or `*name`; answers the name. */
export function scanAnchor(cursor: YamlCursor): string {
  const start = cursor.mark;
  cursor.skip();
  const name = cursor.take(WORD);
  if (name === "" || !(cursor.isBlankOrEnd() || "?:,]}%@`".includes(cursor.char())))
    cursor.fail("did not find expected alphabetic or numeric character", start);
  return name;
}

/** Answers the tag's handle; "" where it needs none. */
export function scanTag(cursor: YamlCursor): string {
  const start = cursor.mark;
  let handle = "";
  if (cursor.char(1) === "<") {
    cursor.skip(2);
    scanTagUri(cursor, false, start);
    if (cursor.char() !== ">") cursor.fail("did not find the expected '>'", start);
    cursor.skip();
  } else {
    handle = scanTagHandle(cursor, false, start);
    const isNamed = handle.length > 1 && handle.endsWith("!");
    const hasSuffix = scanTagUri(cursor, !isNamed, start) || handle.length > 1;
    if (!isNamed) handle = hasSuffix ? "!" : "";
  }
  if (!cursor.isBlankOrEnd()) cursor.fail("did not find expected whitespace or line break", start);
  return handle;
}

function scanTagHandle(cursor: YamlCursor, isDirective: boolean, start: YamlMark): string {
  if (cursor.char() !== "!") cursor.fail("did not find expected '!'", start);
  cursor.skip();
  let handle = `!${cursor.take(WORD)}`;
  if (cursor.char() === "!") {
    handle += "!";
    cursor.skip();
  } else if (isDirective && handle !== "!") cursor.fail("did not find expected '!'", start);
  return handle;
}

/** Whether there is any. */
function scanTagUri(cursor: YamlCursor, mayBeEmpty: boolean, start: YamlMark): boolean {
  const from = cursor.index;
  while (!cursor.isAtEnd && URI.test(cursor.char())) {
    if (cursor.char() !== "%") cursor.skip();
    else scanUriEscapes(cursor, start);
  }
  if (cursor.index === from && !mayBeEmpty) cursor.fail("did not find expected tag URI", start);
  return cursor.index > from;
}

/** The bytes of one character. */
function scanUriEscapes(cursor: YamlCursor, start: YamlMark): void {
  for (let left = -1; left !== 0; left--) {
    if (cursor.char() !== "%" || !HEX.test(cursor.char(1)) || !HEX.test(cursor.char(2)))
      cursor.fail("did not find URI escaped octet", start);
    const octet = Number.parseInt(cursor.char(1) + cursor.char(2), 16);
    if (left < 0) {
      left = octet < 0x80 ? 1 : octet >> 5 === 6 ? 2 : octet >> 4 === 14 ? 3 : octet >> 3 === 30 ? 4 : 0;
      if (left === 0) cursor.fail("found an incorrect leading UTF-8 octet", start);
    } else if (octet >> 6 !== 2) cursor.fail("found an incorrect trailing UTF-8 octet", start);
    cursor.skip(3);
  }
}

export type YamlDirective = { kind: "version"; isKnown: boolean } | { kind: "tag"; handle: string };

/** `%YAML 1.1` or `%TAG ! prefix`. */
export function scanDirective(cursor: YamlCursor): YamlDirective {
  const start = cursor.mark;
  cursor.skip();
  const name = cursor.take(WORD);
  if (name === "") cursor.fail("could not find expected directive name", start);
  if (!cursor.isBlankOrEnd()) cursor.fail("found unexpected non-alphabetical character", start);
  let directive: YamlDirective;
  if (name === "YAML") directive = { kind: "version", isKnown: scanVersion(cursor, start) };
  else if (name === "TAG") directive = { kind: "tag", handle: scanTagDirective(cursor, start) };
  else cursor.fail("found unknown directive name", start);
  cursor.skipBlanks();
  cursor.skipComment();
  if (!cursor.isBreakOrEnd()) cursor.fail("did not find expected comment or line break", start);
  if (cursor.isBreak()) cursor.skipBreak();
  return directive;
}

/** Whether it is 1.1, the only one that is known. */
function scanVersion(cursor: YamlCursor, start: YamlMark): boolean {
  const number = () => {
    let digits = "";
    for (; /[0-9]/.test(cursor.char()); cursor.skip()) {
      if (digits.length === 2) cursor.fail("found extremely long version number", start);
      digits += cursor.char();
    }
    if (digits === "") cursor.fail("did not find expected version number", start);
    return Number(digits);
  };
  cursor.skipBlanks();
  const major = number();
  if (cursor.char() !== ".") cursor.fail("did not find expected digit or '.' character", start);
  cursor.skip();
  return number() === 1 && major === 1;
}

function scanTagDirective(cursor: YamlCursor, start: YamlMark): string {
  cursor.skipBlanks();
  const handle = scanTagHandle(cursor, true, start);
  if (!cursor.isBlank()) cursor.fail("did not find expected whitespace", start);
  cursor.skipBlanks();
  scanTagUri(cursor, false, start);
  if (!cursor.isBlankOrEnd()) cursor.fail("did not find expected whitespace or line break", start);
  return handle;
}
