/** One execution of a query: its limits, its remarks, and its turns on the event loop. */
import type { Queryable } from "../storage.ts";
import type { Annotations } from "./annotations.ts";
import { QueryError } from "./query-error.ts";
import { SampleCounts } from "./sample-counts.ts";

/** How long evaluation keeps the event loop before it lets others have a turn. */
export const SLICE_MS = 10;

/** What a query spent its time with. */
export type QueryStage = "prepare" | "evaluate" | "sort";

/** After how many series loops that do little for each look at the clock. */
export const PAUSE_INTERVAL = 256;

/** After how many samples looked at loops over series look at the clock: well below a millisecond of work. */
const SAMPLES_PER_CHECK = 4096;
/** What a series costs besides its samples. */
const SERIES_AS_SAMPLES = 64;

export interface QueryRunOptions {
  queryable: Queryable;
  annotations: Annotations;
  lookbackMs: number;
  maxSamples: number;
  /** When the query has to end, on the clock of `now`. */
  deadlineMs: number;
  signal: AbortSignal | undefined;
  /** Milliseconds that never go back. */
  now: () => number;
  /** Resolves in a later turn of the event loop. */
  nextTurn: () => Promise<void>;
  defaultSubqueryStepMs: (rangeMs: number) => number;
  delayedNameRemoval: boolean;
  typeAndUnitLabels: boolean;
  startTimestamps: boolean;
  /** How many steps there are, where each counts its samples. */
  countedSteps?: number;
}

export class QueryRun {
  readonly queryable: Queryable;
  readonly annotations: Annotations;
  readonly lookbackMs: number;
  readonly defaultSubqueryStepMs: (rangeMs: number) => number;
  /** Names go at the end of the query instead of in each function. */
  readonly delayedNameRemoval: boolean;
  readonly typeAndUnitLabels: boolean;
  readonly startTimestamps: boolean;
  readonly signal: AbortSignal | undefined;
  readonly #options: QueryRunOptions;
  #samples = 0;
  /** Of the query, or of the subquery that is evaluated now. */
  counts: SampleCounts;
  /** The most samples in memory at once. */
  peak = 0;
  readonly seconds: Record<QueryStage, number> = { prepare: 0, evaluate: 0, sort: 0 };
  #sliceEnd: number;
  #unchecked = 0;

  constructor(options: QueryRunOptions) {
    this.#options = options;
    this.counts = new SampleCounts(options.countedSteps);
    this.queryable = options.queryable;
    this.annotations = options.annotations;
    this.lookbackMs = options.lookbackMs;
    this.defaultSubqueryStepMs = options.defaultSubqueryStepMs;
    this.delayedNameRemoval = options.delayedNameRemoval;
    this.typeAndUnitLabels = options.typeAndUnitLabels;
    this.startTimestamps = options.startTimestamps;
    this.signal = options.signal;
    this.#sliceEnd = options.now() + SLICE_MS;
  }

  /** Does a part of the query and adds what it took to `seconds`. */
  async timed<T>(stage: QueryStage, work: () => T | Promise<T>): Promise<T> {
    const startedMs = this.#options.now();
    try {
      return await work();
    } finally {
      this.seconds[stage] += (this.#options.now() - startedMs) / 1000;
    }
  }

  /** Samples in memory now. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Sets how many samples are in memory.
   *
   * @throws QueryError when they are more than the query may have.
   */
  set samples(count: number) {
    this.#samples = count;
    if (count > this.peak) this.peak = count;
    this.checkRoom(0);
  }

  /** @throws QueryError unless there is room for so many samples more. */
  checkRoom(count: number): void {
    if (this.#samples + count <= this.#options.maxSamples) return;
    throw new QueryError(
      "execution",
      "query processing would load too many samples into memory in query execution",
    );
  }

  /** Whether it is time to `pause`. Cheap enough to ask for every series. */
  get isDue(): boolean {
    return this.#options.now() >= this.#sliceEnd;
  }

  /** `isDue` after a series with so many samples. Most often answered without a look at the clock. */
  isDueAfter(samples: number): boolean {
    this.#unchecked += samples + SERIES_AS_SAMPLES;
    if (this.#unchecked < SAMPLES_PER_CHECK) return false;
    this.#unchecked = 0;
    return this.isDue;
  }

  /**
   * Lets the event loop have a turn.
   *
   * @throws QueryError when the query was canceled or its time is over.
   */
  async pause(): Promise<void> {
    await this.#options.nextTurn();
    this.check();
    this.#sliceEnd = this.#options.now() + SLICE_MS;
  }

  /** @throws QueryError when the query was canceled or its time is over. */
  check(during = "expression evaluation"): void {
    if (this.signal?.aborted) throw new QueryError("canceled", `query was canceled in ${during}`);
    if (this.#options.now() > this.#options.deadlineMs) {
      throw new QueryError("timeout", `query timed out in ${during}`);
    }
  }
}
