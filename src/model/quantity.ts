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
  if (match === null) return numberOf(readQuantity(quantity).nano);
  const [, digits, suffix, exponent] = match;
  if (exponent !== undefined) return Number(`${digits}e${exponent}`);
  const scale = SUFFIXES[suffix ?? ""];
  // Dividing is exact where multiplying by a fraction is not: 100m is 0.1.
  return scale < 1 ? Number(digits) / Math.round(1 / scale) : Number(digits) * scale;
}

const NANO = 1_000_000_000n;

function numberOf(nano: bigint): number {
  return nano % NANO === 0n ? Number(nano / NANO) : Number(nano) / 1e9;
}

/** How a quantity was written, and so how it is written again. */
type WrittenFormat = QuantityFormat | "DecimalExponent";

interface ExactQuantity {
  /** In units of 10^-9, which is as fine as quantities are. What is finer is rounded up. */
  nano: bigint;
  format: WrittenFormat;
}

const PARTS = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*(?:[-+]?\d*))$/;
const FORMAT_PROBLEM =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** An exponent that is out of every quantity's range, so that nobody's text makes numbers of a million digits. */
const MAX_EXPONENT = 400;
/** Suffixes for powers of 2 stand for no more than that; those from `Pi` on need a digit. */
const FIRST_BIG_BINARY = 50;
const LARGEST = (2n ** 63n - 1n) * NANO;

/**
 * `ParseQuantity`: a number without digits is 0.
 *
 * @throws RangeError with Kubernetes' text when it is none.
 */
function readQuantity(text: string): ExactQuantity {
  const match = text === "" ? null : PARTS.exec(text);
  if (match === null) throw new RangeError(FORMAT_PROBLEM);
  const [, sign, whole, fraction = "", suffix] = match;
  const { base, exponent, format } = readSuffix(suffix);
  const shift = Math.max(
    Math.min((base === 10 ? exponent : 0) + 9 - fraction.length, MAX_EXPONENT),
    -MAX_EXPONENT,
  );
  let value = BigInt(`${whole}${fraction}` || "0");
  if (base === 2) value <<= BigInt(exponent);
  const power = 10n ** BigInt(Math.abs(shift));
  let nano = shift >= 0 ? value * power : (value + power - 1n) / power;
  const hasDigits = `${whole}${fraction}` !== "";
  const needsDigits = base === 2 ? exponent >= FIRST_BIG_BINARY : exponent < -9;
  if (needsDigits && !hasDigits) throw new RangeError("unable to parse numeric part of quantity");
  if (base === 2 && nano > LARGEST) nano = LARGEST;
  const isPart = base === 2 && nano < NANO;
  return { nano: sign === "-" ? -nano : nano, format: isPart ? "DecimalSI" : format };
}

function readSuffix(suffix: string): { base: 2 | 10; exponent: number; format: WrittenFormat } {
  const binary = suffix === "" ? -1 : BINARY.indexOf(suffix);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: "BinarySI" };
  const decimal = DECIMAL.find(([name]) => name === suffix);
  if (decimal !== undefined) return { base: 10, exponent: decimal[1] * 3, format: "DecimalSI" };
  const [, exponent] = /^[eE]([+-]?\d{1,18})$/.exec(suffix) ?? [];
  if (exponent === undefined) throw new RangeError("unable to parse quantity's suffix");
  return { base: 10, exponent: Number(exponent), format: "DecimalExponent" };
}

/**
 * The quantity in units of `10^-places`, rounded away from zero, exactly: `Quantity.Value` with 0 places,
 * `Quantity.MilliValue` with 3. Multiplying the number instead makes 71 of `70m`.
 *
 * @param places 9 at most
 * @throws RangeError as `parseQuantity`
 */
export function scaledQuantity(quantity: string | number, places: number): number {
  const { nano } = readQuantity(String(quantity));
  const unit = 10n ** BigInt(9 - places);
  const size = nano < 0n ? -nano : nano;
  const scaled = (size + unit - 1n) / unit;
  return Number(nano < 0n ? -scaled : scaled) + 0;
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

/** `Quantity.String` of a value that is not read but computed. */
function exactText({ nano, format }: ExactQuantity): string {
  if (nano === 0n) return "0";
  const size = nano < 0n ? -nano : nano;
  const sign = nano < 0n ? "-" : "";
  if (format === "BinarySI" && size >= 1024n * NANO && size % NANO === 0n) {
    let [rest, power] = [size / NANO, 0];
    while (rest % 1024n === 0n && power < BINARY.length - 1) [rest, power] = [rest / 1024n, power + 1];
    return `${sign}${rest}${BINARY[power]}`;
  }
  let [rest, index] = [size, 0];
  const last = format === "DecimalExponent" ? MAX_EXPONENT : DECIMAL.length - 1;
  while (rest % 1000n === 0n && index < last) [rest, index] = [rest / 1000n, index + 1];
  const exponent = index * 3 - 9;
  const suffix = format === "DecimalExponent" ? (exponent === 0 ? "" : `e${exponent}`) : DECIMAL[index][0];
  return `${sign}${rest}${suffix}`;
}

/** The text that the API server would store for a quantity: `"0.5"` → `"500m"`, `"1024Mi"` → `"1Gi"`, `"1000e0"` → `"1e3"`. */
export function canonicalQuantity(quantity: string | number): string {
  return exactText(readQuantity(String(quantity)));
}

/** The sum, in the format of the first that is not zero (`Quantity.Add`): `1Gi` + `512Mi` = `1536Mi`. */
export function addQuantities(a: string | number, b: string | number): string {
  const [x, y] = [readQuantity(String(a)), readQuantity(String(b))];
  return exactText({ nano: x.nano + y.nano, format: x.nano === 0n ? y.format : x.format });
}

/** -1, 0 or 1, as `a` is less than, equal to or more than `b`. */
export function compareQuantities(a: string | number, b: string | number): number {
  const [x, y] = [readQuantity(String(a)), readQuantity(String(b))];
  return x.nano === y.nano ? 0 : x.nano < y.nano ? -1 : 1;
}

/** Whole numbers exactly; fractions are first freed of what binary floating point added to them. */
function nanoOf(value: number): bigint {
  if (Number.isInteger(value)) return BigInt(value) * 1_000_000_000n;
  return BigInt(Math.ceil(Number((value * 1e9).toPrecision(15))));
}
