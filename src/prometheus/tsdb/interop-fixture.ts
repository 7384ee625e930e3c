/** What the tests of crashes write, batch by batch, and how what two programs say of it is compared. */
import type { RealPrometheus } from "../../../test/real-prometheus.ts";
import { createHistogram, type FloatHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import type { SeriesSamples } from "../storage.ts";

/** The time of the batch 0. */
export const T0 = 1_700_000_040_000;
export const STEP_MS = 1000;
const SERIES = 60;
/** Batches after which the series of a set are others. */
const CHURN = 130;

/** A counter histogram that grows, gets buckets, and is reset now and then. */
function counterHistogram(batch: number, isFloat: boolean): FloatHistogram {
  const n = 1 + (batch % 70);
  const extra = isFloat ? 0.5 : 0;
  return createHistogram({
    schema: 2,
    zeroThreshold: 2 ** -128,
    zeroCount: n,
    count: 4 * n + extra,
    sum: n * 1.5,
    positiveSpans: [
      { offset: 0, length: 1 },
      { offset: n > 20 ? 3 : 2, length: 1 },
    ],
    negativeSpans: [{ offset: 1, length: 1 }],
    positiveBuckets: [n + extra, n],
    negativeBuckets: [n],
  });
}

function gaugeHistogram(batch: number): FloatHistogram {
  const n = 10 + (batch % 7);
  return createHistogram({
    counterResetHint: "gauge",
    count: n,
    sum: -n,
    positiveSpans: [{ offset: batch % 5, length: 1 }],
    positiveBuckets: [n],
  });
}

/** What is written with a batch: floats that churn, late ones, histograms, exemplars. */
export function load(batch: number, hasLateHistograms: boolean): WriteSeries[] {
  const timestampMs = T0 + batch * STEP_MS;
  const series = (
    name: string,
    fields: Partial<WriteSeries>,
    extra: Record<string, string> = {},
  ): WriteSeries => ({
    labels: Labels.of({ __name__: name, ...extra }),
    samples: [],
    histograms: [],
    exemplars: [],
    ...fields,
  });
  const all: WriteSeries[] = [];
  for (let id = 0; id < SERIES; id++) {
    const extra = { generation: String(Math.floor(batch / CHURN)), id: String(id) };
    const exemplar = {
      labels: Labels.of({ trace: `${batch}-${id}` }),
      value: id,
      timestampMs: timestampMs - 3,
    };
    const samples = [{ timestampMs, value: batch * 1000 + id }];
    all.push(series("load", { samples, exemplars: id % 20 === 0 ? [exemplar] : [] }, extra));
  }
  // In groups of eight the other way round.
  const late = batch ^ 7;
  const lateMs = T0 + late * STEP_MS;
  all.push(series("late", { samples: [{ timestampMs: lateMs, value: late }] }));
  const one = (histogram: FloatHistogram, isInteger: boolean, at = timestampMs) => ({
    histograms: [{ timestampMs: at, histogram, isInteger }],
  });
  all.push(series("counter_histogram", one(counterHistogram(batch, false), true)));
  all.push(series("float_histogram", one(counterHistogram(batch, true), false)));
  all.push(series("gauge_histogram", one(gaugeHistogram(batch), true)));
  if (hasLateHistograms) all.push(series("late_histogram", one(counterHistogram(late, false), true, lateMs)));
  // Floats and histograms in turn.
  if (batch % 50 < 25) all.push(series("mixed", { samples: [{ timestampMs, value: batch }] }));
  else all.push(series("mixed", one(counterHistogram(batch, false), true)));
  return all;
}

/** What a store says of one sample, in a form that two of them can be compared by. */
export type Said = Map<string, Map<number, string>>;

export const describeFloat = (value: number) => String(value);

export function describeHistogram(count: number, sum: number, buckets: number[]): string {
  return `${count} ${sum} [${buckets.filter((bucket) => bucket !== 0).join(" ")}]`;
}

export function ofOurs(found: SeriesSamples[]): Said {
  const said: Said = new Map();
  for (const { labels, timestamps, values, histograms } of found) {
    const samples = new Map<number, string>();
    for (const [i, timestampMs] of timestamps.entries()) {
      const h = histograms?.[i];
      const buckets =
        h === undefined ? [] : [...h.negativeBuckets.toReversed(), h.zeroCount, ...h.positiveBuckets];
      samples.set(
        timestampMs,
        h === undefined ? describeFloat(values[i]) : describeHistogram(h.count, h.sum, buckets),
      );
    }
    said.set(JSON.stringify(labels.toObject()), samples);
  }
  return said;
}

interface JsonSeries {
  metric: Record<string, string>;
  values?: [number, string][];
  histograms?: [number, { count: string; sum: string; buckets?: [number, string, string, string][] }][];
}

export async function ofTheirs(prometheus: RealPrometheus, expression: string): Promise<Said> {
  const said: Said = new Map();
  const found = (await prometheus.query(expression)) as unknown as JsonSeries[];
  for (const { metric, values = [], histograms = [] } of found) {
    const samples = new Map<number, string>();
    const ms = (seconds: number) => Math.round(seconds * 1000);
    for (const [seconds, value] of values) samples.set(ms(seconds), describeFloat(Number(value)));
    for (const [seconds, { count, sum, buckets = [] }] of histograms) {
      const counts = buckets.map((bucket) => Number(bucket[3]));
      samples.set(ms(seconds), describeHistogram(Number(count), Number(sum), counts));
    }
    said.set(JSON.stringify(Labels.of(metric).toObject()), samples);
  }
  return said;
}

/** The samples from a time on, as lines in order; of histograms only that they are there, where asked so. */
export function lines(said: Said, fromMs: number, isFirst = false): string[] {
  const all: string[] = [];
  for (const [labels, samples] of said) {
    if (isFirst && labels.includes("late_histogram")) continue;
    for (const [timestampMs, value] of samples) {
      const shown = isFirst && value.endsWith("]") ? "a histogram" : value;
      if (timestampMs >= fromMs) all.push(`${labels} ${timestampMs} ${shown}`);
    }
  }
  return all.sort();
}

/** @returns some of the lines that only the first has, and some that only the second has */
export function difference(one: string[], other: string[]): [string[], string[]] {
  const [inOne, inOther] = [new Set(one), new Set(other)];
  return [
    one.filter((line) => !inOther.has(line)).slice(0, 5),
    other.filter((line) => !inOne.has(line)).slice(0, 5),
  ];
}
