/**
 * `otlp-deltatocumulative`: deltas become sums since the first of their stream (the Collector's
 * `deltatocumulativeprocessor` 0.157, with its defaults).
 *
 * What a sum says beside its value and time (start, flags, exemplars) is what the first point of the stream said.
 */
import type { Clock } from "../../base/clock.ts";
import { compareStrings } from "../../model/labels.ts";
import { type Attributes, type Resource, textOf, typeNameOf } from "../../model/otlp-attributes.ts";
import {
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type Metric,
  type MetricData,
  type NumberPoint,
  type NumberValue,
  type ResourceMetrics,
  type ScopeMetrics,
  Temporality,
} from "../../model/otlp-metrics.ts";
import { addExponential } from "./exponential-sum.ts";

/** A stream of which nothing comes for so long is forgotten, and begins anew. */
export const MAX_STALE_MS = 5 * 60_000;
/** How often it is looked for such streams. */
const SWEEP_INTERVAL_MS = 60_000;
/** Points of further streams are left out. Upstream's limit is its memory. */
export const MAX_STREAMS = 1_000_000;

type Point = NumberPoint | HistogramPoint | ExponentialHistogramPoint;

interface Stream {
  sum: Point;
  seenMs: number;
}

/** Whether anything of it is a delta: what has none goes its usual way. */
export function hasDelta(data: readonly ResourceMetrics[]): boolean {
  return data.some(({ scopeMetrics }) =>
    scopeMetrics.some(({ metrics }) => metrics.some((metric) => isDelta(metric.data))),
  );
}

export class DeltaToCumulative {
  readonly #clock: Pick<Clock, "now">;
  readonly #maxStreams: number;
  readonly #streams = new Map<string, Stream>();
  #sweptMs: number;

  constructor(clock: Pick<Clock, "now">, maxStreams = MAX_STREAMS) {
    this.#clock = clock;
    this.#maxStreams = maxStreams;
    this.#sweptMs = clock.now();
  }

  /** Points that are late, or begin before their stream did, are left out, and so are metrics without points. */
  convert(data: readonly ResourceMetrics[]): ResourceMetrics[] {
    this.#sweep();
    return data.map((each) => ({
      ...each,
      scopeMetrics: each.scopeMetrics.map((scope) => this.#scope(each.resource, scope)),
    }));
  }

  #scope(resource: Resource, scopeMetrics: ScopeMetrics): ScopeMetrics {
    const { scope } = scopeMetrics;
    const owner = [
      attributesKey(resource.attributes),
      scope.name,
      scope.version,
      attributesKey(scope.attributes),
    ];
    const metrics = scopeMetrics.metrics.flatMap((metric): Metric[] => {
      if (!isDelta(metric.data)) return [metric];
      const data = this.#summed(metric, owner);
      return data.points.length === 0 ? [] : [{ ...metric, data }];
    });
    return { ...scopeMetrics, metrics };
  }

  #summed({ name, unit, data }: Metric, owner: readonly string[]): MetricData {
    const monotonic = data.type === "sum" ? data.monotonic : true;
    const key = JSON.stringify([owner, name, unit, data.type, monotonic]);
    const points: Point[] = [];
    for (const point of data.points as readonly Point[]) {
      const sum = this.#add(`${key}${attributesKey(point.attributes)}`, point);
      if (sum !== undefined) points.push(sum);
    }
    return { ...data, temporality: Temporality.CUMULATIVE, points } as MetricData;
  }

  #add(key: string, point: Point): Point | undefined {
    const stream = this.#streams.get(key);
    const seenMs = this.#clock.now();
    if (stream === undefined) {
      if (this.#streams.size >= this.#maxStreams) return undefined;
      this.#streams.set(key, { sum: point, seenMs });
      return point;
    }
    stream.seenMs = seenMs;
    const { sum } = stream;
    if (sum.timeUnixNano === 0n) return (stream.sum = point);
    if (point.startTimeUnixNano < sum.startTimeUnixNano || point.timeUnixNano <= sum.timeUnixNano)
      return undefined;
    return (stream.sum = { ...addPoints(sum, point), timeUnixNano: point.timeUnixNano });
  }

  #sweep(): void {
    const now = this.#clock.now();
    if (now - this.#sweptMs < SWEEP_INTERVAL_MS) return;
    this.#sweptMs = now;
    for (const [key, { seenMs }] of this.#streams) if (now - seenMs > MAX_STALE_MS) this.#streams.delete(key);
  }
}

function isDelta(data: MetricData): boolean {
  return "temporality" in data && data.temporality === Temporality.DELTA;
}

/** Equal for equal attributes, in whatever order. */
function attributesKey(attributes: Attributes): string {
  const sorted = attributes.toSorted((a, b) => compareStrings(a.key, b.key));
  return JSON.stringify(sorted.map(({ key, value }) => [key, typeNameOf(value), textOf(value)]));
}

/** Both are of one metric, and so of one kind. */
function addPoints(sum: Point, point: Point): Point {
  if ("scale" in sum)
    return {
      ...sum,
      ...addExponential(sum, point as typeof sum),
      ...addStatistics(sum, point as typeof sum),
    };
  if ("bucketCounts" in sum) return addHistograms(sum, point as typeof sum);
  return { ...sum, value: addValues(sum.value, (point as typeof sum).value) };
}

/** The kind of number is the newer one's; one of another kind counts as 0. */
function addValues(sum: NumberValue | null, value: NumberValue | null): NumberValue | null {
  if (value === null) return sum;
  if (typeof value === "number") return (typeof sum === "number" ? sum : 0) + value;
  return BigInt.asIntN(64, (typeof sum === "bigint" ? sum : 0n) + value);
}

/** With other bounds than before a histogram begins anew. */
function addHistograms(sum: HistogramPoint, point: HistogramPoint): HistogramPoint {
  const bounds = point.explicitBounds;
  const isSame =
    bounds.length === sum.explicitBounds.length &&
    bounds.every((bound, i) => bound === sum.explicitBounds[i]);
  if (!isSame) return point;
  return {
    ...sum,
    ...addStatistics(sum, point),
    count: sum.count + point.count,
    bucketCounts: sum.bucketCounts.map((count, i) => count + (point.bucketCounts[i] ?? 0)),
  };
}

type Statistics = Pick<HistogramPoint, "sum" | "min" | "max">;

/** What one of the two lacks, the sum lacks. */
function addStatistics(a: Statistics, b: Statistics): Statistics {
  const both = (x: number | undefined, y: number | undefined, join: (x: number, y: number) => number) =>
    x === undefined || y === undefined ? undefined : join(x, y);
  return {
    sum: both(a.sum, b.sum, (x, y) => x + y),
    min: both(a.min, b.min, Math.min),
    max: both(a.max, b.max, Math.max),
  };
}
