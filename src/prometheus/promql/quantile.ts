/** Quantiles of plain samples (`quantile` in upstream's `promql/quantile.go`). */

/**
 * The quantile of some values, interpolated between the two nearest: NaN of none, -Inf below 0, +Inf above 1.
 * NaN counts as the smallest value. The order of `values` is not kept.
 */
export function quantileOf(quantile: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(quantile)) return Number.NaN;
  if (quantile < 0) return Number.NEGATIVE_INFINITY;
  if (quantile > 1) return Number.POSITIVE_INFINITY;
  sortNaNFirst(values);
  const rank = quantile * (values.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(values.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  // Nothing of an infinite neighbour, where 0 times it would be NaN.
  if (weight === 0) return values[lower];
  return values[lower] * (1 - weight) + values[upper] * weight;
}

/** Typed arrays sort NaN to the end. */
function sortNaNFirst(values: Float64Array): void {
  values.sort();
  let count = 0;
  while (count < values.length && Number.isNaN(values[values.length - 1 - count])) count++;
  if (count === 0) return;
  values.copyWithin(count, 0, values.length - count);
  values.fill(Number.NaN, 0, count);
}
