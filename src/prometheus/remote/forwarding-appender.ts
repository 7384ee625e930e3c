/** An appender whose committed batches go to the remotes too. */
import { type FloatHistogram, zeroHistogram } from "../../model/histogram.ts";
import { histogramProblem } from "../../model/histogram-problem.ts";
import type { Labels } from "../../model/labels.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import { type Exemplar, type MetricMetadata, type SeriesRef, STALE_HIGH, STALE_LOW } from "../storage.ts";
import type { Tsdb, TsdbAppender } from "../tsdb/mod.ts";
import type { RemoteWriters } from "./remote-writer.ts";

const STALE_HIGH_QUIET = 0x7ff80000;
const words = new Int32Array(2);
const double = new Float64Array(words.buffer);

export class ForwardingAppender implements TsdbAppender {
  readonly #tsdb: Tsdb;
  readonly #inner: TsdbAppender;
  readonly #remotes: RemoteWriters;
  #batch = new Map<SeriesRef, WriteSeries>();

  constructor(tsdb: Tsdb, remotes: RemoteWriters) {
    this.#tsdb = tsdb;
    this.#inner = tsdb.appender();
    this.#remotes = remotes;
  }

  append(ref: SeriesRef, labels: Labels, timestampMs: number, value: number): SeriesRef {
    const found = this.#inner.append(ref, labels, timestampMs, value);
    if (this.#remotes.isActive) this.#seriesOf(found, labels)?.samples.push({ timestampMs, value });
    return found;
  }

  refuseLate(): void {
    this.#inner.refuseLate?.();
  }

  appendStale(ref: SeriesRef, labels: Labels, timestampMs: number, refusesLate = false): SeriesRef {
    const found = this.#inner.appendStale(ref, labels, timestampMs, refusesLate);
    if (this.#remotes.isActive)
      this.#seriesOf(found, labels)?.samples.push({ timestampMs, value: Number.NaN, stale: true });
    return found;
  }

  appendKnown(ref: SeriesRef, timestampMs: number, value: number): boolean {
    const isKnown = this.#inner.appendKnown(ref, timestampMs, value);
    if (isKnown && this.#remotes.isActive) this.#seriesOf(ref)?.samples.push({ timestampMs, value });
    return isKnown;
  }

  appendKnownBits(ref: SeriesRef, timestampMs: number, low: number, high: number): boolean {
    const isKnown = this.#inner.appendKnownBits(ref, timestampMs, low, high);
    if (isKnown && this.#remotes.isActive) this.#forwardBits(ref, timestampMs, low, high);
    return isKnown;
  }

  appendKey(
    key: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    low: number,
    high: number,
  ): SeriesRef {
    const found = this.#inner.appendKey(key, start, end, timestampMs, low, high);
    if (this.#remotes.isActive) this.#forwardBits(found, timestampMs, low, high);
    return found;
  }

  appendHistogram(ref: SeriesRef, labels: Labels, timestampMs: number, histogram: FloatHistogram): SeriesRef {
    const found = this.#inner.appendHistogram(ref, labels, timestampMs, histogram);
    if (this.#remotes.isActive)
      this.#seriesOf(found, labels)?.histograms.push({
        timestampMs,
        histogram,
        isInteger: hasIntegerCounts(histogram),
      });
    return found;
  }

  appendStart(
    ref: SeriesRef,
    labels: Labels,
    startMs: number,
    timestampMs: number,
    histogram?: FloatHistogram,
  ): SeriesRef {
    const found = this.#inner.appendStart(ref, labels, startMs, timestampMs, histogram);
    if (found === 0 || !this.#remotes.isActive) return found;
    const series = this.#seriesOf(found, labels);
    const zero = histogram === undefined ? undefined : zeroHistogram(histogram);
    if (zero === undefined) series?.samples.push({ timestampMs: startMs, value: 0 });
    else series?.histograms.push({ timestampMs: startMs, histogram: zero, isInteger: true });
    return found;
  }

  appendExemplar(ref: SeriesRef, labels: Labels, exemplar: Exemplar): SeriesRef {
    const found = this.#inner.appendExemplar(ref, labels, exemplar);
    if (this.#remotes.isActive) this.#seriesOf(found, labels)?.exemplars.push(exemplar);
    return found;
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.#inner.setMetadata(metric, metadata);
  }

  async commit(): Promise<void> {
    const batch = this.#batch;
    if (batch.size > 0) this.#batch = new Map();
    await this.#inner.commit();
    if (batch.size > 0) this.#remotes.put([...batch.values()]);
  }

  rollback(): void {
    this.#batch.clear();
    this.#inner.rollback();
  }

  #forwardBits(ref: SeriesRef, timestampMs: number, low: number, high: number): void {
    const stale = low === STALE_LOW && (high === STALE_HIGH || high === STALE_HIGH_QUIET);
    words[0] = low;
    words[1] = high;
    this.#seriesOf(ref)?.samples.push(
      stale ? { timestampMs, value: Number.NaN, stale } : { timestampMs, value: double[0] },
    );
  }

  #seriesOf(ref: SeriesRef, given?: Labels): WriteSeries | undefined {
    let series = this.#batch.get(ref);
    if (series !== undefined) return series;
    const labels = given ?? this.#tsdb.labelsOf(ref);
    if (labels === undefined) return undefined;
    series = { labels, samples: [], histograms: [], exemplars: [] };
    this.#batch.set(ref, series);
    return series;
  }
}

/** Whole counts travel as such, as long as they add up: a receiver checks that. */
export function hasIntegerCounts(histogram: FloatHistogram): boolean {
  const { zeroCount, positiveBuckets, negativeBuckets } = histogram;
  const isWhole = [zeroCount, ...positiveBuckets, ...negativeBuckets].every(Number.isSafeInteger);
  return isWhole && histogramProblem(histogram, true) === undefined;
}
