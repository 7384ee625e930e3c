/** `math.Pow`. */
import { exponential } from "./exponential.ts";
import { exponentOf, fractionOf, scaled } from "./float-parts.ts";
import { logarithm } from "./logarithm.ts";

/** From here on every exponent is an even integer. */
const TWO_63 = 2 ** 63;
/** The largest exponent that fits in 32 bits with its sign. */
const WHOLE_LIMIT = 2 ** 31 - 1;
/** Powers of two beyond this are out of range whatever follows. */
const POWER_LIMIT = 4096;

/**
 * `base^exponent`: the integer part of the exponent by repeated squaring, the rest by `exp` and `log`. As in C, 1 to any
 * power and (-1)^±Inf are 1, for which JavaScript says NaN.
 */
export function power(base: number, exponent: number): number {
  if (exponent === 0 || base === 1) return 1;
  if (exponent === 1) return base;
  if (Number.isNaN(base) || Number.isNaN(exponent)) return Number.NaN;
  if (base === 0 || !Number.isFinite(base) || !Number.isFinite(exponent)) return atTheEnds(base, exponent);
  if (exponent === 0.5) return Math.sqrt(base);
  if (exponent === -0.5) return 1 / Math.sqrt(base);
  const magnitude = Math.abs(exponent);
  let whole = Math.floor(magnitude);
  let rest = magnitude - whole;
  if (rest !== 0 && base < 0) return Number.NaN;
  if (whole >= TWO_63)
    return atTheEnds(base, exponent > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
  let fraction = 1;
  if (rest !== 0) {
    if (rest > 0.5) {
      rest--;
      whole++;
    }
    fraction = exponential(rest * logarithm(base));
  }
  const isInverse = exponent < 0;
  return plainPower(fraction, base, whole, isInverse) ?? scaledPower(fraction, base, whole, isInverse);
}

/**
 * `fraction * base^whole`, or 1 by that, as it comes. Undefined where a number on the way may have left the normal ones:
 * within those, powers of two make no difference to rounding, which is why this is what Go has.
 */
function plainPower(fraction: number, base: number, whole: number, isInverse: boolean): number | undefined {
  if (whole > WHOLE_LIMIT) return undefined;
  let result = fraction;
  let square = base;
  let left = whole | 0;
  for (;;) {
    if ((left & 1) === 1) result *= square;
    left >>= 1;
    if (left === 0) break;
    square *= square;
  }
  return isModerate(square) && isModerate(result) ? (isInverse ? 1 / result : result) : undefined;
}

function isModerate(value: number): boolean {
  const magnitude = Math.abs(value);
  return magnitude > 2 ** -1000 && magnitude < 2 ** 1000;
}

/** As `plainPower`, with the powers of two kept apart so that nothing overflows on the way. */
function scaledPower(fraction: number, base: number, whole: number, isInverse: boolean): number {
  let result = fraction;
  let resultPower = 0;
  let square = fractionOf(base);
  let squarePower = exponentOf(base);
  for (let left = whole; left !== 0; left = Math.floor(left / 2)) {
    if (squarePower < -POWER_LIMIT || squarePower > POWER_LIMIT) {
      resultPower += squarePower;
      break;
    }
    if (left % 2 === 1) {
      result *= square;
      resultPower += squarePower;
    }
    square *= square;
    squarePower *= 2;
    if (square < 0.5) {
      square += square;
      squarePower--;
    }
  }
  return isInverse ? scaled(1 / result, -resultPower) : scaled(result, resultPower);
}

/** Of 0 and infinity: what C and JavaScript agree on but for -1. */
function atTheEnds(base: number, exponent: number): number {
  return base === -1 ? 1 : base ** exponent;
}
