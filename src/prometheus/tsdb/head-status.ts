/** Figures about the head for `/api/v1/status/tsdb` (`tsdb/index/postingsstats.go`). */
import { METRIC_NAME } from "../../model/labels.ts";
import type { Head } from "./head.ts";
import type { CardinalityStat, TsdbStatus } from "./tsdb-options.ts";

/** Upstream's answers for an empty head: the ends of int64. */
const EMPTY_MIN_TIME = 2 ** 63;
const EMPTY_MAX_TIME = -(2 ** 63);

export function headStatus(head: Head, limit: number): TsdbStatus {
  const metrics = new Top(limit);
  const labelValues = new Top(limit);
  const labelBytes = new Top(limit);
  const pairs = new Top(limit);
  for (const name of head.postings.names()) {
    let bytes = 0;
    for (const [value, { length: series }] of head.postings.entries(name)) {
      bytes += value.length * series;
      pairs.add(() => `${name}=${value}`, series);
      if (name === METRIC_NAME) metrics.add(() => value, series);
    }
    labelBytes.add(() => name, bytes);
    labelValues.add(() => name, head.postings.valueCount(name));
  }
  const isEmpty = head.minMs > head.maxMs;
  return {
    headStats: {
      numSeries: head.seriesCount,
      numLabelPairs: head.postings.pairCount,
      chunkCount: head.chunkCount,
      minTime: isEmpty ? EMPTY_MIN_TIME : head.minMs,
      maxTime: isEmpty ? EMPTY_MAX_TIME : head.maxMs,
    },
    seriesCountByMetricName: metrics.list(),
    labelValueCountByLabelName: labelValues.list(),
    memoryInBytesByLabelName: labelBytes.list(),
    seriesCountByLabelValuePair: pairs.list(),
  };
}

/** Keeps the largest of what it is given. */
class Top {
  readonly #limit: number;
  #kept: CardinalityStat[] = [];
  #least = -1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(name: () => string, value: number): void {
    if (value <= this.#least) return;
    this.#kept.push({ name: name(), value });
    if (this.#kept.length >= 2 * this.#limit + 10) this.#cut();
  }

  list(): CardinalityStat[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept = this.#kept.sort((a, b) => b.value - a.value).slice(0, this.#limit);
    if (this.#kept.length === this.#limit) this.#least = this.#kept.at(-1)?.value ?? -1;
  }
}
