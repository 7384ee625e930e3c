/** `sum` and `avg` of groups with native histograms in them. */
import type { FloatHistogram } from "../../../model/histogram.ts";
import { divideHistogram, IncompatibleSchemasError } from "../../../model/histogram-arithmetic.ts";
import { HistogramSum } from "../../../model/histogram-sum.ts";
import {
  type Annotations,
  informReconciledBounds,
  MIXED_BUCKET_SCHEMAS,
  MIXED_FLOATS_HISTOGRAMS,
  warnCounterResetCollision,
} from "../annotations.ts";
import type { Grid } from "../grid.ts";
import type { Position } from "../parser/ast.ts";
import { quoteString } from "../parser/lexer.ts";
import { ColumnBuilder, type StepSeries } from "../step-series.ts";
import { createFloatGroup } from "./float-aggregation.ts";

/** Collects the sum or mean of histograms, as samples come. */
export class HistogramAggregate {
  readonly #isMean: boolean;
  #sum: HistogramSum;
  #count = 1;
  /** The sum would overflow: `#sum` is the running mean. */
  #isRunning = false;
  #hasReset = false;
  #hasNoReset = false;
  /** Bounds of custom buckets differed. */
  areBoundsReconciled = false;

  constructor(first: FloatHistogram, operator: "sum" | "avg") {
    this.#isMean = operator === "avg";
    this.#sum = new HistogramSum(first);
    this.#noteHint(first);
  }

  /** @throws IncompatibleSchemasError */
  add(histogram: FloatHistogram): void {
    this.#count++;
    this.#noteHint(histogram);
    if (!this.#isMean) {
      if (this.#sum.add(histogram)) this.areBoundsReconciled = true;
      return;
    }
    if (!this.#isRunning) {
      const next = this.#sum.copy();
      if (next.add(histogram)) this.areBoundsReconciled = true;
      if (!next.hasOverflow) {
        this.#sum = next;
        return;
      }
      this.#isRunning = true;
      this.#sum.divide(this.#count - 1);
    }
    this.#sum.multiply((this.#count - 1) / this.#count);
    if (this.#sum.add(divideHistogram(histogram, this.#count))) this.areBoundsReconciled = true;
  }

  /** Some histograms say that the counter was reset, others that it wasn't. */
  get isResetContradictory(): boolean {
    return this.#hasReset && this.#hasNoReset;
  }

  finish(): FloatHistogram {
    return this.#sum.dividedBy(this.#isMean && !this.#isRunning ? this.#count : 1);
  }

  #noteHint({ counterResetHint }: FloatHistogram): void {
    if (counterResetHint === "reset") this.#hasReset = true;
    else if (counterResetHint === "not_reset") this.#hasNoReset = true;
  }
}

/** A group's result where some of its series have histograms. Floats and histograms of one step have none. */
export function aggregateMixed(
  operator: "sum" | "avg",
  members: readonly StepSeries[],
  grid: Grid,
  position: Position,
  annotations: Annotations,
): ReturnType<ColumnBuilder["finish"]> | undefined {
  const floats = createFloatGroup(operator, grid);
  for (const series of members) floats.add(series);
  const floatColumns = floats.finish();
  const columns = new ColumnBuilder(grid);
  for (let step = 0; step < grid.count; step++) {
    const hasFloat = floatColumns !== undefined && floatColumns.present[step] === 1;
    const hasHistogram = members.some(({ histograms }) => histograms?.[step] !== undefined);
    if (hasFloat && hasHistogram) annotations.warn(`${MIXED_FLOATS_HISTOGRAMS} aggregation`, position);
    else if (hasFloat) columns.setFloat(step, floatColumns.values[step]);
    else if (hasHistogram) {
      const result = aggregateStep(operator, members, step, position, annotations);
      if (result !== undefined) columns.setHistogram(step, result);
    }
  }
  return columns.isEmpty ? undefined : columns.finish();
}

function aggregateStep(
  operator: "sum" | "avg",
  members: readonly StepSeries[],
  step: number,
  position: Position,
  annotations: Annotations,
): FloatHistogram | undefined {
  let aggregate: HistogramAggregate | undefined;
  for (const { labels, histograms } of members) {
    const histogram = histograms?.[step];
    if (histogram === undefined) continue;
    if (aggregate === undefined) {
      aggregate = new HistogramAggregate(histogram, operator);
      continue;
    }
    try {
      aggregate.add(histogram);
    } catch (error) {
      if (!(error instanceof IncompatibleSchemasError)) throw error;
      annotations.warn(`${MIXED_BUCKET_SCHEMAS} ${quoteString(labels.get("__name__"))}`, position);
      return undefined;
    }
  }
  if (aggregate!.areBoundsReconciled) informReconciledBounds(annotations, "aggregation", position);
  if (aggregate!.isResetContradictory) warnCounterResetCollision(annotations, "aggregation", position);
  return aggregate!.finish();
}
