/** The forms in which `/federate` answers: text 0.0.4 or delimited protobuf, names escaped as asked. */
import type { ClientMetric, ClientMetricFamily } from "../../wire/client-model/metric-family.ts";
import {
  CLIENT_PROTOBUF_CONTENT_TYPE,
  encodeMetricFamilies,
} from "../../wire/client-model/metric-family-encoder.ts";
import { escapeLabelValue, TEXT_CONTENT_TYPE } from "../../wire/exposition/exposition-writer.ts";
import { formatGoFloat, quoteGo } from "../../wire/exposition/go-float.ts";
import {
  ESCAPING_SCHEMES,
  type EscapingScheme,
  escapeName,
  isLegacyName,
} from "../../wire/exposition/name-escaping.ts";
import type { Pacer } from "../tsdb/pacer.ts";

/** Metrics between two looks at the clock. */
const METRICS_PER_CHECK = 256;

export interface FederationFormat {
  isProtobuf: boolean;
  escaping: EscapingScheme;
  contentType: string;
}

/** By the client's `Accept` (`expfmt.Negotiate`); protobuf as text is not among what can be had. */
export function negotiateFormat(accept: string | undefined): FederationFormat {
  let escaping: EscapingScheme = "underscores";
  const format = (isProtobuf: boolean) => {
    const type = isProtobuf ? CLIENT_PROTOBUF_CONTENT_TYPE : TEXT_CONTENT_TYPE;
    return { isProtobuf, escaping, contentType: `${type}; escaping=${escaping}` };
  };
  for (const { type, parameters } of acceptedTypes(accept ?? "")) {
    const scheme = ESCAPING_SCHEMES.find((each) => each === parameters.escaping);
    if (scheme !== undefined) escaping = scheme;
    const { version = "", proto, encoding } = parameters;
    const isFamily =
      type === "application/vnd.google.protobuf" && proto === "io.prometheus.client.MetricFamily";
    if (isFamily && encoding === "delimited") return format(true);
    if (type === "text/plain" && (version === "0.0.4" || version === "")) return format(false);
  }
  return format(false);
}

/** What a client takes, what it likes best first. */
function acceptedTypes(accept: string): { type: string; parameters: Record<string, string> }[] {
  const all = accept.split(",").map((each) => {
    const [type, ...rest] = each.split(";").map((part) => part.trim());
    const parameters = Object.fromEntries(
      rest
        .map((part) => part.split("=", 2))
        .map(([name, value = ""]) => [name, value.replace(/^"(.*)"$/, "$1")]),
    );
    return { type, parameters, quality: Number(parameters.q ?? 1) };
  });
  return all.sort((a, b) => b.quality - a.quality);
}

/** Gives way to others on the way. */
export async function writeFamilies(
  families: readonly ClientMetricFamily[],
  { escaping, isProtobuf }: FederationFormat,
  pacer: Pacer,
): Promise<string | Uint8Array> {
  const texts: string[] = [];
  const escaped: ClientMetricFamily[] = [];
  for (const family of families) {
    const { name, type, metrics } = { ...family, name: escapeName(family.name, escaping) };
    const written: ClientMetric[] = [];
    const lines = [typeLine(name, type)];
    for (const [i, metric] of metrics.entries()) {
      const shown = escapedMetric(metric, escaping);
      if (isProtobuf) written.push(shown);
      else lines.push(metricText(name, type, shown));
      if (i % METRICS_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
    }
    if (isProtobuf) escaped.push({ ...family, name, metrics: written });
    else texts.push(lines.join(""));
  }
  return isProtobuf ? encodeMetricFamilies(escaped) : texts.join("");
}

function escapedMetric(metric: ClientMetric, scheme: EscapingScheme): ClientMetric {
  if (scheme === "allow-utf-8") return metric;
  const labels = metric.labels.map((text, index) => (index % 2 === 0 ? escapeName(text, scheme) : text));
  return { ...metric, labels };
}

function isHistogram(type: ClientMetricFamily["type"]): boolean {
  return type === "histogram" || type === "gaugehistogram";
}

function typeLine(name: string, type: ClientMetricFamily["type"]): string {
  const shown = isLegacyName(name) ? name : quoteGo(name);
  return `# TYPE ${shown} ${isHistogram(type) ? "histogram" : "untyped"}\n`;
}

function metricText(name: string, type: ClientMetricFamily["type"], metric: ClientMetric): string {
  return isHistogram(type) ? histogramLines(name, metric).join("") : line(name, metric, metric.value);
}

function histogramLines(name: string, metric: ClientMetric): string[] {
  const { buckets, sampleCountFloat, sampleSum } = metric.histogram!;
  const bounds = buckets.map(({ upperBound, cumulativeCountFloat }) => [upperBound, cumulativeCountFloat]);
  if (bounds.at(-1)?.[0] !== Number.POSITIVE_INFINITY)
    bounds.push([Number.POSITIVE_INFINITY, sampleCountFloat]);
  return [
    ...bounds.map(([bound, count]) => line(`${name}_bucket`, metric, count, formatGoFloat(bound))),
    line(`${name}_sum`, metric, sampleSum),
    line(`${name}_count`, metric, sampleCountFloat),
  ];
}

/** One sample. A name that not every reader takes stands between the braces. */
function line(name: string, { labels, timestampMs }: ClientMetric, value: number, bound?: string): string {
  const pairs: string[] = isLegacyName(name) ? [] : [quoteGo(name)];
  for (let i = 0; i < labels.length; i += 2) {
    const label = isLegacyName(labels[i]) ? labels[i] : quoteGo(labels[i]);
    pairs.push(`${label}="${escapeLabelValue(labels[i + 1])}"`);
  }
  if (bound !== undefined) pairs.push(`le="${bound}"`);
  const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  // Upstream's text knows no negative zero.
  const shown = value === 0 ? "0" : formatGoFloat(value);
  return `${isLegacyName(name) ? name : ""}${braces} ${shown} ${timestampMs}\n`;
}
