/** `count_values`: the number of series for each value, the value in a label. */
import { formatHistogram } from "../../../model/histogram-format.ts";
import { compareStrings, type Labels } from "../../../model/labels.ts";
import { formatFloat } from "../../../model/number-format.ts";
import type { EvaluationContext } from "../evaluation-context.ts";
import type { Aggregation } from "../parser/ast.ts";
import { ColumnBuilder, StepSeries } from "../step-series.ts";
import { groupLabels } from "./grouping.ts";

export async function countValues(
  node: Aggregation,
  label: string,
  input: StepSeries[],
  { grid, run }: EvaluationContext,
): Promise<StepSeries[]> {
  const grouping = node.isWithout
    ? { labels: node.grouping, isWithout: true }
    : { labels: [...node.grouping, label], isWithout: false };
  const labelsOf = groupLabels(grouping);
  const counts = new Map<string, { labels: Labels; columns: ColumnBuilder }>();
  for (const series of input) {
    const keys = new Map<string, { labels: Labels; columns: ColumnBuilder }>();
    for (let step = 0; step < grid.count; step++) {
      if (series.present[step] === 0) continue;
      const value = valueText(series, step);
      let count = keys.get(value);
      if (count === undefined) {
        const labels = labelsOf(series.labels.with(label, value));
        count = counts.get(labels.key) ?? { labels, columns: new ColumnBuilder(grid) };
        counts.set(labels.key, count);
        keys.set(value, count);
      }
      count.columns.setFloat(step, count.columns.values[step] + 1);
    }
    if (run.isDue) await run.pause();
  }
  return Array.from(counts.values(), ({ labels, columns }) => new StepSeries(labels, columns.finish())).sort(
    (a, b) => compareStrings(a.labels.key, b.labels.key),
  );
}

function valueText({ values, histograms }: StepSeries, step: number): string {
  const histogram = histograms?.[step];
  return histogram === undefined ? formatFloat(values[step]) : formatHistogram(histogram);
}
