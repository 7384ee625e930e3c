/** The shapes that PromQL's functions are written in; `table.ts` says which function has which. */
import type { Annotations } from "../annotations.ts";
import type { EvaluationContext } from "../evaluation-context.ts";
import type { Call } from "../parser/ast.ts";
import type { Columns, RangeCall, RangeFunction, RangeInput } from "../range-function.ts";
import type { StepSeries } from "../step-series.ts";

/** What a function of vectors and scalars works on. */
export interface VectorCall extends EvaluationContext {
  context: EvaluationContext;
  call: Call;
  annotations: Annotations;
  /** By argument; only those that are vectors. */
  vectors: StepSeries[][];
  /** By argument; only those that are scalars, a value per step. */
  scalars: Float64Array[];
}

/** Maps each float on its own; histograms and the metric's name go. */
export interface FloatsImplementation {
  kind: "floats";
  /** From the values of the arguments after the first. Undefined: nothing is left. */
  map(scalars: readonly Float64Array[]): ((value: number, step: number) => number) | undefined;
}

/** Takes a range vector, one series after the other. */
export interface RangeImplementation {
  kind: "range";
  compute: RangeFunction;
  /** Answers one of the samples as it was. */
  keepsName?: boolean;
  /** For remarks that depend on the whole series. */
  afterSeries?(input: RangeInput, columns: Columns, call: RangeCall): void;
  /** Makes the result from what `compute` answered for all series. */
  finish?(series: StepSeries[], call: RangeCall): StepSeries[];
}

/** Anything else. */
export interface VectorImplementation {
  kind: "vector";
  /** The function evaluates its vector arguments on its own. */
  evaluatesItself?: boolean;
  evaluate(call: VectorCall): StepSeries[] | Promise<StepSeries[]>;
}

export type FunctionImplementation = FloatsImplementation | RangeImplementation | VectorImplementation;
