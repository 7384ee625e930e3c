/** Aggregations of floats that can be computed as the series come: a few columns per group, no samples kept. */

import type { Grid } from "../grid.ts";
import { nextCompensation } from "../kahan.ts";
import type { AggregateOperator } from "../parser/ast.ts";
import type { Histograms, StepSeries } from "../step-series.ts";

/** The running state of one group, a value per step. */
export interface FloatGroup {
  add(series: StepSeries): void;
  finish(): { values: Float64Array; present: Uint8Array; histograms?: Histograms } | undefined;
}

/** The aggregations that this file knows. */
export type RunningOperator = Extract<
  AggregateOperator,
  "sum" | "avg" | "count" | "min" | "max" | "group" | "stddev" | "stdvar"
>;

export function createFloatGroup(operator: RunningOperator, grid: Grid): FloatGroup {
  switch (operator) {
    case "sum":
      return new SumGroup(grid);
    case "avg":
      return new AverageGroup(grid);
    case "count":
      return new CountGroup(grid);
    case "group":
      return new PresenceGroup(grid);
    case "min":
    case "max":
      return new ExtremeGroup(grid, operator);
    case "stddev":
    case "stdvar":
      return new VarianceGroup(grid, operator);
  }
}

/** What all groups have: which steps have been seen. */
abstract class Group implements FloatGroup {
  protected readonly grid: Grid;
  protected readonly values: Float64Array;
  protected readonly present: Uint8Array;
  #isComplete = false;
  /** The `present` of all series so far, where they have one and the same. */
  #common: Uint8Array | undefined;
  #isFirst = true;

  constructor(grid: Grid) {
    this.grid = grid;
    this.values = new Float64Array(grid.count);
    this.present = new Uint8Array(grid.count);
  }

  add(series: StepSeries): void {
    const { present, values, histograms } = series;
    // With samples at the same steps in and in the series, nothing needs to be asked of each step: what comes of
    // steps that have none is not looked at, and gone when one begins.
    const isFull = present === this.grid.all && histograms === undefined;
    if (histograms === undefined && (present === this.#common || (isFull && this.#isComplete))) {
      this.addAll(values);
      return;
    }
    this.#common = this.#isFirst && histograms === undefined ? present : undefined;
    this.#isFirst = false;
    for (let step = 0; step < this.present.length; step++) {
      if (present[step] === 0 || histograms?.[step] !== undefined) continue;
      if (this.present[step] === 0) {
        this.present[step] = 1;
        this.begin(step, values[step]);
      } else {
        this.next(step, values[step]);
      }
    }
    if (isFull) this.#isComplete = true;
  }

  finish(): { values: Float64Array; present: Uint8Array } | undefined {
    for (let step = 0; step < this.present.length; step++) {
      if (this.present[step] === 1) this.values[step] = this.result(step);
    }
    if (this.#isComplete || !this.present.includes(0)) return { values: this.values, present: this.grid.all };
    return this.present.includes(1) ? { values: this.values, present: this.present } : undefined;
  }

  /** The first sample at a step, whatever has been left there. */
  protected abstract begin(step: number, value: number): void;
  protected abstract next(step: number, value: number): void;
  protected abstract result(step: number): number;

  /** `next` for every step. */
  protected addAll(values: Float64Array): void {
    for (let step = 0; step < values.length; step++) this.next(step, values[step]);
  }
}

class SumGroup extends Group {
  readonly #compensations: Float64Array;

  constructor(grid: Grid) {
    super(grid);
    this.#compensations = new Float64Array(grid.count);
  }

  protected begin(step: number, value: number): void {
    this.values[step] = value;
    this.#compensations[step] = 0;
  }

  protected next(step: number, value: number): void {
    const sum = this.values[step];
    const total = sum + value;
    this.#compensations[step] = nextCompensation(sum, value, total, this.#compensations[step]);
    this.values[step] = total;
  }

  protected override addAll(values: Float64Array): void {
    const sums = this.values;
    const compensations = this.#compensations;
    for (let step = 0; step < values.length; step++) {
      const sum = sums[step];
      const value = values[step];
      const total = sum + value;
      compensations[step] = nextCompensation(sum, value, total, compensations[step]);
      sums[step] = total;
    }
  }

  protected result(step: number): number {
    return this.values[step] + this.#compensations[step];
  }
}

/** Sum by count; where the sum would overflow, the running mean from there on. */
class AverageGroup extends Group {
  readonly #compensations: Float64Array;
  readonly #counts: Float64Array;
  /** 1 where `values` is the running mean. */
  readonly #isRunning: Uint8Array;

  constructor(grid: Grid) {
    super(grid);
    this.#compensations = new Float64Array(grid.count);
    this.#counts = new Float64Array(grid.count);
    this.#isRunning = new Uint8Array(grid.count);
  }

  protected begin(step: number, value: number): void {
    this.values[step] = value;
    this.#counts[step] = 1;
    this.#compensations[step] = 0;
    this.#isRunning[step] = 0;
  }

  protected next(step: number, value: number): void {
    const count = ++this.#counts[step];
    if (this.#isRunning[step] === 0) {
      const sum = this.values[step];
      const total = sum + value;
      if (total !== Number.POSITIVE_INFINITY && total !== Number.NEGATIVE_INFINITY) {
        this.#compensations[step] = nextCompensation(sum, value, total, this.#compensations[step]);
        this.values[step] = total;
        return;
      }
      this.#isRunning[step] = 1;
      this.values[step] = sum / (count - 1);
      this.#compensations[step] /= count - 1;
    }
    const share = (count - 1) / count;
    const scaled = share * this.values[step];
    const increment = value / count;
    const total = scaled + increment;
    const compensation = share * this.#compensations[step];
    this.#compensations[step] = nextCompensation(scaled, increment, total, compensation);
    this.values[step] = total;
  }

  protected result(step: number): number {
    const count = this.#isRunning[step] === 1 ? 1 : this.#counts[step];
    return this.values[step] / count + this.#compensations[step] / count;
  }
}

class CountGroup extends Group {
  override add({ present }: StepSeries): void {
    for (let step = 0; step < present.length; step++) {
      this.values[step] += present[step];
      this.present[step] |= present[step];
    }
  }

  protected begin(): void {}
  protected next(): void {}

  protected result(step: number): number {
    return this.values[step];
  }
}

/** Every group counts once. */
class PresenceGroup extends CountGroup {
  protected override result(): number {
    return 1;
  }
}

/** NaN gives way to anything. */
class ExtremeGroup extends Group {
  readonly #sign: number;

  constructor(grid: Grid, operator: "min" | "max") {
    super(grid);
    this.#sign = operator === "max" ? 1 : -1;
  }

  protected begin(step: number, value: number): void {
    this.values[step] = value;
  }

  protected next(step: number, value: number): void {
    const current = this.values[step];
    if (this.#sign * current < this.#sign * value || Number.isNaN(current)) this.values[step] = value;
  }

  protected result(step: number): number {
    return this.values[step];
  }
}

/** Welford's algorithm. */
class VarianceGroup extends Group {
  readonly #isDeviation: boolean;
  readonly #counts: Float64Array;
  readonly #means: Float64Array;

  constructor(grid: Grid, operator: "stddev" | "stdvar") {
    super(grid);
    this.#isDeviation = operator === "stddev";
    this.#counts = new Float64Array(grid.count);
    this.#means = new Float64Array(grid.count);
  }

  protected begin(step: number, value: number): void {
    this.#counts[step] = 1;
    this.#means[step] = value;
    this.values[step] = Number.isFinite(value) ? 0 : Number.NaN;
  }

  protected next(step: number, value: number): void {
    const delta = value - this.#means[step];
    this.#means[step] += delta / ++this.#counts[step];
    this.values[step] += delta * (value - this.#means[step]);
  }

  protected result(step: number): number {
    const variance = this.values[step] / this.#counts[step];
    return this.#isDeviation ? Math.sqrt(variance) : variance;
  }
}
