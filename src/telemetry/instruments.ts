/**
 * Instruments: a counter and a histogram keyed by labels, with a limit on their series.
 *
 * Series are found through nested Maps in the order in which the labels are declared, so declare the label with the
 * most values last. What is recorded often for one set of labels is bound once: `counter.bind({...}).add(1)`.
 */
import { HistogramSeries, type Series, type SeriesOwner, SumSeries } from "./series.ts";
import type { SpanContext } from "./trace-context.ts";

/**
 * Series of one instrument, the overflow series included; the OpenTelemetry SDK specification's default. What comes
 * beyond is counted in one series with the attribute `otel.metric.overflow`.
 */
export const DEFAULT_SERIES_LIMIT = 2_000;
export const OVERFLOW_ATTRIBUTE = "otel.metric.overflow";

export interface InstrumentOptions<L extends string> {
  /** The OpenTelemetry name: `percolate.tenant_requests`. */
  name: string;
  description: string;
  /** UCUM, or a plain word: `s`, `By`, `requests`. */
  unit: string;
  /** Attributes that vary, the one with the most values last. */
  labels: readonly L[];
  /** Attributes that are the same for all of this process' series. */
  constants?: Readonly<Record<string, string>>;
  /** The Prometheus name without `_total`. @default derived from name and unit: see `prometheusName` */
  prometheusName?: string;
  /** @default `DEFAULT_SERIES_LIMIT` */
  seriesLimit?: number;
  /** A series that nothing was recorded into for this long is no longer exported. @default never */
  idleExpiryMs?: number;
}

export type LabelValues<L extends string> = Readonly<Record<L, string>>;
type Node = Map<string, Node | Series>;

/** What counters and histograms have in common: finding, limiting and expiring their series. */
export abstract class Instrument<L extends string, S extends Series> implements SeriesOwner {
  readonly options: Readonly<InstrumentOptions<L>>;
  readonly #root: Node = new Map();
  readonly #series = new Set<S>();
  readonly #limit: number;
  readonly #now: () => number;
  #overflow: S | undefined;

  constructor(options: InstrumentOptions<L>, now: () => number) {
    this.options = options;
    this.#limit = options.seriesLimit ?? DEFAULT_SERIES_LIMIT;
    if (this.#limit < 2) throw new Error(`instrument ${options.name}: seriesLimit must be at least 2`);
    this.#now = now;
  }

  protected abstract create(values: readonly string[], nowMs: number): S;

  now(): number {
    return this.#now();
  }

  /** The series of these labels, made when it is the first time; the overflow series when there are too many. */
  protected find(labels: LabelValues<L>): S {
    const names = this.options.labels;
    let node: Node = this.#root;
    const last = names.length - 1;
    for (let i = 0; i < last; i++) {
      const next = node.get(labels[names[i]]);
      if (next === undefined) return this.#add(labels);
      node = next as Node;
    }
    return (node.get(last < 0 ? "" : labels[names[last]]) as S | undefined) ?? this.#add(labels);
  }

  #add(labels: LabelValues<L>): S {
    const nowMs = this.#now();
    const values = this.options.labels.map((name) => String(labels[name] ?? ""));
    const known = this.#lookup(values);
    if (known !== undefined) return known;
    // The limit counts the overflow series, which therefore takes the last place.
    if (this.#series.size >= this.#limit - 1) this.sweep(nowMs);
    if (this.#series.size >= this.#limit - 1) return (this.#overflow ??= this.create([], nowMs));
    const series = this.create(values, nowMs);
    this.#insert(series);
    return series;
  }

  #lookup(values: readonly string[]): S | undefined {
    let node: Node | Series | undefined = this.#root;
    for (const value of values) node = (node as Node | undefined)?.get(value);
    return node === this.#root ? undefined : (node as S | undefined);
  }

  #insert(series: S): void {
    const path = series.values.length === 0 ? [""] : series.values;
    let node = this.#root;
    for (const value of path.slice(0, -1)) {
      let next = node.get(value) as Node | undefined;
      if (next === undefined) node.set(value, (next = new Map()));
      node = next;
    }
    node.set(path.at(-1)!, series);
    this.#series.add(series);
  }

  #remove(series: S): void {
    const path: [Node, string][] = [];
    let node = this.#root;
    for (const value of series.values) {
      path.push([node, value]);
      node = node.get(value) as Node;
    }
    for (const [parent, value] of path.reverse()) {
      const child = parent.get(value);
      if (child instanceof Map && child.size > 0) break;
      parent.delete(value);
    }
    this.#series.delete(series);
  }

  revive(series: Series): Series {
    const labels = Object.fromEntries(
      this.options.labels.map((name, index) => [name, series.values[index]]),
    ) as LabelValues<L>;
    const current = this.#lookup(series.values);
    if (current !== undefined) return current;
    if (this.#series.size >= this.#limit - 1) return this.find(labels);
    series.revive(this.#now());
    this.#insert(series as S);
    return series;
  }

  /** Takes note of which series were recorded into, and lets go of those that were idle for too long. */
  sweep(nowMs: number): void {
    const expiryMs = this.options.idleExpiryMs;
    if (expiryMs === undefined) return;
    for (const series of this.#series) if (series.sweep(nowMs, expiryMs)) this.#remove(series);
  }

  /** All series to export, the overflow series last: it has no label values. */
  *series(): Generator<S> {
    yield* this.#series;
    if (this.#overflow !== undefined) yield this.#overflow;
  }

  /** Whether this is the series for what went beyond the limit. */
  isOverflow(series: Series): boolean {
    return series === this.#overflow;
  }
}

export class Counter<L extends string = string> extends Instrument<L, SumSeries> {
  protected create(values: readonly string[], nowMs: number): SumSeries {
    return new SumSeries(this, values, nowMs);
  }

  /** @param amount zero or more: a counter only goes up */
  add(amount: number, labels: LabelValues<L>, span?: SpanContext): void {
    this.find(labels).add(amount, span);
  }

  bind(labels: LabelValues<L>): SumSeries {
    return this.find(labels);
  }
}

export class Histogram<L extends string = string> extends Instrument<L, HistogramSeries> {
  readonly bounds: readonly number[];

  /** @param bounds upper bounds, ascending, without +Inf */
  constructor(options: InstrumentOptions<L>, now: () => number, bounds: readonly number[]) {
    if (bounds.some((bound, index) => !Number.isFinite(bound) || bound <= bounds[index - 1])) {
      throw new Error(`instrument ${options.name}: bounds must be finite and ascending`);
    }
    super(options, now);
    this.bounds = bounds;
  }

  protected create(values: readonly string[], nowMs: number): HistogramSeries {
    return new HistogramSeries(this, values, nowMs, this.bounds);
  }

  record(value: number, labels: LabelValues<L>, span?: SpanContext): void {
    this.find(labels).record(value, span);
  }

  bind(labels: LabelValues<L>): HistogramSeries {
    return this.find(labels);
  }
}
