/**
 * `/api/v1/search/*`: names and values for completion while one types, best first, as a stream of JSON lines
 * (`web/api/v1/search.go`). Only with `--enable-feature=search-api`.
 */
import type { HttpRequest, HttpResponse } from "../../base/network.ts";
import { compareStrings, METRIC_NAME } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import type { PrometheusServer } from "../server-state.ts";
import { Pacer } from "../tsdb/pacer.ts";
import { apiJson } from "./api-json.ts";
import { ApiError, integerProblem, timeParameter } from "./api-request.ts";
import { matcherSets } from "./query-api.ts";
import { jaroWinklerScorer, type Scorer, subsequenceScorer } from "./search-scores.ts";

/** Terms that one request may search for. */
export const MAX_SEARCH_TERMS = 32;
const DEFAULT_LIMIT = 100;
const DEFAULT_BATCH_SIZE = 100;
const DEFAULT_RANGE_MS = 3600_000;
const FUZZY_ALGORITHMS = ["subsequence", "jarowinkler"];

export interface SearchCall {
  server: PrometheusServer;
  request: HttpRequest;
  parameters: URLSearchParams;
  nowMs: number;
}

export type SearchKind = "metric_names" | "label_names" | "label_values";

interface SearchParameters {
  minMs: number;
  maxMs: number;
  sets: Matcher[][];
  score: Scorer | undefined;
  order: "value" | "value descending" | "score";
  includeScore: boolean;
  limit: number;
  batchSize: number;
}

interface Found {
  value: string;
  score: number;
}

/** @throws ApiError */
export async function search(kind: SearchKind, call: SearchCall): Promise<HttpResponse> {
  const { server, parameters } = call;
  if (!server.flags.hasFeature("search-api")) throw new ApiError("unavailable", "search API disabled");
  const wanted = searchParameters(kind, call);
  const label = kind === "label_values" ? (parameters.get("label") ?? "") : METRIC_NAME;
  if (label === "") throw new ApiError("bad_data", 'missing required parameter "label"');
  const withMetadata = kind === "metric_names" && booleanParameter(parameters, "include_metadata", false);
  const values = await candidates(kind, label, wanted, call);
  const found = await fitting(values, wanted, new Pacer(server.clock), call.request.signal);
  const record = recordOf(kind, wanted, withMetadata ? metadataOf(server) : undefined);
  return {
    status: 200,
    headers: { "content-type": "application/x-ndjson; charset=utf-8" },
    body: lines(found, wanted, record),
  };
}

function searchParameters(kind: SearchKind, call: SearchCall): SearchParameters {
  const { server, parameters, nowMs } = call;
  const text = (name: string) => parameters.get(name) ?? "";
  const minMs = searchTime(parameters, "start", nowMs - DEFAULT_RANGE_MS);
  const maxMs = searchTime(parameters, "end", nowMs);
  if (maxMs < minMs) throw new ApiError("bad_data", "end timestamp must not be before start timestamp");
  const sets = matcherSets(parameters);
  const terms = parameters.getAll("search[]");
  if (terms.length > MAX_SEARCH_TERMS)
    throw new ApiError(
      "bad_data",
      `too many search[] terms: got ${terms.length}, maximum is ${MAX_SEARCH_TERMS}`,
    );
  const threshold = fuzzThreshold(text("fuzz_threshold"));
  const algorithm = text("fuzz_alg") || FUZZY_ALGORITHMS[0];
  if (!FUZZY_ALGORITHMS.includes(algorithm))
    throw new ApiError(
      "bad_data",
      `unsupported fuzz_alg ${quoteString(algorithm)}: must be one of [${FUZZY_ALGORITHMS.join(" ")}]`,
    );
  const isCaseSensitive = booleanParameter(parameters, "case_sensitive", true);
  const includeScore = booleanParameter(parameters, "include_score", false);
  const order = orderOf(kind, text("sort_by"), text("sort_dir"), terms.length > 0);
  const maxLimit = server.flags.number("web.search.max-limit");
  return {
    minMs,
    maxMs,
    sets,
    score: scorerOf(terms, threshold, algorithm, isCaseSensitive),
    order: order(),
    includeScore,
    limit: limitOf(text("limit"), maxLimit),
    batchSize: positive("batch_size", text("batch_size"), DEFAULT_BATCH_SIZE),
  };
}

function searchTime(parameters: URLSearchParams, name: string, fallbackMs: number): number {
  try {
    return timeParameter(parameters, name, fallbackMs);
  } catch (error) {
    // Of the time parameters only these are not said to be parameters.
    const message = (error as Error).message.replace(/^invalid parameter "\w+": /, "");
    throw new ApiError("bad_data", message);
  }
}

function fuzzThreshold(text: string): number {
  const isGood =
    text === "" || (integerProblem(text) === undefined && Number(text) >= 0 && Number(text) <= 100);
  if (!isGood) throw new ApiError("bad_data", `invalid fuzz_threshold ${quoteString(text)}: must be 0-100`);
  return Number(text) / 100;
}

function booleanParameter(parameters: URLSearchParams, name: string, fallback: boolean): boolean {
  const text = parameters.get(name) ?? "";
  if (text === "") return fallback;
  if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(text))
    throw new ApiError("bad_data", `invalid ${name} ${quoteString(text)}: must be boolean`);
  return /^[1tT]/.test(text);
}

/** What is wrong with a combination is told before what is wrong with the limit, an unknown order after it. */
function orderOf(kind: SearchKind, by: string, direction: string, hasTerms: boolean) {
  if (direction !== "" && by === "")
    throw new ApiError("bad_data", "sort_dir is only valid when sort_by is set");
  if (direction !== "" && by === "score")
    throw new ApiError("bad_data", "sort_dir is not supported for sort_by=score");
  if (!["", "asc", "dsc"].includes(direction))
    throw new ApiError("bad_data", `invalid sort_dir ${quoteString(direction)}: must be "asc" or "dsc"`);
  if (by === "score" && !hasTerms)
    throw new ApiError("bad_data", "sort_by=score requires search[] to be set");
  return (): SearchParameters["order"] => {
    if (!["", "alpha", "score"].includes(by))
      throw new ApiError(
        "bad_data",
        `invalid sort_by ${quoteString(by)} for ${kind}: must be "alpha" or "score"`,
      );
    if (by === "score") return "score";
    return by === "alpha" && direction === "dsc" ? "value descending" : "value";
  };
}

function positive(name: string, text: string, fallback: number): number {
  if (text === "") return fallback;
  if (integerProblem(text) !== undefined || Number(text) <= 0)
    throw new ApiError("bad_data", `invalid ${name} ${quoteString(text)}: must be a positive integer`);
  return Number(text);
}

function limitOf(text: string, max: number): number {
  const limit = positive("limit", text, max > 0 ? Math.min(DEFAULT_LIMIT, max) : DEFAULT_LIMIT);
  if (max > 0 && limit > max)
    throw new ApiError(
      "bad_data",
      `limit ${limit} exceeds the configured maximum (${max}, see --web.search.max-limit)`,
    );
  return limit;
}

/** Undefined: everything fits. With several terms, one that fits is enough. */
function scorerOf(
  given: string[],
  threshold: number,
  algorithm: string,
  isCaseSensitive: boolean,
): Scorer | undefined {
  const fold = (text: string) => (isCaseSensitive ? text : text.toLowerCase());
  const terms = given.filter((term) => term !== "").map(fold);
  if (terms.length === 0) return undefined;
  const scorers = terms.map((term) =>
    algorithm === "subsequence" ? subsequenceScorer(term, threshold) : jaroWinklerScorer(term, threshold),
  );
  return (value) => {
    let best: number | undefined;
    for (const scorer of scorers) {
      const score = scorer(fold(value));
      if (score !== undefined && score > (best ?? -1)) best = score;
    }
    return best;
  };
}

async function candidates(
  kind: SearchKind,
  label: string,
  { sets, minMs, maxMs }: SearchParameters,
  { server, request }: SearchCall,
): Promise<string[]> {
  const range = { minMs, maxMs };
  const hints = { signal: request.signal };
  const of = (matchers: Matcher[]) =>
    kind === "label_names"
      ? server.tsdb.labelNames(matchers, range, hints)
      : server.tsdb.labelValues(label, matchers, range, hints);
  if (sets.length <= 1) return of(sets[0] ?? []);
  const all = await Promise.all(sets.map(of));
  return [...new Set(all.flat())].sort(compareStrings);
}

/** In the order asked for, and one more than the limit where there are more. */
async function fitting(
  values: string[],
  { score, order, limit }: SearchParameters,
  pacer: Pacer,
  signal: AbortSignal,
): Promise<Found[]> {
  const found: Found[] = [];
  if (order === "value descending") values.reverse();
  for (const value of values) {
    const fit = score === undefined ? 1 : score(value);
    if (fit !== undefined) found.push({ value, score: fit });
    if (order !== "score" && found.length > limit) break;
    if (pacer.isDue()) await pacer.pause(signal);
  }
  if (order === "score") found.sort((a, b) => b.score - a.score || compareStrings(a.value, b.value));
  return found.slice(0, limit + 1);
}

type Metadata = Map<string, { type: string; help: string; unit: string }>;

function metadataOf({ scrape }: PrometheusServer): Metadata {
  return new Map(scrape.metadata().map(({ metric, ...entry }) => [metric, entry]));
}

function recordOf(kind: SearchKind, { includeScore }: SearchParameters, metadata: Metadata | undefined) {
  const key = kind === "label_values" ? "value" : "name";
  return ({ value, score }: Found) => {
    const known = Object.entries(metadata?.get(value) ?? {}).filter(([, text]) => text !== "");
    const { type, help, unit } = Object.fromEntries(known) as Partial<Record<string, string>>;
    return { [key]: value, score: includeScore ? score : undefined, type, help, unit };
  };
}

/** Batches, the first even when it is empty, and a line that ends them. */
async function* lines(
  found: Found[],
  { limit, batchSize }: SearchParameters,
  record: (found: Found) => unknown,
): AsyncIterable<Uint8Array> {
  const shown = found.slice(0, limit);
  for (let at = 0; at === 0 || at < shown.length; at += batchSize)
    yield line({ results: shown.slice(at, at + batchSize).map(record) });
  yield line({ status: "success", has_more: found.length > limit });
}

function line(value: unknown): Uint8Array {
  return Buffer.from(`${apiJson(value)}\n`);
}
