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

/** `touched`: recorded into since the last sweep. `expired`: taken out of the export because it was idle. */
const IDLE = 0;
const TOUCHED = 1;
const EXPIRED = 2;

abstract class BaseSeries {
  // What recording reads and writes comes first, so that it shares a cache line.
  /** `IDLE`, `TOUCHED` or `EXPIRED`. */
  protected state = TOUCHED;
  /** A counter's value; a histogram's number of values. */
  value = 0;
  protected readonly owner: SeriesOwner;
  readonly values: readonly string[];
  /** When its accumulation began, in milliseconds since the Unix epoch. */
  startMs: number;
  /** The sweep that last saw it touched. */
  #seenMs: number;
  /** The labels as the expositions print them, made once. */
  labelText: string | undefined;

  constructor(owner: SeriesOwner, values: readonly string[], nowMs: number) {
    this.owner = owner;
    this.values = values;
    this.startMs = nowMs;
    this.#seenMs = nowMs;
  }

  /** A sweep: @returns whether the series was idle for `expiryMs`, and has expired */
  sweep(nowMs: number, expiryMs: number): boolean {
    if (this.state === TOUCHED) {
      this.state = IDLE;
      this.#seenMs = nowMs;
    } else if (nowMs - this.#seenMs >= expiryMs) this.state = EXPIRED;
    return this.state === EXPIRED;
  }

  /** Begins again, from zero. */
  revive(nowMs: number): void {
    this.state = TOUCHED;
    this.#seenMs = nowMs;
    this.startMs = nowMs;
    this.reset();
  }

  protected abstract reset(): void;

  protected exemplar(value: number, span: SpanContext): Exemplar {
    return { value, timestampMs: this.owner.now(), traceId: span.traceId, spanId: span.spanId };
  }
}

export class SumSeries extends BaseSeries {
  last: Exemplar | undefined;

  /** @param span the sampled trace that the exemplar points to */
  add(amount: number, span?: SpanContext): void {
    if (this.state !== TOUCHED) {
      if (this.state === EXPIRED) {
        (this.owner.revive(this) as SumSeries).add(amount, span);
        return;
      }
      this.state = TOUCHED;
    }
    this.value += amount;
    if (span?.sampled) this.last = this.exemplar(amount, span);
  }

  protected reset(): void {
    this.value = 0;
    this.last = undefined;
  }
}

export class HistogramSeries extends BaseSeries {
  /** Upper bounds, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; the last is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  exemplars: (Exemplar | undefined)[] | undefined;

  constructor(owner: SeriesOwner, values: readonly string[], nowMs: number, bounds: readonly number[]) {
    super(owner, values, nowMs);
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(value: number, span?: SpanContext): void {
    if (this.state !== TOUCHED) {
      if (this.state === EXPIRED) {
        (this.owner.revive(this) as HistogramSeries).record(value, span);
        return;
      }
      this.state = TOUCHED;
    }
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += value;
    this.value++;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (span?.sampled) (this.exemplars ??= [])[bucket] = this.exemplar(value, span);
  }

  /** How many values were recorded. */
  get count(): number {
    return this.value;
  }

  protected reset(): void {
    this.counts.fill(0);
    this.value = 0;
    this.sum = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = Number.NEGATIVE_INFINITY;
    this.exemplars = undefined;
  }
}

export type Series = SumSeries | HistogramSeries;
