/** Series in memory, for tests, for the promqltest language and for replay. */
import type { FloatHistogram } from "../../model/histogram.ts";
import { compareLabels, compareStrings, type Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { Exemplar, Queryable, SeriesSamples, TimeRange } from "../storage.ts";

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

  async select(matchers: Matcher[], range: TimeRange): Promise<SeriesSamples[]> {
    return this.#matching(matchers).flatMap((series) => slice(series, range) ?? []);
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

/** The samples in a range; the very same columns when that is all of them. */
function slice(series: SeriesSamples, { minMs, maxMs }: TimeRange): SeriesSamples | undefined {
  const { timestamps } = series;
  let from = 0;
  let to = timestamps.length;
  while (from < to && timestamps[from] < minMs) from++;
  while (to > from && timestamps[to - 1] > maxMs) to--;
  if (from === to) return undefined;
  if (from === 0 && to === timestamps.length) return series;
  return {
    labels: series.labels,
    timestamps: timestamps.subarray(from, to),
    values: series.values.subarray(from, to),
    histograms: series.histograms?.slice(from, to),
    startTimestamps: series.startTimestamps?.subarray(from, to),
  };
}
