import assert from "node:assert/strict";
import { test } from "node:test";
import type { Machine } from "../base/machine.ts";
import { MemoryDisk } from "../simulation/virtual/memory-disk.ts";
import { UsageError } from "./options.ts";
import { findRunning, makeDataDirectory, runStatePath } from "./run-state.ts";

test("makeDataDirectory() names the flag when the folder cannot be made", async () => {
  const disk = new MemoryDisk();
  disk.makeDirectory = () =>
    Promise.reject(Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" }));
  await assert.rejects(makeDataDirectory(disk, "taken/data"), (error) => {
    assert.ok(error instanceof UsageError);
    assert.equal(error.message, "--data-dir taken/data cannot be made: EROFS: read-only file system");
    return true;
  });
});

test("findRunning() takes a run state that was cut off as nothing that runs", async () => {
  const disk = new MemoryDisk();
  await disk.makeDirectory("data");
  await disk.writeFile(runStatePath("data"), '{"pid": 12');
  assert.equal(await findRunning({ disk } as unknown as Machine, "data"), undefined);
});
