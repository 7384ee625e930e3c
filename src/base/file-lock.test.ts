import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockFile } from "./file-lock.ts";

/** A process that has written itself into the lock, and lives until it is killed. */
async function holder(path: string) {
  const module = join(import.meta.dirname, "file-lock.ts");
  const program = `const { lockFile } = await import(${JSON.stringify(module)});
    await lockFile(${JSON.stringify(path)});
    console.log("locked");
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child;
}

test("lockFile() waits for an owner that is ending, and refuses one that lives on", async () => {
  const directory = await mkdtemp(join(tmpdir(), "file-lock-"));
  const path = join(directory, "lock");
  const child = await holder(path);
  try {
    await assert.rejects(lockFile(path), { message: `lock ${path}: held by process ${child.pid}` });
    const waiting = lockFile(path);
    child.kill("SIGKILL");
    const unlock = await waiting;
    assert.match(await readFile(path, "utf8"), new RegExp(`^${process.pid} `));
    await unlock();
    await assert.rejects(readFile(path), { code: "ENOENT" });
  } finally {
    child.kill("SIGKILL");
    await rm(directory, { recursive: true });
  }
});

test("lockFile() takes what a process before this one has left", async () => {
  const directory = await mkdtemp(join(tmpdir(), "file-lock-"));
  const path = join(directory, "lock");
  try {
    await writeFile(path, `${process.ppid} 1\n`);
    await (await lockFile(path))();
  } finally {
    await rm(directory, { recursive: true });
  }
});
