/** `/api/v1/status/*`, `/api/v1/targets*`, `/api/v1/metadata` and their like: what the server says of itself. */

import { compareStrings, Labels } from "../../model/labels.ts";
import { configYaml } from "../config/config-yaml.ts";
import { DEFAULT_MAX_EXEMPLARS } from "../flags.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { type RelabelConfig, relabelInPlace } from "../relabel/relabel.ts";
import type { ScrapeLoop } from "../scrape/scrape-loop.ts";
import type { ScrapePool } from "../scrape/scrape-manager.ts";
import type { PrometheusServer } from "../server-state.ts";
import { ApiError, type ApiResult, integerProblem } from "./api-request.ts";
import { globalUrl } from "./global-url.ts";

export const BUILD_INFO = {
  version: "3.14.0",
  revision: "percolate-topology",
  branch: "HEAD",
  buildUser: "",
  buildDate: "",
  goVersion: "node",
};

export function runtimeInfo(server: PrometheusServer): ApiResult {
  const { status, clock } = server;
  return {
    data: {
      startTime: new Date(status.startMs).toISOString(),
      CWD: status.workingDirectory,
      hostname: status.hostname,
      serverTime: new Date(clock.now()).toISOString(),
      reloadConfigSuccess: status.reloadSucceeded,
      lastConfigTime: `${new Date(status.lastReloadMs).toISOString().slice(0, 19)}Z`,
      corruptionCount: server.tsdb.counters.walCorruptions,
      goroutineCount: 1,
      GOMAXPROCS: 1,
      GOMEMLIMIT: 0,
      GOGC: "",
      GODEBUG: "",
      storageRetention: server.retention.text,
    },
  };
}

export function statusConfig(server: PrometheusServer): ApiResult {
  const { storage } = server.config;
  const { tsdb } = storage;
  const windowMs = tsdb?.out_of_order_time_window ?? 0;
  const retention = tsdb?.retention ?? server.flags.retention;
  const exemplars = server.flags.hasFeature("exemplar-storage")
    ? { exemplars: storage.exemplars ?? { max_exemplars: DEFAULT_MAX_EXEMPLARS } }
    : {};
  const shown = { ...storage, tsdb: { ...tsdb, outofordertimewindow: windowMs, retention }, ...exemplars };
  return { data: { yaml: configYaml({ ...server.config, storage: shown }) } };
}

export async function tsdbStatus(server: PrometheusServer, parameters: URLSearchParams): Promise<ApiResult> {
  const text = parameters.get("limit") ?? "";
  const limit = text === "" ? 10 : Number(text);
  if ((text !== "" && integerProblem(text) !== undefined) || limit < 1)
    throw new ApiError("bad_data", "limit must be a positive number");
  if (limit > 10_000) throw new ApiError("bad_data", "limit must not exceed 10000");
  return { data: await server.tsdb.status(limit) };
}

function targetJson(server: PrometheusServer, job: string, loop: ScrapeLoop) {
  const { target, status } = loop;
  const { url, problem } = globalUrl(target.location, server.externalUrl, server.port);
  return {
    discoveredLabels: target.discovered,
    labels: target.labels,
    scrapePool: job,
    scrapeUrl: target.url,
    globalUrl: url,
    lastError: problem === undefined ? status.lastError : `${status.lastError}: ${problem}`,
    lastScrape:
      status.lastScrapeMs === 0 ? "0001-01-01T00:00:00Z" : new Date(status.lastScrapeMs).toISOString(),
    lastScrapeDuration: status.lastDurationSeconds,
    health: status.health,
    scrapeInterval: target.all.get("__scrape_interval__"),
    scrapeTimeout: target.all.get("__scrape_timeout__"),
  };
}

export function targets(server: PrometheusServer, parameters: URLSearchParams): ApiResult {
  const state = (parameters.get("state") ?? "").toLowerCase();
  const only = parameters.get("scrapePool") ?? "";
  const pools = sortedPools(server).filter(([job]) => only === "" || job === only);
  const showActive = state === "" || state === "any" || state === "active";
  const showDropped = state === "" || state === "any" || state === "dropped";
  return {
    data: {
      activeTargets: showActive
        ? pools.flatMap(([job, pool]) =>
            [...pool.loops.values()].map((loop) => targetJson(server, job, loop)),
          )
        : [],
      droppedTargets: showDropped
        ? pools.flatMap(([job, pool]) =>
            pool.dropped.map(({ discovered }) => ({
              discoveredLabels: discovered,
              scrapePool: job,
            })),
          )
        : [],
      droppedTargetCounts: showDropped
        ? Object.fromEntries(sortedPools(server).map(([job, pool]) => [job, pool.droppedCount]))
        : null,
    },
  };
}

export function sortedPools(server: PrometheusServer): [job: string, pool: ScrapePool][] {
  return [...server.scrape.pools].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function scrapePools(server: PrometheusServer): ApiResult {
  return { data: { scrapePools: sortedPools(server).map(([job]) => job) } };
}

/** @throws ApiError */
function scrapePool(server: PrometheusServer, name: string): ScrapePool {
  const pool = server.scrape.pools.get(name);
  if (pool === undefined)
    throw new ApiError(
      "bad_data",
      `error retrieving scrape config: scrape pool ${quoteString(name)} not found`,
    );
  return pool;
}

export function scrapePoolConfig(server: PrometheusServer, parameters: URLSearchParams): ApiResult {
  const name = parameters.get("scrapePool") ?? "";
  if (name === "") throw new ApiError("bad_data", "no scrapePool parameter provided");
  const pool = scrapePool(server, name);
  return { data: { yaml: configYaml(pool.config, "scrape_configs") } };
}

/** What each rule of a pool makes of given labels. */
export function relabelSteps(server: PrometheusServer, parameters: URLSearchParams): ApiResult {
  const name = parameters.get("scrapePool") ?? "";
  if (name === "") throw new ApiError("bad_data", "no scrapePool parameter provided");
  const text = parameters.get("labels") ?? "";
  if (text === "") throw new ApiError("bad_data", "no labels parameter provided");
  const labels = new Map(Object.entries(parsedLabels(text)));
  const pool = scrapePool(server, name);
  let isKept = true;
  const steps = ((pool.config.relabel_configs ?? []) as RelabelConfig[]).map((rule) => {
    isKept &&= relabelInPlace(labels, [rule]);
    return { rule: ruleJson(rule), output: isKept ? Labels.of(labels) : Labels.empty, keep: isKept };
  });
  return { data: { steps } };
}

/** @throws ApiError */
function parsedLabels(text: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const bad = /\S/.exec(text)?.[0];
    const problem =
      bad === undefined || /[[{"\d-]/.test(bad)
        ? "unexpected end of JSON input"
        : `invalid character '${bad}' looking for beginning of value`;
    throw new ApiError("bad_data", `error parsing labels: ${problem}`);
  }
  const isSet =
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((each) => typeof each === "string");
  if (!isSet || Array.isArray(value)) {
    const kind = Array.isArray(value) ? "array" : typeof value;
    throw new ApiError(
      "bad_data",
      `error parsing labels: json: cannot unmarshal ${kind} into Go value of type map[string]string`,
    );
  }
  return value as Record<string, string>;
}

function ruleJson(rule: RelabelConfig) {
  const {
    source_labels: source,
    separator,
    regex,
    modulus,
    target_label: target,
    replacement,
    action,
  } = rule;
  return {
    ...(source === undefined ? {} : { source_labels: source }),
    separator,
    regex,
    ...(modulus === 0 ? {} : { modulus }),
    ...(target === "" ? {} : { target_label: target }),
    replacement,
    action,
  };
}

/** `limit` of the metadata endpoints. */
function metadataLimit(parameters: URLSearchParams, name: string, fallback: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "") return fallback;
  if (integerProblem(text) !== undefined) throw new ApiError("bad_data", `${name} must be a number`);
  return Number(text);
}

/** The metadata that targets gave, by metric; several when they differ. */
export function metadata(server: PrometheusServer, parameters: URLSearchParams): ApiResult {
  const limit = metadataLimit(parameters, "limit", -1);
  const perMetric = metadataLimit(parameters, "limit_per_metric", -1);
  const wanted = parameters.get("metric") ?? "";
  const found = new Map<string, Map<string, { type: string; unit: string; help: string }>>();
  const add = (metric: string, { type, unit, help }: { type: string; unit: string; help: string }) => {
    if (wanted !== "" && metric !== wanted) return;
    let variants = found.get(metric);
    if (variants === undefined) {
      if (limit >= 0 && found.size >= limit) return;
      found.set(metric, (variants = new Map()));
    }
    if (perMetric > 0 && variants.size >= perMetric) return;
    variants.set(`${type}\n${unit}\n${help}`, { type, unit, help });
  };
  for (const [, pool] of server.scrape.pools)
    for (const loop of pool.loops.values()) for (const [metric, each] of loop.metadata) add(metric, each);
  return {
    data: Object.fromEntries(
      [...found]
        .sort(([a], [b]) => compareStrings(a, b))
        .map(([metric, variants]) => [metric, [...variants.values()]]),
    ),
  };
}

export function targetMetadata(
  server: PrometheusServer,
  parameters: URLSearchParams,
  matches: (labels: Labels) => boolean,
): ApiResult {
  const limit = metadataLimit(parameters, "limit", -1);
  const metric = parameters.get("metric") ?? "";
  const rows: unknown[] = [];
  for (const [, pool] of sortedPools(server)) {
    for (const loop of pool.loops.values()) {
      if (!matches(loop.target.labels)) continue;
      for (const [name, { type, help, unit }] of loop.metadata) {
        if (limit >= 0 && rows.length >= limit) return { data: rows };
        if (metric !== "" && name !== metric) continue;
        const target = loop.target.labels;
        rows.push(metric === "" ? { target, metric: name, type, help, unit } : { target, type, help, unit });
      }
    }
  }
  return { data: rows };
}
