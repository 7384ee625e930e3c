import assert from "node:assert/strict";
import { test } from "node:test";
import { isPartial, mergedMeta } from "./block/block-meta.ts";
import { beyondSizeRetention, beyondTimeRetention, blockRanges, planCompaction } from "./compaction-plan.ts";
import type { BlockMeta } from "./tsdb-options.ts";

const block = (minTime: number, maxTime: number, stats: BlockMeta["stats"] = {}): BlockMeta => ({
  ulid: `${minTime}-${maxTime}`,
  minTime,
  maxTime,
  stats,
  compaction: { level: 1 },
  version: 1,
});

const RANGES = [20, 60, 180, 540];

// The cases of upstream's TestLeveledCompactor_plan.
test("planCompaction() chooses what upstream chooses", () => {
  for (const [name, blocks, expected] of [
    ["one block", [block(0, 20)], []],
    ["two, the newest left alone", [block(0, 20), block(20, 40)], []],
    ["three, range not full", [block(0, 20), block(20, 40), block(40, 60)], []],
    ["a full range", [block(0, 20), block(20, 40), block(40, 60), block(60, 80)], ["0-20", "20-40", "40-60"]],
    ["a full range with a gap", [block(0, 20), block(40, 60), block(60, 80)], ["0-20", "40-60"]],
    ["nothing can join", [block(20, 40), block(60, 80), block(80, 100)], []],
    [
      "a later one than the range",
      [block(0, 20), block(20, 40), block(60, 80), block(120, 180)],
      ["0-20", "20-40"],
    ],
    [
      "the next level",
      [block(0, 60), block(60, 120), block(120, 180), block(180, 200)],
      ["0-60", "60-120", "120-180"],
    ],
    ["overlap first", [block(0, 20), block(19, 40), block(40, 60)], ["0-20", "19-40"]],
    ["chained overlap", [block(0, 20), block(10, 40), block(30, 50)], ["0-20", "10-40", "30-50"]],
    ["many tombstones", [block(0, 540, { numSeries: 10, numTombstones: 3 }), block(540, 560)], ["0-540"]],
    ["few tombstones", [block(0, 540, { numSeries: 100, numTombstones: 3 }), block(540, 560)], []],
    [
      "all deleted, though small",
      [block(0, 20, { numSeries: 2, numTombstones: 2 }), block(20, 40)],
      ["0-20"],
    ],
  ] as [string, BlockMeta[], string[]][]) {
    assert.deepEqual(
      planCompaction(blocks, RANGES).map((meta) => meta.ulid),
      expected,
      name,
    );
  }
});

test("planCompaction() leaves ranges alone where a compaction has failed", () => {
  const blocks = [block(0, 20), block(20, 40), block(40, 60), block(60, 80)];
  blocks[1].compaction.failed = true;
  assert.deepEqual(planCompaction(blocks, RANGES), []);
});

test("blockRanges() are three times as long each, up to the limit", () => {
  assert.deepEqual(blockRanges(2, 54), [2, 6, 18, 54]);
  assert.deepEqual(blockRanges(2, 53), [2, 6, 18]);
  assert.deepEqual(blockRanges(2, 1), [2]);
});

test("retention takes blocks beyond the time, or the oldest beyond the size", () => {
  const of = (maxTime: number, size = 10) => ({ meta: block(maxTime - 20, maxTime), size });
  const blocks = [of(20), of(40), of(60), of(80)];
  assert.deepEqual(beyondTimeRetention(blocks, 41), [blocks[0]]);
  assert.deepEqual(beyondTimeRetention(blocks, 40), [blocks[0], blocks[1]]);
  assert.deepEqual(beyondTimeRetention(blocks, 0), []);
  assert.deepEqual(beyondSizeRetention(blocks, 5, 45), []);
  assert.deepEqual(beyondSizeRetention(blocks, 6, 45), [blocks[0]]);
  assert.deepEqual(beyondSizeRetention(blocks, 5, 0), []);
});

test("blocks of some of the head's series are merged with their like only, and keep saying so", () => {
  const hinted = (minTime: number, maxTime: number, hint: string): BlockMeta => {
    const plain = block(minTime, maxTime);
    return { ...plain, ulid: `${plain.ulid}-${hint}`, compaction: { level: 1, hints: [hint] } };
  };
  const stale = "from-stale-series";
  const selected = "from-selected-series";
  const late = "from-out-of-order";
  const planned = (...metas: BlockMeta[]) => planCompaction(metas, RANGES).map(({ ulid }) => ulid);
  assert.deepEqual(planned(block(0, 20), hinted(0, 20, stale), hinted(0, 20, selected)), []);
  const overlapping = [hinted(0, 20, stale), hinted(10, 30, stale)];
  assert.deepEqual(
    planned(block(0, 20), ...overlapping),
    overlapping.map(({ ulid }) => ulid),
  );
  assert.deepEqual(planned(block(0, 20), hinted(0, 20, late)), ["0-20", "0-20-from-out-of-order"]);
  const merged = (...metas: BlockMeta[]) => mergedMeta("new", metas);
  assert.deepEqual(merged(...overlapping).compaction.hints, [stale]);
  assert.equal(merged(block(0, 20), hinted(0, 20, late)).compaction.hints, undefined);
  assert.deepEqual(
    [block(0, 20), hinted(0, 20, stale), hinted(0, 20, selected), hinted(0, 20, late)].map(isPartial),
    [false, true, true, true],
  );
});
