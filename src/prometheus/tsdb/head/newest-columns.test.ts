import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../../base/random.ts";
import { createHistogram } from "../../../model/histogram.ts";
import { Labels } from "../../../model/labels.ts";
import { isStaleMarker, STALE_HIGH, STALE_LOW, type TimeRange } from "../../storage.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { Head } from "./head.ts";
import { NewestColumns } from "./newest-columns.ts";

const HOUR_MS = 3_600_000;
const T0 = 2 * HOUR_MS * 245_000;
const STEP_MS = 15_000;
const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

/** Gaps, stale markers and other NaNs, a histogram in one of the series. */
function scrapeOnce(head: Head, slots: number[], timestampMs: number, random: Random): void {
  for (const [i, slot] of slots.entries()) {
    const kind = random.float();
    if (kind < 0.1) continue;
    if (kind < 0.2) head.appendFloat(slot, timestampMs, STALE_LOW, STALE_HIGH);
    else if (kind < 0.3 && i === 3) head.appendHistogram(slot, timestampMs, createHistogram({ count: 1 }));
    else {
      scratch[0] = kind < 0.4 ? Number.NaN : randomInteger(random, 1_000);
      head.appendFloat(slot, timestampMs, words[0], words[1]);
    }
  }
}

/** The newest samples as a read of all says; a histogram as undefined. */
function wanted(head: Head, slots: number[], { minMs, maxMs }: TimeRange): [name: string, value: unknown][] {
  const found: [string, unknown][] = [];
  for (const slot of slots) {
    const columns = new SeriesColumns();
    head.read(slot, minMs, maxMs, columns);
    const { floats, histograms } = columns;
    const last = floats.length - 1;
    const lastHistogramMs = histograms.timestamps.at(-1) ?? Number.NEGATIVE_INFINITY;
    const name = head.labelsOf(slot).get("__name__");
    if (last >= 0 && floats.timestamps[last] > lastHistogramMs) {
      if (!isStaleMarker(floats.words, last)) found.push([name, floats.values[last]]);
    } else if (histograms.timestamps.length > 0) found.push([name, undefined]);
  }
  return found;
}

test("NewestColumns has what a read of all has at its end, or says that it does not know", () => {
  const seed = 7;
  const random = seededRandom(seed);
  const head = new Head(2 * HOUR_MS, 1);
  const slots = Array.from({ length: 8 }, (_, i) =>
    head.slotOfLabels(Labels.of({ __name__: `series_${i}` })),
  );
  let answers = 0;
  let unknown = 0;
  for (let step = 0; step < 700; step++) {
    const nowMs = T0 + step * STEP_MS;
    scrapeOnce(head, slots, nowMs, random);
    if (step === 300) head.tombstones.add(slots[5], { minMs: T0, maxMs: nowMs });
    if (step === 400) head.outOfOrder.addFloat(slots[6], nowMs - 7, 0, 0);
    if (step === 600) for (const slot of slots) head.chunks.truncate(slot, nowMs - HOUR_MS);
    const maxMs = random.float() < 0.8 ? nowMs : nowMs - randomInteger(random, 4) * STEP_MS;
    const range = { minMs: maxMs - randomInteger(random, 4 * STEP_MS), maxMs };
    for (const slot of slots) {
      const columns = new NewestColumns();
      columns.reserve(1);
      if (!columns.add(head, slot, range)) {
        unknown++;
        continue;
      }
      answers++;
      const { labels, values } = columns.finish();
      const found = labels.map((each, i) => [each.get("__name__"), values[i]]);
      assert.deepEqual(found, wanted(head, [slot], range), `seed ${seed}, step ${step}, slot ${slot}`);
    }
  }
  assert.ok(answers > 2_000 && unknown > 1_000, `${answers} answers, ${unknown} unknown`);
});

test("NewestColumns puts series in the order in which they come, without those that have nothing", () => {
  const head = new Head(2 * HOUR_MS, 1);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => head.slotOfLabels(Labels.of({ __name__: name })));
  for (const [slot, timestampMs, value] of [
    [a, T0, 1],
    [c, T0 - HOUR_MS, 3],
    [d, T0, 4],
  ]) {
    scratch[0] = value;
    head.appendFloat(slot, timestampMs, words[0], words[1]);
  }
  const columns = new NewestColumns();
  columns.reserve(4);
  for (const slot of [d, c, b, a]) assert.ok(columns.add(head, slot, { minMs: T0 - 1, maxMs: T0 }));
  const { labels, values } = columns.finish();
  assert.deepEqual(
    labels.map((each) => each.get("__name__")),
    ["d", "a"],
  );
  assert.deepEqual([...values], [4, 1]);
});
