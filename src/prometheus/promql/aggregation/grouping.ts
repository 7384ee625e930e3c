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
  const keyOf = groupKey(grouping);
  const labelsOf = groupLabels(grouping);
  const indexes = new Map<string, number>();
  const labels: Labels[] = [];
  const indexOf = new Int32Array(series.length);
  for (let i = 0; i < series.length; i++) {
    const key = keyOf(series[i].labels);
    let index = indexes.get(key);
    if (index === undefined) {
      index = labels.length;
      indexes.set(key, index);
      labels.push(labelsOf(series[i].labels));
    }
    indexOf[i] = index;
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  return { labels, indexOf };
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
