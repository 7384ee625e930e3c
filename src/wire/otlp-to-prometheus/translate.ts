/**
 * OpenTelemetry's metrics as Prometheus' series (upstream contrib `pkg/translator/prometheusremotewrite`; the rules
 * are the specification's "Prometheus and OpenMetrics Compatibility").
 */
import type { FloatHistogram } from "../../model/histogram.ts";
import { compareStrings, Labels, METRIC_NAME } from "../../model/labels.ts";
import {
  type AnyValue,
  type Attributes,
  attributeOf,
  type Resource,
  textOf,
} from "../../model/otlp-attributes.ts";
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
import type { WriteMetadata, WriteRequest, WriteSeries } from "../remote-write/write-request.ts";
import {
  type NameKind,
  type NamingOptions,
  prometheusLabelName,
  prometheusName,
  prometheusUnit,
} from "./names.ts";
import { STALE_NAN, toCustomBuckets, toNativeHistogram } from "./native-histogram.ts";

export interface TranslateOptions extends NamingOptions {
  /** All resource attributes, or those with these keys, become labels of every series. @default false */
  resourceLabels?: boolean | ((key: string) => boolean);
  /** A `target_info` series for each resource. @default true */
  targetInfo?: boolean;
  /** Go on series that do not have them. */
  externalLabels?: Readonly<Record<string, string>>;
  /** The request names type, unit and help of each metric. @default false */
  metadata?: boolean;
  /** `target_info` has the attributes too that `job` and `instance` are made of. @default false */
  keepIdentifyingAttributes?: boolean;
  /** Name, version, schema and attributes of the scope become labels `otel_scope_…`. @default false */
  scopeLabels?: boolean;
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

const SERVICE_KEYS = ["service.name", "service.namespace", "service.instance.id"];

/** Where a resource's points lie further apart, `target_info` is at the last of them only. */
export const MAX_TARGET_INFO_SAMPLES = 10_000;

/** OpenMetrics allows an exemplar's labels so many characters. */
const MAX_EXEMPLAR_CHARACTERS = 128;

const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** What every point says of its time. */
interface Point {
  timeUnixNano: bigint;
  startTimeUnixNano: bigint;
  flags: number;
}

/** `[name, value, …]` in order, as in `Labels`. */
type PointLabels = readonly string[];

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
  readonly #warnings: string[] = [];
  readonly #labelNames = new Map<string, string>();
  /** Of the resource at hand. */
  #common: ReadonlyMap<string, string> = new Map();
  #identity: [string, string][] = [];
  /** Of the scope at hand. */
  #scope: ReadonlyMap<string, string> = NO_LABELS;
  #earliestMs = Number.POSITIVE_INFINITY;
  #latestMs = 0;
  /** Type and unit of the metric at hand, where series have them. */
  #metadataLabels: ReadonlyMap<string, string> = NO_LABELS;
  #isDelta = false;

  constructor(options: TranslateOptions) {
    this.#options = options;
  }

  translate(data: readonly ResourceMetrics[]): Translation {
    for (const { resource, scopeMetrics } of data) {
      this.#common = this.#commonLabels(resource);
      this.#identity = identityOf(resource);
      this.#latestMs = 0;
      this.#earliestMs = Number.POSITIVE_INFINITY;
      for (const each of scopeMetrics) {
        this.#scope = this.#scopeLabels(each);
        for (const metric of each.metrics) {
          this.#metric(metric);
          this.#at++;
        }
      }
      this.#scope = NO_LABELS;
      this.#metadataLabels = NO_LABELS;
      if (this.#options.targetInfo !== false) this.#targetInfo(resource);
    }
    const series = [...this.#series.values()];
    for (const { samples } of this.#options.receiver === undefined ? series : []) {
      if (samples.length > 1) samples.sort((a, b) => a.timestampMs - b.timestampMs);
    }
    return {
      request: { series, metadata: [...this.#metadata.values()] },
      errors: this.#errors,
      errorMetrics: this.#errorMetrics,
      warnings: this.#warnings,
    };
  }

  /** What all series of a resource have, but for its identity. */
  #commonLabels(resource: Resource): ReadonlyMap<string, string> {
    const common = new Map(Object.entries(this.#options.externalLabels ?? {}));
    const { resourceLabels = false } = this.#options;
    const isLabel = typeof resourceLabels === "function" ? resourceLabels : () => resourceLabels;
    const attributes = resource.attributes.filter(({ key }) => isLabel(key));
    for (const [label, value] of this.#fromAttributes(attributes)) common.set(label, value);
    return common;
  }

  #scopeLabels({ scope, schemaUrl }: ScopeMetrics): ReadonlyMap<string, string> {
    if (this.#options.scopeLabels !== true || scope.name === "") return NO_LABELS;
    const labels = new Map<string, string>();
    for (const { key, value } of scope.attributes)
      labels.set(this.#labelName(`otel_scope_${key}`), textOf(value));
    labels.set("otel_scope_name", scope.name);
    labels.set("otel_scope_version", scope.version);
    return labels.set("otel_scope_schema_url", schemaUrl);
  }

  #metric(metric: Metric): void {
    const { data } = metric;
    try {
      if ("temporality" in data && !this.#takes(data)) {
        throw new Error(`invalid temporality and type combination for metric ${JSON.stringify(metric.name)}`);
      }
      if (data.type === "empty")
        throw new Error(
          `could not get aggregation temporality for ${metric.name} as it has unsupported metric type Empty`,
        );
      if (data.points.length === 0) {
        this.#warnings.push(`empty data points. ${metric.name} is dropped`);
        return;
      }
      this.#isDelta = "temporality" in data && data.temporality === Temporality.DELTA;
      if (this.#options.receiver?.typeAndUnitLabels) this.#metadataLabels = this.#labelsOfMetadata(metric);
      const name = prometheusName(metric.name, metric.unit, kindOf(metric), this.#options);
      if (this.#options.metadata === true) {
        this.#metadata.set(name, {
          metric: name,
          type: this.#isDelta ? "unknown" : typeOf(metric),
          help: metric.description,
          unit: metric.unit,
        });
      }
      this.#points(name, metric);
    } catch (error) {
      this.#errors.push((error as Error).message);
      this.#errorMetrics.push(this.#at);
    }
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
    if (unit !== "") labels.set("__unit__", unit);
    return labels;
  }

  #points(name: string, { data }: Metric): void {
    if (data.type === "gauge" || data.type === "sum") {
      for (const point of data.points) {
        const series = this.#of(name, this.#labels(point.attributes));
        this.#sample(series, point, point.value === null ? 0 : Number(point.value));
        if (!isStale(point)) this.#exemplars(series, point.exemplars);
      }
    } else if (data.type === "histogram") {
      const isCustom = this.#options.customBucketHistograms === true;
      for (const point of data.points) {
        if (isCustom) this.#native(name, point, toCustomBuckets(point));
        else this.#histogram(name, point);
      }
    } else if (data.type === "exponentialHistogram") {
      for (const point of data.points) this.#native(name, point, toNativeHistogram(point));
    } else if (data.type === "summary") {
      for (const point of data.points) {
        const labels = this.#labels(point.attributes);
        this.#sample(this.#of(`${name}_sum`, labels), point, point.sum);
        this.#sample(this.#of(`${name}_count`, labels), point, point.count);
        for (const { quantile, value } of point.quantiles) {
          const series = this.#of(name, labels, ["quantile", floatText(quantile)]);
          this.#sample(series, point, value);
        }
      }
    }
  }

  #native(name: string, point: HistogramPoint | ExponentialHistogramPoint, histogram: FloatHistogram): void {
    const series = this.#of(name, this.#labels(point.attributes));
    const timestampMs = this.#timeOf(point);
    if (isStale(point)) histogram.sum = STALE_NAN;
    if (this.#isDelta) histogram.counterResetHint = "gauge";
    series.histograms.push({ timestampMs, histogram, isInteger: true, ...this.#startOf(point) });
    this.#exemplars(series, point.exemplars);
  }

  #histogram(name: string, point: HistogramPoint): void {
    const { explicitBounds, bucketCounts } = point;
    const labels = this.#labels(point.attributes);
    if (point.sum !== undefined) this.#sample(this.#of(`${name}_sum`, labels), point, point.sum);
    this.#sample(this.#of(`${name}_count`, labels), point, point.count);
    const exemplars = isStale(point) ? [] : [...point.exemplars];
    let total = 0;
    for (let i = 0; i < explicitBounds.length && i < bucketCounts.length; i++) {
      total += bucketCounts[i];
      const bound = explicitBounds[i];
      const series = this.#of(`${name}_bucket`, labels, ["le", floatText(bound)]);
      this.#sample(series, point, total);
      const own = exemplars.filter((exemplar) => Number(exemplar.value) <= bound);
      for (const exemplar of own) exemplars.splice(exemplars.indexOf(exemplar), 1);
      this.#exemplars(series, own);
    }
    const last = this.#of(`${name}_bucket`, labels, ["le", "+Inf"]);
    this.#sample(last, point, point.count);
    this.#exemplars(last, exemplars);
  }

  #sample(series: WriteSeries, point: Point, value: number): void {
    const timestampMs = this.#timeOf(point);
    const start = this.#startOf(point);
    series.samples.push(
      isStale(point) ? { timestampMs, value: 0, stale: true, ...start } : { timestampMs, value, ...start },
    );
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

  #exemplars(series: WriteSeries, exemplars: readonly Exemplar[]): void {
    for (const exemplar of exemplars) {
      const pairs: [string, string][] = [];
      if (exemplar.traceId !== "") pairs.push(["trace_id", exemplar.traceId]);
      if (exemplar.spanId !== "") pairs.push(["span_id", exemplar.spanId]);
      // As they are: nobody selects by them. All of them or none, since the store takes no more.
      const own = exemplar.filteredAttributes.map(({ key, value }): [string, string] => [key, textOf(value)]);
      if (characters([...pairs, ...own]) <= MAX_EXEMPLAR_CHARACTERS) pairs.push(...own);
      series.exemplars.push({
        labels: Labels.of(pairs),
        value: Number(exemplar.value ?? 0),
        timestampMs: millisOf(exemplar.timeUnixNano),
      });
    }
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

  /** All labels of a point but its name's and those by which its series differ. */
  #labels(attributes: Attributes): PointLabels {
    const pairs = new Map(this.#common);
    for (const [label, value] of this.#fromAttributes(attributes)) pairs.set(label, value);
    for (const [label, value] of this.#identity) pairs.set(label, value);
    for (const [label, value] of this.#scope) pairs.set(label, value);
    for (const [label, value] of this.#metadataLabels) pairs.set(label, value);
    return Labels.of(pairs).flat;
  }

  /** Attributes whose names become the same label are joined with ";", in the order of their original names. */
  #fromAttributes(attributes: Attributes): Map<string, string> {
    const labels = new Map<string, string>();
    let isPlain = true;
    for (const { key, value } of attributes) {
      const label = this.#labelNames.get(key);
      isPlain &&= label !== undefined && !labels.has(label);
      if (!isPlain) break;
      labels.set(label!, textOf(value));
    }
    if (isPlain) return labels;
    labels.clear();
    // In order also for the sake of which name is complained of.
    for (const { key, value } of [...attributes].sort((a, b) => (a.key < b.key ? -1 : 1))) {
      const label = this.#labelName(key);
      const before = labels.get(label);
      labels.set(label, before === undefined ? textOf(value) : `${before};${textOf(value)}`);
    }
    return labels;
  }

  #labelName(key: string): string {
    let name = this.#labelNames.get(key);
    if (name === undefined) {
      name = prometheusLabelName(key, this.#options);
      this.#labelNames.set(key, name);
    }
    return name;
  }

  /** What a resource says beyond its identity, in one series to join with. */
  #targetInfo(resource: Resource): void {
    const rest = resource.attributes.filter(({ key }) => !SERVICE_KEYS.includes(key));
    if (this.#latestMs === 0 || this.#identity.length === 0 || rest.length === 0) return;
    const { namespace = "" } = this.#options;
    const name = namespace === "" ? "target_info" : `${namespace}_target_info`;
    const shown = this.#options.keepIdentifyingAttributes === true ? resource.attributes : rest;
    // All attributes are there anyway: those that were promoted would only come under a second rule.
    this.#common = new Map(Object.entries(this.#options.externalLabels ?? {}));
    const series = this.#of(name, this.#labels(shown));
    // A resource may come more than once in a request.
    const known = new Set(series.samples.map(({ timestampMs }) => timestampMs));
    for (const timestampMs of this.#targetInfoTimes())
      if (!known.has(timestampMs)) series.samples.push({ timestampMs, value: 1 });
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
    for (let at = from; at < this.#latestMs; at += stepMs) times.push(at);
    return [...times, this.#latestMs];
  }
}

/** `job` and `instance`. */
function identityOf({ attributes }: Resource): [string, string][] {
  const text = (value: AnyValue | undefined) => textOf(value ?? null);
  const service = text(attributeOf(attributes, "service.name"));
  const namespace = text(attributeOf(attributes, "service.namespace"));
  const instance = text(attributeOf(attributes, "service.instance.id"));
  const identity: [string, string][] = [];
  if (service !== "") identity.push(["job", namespace === "" ? service : `${namespace}/${service}`]);
  if (instance !== "") identity.push(["instance", instance]);
  return identity;
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

function characters(pairs: readonly [string, string][]): number {
  return pairs.reduce((sum, [name, value]) => sum + Array.from(name).length + Array.from(value).length, 0);
}

function isStale(point: { flags: number }): boolean {
  return (point.flags & NO_RECORDED_VALUE) !== 0;
}

function millisOf(unixNano: bigint): number {
  return Number(unixNano / 1_000_000n);
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
