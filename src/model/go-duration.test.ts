import assert from "node:assert/strict";
import { test } from "node:test";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";

test("parseGoDuration() reads what Go reads", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["5s", 5_000],
    ["-1.5h", -5_400_000],
    ["1h15m30.918s", 4_530_918],
    ["200ms", 200],
    [".5s", 500],
    ["10µs", 0.01],
    ["+3m", 180_000],
  ];
  for (const [text, ms] of cases) assert.ok(Math.abs(parseGoDuration(text) - ms) < 1e-9, text);
});

test("parseGoDuration() fails with Go's words", () => {
  const cases = [
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    ["abc", 'time: invalid duration "abc"'],
    ["10", 'time: missing unit in duration "10"'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["1constructor", 'time: unknown unit "constructor" in duration "1constructor"'],
  ];
  for (const [text, message] of cases) assert.throws(() => parseGoDuration(text), { message });
});

test("formatGoDuration() writes what Go writes", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [200, "200ms"],
    [1_500, "1.5s"],
    [60_000, "1m0s"],
    [4_530_918, "1h15m30.918s"],
    [-3_600_000, "-1h0m0s"],
    [0.5, "500µs"],
  ];
  for (const [ms, text] of cases) assert.equal(formatGoDuration(ms), text);
});
