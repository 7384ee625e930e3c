/** How long the store's work takes (`newDBMetrics`, `newHeadMetrics`, `NewCompactorMetrics`, `newWLMetrics` in `tsdb/`). */
import type { Clock } from "../../base/clock.ts";
import { Histogram, type Instrument, Summary } from "../metrics/instruments.ts";
import type { StoreWork } from "./tsdb-options.ts";

/** From ten minutes to twelve hours. */
const LATENESS_BOUNDS = [10, 30, 60, 120, 180, 360, 720].map((minutes) => 60 * minutes);
/** One second and its doublings. */
const COMPACTION_BOUNDS = Array.from({ length: 14 }, (_, i) => 2 ** i);

export class TsdbMetrics {
  readonly #measured: Record<StoreWork, (Histogram | Summary) & Instrument>;

  constructor(clock: Pick<Clock, "monotonic">) {
    const summary = (name: string, help: string, quantiles: number[] = []) =>
      new Summary({ name: `prometheus_tsdb_${name}`, help }, quantiles, clock);
    const histogram = (name: string, help: string, bounds: number[]) =>
      new Histogram({ name: `prometheus_tsdb_${name}`, help }, bounds);
    this.#measured = {
      "late sample": histogram(
        "sample_ooo_delta",
        "Delta in seconds by which a sample is considered out of order (reported regardless of OOO time window and whether sample is accepted or not).",
        LATENESS_BOUNDS,
      ),
      compaction: histogram("compaction_duration_seconds", "Duration of compaction runs", COMPACTION_BOUNDS),
      "head collection": summary(
        "head_gc_duration_seconds",
        "Runtime of garbage collection in the head block.",
      ),
      "log truncation": summary("wal_truncate_duration_seconds", "Duration of WAL truncation."),
      "log sync": summary("wal_fsync_duration_seconds", "Duration of write log fsync.", [0.5, 0.9, 0.99]),
      "tombstone cleanup": histogram(
        "tombstone_cleanup_seconds",
        "The time taken to recompact blocks to remove tombstones.",
        [],
      ),
    };
  }

  observe(work: StoreWork, seconds: number): void {
    this.#measured[work].observe(seconds);
  }

  get instruments(): Instrument[] {
    return Object.values(this.#measured);
  }
}
