/** Which series of the two sides of an operator belong together. */
import { type Labels, METRIC_NAME } from "../../../model/labels.ts";
import type { VectorMatching } from "../parser/ast.ts";
import { PAUSE_INTERVAL, type QueryRun } from "../query-run.ts";
import type { StepSeries } from "../step-series.ts";

/** The series of both sides that agree in the labels that are matched on. */
export interface MatchGroup {
  /** Indexes of series. */
  left: number[];
  right: number[];
}

/** Sorts both sides into groups, in the order in which they first appear, left side first. */
export async function matchGroups(
  matching: VectorMatching,
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  run: QueryRun,
): Promise<MatchGroup[]> {
  const keyOf = matchingKey(matching);
  const groups = new Map<string, MatchGroup>();
  const groupOf = (series: StepSeries): MatchGroup => {
    const key = keyOf(series.labels);
    let group = groups.get(key);
    if (group === undefined) {
      group = { left: [], right: [] };
      groups.set(key, group);
    }
    return group;
  };
  for (let i = 0; i < left.length; i++) {
    groupOf(left[i]).left.push(i);
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  for (let i = 0; i < right.length; i++) {
    groupOf(right[i]).right.push(i);
    if (i % PAUSE_INTERVAL === 0 && run.isDue) await run.pause();
  }
  return [...groups.values()];
}

/** Equal for label sets that match. */
function matchingKey({ isOn, labels }: VectorMatching): (labels: Labels) => string {
  if (isOn) {
    if (labels.length === 0) return () => "";
    if (labels.length === 1) return (set) => set.get(labels[0]);
    return (set) => labels.map((name) => set.get(name)).join("\xff");
  }
  const ignored = new Set([...labels, METRIC_NAME]);
  return (set) => {
    let key = "";
    for (let i = 0; i < set.flat.length; i += 2) {
      if (!ignored.has(set.flat[i])) key += `${set.flat[i]}\xff${set.flat[i + 1]}\xff`;
    }
    return key;
  };
}

/** The labels that are matched on. */
export function matchedLabels({ isOn, labels }: VectorMatching, set: Labels): Labels {
  return isOn ? set.keep(new Set(labels)) : set.without(new Set([...labels, METRIC_NAME]));
}
