/** The evaluation times of a query: `startMs`, `startMs + stepMs`, …; one for an instant query. */

export class Grid {
  readonly startMs: number;
  /** The last step, not the end that was asked for. */
  readonly endMs: number;
  readonly stepMs: number;
  readonly count: number;
  /** Whether start and end are the same, which is not so for a range that has room for one step only. */
  readonly isInstant: boolean;
  #timestamps: Float64Array | undefined;
  #all: Uint8Array | undefined;

  constructor(startMs: number, stepMs: number, count: number, isInstant = count === 1) {
    this.startMs = startMs;
    this.stepMs = stepMs;
    this.count = count;
    this.isInstant = isInstant;
    this.endMs = startMs + (count - 1) * stepMs;
  }

  /** The steps from `startMs` to `endMs` inclusive; none when the end lies before the start. */
  static between(startMs: number, endMs: number, stepMs: number): Grid {
    const count = endMs < startMs ? 0 : Math.floor((endMs - startMs) / stepMs) + 1;
    return new Grid(startMs, stepMs, count, startMs === endMs);
  }

  /** One step at the start of this grid. */
  first(): Grid {
    return this.isInstant ? this : new Grid(this.startMs, this.stepMs, 1);
  }

  timeAt(step: number): number {
    return this.startMs + step * this.stepMs;
  }

  /** Every step's time. One array, shared by all that have a sample at each step. */
  get timestamps(): Float64Array {
    return (this.#timestamps ??= Float64Array.from({ length: this.count }, (_, step) => this.timeAt(step)));
  }

  /** The `present` of a series with a sample at each step: compare by identity for fast paths. */
  get all(): Uint8Array {
    return (this.#all ??= new Uint8Array(this.count).fill(1));
  }
}
