/** Numbers with so many digits, as Go rounds them: to the nearest, and to even where two are as near. */

/** As many digits as JavaScript writes. */
const MAX_DIGITS = 100;
/** Where JavaScript begins to write exponents. */
const MAX_PLAIN = 1e21;

/** `%.<digits>f` */
export function fixedDigits(value: number, digits: number): string {
  const count = Math.min(digits, MAX_DIGITS);
  const size = Math.abs(value);
  const sign = isNegative(value) ? "-" : "";
  if (size >= MAX_PLAIN) return `${sign}${BigInt(size)}${count === 0 ? "" : `.${"0".repeat(count)}`}`;
  const [whole, fraction] = size.toFixed(MAX_DIGITS).split(".");
  return (
    sign + (isTie(whole + fraction, whole.length + count) ? cut(whole, fraction, count) : size.toFixed(count))
  );
}

/** `%.<digits>e` */
export function exponentialDigits(value: number, digits: number): string {
  const count = Math.min(digits, MAX_DIGITS);
  const size = Math.abs(value);
  const sign = isNegative(value) ? "-" : "";
  const [mantissa, exponent] = size.toExponential(MAX_DIGITS).split("e");
  const [whole, fraction] = mantissa.split(".");
  const text = isTie(whole + fraction, 1 + count)
    ? `${cut(whole, fraction, count)}e${exponent}`
    : size.toExponential(count);
  return sign + text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** `%.<digits>g`: exponents below 1e-4 and from 1e<digits> on, no zeros at the end. */
export function generalDigits(value: number, digits: number): string {
  const precision = Math.max(digits, 1);
  const text = exponentialDigits(value, precision - 1);
  const exponent = Number(text.slice(text.indexOf("e") + 1));
  if (exponent < -4 || exponent >= precision) {
    const [mantissa, rest] = text.split("e");
    return `${withoutZeros(mantissa)}e${rest}`;
  }
  return withoutZeros(fixedDigits(value, Math.max(0, precision - 1 - exponent)));
}

function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

/** Whether what follows the digits that are kept is exactly half, and the last of them even. */
function isTie(digits: string, kept: number): boolean {
  return /^50*$/.test(digits.slice(kept)) && Number(digits[kept - 1]) % 2 === 0;
}

function cut(whole: string, fraction: string, count: number): string {
  return count === 0 ? whole : `${whole}.${fraction.slice(0, count)}`;
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
