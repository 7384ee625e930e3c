/**
 * Counters, gauges, histograms and summaries of the server itself, with the meaning that `client_golang` gives them:
 * one without labels is shown from the start, one with labels once a set of values was named.
 */
import type { Clock } from "../../base/clock.ts";
import { compareStrings } from "../../model/labels.ts";
import type { ExposedSample, FamilyType, MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import { formatGoFloat } from "../../wire/exposition/go-float.ts";
import { NativeBuckets } from "./native-buckets.ts";

export interface Description {
  /** For counters without `_total`. */
  name: string;
  help: string;
  /** Names of labels, sorted. @default none */
  labels?: readonly string[];
}

/** Whatever shows itself on `/metrics`. */
export interface Instrument {
  family(): MetricFamily;
}

const SEPARATOR = "\xff";

/** One state for each set of label values. */
abstract class Vector<State> implements Instrument {
  readonly #description: Description;
  readonly #type: FamilyType;
  readonly #states = new Map<string, State>();

  constructor(type: FamilyType, description: Description, initial: State | undefined) {
    this.#type = type;
    this.#description = description;
    if (description.labels === undefined && initial !== undefined) this.#states.set("", initial);
  }

  protected stateOf(values: readonly string[]): State {
    const key = values.join(SEPARATOR);
    let state = this.#states.get(key);
    if (state === undefined) this.#states.set(key, (state = this.create()));
    return state;
  }

  protected replace(values: readonly string[], state: State): void {
    this.#states.set(values.join(SEPARATOR), state);
  }

  protected abstract create(): State;
  protected abstract samplesOf(state: State, labels: Record<string, string>): ExposedSample[];

  /** Names a set of label values, in the order of the labels' names: it is shown from now on. */
  touch(...values: string[]): void {
    this.stateOf(values);
  }

  /** Forgets a set of label values. */
  delete(...values: string[]): void {
    this.#states.delete(values.join(SEPARATOR));
  }

  family(): MetricFamily {
    const { name, help, labels = [] } = this.#description;
    const keys = [...this.#states.keys()].sort(compareStrings);
    const samples = keys.flatMap((key) => {
      const values = key.split(SEPARATOR);
      return this.samplesOf(
        this.#states.get(key)!,
        Object.fromEntries(labels.map((label, i) => [label, values[i]])),
      );
    });
    return { name, help, type: this.#type, samples };
  }
}

export class Counter extends Vector<number> {
  constructor(description: Description) {
    super("counter", description, 0);
  }

  add(count: number, ...values: string[]): void {
    this.replace(values, this.stateOf(values) + count);
  }

  value(...values: string[]): number {
    return this.stateOf(values);
  }

  protected create(): number {
    return 0;
  }

  protected samplesOf(value: number, labels: Record<string, string>): ExposedSample[] {
    return [{ suffix: "_total", labels, value }];
  }
}

export class Gauge extends Vector<number> {
  constructor(description: Description) {
    super("gauge", description, 0);
  }

  set(value: number, ...values: string[]): void {
    this.replace(values, value);
  }

  add(count: number, ...values: string[]): void {
    this.replace(values, this.stateOf(values) + count);
  }

  value(...values: string[]): number {
    return this.stateOf(values);
  }

  protected create(): number {
    return 0;
  }

  protected samplesOf(value: number, labels: Record<string, string>): ExposedSample[] {
    return [{ suffix: "", labels, value }];
  }
}

interface HistogramState {
  /** By bucket, not cumulative; the last one is `+Inf`. */
  counts: number[];
  sum: number;
  native?: NativeBuckets;
}

export interface HistogramOptions {
  /** No native buckets beside those with the given bounds. @default false */
  classicOnly?: boolean;
}

export class Histogram extends Vector<HistogramState> {
  readonly #bounds: readonly number[];
  readonly #classicOnly: boolean;

  /** @param bounds upper and inclusive, ascending, without `+Inf` */
  constructor(
    description: Description,
    bounds: readonly number[],
    { classicOnly = false }: HistogramOptions = {},
  ) {
    super("histogram", description, emptyHistogram(bounds, classicOnly));
    this.#bounds = bounds;
    this.#classicOnly = classicOnly;
  }

  observe(value: number, ...values: string[]): void {
    const state = this.stateOf(values);
    const index = this.#bounds.findIndex((bound) => value <= bound);
    state.counts[index < 0 ? this.#bounds.length : index]++;
    state.sum += value;
    state.native?.observe(value);
  }

  protected create(): HistogramState {
    return emptyHistogram(this.#bounds, this.#classicOnly);
  }

  protected samplesOf(
    { counts, sum, native }: HistogramState,
    labels: Record<string, string>,
  ): ExposedSample[] {
    let total = 0;
    const buckets = counts.map((count, i) => {
      total += count;
      const le = i < this.#bounds.length ? formatGoFloat(this.#bounds[i]) : "+Inf";
      return { suffix: "_bucket", labels: { ...labels, le }, value: total };
    });
    const count = { suffix: "_count", labels, value: total };
    const last = native === undefined ? count : { ...count, native: native.exposed() };
    return [...buckets, { suffix: "_sum", labels, value: sum }, last];
  }
}

function emptyHistogram(bounds: readonly number[], classicOnly: boolean): HistogramState {
  const counts = [...bounds.map(() => 0), 0];
  return classicOnly ? { counts, sum: 0 } : { counts, sum: 0, native: new NativeBuckets() };
}

/** Quantiles are those of the observations of so long. */
const SUMMARY_WINDOW_MS = 10 * 60_000;
/** And of so many at most, the newest. */
export const MAX_SUMMARY_OBSERVATIONS = 500;

interface SummaryState {
  times: number[];
  values: number[];
  /** Where the next observation goes. */
  next: number;
  count: number;
  sum: number;
}

export class Summary extends Vector<SummaryState> {
  readonly #quantiles: readonly number[];
  readonly #clock: Pick<Clock, "monotonic">;

  constructor(description: Description, quantiles: readonly number[], clock: Pick<Clock, "monotonic">) {
    super("summary", description, emptySummary());
    this.#quantiles = quantiles;
    this.#clock = clock;
  }

  observe(value: number, ...values: string[]): void {
    const state = this.stateOf(values);
    state.times[state.next] = this.#clock.monotonic();
    state.values[state.next] = value;
    state.next = (state.next + 1) % MAX_SUMMARY_OBSERVATIONS;
    state.count++;
    state.sum += value;
  }

  protected create(): SummaryState {
    return emptySummary();
  }

  protected samplesOf(state: SummaryState, labels: Record<string, string>): ExposedSample[] {
    const sinceMs = this.#clock.monotonic() - SUMMARY_WINDOW_MS;
    const recent = state.values.filter((_, i) => state.times[i] >= sinceMs).sort((a, b) => a - b);
    const quantiles = this.#quantiles.map((quantile) => ({
      suffix: "",
      labels: { ...labels, quantile: formatGoFloat(quantile) },
      value: recent.length === 0 ? Number.NaN : recent[Math.max(0, Math.ceil(quantile * recent.length) - 1)],
    }));
    return [
      ...quantiles,
      { suffix: "_sum", labels, value: state.sum },
      { suffix: "_count", labels, value: state.count },
    ];
  }
}

function emptySummary(): SummaryState {
  return { times: [], values: [], next: 0, count: 0, sum: 0 };
}
