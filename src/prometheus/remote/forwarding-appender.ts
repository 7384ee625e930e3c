/** An appender whose committed batches are counted and go to the remotes too. */
import { type FloatHistogram, zeroHistogram } from "../../model/histogram.ts";
import { histogramProblem } from "../../model/histogram-problem.ts";
import type { Labels } from "../../model/labels.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import { type Exemplar, type MetricMetadata, type SeriesRef, STALE_HIGH, STALE_LOW } from "../storage.ts";
import type { Tsdb, TsdbAppender } from "../tsdb/mod.ts";
import type { IncomingCounts, IngestMetrics } from "./ingest-metrics.ts";
import type { RemoteWriters } from "./remote-writer.ts";

const STALE_HIGH_QUIET = 0x7ff80000;
const words = new Int32Array(2);
const double = new Float64Array(words.buffer);

export class ForwardingAppender implements TsdbAppender {
  readonly #tsdb: Tsdb;
  readonly #inner: TsdbAppender;
  readonly #remotes: RemoteWriters;
  readonly #metrics: IngestMetrics;
  #samples = 0;
  #histograms = 0;
  #exemplars = 0;
  #newestMs = 0;
  #batch = new Map<SeriesRef, WriteSeries>();

  constructor(tsdb: Tsdb, remotes: RemoteWriters, metrics: IngestMetrics) {
    this.#metrics = metrics;
    this.#tsdb = tsdb;
    this.#inner = tsdb.appender();
    this.#remotes = remotes;
  }

  append(ref: SeriesRef, labels: Labels, timestampMs: number, value: number): SeriesRef {
    const found = this.#inner.append(ref, labels, timestampMs, value);
    this.#count(timestampMs);
    if (this.#remotes.isActive) this.#seriesOf(found, labels)?.samples.push({ timestampMs, value });
    return found;
  }

  refuseLate(): void {
    this.#inner.refuseLate?.();
  }

  appendStale(ref: SeriesRef, labels: Labels, timestampMs: number, refusesLate = false): SeriesRef {
    const found = this.#inner.appendStale(ref, labels, timestampMs, refusesLate);
    this.#count(timestampMs);
    if (this.#remotes.isActive)
      this.#seriesOf(found, labels)?.samples.push({ timestampMs, value: Number.NaN, stale: true });
    return found;
  }

  appendKnown(ref: SeriesRef, timestampMs: number, value: number): boolean {
    const isKnown = this.#inner.appendKnown(ref, timestampMs, value);
    if (isKnown) this.#count(timestampMs);
    if (isKnown && this.#remotes.isActive) this.#seriesOf(ref)?.samples.push({ timestampMs, value });
    return isKnown;
  }

  appendKnownBits(ref: SeriesRef, timestampMs: number, low: number, high: number): boolean {
    const isKnown = this.#inner.appendKnownBits(ref, timestampMs, low, high);
    if (isKnown) this.#count(timestampMs);
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
    this.#count(timestampMs);
    if (this.#remotes.isActive) this.#forwardBits(found, timestampMs, low, high);
    return found;
  }

  appendHistogram(ref: SeriesRef, labels: Labels, timestampMs: number, histogram: FloatHistogram): SeriesRef {
    const found = this.#inner.appendHistogram(ref, labels, timestampMs, histogram);
    this.#histograms++;
    if (timestampMs > this.#newestMs) this.#newestMs = timestampMs;
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
    if (found === 0) return found;
    if (histogram === undefined) this.#count(startMs);
    else this.#histograms++;
    if (!this.#remotes.isActive) return found;
    const series = this.#seriesOf(found, labels);
    const zero = histogram === undefined ? undefined : zeroHistogram(histogram);
    if (zero === undefined) series?.samples.push({ timestampMs: startMs, value: 0 });
    else series?.histograms.push({ timestampMs: startMs, histogram: zero, isInteger: true });
    return found;
  }

  appendExemplar(ref: SeriesRef, labels: Labels, exemplar: Exemplar): SeriesRef {
    const found = this.#inner.appendExemplar(ref, labels, exemplar);
    this.#exemplars++;
    if (this.#remotes.isActive) this.#seriesOf(found, labels)?.exemplars.push(exemplar);
    return found;
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.#inner.setMetadata(metric, metadata);
  }

  async commit(): Promise<void> {
    const batch = this.#batch;
    if (batch.size > 0) this.#batch = new Map();
    const counts = this.#takeCounts();
    await this.#inner.commit();
    this.#metrics.add(counts);
    if (batch.size > 0) this.#remotes.put([...batch.values()]);
  }

  rollback(): void {
    this.#batch.clear();
    this.#takeCounts();
    this.#inner.rollback();
  }

  #count(timestampMs: number): void {
    this.#samples++;
    if (timestampMs > this.#newestMs) this.#newestMs = timestampMs;
  }

  #takeCounts(): IncomingCounts {
    const counts = {
      samples: this.#samples,
      histograms: this.#histograms,
      exemplars: this.#exemplars,
      newestMs: this.#newestMs,
    };
    this.#samples = this.#histograms = this.#exemplars = this.#newestMs = 0;
    return counts;
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
