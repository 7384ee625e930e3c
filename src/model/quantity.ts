/** Kubernetes quantities: `500m`, `1Gi`, `2e3` (apimachinery `api/resource`). */

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?$/;

/**
 * The number that a quantity stands for: `"500m"` → 0.5. Numbers, as YAML has them, are taken as they are.
 *
 * @throws RangeError with Kubernetes' text when it is none.
 */
export function parseQuantity(quantity: string | number): number {
  if (typeof quantity === "number") return quantity;
  const match = QUANTITY.exec(quantity);
  if (match === null) {
    throw new RangeError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  const [, digits, suffix, exponent] = match;
  if (exponent !== undefined) return Number(`${digits}e${exponent}`);
  const scale = SUFFIXES[suffix ?? ""];
  // Dividing is exact where multiplying by a fraction is not: 100m is 0.1.
  return scale < 1 ? Number(digits) / Math.round(1 / scale) : Number(digits) * scale;
}

/** An exponent that is out of every quantity's range, so that nobody's text makes numbers of a million digits. */
const MAX_EXPONENT = 400;

/**
 * The quantity in units of `10^-places`, rounded away from zero, exactly: `Quantity.Value` with 0 places,
 * `Quantity.MilliValue` with 3. Multiplying the number instead makes 71 of `70m`.
 *
 * @throws RangeError as `parseQuantity`
 */
export function scaledQuantity(quantity: string | number, places: number): number {
  const text = String(quantity);
  parseQuantity(text);
  const [, digits, suffix = "", exponentText] = QUANTITY.exec(text)!;
  const [whole, fraction = ""] = digits.split(".");
  const decimals = DECIMAL.find(([name]) => name === suffix);
  const binary = BINARY.indexOf(suffix);
  let exponent = places - fraction.length;
  if (exponentText !== undefined) exponent += Number(exponentText);
  else if (decimals !== undefined) exponent += decimals[1] * 3;
  exponent = Math.max(Math.min(exponent, MAX_EXPONENT), -MAX_EXPONENT);
  let value = BigInt(`${whole.replace(/^[+-]/, "") || "0"}${fraction}`);
  if (binary > 0) value <<= BigInt(binary * 10);
  const power = 10n ** BigInt(Math.abs(exponent));
  const scaled = exponent >= 0 ? value * power : (value + power - 1n) / power;
  return Number(whole.startsWith("-") ? -scaled : scaled) + 0;
}

export type QuantityFormat = "DecimalSI" | "BinarySI";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [suffix: string, power: number][] = [
  ["n", -3],
  ["u", -2],
  ["m", -1],
  ["", 0],
  ["k", 1],
  ["M", 2],
  ["G", 3],
  ["T", 4],
  ["P", 5],
  ["E", 6],
];

/**
 * The canonical text: the largest suffix that leaves a whole number. Finer than nano is rounded up.
 *
 * @default format "DecimalSI"
 */
export function formatQuantity(value: number, format: QuantityFormat = "DecimalSI"): string {
  if (value === 0) return "0";
  if (format === "BinarySI" && Number.isInteger(value) && Math.abs(value) >= 1024) {
    let [rest, power] = [value, 0];
    while (rest % 1024 === 0 && power < BINARY.length - 1) [rest, power] = [rest / 1024, power + 1];
    return `${rest}${BINARY[power]}`;
  }
  let nano = nanoOf(Math.abs(value));
  let index = 0;
  while (nano % 1000n === 0n && index < DECIMAL.length - 1) [nano, index] = [nano / 1000n, index + 1];
  return `${value < 0 ? "-" : ""}${nano}${DECIMAL[index][0]}`;
}

/** The text that the API server would store for a quantity: `"0.5"` → `"500m"`, `"1024Mi"` → `"1Gi"`. */
export function canonicalQuantity(quantity: string | number): string {
  const binary = typeof quantity === "string" && quantity.endsWith("i");
  return formatQuantity(parseQuantity(quantity), binary ? "BinarySI" : "DecimalSI");
}

/** The sum, in the format of the first that is not zero (`Quantity.Add`): `1Gi` + `512Mi` = `1536Mi`. */
export function addQuantities(a: string | number, b: string | number): string {
  const first = String(parseQuantity(a) === 0 ? b : a);
  return formatQuantity(parseQuantity(a) + parseQuantity(b), first.endsWith("i") ? "BinarySI" : "DecimalSI");
}

/** Less than 0, 0 or more than 0, as `a` is less than, equal to or more than `b`; freed of what sums of fractions add. */
export function compareQuantities(a: string | number, b: string | number): number {
  return Number((parseQuantity(a) - parseQuantity(b)).toFixed(9));
}

/** Whole numbers exactly; fractions are first freed of what binary floating point added to them. */
function nanoOf(value: number): bigint {
  if (Number.isInteger(value)) return BigInt(value) * 1_000_000_000n;
  return BigInt(Math.ceil(Number((value * 1e9).toPrecision(15))));
}
