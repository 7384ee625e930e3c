/** The calendar functions, of a vector of times or, without argument, of the evaluation time. */
import { Labels } from "../../../model/labels.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import { type CalendarField, calendarField } from "./calendar.ts";
import type { VectorCall } from "./function-implementation.ts";

export function calendarFunction(field: CalendarField): (call: VectorCall) => StepSeries[] {
  return ({ grid, run, vectors }) => {
    const [vector] = vectors;
    if (vector === undefined) {
      const values = grid.timestamps.map((timeMs) => calendarField(field, timeMs / 1000));
      return [new StepSeries(Labels.empty, { values, present: grid.all })];
    }
    return vector.flatMap((series) => {
      const columns = new ColumnBuilder(grid);
      for (let step = 0; step < grid.count; step++) {
        if (series.present[step] === 0 || series.histograms?.[step] !== undefined) continue;
        columns.setFloat(step, calendarField(field, series.values[step]));
      }
      return columns.isEmpty ? [] : [series.derived(columns.finish(), run.delayedNameRemoval)];
    });
  };
}
