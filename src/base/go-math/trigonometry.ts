/** `math.Sin`, `math.Cos` and `math.Tan`, after Moshier's Cephes library. */
import { reduceAngle } from "./angle-reduction.ts";

export function sine(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.NaN;
  const { octant, rest } = reduceAngle(Math.abs(x));
  const quarter = octant & 3;
  const value = quarter === 2 ? cosineOfRest(rest) : sineOfRest(rest);
  return x < 0 !== octant > 3 ? -value : value;
}

export function cosine(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const { octant, rest } = reduceAngle(Math.abs(x));
  const quarter = octant & 3;
  const value = quarter === 2 ? sineOfRest(rest) : cosineOfRest(rest);
  return octant > 3 !== quarter > 1 ? -value : value;
}

export function tangent(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.NaN;
  const { octant, rest } = reduceAngle(Math.abs(x));
  const value = tangentOfRest(rest);
  const turned = (octant & 2) === 2 ? -1 / value : value;
  return x < 0 ? -turned : turned;
}

function sineOfRest(x: number): number {
  const s = x * x;
  const series =
    ((((1.5896230157654656e-10 * s + -2.5050747762857807e-8) * s + 2.7557313621385722e-6) * s +
      -1.984126982958954e-4) *
      s +
      8.333333333322118e-3) *
      s +
    -1.666666666666663e-1;
  return x + x * s * series;
}

function cosineOfRest(x: number): number {
  const s = x * x;
  const series =
    ((((-1.1358536521387682e-11 * s + 2.087570084197473e-9) * s + -2.755731417929674e-7) * s +
      2.4801587288851704e-5) *
      s +
      -1.3888888888873056e-3) *
      s +
    4.1666666666666595e-2;
  return 1 - 0.5 * s + s * s * series;
}

function tangentOfRest(x: number): number {
  const s = x * x;
  if (!(s > 1e-14)) return x;
  const above = (-1.3093693918138379e4 * s + 1.1535166483858742e6) * s + -1.7956525197648488e7;
  const below =
    (((s + 1.3681296347069296e4) * s + -1.3208923444021097e6) * s + 2.500838018233579e7) * s +
    -5.3869575592945464e7;
  return x + x * ((s * above) / below);
}
