import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { Labels } from "../../model/labels.ts";
import { createMatcher } from "../matcher.ts";
import { MemoryQueryable } from "../promql/mod.ts";
import type { Queryable, SeriesSamples } from "../storage.ts";
import { openTsdb } from "../tsdb/mod.ts";
import { selectInPages } from "./read-pages.ts";

const HOUR_MS = 3_600_000;
const ALL = { minMs: 0, maxMs: 10 * HOUR_MS };
const MATCHERS = [createMatcher("__name__", "=", "a")];
const SERIES = 23;

/** Counts the selections, and how many samples the largest of them had. */
function counted(queryable: Queryable) {
  const seen = { pages: 0, largest: 0 };
  const select: Queryable["select"] = async (...args) => {
    const page = await queryable.select(...args);
    seen.pages++;
    seen.largest = Math.max(
      seen.largest,
      page.reduce((sum, { timestamps }) => sum + timestamps.length, 0),
    );
    return page;
  };
  return { seen, queryable: { ...queryable, select } as Queryable };
}

async function allOf(pages: AsyncIterable<SeriesSamples>) {
  const out: [string, number[]][] = [];
  for await (const { labels, timestamps } of pages) out.push([labels.toString(), [...timestamps]]);
  return out;
}

test("selectInPages() answers with the whole selection, in parts of bounded size", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "pages-"));
  t.after(() => rm(directory, { recursive: true }));
  const tsdb = await openTsdb({
    directory,
    disk: systemDisk,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    compactInBackground: false,
  });
  t.after(() => tsdb.close());
  const memory = new MemoryQueryable();
  const appender = tsdb.appender();
  for (let i = 0; i < SERIES; i++) {
    const labels = Labels.of({ __name__: "a", i: String(i) });
    // Some series are in a block only, some in the head only.
    const hours = i % 3 === 0 ? [1] : i % 3 === 1 ? [9] : [1, 9];
    const points = hours.flatMap((hour) =>
      [0, 1, 2].map((at) => ({ timestampMs: hour * HOUR_MS + at, value: i })),
    );
    memory.add(labels, points);
    for (const { timestampMs, value } of points) appender.append(0, labels, timestampMs, value);
  }
  await appender.commit();
  const whole = await allOf(selectInPages(memory, MATCHERS, ALL, {}));
  assert.equal(whole.length, SERIES);
  const check = async (of: Queryable) => {
    for (const maxSamples of [1, 6, 7, 10_000]) {
      const { seen, queryable } = counted(of);
      assert.deepEqual(await allOf(selectInPages(queryable, MATCHERS, ALL, {}, maxSamples)), whole);
      // One series has six samples at most.
      assert.ok(seen.largest < maxSamples + 6);
      assert.ok(maxSamples < 10_000 ? seen.pages > 5 : seen.pages === 1);
    }
  };
  await check(memory);
  await check(tsdb);
  await tsdb.compact();
  assert.ok(tsdb.blocks().length > 0);
  await check(tsdb);
});
