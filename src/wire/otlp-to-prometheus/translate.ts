/**
 * OpenTelemetry's metrics as Prometheus' series (upstream contrib `pkg/translator/prometheusremotewrite`; the rules
 * are the specification's "Prometheus and OpenMetrics Compatibility").
 */

import { quoteGo } from "../../model/go-quote.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { compareStrings, Labels, METRIC_NAME } from "../../model/labels.ts";
import { type Resource, textOf, typeNameOf } from "../../model/otlp-attributes.ts";
import {
  type Exemplar,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type Metric,
  NO_RECORDED_VALUE,
  type ResourceMetrics,
  type ScopeMetrics,
  Temporality,
} from "../../model/otlp-metrics.ts";
import type {
  WriteExemplar,
  WriteMetadata,
  WriteRequest,
  WriteSeries,
} from "../remote-write/write-request.ts";
import { type AttributeLabelOptions, AttributeLabels, type PointLabels } from "./attribute-labels.ts";
import { type NameKind, prometheusName, prometheusUnit } from "./names.ts";
import { STALE_NAN, toCustomBuckets, toNativeHistogram } from "./native-histogram.ts";

export interface TranslateOptions extends AttributeLabelOptions {
  /** A `target_info` series for each resource. @default true */
  targetInfo?: boolean;
  /** The request names type, unit and help of each metric. @default false */
  metadata?: boolean;
  /** Histograms become native ones with custom buckets instead of classic series. @default false */
  customBucketHistograms?: boolean;
  /** As Prometheus' own receiver does, where it and the Collector's exporter differ. */
  receiver?: ReceiverOptions;
}

/** Points keep their order and say since when they count; temporality must be cumulative, or delta where it is taken. */
export interface ReceiverOptions {
  /** `target_info` has a sample for each half of it between a resource's first and last point. */
  lookbackMs: number;
  /** Values of deltas are stored as they are (`otlp-native-delta-ingestion`). */
  takesDeltas: boolean;
  /** `type-and-unit-labels`. */
  typeAndUnitLabels: boolean;
}

export interface Translation {
  request: WriteRequest;
  /** Why metrics were left out, one text for each. */
  errors: string[];
  /** The places of those metrics in the request, counted over all resources. */
  errorMetrics: number[];
  /** What was left out and is no error, like a metric without points. */
  warnings: string[];
}

export function translateMetrics(
  data: readonly ResourceMetrics[],
  options: TranslateOptions = {},
): Translation {
  return new Translator(options).translate(data);
}

/** Where a resource's points lie further apart, `target_info` is at the last of them only. */
export const MAX_TARGET_INFO_SAMPLES = 10_000;

/** OpenMetrics allows an exemplar's labels so many characters. */
const MAX_EXEMPLAR_CHARACTERS = 128;

const NO_EXEMPLARS: readonly WriteExemplar[] = [];

/** What `target_info` has of a type and a unit: neither. */
const NO_TYPE: ReadonlyMap<string, string> = new Map([["__type__", ""]]);

/** What every point says of its time. */
interface Point {
  timeUnixNano: bigint;
  startTimeUnixNano: bigint;
  flags: number;
}

/** A copy with one label more, or another value of it. */
function withLabel(labels: PointLabels, name: string, value: string): PointLabels {
  let at = 0;
  while (at < labels.length && compareStrings(labels[at], name) < 0) at += 2;
  return labels.toSpliced(at, labels[at] === name ? 2 : 0, name, value);
}

class Translator {
  readonly #options: TranslateOptions;
  readonly #series = new Map<string, WriteSeries>();
  readonly #metadata = new Map<string, WriteMetadata & { metric: string }>();
  readonly #errors: string[] = [];
  readonly #errorMetrics: number[] = [];
  /** The place of the metric at hand. */
  #at = 0;
  readonly #warnings = new Set<string>();
  /** Of resource, scope and metric at hand. */
  readonly #labels: AttributeLabels;
  #earliestMs = Number.POSITIVE_INFINITY;
  #latestMs = 0;
  #isDelta = false;

  constructor(options: TranslateOptions) {
    this.#options = options;
    this.#labels = new AttributeLabels(options, (text) => this.#warn(text));
  }

  translate(data: readonly ResourceMetrics[]): Translation {
    for (const each of data) this.#resource(each);
    const series = [...this.#series.values()];
    for (const { samples } of this.#options.receiver === undefined ? series : []) {
      if (samples.length > 1) samples.sort((a, b) => a.timestampMs - b.timestampMs);
    }
    return {
      request: { series, metadata: [...this.#metadata.values()] },
      errors: this.#errors,
      errorMetrics: this.#errorMetrics,
      warnings: [...this.#warnings],
    };
  }

  #resource({ resource, scopeMetrics }: ResourceMetrics): void {
    const first = this.#at;
    const count = scopeMetrics.reduce((sum, { metrics }) => sum + metrics.length, 0);
    this.#latestMs = 0;
    this.#earliestMs = Number.POSITIVE_INFINITY;
    this.#tried(() => {
      this.#labels.setResource(resource);
      for (const each of scopeMetrics) this.#scope(each);
      if (this.#options.targetInfo !== false) this.#tried(() => this.#targetInfo(resource));
    });
    this.#at = first + count;
  }

  #scope(scopeMetrics: ScopeMetrics): void {
    const first = this.#at;
    this.#tried(() => {
      this.#labels.setScope(scopeMetrics);
      for (const metric of scopeMetrics.metrics) {
        if (!this.#tried(() => this.#metric(metric))) this.#noteTimes(metric);
        this.#at++;
      }
    });
    this.#at = first + scopeMetrics.metrics.length;
  }

  /** What fails is left out and told. Answers whether it did not. */
  #tried(step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      this.#errors.push((error as Error).message);
      this.#errorMetrics.push(this.#at);
      return false;
    }
  }

  #warn(text: string): void {
    this.#warnings.add(text);
  }

  #metric(metric: Metric): void {
    const { data } = metric;
    const { receiver } = this.#options;
    if ("temporality" in data && !this.#takes(data)) {
      throw new Error(`invalid temporality and type combination for metric ${quoteGo(metric.name)}`);
    }
    if (data.type === "empty")
      throw new Error(
        `could not get aggregation temporality for ${metric.name} as it has unsupported metric type Empty`,
      );
    const name = prometheusName(metric.name, metric.unit, kindOf(metric), this.#options);
    if (data.points.length === 0) {
      this.#warn(`empty data points. ${metric.name} is dropped`);
      return;
    }
    this.#isDelta = "temporality" in data && data.temporality === Temporality.DELTA;
    this.#labels.setMetadata(
      receiver?.typeAndUnitLabels === true ? this.#labelsOfMetadata(metric) : undefined,
    );
    if (this.#options.metadata === true) {
      this.#metadata.set(name, {
        metric: name,
        type: this.#isDelta ? "unknown" : typeOf(metric),
        help: metric.description,
        unit: receiver === undefined ? metric.unit : prometheusUnit(metric.unit),
      });
    }
    this.#points(name, metric);
  }

  #takes(data: Metric["data"] & { temporality: number }): boolean {
    const { receiver } = this.#options;
    if (data.temporality === Temporality.CUMULATIVE) return true;
    if (receiver === undefined) return isGaugeLike(data);
    return receiver.takesDeltas && data.temporality === Temporality.DELTA;
  }

  #labelsOfMetadata(metric: Metric): ReadonlyMap<string, string> {
    const labels = new Map<string, string>();
    const type = this.#isDelta ? "unknown" : typeOf(metric);
    const unit = prometheusUnit(metric.unit);
    if (type !== "unknown") labels.set("__type__", type);
    // Translated twice, as upstream: "°h" is h, which is hours.
    if (unit !== "") labels.set("__unit__", prometheusUnit(unit));
    return labels;
  }

  #points(name: string, { data }: Metric): void {
    if (data.type === "gauge" || data.type === "sum") {
      for (const point of data.points) {
        const series = this.#of(name, this.#labels.of(point.attributes));
        const exemplars = data.type === "sum" ? exemplarsOf(point.exemplars) : NO_EXEMPLARS;
        this.#sample(series, point, point.value === null ? 0 : Number(point.value), exemplars);
      }
    } else if (data.type === "histogram") {
      const isCustom = this.#options.customBucketHistograms === true;
      for (const point of data.points) {
        if (isCustom) this.#native(name, point, toCustomBuckets(point), "histogram");
        else this.#histogram(name, point);
      }
    } else if (data.type === "exponentialHistogram") {
      for (const point of data.points)
        this.#native(name, point, toNativeHistogram(point), "exponential histogram");
    } else if (data.type === "summary") {
      for (const point of data.points) {
        const labels = this.#labels.of(point.attributes);
        this.#sample(this.#of(`${name}_sum`, labels), point, point.sum);
        this.#sample(this.#of(`${name}_count`, labels), point, point.count);
        for (const { quantile, value } of point.quantiles) {
          const series = this.#of(name, labels, ["quantile", floatText(quantile)]);
          this.#sample(series, point, value);
        }
      }
    }
  }

  #native(
    name: string,
    point: HistogramPoint | ExponentialHistogramPoint,
    histogram: FloatHistogram,
    kind: string,
  ): void {
    if (!isStale(point) && point.count === 0 && histogram.sum !== 0)
      this.#warn(`${kind} data point has zero count, but non-zero sum: ${sumText(histogram.sum)}`);
    const series = this.#of(name, this.#labels.of(point.attributes));
    const exemplars = exemplarsOf(point.exemplars);
    const timestampMs = this.#timeOf(point);
    if (isStale(point)) histogram.sum = STALE_NAN;
    if (this.#isDelta) histogram.counterResetHint = "gauge";
    series.histograms.push({ timestampMs, histogram, isInteger: true, ...this.#startOf(point) });
    if (!isStale(point)) series.exemplars.push(...exemplars);
  }

  #histogram(name: string, point: HistogramPoint): void {
    const { explicitBounds, bucketCounts } = point;
    const labels = this.#labels.of(point.attributes);
    if (point.sum !== undefined) this.#sample(this.#of(`${name}_sum`, labels), point, point.sum);
    this.#sample(this.#of(`${name}_count`, labels), point, point.count);
    const exemplars = exemplarsOf(point.exemplars);
    let next = 0;
    let total = 0;
    for (let i = 0; i < explicitBounds.length && i < bucketCounts.length; i++) {
      total += bucketCounts[i];
      const bound = explicitBounds[i];
      const from = next;
      // They are sent in order, like the buckets; one that is not goes with those that it stands behind.
      while (next < exemplars.length && !(exemplars[next].value > bound)) next++;
      const series = this.#of(`${name}_bucket`, labels, ["le", floatText(bound)]);
      this.#sample(series, point, total, exemplars.slice(from, next));
    }
    const last = this.#of(`${name}_bucket`, labels, ["le", "+Inf"]);
    this.#sample(last, point, point.count, exemplars.slice(next));
  }

  #sample(series: WriteSeries, point: Point, value: number, exemplars = NO_EXEMPLARS): void {
    const timestampMs = this.#timeOf(point);
    const start = this.#startOf(point);
    if (isStale(point)) {
      // Of a series that ends nothing else is stored.
      series.samples.push({ timestampMs, value: 0, stale: true, ...start });
      return;
    }
    series.samples.push({ timestampMs, value, ...start });
    if (exemplars.length > 0) series.exemplars.push(...exemplars);
  }

  #noteTimes({ data }: Metric): void {
    if (data.type !== "empty") for (const point of data.points) this.#timeOf(point);
  }

  #timeOf({ timeUnixNano }: Point): number {
    const timestampMs = millisOf(timeUnixNano);
    this.#latestMs = Math.max(this.#latestMs, timestampMs);
    this.#earliestMs = Math.min(this.#earliestMs, timestampMs);
    return timestampMs;
  }

  #startOf({ startTimeUnixNano }: Point): { startTimestampMs?: number } {
    if (this.#options.receiver === undefined || startTimeUnixNano === 0n) return {};
    return { startTimestampMs: millisOf(startTimeUnixNano) };
  }

  /** The series of a name and a point's labels, made when it is new. */
  #of(name: string, labels: PointLabels, extra?: [string, string]): WriteSeries {
    const named = withLabel(labels, METRIC_NAME, name);
    return this.#seriesOf(Labels.fromSorted(extra === undefined ? named : withLabel(named, ...extra)));
  }

  #seriesOf(labels: Labels): WriteSeries {
    let series = this.#series.get(labels.key);
    if (series === undefined) {
      series = { labels, samples: [], histograms: [], exemplars: [], metric: this.#at };
      this.#series.set(labels.key, series);
    }
    return series;
  }

  /** What a resource says beyond its identity, in one series to join with. */
  #targetInfo(resource: Resource): void {
    if (this.#earliestMs === Number.POSITIVE_INFINITY) return;
    const { namespace = "", metadata, receiver } = this.#options;
    const name = namespace === "" ? "target_info" : `${namespace}_target_info`;
    this.#labels.setMetadata(receiver?.typeAndUnitLabels === true ? NO_TYPE : undefined);
    const labels = this.#labels.ofTarget(resource, name);
    if (labels === undefined) return;
    if (metadata === true && receiver !== undefined)
      this.#metadata.set(name, { metric: name, type: "gauge", help: "Target metadata", unit: "" });
    const series = this.#seriesOf(labels);
    // A resource may come more than once in a request.
    const known = new Set(series.samples.map(({ timestampMs }) => timestampMs));
    for (const timestampMs of this.#targetInfoTimes()) {
      if (!known.has(timestampMs)) series.samples.push({ timestampMs, value: 1 });
      known.add(timestampMs);
    }
  }

  /** So often that it is found at any time between the first and the last point of the resource. */
  #targetInfoTimes(): number[] {
    const { receiver } = this.#options;
    if (receiver === undefined) return [this.#latestMs];
    const stepMs = receiver.lookbackMs / 2;
    const spanMs = this.#latestMs - this.#earliestMs;
    const count = Math.ceil(spanMs / stepMs);
    const from = count <= MAX_TARGET_INFO_SAMPLES ? this.#earliestMs : this.#latestMs;
    const times: number[] = [];
    for (let at = from; at < this.#latestMs; at += stepMs) times.push(Math.floor(at));
    return [...times, this.#latestMs];
  }
}

function isGaugeLike(data: Metric["data"]): boolean {
  return data.type === "sum" && !data.monotonic && data.temporality === Temporality.UNSPECIFIED;
}

function kindOf({ data }: Metric): NameKind {
  if (data.type === "sum") return data.monotonic ? "counter" : "other";
  return data.type === "gauge" ? "gauge" : "other";
}

function typeOf({ data }: Metric): string {
  if (data.type === "sum") return data.monotonic ? "counter" : "gauge";
  if (data.type === "exponentialHistogram") return "histogram";
  return data.type === "empty" ? "unknown" : data.type;
}

/** @throws when one has no value */
function exemplarsOf(exemplars: readonly Exemplar[]): readonly WriteExemplar[] {
  return exemplars.length === 0 ? NO_EXEMPLARS : exemplars.map(exemplarOf);
}

function exemplarOf(exemplar: Exemplar): WriteExemplar {
  if (exemplar.value === null) throw new Error(`unsupported exemplar value type: ${typeNameOf(null)}`);
  const pairs: [string, string][] = [];
  if (exemplar.traceId !== "") pairs.push(["trace_id", exemplar.traceId]);
  if (exemplar.spanId !== "") pairs.push(["span_id", exemplar.spanId]);
  // As they are: nobody selects by them. All of them or none, since the store takes no more.
  const own = exemplar.filteredAttributes.map(({ key, value }): [string, string] => [key, textOf(value)]);
  if (characters([...pairs, ...own]) <= MAX_EXEMPLAR_CHARACTERS) pairs.push(...own);
  return {
    labels: Labels.of(pairs),
    value: Number(exemplar.value),
    timestampMs: millisOf(exemplar.timeUnixNano),
  };
}

function characters(pairs: readonly [string, string][]): number {
  return pairs.reduce((sum, [name, value]) => sum + Array.from(name).length + Array.from(value).length, 0);
}

function isStale(point: { flags: number }): boolean {
  return (point.flags & NO_RECORDED_VALUE) !== 0;
}

function millisOf(unixNano: bigint): number {
  return Number(unixNano / 1_000_000n);
}

/** As Go's `%f`. */
function sumText(sum: number): string {
  if (!Number.isFinite(sum)) return Number.isNaN(sum) ? "NaN" : floatText(sum);
  return Math.abs(sum) < 1e21 ? sum.toFixed(6) : `${BigInt(sum)}.000000`;
}

/** A bound or quantile as Go's `strconv.FormatFloat(value, 'f', -1, 64)` writes it: never with an exponent. */
function floatText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign, whole, fraction = "", exponentText] = match;
  const digits = whole + fraction;
  const point = 1 + Number(exponentText);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return point >= digits.length
    ? `${sign}${digits}${"0".repeat(point - digits.length)}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
