import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import {
  ContainerLog,
  type LogLine,
  MAX_LINE_BYTES,
  MAX_LOG_BYTES,
  MAX_LOG_FILES,
  parseLog,
  readLog,
} from "./container-log.ts";

const folder = mkdtempSync(join(tmpdir(), "logs-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

async function openLog(path = join(folder, String(count++))) {
  const clock = new VirtualClock();
  const log = new ContainerLog(systemDisk, clock, path);
  writeFileSync(log.rawPath, "", { flag: "a" });
  await log.open();
  return { clock, log, path };
}

async function linesOf(path: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text, partial } of readLog(systemDisk, path))
    texts.push(Buffer.from(text) + (partial ? "…" : ""));
  return texts;
}

test("lines are copied once, with the time at which they were seen", async () => {
  const { clock, log, path } = await openLog();
  appendFileSync(log.rawPath, "one\ntw");
  await log.pump();
  assert.deepEqual(await linesOf(path), ["one"]);
  await clock.advance(1_500);
  appendFileSync(log.rawPath, "o\n\n");
  await log.pump();
  await log.pump();
  const lines: LogLine[] = [];
  for await (const line of log.read()) lines.push(line);
  assert.deepEqual(
    lines.map(({ time, text }) => [time, Buffer.from(text).toString()]),
    [
      ["2026-01-01T00:00:00.000000000Z", "one"],
      ["2026-01-01T00:00:01.500000000Z", "two"],
      ["2026-01-01T00:00:01.500000000Z", ""],
    ],
  );
  await log.close();
});

test("a last line without an end is there when the program has ended", async () => {
  const { log, path } = await openLog();
  appendFileSync(log.rawPath, "half");
  await log.pump();
  assert.deepEqual(await linesOf(path), []);
  await log.close();
  assert.deepEqual(await linesOf(path), ["half…"]);
});

test("the next control plane goes on where the last one stopped, also within a line", async () => {
  const { log, path } = await openLog();
  appendFileSync(log.rawPath, "one\ntwo\nthr");
  await log.pump();
  // Not closed, as when it was killed.
  const { log: next } = await openLog(path);
  appendFileSync(log.rawPath, "ee\n");
  await next.pump();
  assert.deepEqual(await linesOf(path), ["one", "two", "three"]);
  await next.close();
  await log.close();
});

test("long lines are split at the limit", async () => {
  const { log, path } = await openLog();
  const lengths = [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1];
  appendFileSync(log.rawPath, lengths.map((length) => `${"x".repeat(length)}\n`).join(""));
  await log.pump();
  const found: [number, boolean][] = [];
  for await (const { text, partial } of readLog(systemDisk, path)) found.push([text.length, partial]);
  assert.deepEqual(found, [
    [MAX_LINE_BYTES - 1, false],
    [MAX_LINE_BYTES, false],
    [MAX_LINE_BYTES, true],
    [1, false],
  ]);
  await log.close();
});

test("logs are rotated, the raw file is emptied, the oldest lines go", async () => {
  const { log, path } = await openLog();
  const line = `${"y".repeat(8_000)}\n`;
  const chunk = line.repeat(Math.ceil(MAX_LOG_BYTES / line.length));
  for (let file = 0; file < MAX_LOG_FILES + 1; file++) {
    appendFileSync(log.rawPath, `file ${file}\n${chunk}`);
    await log.pump();
    assert.equal(statSync(log.rawPath).size, 0);
  }
  const names = (await systemDisk.list(folder)).filter((name) =>
    name.startsWith(`${path.split("/").at(-1)}.log`),
  );
  assert.equal(names.length, MAX_LOG_FILES);
  const texts = await linesOf(path);
  assert.ok(!texts.includes("file 0") && texts.includes(`file ${MAX_LOG_FILES}`));
  await log.close();
});

test("followers get every new line and hear of the end", async () => {
  const { log } = await openLog();
  const seen: string[] = [];
  const unfollow = log.follow((lines) => seen.push(...lines.map(({ text }) => Buffer.from(text).toString())));
  appendFileSync(log.rawPath, "a\nb\n");
  await log.pump();
  unfollow();
  appendFileSync(log.rawPath, "c\n");
  await log.close();
  await log.closed;
  assert.deepEqual(seen, ["a", "b"]);
});

test("parseLog() passes over what a crash left", () => {
  const text =
    "2026-01-01T00:00:00.000000000Z stdout F good\ngarbage\n\n2026-01-01T00:00:01.000000000Z stdout P par";
  const lines = [...parseLog(Buffer.from(text))].map((line) => [
    Buffer.from(line.text).toString(),
    line.partial,
  ]);
  assert.deepEqual(lines, [
    ["good", false],
    ["par", true],
  ]);
});
