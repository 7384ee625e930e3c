import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts";

test("parseDuration() and formatDuration() agree with upstream", () => {
  const cases: [text: string, durationMs: number, back?: string][] = [
    ["0", 0, "0s"],
    ["0w", 0, "0s"],
    ["324ms", 324],
    ["3s", 3000],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["4d", 345_600_000],
    ["4d1h", 349_200_000],
    ["14d", 1_209_600_000, "2w"],
    ["3w2d1h", 1_990_800_000, "23d1h"],
    ["10y", 315_360_000_000],
    ["1m30s500ms", 90_500],
  ];
  for (const [text, durationMs, back = text] of cases) {
    assert.equal(parseDuration(text), durationMs, text);
    assert.equal(formatDuration(durationMs), back);
  }
});

test("parseDuration() rejects what upstream rejects", () => {
  for (const text of [
    "",
    "1",
    "1y1m1d",
    "-1w",
    "1.5d",
    "d",
    "294y",
    "200y10400w",
    "107675d",
    "2584200h",
    "5 m",
    "1ms1s",
  ])
    assert.throws(() => parseDuration(text), /duration/, text);
});

test("parseBytes() and formatBytes() agree with upstream", () => {
  const cases: [text: string, bytes: number][] = [
    ["0", 0],
    ["15MB", 15 * 2 ** 20],
    ["1KiB", 1024],
    ["1K", 1024],
    ["-1GB", -(2 ** 30)],
    ["1.5KB", 1536],
    ["1GB512MB", 2 ** 30 + 512 * 2 ** 20],
  ];
  for (const [text, bytes] of cases) assert.equal(parseBytes(text), bytes, text);
  assert.equal(formatBytes(15 * 2 ** 20), "15MiB");
  assert.equal(formatBytes(1536), "1KiB512B");
  for (const text of ["", "100", "1XB", "MB", "1kb"]) assert.throws(() => parseBytes(text), /units/, text);
});
