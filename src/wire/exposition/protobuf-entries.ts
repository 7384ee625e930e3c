/**
 * Reads the protobuf exposition format as if it were text: histograms and summaries come as the series that stand for
 * them there, native histograms as one sample each (`model/textparse/protobufparse.go`, same order and verdicts).
 *
 * Differences: a family that mixes classic and native histograms is read metric by metric, where upstream loses track;
 * each native histogram's spans are compared with its buckets, not only the first one's.
 */
import { ClassicHistogram } from "../../model/classic-histogram.ts";
import { createHistogram, type FloatHistogram, type Span } from "../../model/histogram.ts";
import { compacted } from "../../model/histogram-buckets.ts";
import type { ClientBuckets, ClientHistogram } from "../client-model/metric-family.ts";
import {
  type DecodedMetric,
  MetricFamilyDecoder,
  type MetricFamilyHeader,
} from "../client-model/metric-family-decoder.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { ExpositionError } from "./exposition-error.ts";
import { formatOpenMetricsFloat, isUtf8, quoteGo } from "./go-float.ts";
import { withMetadataLabels } from "./metadata-labels.ts";
import type { ScrapedEntry, ScrapedSample } from "./scraped-entry.ts";
import type { ParsedExemplar } from "./text-parser.ts";

export interface ProtobufOptions {
  /** Native parts of histograms are passed over. */
  ignoreNativeHistograms: boolean;
  /** A histogram that is both classic and native comes as both. */
  keepClassicHistograms: boolean;
  /** Classic histograms that are not native too become native ones with custom buckets. */
  convertClassicHistograms: boolean;
  /** Labels have the metric's type and unit. @default false */
  typeAndUnitLabels?: boolean;
}

/** Spans may promise this many buckets at most: a few bytes could otherwise claim billions. */
export const MAX_BUCKETS_PER_HISTOGRAM = 100_000;

const latin1 = new TextDecoder("latin1");

/** @throws ExpositionError */
export function* protobufEntries(bytes: Uint8Array, options: ProtobufOptions): Generator<ScrapedEntry> {
  try {
    const decoder = new MetricFamilyDecoder(bytes);
    for (let family = decoder.next(); family !== undefined; family = decoder.next()) {
      if (family.offsets.length > 0) yield* familyEntries(new FamilyReader(bytes, decoder, family, options));
    }
  } catch (error) {
    throw error instanceof ProtobufError ? new ExpositionError(error.message) : error;
  }
}

function* familyEntries(reader: FamilyReader): Generator<ScrapedEntry> {
  const { family } = reader;
  const { name: metricName, unit, offsets } = family;
  let metric = reader.metric(0);
  checkFamily(family);
  yield { kind: "help", metricName, text: family.help };
  if (unit !== "") yield { kind: "unit", metricName, text: unit };
  yield { kind: "type", metricName, text: String(family.type) };
  for (let i = 0; i < offsets.length; i += 2) {
    if (i > 0) metric = reader.metric(i);
    yield* reader.samples(metric);
  }
}

function checkFamily({ name, nameBytes, helpBytes, help, type }: MetricFamilyHeader): void {
  if (name === "" || !isUtf8(nameBytes, 0, nameBytes.length))
    throw new ExpositionError(`invalid metric name: ${name}`);
  if (!isUtf8(helpBytes, 0, helpBytes.length))
    throw new ExpositionError(`invalid help for metric ${quoteGo(nameBytes)}: ${help}`);
  if (typeof type === "number")
    throw new ExpositionError(`unknown metric type for metric ${quoteGo(nameBytes)}: ${type}`);
}

/** The name, one label and the value that a part of a metric has. */
interface Part {
  suffix: string;
  magicLabel?: [name: string, value: string];
  value: number;
  exemplar?: ParsedExemplar;
}

class FamilyReader {
  readonly family: MetricFamilyHeader;
  readonly #bytes: Uint8Array;
  readonly #decoder: MetricFamilyDecoder;
  readonly #options: ProtobufOptions;

  constructor(
    bytes: Uint8Array,
    decoder: MetricFamilyDecoder,
    family: MetricFamilyHeader,
    options: ProtobufOptions,
  ) {
    this.family = family;
    this.#bytes = bytes;
    this.#decoder = decoder;
    this.#options = options;
  }

  /** @param at its place in the family's `offsets` */
  metric(at: number): DecodedMetric {
    return this.#decoder.metric(this.family.offsets[at], this.family.offsets[at + 1]);
  }

  *samples(metric: DecodedMetric): Generator<ScrapedSample> {
    switch (this.family.type) {
      case "summary":
        for (const part of summaryParts(metric)) yield this.#sample(metric, part);
        break;
      case "histogram":
      case "gaugehistogram":
        yield* this.#histogramSamples(metric, metric.histogram ?? EMPTY_HISTOGRAM);
        break;
      default:
        yield this.#sample(metric, { suffix: "", value: metric.value, exemplar: metric.exemplar });
    }
  }

  *#histogramSamples(metric: DecodedMetric, histogram: ClientHistogram): Generator<ScrapedSample> {
    const { ignoreNativeHistograms, keepClassicHistograms, convertClassicHistograms } = this.#options;
    if (!ignoreNativeHistograms && isNative(histogram)) {
      const native = nativeHistogram(histogram, this.family.name);
      yield { ...this.#native(metric, native, histogram), hasIntegerCounts: !hasFloatCounts(histogram) };
      if (keepClassicHistograms && histogram.buckets.length > 0)
        for (const part of histogramParts(histogram)) yield this.#sample(metric, part);
      return;
    }
    if (!convertClassicHistograms || keepClassicHistograms)
      for (const part of histogramParts(histogram)) yield this.#sample(metric, part);
    if (convertClassicHistograms) yield this.#native(metric, customBuckets(histogram), histogram);
  }

  #native(
    metric: DecodedMetric,
    native: FloatHistogram,
    { exemplars, buckets }: ClientHistogram,
  ): ScrapedSample {
    const isGauge = this.family.type === "gaugehistogram";
    const all = exemplars.length > 0 ? exemplars : buckets.map(({ exemplar }) => exemplar);
    return {
      ...this.#sample(metric, { suffix: "", value: 0 }),
      histogram: isGauge ? { ...native, counterResetHint: "gauge" } : native,
      // Without a time there is no telling whether an exemplar is a new one.
      exemplars: all.filter((exemplar) => exemplar?.timestampMs !== undefined) as ParsedExemplar[],
    };
  }

  #sample(metric: DecodedMetric, { suffix, magicLabel, value, exemplar }: Part): ScrapedSample {
    const { timestampMs, startTimestampMs, labelOffsets } = metric;
    return {
      kind: "sample",
      key: this.#key(labelOffsets, suffix, magicLabel),
      labels: () => {
        const labels = ["__name__", this.family.name + suffix, ...this.#labels(metric)];
        const own = this.#options.typeAndUnitLabels
          ? withMetadataLabels(labels, String(this.family.type), this.family.unit)
          : labels;
        if (magicLabel !== undefined) own.push(...magicLabel);
        return own;
      },
      value,
      // As upstream: 0 can't be told from a time that was not sent.
      timestampMs: timestampMs === 0 ? undefined : timestampMs,
      startTimestampMs: this.#hasStartTime ? startTimestampMs : 0,
      exemplars: exemplar === undefined ? [] : [exemplar],
    };
  }

  #labels(metric: DecodedMetric): string[] {
    try {
      return this.#decoder.labels(metric);
    } catch (error) {
      throw error instanceof ProtobufError ? new ExpositionError(error.message) : error;
    }
  }

  get #hasStartTime(): boolean {
    return this.family.type !== "gauge" && this.family.type !== "unknown";
  }

  #key(labelOffsets: readonly number[], suffix: string, magicLabel?: readonly string[]): string {
    let key = `${this.family.name}${suffix}`;
    if (this.#options.typeAndUnitLabels) key += `\xff${this.family.type}\xff${this.family.unit}`;
    // The first is the label's length in the body, so that no two labels run together.
    for (let i = 0; i < labelOffsets.length; i += 2) {
      const [start, end] = [labelOffsets[i], labelOffsets[i + 1]];
      key += `\xff${end - start}\xff${latin1.decode(this.#bytes.subarray(start, end))}`;
    }
    return magicLabel === undefined ? key : `${key}\xff\xff${magicLabel[1]}`;
  }
}

const EMPTY_BUCKETS: ClientBuckets = { spans: [], deltas: [], counts: [] };
const EMPTY_HISTOGRAM: ClientHistogram = {
  sampleCount: 0,
  sampleCountFloat: 0,
  sampleSum: 0,
  buckets: [],
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  zeroCountFloat: 0,
  negative: EMPTY_BUCKETS,
  positive: EMPTY_BUCKETS,
  exemplars: [],
};

function* summaryParts({ summary }: DecodedMetric): Generator<Part> {
  yield { suffix: "_count", value: summary?.sampleCount ?? 0 };
  yield { suffix: "_sum", value: summary?.sampleSum ?? 0 };
  for (const { quantile, value } of summary?.quantiles ?? [])
    yield { suffix: "", value, magicLabel: ["quantile", formatOpenMetricsFloat(quantile)] };
}

function countOf({ sampleCount, sampleCountFloat }: ClientHistogram): number {
  return sampleCountFloat === 0 ? sampleCount : sampleCountFloat;
}

/** The series of a classic histogram. The bucket that takes all is added where it was not sent. */
function* histogramParts(histogram: ClientHistogram): Generator<Part> {
  yield { suffix: "_count", value: countOf(histogram) };
  yield { suffix: "_sum", value: histogram.sampleSum };
  for (const { cumulativeCount, cumulativeCountFloat, upperBound, exemplar } of histogram.buckets) {
    const value = cumulativeCountFloat === 0 ? cumulativeCount : cumulativeCountFloat;
    yield { suffix: "_bucket", value, magicLabel: ["le", formatOpenMetricsFloat(upperBound)], exemplar };
    if (upperBound === Number.POSITIVE_INFINITY) return;
  }
  yield { suffix: "_bucket", value: countOf(histogram), magicLabel: ["le", "+Inf"] };
}

/**
 * A histogram without observations and with a zero threshold of 0 looks the same in both kinds: a span without buckets
 * says that it is a native one.
 */
function isNative({ positive, negative, zeroThreshold, zeroCount }: ClientHistogram): boolean {
  return positive.spans.length > 0 || negative.spans.length > 0 || zeroThreshold > 0 || zeroCount > 0;
}

function hasFloatCounts({ sampleCountFloat, zeroCountFloat }: ClientHistogram): boolean {
  return sampleCountFloat > 0 || zeroCountFloat > 0;
}

function nativeHistogram(histogram: ClientHistogram, name: string): FloatHistogram {
  const isFloat = hasFloatCounts(histogram);
  const counts = (side: ClientBuckets, which: string) => {
    const buckets = isFloat ? side.counts : runningTotals(side.deltas);
    checkSpans(side.spans, buckets.length, `histogram ${quoteGo(name)}: ${which} side`);
    return buckets;
  };
  return compacted(
    createHistogram({
      schema: histogram.schema,
      zeroThreshold: histogram.zeroThreshold,
      zeroCount: isFloat ? histogram.zeroCountFloat : histogram.zeroCount,
      count: isFloat ? histogram.sampleCountFloat : histogram.sampleCount,
      sum: histogram.sampleSum,
      positiveBuckets: counts(histogram.positive, "positive"),
      negativeBuckets: counts(histogram.negative, "negative"),
      positiveSpans: histogram.positive.spans,
      negativeSpans: histogram.negative.spans,
    }),
  );
}

function checkSpans(spans: readonly Span[], buckets: number, where: string): void {
  const required = spans.reduce((sum, { length }) => sum + length, 0);
  if (required !== buckets)
    throw new ExpositionError(`${where}: spans require ${required} buckets, have ${buckets}`);
  if (buckets > MAX_BUCKETS_PER_HISTOGRAM)
    throw new ExpositionError(`${where}: more than ${MAX_BUCKETS_PER_HISTOGRAM} buckets`);
}

function runningTotals(deltas: readonly number[]): number[] {
  let total = 0;
  return deltas.map((delta) => (total += delta));
}

function customBuckets(histogram: ClientHistogram): FloatHistogram {
  const classic = new ClassicHistogram();
  classic.setCount(countOf(histogram));
  classic.setSum(histogram.sampleSum);
  for (const { cumulativeCount, cumulativeCountFloat, upperBound } of histogram.buckets)
    classic.setBucketCount(upperBound, cumulativeCountFloat === 0 ? cumulativeCount : cumulativeCountFloat);
  try {
    return classic.toHistogram();
  } catch (error) {
    throw new ExpositionError((error as Error).message);
  }
}
