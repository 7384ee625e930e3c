/** `math.Asinh` and `math.Acosh`. `math.Atanh` and `math.Log1p` are what JavaScript has. */
import { logarithm } from "./logarithm.ts";

/** Beyond this, x² + 1 is x². */
const LARGE = 2 ** 28;
const NEAR_ZERO = 2 ** -28;

export function inverseHyperbolicSine(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const magnitude = Math.abs(x);
  const value = inverseHyperbolicSineOfPositive(magnitude);
  return x < 0 ? -value : value;
}

function inverseHyperbolicSineOfPositive(x: number): number {
  if (x > LARGE) return logarithm(x) + Math.LN2;
  if (x > 2) return logarithm(2 * x + 1 / (Math.sqrt(x * x + 1) + x));
  if (x < NEAR_ZERO) return x;
  return Math.log1p(x + (x * x) / (1 + Math.sqrt(1 + x * x)));
}

export function inverseHyperbolicCosine(x: number): number {
  if (!(x >= 1)) return Number.NaN;
  if (x >= LARGE) return logarithm(x) + Math.LN2;
  if (x > 2) return logarithm(2 * x - 1 / (x + Math.sqrt(x * x - 1)));
  const rest = x - 1;
  return Math.log1p(rest + Math.sqrt(2 * rest + rest * rest));
}
