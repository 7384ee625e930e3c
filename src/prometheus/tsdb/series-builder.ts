/** Turns columns of samples into what a query gets. */
import type { FloatHistogram } from "../../model/histogram.ts";
import type { Labels } from "../../model/labels.ts";
import type { SeriesSamples } from "../storage.ts";
import type { SeriesColumns } from "./chunk-decoder.ts";

/** Makes the series of one answer, and lets neighbours with the same timestamps share them. */
export class SeriesBuilder {
  #timestamps: Float64Array = new Float64Array(0);

  /** Copies the samples. Undefined when there are none. */
  build(labels: Labels, columns: SeriesColumns): SeriesSamples | undefined {
    const { floats, histograms } = columns;
    if (histograms.timestamps.length > 0) return withHistograms(labels, columns);
    if (floats.length === 0) return undefined;
    if (!floats.hasTimestamps(this.#timestamps)) this.#timestamps = floats.copyTimestamps();
    return { labels, timestamps: this.#timestamps, values: floats.copyValues() };
  }
}

/** Floats and histograms merged by time. */
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
      timestamps[k] = times[j];
      histograms[k] = all[j++];
    }
  }
  return { labels, timestamps, values: new Float64Array(words.buffer), histograms };
}
