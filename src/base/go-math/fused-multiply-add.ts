/** `x * y + z` with a single rounding, as processors have it and JavaScript has not. */

/** 2^27 + 1: cuts 53 bits into two halves whose products are exact (Veltkamp). */
const SPLITTER = 134_217_729;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const LOW = isLittleEndian ? 0 : 1;
const HIGH = 1 - LOW;

/** A little more than what rounding to 53 bits takes off, relatively. */
const ROUNDING = 1.2e-16;

/**
 * `x * y + z`, rounded once. The product and its parts have to be far from overflow and from the subnormal numbers.
 *
 * Mostly the sum of the rounded product is that already: it is unless the sum was nearly halfway between two numbers,
 * nearer than the rounding of the product.
 */
export function fusedMultiplyAdd(x: number, y: number, z: number): number {
  const product = x * y;
  const sum = z + product;
  const part = sum - z;
  const lost = z - (sum - part) + (product - part);
  const doubt = Math.abs(lost) + Math.abs(product) * ROUNDING;
  return sum + doubt === sum && sum - doubt === sum ? sum : exactMultiplyAdd(x, y, z);
}

/**
 * The product and the sums are computed together with what rounding takes off them; the two rests are added with the
 * last bit set where the sum is inexact ("rounding to odd"), after which the last addition rounds as if it were the
 * only one (Boldo and Melquiond, Emulation of a FMA and correctly rounded sums, 2008).
 */
function exactMultiplyAdd(x: number, y: number, z: number): number {
  const product = x * y;
  const xHigh = x * SPLITTER - (x * SPLITTER - x);
  const xLow = x - xHigh;
  const yHigh = y * SPLITTER - (y * SPLITTER - y);
  const yLow = y - yHigh;
  const productRest = xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow);
  const small = z + productRest;
  const smallPart = small - z;
  const smallRest = z - (small - smallPart) + (productRest - smallPart);
  const large = product + small;
  const largePart = large - product;
  const largeRest = product - (large - largePart) + (small - largePart);
  const rest = smallRest + largeRest;
  const restPart = rest - smallRest;
  const restLost = smallRest - (rest - restPart) + (largeRest - restPart);
  return large + (restLost === 0 ? rest : roundedToOdd(rest, restLost));
}

/** The number next to `value` in the direction of what was lost, where the last bit of `value` is 0. */
function roundedToOdd(value: number, lost: number): number {
  float[0] = value;
  if ((words[LOW] & 1) === 1) return value;
  if (value > 0 === lost > 0) words[LOW] |= 1;
  else {
    // One less in magnitude.
    if (words[LOW] === 0) words[HIGH]--;
    words[LOW]--;
  }
  return float[0];
}
