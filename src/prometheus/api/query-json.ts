/** Query results in the API's JSON (`web/api/v1/json_codec.go`), written straight to text. */
import type { FloatHistogram } from "../../model/histogram.ts";
import { allBuckets } from "../../model/histogram-buckets.ts";
import { formatFloat } from "../../model/number-format.ts";
import type { InstantResult, MatrixValue, RangeResult } from "../promql/mod.ts";
import { labelsJson, textJson } from "./api-json.ts";

/** Seconds with the milliseconds as a fraction, as upstream prints them: `1.500`, `2`. */
export function timestampJson(timestampMs: number): string {
  const isNegative = timestampMs < 0;
  const absolute = Math.abs(timestampMs);
  const fraction = absolute % 1000;
  const text = `${isNegative ? "-" : ""}${Math.floor(absolute / 1000)}`;
  return fraction === 0 ? text : `${text}.${String(fraction).padStart(3, "0")}`;
}

/** A float in the text that stands between quotes. */
export function floatText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return Object.is(value, -0) ? "-0" : plain(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const absolute = Math.abs(value);
  // Go's encoder turns to exponents below 1e-6 and from 1e21 on, and writes them with two digits at least.
  if (absolute >= 1e-6 && absolute < 1e21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function plain(value: number): string {
  return String(value);
}

export function answerJson(answer: InstantResult | RangeResult, stats: unknown): string {
  const tail = stats === undefined ? "" : `,"stats":${JSON.stringify(stats)}`;
  return `{"resultType":"${answer.kind}","result":${valueJson(answer)}${tail}}`;
}

function valueJson(value: InstantResult | RangeResult): string {
  switch (value.kind) {
    case "scalar":
      // Unlike samples, a scalar has no exponent.
      return `[${timestampJson(value.timestampMs)},"${formatFloat(value.value)}"]`;
    case "string":
      return `[${timestampJson(value.timestampMs)},${textJson(value.value)}]`;
    case "vector":
      return `[${value.samples
        .map(({ labels, timestampMs, value: float, histogram }) =>
          histogram === undefined
            ? `{"metric":${labelsJson(labels)},"value":[${timestampJson(timestampMs)},"${floatText(float)}"]}`
            : `{"metric":${labelsJson(labels)},"histogram":[${timestampJson(timestampMs)},${histogramJson(histogram)}]}`,
        )
        .join(",")}]`;
    case "matrix":
      return matrixJson(value.series);
  }
}

function matrixJson(series: MatrixValue["series"]): string {
  const parts: string[] = [];
  // Series of one range query share their steps: each time is made text once.
  const times = new Map<number, string>();
  const timeText = (timestampMs: number) => {
    let text = times.get(timestampMs);
    if (text === undefined) times.set(timestampMs, (text = timestampJson(timestampMs)));
    return text;
  };
  for (const { labels, timestamps, values, histograms } of series) {
    const floats: string[] = [];
    const natives: string[] = [];
    for (let i = 0; i < timestamps.length; i++) {
      const histogram = histograms?.[i];
      if (histogram === undefined) floats.push(`[${timeText(timestamps[i])},"${floatText(values[i])}"]`);
      else natives.push(`[${timeText(timestamps[i])},${histogramJson(histogram)}]`);
    }
    let text = `{"metric":${labelsJson(labels)}`;
    if (floats.length > 0) text += `,"values":[${floats.join(",")}]`;
    if (natives.length > 0) text += `,"histograms":[${natives.join(",")}]`;
    parts.push(`${text}}`);
  }
  return `[${parts.join(",")}]`;
}

interface Bucket {
  lower: number;
  upper: number;
  count: number;
  lowerInclusive: boolean;
  upperInclusive: boolean;
}

/** `{"count":"…","sum":"…","buckets":[[bounds,"lower","upper","count"],…]}`; empty buckets are left out. */
export function histogramJson(histogram: FloatHistogram): string {
  let text = `{"count":"${floatText(histogram.count)}","sum":"${floatText(histogram.sum)}"`;
  const buckets = bucketsOf(histogram).filter((bucket) => bucket.count !== 0);
  if (buckets.length > 0) {
    const rows = buckets.map(({ lower, upper, count, lowerInclusive, upperInclusive }) => {
      const bounds = lowerInclusive ? (upperInclusive ? 3 : 1) : upperInclusive ? 0 : 2;
      return `[${bounds},"${floatText(lower)}","${floatText(upper)}","${floatText(count)}"]`;
    });
    text += `,"buckets":[${rows.join(",")}]`;
  }
  return `${text}}`;
}

/** All buckets from the lowest bound to the highest. */
export function bucketsOf(histogram: FloatHistogram): Bucket[] {
  if (histogram.schema === -53) return customBuckets(histogram);
  return allBuckets(histogram).map(({ isLowerInclusive, isUpperInclusive, ...bucket }) => ({
    ...bucket,
    lowerInclusive: isLowerInclusive,
    upperInclusive: isUpperInclusive,
  }));
}

function customBuckets(histogram: FloatHistogram): Bucket[] {
  const { customValues, positiveSpans, positiveBuckets } = histogram;
  const buckets: Bucket[] = [];
  let index = 0;
  let next = 0;
  for (const span of positiveSpans) {
    index += span.offset;
    for (let i = 0; i < span.length; i++, index++) {
      const lower = index === 0 ? Number.NEGATIVE_INFINITY : customValues[index - 1];
      const upper = index < customValues.length ? customValues[index] : Number.POSITIVE_INFINITY;
      buckets.push({
        lower,
        upper,
        count: positiveBuckets[next++],
        lowerInclusive: index === 0,
        upperInclusive: true,
      });
    }
  }
  return buckets;
}
