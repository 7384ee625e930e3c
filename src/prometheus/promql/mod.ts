/**
 * PromQL: the query language of Prometheus, and an engine for it.
 *
 * Stands for `promql/` of Prometheus 3.14, with what later releases added (decision 0096). Expressions are parsed with
 * the official grammar package; evaluation goes over columns, a series at a time, which is where it differs from
 * upstream's engine on purpose.
 */
export {
  DEFAULT_LOOKBACK_MS,
  DEFAULT_MAX_SAMPLES,
  DEFAULT_TIMEOUT_MS,
  Engine,
  type EngineOptions,
  type InstantResult,
  type MatrixValue,
  type QueryEngine,
  type QueryOptions,
  type RangeResult,
  type ScalarValue,
  type StringValue,
  type VectorSample,
  type VectorValue,
} from "./engine.ts";
export { MemoryQueryable } from "./memory-queryable.ts";
export type { Expression } from "./parser/ast.ts";
export { parseExpression } from "./parser/expression-parser.ts";
export { parseMetricSelector } from "./parser/metric-selector.ts";
export { ParseError } from "./parser/parse-error.ts";
export type { ParserOptions } from "./parser/parser-options.ts";
export { printExpression } from "./parser/printer.ts";
export { QueryError, type QueryErrorKind } from "./query-error.ts";
