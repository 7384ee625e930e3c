/** Numbers taken apart into a fraction and a power of two, and put together again (`math.Frexp`, `math.Ldexp`). */

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** The exponent of the least number. */
const LEAST_EXPONENT = -1074;
const LEAST_NORMAL = 2 ** -1022;
/** All powers of two. To look one up is quicker than to write its bits and read them again as a number. */
const POWERS = allPowers();

function allPowers(): Float64Array {
  const powers = new Float64Array(1024 - LEAST_EXPONENT);
  powers[0] = Number.MIN_VALUE;
  for (let i = 1; i < powers.length; i++) powers[i] = powers[i - 1] * 2;
  return powers;
}

/** 2^exponent, for exponents from -1074 to 1023. */
export function powerOfTwo(exponent: number): number {
  return POWERS[exponent - LEAST_EXPONENT];
}

/** The exponent as a positive normal number has it in its bits: that of the fraction, from 0.5 up to 1, and 1022. */
export function exponentBits(value: number): number {
  float[0] = value;
  return words[HIGH] >>> 20;
}

/** The fraction, from 0.5 up to but not including 1 in magnitude. Zero, infinity and NaN are their own. */
export function fractionOf(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  const exponent = exponentOf(value);
  // In two steps where the power that takes it there is itself no number.
  return exponent < -1022 ? value * 2 ** 60 * powerOfTwo(-exponent - 60) : value * powerOfTwo(-exponent);
}

/** The power of two that the fraction is to be multiplied by. 0 for zero, infinity and NaN. */
export function exponentOf(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return 0;
  const magnitude = Math.abs(value);
  return magnitude < LEAST_NORMAL ? exponentBits(magnitude * 2 ** 52) - 1074 : exponentBits(magnitude) - 1022;
}

/** `value * 2^exponent`, rounded once, whatever the exponent. */
export function scaled(value: number, exponent: number): number {
  if (exponent >= LEAST_EXPONENT && exponent <= 1023) return value * powerOfTwo(exponent);
  if (value === 0 || !Number.isFinite(value)) return value;
  const total = exponentOf(value) + exponent;
  if (total > 1024) return value < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (total < -1080) return value < 0 ? -0 : 0;
  const fraction = fractionOf(value);
  // The product in between is exact: only the last factor leads out of the normal numbers.
  return total > 0 ? fraction * 2 * powerOfTwo(total - 1) : fraction * 2 ** -60 * powerOfTwo(total + 60);
}
