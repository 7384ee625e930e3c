/** `math.Atan`, `math.Asin`, `math.Acos` and `math.Atan2`, after Moshier's Cephes library. */

const HALF_PI = Math.PI / 2;
/** What π/2 as a number lacks. */
const HALF_PI_REST = 6.123233995736766e-17;
/** tan(3π/8) */
const TANGENT_3_PI_BY_8 = 2.414213562373095;

export function arcTangent(x: number): number {
  if (x === 0) return x;
  return x > 0 ? arcTangentOfPositive(x) : -arcTangentOfPositive(-x);
}

export function arcSine(x: number): number {
  if (x === 0) return x;
  const magnitude = Math.abs(x);
  if (magnitude > 1) return Number.NaN;
  const cosine = Math.sqrt(1 - magnitude * magnitude);
  const angle =
    magnitude > 0.7
      ? HALF_PI - arcTangentOfPositive(cosine / magnitude)
      : arcTangentOfPositive(magnitude / cosine);
  return x < 0 ? -angle : angle;
}

export function arcCosine(x: number): number {
  return HALF_PI - arcSine(x);
}

/** The angle of the point (x, y). */
export function arcTangent2(y: number, x: number): number {
  const isPlain = x !== 0 && y !== 0 && Number.isFinite(x) && Number.isFinite(y);
  // On the axes and at infinity all agree.
  if (!isPlain) return Math.atan2(y, x);
  const angle = arcTangent(y / x);
  if (x > 0) return angle;
  return angle <= 0 ? angle + Math.PI : angle - Math.PI;
}

function arcTangentOfPositive(x: number): number {
  if (x <= 0.66) return arcTangentOfSmall(x);
  if (x > TANGENT_3_PI_BY_8) return HALF_PI - arcTangentOfSmall(1 / x) + HALF_PI_REST;
  return Math.PI / 4 + arcTangentOfSmall((x - 1) / (x + 1)) + 0.5 * HALF_PI_REST;
}

/** From 0 to 0.66 in magnitude. */
function arcTangentOfSmall(x: number): number {
  const s = x * x;
  const above =
    (((-8.750608600031904e-1 * s + -1.6157537187333652e1) * s + -7.500855792314705e1) * s +
      -1.2288666844901361e2) *
      s +
    -6.485021904942025e1;
  const below =
    ((((s + 2.4858464901423062e1) * s + 1.6502700983169885e2) * s + 4.3288106049129027e2) * s +
      4.853903996359137e2) *
      s +
    1.945506571482614e2;
  return x * ((s * above) / below) + x;
}
