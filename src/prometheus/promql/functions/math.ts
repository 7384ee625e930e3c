/** Functions that map each float on its own. */
import { exponential } from "../../../base/go-math/exponential.ts";
import { maximum, minimum } from "../../../base/go-math/extremes.ts";
import { hyperbolicCosine, hyperbolicSine, hyperbolicTangent } from "../../../base/go-math/hyperbolic.ts";
import { inverseHyperbolicCosine, inverseHyperbolicSine } from "../../../base/go-math/inverse-hyperbolic.ts";
import { arcCosine, arcSine, arcTangent } from "../../../base/go-math/inverse-trigonometry.ts";
import { logarithm, logarithm2, logarithm10 } from "../../../base/go-math/logarithm.ts";
import { cosine, sine, tangent } from "../../../base/go-math/trigonometry.ts";
import type { FloatsImplementation } from "./function-implementation.ts";

const plain = (compute: (value: number) => number): FloatsImplementation => ({
  kind: "floats",
  map: () => compute,
});

/** Ties go up. By the inverse, as upstream has it, since that is less of a rounding error. */
const round: FloatsImplementation = {
  kind: "floats",
  map([nearest]) {
    if (nearest === undefined) return (value) => Math.floor(value + 0.5);
    return (value, step) => {
      const inverse = 1 / nearest[step];
      return Math.floor(value * inverse + 0.5) / inverse;
    };
  },
};

const clampMax: FloatsImplementation = {
  kind: "floats",
  map:
    ([limit]) =>
    (value, step) =>
      minimum(limit[step], value),
};

const clampMin: FloatsImplementation = {
  kind: "floats",
  map:
    ([limit]) =>
    (value, step) =>
      maximum(limit[step], value),
};

/** In two steps, as up to 3.15; at once where the product in between overflows, as since. */
function timesRatio(value: number, numerator: number, denominator: number): number {
  const product = value * numerator;
  return Number.isFinite(product) ? product / denominator : value * (numerator / denominator);
}

/** All but `clamp`, which can leave nothing of a step. */
export const MATH_FUNCTIONS: Record<string, FloatsImplementation> = {
  abs: plain(Math.abs),
  acos: plain(arcCosine),
  acosh: plain(inverseHyperbolicCosine),
  asin: plain(arcSine),
  asinh: plain(inverseHyperbolicSine),
  atan: plain(arcTangent),
  atanh: plain(Math.atanh),
  ceil: plain(Math.ceil),
  clamp_max: clampMax,
  clamp_min: clampMin,
  cos: plain(cosine),
  cosh: plain(hyperbolicCosine),
  deg: plain((radians) => timesRatio(radians, 180, Math.PI)),
  exp: plain(exponential),
  floor: plain(Math.floor),
  ln: plain(logarithm),
  log10: plain(logarithm10),
  log2: plain(logarithm2),
  rad: plain((degrees) => timesRatio(degrees, Math.PI, 180)),
  round,
  sgn: plain((value) => (value < 0 ? -1 : value > 0 ? 1 : value)),
  sin: plain(sine),
  sinh: plain(hyperbolicSine),
  sqrt: plain(Math.sqrt),
  tan: plain(tangent),
  tanh: plain(hyperbolicTangent),
};
