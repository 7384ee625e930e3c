/** `/api/v1/query*`, `labels`, `series`, `label/…/values`, `format_query`, `parse_query`. */
import type { Clock } from "../../base/clock.ts";
import type { HttpRequest } from "../../base/network.ts";
import { compareLabels, compareStrings, type Labels } from "../../model/labels.ts";
import { isValidLabelName } from "../config/names.ts";
import type { Matcher } from "../matcher.ts";
import {
  type Engine,
  type Expression,
  type InstantResult,
  type ParserOptions,
  parseExpression,
  parseMetricSelector,
  type QueryOptions,
  type RangeResult,
} from "../promql/mod.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { prettyExpression } from "../promql/parser/prettier.ts";
import { type LoggedQuery, type LoggedResult, type QueryLog, queryStats } from "../query-log.ts";
import type { Queryable, TimeRange } from "../storage.ts";
import { Pacer } from "../tsdb/pacer.ts";
import { sortInSlices } from "../tsdb/sliced-sort.ts";
import { RawJson } from "./api-json.ts";
import {
  ApiError,
  type ApiResult,
  invalidParameter,
  limitParameter,
  MAX_TIME_MS,
  MIN_TIME_MS,
  parseDurationParameter,
  parseTime,
  TRUNCATED,
  timeParameter,
} from "./api-request.ts";
import { expressionJson } from "./expression-json.ts";
import { listJson } from "./list-json.ts";
import { answerJson } from "./query-json.ts";
import { selectorsOf } from "./selectors.ts";

export interface QueryContext {
  engine: Pick<Engine, "instant" | "range">;
  queryable: Queryable;
  /** The parts of PromQL that are on. */
  parser: ParserOptions;
  nowMs: number;
  clock: Pick<Clock, "monotonic" | "sleep">;
  request: HttpRequest;
  parameters: URLSearchParams;
  queryLog?: QueryLog;
}

/** Points per series that a range query may ask for. */
const MAX_POINTS = 11_000;

function queryOptions({ parameters, request }: QueryContext): QueryOptions {
  const countsSteps = parameters.get("stats") === "all";
  const options: QueryOptions = { signal: request.signal, countsSteps };
  const timeout = parameters.get("timeout") ?? "";
  const lookback = parameters.get("lookback_delta") ?? "";
  try {
    if (timeout !== "") options.timeoutMs = parseDurationParameter(timeout);
  } catch (error) {
    throw invalidParameter("timeout", (error as Error).message);
  }
  try {
    if (lookback !== "") options.lookbackMs = parseDurationParameter(lookback);
  } catch (error) {
    throw new ApiError("bad_data", `error parsing lookback delta duration: ${(error as Error).message}`);
  }
  return options;
}

/** An error of the engine as the API's. */
export function queryFailure(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { kind, message } = error as Error & { kind?: string };
  switch (kind) {
    case "bad_data":
      return invalidParameter("query", message);
    case "timeout":
    case "canceled":
    case "execution":
      return new ApiError(kind, message);
    default:
      throw error;
  }
}

async function answer(
  context: QueryContext,
  times: Pick<LoggedQuery, "startMs" | "endMs" | "stepMs">,
  limit: number,
  run: () => Promise<InstantResult | RangeResult>,
): Promise<ApiResult> {
  const started = context.clock.monotonic();
  let result: InstantResult | RangeResult;
  try {
    result = await run();
  } catch (error) {
    const failure = queryFailure(error);
    // What could not be parsed was no query.
    if (failure.type !== "bad_data") logQuery(context, times, { error: failure });
    throw failure;
  }
  const warnings = [...result.warnings];
  if (limit > 0 && truncate(result, limit)) warnings.push(TRUNCATED);
  const wanted = context.parameters.get("stats") ?? "";
  if (wanted !== "" && wanted !== "true" && wanted !== "all")
    warnings.push(
      `value ${JSON.stringify(wanted)} for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"`,
    );
  const stats = queryStats(result, (context.clock.monotonic() - started) / 1000);
  logQuery(context, times, { stats });
  const json = await answerJson(result, wanted === "" ? undefined : stats, new Pacer(context.clock));
  return { data: new RawJson(json), warnings, infos: result.infos };
}

function logQuery(
  { queryLog, parameters, request }: QueryContext,
  times: Pick<LoggedQuery, "startMs" | "endMs" | "stepMs">,
  result: LoggedResult,
): void {
  const { method, target, remoteAddress: clientIP } = request;
  const path = target.split("?", 1)[0];
  const query = parameters.get("query") ?? "";
  queryLog?.log({ query, ...times, origin: { httpRequest: { clientIP, method, path } } }, result);
}

function truncate(value: InstantResult | RangeResult, limit: number): boolean {
  const list: unknown[] =
    value.kind === "vector" ? value.samples : value.kind === "matrix" ? value.series : [];
  if (list.length <= limit) return false;
  list.length = limit;
  return true;
}

export function instantQuery(context: QueryContext): Promise<ApiResult> {
  const { parameters, engine } = context;
  const limit = limitParameter(parameters);
  const timeMs = timeParameter(parameters, "time", context.nowMs);
  const options = queryOptions(context);
  const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
  return answer(context, times, limit, () => engine.instant(parameters.get("query") ?? "", timeMs, options));
}

export function rangeQuery(context: QueryContext): Promise<ApiResult> {
  const { parameters, engine } = context;
  const limit = limitParameter(parameters);
  const parsed = (name: string, parse: (text: string) => number) => {
    try {
      return parse(parameters.get(name) ?? "");
    } catch (error) {
      throw invalidParameter(name, (error as Error).message);
    }
  };
  const startMs = parsed("start", parseTime);
  const endMs = parsed("end", parseTime);
  if (endMs < startMs) throw invalidParameter("end", "end timestamp must not be before start time");
  const stepMs = parsed("step", parseDurationParameter);
  if (stepMs <= 0)
    throw invalidParameter(
      "step",
      "zero or negative query resolution step widths are not accepted. Try a positive integer",
    );
  if (Math.floor((endMs - startMs) / stepMs) > MAX_POINTS)
    throw new ApiError(
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    );
  const options = queryOptions(context);
  return answer(context, { startMs, endMs, stepMs }, limit, () =>
    engine.range(parameters.get("query") ?? "", startMs, endMs, stepMs, options),
  );
}

/** The expression in upstream's spelling, over several lines where it is long. */
export function formatQuery(context: QueryContext): ApiResult {
  return { data: prettyExpression(parsedQuery(context)) };
}

/** The expression's syntax tree. */
export function parseQuery(context: QueryContext): ApiResult {
  return { data: expressionJson(parsedQuery(context)) };
}

function parsedQuery({ parameters, parser }: QueryContext): Expression {
  try {
    return parseExpression(parameters.get("query") ?? "", parser);
  } catch (error) {
    throw invalidParameter("query", (error as Error).message);
  }
}

/** `match[]`, each a selector. @throws ApiError */
export function selectorParameters(parameters: URLSearchParams, name = "match[]"): Matcher[][] {
  return parameters.getAll(name).map((text) => {
    try {
      return parseMetricSelector(text);
    } catch (error) {
      throw new ApiError("bad_data", (error as Error).message);
    }
  });
}

/** `match[]`, each a selector that matches more than everything. @throws ApiError */
export function matcherSets(parameters: URLSearchParams): Matcher[][] {
  return selectorParameters(parameters).map((matchers) => {
    // Without one that rules out the missing label, the whole store would answer.
    if (matchers.every((matcher) => matcher.matches("")))
      throw new ApiError("bad_data", "match[] must contain at least one non-empty matcher");
    return matchers;
  });
}

function rangeOf({ parameters }: QueryContext): TimeRange {
  return {
    minMs: timeParameter(parameters, "start", MIN_TIME_MS),
    maxMs: timeParameter(parameters, "end", MAX_TIME_MS),
  };
}

/** The sorted union of what each set of matchers gives; without any, of everything. */
async function union(
  sets: Matcher[][],
  get: (matchers: Matcher[]) => Promise<string[]>,
  limit: number,
  pacer: Pacer,
): Promise<ApiResult> {
  const found =
    sets.length <= 1
      ? await get(sets[0] ?? [])
      : await sortInSlices([...new Set((await Promise.all(sets.map(get))).flat())], compareStrings, pacer);
  return listResult(found, limit, pacer);
}

async function listResult(
  found: readonly (string | Labels)[],
  limit: number,
  pacer: Pacer,
): Promise<ApiResult> {
  const isCut = limit > 0 && found.length > limit;
  const data = await listJson(isCut ? found.slice(0, limit) : found, pacer);
  return { data, warnings: isCut ? [TRUNCATED] : [] };
}

export function labelNames(context: QueryContext): Promise<ApiResult> {
  const { queryable, parameters, request } = context;
  const limit = limitParameter(parameters);
  const range = rangeOf(context);
  const hints = { limit: limit === 0 ? 0 : limit + 1, signal: request.signal };
  return union(
    matcherSets(parameters),
    (matchers) => queryable.labelNames(matchers, range, hints),
    limit,
    new Pacer(context.clock),
  );
}

export function labelValues(context: QueryContext, rawName: string): Promise<ApiResult> {
  const { queryable, parameters, request } = context;
  const name = rawName.startsWith("U__") ? unescapeName(rawName) : rawName;
  if (!isValidLabelName(name, "utf8"))
    throw new ApiError("bad_data", `invalid label name: ${quoteString(name)}`);
  const limit = limitParameter(parameters);
  const range = rangeOf(context);
  const hints = { limit: limit === 0 ? 0 : limit + 1, signal: request.signal };
  return union(
    matcherSets(parameters),
    (matchers) => queryable.labelValues(name, matchers, range, hints),
    limit,
    new Pacer(context.clock),
  );
}

/** `U__a_2e_b` → `a.b`; anything that is not the escaping stays as it is. */
export function unescapeName(name: string): string {
  const body = name.slice(3);
  const isEscaped = /^(?:[a-zA-Z0-9:]|__|_[0-9a-fA-F]{1,6}_)*$/.test(body);
  if (!isEscaped) return name;
  return body.replace(/__|_([0-9a-fA-F]{1,6})_/g, (_, hex) => {
    if (hex === undefined) return "_";
    const code = Number.parseInt(hex, 16);
    return code > 0x10ffff ? "�" : String.fromCodePoint(code);
  });
}

export async function series(context: QueryContext): Promise<ApiResult> {
  const { queryable, parameters, request } = context;
  if (parameters.getAll("match[]").length === 0)
    throw new ApiError("bad_data", "no match[] parameter provided");
  const limit = limitParameter(parameters);
  const range = rangeOf(context);
  let sets: Matcher[][];
  try {
    sets = matcherSets(parameters);
  } catch (error) {
    throw invalidParameter("match[]", (error as Error).message);
  }
  const hints = { limit: limit === 0 ? 0 : limit + 1, signal: request.signal };
  const found = await Promise.all(sets.map((matchers) => queryable.series(matchers, range, hints)));
  const pacer = new Pacer(context.clock);
  const merged = found.length === 1 ? found[0] : await unique(found.flat(), pacer);
  return listResult(merged, limit, pacer);
}

function unique(all: Labels[], pacer: Pacer): Promise<Labels[]> {
  const byKey = new Map(all.map((labels) => [labels.key, labels]));
  return sortInSlices([...byKey.values()], compareLabels, pacer);
}

export async function queryExemplars(context: QueryContext): Promise<ApiResult> {
  const { queryable, parameters, parser } = context;
  const range = rangeOf(context);
  if (range.maxMs < range.minMs)
    throw new ApiError("bad_data", "end timestamp must not be before start timestamp");
  let selectors: Matcher[][];
  try {
    selectors = selectorsOf(parameters.get("query") ?? "", parser);
  } catch (error) {
    throw new ApiError("bad_data", (error as Error).message);
  }
  if (selectors.length === 0) return { status: 204 };
  const found = await queryable.exemplars(selectors, range);
  return {
    data: found.map(({ labels, exemplars }) => ({
      seriesLabels: labels,
      exemplars: exemplars.map((exemplar) => ({
        labels: exemplar.labels,
        value: String(exemplar.value),
        timestamp: exemplar.timestampMs / 1000,
      })),
    })),
  };
}
