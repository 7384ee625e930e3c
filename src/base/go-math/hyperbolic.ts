/** `math.Sinh`, `math.Cosh` and `math.Tanh`. */
import { exponential } from "./exponential.ts";

/** From here on e^-x is nothing beside e^x. */
const LARGE = 21;
/** Where `tanh` is 1: half of ln 2^127. */
const TANGENT_LARGE = 0.5 * 8.802969193111305e1;

export function hyperbolicSine(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude > 0.5)) return hyperbolicSineOfSmall(x);
  const power = exponential(magnitude);
  const value = magnitude > LARGE ? power * 0.5 : (power - 1 / power) * 0.5;
  return x < 0 ? -value : value;
}

/** Hart and Cheney's approximation 2029. */
function hyperbolicSineOfSmall(x: number): number {
  const s = x * x;
  const above =
    ((-2.630563213397497e1 * s + -2.894211355989564e3) * s + -8.991272022039509e4) * s + -6.307673640497717e5;
  const below = ((s + -1.736789535582337e2) * s + 1.521517378790019e4) * s + -6.307673640497717e5;
  return (above * x) / below;
}

export function hyperbolicCosine(x: number): number {
  const magnitude = Math.abs(x);
  const power = exponential(magnitude);
  return magnitude > LARGE ? power * 0.5 : (power + 1 / power) * 0.5;
}

export function hyperbolicTangent(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > TANGENT_LARGE) return x < 0 ? -1 : 1;
  if (magnitude >= 0.625) {
    const value = 1 - 2 / (exponential(2 * magnitude) + 1);
    return x < 0 ? -value : value;
  }
  if (x === 0) return x;
  const s = x * x;
  const above = (-9.643991794250523e-1 * s + -9.928772310019185e1) * s + -1.6146876844170845e3;
  const below = ((s + 1.1281167849163293e2) * s + 2.2354883906010045e3) * s + 4.844063053251255e3;
  return x + (x * s * above) / below;
}
