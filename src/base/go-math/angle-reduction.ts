/** Angles brought into an eighth of a turn, for `math.Sin`, `math.Cos` and `math.Tan`. */

/** π/4 in three parts. Multiples of the first two are exact up to the threshold. */
const PARTS = [7.853981256484985e-1, 3.774894707930798e-8, 2.6951514290790595e-15];
const FOUR_BY_PI = 4 / Math.PI;
const PI_BY_FOUR = Math.PI / 4;
/** From here on, the parts are too short, and 4/π is multiplied out. */
const THRESHOLD = 2 ** 29;

/** An angle as an even number of eighths of a turn, of which the last three bits count, and a rest within ±π/4. */
export interface ReducedAngle {
  octant: number;
  rest: number;
}

/** @param angle positive and finite */
export function reduceAngle(angle: number): ReducedAngle {
  if (angle >= THRESHOLD) return reduceLargeAngle(angle);
  let octant = Math.floor(angle * FOUR_BY_PI);
  if (octant % 2 === 1) octant++;
  const rest = angle - octant * PARTS[0] - octant * PARTS[1] - octant * PARTS[2];
  return { octant: octant & 7, rest };
}

/** The binary digits of 4/π in groups of 64, the first of which is the integer part. */
const FOUR_BY_PI_DIGITS = [
  0x0000000000000001n,
  0x45f306dc9c882a53n,
  0xf84eafa3ea69bb81n,
  0xb6c52b3278872083n,
  0xfca2c757bd778ac3n,
  0x6e48dc74849ba5c0n,
  0x0c925dd413a32439n,
  0xfc3bd63962534e7dn,
  0xd1046bea5d768909n,
  0xd338e04d68befc82n,
  0x7323ac7306a673e9n,
  0x3908bf177bf25076n,
  0x3ff12fffbc0b301fn,
  0xde5e2316b414da3en,
  0xda6cfd9e4f96136en,
  0x9e8c7ecd3cbfd45an,
  0xea4f758fd7cbe2f6n,
  0x7a0e73ef14a525d4n,
  0xd7f6bf623f1aba10n,
  0xac06608df8f6d757n,
].reduce((digits, group) => (digits << 64n) | group, 0n);
const DIGITS_BITS = 20n * 64n;

const bits = new BigUint64Array(1);
const float = new Float64Array(bits.buffer);

/**
 * The mantissa times those 192 bits of 4/π that the last three bits of the octant and the rest depend on (Payne and
 * Hanek), cut to 128 bits.
 */
function reduceLargeAngle(angle: number): ReducedAngle {
  float[0] = angle;
  const exponent = (bits[0] >> 52n) - 1075n;
  const mantissa = (bits[0] & 0xf_ffff_ffff_ffffn) | 0x10_0000_0000_0000n;
  const window = BigInt.asUintN(192, FOUR_BY_PI_DIGITS >> (DIGITS_BITS - 192n - (exponent + 61n)));
  const upper = (window >> 128n) * mantissa;
  const middle = ((window >> 64n) & 0xffff_ffff_ffff_ffffn) * mantissa;
  const lower = ((window & 0xffff_ffff_ffff_ffffn) * mantissa) >> 64n;
  const product = BigInt.asUintN(128, (upper << 64n) + middle + lower);
  let octant = Number(product >> 125n);
  let rest = fractionOf(product);
  if (octant % 2 === 1) {
    octant = (octant + 1) & 7;
    rest--;
  }
  return { octant, rest: rest * PI_BY_FOUR };
}

/**
 * `product / 2^125` without its integer part, cut to 53 bits instead of rounded. Where the first bits are zero, Go takes
 * those that move up from the lower half as it was before the octant's three bits were shifted out: they lag by three.
 */
function fractionOf(product: bigint): number {
  const high = BigInt.asUintN(64, product >> 61n);
  const low = BigInt.asUintN(64, product);
  const top = Number(high >> 32n);
  // No number is so near to a multiple of π/4 as to have 64 bits of zero.
  const leading = top !== 0 ? Math.clz32(top) : 32 + Math.clz32(Number(high & 0xffff_ffffn));
  const shift = BigInt(leading + 1);
  const aligned = BigInt.asUintN(64, high << shift) | (low >> (64n - shift));
  bits[0] = ((1023n - shift) << 52n) | (aligned >> 12n);
  return float[0];
}
