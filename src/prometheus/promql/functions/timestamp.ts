/** `timestamp`: when a sample was taken. */

import type { EvaluationContext } from "../evaluation-context.ts";
import { LookbackPlanner, lookBack, lookbackTimes } from "../lookback.ts";
import type { VectorSelector } from "../parser/ast.ts";
import type { StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";

/** Of a selector the time of the sample itself, of any other expression that of the evaluation. */
export async function timestamp({ context, call }: VectorCall): Promise<StepSeries[]> {
  const [argument] = call.arguments;
  if (argument.kind === "vector-selector") return timesOfSamples(argument, context);
  const { grid, run } = context;
  const input = await context.operands.evaluate(argument, context);
  const values = grid.timestamps.map((timeMs) => timeMs / 1000);
  return input.map((series) => series.derived({ values, present: series.present }, run.delayedNameRemoval));
}

async function timesOfSamples(selector: VectorSelector, context: EvaluationContext): Promise<StepSeries[]> {
  const { run, grid, selection } = context;
  const { at } = selector;
  // Upstream looks at the very time of an `@`, whatever the offset, among samples that it selected by both.
  const times = lookbackTimes(selector, context);
  const planner = new LookbackPlanner(typeof at === "number" ? { ...times, timeAt: () => at } : times);
  const out: StepSeries[] = [];
  for (const series of selection.get(selector)!) {
    const plan = planner.planFor(series.timestamps);
    const seen = lookBack(series, plan, grid);
    if (seen !== undefined) {
      const values = new Float64Array(grid.count);
      for (let step = 0; step < values.length; step++) {
        if (seen.present[step] === 1) values[step] = series.timestamps[plan.indexes[step]] / 1000;
      }
      out.push(seen.derived({ values, present: seen.present }, run.delayedNameRemoval));
      run.counts.addSeries({ present: seen.present });
    }
    if (run.isDue) await run.pause();
  }
  return out;
}
