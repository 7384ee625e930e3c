/** One process at a time owns a directory: a file with the owner's process number in it. */
import * as fs from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** A program that was killed holds what it had for a moment, and its successor may be there before it is gone. */
const ENDING_MS = 2_000;
const POLL_MS = 20;

/**
 * Waits a moment for an owner that is about to end.
 *
 * @returns what gives the lock up
 * @throws when another living process has it
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const self = `${process.pid} ${await processStart(process.pid)}`;
  const owner = (await fs.readFile(path, "utf8").catch(() => "")).trim();
  const [pid, start] = owner.split(" ");
  if (start !== undefined && owner !== self && !(await ends(Number(pid), start))) {
    throw new Error(`lock ${path}: held by process ${pid}`);
  }
  if (await isLockedByKernel(path)) throw new Error(`lock ${path}: held by another process`);
  await fs.writeFile(path, `${self}\n`);
  return async () => {
    const content = await fs.readFile(path, "utf8").catch(() => "");
    if (content.trim() === self) await fs.rm(path, { force: true });
  };
}

/** Whether the process that started then is gone, or is within a moment. */
async function ends(pid: number, start: string): Promise<boolean> {
  for (let waitedMs = 0; (await processStart(pid)) === start; waitedMs += POLL_MS) {
    if (waitedMs >= ENDING_MS) return false;
    await setTimeout(POLL_MS);
  }
  return true;
}

/** When a process started, which tells it from a later one with the same number; undefined when it is gone. */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // What has ended and waits for its parent to notice holds nothing.
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    // Without /proc, a signal of 0 tells whether there is such a process.
    return isAlive(pid) ? "running" : undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether a program that uses the kernel's file locks, as the Go ones do, has this file locked (Linux only). */
async function isLockedByKernel(path: string): Promise<boolean> {
  try {
    const { ino } = await fs.stat(path);
    const locks = await fs.readFile("/proc/locks", "utf8");
    return locks.split("\n").some((line) => line.includes(" WRITE ") && line.includes(`:${ino} `));
  } catch {
    return false;
  }
}
