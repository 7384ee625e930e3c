/** Between scalars and vectors: `scalar`, `vector`, `time`, `pi`, `min_of`, `max_of`, `clamp`. */

import { maximum, minimum } from "../../../base/go-math/extremes.ts";
import { Labels } from "../../../model/labels.ts";
import { ColumnBuilder, StepSeries, scalarSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";

/** The one float of each step; NaN where there is none or more than one. */
export function scalar({ grid, vectors }: VectorCall): StepSeries[] {
  const values = new Float64Array(grid.count).fill(Number.NaN);
  const counts = new Uint32Array(grid.count);
  for (const series of vectors[0]) {
    for (let step = 0; step < grid.count; step++) {
      if (series.present[step] === 0 || series.histograms?.[step] !== undefined) continue;
      values[step] = ++counts[step] === 1 ? series.values[step] : Number.NaN;
    }
  }
  return [scalarSeries(grid, values)];
}

export function vector({ grid, scalars }: VectorCall): StepSeries[] {
  return [new StepSeries(Labels.empty, { values: scalars[0], present: grid.all })];
}

export function time({ grid }: VectorCall): StepSeries[] {
  return [
    scalarSeries(
      grid,
      grid.timestamps.map((timeMs) => timeMs / 1000),
    ),
  ];
}

export function pi({ grid }: VectorCall): StepSeries[] {
  return [scalarSeries(grid, new Float64Array(grid.count).fill(Math.PI))];
}

export function twoScalars(
  choose: (left: number, right: number) => number,
): (call: VectorCall) => StepSeries[] {
  return ({ grid, scalars: [left, right] }) => [
    scalarSeries(
      grid,
      left.map((value, step) => choose(value, right[step])),
    ),
  ];
}

/** Where the limits are the wrong way round nothing is left. */
export function clamp({ grid, run, vectors, scalars: [, lowest, highest] }: VectorCall): StepSeries[] {
  return vectors[0].flatMap((series) => {
    const columns = new ColumnBuilder(grid);
    for (let step = 0; step < grid.count; step++) {
      if (series.present[step] === 0 || series.histograms?.[step] !== undefined) continue;
      if (highest[step] < lowest[step]) continue;
      columns.setFloat(step, maximum(lowest[step], minimum(highest[step], series.values[step])));
    }
    return columns.isEmpty ? [] : [series.derived(columns.finish(), run.delayedNameRemoval)];
  });
}
