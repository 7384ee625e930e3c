import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { createHistogram } from "../../model/histogram.ts";
import { Labels } from "../../model/labels.ts";
import { MemoryDisk } from "../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import { openTsdb } from "../tsdb/mod.ts";
import { MAX_TOLD_PROBLEMS, storeRequest } from "./write-receiver.ts";

const clock = new VirtualClock();
const NOW = clock.now();

function series(labels: Record<string, string>, fields: Partial<WriteSeries> = {}): WriteSeries {
  const samples = [{ timestampMs: NOW, value: 1 }];
  return { labels: Labels.of(labels), samples, histograms: [], exemplars: [], ...fields };
}

function open() {
  return openTsdb({
    directory: "/data",
    disk: new MemoryDisk(),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    compactInBackground: false,
    maxExemplars: 10,
  });
}

async function stored(all: WriteSeries[], isV2: boolean) {
  const storage = await open();
  return storeRequest({ series: all, metadata: [] }, { storage, clock }, isV2 ? "v2" : "v1");
}

const A = { __name__: "a" };
const flat = (...pairs: string[]) => Labels.fromSorted(pairs);
const histogram = createHistogram({
  count: 2,
  positiveSpans: [{ offset: 0, length: 1 }],
  positiveBuckets: [1],
});

test("storeRequest() tells in version 2 what was wrong of each series, and stores the others", async () => {
  const cases: [bad: WriteSeries, problem: string][] = [
    [series({ x: "1" }), 'invalid metric name or labels, got {x="1"}'],
    [series({}, { labels: flat("__name__", "") }), 'invalid metric name or labels, got {__name__=""}'],
    [
      series({}, { labels: flat("__name__", "a", "b", "c", "b", "c") }),
      'invalid labels for series, labels {__name__="a", b="c", b="c"}, duplicated label b',
    ],
    [series({}, { problem: "parsing labels for series [1]: odd" }), "parsing labels for series [1]: odd"],
    [
      series(A, { samples: [] }),
      'TimeSeries must contain at least one sample or histogram for series {__name__="a"}',
    ],
    [
      series(A, { samples: [{ timestampMs: NOW + 601_000, value: 1 }] }),
      'out of bounds: timestamp is too far in the future for series {__name__="a"}',
    ],
    [
      series(A, { samples: [], histograms: [{ timestampMs: NOW, histogram, isInteger: true }] }),
      '1 observations found in buckets, but the Count field is 2: histogram\'s observation count should equal the number of observations found in the buckets (in absence of NaN) for series {__name__="a"}',
    ],
  ];
  for (const [bad, problem] of cases) {
    const {
      isLate: _late,
      invalidLabelSamples: _invalid,
      ...outcome
    } = await stored([bad, series({ __name__: "good" })], true);
    assert.deepEqual(outcome, { samples: 1, histograms: 0, exemplars: 0, problem });
  }
  const both = await stored([series({ x: "1" }), series({ x: "2" })], true);
  assert.equal(both.problem.split("\n").length, 2);
  const many = await stored(new Array(MAX_TOLD_PROBLEMS + 1).fill(series({ x: "1" })), true);
  assert.equal(many.problem.split("\n").length, MAX_TOLD_PROBLEMS);
});

test("storeRequest() stores nothing of a version 1 request with a sample that is refused, and leaves out bad labels", async () => {
  const ahead = { timestampMs: NOW + 601_000, value: 1 };
  // One of two is told: it ends the request.
  const late = series(A, { samples: [ahead, ahead] });
  const good = series({ __name__: "good" });
  const refused = await stored([good, late, series({ x: "1" })], false);
  assert.equal(refused.problem, "out of bounds: timestamp is too far in the future");
  const taken = await stored([series({ x: "1" }), good], false);
  assert.deepEqual(
    [taken.problem, taken.samples, taken.leftOut],
    ["", 1, 'invalid metric name or labels, got {x="1"}'],
  );
  const twice = series(A, { samples: [{ timestampMs: NOW, value: 2e6 }] });
  const storage = await open();
  await storeRequest({ series: [series(A)], metadata: [] }, { storage, clock });
  const { problem } = await storeRequest({ series: [twice], metadata: [] }, { storage, clock });
  assert.equal(
    problem,
    `duplicate sample for timestamp ${NOW}; overrides not allowed: existing 1, new value 2e+06`,
  );
});

test("storeRequest() tells of an OTLP request one problem a metric, with those of its translation", async () => {
  const late = (metric: number) =>
    series({ __name__: `m${metric}` }, { metric, samples: [{ timestampMs: NOW + 601_000, value: 1 }] });
  const storage = await open();
  const { problem, isLate } = await storeRequest(
    { series: [late(0), late(0), late(2)], metadata: [] },
    { storage, clock },
    "otlp",
    [{ text: "odd", metric: 1 }],
  );
  const ahead = "out of bounds: timestamp is too far in the future";
  assert.deepEqual([problem.split("\n"), isLate], [[ahead, "odd", ahead], true]);
});

test("storeRequest() takes float histograms whose counts do not add up, finer schemas, ends of series, and empty labels", async () => {
  const float = { timestampMs: NOW, histogram, isInteger: false };
  const fine = {
    timestampMs: NOW,
    histogram: { ...histogram, count: 1, schema: 10 },
    isInteger: true,
  };
  const stale = new Float64Array(new BigUint64Array([0x7ff0000000000002n]).buffer)[0];
  const ended = { timestampMs: NOW + 1, histogram: { ...histogram, sum: stale }, isInteger: true };
  const outcome = await stored(
    [
      series(A, { samples: [], histograms: [float, ended] }),
      series({ __name__: "b" }, { samples: [], histograms: [fine] }),
      series({}, { labels: flat("__name__", "c", "x", "") }),
    ],
    true,
  );
  assert.deepEqual(outcome, { samples: 1, histograms: 3, exemplars: 0, problem: "" });
});

test("storeRequest() tells in version 2 of exemplars that are out of order or can't be read", async () => {
  const exemplar = (timestampMs: number) => ({
    labels: Labels.of({ t: String(timestampMs) }),
    value: 1,
    timestampMs,
  });
  const all = [
    series(A, { exemplars: [exemplar(NOW), exemplar(NOW - 5)], exemplarProblems: ["unreadable"] }),
  ];
  const v2 = await stored(all, true);
  assert.equal(v2.samples, 1);
  assert.match(v2.problem, /unreadable$/);
  assert.equal((await stored(all, false)).samples, 1);
});
