/** `verbosity: normal`: a line for each resource, scope, data point, span and log record (upstream `debugexporter/internal/normal`). */
import { formatG } from "../../../model/number-format.ts";
import {
  type Attributes,
  type InstrumentationScope,
  type Resource,
  textOf,
} from "../../../model/otlp-attributes.ts";
import type { MetricData, NumberValue } from "../../../model/otlp-metrics.ts";
import type { Payload } from "../../component.ts";
import { floatText } from "./detailed-metric.ts";

export function normalText(payload: Payload): string {
  const lines =
    payload.signal === "metrics"
      ? metricLines(payload)
      : payload.signal === "traces"
        ? spanLines(payload)
        : logLines(payload);
  return lines.map((line) => `${line}\n`).join("");
}

interface ResourceHead {
  readonly resource: Resource;
  readonly schemaUrl: string;
}

interface ScopeHead {
  readonly scope: InstrumentationScope;
  readonly schemaUrl: string;
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

function head(title: string, index: number, { resource, schemaUrl }: ResourceHead): string {
  return `${title} #${index}${suffix(bracketed(schemaUrl), ...pairs(resource.attributes))}`;
}

function scopeHead(title: string, index: number, { scope, schemaUrl }: ScopeHead): string {
  const name = scope.name + (scope.version === "" ? "" : `@${scope.version}`);
  return `${title} #${index}${suffix(name, bracketed(schemaUrl), ...pairs(scope.attributes))}`;
}

function bracketed(url: string): string {
  return url === "" ? "" : `[${url}]`;
}

function metricLines({ data }: PayloadOf<"metrics">): string[] {
  return data.flatMap((resource, i) => [
    head("ResourceMetrics", i, resource),
    ...resource.scopeMetrics.flatMap((scope, j) => [
      scopeHead("ScopeMetrics", j, scope),
      ...scope.metrics.flatMap((metric) =>
        pointTexts(metric.data).map(
          ({ attributes, value }) => `${metric.name}{${pairs(attributes).join(",")}} ${value}`,
        ),
      ),
    ]),
  ]);
}

function pointTexts(data: MetricData): { attributes: Attributes; value: string }[] {
  if (data.type === "gauge" || data.type === "sum") {
    return data.points.map(({ attributes, value }) => ({ attributes, value: numberText(value) }));
  }
  if (data.type === "histogram") {
    return data.points.map((point) => {
      const buckets = point.bucketCounts.map((count, i) =>
        i < point.explicitBounds.length ? `le${formatG(point.explicitBounds[i])}=${count}` : String(count),
      );
      return { attributes: point.attributes, value: [...statistics(point), ...buckets].join(" ") };
    });
  }
  if (data.type === "exponentialHistogram") {
    return data.points.map((point) => {
      const bound = (index: number) => Math.exp(index * Math.LN2 * 2 ** -point.scale);
      const negative = point.negative.counts.map(
        (count, i) => `le${formatG(-bound(point.negative.offset + i))}=${count}`,
      );
      const zero = point.zeroCount === 0 ? [] : [`zero=${point.zeroCount}`];
      const positive = point.positive.counts.map(
        (count, i) => `le${formatG(bound(point.positive.offset + i + 1))}=${count}`,
      );
      const buckets = [...negative.reverse(), ...zero, ...positive];
      return { attributes: point.attributes, value: [...statistics(point), ...buckets].join(" ") };
    });
  }
  if (data.type === "summary") {
    return data.points.map(({ attributes, count, sum, quantiles }) => ({
      attributes,
      value: [
        `count=${count}`,
        `sum=${floatText(sum)}`,
        ...quantiles.map(({ quantile, value }) => `q${formatG(quantile)}=${formatG(value)}`),
      ].join(" "),
    }));
  }
  return [];
}

function statistics(point: { count: number; sum?: number; min?: number; max?: number }): string[] {
  const { count, sum, min, max } = point;
  const texts = Object.entries({ sum, min, max })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${formatG(value!)}`);
  return [`count=${count}`, ...texts];
}

function numberText(value: NumberValue | null): string {
  if (value === null) return "";
  return typeof value === "bigint" ? String(value) : formatG(value);
}

function spanLines({ data }: PayloadOf<"traces">): string[] {
  return data.flatMap((resource, i) => [
    head("ResourceTraces", i, resource),
    ...resource.scopeSpans.flatMap((scope, j) => [
      scopeHead("ScopeTraces", j, scope),
      ...scope.spans.map((span) =>
        [span.name, span.traceId, span.spanId, ...pairs(span.attributes)].join(" "),
      ),
    ]),
  ]);
}

function logLines({ data }: PayloadOf<"logs">): string[] {
  return data.flatMap((resource, i) => [
    head("ResourceLog", i, resource),
    ...resource.scopeLogs.flatMap((scope, j) => [
      scopeHead("ScopeLog", j, scope),
      ...scope.logRecords.map((record) => `${textOf(record.body)} ${pairs(record.attributes).join(" ")}`),
    ]),
  ]);
}
