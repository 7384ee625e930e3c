/** Runs queries: parses, prepares, selects, evaluates and puts the answer into its form. */
import type { Clock } from "../../base/clock.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { compareLabels, type Labels, METADATA_LABELS } from "../../model/labels.ts";
import type { Queryable, SeriesSamples } from "../storage.ts";
import { Annotations } from "./annotations.ts";
import { evaluateSubquery, toSamples } from "./call.ts";
import type { EvaluationContext } from "./evaluation-context.ts";
import { EXPRESSIONS } from "./evaluator.ts";
import { Grid } from "./grid.ts";
import { newestVector } from "./newest-vector.ts";
import type { Expression } from "./parser/ast.ts";
import { parseExpression } from "./parser/expression-parser.ts";
import { ParseError } from "./parser/parse-error.ts";
import type { ParserOptions } from "./parser/parser-options.ts";
import { documentedType, typeOf } from "./parser/type-check.ts";
import { preprocess } from "./preprocess.ts";
import { duplicateLabelSet, QueryError } from "./query-error.ts";
import { QueryRun, type QueryStage } from "./query-run.ts";
import type { QueryTimes } from "./query-times.ts";
import { selectMatrix } from "./select-matrix.ts";
import { type Selection, selectAll } from "./selection.ts";
import { hasDuplicates, mergeDuplicates, type StepSeries } from "./step-series.ts";

/** How far back an instant selector looks for a sample. */
export const DEFAULT_LOOKBACK_MS = 5 * 60 * 1000;
export const DEFAULT_MAX_SAMPLES = 50_000_000;
export const DEFAULT_TIMEOUT_MS = 2 * 60 * 1000;
/** The step of a subquery without one: upstream's default evaluation interval. */
const DEFAULT_SUBQUERY_STEP_MS = 60 * 1000;

export interface EngineOptions {
  queryable: Queryable;
  clock: Pick<Clock, "monotonic" | "sleep">;
  /** Resolves in a later turn of the event loop. @default a sleep of no time */
  nextTurn?: () => Promise<void>;
  /** @default DEFAULT_LOOKBACK_MS */
  lookbackMs?: number;
  /** @default DEFAULT_MAX_SAMPLES */
  maxSamples?: number;
  /** @default DEFAULT_TIMEOUT_MS */
  timeoutMs?: number;
  /** The step of a subquery that has none. @default a minute for any range */
  subqueryStepMs?: (rangeMs: number) => number;
  /** Which parts of the language are on. */
  parser?: ParserOptions;
  /** `promql-delayed-name-removal`. @default false */
  delayedNameRemoval?: boolean;
  /** `type-and-unit-labels`. @default false */
  typeAndUnitLabels?: boolean;
  /** `promql-use-start-timestamps`. @default false */
  startTimestamps?: boolean;
  /** `promql-per-step-stats`. @default false */
  stepStatistics?: boolean;
  /** How many warnings, and how many infos, an answer carries at most; 0 for no limit. @default 10 */
  remarkLimit?: number;
}

/** What one query may have otherwise than the engine. */
export interface QueryOptions {
  lookbackMs?: number;
  maxSamples?: number;
  timeoutMs?: number;
  /** Aborts when nobody wants the answer any more. */
  signal?: AbortSignal;
  /** Counts samples step by step too, where the engine does. @default false */
  countsSteps?: boolean;
}

export interface VectorSample {
  labels: Labels;
  timestampMs: number;
  /** NaN for a histogram. */
  value: number;
  histogram: FloatHistogram | undefined;
}

export interface ScalarValue {
  kind: "scalar";
  timestampMs: number;
  value: number;
}

export interface StringValue {
  kind: "string";
  timestampMs: number;
  value: string;
}

export interface VectorValue {
  kind: "vector";
  /** In the order of `sort()` and `topk()` where those were used, else in no particular one. */
  samples: VectorSample[];
  /** As for a matrix. */
  hasStoredLabels?: boolean;
}

export interface MatrixValue {
  kind: "matrix";
  /** Ordered by labels. */
  series: SeriesSamples[];
  /** The labels are the store's own, with which it will answer again: worth to keep something by. @default false */
  hasStoredLabels?: boolean;
}

/** How many samples a query took. */
export interface SampleCounts {
  /** Those that selectors and ranges have found, step by step. */
  queried: number;
  /** Different ones among them. */
  read: number;
  /** The most in memory at once. */
  peak: number;
  /** Step by step, where that was asked for. */
  steps?: { timesMs: Float64Array; queried: Float64Array; read: Float64Array };
}

interface Remarks {
  warnings: string[];
  infos: string[];
  counts: SampleCounts;
  /** How long its parts took. */
  seconds: Record<QueryStage, number>;
}

/** What those use who run queries. */
export type QueryEngine = Pick<Engine, "instant" | "range">;

export type InstantResult = (ScalarValue | StringValue | VectorValue | MatrixValue) & Remarks;
export type RangeResult = MatrixValue & Remarks;

export class Engine {
  readonly #options: EngineOptions;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /**
   * The value of an expression at one time.
   *
   * @throws QueryError
   */
  async instant(query: string, timeMs: number, options: QueryOptions = {}): Promise<InstantResult> {
    const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
    const expression = this.#prepare(query, times, parse(query, this.#options.parser));
    const grid = new Grid(timeMs, 1, 1);
    const run = this.#run(options, grid);
    const value = await guarded(() => instantValue(expression, run, grid));
    return { ...value, ...remarksOf(run, grid, query, this.#options.remarkLimit) };
  }

  /**
   * The values of an expression from `startMs` to `endMs` inclusive, every `stepMs`.
   *
   * @throws QueryError
   */
  async range(
    query: string,
    startMs: number,
    endMs: number,
    stepMs: number,
    options: QueryOptions = {},
  ): Promise<RangeResult> {
    if (!(stepMs > 0))
      throw new QueryError("bad_data", "zero or negative query resolution step widths are not accepted");
    const parsed = parse(query, this.#options.parser);
    const type = typeOf(parsed);
    if (type !== "vector" && type !== "scalar") {
      throw new QueryError(
        "bad_data",
        `invalid expression type "${documentedType(type)}" for range query, must be Scalar or instant Vector`,
      );
    }
    const expression = this.#prepare(query, { startMs, endMs, stepMs }, parsed);
    const grid = Grid.between(startMs, endMs, stepMs);
    const run = this.#run(options, grid);
    const samples = await guarded(async () => {
      const selection = await run.timed("prepare", () => selectAll(run, expression, grid));
      const context = { run, grid, selection, operands: EXPRESSIONS, atShiftMs: 0 };
      const series = await run.timed("evaluate", async () =>
        finish(await context.operands.evaluate(expression, context), context),
      );
      return run.timed("sort", () => sortedByLabels(series.map((one) => toSamples(one, grid))));
    });
    const hasStoredLabels = withoutParentheses(expression).kind === "vector-selector";
    return {
      ...{ kind: "matrix", series: samples, hasStoredLabels },
      ...remarksOf(run, grid, query, this.#options.remarkLimit),
    };
  }

  #prepare(query: string, times: QueryTimes, expression: Expression): Expression {
    return preprocess(query, expression, times);
  }

  #run(options: QueryOptions, grid: Grid): QueryRun {
    const engine = this.#options;
    const { clock } = engine;
    const run = new QueryRun({
      queryable: engine.queryable,
      annotations: new Annotations(),
      lookbackMs: positive(options.lookbackMs) ?? engine.lookbackMs ?? DEFAULT_LOOKBACK_MS,
      maxSamples: options.maxSamples ?? engine.maxSamples ?? DEFAULT_MAX_SAMPLES,
      deadlineMs: clock.monotonic() + (options.timeoutMs ?? engine.timeoutMs ?? DEFAULT_TIMEOUT_MS),
      signal: options.signal,
      now: () => clock.monotonic(),
      nextTurn: engine.nextTurn ?? (() => clock.sleep(0)),
      defaultSubqueryStepMs: engine.subqueryStepMs ?? (() => DEFAULT_SUBQUERY_STEP_MS),
      delayedNameRemoval: engine.delayedNameRemoval ?? false,
      typeAndUnitLabels: engine.typeAndUnitLabels ?? false,
      startTimestamps: engine.startTimestamps ?? false,
      countedSteps: engine.stepStatistics === true && options.countsSteps === true ? grid.count : undefined,
    });
    run.check("query execution");
    return run;
  }
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function parse(query: string, options: ParserOptions | undefined): Expression {
  try {
    return parseExpression(query, options);
  } catch (error) {
    if (error instanceof ParseError) throw new QueryError("bad_data", error.message, { cause: error });
    throw error;
  }
}

/** Expressions nested too deep for the stack are the query's fault, not a crash. */
async function guarded<T>(evaluation: () => Promise<T>): Promise<T> {
  try {
    return await evaluation();
  } catch (error) {
    if (error instanceof RangeError) throw new QueryError("execution", error.message, { cause: error });
    throw error;
  }
}

async function instantValue(
  expression: Expression,
  run: QueryRun,
  grid: Grid,
): Promise<ScalarValue | StringValue | VectorValue | MatrixValue> {
  const timestampMs = grid.startMs;
  const literal = withoutParentheses(expression);
  if (literal.kind === "string") return { kind: "string", timestampMs, value: literal.value };
  if (literal.kind === "vector-selector") {
    const newest = await run.timed("evaluate", () => newestVector(literal, run, grid));
    if (newest !== undefined) return newest;
  }
  const selection: Selection = await run.timed("prepare", () => selectAll(run, expression, grid));
  return run.timed("evaluate", () =>
    selectedValue(expression, literal, { run, grid, selection, operands: EXPRESSIONS, atShiftMs: 0 }),
  );
}

async function selectedValue(
  expression: Expression,
  literal: Expression,
  context: EvaluationContext,
): Promise<ScalarValue | VectorValue | MatrixValue> {
  const timestampMs = context.grid.startMs;
  if (literal.kind === "matrix-selector")
    return { kind: "matrix", series: await selectMatrix(literal, context), hasStoredLabels: true };
  if (literal.kind === "subquery") return { kind: "matrix", series: await subqueryValue(literal, context) };
  const series = await finish(await context.operands.evaluate(expression, context), context);
  if (typeOf(expression) === "scalar") return { kind: "scalar", timestampMs, value: series[0].values[0] };
  return { kind: "vector", samples: series.map((one) => sampleOf(one, timestampMs)) };
}

async function subqueryValue(
  subquery: Parameters<typeof evaluateSubquery>[0],
  context: EvaluationContext,
): Promise<SeriesSamples[]> {
  const { counts } = context.run;
  const series = await evaluateSubquery(subquery, context, (queried) => counts.addQueried(queried));
  const samples = series.map(({ samples: one, dropsName }) =>
    dropsName ? { ...one, labels: one.labels.without(METADATA_LABELS) } : one,
  );
  return sortedByLabels(samples);
}

/** The store gives series in this order, and most queries keep it. */
function sortedByLabels(series: SeriesSamples[]): SeriesSamples[] {
  const isSorted = series.every((one, i) => i === 0 || compareLabels(series[i - 1].labels, one.labels) <= 0);
  return isSorted ? series : series.sort((a, b) => compareLabels(a.labels, b.labels));
}

function withoutParentheses(expression: Expression): Expression {
  let inner = expression;
  while (inner.kind === "parenthesis" || inner.kind === "step-invariant") inner = inner.expression;
  return inner;
}

function sampleOf({ labels, values, histograms }: StepSeries, timestampMs: number): VectorSample {
  const histogram = histograms?.[0];
  return { labels, timestampMs, value: histogram === undefined ? values[0] : Number.NaN, histogram };
}

/** Makes up for delayed name removal. */
async function finish(series: StepSeries[], { run, grid }: EvaluationContext): Promise<StepSeries[]> {
  if (!run.delayedNameRemoval) return series;
  const cleaned = series.map((one) => one.cleaned());
  if (!grid.isInstant) return mergeDuplicates(cleaned, grid, run);
  if (await hasDuplicates(cleaned, run)) throw duplicateLabelSet();
  return cleaned;
}

function remarksOf(run: QueryRun, grid: Grid, query: string, limit?: number): Remarks {
  const { annotations, seconds, peak } = run;
  const { queried, read, steps } = run.counts;
  return {
    warnings: annotations.texts("warning", query, limit),
    infos: annotations.texts("info", query, limit),
    counts: { queried, read, peak, steps: steps && { timesMs: grid.timestamps, ...steps } },
    seconds,
  };
}
