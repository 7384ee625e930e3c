/** Figures about the head for `/api/v1/status/tsdb` (`tsdb/index/postingsstats.go`). */
import { METRIC_NAME } from "../../../model/labels.ts";
import { STALE_HIGH, STALE_LOW } from "../../storage.ts";
import { isStaleHistogram } from "../chunks/histogram-chunk.ts";
import { ROW_WORDS, W_VALUE_HIGH, W_VALUE_LOW } from "../chunks/xor-chunk.ts";
import type { Pacer } from "../pacer.ts";
import type { CardinalityStat, HeadStats, NewestFigures, TsdbStatus } from "../tsdb-options.ts";
import { NO_PIECE } from "./chunk-pool.ts";
import type { Head } from "./head.ts";
import { PAGE_BITS, PAGE_MASK, W_PIECE } from "./series-table.ts";

/** Upstream's answers for an empty head: the ends of int64. */
const EMPTY_MIN_TIME = 2 ** 63;
const EMPTY_MAX_TIME = -(2 ** 63);

const PAIRS_PER_CHECK = 1024;
/** Lengths from here on take four bytes. */
const LONG_LENGTH = 255;

export function headStats(head: Head): HeadStats {
  const isEmpty = head.minMs > head.maxMs;
  return {
    numSeries: head.seriesCount,
    numLabelPairs: head.postings.pairCount,
    chunkCount: head.chunks.count,
    minTime: isEmpty ? EMPTY_MIN_TIME : head.minMs,
    maxTime: isEmpty ? EMPTY_MAX_TIME : head.maxMs,
  };
}

const SLOTS_PER_CHECK = 4096;

/** Looks at every series. */
export async function newestFigures(head: Head, pacer: Pacer): Promise<NewestFigures> {
  const figures = { stale: 0, histograms: 0, histogramBuckets: 0 };
  const { table, chunks } = head;
  for (let slot = 0; slot < table.length; slot++) {
    const { words } = table.pages[slot >>> PAGE_BITS];
    const w = (slot & PAGE_MASK) * ROW_WORDS;
    const isStale = words[w + W_VALUE_LOW] === STALE_LOW && words[w + W_VALUE_HIGH] === STALE_HIGH;
    if (isStale && words[w + W_PIECE] !== NO_PIECE) figures.stale++;
    if (slot % SLOTS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  for (const slot of chunks.histograms.keys()) {
    const last = chunks.lastHistogram(slot);
    if (last === undefined) continue;
    figures.histograms++;
    figures.histogramBuckets += last.positiveBuckets.length + last.negativeBuckets.length;
    if (isStaleHistogram(last)) figures.stale++;
  }
  return figures;
}

export async function headStatus(head: Head, limit: number, pacer: Pacer): Promise<TsdbStatus> {
  const metrics = new Top(limit);
  const labelValues = new Top(limit);
  const labelBytes = new Top(limit);
  const pairs = new Top(limit);
  let count = 0;
  const { postings } = head;
  for (const name of postings.names()) {
    const nameBytes = encodedBytes(name);
    let bytes = 0;
    for (const [value, { length: series }] of postings.entries(name)) {
      bytes += (nameBytes + encodedBytes(value)) * series;
      pairs.add(() => `${name}=${value}`, series);
      if (name === METRIC_NAME) metrics.add(() => value, series);
      if (++count % PAIRS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    labelBytes.add(() => name, bytes);
    labelValues.add(() => name, postings.valueCount(name));
  }
  return {
    headStats: headStats(head),
    seriesCountByMetricName: metrics.list(),
    labelValueCountByLabelName: labelValues.list(),
    memoryInBytesByLabelName: labelBytes.list(),
    seriesCountByLabelValuePair: pairs.list(),
  };
}

/** What a name or value measures in upstream's encoding of labels: one byte for its length, or four for long ones. */
function encodedBytes(text: string): number {
  const length = Buffer.byteLength(text);
  return length + (length < LONG_LENGTH ? 1 : 4);
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
