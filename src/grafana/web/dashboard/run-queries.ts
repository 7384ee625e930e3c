/** A panel's queries: sent, and answered with frames that have been transformed and configured. */
import { type DataSourceInfo, getJson, proxyPath } from "../api.ts";
import { applyFieldConfig } from "../data/field-config.ts";
import type { Frame } from "../data/frame.ts";
import { linesFrame, readLines } from "../data/logs.ts";
import { framesOf, type PrometheusResult } from "../data/prometheus.ts";
import { transform } from "../data/transformations/transform.ts";
import { fixed, interpolate, prometheusFormat, type Scope, type VariableValue } from "./interpolate.ts";
import { objectOf } from "./json.ts";
import type { DataSourceRef, Panel, Target } from "./model.ts";
import { OWN_DATA } from "./own-data.ts";
import type { ExemplarPoint, PanelData } from "./panel-data.ts";
import type { QueryContext } from "./query-context.ts";
import { intervalMs, intervalText, queryIntervalMs, type TimeRange } from "./time-range.ts";

/** What Prometheus is scraped at where a data source does not say. */
const DEFAULT_SCRAPE_MS = 15_000;
/** Exemplars shown in one panel. */
const MAX_EXEMPLARS = 300;

export async function runQueries(panel: Panel, context: QueryContext): Promise<PanelData> {
  const range = panelRange(panel, context.range);
  const own = OWN_DATA[panel.type];
  if (own !== undefined) return { frames: await own(panel, context), exemplars: [], range };
  const targets = panel.targets.filter(({ hide }) => hide !== true);
  const tables = targets.filter(({ format }) => format === "table").length;
  const results = await Promise.allSettled(
    targets.map((target) => runTarget(target, panel, { ...context, range }, tables > 1)),
  );
  context.signal.throwIfAborted();
  const failed = results.filter((result) => result.status === "rejected");
  const frames = results.flatMap((result) => (result.status === "fulfilled" ? result.value.frames : []));
  const exemplars = results.flatMap((result) =>
    result.status === "fulfilled" ? result.value.exemplars : [],
  );
  return {
    frames: applyFieldConfig(transform(frames, panel.transformations), panel.fieldConfig),
    exemplars: exemplars.slice(0, MAX_EXEMPLARS),
    range,
    error:
      failed[0] === undefined ? undefined : String((failed[0].reason as Error).message ?? failed[0].reason),
  };
}

/** A panel may look at other times than its dashboard. */
function panelRange(panel: Panel, range: TimeRange): TimeRange {
  const length = intervalMs(panel.timeFrom?.replace(/^now-/, ""));
  const shift = intervalMs(panel.timeShift);
  const fromMs = length > 0 ? range.toMs - length : range.fromMs;
  return { fromMs: fromMs - shift, toMs: range.toMs - shift };
}

export function findDataSource(
  ref: DataSourceRef | string | null | undefined,
  dataSources: readonly DataSourceInfo[],
  scope: Scope,
): DataSourceInfo | undefined {
  const uid = typeof ref === "string" ? ref : ref?.uid;
  const type = typeof ref === "string" ? undefined : ref?.type;
  const given = uid === undefined ? "" : interpolate(uid, scope);
  const named = dataSources.find((source) => source.uid === given || source.name === given);
  if (named !== undefined) return named;
  const isInput = given === "" || given === "default" || given.startsWith("$") || /^\$\{DS_/.test(uid ?? "");
  // A dashboard from elsewhere names data sources that are not here: the one of its type stands in.
  const ofType = dataSources.filter((source) => source.type === (type ?? "prometheus"));
  return (
    ofType.find(({ isDefault }) => isDefault) ??
    ofType[0] ??
    (isInput ? dataSources.find(({ isDefault }) => isDefault) : undefined)
  );
}

async function runTarget(
  target: Target,
  panel: Panel,
  context: QueryContext,
  manyTables: boolean,
): Promise<Pick<PanelData, "frames" | "exemplars">> {
  const none = { frames: [], exemplars: [] };
  const ref =
    isMixed(panel.datasource) || target.datasource
      ? (target.datasource ?? panel.datasource)
      : panel.datasource;
  const source = findDataSource(ref, context.dataSources, context.scope);
  const type = typeof ref === "object" && ref !== null ? ref.type : undefined;
  if (type === "datasource" || type === "grafana" || target.expr === undefined || target.expr === "")
    return none;
  if (source === undefined) throw new Error(`data source ${JSON.stringify(ref)} was not found`);
  if (source.type === "loki") return { frames: await runLogQuery(target, source, context), exemplars: [] };
  if (source.type !== "prometheus") return none;
  const timing = timingOf(target, panel, context, source);
  const scope = withTiming(context, timing);
  const query = interpolate(target.expr, scope, prometheusFormat);
  const legendFormat = interpolate(target.legendFormat ?? "__auto", scope);
  const isInstant = target.instant === true && target.range !== true;
  const path = isInstant
    ? `/api/v1/query?${new URLSearchParams({ query, time: String(context.range.toMs / 1000) })}`
    : `/api/v1/query_range?${new URLSearchParams({
        query,
        start: String(timing.startMs / 1000),
        end: String(timing.endMs / 1000),
        step: String(timing.stepMs / 1000),
      })}`;
  const [answer, exemplars] = await Promise.all([
    getJson(proxyPath(source.uid, path), context.signal),
    target.exemplar === true && !isInstant ? queryExemplars(source.uid, query, context) : [],
  ]);
  const data = objectOf(answer)["data"] as PrometheusResult;
  const format = target.format ?? "time_series";
  const frames = framesOf(data, {
    refId: target.refId,
    format,
    legendFormat,
    stepMs: isInstant ? 0 : timing.stepMs,
    manyTables,
  });
  return { frames, exemplars };
}

/** Lines that one query of a panel shows. */
const MAX_LOG_LINES = 500;

async function runLogQuery(
  target: Target,
  source: DataSourceInfo,
  { range, scope, signal, maxDataPoints }: QueryContext,
): Promise<Frame[]> {
  const stepMs = queryIntervalMs(range, maxDataPoints, 1000);
  const parameters = new URLSearchParams({
    step: String(stepMs / 1000),
    query: interpolate(target.expr ?? "", scope, prometheusFormat),
    start: `${Math.floor(range.fromMs)}000000`,
    end: `${Math.ceil(range.toMs)}000000`,
    limit: String(Math.min(Number(target["maxLines"]) || MAX_LOG_LINES, MAX_LOG_LINES)),
  });
  const answer = await getJson(proxyPath(source.uid, `/loki/api/v1/query_range?${parameters}`), signal);
  const data = objectOf(objectOf(answer)["data"]);
  if (data["resultType"] === "streams") return [linesFrame(readLines(answer), target.refId)];
  return framesOf(data as unknown as PrometheusResult, {
    refId: target.refId,
    format: "time_series",
    legendFormat: interpolate(target.legendFormat ?? "__auto", scope),
    stepMs,
  });
}

function isMixed(ref: Panel["datasource"]): boolean {
  return (typeof ref === "string" ? ref : ref?.uid) === "-- Mixed --";
}

async function queryExemplars(
  uid: string,
  query: string,
  { range, signal }: QueryContext,
): Promise<ExemplarPoint[]> {
  const parameters = new URLSearchParams({
    query,
    start: String(range.fromMs / 1000),
    end: String(range.toMs / 1000),
  });
  try {
    const answer = objectOf(await getJson(proxyPath(uid, `/api/v1/query_exemplars?${parameters}`), signal));
    const series = (answer["data"] ?? []) as {
      exemplars?: { labels: Record<string, string>; value: string; timestamp: number }[];
    }[];
    return series.flatMap(({ exemplars = [] }) =>
      exemplars.map(({ labels, value, timestamp }) => ({
        ms: timestamp * 1000,
        value: Number(value),
        labels,
      })),
    );
  } catch {
    // A server without exemplars still has the series.
    return [];
  }
}

interface Timing {
  startMs: number;
  endMs: number;
  stepMs: number;
  intervalMs: number;
  scrapeMs: number;
}

/** Step and range of a query, whole steps since the epoch, so that a refresh asks for the same points again. */
function timingOf(target: Target, panel: Panel, context: QueryContext, source: DataSourceInfo): Timing {
  const { range, scope } = context;
  const minStep = intervalMs(interpolate((target.interval ?? "").replace(/^>/, ""), scope));
  const panelMin = intervalMs(interpolate((panel.interval ?? "").replace(/^>/, ""), scope));
  const scrapeMs = minStep || intervalMs(String(source.jsonData["timeInterval"] ?? "")) || DEFAULT_SCRAPE_MS;
  const interval = queryIntervalMs(
    range,
    panel.maxDataPoints ?? context.maxDataPoints,
    Math.max(panelMin, 1000),
  );
  const stepMs = Math.max(
    interval * (target.intervalFactor ?? 1),
    minStep,
    scrapeMs,
    Math.ceil((range.toMs - range.fromMs) / 11_000),
  );
  const startMs = Math.floor(range.fromMs / stepMs) * stepMs;
  return {
    startMs,
    endMs: Math.floor(range.toMs / stepMs) * stepMs,
    stepMs,
    intervalMs: Math.max(interval, scrapeMs),
    scrapeMs,
  };
}

function withTiming({ scope, range }: QueryContext, timing: Timing): Scope {
  const rangeMs = range.toMs - range.fromMs;
  const rateMs = Math.max(timing.intervalMs + timing.scrapeMs, 4 * timing.scrapeMs);
  const values: Record<string, string> = {
    __interval: intervalText(timing.intervalMs),
    __interval_ms: String(timing.intervalMs),
    __rate_interval: intervalText(rateMs),
    __rate_interval_ms: String(rateMs),
    __range: `${Math.round(rangeMs / 1000)}s`,
    __range_s: String(Math.round(rangeMs / 1000)),
    __range_ms: String(rangeMs),
    __from: String(range.fromMs),
    __to: String(range.toMs),
  };
  const merged = new Map<string, VariableValue>(scope);
  for (const [name, value] of Object.entries(values)) merged.set(name, fixed(value));
  // A variable of the kind "interval" may be left to the dashboard.
  for (const [name, { value }] of scope) {
    if (typeof value === "string" && value.startsWith("$__auto_interval"))
      merged.set(name, fixed(values["__interval"]));
  }
  return merged;
}
