/** String literals of PromQL: Go's escapes, in single, double or back quotes (`util/strutil/quote.go`). */
import { isUtf8 } from "node:buffer";

const SIMPLE: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** The value of a literal that the lexer has accepted. */
export function unquote(literal: string): string {
  const inner = literal.slice(1, -1);
  if (literal[0] === "`" || !inner.includes("\\")) return inner;
  if (/\\(?:x[89a-fA-F]|[2-3][0-7]{2})/.test(inner)) return unquoteBytes(inner);
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
    (_, byte, short, long, octal, simple) => {
      if (simple !== undefined) return SIMPLE[simple] ?? simple;
      return String.fromCodePoint(
        Number.parseInt(byte ?? short ?? long ?? octal, octal === undefined ? 16 : 8),
      );
    },
  );
}

/** Escapes of single bytes above 0x7f spell out UTF-8. A byte that is no part of it becomes a lone surrogate. */
function unquoteBytes(inner: string): string {
  const parts: Uint8Array[] = [];
  const pattern = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3}))|\\?[^\\]+|\\./gs;
  for (const [text, byte, octal] of inner.matchAll(pattern)) {
    if (byte !== undefined || octal !== undefined) {
      parts.push(Uint8Array.of(Number.parseInt(byte ?? octal, byte === undefined ? 8 : 16)));
    } else {
      parts.push(Buffer.from(unquote(`"${text}"`)));
    }
  }
  return decodeBytes(Buffer.concat(parts));
}

/** Bytes as text. One that is no part of UTF-8 becomes a lone surrogate, see `MALFORMED_BYTE`. */
export function decodeBytes(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString("utf8") : decodeMalformed(bytes);
}

/** Byte 0xff of text that is not UTF-8 is U+DCFF in ours: `isWellFormed` tells, and it prints as `\xff` again. */
export const MALFORMED_BYTE = 0xdc00;

function decodeMalformed(bytes: Buffer): string {
  let out = "";
  for (let i = 0; i < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(bytes.subarray(i, i + count)));
    out +=
      length === undefined
        ? String.fromCharCode(MALFORMED_BYTE + bytes[i])
        : bytes.toString("utf8", i, i + length);
    i += length ?? 1;
  }
  return out;
}
