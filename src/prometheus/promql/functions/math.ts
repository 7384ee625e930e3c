/** Functions that map each float on its own. */
import { maximum, minimum } from "../go-math.ts";
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

/** Multiplied at once, so that no product in between overflows. */
const DEGREES_PER_RADIAN = 180 / Math.PI;
const RADIANS_PER_DEGREE = Math.PI / 180;

/** All but `clamp`, which can leave nothing of a step. */
export const MATH_FUNCTIONS: Record<string, FloatsImplementation> = {
  abs: plain(Math.abs),
  acos: plain(Math.acos),
  acosh: plain(Math.acosh),
  asin: plain(Math.asin),
  asinh: plain(Math.asinh),
  atan: plain(Math.atan),
  atanh: plain(Math.atanh),
  ceil: plain(Math.ceil),
  clamp_max: clampMax,
  clamp_min: clampMin,
  cos: plain(Math.cos),
  cosh: plain(Math.cosh),
  deg: plain((radians) => radians * DEGREES_PER_RADIAN),
  exp: plain(Math.exp),
  floor: plain(Math.floor),
  ln: plain(Math.log),
  log10: plain(Math.log10),
  log2: plain(Math.log2),
  rad: plain((degrees) => degrees * RADIANS_PER_DEGREE),
  round,
  sgn: plain((value) => (value < 0 ? -1 : value > 0 ? 1 : value)),
  sin: plain(Math.sin),
  sinh: plain(Math.sinh),
  sqrt: plain(Math.sqrt),
  tan: plain(Math.tan),
  tanh: plain(Math.tanh),
};
