/** An engine that runs so many queries at once and lets others wait for their turn (`promql/query_logger.go`). */
import type { Clock } from "../../base/clock.ts";
import type { InstantResult, QueryEngine, QueryOptions, RangeResult } from "./engine.ts";
import type { EngineMetrics } from "./engine-metrics.ts";
import { QueryError } from "./query-error.ts";

export interface EngineQueueOptions {
  clock: Pick<Clock, "monotonic" | "after">;
  metrics: EngineMetrics;
  maxConcurrent: number;
  /** Of queries that say none. */
  timeoutMs: number;
}

export class EngineQueue implements QueryEngine {
  readonly #engine: QueryEngine;
  readonly #options: EngineQueueOptions;
  /** Whose turn it is next, first come first served. */
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(engine: QueryEngine, options: EngineQueueOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  instant(query: string, timeMs: number, options: QueryOptions = {}): Promise<InstantResult> {
    return this.#run(options, (rest) => this.#engine.instant(query, timeMs, rest));
  }

  range(
    query: string,
    startMs: number,
    endMs: number,
    stepMs: number,
    options: QueryOptions = {},
  ): Promise<RangeResult> {
    return this.#run(options, (rest) => this.#engine.range(query, startMs, endMs, stepMs, rest));
  }

  async #run<R extends InstantResult | RangeResult>(
    options: QueryOptions,
    work: (options: QueryOptions) => Promise<R>,
  ): Promise<R> {
    const { clock, metrics } = this.#options;
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const started = clock.monotonic();
    metrics.queries.add(1);
    try {
      if (this.#running >= this.#options.maxConcurrent) await this.#turn(timeoutMs, options.signal);
      else this.#running++;
      const waitedMs = clock.monotonic() - started;
      metrics.observe("queue", waitedMs / 1000);
      try {
        const result = await work({ ...options, timeoutMs: timeoutMs - waitedMs });
        this.#count(result);
        return result;
      } finally {
        this.#next();
      }
    } finally {
      metrics.queries.add(-1);
    }
  }

  #count({ counts, seconds }: InstantResult | RangeResult): void {
    const { metrics } = this.#options;
    for (const stage of ["prepare", "evaluate", "sort"] as const) metrics.observe(stage, seconds[stage]);
    metrics.samples.add(counts.queried);
    metrics.samplesRead.add(counts.read);
  }

  /** Who ends hands its place on. */
  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) this.#running--;
    else first();
  }

  /** @throws QueryError when the query's time is over, or nobody wants it any more, before its turn */
  #turn(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(go);
        timer.cancel();
        signal?.removeEventListener("abort", cancel);
      };
      const go = () => {
        leave();
        resolve();
      };
      const cancel = () => {
        leave();
        reject(new QueryError("canceled", "query was canceled in query queue"));
      };
      const timer = this.#options.clock.after(timeoutMs, () => {
        leave();
        reject(new QueryError("timeout", "query timed out in query queue"));
      });
      signal?.addEventListener("abort", cancel, { once: true });
      this.#waiting.add(go);
    });
  }
}
