/** `and`, `or`, `unless`. */
import type { EvaluationContext } from "../evaluation-context.ts";
import type { BinaryExpression } from "../parser/ast.ts";
import { duplicateLabelSet } from "../query-error.ts";
import { StepSeries } from "../step-series.ts";
import { matchGroups } from "./matching.ts";
import { combineOutputs } from "./output.ts";

export async function setOperation(
  node: BinaryExpression,
  left: StepSeries[],
  right: StepSeries[],
  context: EvaluationContext,
): Promise<StepSeries[]> {
  const { grid, run } = context;
  const groups = await matchGroups(node.matching!, left, right, run);
  const leftMasks: (Uint8Array | undefined)[] = new Array(left.length);
  const rightMasks: (Uint8Array | undefined)[] = new Array(right.length);
  for (const group of groups) {
    switch (node.operator) {
      case "and": {
        const mask = union(
          group.right.map((i) => right[i].present),
          grid.count,
        );
        for (const i of group.left) leftMasks[i] = both(left[i].present, mask);
        break;
      }
      case "unless": {
        const mask = union(
          group.right.map((i) => right[i].present),
          grid.count,
        );
        for (const i of group.left) leftMasks[i] = except(left[i].present, mask);
        break;
      }
      case "or": {
        const mask = union(
          group.left.map((i) => left[i].present),
          grid.count,
        );
        for (const i of group.left) leftMasks[i] = left[i].present;
        for (const i of group.right) rightMasks[i] = except(right[i].present, mask);
        break;
      }
    }
    if (run.isDue) await run.pause();
  }
  const outputs = [...masked(left, leftMasks, grid.all), ...masked(right, rightMasks, grid.all)];
  return combineOutputs(outputs, context, duplicateLabelSet);
}

/** Each series where its mask is set. */
function* masked(
  series: StepSeries[],
  masks: (Uint8Array | undefined)[],
  all: Uint8Array,
): Iterable<StepSeries> {
  for (let i = 0; i < series.length; i++) {
    const mask = masks[i];
    if (mask === undefined || !mask.includes(1)) continue;
    const one = series[i];
    const present = mask === one.present ? mask : mask.includes(0) ? mask : all;
    if (present === one.present) {
      yield one;
      continue;
    }
    const histograms = one.histograms?.map((histogram, step) =>
      present[step] === 1 ? histogram : undefined,
    );
    yield new StepSeries(
      one.labels,
      { values: one.values, present, histograms },
      { dropsName: one.dropsName },
    );
  }
}

function union(masks: Uint8Array[], length: number): Uint8Array {
  if (masks.length === 1) return masks[0];
  const out = new Uint8Array(length);
  for (const mask of masks) for (let i = 0; i < length; i++) out[i] |= mask[i];
  return out;
}

function both(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((bit, i) => bit & b[i]);
}

function except(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((bit, i) => bit & (1 - b[i]));
}
