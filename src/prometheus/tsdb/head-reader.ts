/** Queries the head. */

import type { FloatHistogram } from "../../model/histogram.ts";
import type { Labels } from "../../model/labels.ts";
import type { SeriesSamples, TimeRange } from "../storage.ts";
import type { Head } from "./head.ts";
import { lowerBound } from "./postings.ts";
import { SampleColumns } from "./sample-columns.ts";

/** Reads series of the head one after another, and lets neighbours with the same timestamps share them. */
export class HeadReader {
  readonly #head: Head;
  readonly #range: TimeRange;
  readonly #columns = new SampleColumns();
  #timestamps: Float64Array = new Float64Array(0);

  constructor(head: Head, range: TimeRange) {
    this.#head = head;
    this.#range = range;
  }

  /** The series' samples in the range, or undefined when there are none. */
  read(slot: number, newestOnly: boolean): SeriesSamples | undefined {
    const { minMs, maxMs } = this.#range;
    const columns = this.#columns;
    columns.clear();
    if (this.#head.lastTimeOf(slot) < minMs) return undefined;
    const isRead = newestOnly && this.#head.readLastFloat(slot, minMs, maxMs, columns);
    if (!isRead) this.#head.readFloats(slot, minMs, maxMs, columns);
    const labels = this.#head.labelsOf(slot);
    const histograms = this.#head.histograms.get(slot);
    if (histograms !== undefined) {
      return this.#withHistograms(labels, histograms.timestamps, histograms.histograms);
    }
    if (columns.length === 0) return undefined;
    if (!columns.hasTimestamps(this.#timestamps)) this.#timestamps = columns.copyTimestamps();
    return { labels, timestamps: this.#timestamps, values: columns.copyValues() };
  }

  #withHistograms(labels: Labels, times: number[], all: FloatHistogram[]): SeriesSamples | undefined {
    const columns = this.#columns;
    const from = lowerBound(times, this.#range.minMs);
    let to = from;
    while (to < times.length && times[to] <= this.#range.maxMs) to++;
    const count = columns.length + to - from;
    if (count === 0) return undefined;
    const timestamps = new Float64Array(count);
    const words = new Uint32Array(2 * count);
    const histograms: (FloatHistogram | undefined)[] = new Array(count).fill(undefined);
    for (let i = 0, j = from, k = 0; k < count; k++) {
      if (j === to || (i < columns.length && columns.timestamps[i] < times[j])) {
        timestamps[k] = columns.timestamps[i];
        words[2 * k] = columns.words[2 * i];
        words[2 * k + 1] = columns.words[2 * i + 1];
        i++;
      } else {
        timestamps[k] = times[j];
        histograms[k] = all[j++];
      }
    }
    return { labels, timestamps, values: new Float64Array(words.buffer), histograms };
  }
}
