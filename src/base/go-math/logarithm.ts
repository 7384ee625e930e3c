/** `math.Log`, `math.Log2` and `math.Log10`. */
import { exponentBits, exponentOf, fractionOf, powerOfTwo } from "./float-parts.ts";

const LEAST_NORMAL = 2 ** -1022;
const HALF_SQRT_2 = 7.071067811865476e-1;
/** ln 2 in two parts, of which the first has so few bits that its multiples are exact. */
const LN2_HIGH = 6.931471803691238e-1;
const LN2_LOW = 1.9082149292705877e-10;

/**
 * The natural logarithm as Go computes it on amd64, in assembly: FreeBSD's `e_log.c`, but always by the full series, and
 * with subnormal numbers taken for normal ones with the least exponent.
 */
export function logarithm(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x < LEAST_NORMAL) return logarithmOfParts(0.5 + x * 2 ** 1021, -1022);
  const exponent = exponentBits(x) - 1022;
  return logarithmOfParts(x * powerOfTwo(-exponent), exponent);
}

/** Of `fraction * 2^exponent`, the fraction being from 0.5 to 1. */
function logarithmOfParts(fraction: number, exponent: number): number {
  const isSmall = fraction <= HALF_SQRT_2;
  const power = isSmall ? exponent - 1 : exponent;
  const f = (isSmall ? fraction * 2 : fraction) - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  const s4 = s2 * s2;
  const odd =
    s2 *
    (6.666666666666735e-1 +
      s4 * (2.857142874366239e-1 + s4 * (1.818357216161805e-1 + s4 * 1.4798198605116586e-1)));
  const even = s4 * (3.999999999940942e-1 + s4 * (2.2222198432149784e-1 + s4 * 1.5313837699209373e-1));
  const half = 0.5 * f * f;
  return power * LN2_HIGH - (half - (s * (half + (odd + even)) + power * LN2_LOW) - f);
}

/** Exact for powers of two, and for subnormal numbers too. */
export function logarithm2(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return logarithm(x);
  const exponent = exponentOf(x);
  const fraction = x < LEAST_NORMAL ? fractionOf(x) : x * powerOfTwo(-exponent);
  return fraction === 0.5 ? exponent - 1 : logarithmOfParts(fraction, 0) * Math.LOG2E + exponent;
}

export function logarithm10(x: number): number {
  return logarithm(x) * Math.LOG10E;
}
