/** `start_timestamp`: since when a sample counts. Needs the feature flag `promql-use-start-timestamps`. */
import { LookbackPlanner, lookBack, lookbackTimes } from "../lookback.ts";
import type { StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";

/** Of a selector the start time of the sample itself, 0 where unknown; of any other expression nothing. */
export async function startTimestamp({ context, call }: VectorCall): Promise<StepSeries[]> {
  const [argument] = call.arguments;
  const { run, grid, selection } = context;
  const selector = argument.kind === "step-invariant" ? argument.expression : argument;
  if (selector.kind !== "vector-selector" || !run.startTimestamps) {
    // For what is wrong with it.
    await context.operands.evaluate(argument, context);
    return [];
  }
  const planner = new LookbackPlanner(lookbackTimes(selector, context));
  const out: StepSeries[] = [];
  for (const series of selection.get(selector)!) {
    const plan = planner.planFor(series.timestamps);
    const seen = lookBack(series, plan, grid);
    if (seen !== undefined) {
      const values = new Float64Array(grid.count);
      for (let step = 0; step < values.length; step++) {
        if (seen.present[step] === 1)
          values[step] = (series.startTimestamps?.[plan.indexes[step]] ?? 0) / 1000;
      }
      out.push(seen.derived({ values, present: seen.present }, run.delayedNameRemoval));
      run.counts.addSeries({ present: seen.present });
    }
    if (run.isDue) await run.pause();
  }
  return out;
}
