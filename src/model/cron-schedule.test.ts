import assert from "node:assert/strict";
import { test } from "node:test";
import { nextCronTime, parseCron, parseStandardCron } from "./cron-schedule.ts";

const next = (text: string, now: string, zone = "UTC") => {
  const time = nextCronTime(parseStandardCron(text), Date.parse(now), zone);
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

test("nextCronTime() finds what is months away, across changed clocks and skipped days", () => {
  const cases: [text: string, zone: string, now: string, expected: string | undefined][] = [
    ["0 0 1 1 *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-12-31T23:00:00.000Z"],
    ["30 23 31 12 *", "America/New_York", "2026-01-31T12:00:00Z", "2027-01-01T04:30:00.000Z"],
    ["0 0 29 2 *", "Australia/Lord_Howe", "2025-03-01T00:00:00Z", "2028-02-28T13:00:00.000Z"],
    // On Samoa the last but one day of 2011 did not take place.
    ["0 12 * 1 *", "Pacific/Apia", "2011-12-01T20:00:00Z", "2011-12-31T22:00:00.000Z"],
    ["0 6 1 4 *", "Europe/Berlin", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00.000Z"],
    ["59 23 * 2 1", "UTC", "2026-02-28T23:58:00Z", "2027-02-01T23:59:00.000Z"],
    ["0 0 31 4 *", "Asia/Kolkata", "2026-01-01T00:00:00Z", undefined],
  ];
  for (const [text, zone, now, expected] of cases)
    assert.equal(next(text, now, zone), expected, `${text} ${zone}`);
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
