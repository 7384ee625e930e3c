/** Query results in the API's JSON (`web/api/v1/json_codec.go`), written straight to bytes. */
import type { FloatHistogram } from "../../model/histogram.ts";
import { allBuckets } from "../../model/histogram-buckets.ts";
import type { Labels } from "../../model/labels.ts";
import { formatFloat } from "../../model/number-format.ts";
import type { InstantResult, MatrixValue, RangeResult, VectorValue } from "../promql/mod.ts";
import type { Pacer } from "../tsdb/pacer.ts";
import { DATA_START, textJson } from "./api-json.ts";
import { JsonBytes, MAX_DIGITS_VALUE } from "./json-bytes.ts";
import { SeriesTexts, seriesStart } from "./series-texts.ts";

const encoder = new TextEncoder();
/** Series between two looks at the clock. */
const SERIES_PER_CHECK = 64;

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
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return Object.is(value, -0) ? "-0" : String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const absolute = Math.abs(value);
  // Go's encoder turns to exponents below 1e-6 and from 1e21 on, and writes them with two digits at least.
  if (absolute >= 1e-6 && absolute < 1e21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

const texts = new SeriesTexts();

/** How the series of an answer begin: those that the store may answer with again are kept as text. */
function startWriter(hasStoredLabels: boolean | undefined): (out: JsonBytes, labels: Labels) => void {
  if (!hasStoredLabels) return (out, labels) => out.text(seriesStart(labels));
  texts.begin();
  return (out, labels) => texts.write(labels, out);
}

/** The API's answer with its data, but not yet at its end. Gives way to others on the way. */
export async function answerJson(
  answer: InstantResult | RangeResult,
  stats: unknown,
  pacer: Pacer,
): Promise<JsonBytes> {
  const out = new JsonBytes();
  out.ascii(`${DATA_START}{"resultType":"${answer.kind}","result":`);
  await writeValue(out, answer, pacer);
  if (stats !== undefined) out.text(`,"stats":${JSON.stringify(stats)}`);
  out.ascii("}");
  return out;
}

async function writeValue(out: JsonBytes, value: InstantResult | RangeResult, pacer: Pacer): Promise<void> {
  switch (value.kind) {
    case "scalar":
      // Unlike samples, a scalar has no exponent.
      return out.ascii(`[${timestampJson(value.timestampMs)},"${formatFloat(value.value)}"]`);
    case "string":
      return out.text(`[${timestampJson(value.timestampMs)},${textJson(value.value)}]`);
    case "vector":
      return writeVector(out, value, pacer);
    case "matrix":
      return writeMatrix(out, value, pacer);
  }
}

async function writeVector(
  out: JsonBytes,
  { samples, hasStoredLabels }: VectorValue,
  pacer: Pacer,
): Promise<void> {
  const writeStart = startWriter(hasStoredLabels);
  // Most have the same time, so its text is made once.
  let lastMs = Number.NaN;
  let time = "";
  let before = new Uint8Array();
  out.ascii("[");
  for (let i = 0; i < samples.length; i++) {
    const { labels, timestampMs, value, histogram } = samples[i];
    if (timestampMs !== lastMs) {
      lastMs = timestampMs;
      time = timestampJson(timestampMs);
      before = encoder.encode(`,"value":[${time},"`);
    }
    if (i > 0) out.ascii(",");
    writeStart(out, labels);
    if (histogram === undefined) {
      out.short(before);
      writeFloat(out, value);
      out.ascii('"]}');
    } else out.ascii(`,"histogram":[${time},${histogramJson(histogram)}]}`);
    if (i % SERIES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause();
  }
  out.ascii("]");
}

/** Most values are whole numbers that are not large. */
function writeFloat(out: JsonBytes, value: number): void {
  if (value >= 0 && value <= MAX_DIGITS_VALUE && Number.isInteger(value) && !Object.is(value, -0))
    out.digits(value);
  else out.ascii(floatText(value));
}

async function writeMatrix(
  out: JsonBytes,
  { series, hasStoredLabels }: MatrixValue,
  pacer: Pacer,
): Promise<void> {
  const writeStart = startWriter(hasStoredLabels);
  // Series of one range query share their steps: each time is made text once.
  let times: Float64Array | undefined;
  let points: Uint8Array[] = [];
  out.ascii("[");
  for (let i = 0; i < series.length; i++) {
    const { labels, timestamps } = series[i];
    if (timestamps !== times) {
      times = timestamps;
      points = Array.from(timestamps, (timestampMs) => encoder.encode(`[${timestampJson(timestampMs)},`));
    }
    if (i > 0) out.ascii(",");
    writeStart(out, labels);
    writePoints(out, series[i], points);
    out.ascii("}");
    if (pacer.isDue()) await pacer.pause();
  }
  out.ascii("]");
}

/** @param points how the point of each time begins */
function writePoints(
  out: JsonBytes,
  { values, histograms }: MatrixValue["series"][number],
  points: Uint8Array[],
): void {
  let before = ',"values":[';
  for (let i = 0; i < points.length; i++) {
    if (histograms?.[i] !== undefined) continue;
    out.ascii(before);
    out.short(points[i]);
    out.ascii('"');
    writeFloat(out, values[i]);
    out.ascii('"]');
    before = ",";
  }
  if (before === ",") out.ascii("]");
  if (histograms === undefined) return;
  before = ',"histograms":[';
  for (let i = 0; i < points.length; i++) {
    const histogram = histograms[i];
    if (histogram === undefined) continue;
    out.ascii(before);
    out.short(points[i]);
    out.ascii(`${histogramJson(histogram)}]`);
    before = ",";
  }
  if (before === ",") out.ascii("]");
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
