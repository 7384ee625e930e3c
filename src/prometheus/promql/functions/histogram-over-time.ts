/** `sum_over_time` and `avg_over_time` of ranges that may hold native histograms. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { IncompatibleSchemasError } from "../../../model/histogram-arithmetic.ts";
import { HistogramAggregate } from "../aggregation/histogram-aggregation.ts";
import {
  informReconciledBounds,
  MIXED_BUCKET_SCHEMAS,
  MIXED_FLOATS_HISTOGRAMS,
  warnCounterResetCollision,
} from "../annotations.ts";
import { quoteString } from "../parser/lexer.ts";
import type { RangeCall, RangeFunction, RangeInput } from "../range-function.ts";
import { reduceFloats } from "./over-time.ts";
import { perWindow, type Window } from "./series-over-time.ts";

/** Of floats by `reduce`; of histograms their sum or mean; of both nothing. */
export function totalOverTime(
  operator: "sum" | "avg",
  reduce: (values: Float64Array, from: number, to: number) => number,
): RangeFunction {
  const general = perWindow((input, window, call) => {
    const { from, to, histogramFrom, histogramTo } = window;
    if (histogramTo === histogramFrom) return reduce(input.floats.values, from, to);
    if (to === from) return totalOfHistograms(operator, input, window, call);
    const name = quoteString(input.labels.get("__name__"));
    call.annotations.warn(`${MIXED_FLOATS_HISTOGRAMS} metric name ${name}`, call.positionOf(0));
    return undefined;
  });
  return (input, call) => (input.hasHistograms ? general(input, call) : reduceFloats(input, call, reduce));
}

function totalOfHistograms(
  operator: "sum" | "avg",
  { labels, histograms }: RangeInput,
  { histogramFrom, histogramTo }: Window,
  call: RangeCall,
): FloatHistogram | undefined {
  const position = call.positionOf(0);
  const aggregate = new HistogramAggregate(histograms.values[histogramFrom], operator);
  try {
    for (let i = histogramFrom + 1; i < histogramTo; i++) aggregate.add(histograms.values[i]);
  } catch (error) {
    if (!(error instanceof IncompatibleSchemasError)) throw error;
    const name = quoteString(labels.get("__name__"));
    call.annotations.warn(`${MIXED_BUCKET_SCHEMAS} ${name}`, position);
    return undefined;
  }
  if (aggregate.isResetContradictory) warnCounterResetCollision(call.annotations, "aggregation", position);
  if (aggregate.areBoundsReconciled) informReconciledBounds(call.annotations, "aggregation", position);
  return aggregate.finish();
}
