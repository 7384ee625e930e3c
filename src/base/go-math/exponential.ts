/** `math.Exp` and `math.Exp2`. */
import { powerOfTwo, scaled } from "./float-parts.ts";
import { fusedMultiplyAdd } from "./fused-multiply-add.ts";

/** Larger arguments overflow. */
const EXP_OVERFLOW = 7.09782712893384e2;
/** ln 2 in two parts, of which the first has so few bits that its multiples are exact. */
const LN2_UPPER = 0.693147180559663;
const LN2_LOWER = 2.8235290563031577e-13;

/** 1/n! for n from 8 down to 1. */
const COEFFICIENTS = Float64Array.of(
  2.48015873015873e-5,
  1.984126984126984e-4,
  1.388888888888889e-3,
  8.333333333333333e-3,
  4.1666666666666664e-2,
  1.6666666666666666e-1,
  0.5,
  1,
);

/**
 * e^x as Go computes it on amd64, in assembly and with fused multiplication and addition: the Taylor series of a
 * sixteenth of what is left beyond a power of two, less 1 and squared four times (Shibata, 2010). Results whose power of
 * two rounds to 2^1024 are infinite, though the largest of them would have a number: `exp(709.5)` is +Inf.
 */
export function exponential(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > EXP_OVERFLOW) return Number.POSITIVE_INFINITY;
  const power = roundedToEven(x * Math.LOG2E);
  if (power < -1075) return 0;
  const rest = fusedMultiplyAdd(-power, LN2_LOWER, x - power * LN2_UPPER) * 0.0625;
  let sum = COEFFICIENTS[0];
  for (let i = 1; i < COEFFICIENTS.length; i++) sum = fusedMultiplyAdd(rest, sum, COEFFICIENTS[i]);
  let lessOne = rest * sum;
  // (1 + y)^2 - 1 = y * (y + 2), four times; the last one adds the 1.
  lessOne *= lessOne + 2;
  lessOne *= lessOne + 2;
  lessOne *= lessOne + 2;
  return timesPower(fusedMultiplyAdd(lessOne, lessOne + 2, 1), power);
}

/** To the nearest integer, ties to the even one, as processors convert numbers. */
function roundedToEven(value: number): number {
  const LARGE = 6_755_399_441_055_744; // 1.5 * 2^52
  return value + LARGE - LARGE;
}

function timesPower(fraction: number, power: number): number {
  if (power > 1023) return Number.POSITIVE_INFINITY;
  // The fraction may be below 1, so that 2^power alone can be too small a number by one.
  return power >= -1022 ? fraction * powerOfTwo(power) : fraction * 2 ** -60 * powerOfTwo(power + 60);
}

const LN2_HIGH = 6.931471803691238e-1;
const LN2_LOW = 1.9082149292705877e-10;

/** 2^x. */
export function exponential2(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 1.0239999999999999e3) return Number.POSITIVE_INFINITY;
  if (x < -1.074e3) return 0;
  const power = Math.trunc(x > 0 ? x + 0.5 : x - 0.5);
  const rest = x - power;
  return exponentialOfParts(rest * LN2_HIGH, -rest * LN2_LOW, power);
}

/** e^(high - low) * 2^power, by Remez' polynomial of the rational function (FreeBSD's `e_exp.c`). */
function exponentialOfParts(high: number, low: number, power: number): number {
  const rest = high - low;
  const square = rest * rest;
  const even =
    rest -
    square *
      (1.6666666666666666e-1 +
        square *
          (-2.7777777777015593e-3 +
            square *
              (6.613756321437934e-5 + square * (-1.6533902205465252e-6 + square * 4.1381367970572385e-8))));
  return scaled(1 - (low - (rest * even) / (2 - even) - high), power);
}
