/** Which series an aggregation puts together. */
import { compareStrings, Labels, METADATA_LABELS } from "../../../model/labels.ts";
import { PAUSE_INTERVAL, type QueryRun } from "../query-run.ts";
import type { StepSeries } from "../step-series.ts";

export interface Grouping {
  /** The labels named in `by (…)` or `without (…)`. */
  labels: readonly string[];
  isWithout: boolean;
}

export interface Groups {
  /** The labels of each group's result. */
  labels: Labels[];
  /** For each series the index of its group. */
  indexOf: Int32Array;
}

/** Sorts series into groups, numbered in order of appearance. */
export async function groupSeries(
  series: readonly StepSeries[],
  grouping: Grouping,
  run: QueryRun,
): Promise<Groups> {
  const grouper = new Grouper(grouping);
  const indexOf = new Int32Array(series.length);
  for (let i = 0; i < series.length; i++) {
    indexOf[i] = grouper.indexOf(series[i]);
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  return { labels: grouper.labels, indexOf };
}

/** Sorts series into groups as they come. */
export class Grouper {
  /** The labels of each group's result. */
  readonly labels: Labels[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #keyOf: (labels: Labels) => string;
  readonly #labelsOf: (labels: Labels) => Labels;
  readonly #isAll: boolean;
  /** Whether a label counts that may be yet to go from a series. */
  readonly #needsNames: boolean;

  constructor(grouping: Grouping) {
    this.#keyOf = groupKey(grouping);
    this.#labelsOf = groupLabels(grouping);
    this.#isAll = !grouping.isWithout && grouping.labels.length === 0;
    this.#needsNames = grouping.isWithout || grouping.labels.some((label) => METADATA_LABELS.has(label));
  }

  indexOf(series: StepSeries): number {
    if (this.#isAll) {
      if (this.labels.length === 0) this.labels.push(Labels.empty);
      return 0;
    }
    const labels = this.#needsNames ? series.labels : series.sourceLabels;
    const key = this.#keyOf(labels);
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.labels.length;
      this.#indexes.set(key, index);
      this.labels.push(this.#labelsOf(labels));
    }
    return index;
  }
}

/** What is equal for the label sets of one group and differs between groups. */
export function groupKey({ labels, isWithout }: Grouping): (labels: Labels) => string {
  if (isWithout) {
    const dropped = new Set([...labels, ...METADATA_LABELS]);
    return (set) => {
      let key = "";
      for (let i = 0; i < set.flat.length; i += 2) {
        if (!dropped.has(set.flat[i])) key += `${set.flat[i]}\xff${set.flat[i + 1]}\xff`;
      }
      return key;
    };
  }
  if (labels.length === 0) return () => "";
  if (labels.length === 1) return (set) => set.get(labels[0]);
  return (set) => labels.map((label) => set.get(label)).join("\xff");
}

export function groupLabels({ labels, isWithout }: Grouping): (labels: Labels) => Labels {
  if (isWithout) {
    const dropped = new Set([...labels, ...METADATA_LABELS]);
    return (set) => set.without(dropped);
  }
  const kept = [...new Set(labels)].sort(compareStrings);
  return (set) => {
    const flat: string[] = [];
    for (const name of kept) {
      const value = set.get(name);
      if (value !== "") flat.push(name, value);
    }
    return flat.length === 0 ? Labels.empty : Labels.fromSorted(flat);
  };
}
