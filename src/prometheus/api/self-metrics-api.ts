/** `/api/v1/status/self_metrics`: the server's own metrics as JSON (`protojson` of `io.prometheus.client.MetricFamily`). */
import type { ExposedSample, MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import { Regex } from "../regex/regex.ts";
import { ApiError, type ApiResult } from "./api-request.ts";

/** @throws ApiError when the pattern for names is malformed */
export function selfMetrics(families: readonly MetricFamily[], parameters: URLSearchParams): ApiResult {
  const pattern = parameters.get("metric_name_pattern") ?? "";
  let isWanted = (_: string) => true;
  if (pattern !== "") {
    try {
      const regex = new Regex(pattern);
      isWanted = (name) => regex.matches(name);
    } catch (error) {
      // Upstream tells the pattern as it anchors it.
      const message = (error as Error).message.replace(`\`${pattern}\``, () => `\`^(?:${pattern})$\``);
      throw new ApiError("bad_data", `invalid metric_name_pattern: ${message}`);
    }
  }
  const shown = families.filter((family) => family.samples.length > 0).map(familyJson);
  return { data: shown.filter(({ name }) => isWanted(name)) };
}

function familyJson({ name, type, help, samples, unit }: MetricFamily) {
  return {
    name: type === "counter" ? `${name}_total` : name,
    help,
    type: type === "unknown" ? "UNTYPED" : type.toUpperCase(),
    metric: metricsOf(samples).map(({ labels, parts }) => ({
      ...(labels.length === 0 ? {} : { label: labels.map(([label, value]) => ({ name: label, value })) }),
      ...valueJson(type, parts),
    })),
    ...(unit ? { unit } : {}),
  };
}

interface Metric {
  labels: [string, string][];
  parts: { suffix: string; at: string; value: number }[];
}

/** The samples of one histogram or summary are one metric. */
function metricsOf(samples: readonly ExposedSample[]): Metric[] {
  const metrics = new Map<string, Metric>();
  for (const { suffix, labels, value } of samples) {
    const all: (readonly [string, string])[] =
      Symbol.iterator in labels ? [...labels] : Object.entries(labels);
    const own = all
      .filter(([label]) => label !== "le" && label !== "quantile")
      .map(([a, b]): [string, string] => [a, b]);
    const key = JSON.stringify(own);
    let metric = metrics.get(key);
    if (metric === undefined) metrics.set(key, (metric = { labels: own, parts: [] }));
    const at = all.find(([label]) => label === "le" || label === "quantile")?.[1] ?? "";
    metric.parts.push({ suffix, at, value });
  }
  return [...metrics.values()];
}

function valueJson(type: MetricFamily["type"], parts: Metric["parts"]) {
  const [first] = parts;
  if (type === "counter") return { counter: { value: double(first.value) } };
  if (type === "gauge") return { gauge: { value: double(first.value) } };
  const ofSuffix = (suffix: string) => parts.find((part) => part.suffix === suffix)?.value ?? 0;
  const common = { sampleCount: String(ofSuffix("_count")), sampleSum: double(ofSuffix("_sum")) };
  if (type === "summary") {
    const quantile = parts
      .filter(({ suffix }) => suffix === "")
      .map(({ at, value }) => ({ quantile: double(Number(at)), value: double(value) }));
    return { summary: quantile.length === 0 ? common : { ...common, quantile } };
  }
  if (type === "histogram") {
    const bucket = parts
      .filter(({ suffix, at }) => suffix === "_bucket" && at !== "+Inf")
      .map(({ at, value }) => ({ cumulativeCount: String(value), upperBound: double(Number(at)) }));
    return { histogram: { ...common, bucket } };
  }
  return { untyped: { value: double(first.value) } };
}

/** What is no number in JSON is a text. */
function double(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
