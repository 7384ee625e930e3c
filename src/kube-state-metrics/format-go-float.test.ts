import assert from "node:assert/strict";
import { test } from "node:test";
import { formatGoFloat } from "./format-go-float.ts";

test("formatGoFloat() writes what Go writes", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [0.5, "0.5"],
    [100_000, "100000"],
    [123_456.789, "123456.789"],
    [1_000_000, "1e+06"],
    [1_234_567, "1.234567e+06"],
    [1_767_225_600, "1.7672256e+09"],
    [8_589_934_592, "8.589934592e+09"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [-1e300, "-1e+300"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
    [Number.POSITIVE_INFINITY, "+Inf"],
  ];
  for (const [value, text] of cases) assert.equal(formatGoFloat(value), text);
});
