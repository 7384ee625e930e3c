/** What a target says of its metrics, from one scrape to the next (`scrapeCache.metadata`). */
import type { MetricMetadata } from "../storage.ts";

/** A metric's help and type are kept for so many metrics of a target. */
export const MAX_METADATA_PER_TARGET = 10_000;
/** And for so many scrapes after the metric is gone. */
export const KEPT_SCRAPES = 10;

interface Entry extends MetricMetadata {
  seen: number;
}

export class TargetMetadata implements Iterable<[metric: string, entry: MetricMetadata]> {
  readonly #entries = new Map<string, Entry>();
  #scrape = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(metric: string): MetricMetadata | undefined {
    return this.#entries.get(metric);
  }

  [Symbol.iterator](): Iterator<[string, MetricMetadata]> {
    return this.#entries.entries();
  }

  set(kind: "help" | "type" | "unit", metric: string, text: string): void {
    let entry = this.#entries.get(metric);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_METADATA_PER_TARGET) return;
      this.#entries.set(metric, (entry = { type: "unknown", help: "", unit: "", seen: 0 }));
    }
    entry[kind] = text;
    entry.seen = this.#scrape;
  }

  /**
   * Ends a scrape.
   *
   * @param isComplete the body was read to its end: only then what was not in it is gone
   */
  end(isComplete: boolean): void {
    if (isComplete)
      for (const [metric, { seen }] of this.#entries)
        if (this.#scrape - seen > KEPT_SCRAPES) this.#entries.delete(metric);
    this.#scrape++;
  }
}
