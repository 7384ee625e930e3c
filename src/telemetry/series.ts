/** The two kinds of series, which are also the bound instruments: recording into one costs a few nanoseconds. */
import type { SpanContext } from "./trace-context.ts";

/** A measured value with the trace that it was measured in. */
export interface Exemplar {
  value: number;
  timestampMs: number;
  traceId: string;
  spanId: string;
}

/** What a series asks of its instrument. */
export interface SeriesOwner {
  /** Puts a series that had expired back among the exported ones; the one to record into. */
  revive(series: Series): Series;
  now(): number;
}

abstract class BaseSeries {
  readonly values: readonly string[];
  /** When its accumulation began, in milliseconds since the Unix epoch. */
  startMs: number;
  /** Recorded into since the last sweep. */
  touched = true;
  /** The sweep that last saw it touched. */
  seenMs: number;
  /** Taken out of the export because it was idle. */
  expired = false;
  /** The labels as the expositions print them, made once. */
  labelText: string | undefined;
  protected readonly owner: SeriesOwner;

  constructor(owner: SeriesOwner, values: readonly string[], nowMs: number) {
    this.owner = owner;
    this.values = values;
    this.startMs = nowMs;
    this.seenMs = nowMs;
  }

  protected exemplar(value: number, span: SpanContext): Exemplar {
    return { value, timestampMs: this.owner.now(), traceId: span.traceId, spanId: span.spanId };
  }
}

export class SumSeries extends BaseSeries {
  value = 0;
  last: Exemplar | undefined;

  /** @param span the sampled trace that the exemplar points to */
  add(amount: number, span?: SpanContext): void {
    if (this.expired) {
      (this.owner.revive(this) as SumSeries).add(amount, span);
      return;
    }
    this.value += amount;
    this.touched = true;
    if (span?.sampled) this.last = this.exemplar(amount, span);
  }

  reset(nowMs: number): void {
    this.value = 0;
    this.last = undefined;
    this.startMs = nowMs;
  }
}

export class HistogramSeries extends BaseSeries {
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; the last is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  exemplars: (Exemplar | undefined)[] | undefined;

  constructor(owner: SeriesOwner, values: readonly string[], nowMs: number, bounds: readonly number[]) {
    super(owner, values, nowMs);
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(value: number, span?: SpanContext): void {
    if (this.expired) {
      (this.owner.revive(this) as HistogramSeries).record(value, span);
      return;
    }
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += value;
    this.count++;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    this.touched = true;
    if (span?.sampled) (this.exemplars ??= [])[bucket] = this.exemplar(value, span);
  }

  reset(nowMs: number): void {
    this.counts.fill(0);
    this.sum = 0;
    this.count = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = Number.NEGATIVE_INFINITY;
    this.exemplars = undefined;
    this.startMs = nowMs;
  }
}

export type Series = SumSeries | HistogramSeries;
