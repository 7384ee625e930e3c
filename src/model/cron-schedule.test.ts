import assert from "node:assert/strict";
import { test } from "node:test";
import { nextCronTime, parseCron, parseStandardCron } from "./cron-schedule.ts";

const next = (text: string, now: string) => {
  const time = nextCronTime(parseStandardCron(text), Date.parse(now), "UTC");
  return time === undefined ? undefined : new Date(time).toISOString();
};

test("parseStandardCron() takes descriptors", () => {
  const now = "2026-07-15T10:20:30.500Z";
  assert.equal(next("@hourly", now), "2026-07-15T11:00:00.000Z");
  assert.equal(next("@daily", now), "2026-07-16T00:00:00.000Z");
  assert.equal(next("@midnight", now), "2026-07-16T00:00:00.000Z");
  assert.equal(next("@weekly", now), "2026-07-19T00:00:00.000Z");
  assert.equal(next("@monthly", now), "2026-08-01T00:00:00.000Z");
  assert.equal(next("@yearly", now), "2027-01-01T00:00:00.000Z");
  assert.equal(next("@every 1h30m", now), "2026-07-15T11:50:30.000Z");
  assert.equal(next("@every 1ms", now), "2026-07-15T10:20:31.000Z");
  assert.equal(next("TZ=Asia/Tokyo @daily", now), "2026-07-15T15:00:00.000Z");
  assert.equal(next("0 0 30 2 *", now), undefined);
});

test("parseStandardCron() refuses the rest", () => {
  assert.throws(() => parseStandardCron("@sometimes"), /unrecognized descriptor: @sometimes/);
  assert.throws(() => parseStandardCron("@every often"), /failed to parse duration @every often/);
  assert.throws(() => parseStandardCron(""), /empty spec string/);
  assert.throws(() => parseCron("@daily"), /expected exactly 5 fields, found 1/);
});

test("a step may be as wide as its range unless that is checked", () => {
  assert.deepEqual([...parseCron("*/60 * * * *").minutes], [0]);
  const checks = { stepBelowRange: true };
  assert.throws(() => parseCron("*/60 * * * *", checks), /step \(60\) must be less than range size \(60\)/);
  assert.deepEqual([...parseCron("*/59 * * * *", checks).minutes], [0, 59]);
  assert.equal(parseCron("5 * * * *", checks).minutes.size, 1);
});
