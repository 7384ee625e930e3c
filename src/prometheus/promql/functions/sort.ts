/** Orders of an instant query's result. Range queries are always ordered by labels. */
import { compareLabels } from "../../../model/labels.ts";
import { goSort } from "../go-sort.ts";
import type { StringLiteral } from "../parser/ast.ts";
import type { StepSeries } from "../step-series.ts";
import type { VectorCall } from "./function-implementation.ts";
import { compareNaturally } from "./natural-order.ts";

type Direction = "ascending" | "descending";

/** NaN comes last either way; histograms go. */
export function sortByValue(direction: Direction): (call: VectorCall) => StepSeries[] {
  const sign = direction === "ascending" ? 1 : -1;
  return (call) => {
    const floats = call.vectors[0].filter((series) => !series.histograms?.some((one) => one !== undefined));
    warnInRange(call);
    if (!call.grid.isInstant) return floats;
    // Upstream sorts the other way round and reverses that, so of NaNs the last comes first.
    return goSort(floats, (a, b) => Number.isNaN(b.values[0]) || sign * b.values[0] > sign * a.values[0]);
  };
}

export function sortByLabel(direction: Direction): (call: VectorCall) => StepSeries[] {
  const sign = direction === "ascending" ? 1 : -1;
  return (call) => {
    warnInRange(call);
    const names = call.call.arguments.slice(1).map((argument) => (argument as StringLiteral).value);
    return [...call.vectors[0]].sort((a, b) => {
      for (const name of names) {
        const order = compareNaturally(a.labels.get(name), b.labels.get(name));
        if (order !== 0) return sign * order;
      }
      return sign * compareLabels(a.labels, b.labels);
    });
  };
}

function warnInRange({ grid, call, annotations }: VectorCall): void {
  if (grid.isInstant) return;
  annotations.warn(
    "sort is ineffective for range queries since results are always ordered by labels",
    call.position,
  );
}
