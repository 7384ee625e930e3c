/** The evaluation times of a query: `startMs`, `startMs + stepMs`, …; one for an instant query. */

/** Columns are cut from pieces of this many values; those of more than a quarter are arrays of their own. */
const PIECE_VALUES = 8 * 1024;
/** Arrays of so few values the engine keeps among its objects. */
const SMALL_VALUES = 8;

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
  #present: Uint8Array | undefined;
  #presentTimes = new Float64Array(0);
  #piece = new Float64Array(0);
  #used = 0;

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

  /** The times of the steps where `present` is 1. Series with one and the same `present` get one and the same array. */
  timesWhere(present: Uint8Array): Float64Array {
    if (present === this.#all) return this.timestamps;
    if (present !== this.#present) {
      this.#present = present;
      this.#presentTimes = this.timestamps.filter((_, step) => present[step] === 1);
    }
    return this.#presentTimes;
  }

  /** A value per step, all 0. Memory is taken for many columns at once, since small arrays are dear. */
  column(): Float64Array<ArrayBuffer> {
    const { count } = this;
    if (count <= SMALL_VALUES || count > PIECE_VALUES / 4) return new Float64Array(count);
    if (this.#used + count > this.#piece.length) {
      this.#piece = new Float64Array(PIECE_VALUES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += count;
    return new Float64Array(this.#piece.buffer, 8 * start, count);
  }

  /** The `present` of a series with a sample at each step: compare by identity for fast paths. */
  get all(): Uint8Array {
    return (this.#all ??= new Uint8Array(this.count).fill(1));
  }
}

/** How many ones are in a column that has 1 at the steps with a sample. */
export function countPresent(present: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < present.length; i++) count += present[i];
  return count;
}

/** The steps of another grid, for series that are looked at one after the other: columns are used again. */
export class ScratchGrid extends Grid {
  readonly #grid: Grid;
  readonly #columns: Float64Array<ArrayBuffer>[] = [];
  #taken = 0;

  constructor(grid: Grid) {
    super(grid.startMs, grid.stepMs, grid.count, grid.isInstant);
    this.#grid = grid;
  }

  override get all(): Uint8Array {
    return this.#grid.all;
  }

  override column(): Float64Array<ArrayBuffer> {
    const column = (this.#columns[this.#taken++] ??= new Float64Array(this.count));
    return column.fill(0);
  }

  /** The columns of before may be given out again. */
  reuse(): void {
    this.#taken = 0;
  }
}
