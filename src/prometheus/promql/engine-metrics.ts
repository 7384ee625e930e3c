/** What is counted of queries (`promql/engine.go`). */
import type { Clock } from "../../base/clock.ts";
import { Counter, Gauge, Histogram, type Instrument, Summary } from "../metrics/instruments.ts";
import type { QueryStage } from "./query-run.ts";

/** The parts of a query as upstream calls them. */
const SLICES: Record<QueryStage | "queue", string> = {
  evaluate: "inner_eval",
  prepare: "prepare_time",
  queue: "queue_time",
  sort: "result_sort",
};

export class EngineMetrics {
  /** Executed or waiting. */
  readonly queries = new Gauge({
    name: "prometheus_engine_queries",
    help: "The current number of queries being executed or waiting.",
  });
  readonly #most = new Gauge({
    name: "prometheus_engine_queries_concurrent_max",
    help: "The max number of concurrent queries.",
  });
  readonly samples = new Counter({
    name: "prometheus_engine_query_samples",
    help: "The total number of samples loaded by all queries (full window per step for range-vector).",
  });
  readonly samplesRead = new Counter({
    name: "prometheus_engine_query_samples_read",
    help: "The total number of samples read by all queries (only new points per step for range-vector).",
  });
  readonly #durations: Summary;
  readonly #histogram = new Histogram(
    {
      name: "prometheus_engine_query_duration_histogram_seconds",
      help: "The duration of various parts of PromQL query execution.",
      labels: ["slice"],
    },
    [0.01, 0.1, 1, 10],
  );

  constructor(clock: Pick<Clock, "monotonic">, maxConcurrent: number) {
    this.#durations = new Summary(
      { name: "prometheus_engine_query_duration_seconds", help: "Query timings", labels: ["slice"] },
      [0.5, 0.9, 0.99],
      clock,
    );
    this.#most.set(maxConcurrent);
    for (const slice of Object.values(SLICES))
      for (const each of [this.#durations, this.#histogram]) each.touch(slice);
  }

  observe(stage: QueryStage | "queue", seconds: number): void {
    this.#durations.observe(seconds, SLICES[stage]);
    this.#histogram.observe(seconds, SLICES[stage]);
  }

  get instruments(): Instrument[] {
    return [this.queries, this.#most, this.samples, this.samplesRead, this.#durations, this.#histogram];
  }
}
