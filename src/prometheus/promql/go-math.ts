/** Functions in which Go's `math` differs from JavaScript's `Math`. */

/** As Go's `math.Max`: infinity also wins over NaN. */
export function maximum(a: number, b: number): number {
  return a === Number.POSITIVE_INFINITY || b === Number.POSITIVE_INFINITY
    ? Number.POSITIVE_INFINITY
    : Math.max(a, b);
}

/** As Go's `math.Min`: negative infinity also wins over NaN. */
export function minimum(a: number, b: number): number {
  return a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY
    ? Number.NEGATIVE_INFINITY
    : Math.min(a, b);
}

/** As Go's and C's `pow`, which say that 1 to any power and (-1)^±Inf are 1. JavaScript says NaN. */
export function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  const isInfinite = exponent === Number.POSITIVE_INFINITY || exponent === Number.NEGATIVE_INFINITY;
  return base === -1 && isInfinite ? 1 : base ** exponent;
}
