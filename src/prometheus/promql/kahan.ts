/** Summation that keeps what rounding loses (Neumaier's variant of Kahan's): upstream's `util/kahansum`. */

/** A running sum. `value + compensation` is the better total. */
export class KahanSum {
  value: number;
  compensation = 0;

  constructor(value = 0) {
    this.value = value;
  }

  add(increment: number): void {
    const { value } = this;
    const total = value + increment;
    this.compensation = nextCompensation(value, increment, total, this.compensation);
    this.value = total;
  }
}

/** What adding `increment` to `sum`, giving `total`, makes of the compensation. */
export function nextCompensation(
  sum: number,
  increment: number,
  total: number,
  compensation: number,
): number {
  if (total === Number.POSITIVE_INFINITY || total === Number.NEGATIVE_INFINITY) return 0;
  return Math.abs(sum) >= Math.abs(increment)
    ? compensation + (sum - total + increment)
    : compensation + (increment - total + sum);
}
