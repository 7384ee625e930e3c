/** Turns columns of samples into what a query gets. */
import type { FloatHistogram } from "../../model/histogram.ts";
import type { Labels } from "../../model/labels.ts";
import { type SeriesSamples, STALE_HIGH, STALE_LOW } from "../storage.ts";
import type { SeriesColumns } from "./chunks/chunk-decoder.ts";
import { isStaleHistogram } from "./chunks/histogram-chunk.ts";
import type { SampleColumns } from "./chunks/sample-columns.ts";

/** Values of an answer's series lie one behind another in pieces of this many, since small arrays are dear. */
const PIECE_VALUES = 16 * 1024;

/** Makes the series of one answer, and lets neighbours with the same timestamps share them. */
export class SeriesBuilder {
  #timestamps: Float64Array = new Float64Array(0);
  #words = new Uint32Array(0);
  #used = 0;

  /** Copies the samples. Undefined when there are none. */
  build(labels: Labels, columns: SeriesColumns): SeriesSamples | undefined {
    const { floats, histograms } = columns;
    if (histograms.timestamps.length > 0) return withHistograms(labels, columns);
    if (floats.length === 0) return undefined;
    if (!floats.hasTimestamps(this.#timestamps)) this.#timestamps = floats.copyTimestamps();
    return { labels, timestamps: this.#timestamps, values: this.#copyValues(floats) };
  }

  #copyValues({ words, length }: SampleColumns): Float64Array {
    if (this.#used + 2 * length > this.#words.length) {
      this.#words = new Uint32Array(2 * Math.max(PIECE_VALUES, length));
      this.#used = 0;
    }
    const start = this.#used;
    if (length < 32) for (let i = 0; i < 2 * length; i++) this.#words[start + i] = words[i];
    else this.#words.set(words.subarray(0, 2 * length), start);
    this.#used += 2 * length;
    return new Float64Array(this.#words.buffer, 4 * start, length);
  }
}

/** Floats and histograms merged by time. That a series of histograms ended is told by the marker, as of others. */
function withHistograms(labels: Labels, columns: SeriesColumns): SeriesSamples {
  const { floats } = columns;
  const { timestamps: times, histograms: all } = columns.histograms;
  const count = columns.length;
  const timestamps = new Float64Array(count);
  const words = new Uint32Array(2 * count);
  const histograms: (FloatHistogram | undefined)[] = new Array(count).fill(undefined);
  for (let i = 0, j = 0, k = 0; k < count; k++) {
    if (j === times.length || (i < floats.length && floats.timestamps[i] < times[j])) {
      timestamps[k] = floats.timestamps[i];
      words[2 * k] = floats.words[2 * i];
      words[2 * k + 1] = floats.words[2 * i + 1];
      i++;
    } else {
      const histogram = all[j];
      timestamps[k] = times[j++];
      if (isStaleHistogram(histogram)) {
        words[2 * k] = STALE_LOW;
        words[2 * k + 1] = STALE_HIGH;
      } else histograms[k] = histogram;
    }
  }
  return { labels, timestamps, values: new Float64Array(words.buffer), histograms };
}
