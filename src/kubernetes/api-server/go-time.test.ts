import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGoTime } from "./go-time.ts";

test("times are read as Go reads them", () => {
  const at = Date.UTC(2025, 0, 1, 0, 0, 0);
  assert.equal(parseGoTime("2025-01-01T00:00:00Z", false), at);
  assert.equal(parseGoTime("2025-01-01T01:00:00.5+01:00", false), at + 500);
  assert.equal(parseGoTime("2025-01-01T00:00:00,123456Z", true), at + 123);
});

test("what is no time is told in Go's words: a time with microseconds has six digits of them", () => {
  const problem = (value: string, isMicro: boolean) => {
    try {
      return String(parseGoTime(value, isMicro));
    } catch (error) {
      return (error as Error).message;
    }
  };
  const as = (value: string) =>
    `parsing time "${value}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse `;
  for (const [value, rest] of [
    ["2025-01-01T00:00:00.123Z", '".123Z" as ".000000"'],
    ["2025-01-01T00:00:00Z", '"Z" as ".000000"'],
    ["2025-01-01T00:00:00.1234567Z", '"7Z" as "Z07:00"'],
    ["2025-01-01", '"" as "T"'],
    ["2025-1-1T00:00:00Z", '"1-1T00:00:00Z" as "01"'],
    ["x", '"x" as "2006"'],
  ])
    assert.equal(problem(value, true), as(value) + rest);
  assert.equal(
    problem("2025-01-01T00:00:00", false),
    'parsing time "2025-01-01T00:00:00" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"',
  );
  for (const [value, what] of [
    ["2025-13-01T00:00:00Z", "month"],
    ["2025-02-29T00:00:00Z", "day"],
    ["2025-01-01T24:00:00Z", "hour"],
  ])
    assert.equal(problem(value, false), `parsing time "${value}": ${what} out of range`);
});
