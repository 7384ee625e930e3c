/** Aggregations that pass some of their input on, labels and all: `topk`, `bottomk`, `limitk`, `limit_ratio`. */

import { formatG } from "../../../model/number-format.ts";
import { informHistogramIgnored } from "../annotations.ts";
import type { EvaluationContext } from "../evaluation-context.ts";
import { goSort } from "../go-sort.ts";
import { hashLabels } from "../label-hash.ts";
import type { Aggregation } from "../parser/ast.ts";
import { executionError } from "../query-error.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import { groupSeries } from "./grouping.ts";
import { ValueHeap } from "./value-heap.ts";

/** Which of a group's series, by index, are chosen at one step; best first where that means anything. */
type Choice = (members: readonly number[], step: number) => readonly number[];

export async function selectSeries(
  node: Aggregation,
  input: StepSeries[],
  parameter: Float64Array,
  context: EvaluationContext,
): Promise<StepSeries[]> {
  if (isNothingAskedFor(node, parameter)) return [];
  checkParameter(node, parameter, context);
  const { grid, run } = context;
  const { labels, indexOf } = await groupSeries(
    input,
    { labels: node.grouping, isWithout: node.isWithout },
    run,
  );
  const members: number[][] = labels.map(() => []);
  input.forEach((_, i) => {
    members[indexOf[i]].push(i);
  });
  const choose = choiceOf(node, input, parameter, context);
  const columns = new Map<number, ColumnBuilder>();
  const order: number[] = [];
  for (let step = 0; step < grid.count; step++) {
    for (const group of members) {
      const here = group.filter((i) => input[i].present[step] === 1);
      for (const chosen of choose(here, step)) {
        let column = columns.get(chosen);
        if (column === undefined) {
          column = new ColumnBuilder(grid);
          columns.set(chosen, column);
          order.push(chosen);
        }
        column.set(step, input[chosen].values[step], input[chosen].histograms?.[step]);
      }
      if (run.isDue) await run.pause();
    }
  }
  return order.map(
    (i) => new StepSeries(input[i].labels, columns.get(i)!.finish(), { dropsName: input[i].dropsName }),
  );
}

function isNothingAskedFor({ operator }: Aggregation, parameter: Float64Array): boolean {
  if (operator === "limit_ratio") return parameter.every((ratio) => ratio === 0);
  return parameter.every((count) => count < 1);
}

function checkParameter(node: Aggregation, parameter: Float64Array, { run }: EvaluationContext): void {
  const isRatio = node.operator === "limit_ratio";
  const position = node.parameter!.position;
  for (const value of new Set(parameter)) {
    if (Number.isNaN(value)) {
      throw executionError(isRatio ? "Ratio value is NaN" : "Parameter value is NaN");
    }
    if (isRatio && Math.abs(value) > 1) {
      const limit = value > 0 ? 1 : -1;
      const got = `got ${formatG(value)}, capping to ${limit}`;
      run.annotations.warn(`ratio value should be between -1 and 1, ${got}`, position);
    }
    if (!isRatio && value <= -(2 ** 63)) {
      throw executionError(`Scalar value ${formatG(value)} underflows int64`);
    }
    if (!isRatio && value >= 2 ** 63) throw executionError(`Scalar value ${formatG(value)} overflows int64`);
  }
}

function choiceOf(
  node: Aggregation,
  input: StepSeries[],
  parameter: Float64Array,
  { run }: EvaluationContext,
): Choice {
  const { operator } = node;
  if (operator === "limitk") {
    return (members, step) => members.slice(0, Math.max(0, Math.trunc(parameter[step])));
  }
  if (operator === "limit_ratio") {
    const places = new Float64Array(input.length).fill(Number.NaN);
    const placeOf = (i: number) =>
      Number.isNaN(places[i]) ? (places[i] = hashLabels(input[i].labels)) : places[i];
    return (members, step) => {
      const ratio = Math.max(-1, Math.min(1, parameter[step]));
      return members.filter((i) => (ratio >= 0 ? placeOf(i) < ratio : placeOf(i) >= 1 + ratio));
    };
  }
  const sign = operator === "topk" ? 1 : -1;
  return (members, step) => {
    const count = Math.min(Math.trunc(parameter[step]), input.length);
    if (count < 1) return [];
    const floats = members.filter((i) => input[i].histograms?.[step] === undefined);
    if (floats.length < members.length) informHistogramIgnored(run.annotations, operator, node.position);
    return best(floats, count, (i) => sign * input[i].values[step]);
  };
}

/** The `count` members of highest rank, best first; NaN ranks lowest. */
function best(members: readonly number[], count: number, rankOf: (member: number) => number): number[] {
  const heap = new ValueHeap<{ member: number; rank: number }>(isLower);
  for (const member of members) {
    const rank = rankOf(member);
    if (heap.items.length < count) heap.push({ member, rank });
    else if (heap.top.rank < rank || (Number.isNaN(heap.top.rank) && !Number.isNaN(rank))) {
      heap.replaceTop({ member, rank });
    }
  }
  return goSort(heap.items, (a, b) => isLower(b, a)).map(({ member }) => member);
}

/** Of two NaNs either is lower than the other, as upstream has it, and ties come out by that. */
function isLower(a: { rank: number }, b: { rank: number }): boolean {
  return Number.isNaN(a.rank) || a.rank < b.rank;
}
