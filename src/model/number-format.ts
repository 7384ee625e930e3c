/** Numbers as text, as Go prints them. */

/** As Go's `%g`: the shortest digits that give the number back, an exponent below 1e-4 and from 1e6. */
export function formatG(value: number): string {
  if (!Number.isFinite(value) || value === 0) return formatSpecial(value);
  const [mantissa, exponentText] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return plainDecimal(value);
  const digits = Math.abs(exponent).toString().padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

/** As Go's `strconv.FormatFloat(value, 'f', -1, 64)`: never an exponent. */
export function formatFloat(value: number): string {
  return !Number.isFinite(value) || value === 0 ? formatSpecial(value) : plainDecimal(value);
}

function formatSpecial(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  return value > 0 ? "+Inf" : "-Inf";
}

/** Without the exponent that JavaScript writes below 1e-6 and from 1e21. */
function plainDecimal(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign, first, rest = "", exponentText] = match;
  const exponent = Number(exponentText);
  const digits = first + rest;
  return exponent < 0
    ? `${sign}0.${"0".repeat(-exponent - 1)}${digits}`
    : sign + digits.padEnd(exponent + 1, "0");
}
