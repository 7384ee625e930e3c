/** What rules under test see: the series given, as far as time has come, and what rules have written. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { compareLabels, type Labels } from "../../../model/labels.ts";
import type { MemoryQueryable } from "../../promql/mod.ts";
import { type Queryable, type SeriesSamples, STALE_HIGH, STALE_LOW } from "../../storage.ts";
import type { Tsdb } from "../../tsdb/mod.ts";

interface WrittenSeries {
  labels: Labels;
  timestamps: number[];
  values: number[];
  histograms: (FloatHistogram | undefined)[];
  /** Places of stale markers. */
  stale: Set<number>;
}

export class RuleTestStore {
  readonly #given: MemoryQueryable;
  readonly #written = new Map<string, WrittenSeries>();
  /** Later samples are not there yet. */
  nowMs = Number.NEGATIVE_INFINITY;

  constructor(given: MemoryQueryable) {
    this.#given = given;
  }

  get queryable(): Queryable {
    const given = this.#given;
    return {
      select: async (matchers, { minMs, maxMs }) => {
        const range = { minMs, maxMs: Math.min(maxMs, this.nowMs) };
        const found = range.maxMs < minMs ? [] : await given.select(matchers, range);
        const written = [...this.#written.values()].filter(({ labels }) =>
          matchers.every((matcher) => matcher.matches(labels.get(matcher.name))),
        );
        return merged([...found, ...written.flatMap((series) => within(series, minMs, maxMs))]);
      },
      series: (matchers, range) => given.series(matchers, range),
      labelNames: (matchers, range) => given.labelNames(matchers, range),
      labelValues: (name, matchers, range) => given.labelValues(name, matchers, range),
      exemplars: async () => [],
    };
  }

  /** Where rules write: nothing is refused, and everything is there at once. */
  get storage(): Pick<Tsdb, "appender" | "select"> {
    const add = (labels: Labels, timestampMs: number, value: number, histogram?: FloatHistogram) => {
      const series = this.#seriesOf(labels);
      series.timestamps.push(timestampMs);
      series.values.push(value);
      series.histograms.push(histogram);
      return series;
    };
    const appender = {
      append: (_: number, labels: Labels, timestampMs: number, value: number) => {
        add(labels, timestampMs, value);
        return 1;
      },
      appendHistogram: (_: number, labels: Labels, timestampMs: number, histogram: FloatHistogram) => {
        add(labels, timestampMs, Number.NaN, histogram);
        return 1;
      },
      appendStale: (_: number, labels: Labels, timestampMs: number) => {
        const { stale, values } = add(labels, timestampMs, Number.NaN);
        stale.add(values.length - 1);
        return 1;
      },
      appendExemplar: () => 0,
      setMetadata: () => {},
      commit: async () => {},
      rollback: () => {},
    };
    return { appender: () => appender, select: async () => [] } as unknown as Pick<
      Tsdb,
      "appender" | "select"
    >;
  }

  #seriesOf(labels: Labels): WrittenSeries {
    let series = this.#written.get(labels.key);
    if (series === undefined) {
      series = { labels, timestamps: [], values: [], histograms: [], stale: new Set() };
      this.#written.set(labels.key, series);
    }
    return series;
  }
}

function within(series: WrittenSeries, minMs: number, maxMs: number): SeriesSamples[] {
  const { timestamps } = series;
  const from = timestamps.findIndex((timestamp) => timestamp >= minMs);
  const to = timestamps.findLastIndex((timestamp) => timestamp <= maxMs) + 1;
  if (from === -1 || to <= from) return [];
  const values = Float64Array.from(series.values.slice(from, to));
  const words = new Uint32Array(values.buffer);
  for (const place of series.stale) {
    if (place < from || place >= to) continue;
    words[2 * (place - from)] = STALE_LOW;
    words[2 * (place - from) + 1] = STALE_HIGH;
  }
  const histograms = series.histograms.slice(from, to);
  return [
    {
      labels: series.labels,
      timestamps: Float64Array.from(timestamps.slice(from, to)),
      values,
      histograms: histograms.some((histogram) => histogram !== undefined) ? histograms : undefined,
    },
  ];
}

/** Ordered by labels; series of equal labels are one. Of samples at the same time the first given counts. */
function merged(all: SeriesSamples[]): SeriesSamples[] {
  const byKey = new Map<string, SeriesSamples>();
  for (const series of all) {
    const known = byKey.get(series.labels.key);
    byKey.set(series.labels.key, known === undefined ? series : joined(known, series));
  }
  return [...byKey.values()].sort((a, b) => compareLabels(a.labels, b.labels));
}

function joined(first: SeriesSamples, second: SeriesSamples): SeriesSamples {
  const places = [first, second].flatMap((series) =>
    Array.from(series.timestamps, (timestamp, i) => ({ timestamp, series, i })),
  );
  places.sort((a, b) => a.timestamp - b.timestamp);
  const kept = places.filter(({ timestamp }, i) => places[i - 1]?.timestamp !== timestamp);
  const values = new Float64Array(kept.length);
  const words = new Uint32Array(values.buffer);
  kept.forEach(({ series, i }, at) => {
    // By words, so that a stale marker stays one.
    const source = new Uint32Array(series.values.slice(i, i + 1).buffer);
    words.set(source, 2 * at);
  });
  const hasHistograms = first.histograms !== undefined || second.histograms !== undefined;
  return {
    labels: first.labels,
    timestamps: Float64Array.from(kept, ({ timestamp }) => timestamp),
    values,
    histograms: hasHistograms ? kept.map(({ series, i }) => series.histograms?.[i]) : undefined,
  };
}
