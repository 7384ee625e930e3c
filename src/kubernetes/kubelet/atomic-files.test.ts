import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { currentFile, type Files, writeAtomically } from "./atomic-files.ts";

const NOW_MS = Date.parse("2026-01-31T23:59:59.123Z");

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "topology-volume-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const files = (content: Record<string, string>, mode = 0o644): Files =>
  new Map(Object.entries(content).map(([path, text]) => [path, { content: text, mode }]));
const write = (folder: string, content: Record<string, string>) =>
  writeAtomically(systemDisk, folder, files(content), NOW_MS);
const text = (path: string) => readFile(path, "utf8");

test("files are links into the version that `..data` names", () =>
  inFolder(async (folder) => {
    await write(folder, { a: "1", "sub/b": "2" });
    assert.deepEqual(await systemDisk.list(folder), [
      "..2026_01_31_23_59_59.123000000",
      "..data",
      "a",
      "sub",
    ]);
    assert.equal(await readlink(`${folder}/..data`), "..2026_01_31_23_59_59.123000000");
    assert.equal(await readlink(`${folder}/a`), "..data/a");
    assert.equal(await readlink(`${folder}/sub`), "..data/sub");
    assert.equal(await text(`${folder}/sub/b`), "2");
    const read = currentFile(systemDisk, folder);
    assert.equal(String(Buffer.from((await read("a"))!)), "1");
    assert.equal(await read("none"), undefined);
  }));

test("what has not changed is left alone, what has is a new version, and the old one goes", () =>
  inFolder(async (folder) => {
    await write(folder, { a: "1", b: "2" });
    const before = await readlink(`${folder}/..data`);
    await write(folder, { a: "1", b: "2" });
    assert.equal(await readlink(`${folder}/..data`), before);
    await write(folder, { a: "1", c: "3" });
    const after = await readlink(`${folder}/..data`);
    assert.notEqual(after, before);
    assert.deepEqual(await systemDisk.list(folder), [after, "..data", "a", "c"]);
    await write(folder, { a: "1" });
    assert.deepEqual((await systemDisk.list(folder)).slice(1), ["..data", "a"]);
  }));

test("a version that was not finished is, and files of before there were versions give way", () =>
  inFolder(async (folder) => {
    await mkdir(`${folder}/sub`);
    await writeFile(`${folder}/a`, "old");
    await writeFile(`${folder}/sub/b`, "old");
    await write(folder, { a: "1", "sub/b": "2" });
    assert.deepEqual([await text(`${folder}/a`), await text(`${folder}/sub/b`)], ["1", "2"]);
    await rm(`${folder}/a`);
    await write(folder, { a: "1", "sub/b": "2" });
    assert.equal(await text(`${folder}/a`), "1");
  }));

test("files have the mode that they are given, whatever the process's mask", () =>
  inFolder(async (folder) => {
    await writeAtomically(systemDisk, folder, files({ a: "1" }, 0o666), NOW_MS);
    assert.equal((await stat(`${folder}/a`)).mode & 0o777, 0o666);
  }));
