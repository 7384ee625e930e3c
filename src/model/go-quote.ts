/** Text between quotes as Go's `%q` prints it, and the UTF-8 that it quotes. */

const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A Go string literal, for texts that quote input. Bytes that are no UTF-8 come as `\xff`. */
export function quoteGo(text: Uint8Array | string): string {
  let out = '"';
  if (typeof text === "string") {
    for (const character of text) out += escaped(character);
    return `${out}"`;
  }
  for (let at = 0; at < text.length; ) {
    const length = utf8LengthAt(text, at);
    out += length === 0 ? hex("\\x", text[at], 2) : escaped(decoder.decode(text.subarray(at, at + length)));
    at += Math.max(length, 1);
  }
  return `${out}"`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  if (code in SHORT_ESCAPES) return SHORT_ESCAPES[code];
  if (code < 32 || code === 127) return hex("\\x", code, 2);
  if (PRINTABLE.test(character)) return character;
  return code < 0x10000 ? hex("\\u", code, 4) : hex("\\U", code, 8);
}

function hex(prefix: string, code: number, digits: number): string {
  return prefix + code.toString(16).padStart(digits, "0");
}

/** How many bytes the UTF-8 character at `at` has; 0 when there is none that is valid. */
export function utf8LengthAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return 1;
  const length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first >= 0xf5 || at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1];
  // Overlong forms, surrogates, and beyond U+10FFFF.
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 0;
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
  return length;
}

/** Whether `bytes[start, end)` is UTF-8 throughout. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    if (bytes[at] < 0x80) at++;
    else {
      const length = utf8LengthAt(bytes, at);
      if (length === 0 || at + length > end) return false;
      at += length;
    }
  }
  return true;
}
