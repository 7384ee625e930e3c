/** What `load` commands have put together, as a real store would give it back. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { areBoundsEqual, isReset } from "../../../model/histogram-arithmetic.ts";
import { MemoryQueryable } from "../../promql/memory-queryable.ts";
import { STALE_HIGH, STALE_LOW } from "../../storage.ts";
import { customBucketSeries } from "./custom-buckets.ts";
import type { LoadCommand } from "./script.ts";
import type { StoredSample, StoredSeries } from "./stored-series.ts";

export class TestStorage {
  readonly #series = new Map<string, StoredSeries>();

  /** @param startMs the time of the first value */
  load(command: LoadCommand, startMs = 0): void {
    const loaded = command.series.map(({ labels, values, starts }) => ({
      labels,
      samples: values.flatMap((value, i): StoredSample[] => {
        if (value.kind === "omitted") return [];
        const timestampMs = startMs + i * command.stepMs;
        const start = starts?.[i];
        return [
          {
            timestampMs,
            startTimestampMs: start === undefined ? 0 : timestampMs + start,
            value: value.kind === "float" ? value.value : Number.NaN,
            histogram: value.kind === "histogram" ? value.histogram : undefined,
            isStale: value.kind === "stale",
          },
        ];
      }),
    }));
    // Of a series that is written twice the later line counts.
    const batch = new Map(loaded.map((series) => [series.labels.key, series]));
    for (const series of batch.values()) this.#append(series);
    if (!command.withCustomBuckets) return;
    for (const series of customBucketSeries([...batch.values()])) this.#append(series);
  }

  #append(series: StoredSeries): void {
    const known = this.#series.get(series.labels.key);
    if (known === undefined) this.#series.set(series.labels.key, series);
    else {
      const samples = new Map(
        known.samples.concat(series.samples).map((sample) => [sample.timestampMs, sample]),
      );
      known.samples = [...samples.values()].sort((a, b) => a.timestampMs - b.timestampMs);
    }
  }

  /** The series as they are now. */
  queryable(): MemoryQueryable {
    const store = new MemoryQueryable();
    for (const { labels, samples } of this.#series.values()) {
      if (samples.length === 0) continue;
      const histograms = storedHistograms(samples);
      const hasStarts = samples.some(({ startTimestampMs }) => startTimestampMs !== 0);
      store.addColumns({
        labels,
        timestamps: Float64Array.from(samples, ({ timestampMs }) => timestampMs),
        values: valuesOf(samples),
        histograms: histograms.some((histogram) => histogram !== undefined) ? histograms : undefined,
        startTimestamps: hasStarts
          ? Float64Array.from(samples, ({ startTimestampMs }) => startTimestampMs)
          : undefined,
      });
    }
    return store;
  }
}

function valuesOf(samples: readonly StoredSample[]): Float64Array {
  const values = Float64Array.from(samples, ({ value }) => value);
  const words = new Uint32Array(values.buffer);
  samples.forEach(({ isStale }, i) => {
    if (!isStale) return;
    words[2 * i] = STALE_LOW;
    words[2 * i + 1] = STALE_HIGH;
  });
  return values;
}

/**
 * Histograms with the reset hints that they have when they come out of chunks: a chunk has no reset after its first
 * histogram, of which in turn nothing is known.
 */
function storedHistograms(samples: readonly StoredSample[]): (FloatHistogram | undefined)[] {
  let previous: FloatHistogram | undefined;
  return samples.map(({ histogram }) => {
    if (histogram === undefined) {
      previous = undefined;
      return undefined;
    }
    const isContinued = previous !== undefined && fitsInto(previous, histogram);
    previous = histogram;
    if (histogram.counterResetHint === "gauge") return histogram;
    return { ...histogram, counterResetHint: isContinued ? "not_reset" : "unknown" };
  });
}

/** Whether a histogram goes into the chunk of the one before. */
function fitsInto(previous: FloatHistogram, histogram: FloatHistogram): boolean {
  const isGauge = histogram.counterResetHint === "gauge";
  if (isGauge !== (previous.counterResetHint === "gauge") || histogram.counterResetHint === "reset")
    return false;
  if (histogram.schema !== previous.schema || histogram.zeroThreshold !== previous.zeroThreshold)
    return false;
  if (!areBoundsEqual(histogram.customValues, previous.customValues)) return false;
  const current = { ...histogram, counterResetHint: "unknown" as const };
  return isGauge || !isReset(current, previous);
}
