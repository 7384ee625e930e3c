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

export function writeFamilies(
  families: readonly ClientMetricFamily[],
  format: FederationFormat,
): string | Uint8Array {
  const escaped = families.map((family) => escapedFamily(family, format.escaping));
  if (format.isProtobuf) return encodeMetricFamilies(escaped);
  return escaped.map(familyText).join("");
}

function escapedFamily(family: ClientMetricFamily, scheme: EscapingScheme): ClientMetricFamily {
  if (scheme === "allow-utf-8") return family;
  const metrics = family.metrics.map((metric) => ({
    ...metric,
    labels: metric.labels.map((text, index) => (index % 2 === 0 ? escapeName(text, scheme) : text)),
  }));
  return { ...family, name: escapeName(family.name, scheme), metrics };
}

function familyText({ name, type, metrics }: ClientMetricFamily): string {
  const isHistogram = type === "histogram" || type === "gaugehistogram";
  const shown = isLegacyName(name) ? name : quoteGo(name);
  const lines = metrics.flatMap((metric) =>
    isHistogram ? histogramLines(name, metric) : [line(name, metric, metric.value)],
  );
  return `# TYPE ${shown} ${isHistogram ? "histogram" : "untyped"}\n${lines.join("")}`;
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
