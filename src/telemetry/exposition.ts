/**
 * The `/metrics` page: Prometheus text format 0.0.4 and OpenMetrics 1.0, chosen by the Accept header.
 *
 * Exemplars need OpenMetrics; a bucket's `le` is written as each format's reference client writes it ("1", "1.0").
 */
import { labelName } from "./prometheus-name.ts";
import type { HistogramPoint, MetricFamily, SumPoint } from "./registry.ts";
import type { Exemplar, Series } from "./series.ts";

export type ExpositionFormat = "text" | "openmetrics";

export const CONTENT_TYPES: Record<ExpositionFormat, string> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** A longer Accept header is not looked at: the answer is the text format. */
export const MAX_ACCEPT_LENGTH = 4_096;

/** The format that a scraper prefers; text when it does not care. */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  if (accept === undefined || accept.length > MAX_ACCEPT_LENGTH) return "text";
  let best: { format: ExpositionFormat; quality: number } = { format: "text", quality: 0 };
  for (const part of accept.split(",")) {
    const [type, ...parameters] = part.split(";").map((piece) => piece.trim());
    const parameter = (name: string) =>
      parameters.find((piece) => piece.startsWith(`${name}=`))?.slice(name.length + 1);
    const format = formatOf(type.toLowerCase(), parameter("version"));
    const quality = Number(parameter("q") ?? "1");
    if (format !== undefined && quality > best.quality) best = { format, quality };
  }
  return best.format;
}

function formatOf(type: string, version: string | undefined): ExpositionFormat | undefined {
  if (type === "application/openmetrics-text") {
    return version === undefined || version === "1.0.0" || version === "0.0.1" ? "openmetrics" : undefined;
  }
  return type === "text/plain" || type === "text/*" || type === "*/*" ? "text" : undefined;
}

/** The page. */
export function renderExposition(families: readonly MetricFamily[], format: ExpositionFormat): string {
  const lines: string[] = [];
  for (const family of families) {
    if (family.points.length > 0) renderFamily(lines, family, format === "openmetrics");
  }
  if (format === "openmetrics") lines.push("# EOF");
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function renderFamily(lines: string[], family: MetricFamily, open: boolean): void {
  const { prometheusName: name, kind } = family;
  const sampleName = kind === "counter" ? `${name}_total` : name;
  // In OpenMetrics the family of a counter lacks the `_total` that its samples have.
  const head = open ? name : sampleName;
  const type = kind === "upDownCounter" ? "gauge" : kind;
  lines.push(`# HELP ${head} ${escapeHelp(family.description, open)}`, `# TYPE ${head} ${type}`);
  const unit = name.split("_").at(-1)!;
  if (open && UNIT_WORDS.has(unit)) lines.push(`# UNIT ${name} ${unit}`);
  if (kind === "histogram") {
    for (const point of family.points) renderHistogram(lines, name, point, open);
  } else {
    for (const point of family.points) lines.push(sumLine(sampleName, point, open && kind === "counter"));
  }
}

const UNIT_WORDS = new Set(["seconds", "bytes", "milliseconds", "requests", "tenants", "hits"]);

function sumLine(name: string, point: SumPoint, withExemplar: boolean): string {
  const labels = labelTextOf(point.attributes, point.series);
  const line = `${name}${labels === "" ? "" : `{${labels}}`} ${formatNumber(point.value)}`;
  const exemplar = point.series?.last;
  return withExemplar && exemplar !== undefined ? line + exemplarText(exemplar) : line;
}

function renderHistogram(lines: string[], name: string, point: HistogramPoint, open: boolean): void {
  const { series } = point;
  const labels = labelTextOf(point.attributes, series);
  const prefix = labels === "" ? "" : `${labels},`;
  let cumulative = 0;
  for (let i = 0; i < series.counts.length; i++) {
    cumulative += series.counts[i];
    const le = i === series.bounds.length ? "+Inf" : formatBound(series.bounds[i], open);
    const exemplar = open ? series.exemplars?.[i] : undefined;
    const tail = exemplar === undefined ? "" : exemplarText(exemplar);
    lines.push(`${name}_bucket{${prefix}le="${le}"} ${cumulative}${tail}`);
  }
  const braces = labels === "" ? "" : `{${labels}}`;
  lines.push(`${name}_sum${braces} ${formatNumber(series.sum)}`, `${name}_count${braces} ${series.count}`);
}

function exemplarText({ traceId, spanId, value, timestampMs }: Exemplar): string {
  const seconds = (timestampMs / 1000).toFixed(3);
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${formatNumber(value)} ${seconds}`;
}

function labelTextOf(attributes: Readonly<Record<string, string>>, series: Series | undefined): string {
  if (series?.labelText !== undefined) return series.labelText;
  const text = Object.entries(attributes)
    .map(([name, value]) => `${labelName(name)}="${escapeLabelValue(value)}"`)
    .join(",");
  if (series !== undefined) series.labelText = text;
  return text;
}

function formatBound(bound: number, open: boolean): string {
  return open && Number.isInteger(bound) ? bound.toFixed(1) : formatNumber(bound);
}

export function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}

function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
}

function escapeHelp(text: string, open: boolean): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return open ? escaped.replaceAll('"', '\\"') : escaped;
}
