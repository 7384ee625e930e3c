/** Counting, joining and splitting what flows through pipelines. */
import type { ResourceLogs } from "../../model/otlp-logs.ts";
import type { Metric, MetricData, ResourceMetrics } from "../../model/otlp-metrics.ts";
import type { ResourceSpans } from "../../model/otlp-traces.ts";
import { OTLP_CODECS } from "../../wire/otlp/signal.ts";
import type { Payload } from "../component.ts";

/** Data points, spans, log records. */
export function countItems(payload: Payload): number {
  return OTLP_CODECS[payload.signal].count(payload.data as never);
}

/** One payload out of several of one signal. There must be one at least. */
export function joinPayloads(payloads: readonly Payload[]): Payload {
  if (payloads.length === 1) return payloads[0];
  const [{ signal }] = payloads;
  return { signal, data: payloads.flatMap((payload) => [...payload.data]) } as Payload;
}

/** Parts of at most `maxItems` items, in order; 0 stands for no limit. */
export function splitPayload(payload: Payload, maxItems: number): Payload[] {
  if (maxItems <= 0 || countItems(payload) <= maxItems) return [payload];
  const data: unknown[][] =
    payload.signal === "metrics"
      ? splitMetrics(payload.data, maxItems)
      : payload.signal === "traces"
        ? splitSpans(payload.data, maxItems)
        : splitLogs(payload.data, maxItems);
  return data.map((part) => ({ signal: payload.signal, data: part }) as Payload);
}

/** Gives each item to `add` with a sign for "the next part begins here". */
class Splitter<R> {
  readonly parts: R[][] = [[]];
  readonly #maxItems: number;
  #left: number;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
    this.#left = maxItems;
  }

  /** Cuts `items` so that each piece fits into its part; `wrap` makes of a piece what belongs into the part. */
  add<T>(items: readonly T[], wrap: (items: readonly T[]) => R): void {
    for (let from = 0; from < items.length; ) {
      if (this.#left === 0) {
        this.parts.push([]);
        this.#left = this.#maxItems;
      }
      const piece = items.slice(from, from + this.#left);
      this.parts.at(-1)!.push(wrap(piece));
      from += piece.length;
      this.#left -= piece.length;
    }
  }
}

function splitSpans(data: readonly ResourceSpans[], maxItems: number): ResourceSpans[][] {
  const splitter = new Splitter<ResourceSpans>(maxItems);
  for (const resource of data) {
    for (const scope of resource.scopeSpans) {
      splitter.add(scope.spans, (spans) => ({ ...resource, scopeSpans: [{ ...scope, spans }] }));
    }
  }
  return splitter.parts;
}

function splitLogs(data: readonly ResourceLogs[], maxItems: number): ResourceLogs[][] {
  const splitter = new Splitter<ResourceLogs>(maxItems);
  for (const resource of data) {
    for (const scope of resource.scopeLogs) {
      splitter.add(scope.logRecords, (logRecords) => ({
        ...resource,
        scopeLogs: [{ ...scope, logRecords }],
      }));
    }
  }
  return splitter.parts;
}

/** Metrics are counted by their points; a metric with many is cut too. Those of one scope stay together. */
function splitMetrics(data: readonly ResourceMetrics[], maxItems: number): ResourceMetrics[][] {
  const splitter = new Splitter<{ resource: ResourceMetrics; scope: number; metric: Metric }>(maxItems);
  for (const resource of data) {
    for (const [scope, { metrics }] of resource.scopeMetrics.entries()) {
      for (const metric of metrics) {
        splitter.add<unknown>(metric.data.points, (points) => ({
          resource,
          scope,
          metric: { ...metric, data: { ...metric.data, points } as MetricData },
        }));
      }
    }
  }
  return splitter.parts.map(regroup);
}

function regroup(part: { resource: ResourceMetrics; scope: number; metric: Metric }[]): ResourceMetrics[] {
  const byResource = new Map<ResourceMetrics, Map<number, Metric[]>>();
  for (const { resource, scope, metric } of part) {
    let scopes = byResource.get(resource);
    if (scopes === undefined) byResource.set(resource, (scopes = new Map()));
    const metrics = scopes.get(scope);
    if (metrics === undefined) scopes.set(scope, [metric]);
    else metrics.push(metric);
  }
  return Array.from(byResource, ([resource, scopes]) => ({
    ...resource,
    scopeMetrics: Array.from(scopes, ([scope, metrics]) => ({ ...resource.scopeMetrics[scope], metrics })),
  }));
}
