/** The `quantile` aggregation: needs all samples of a step at once. */
import type { Grid } from "../grid.ts";
import { quantileOf } from "../quantile.ts";
import type { StepSeries } from "../step-series.ts";
import type { FloatGroup } from "./float-aggregation.ts";

export function quantileGroup(grid: Grid, quantiles: Float64Array): FloatGroup {
  const members: StepSeries[] = [];
  return {
    add: (series) => members.push(series),
    finish() {
      const values = new Float64Array(grid.count);
      const present = new Uint8Array(grid.count);
      const samples = new Float64Array(members.length);
      let found = 0;
      for (let step = 0; step < grid.count; step++) {
        let count = 0;
        for (const series of members) {
          if (series.present[step] === 0 || series.histograms?.[step] !== undefined) continue;
          samples[count++] = series.values[step];
        }
        if (count === 0) continue;
        values[step] = quantileOf(quantiles[step], samples.subarray(0, count));
        present[step] = 1;
        found++;
      }
      if (found === 0) return undefined;
      return { values, present: found === grid.count ? grid.all : present };
    },
  };
}
