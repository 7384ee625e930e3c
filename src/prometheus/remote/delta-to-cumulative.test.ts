import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf, EMPTY_RESOURCE, EMPTY_SCOPE } from "../../model/otlp-attributes.ts";
import {
  type HistogramPoint,
  type MetricData,
  type NumberPoint,
  type NumberValue,
  type ResourceMetrics,
  Temporality,
} from "../../model/otlp-metrics.ts";
import { DeltaToCumulative, hasDelta, MAX_STALE_MS } from "./delta-to-cumulative.ts";

const point = (seconds: number, startSeconds = 0, stream: Record<string, string> = {}) => ({
  attributes: attributesOf(stream),
  timeUnixNano: BigInt(seconds) * 1_000_000_000n,
  startTimeUnixNano: BigInt(startSeconds) * 1_000_000_000n,
  flags: 0,
  exemplars: [],
});

const number = (seconds: number, value: NumberValue | null, startSeconds = 0): NumberPoint => ({
  ...point(seconds, startSeconds),
  value,
});

const counter = (...points: NumberPoint[]): MetricData => ({
  type: "sum",
  monotonic: true,
  temporality: Temporality.DELTA,
  points,
});

function request(...data: MetricData[]): ResourceMetrics[] {
  const metrics = data.map((each) => ({ name: "m", description: "", unit: "", metadata: [], data: each }));
  return [
    {
      resource: EMPTY_RESOURCE,
      schemaUrl: "",
      scopeMetrics: [{ scope: EMPTY_SCOPE, schemaUrl: "", metrics }],
    },
  ];
}

/** The points that come out, of all metrics. */
function converted(state: DeltaToCumulative, ...data: MetricData[]) {
  return state
    .convert(request(...data))[0]
    .scopeMetrics[0].metrics.flatMap(({ data: { points } }): unknown[] => [...points]);
}

const values = (points: readonly unknown[]) => points.map((each) => (each as NumberPoint).value);

test("convert() sums the deltas of a stream, over requests", () => {
  const state = new DeltaToCumulative({ now: () => 0 });
  assert.deepEqual(values(converted(state, counter(number(1, 2n), number(2, 3n)))), [2n, 5n]);
  const [metric] = state.convert(request(counter(number(3, 1n))))[0].scopeMetrics[0].metrics;
  assert.ok(metric.data.type === "sum" && metric.data.temporality === Temporality.CUMULATIVE);
  assert.deepEqual(values(metric.data.points), [6n]);
  // A number of the other kind begins at 0 again, and a point without one changes nothing.
  assert.deepEqual(values(converted(state, counter(number(4, 0.5), number(5, null)))), [0.5, 0.5]);
  const other = { ...number(6, 1n), attributes: attributesOf({ a: "b" }) };
  assert.deepEqual(values(converted(state, counter(other))), [1n]);
});

test("convert() leaves out what is late or begins before its stream, and metrics of which nothing stays", () => {
  const state = new DeltaToCumulative({ now: () => 0 });
  converted(state, counter(number(10, 1n, 5)));
  const late = [number(10, 1n, 5), number(9, 1n, 5), number(11, 1n, 4)];
  assert.equal(state.convert(request(counter(...late)))[0].scopeMetrics[0].metrics.length, 0);
  assert.deepEqual(values(converted(state, counter(number(12, 1n, 6)))), [2n]);
});

test("convert() does not touch what is cumulative", () => {
  const state = new DeltaToCumulative({ now: () => 0 });
  const data: MetricData = { ...counter(number(1, 7n)), temporality: Temporality.CUMULATIVE } as MetricData;
  assert.equal(hasDelta(request(data)), false);
  assert.equal(hasDelta(request(data, counter())), true);
  assert.equal(state.convert(request(data))[0].scopeMetrics[0].metrics[0].data, data);
});

test("convert() begins a histogram anew when its bounds change, and has only what both points have", () => {
  const state = new DeltaToCumulative({ now: () => 0 });
  const histogram = (seconds: number, explicitBounds: number[], min?: number): MetricData => ({
    type: "histogram",
    temporality: Temporality.DELTA,
    points: [
      {
        ...point(seconds),
        ...{
          explicitBounds,
          bucketCounts: explicitBounds.map(() => 1),
          count: 3,
          sum: 1.5,
          min,
          max: seconds,
        },
      },
    ],
  });
  const one = (data: MetricData) => {
    const { count, sum, min, max, bucketCounts } = converted(state, data)[0] as HistogramPoint;
    return { count, sum, min, max, bucketCounts };
  };
  one(histogram(1, [1, 2], 0.5));
  assert.deepEqual(one(histogram(2, [1, 2], 0.25)), {
    ...{ count: 6, sum: 3, min: 0.25, max: 2 },
    bucketCounts: [2, 2],
  });
  assert.equal(one(histogram(3, [1, 2])).min, undefined);
  assert.deepEqual(one(histogram(4, [5], 1)), { count: 3, sum: 1.5, min: 1, max: 4, bucketCounts: [1] });
});

test("convert() forgets streams of which nothing came, and takes no more than its limit", () => {
  let now = 0;
  const state = new DeltaToCumulative({ now: () => now }, 2);
  const of = (stream: string, seconds: number) =>
    values(converted(state, counter({ ...number(seconds, 1n), attributes: attributesOf({ stream }) })));
  assert.deepEqual([of("a", 1), of("b", 1), of("c", 1)], [[1n], [1n], []]);
  now = MAX_STALE_MS;
  assert.deepEqual([of("a", 2), of("c", 2)], [[2n], []]);
  now += 60_000;
  assert.deepEqual([of("a", 3), of("c", 3)], [[3n], [1n]]);
});
