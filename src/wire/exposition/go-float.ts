/** Numbers as Go reads and writes them (`strconv.ParseFloat`, `FormatFloat(v, 'g', -1, 64)`). */

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITY = /^([+-]?)inf(?:inity)?$/i;

/** The number that `text` means, or undefined when Go would not read it. Out of range counts as unreadable. */
export function parseGoFloat(text: string): number | undefined {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const infinity = INFINITY.exec(text);
  if (infinity) return infinity[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^nan$/i.test(text) ? Number.NaN : undefined;
}

/** The shortest text that reads back as `value`: `1`, `0.5`, `1e+06`, `NaN`, `+Inf`. */
export function formatGoFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa, exponentText] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  // `%g` with the shortest precision changes to exponents at 21 digits.
  if (exponent >= -4 && exponent < 21) return plainDecimal(value, mantissa, exponent);
  const digits = Math.abs(exponent) < 10 ? `0${Math.abs(exponent)}` : String(Math.abs(exponent));
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

function plainDecimal(value: number, mantissa: string, exponent: number): string {
  const plain = String(value);
  if (!plain.includes("e")) return plain;
  const negative = mantissa.startsWith("-");
  const digits = mantissa.replace(/[-.]/g, "");
  const text =
    exponent < 0
      ? `0.${"0".repeat(-exponent - 1)}${digits}`
      : digits.length > exponent + 1
        ? `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
        : digits.padEnd(exponent + 1, "0");
  return negative ? `-${text}` : text;
}

/** As `formatGoFloat`, with a fraction: what OpenMetrics asks for in `le` and `quantile`: `1.0`, `1e+06`, `+Inf`. */
export function formatOpenMetricsFloat(value: number): string {
  const text = formatGoFloat(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A Go string literal, as `%q` prints it, for error texts that quote input. */
export function quoteGo(bytes: Uint8Array | string): string {
  const text = typeof bytes === "string" ? bytes : undefined;
  let out = '"';
  const escapeOf = (code: number): string => {
    switch (code) {
      case 7:
        return "\\a";
      case 8:
        return "\\b";
      case 9:
        return "\\t";
      case 10:
        return "\\n";
      case 11:
        return "\\v";
      case 12:
        return "\\f";
      case 13:
        return "\\r";
      case 0x22:
        return '\\"';
      case 0x5c:
        return "\\\\";
      default:
        return code < 0x20 || code === 0x7f
          ? `\\x${code.toString(16).padStart(2, "0")}`
          : String.fromCodePoint(code);
    }
  };
  if (text !== undefined) {
    for (const character of text) out += escapeOf(character.codePointAt(0)!);
    return `${out}"`;
  }
  const raw = bytes as Uint8Array;
  for (let at = 0; at < raw.length; ) {
    const length = utf8LengthAt(raw, at);
    if (length === 0) {
      out += `\\x${raw[at].toString(16).padStart(2, "0")}`;
      at++;
      continue;
    }
    out += escapeOf(new TextDecoder().decode(raw.subarray(at, at + length)).codePointAt(0)!);
    at += length;
  }
  return `${out}"`;
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
