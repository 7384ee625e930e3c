/** Series in memory, for tests, for the promqltest language and for replay. */
import type { FloatHistogram } from "../../model/histogram.ts";
import { compareLabels, compareStrings, Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import {
  type Exemplar,
  isStaleMarker,
  type NewestSamples,
  type Queryable,
  type SelectHints,
  type SeriesSamples,
  type TimeRange,
} from "../storage.ts";
import { firstIndex } from "./classic-histogram.ts";
import { wordsOf } from "./lookback.ts";

export interface Point {
  timestampMs: number;
  value: number;
  histogram?: FloatHistogram;
  startTimestampMs?: number;
}

export class MemoryQueryable implements Queryable {
  readonly #series: SeriesSamples[] = [];
  #isSorted = true;

  /** Adds a series, whose points have to be in order of time. Columns may also be given as they are. */
  add(labels: Labels, points: readonly Point[]): void {
    const hasHistograms = points.some((point) => point.histogram !== undefined);
    const hasStarts = points.some((point) => point.startTimestampMs !== undefined);
    this.addColumns({
      labels,
      timestamps: Float64Array.from(points, (point) => point.timestampMs),
      values: Float64Array.from(points, (point) => point.value),
      histograms: hasHistograms ? points.map((point) => point.histogram) : undefined,
      startTimestamps: hasStarts
        ? Float64Array.from(points, (point) => point.startTimestampMs ?? 0)
        : undefined,
    });
  }

  addColumns(series: SeriesSamples): void {
    this.#series.push(series);
    this.#isSorted = false;
  }

  async select(
    matchers: Matcher[],
    range: TimeRange,
    { after, maxSamples = 0 }: SelectHints = {},
  ): Promise<SeriesSamples[]> {
    const slices = new Map<Float64Array, Slice>();
    const found: SeriesSamples[] = [];
    let samples = 0;
    for (const series of this.#matching(matchers)) {
      if (after !== undefined && compareLabels(series.labels, after) <= 0) continue;
      if (maxSamples > 0 && samples >= maxSamples) break;
      let slice = slices.get(series.timestamps);
      if (slice === undefined) {
        slice = sliceOf(series.timestamps, range);
        slices.set(series.timestamps, slice);
      }
      const one = sliced(series, slice);
      if (one !== undefined) found.push(one);
      samples += one?.timestamps.length ?? 0;
    }
    return found;
  }

  async newest(
    matchers: Matcher[],
    range: TimeRange,
    { withoutLabels = false }: SelectHints = {},
  ): Promise<NewestSamples | undefined> {
    const selected = await this.select(matchers, range);
    if (selected.some(({ histograms }) => histograms !== undefined)) return undefined;
    const alive = selected.filter(({ values }) => !isStaleMarker(wordsOf(values), values.length - 1));
    return {
      labels: alive.map(({ labels }) => (withoutLabels ? Labels.empty : labels)),
      values: Float64Array.from(alive, ({ values }) => values[values.length - 1]),
    };
  }

  async series(matchers: Matcher[], range: TimeRange): Promise<Labels[]> {
    return (await this.select(matchers, range)).map(({ labels }) => labels);
  }

  async labelNames(matchers: Matcher[], range: TimeRange): Promise<string[]> {
    const names = (await this.series(matchers, range)).flatMap((labels) =>
      Array.from(labels, ([name]) => name),
    );
    return [...new Set(names)].sort(compareStrings);
  }

  async labelValues(name: string, matchers: Matcher[], range: TimeRange): Promise<string[]> {
    const values = (await this.series(matchers, range)).map((labels) => labels.get(name));
    return [...new Set(values)].filter((value) => value !== "").sort(compareStrings);
  }

  async exemplars(): Promise<{ labels: Labels; exemplars: Exemplar[] }[]> {
    return [];
  }

  #matching(matchers: Matcher[]): SeriesSamples[] {
    if (!this.#isSorted) this.#series.sort((a, b) => compareLabels(a.labels, b.labels));
    this.#isSorted = true;
    return this.#series.filter(({ labels }) =>
      matchers.every((matcher) => matcher.matches(labels.get(matcher.name))),
    );
  }
}

/** The part of a column of timestamps that lies in a range. */
interface Slice {
  from: number;
  to: number;
  timestamps: Float64Array;
}

function sliceOf(timestamps: Float64Array, { minMs, maxMs }: TimeRange): Slice {
  const from = firstIndex(timestamps.length, (i) => timestamps[i] >= minMs);
  const to = firstIndex(timestamps.length, (i) => timestamps[i] > maxMs);
  return { from, to, timestamps: timestamps.subarray(from, to) };
}

/** The samples in a range; the very same columns when that is all of them. */
function sliced(series: SeriesSamples, { from, to, timestamps }: Slice): SeriesSamples | undefined {
  if (from >= to) return undefined;
  if (from === 0 && to === series.timestamps.length) return series;
  return {
    labels: series.labels,
    timestamps,
    values: series.values.subarray(from, to),
    histograms: series.histograms?.slice(from, to),
    startTimestamps: series.startTimestamps?.subarray(from, to),
  };
}
