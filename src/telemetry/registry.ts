/**
 * The registry: every instrument of a process, recorded once and read by both exports, the `/metrics` page and the
 * OpenTelemetry SDK.
 */
import type { Clock } from "../base/clock.ts";
import {
  Counter,
  Histogram,
  type Instrument,
  type InstrumentOptions,
  OVERFLOW_ATTRIBUTE,
} from "./instruments.ts";
import { counterName, prometheusName } from "./prometheus-name.ts";
import type { HistogramSeries, Series, SumSeries } from "./series.ts";

/** A value that is computed when it is read: see `Registry.observe`. */
export interface Observation {
  value: number;
  attributes: Readonly<Record<string, string>>;
}

export interface ObservableOptions {
  name: string;
  description: string;
  unit: string;
  /** How OpenTelemetry sees it: a sum that goes up and down, or a last value. Prometheus has gauges for both. */
  kind: "upDownCounter" | "gauge";
  /** @default derived from name and unit */
  prometheusName?: string;
  /** Attributes that OpenTelemetry gets and Prometheus, which adds its own for the target, does not. */
  otlpConstants?: Readonly<Record<string, string>>;
  /** Called at every scrape and every export. */
  read: (nowMs: number) => Iterable<Observation>;
}

/** A point with its attributes; the series is the live one, to be read at once. */
export interface SumPoint {
  attributes: Readonly<Record<string, string>>;
  startMs: number;
  value: number;
  series?: SumSeries;
}
export interface HistogramPoint {
  attributes: Readonly<Record<string, string>>;
  startMs: number;
  series: HistogramSeries;
}

interface FamilyHead {
  /** The OpenTelemetry name. */
  name: string;
  /** The name of the Prometheus family; a counter's samples add `_total`. */
  prometheusName: string;
  description: string;
  unit: string;
}
export type MetricFamily = FamilyHead &
  (
    | { kind: "counter"; points: SumPoint[] }
    | { kind: "upDownCounter" | "gauge"; points: SumPoint[]; otlpConstants: Readonly<Record<string, string>> }
    | { kind: "histogram"; points: HistogramPoint[] }
  );

/** Instruments of one registry; a program that makes them in a loop has a bug. */
export const MAX_INSTRUMENTS = 1_000;

type Entry = { instrument: Instrument<string, Series> } | { observable: ObservableOptions; startMs: number };

export class Registry {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  counter<const L extends string>(options: InstrumentOptions<L>): Counter<L> {
    const counter = new Counter(options, () => this.#clock.now());
    this.#register(counter);
    // Without labels there is one series, which is there from the start, at 0.
    if (options.labels.length === 0) counter.bind({} as Record<L, string>);
    return counter;
  }

  /** @param bounds upper bounds of the buckets, ascending, without +Inf */
  histogram<const L extends string>(options: InstrumentOptions<L>, bounds: readonly number[]): Histogram<L> {
    const histogram = new Histogram(options, () => this.#clock.now(), bounds);
    this.#register(histogram);
    if (options.labels.length === 0) histogram.bind({} as Record<L, string>);
    return histogram;
  }

  /** A value that is asked for whenever somebody looks. */
  observe(options: ObservableOptions): void {
    this.#claim(options, { observable: options, startMs: this.#clock.now() });
  }

  #register<L extends string>(instrument: Counter<L> | Histogram<L>): void {
    this.#claim(instrument.options, { instrument: instrument as unknown as Instrument<string, Series> });
  }

  #claim(options: { name: string; unit: string; prometheusName?: string }, entry: Entry): void {
    const name = prometheusNameOf(options);
    if (this.#entries.has(name)) throw new Error(`instrument ${options.name} exists already`);
    if (this.#entries.size >= MAX_INSTRUMENTS) {
      throw new Error(`instrument ${options.name}: more than ${MAX_INSTRUMENTS} instruments`);
    }
    this.#entries.set(name, entry);
  }

  /** Everything there is to export now, by Prometheus name. Series that were idle for too long are dropped first. */
  collect(): MetricFamily[] {
    const nowMs = this.#clock.now();
    return [...this.#entries.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, entry]) =>
        "observable" in entry
          ? observedFamily(name, entry.observable, entry.startMs, nowMs)
          : instrumentFamily(name, entry.instrument, nowMs),
      );
  }
}

function prometheusNameOf(options: { name: string; unit: string; prometheusName?: string }): string {
  return options.prometheusName ?? prometheusName(options.name, options.unit);
}

function observedFamily(
  name: string,
  options: ObservableOptions,
  startMs: number,
  nowMs: number,
): MetricFamily {
  const points = [...options.read(nowMs)].map(({ value, attributes }) => ({ value, attributes, startMs }));
  return {
    name: options.name,
    prometheusName: name,
    description: options.description,
    unit: options.unit,
    kind: options.kind,
    points,
    otlpConstants: options.otlpConstants ?? {},
  };
}

function instrumentFamily(name: string, instrument: Instrument<string, Series>, nowMs: number): MetricFamily {
  instrument.sweep(nowMs);
  const { options } = instrument;
  const points = [...instrument.series()].map((series) => ({
    series,
    startMs: series.startMs,
    value: "value" in series ? series.value : 0,
    attributes: attributesOf(instrument, series),
  }));
  const head = { name: options.name, description: options.description, unit: options.unit };
  return instrument instanceof Histogram
    ? { ...head, prometheusName: name, kind: "histogram", points: points as unknown as HistogramPoint[] }
    : { ...head, prometheusName: counterName(name), kind: "counter", points: points as SumPoint[] };
}

function attributesOf(instrument: Instrument<string, Series>, series: Series): Record<string, string> {
  const { labels, constants } = instrument.options;
  const attributes: Record<string, string> = { ...constants };
  if (instrument.isOverflow(series)) attributes[OVERFLOW_ATTRIBUTE] = "true";
  else for (const [index, label] of labels.entries()) attributes[label] = series.values[index];
  return attributes;
}
