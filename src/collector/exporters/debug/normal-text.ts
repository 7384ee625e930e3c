/** `verbosity: normal`: a line for each data point, span and log record (upstream `debugexporter/internal/normal`). */
import { type Attributes, textOf } from "../../../model/otlp-attributes.ts";
import type { MetricData } from "../../../model/otlp-metrics.ts";
import type { Payload } from "../../component.ts";

export function normalText(payload: Payload): string {
  const lines =
    payload.signal === "metrics"
      ? metricLines(payload)
      : payload.signal === "traces"
        ? spanLines(payload)
        : logLines(payload);
  return lines.map((line) => `${line}\n`).join("");
}

type PayloadOf<S> = Extract<Payload, { signal: S }>;

function pairs(attributes: Attributes): string[] {
  return attributes.map(({ key, value }) => `${key}=${textOf(value)}`);
}

function suffix(...parts: string[]): string {
  return parts
    .filter((part) => part !== "")
    .map((part) => ` ${part}`)
    .join("");
}

function metricLines({ data }: PayloadOf<"metrics">): string[] {
  const lines: string[] = [];
  for (const [i, { resource, schemaUrl, scopeMetrics }] of data.entries()) {
    const url = schemaUrl === "" ? "" : `[${schemaUrl}]`;
    lines.push(`ResourceMetrics #${i}${suffix(url, ...pairs(resource.attributes))}`);
    for (const { scope, schemaUrl, metrics } of scopeMetrics) {
      const name = scope.name + (scope.version === "" ? "" : `@${scope.version}`);
      const scopeUrl = schemaUrl === "" ? "" : `[${schemaUrl}]`;
      // Upstream numbers scopes by their resource.
      lines.push(`ScopeMetrics #${i}${suffix(name, scopeUrl, ...pairs(scope.attributes))}`);
      for (const metric of metrics) {
        for (const { attributes, value } of pointTexts(metric.data)) {
          lines.push(`${metric.name}{${pairs(attributes).join(",")}} ${value}`);
        }
      }
    }
  }
  return lines;
}

function pointTexts(data: MetricData): { attributes: Attributes; value: string }[] {
  if (data.type === "gauge" || data.type === "sum") {
    return data.points.map(({ attributes, value }) => ({ attributes, value: String(value ?? "") }));
  }
  if (data.type === "histogram") {
    return data.points.map((point) => {
      const buckets = point.bucketCounts.map((count, i) =>
        i < point.explicitBounds.length ? `le${point.explicitBounds[i]}=${count}` : String(count),
      );
      return { attributes: point.attributes, value: [...statistics(point), ...buckets].join(" ") };
    });
  }
  if (data.type === "exponentialHistogram") {
    return data.points.map((point) => {
      const base = 2 ** (2 ** -point.scale);
      const buckets = [point.negative, point.positive].flatMap(({ offset, counts }) =>
        counts.map((count, i) => `le${base ** (offset + i)}=${count}`),
      );
      if (point.zeroCount > 0) buckets.push(`zero_count${point.zeroThreshold}=${point.zeroCount}`);
      return { attributes: point.attributes, value: [...statistics(point), ...buckets].join(" ") };
    });
  }
  if (data.type === "summary") {
    return data.points.map(({ attributes, count, sum, quantiles }) => ({
      attributes,
      value: [
        `count=${count}`,
        `sum=${sum.toFixed(6)}`,
        ...quantiles.map(({ quantile, value }) => `q${quantile}=${value}`),
      ].join(" "),
    }));
  }
  return [];
}

function statistics(point: { count: number; sum?: number; min?: number; max?: number }): string[] {
  const { count, sum, min, max } = point;
  const fields = { count, sum, min, max };
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
}

function spanLines({ data }: PayloadOf<"traces">): string[] {
  return data.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => [span.name, span.traceId, span.spanId, ...pairs(span.attributes)].join(" ")),
    ),
  );
}

function logLines({ data }: PayloadOf<"logs">): string[] {
  return data.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => `${textOf(record.body)} ${pairs(record.attributes).join(" ")}`),
    ),
  );
}
