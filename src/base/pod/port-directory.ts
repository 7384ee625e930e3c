/**
 * Where there is one loopback address (macOS has only 127.0.0.1), pods and Services keep addresses of their own as names,
 * and each of their ports has a port of 127.0.0.1 that leads to it. A folder says which:
 *
 *     <directory>/127.90.64.1_8000   "49152 4711\n"   the port at 127.0.0.1, and the process that listens
 *
 * Whoever listens writes its file, whoever connects reads it. What a process that is gone has left does not count.
 */
import fs from "node:fs";
import { join } from "node:path";

// As they are now: `preload.ts` puts functions of its own in their place.
const { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } = fs;

/** The only address that such a machine has. */
export const ONE_ADDRESS = "127.0.0.1";

/** Nothing listens here (RFC 1078 never caught on): a connection to it is refused, as one to a closed port should be. */
const CLOSED_PORT = 1;

/** Whether an address is a pod's or Service's name only. */
export function isNameOnly(host: unknown): host is string {
  return typeof host === "string" && /^127(\.\d{1,3}){3}$/.test(host) && host !== ONE_ADDRESS;
}

const pathOf = (directory: string, host: string, port: number) => join(directory, `${host}_${port}`);

/** The port at 127.0.0.1 behind an address's port; undefined when nobody listens there. */
export function findPort(directory: string, host: string, port: number): number | undefined {
  let text: string;
  try {
    text = readFileSync(pathOf(directory, host, port), "utf8");
  } catch {
    return undefined;
  }
  const [real, pid] = text.trim().split(" ").map(Number);
  return Number.isInteger(real) && isAlive(pid) ? real : undefined;
}

/** Where to connect for an address's port: anywhere else it is what it is. */
export function realAddress(
  directory: string,
  to: { host: string; port: number },
): { host: string; port: number } {
  if (!isNameOnly(to.host)) return to;
  return { host: ONE_ADDRESS, port: findPort(directory, to.host, to.port) ?? CLOSED_PORT };
}

/** From now on the address's port is behind `real`, as long as process `pid` lives. */
export function notePort(
  directory: string,
  host: string,
  port: number,
  real: number,
  pid = process.pid,
): void {
  const path = pathOf(directory, host, port);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Renamed into its place, so that nobody reads half of it.
  writeFileSync(`${path}.${pid}`, `${real} ${pid}\n`, { mode: 0o600 });
  renameSync(`${path}.${pid}`, path);
}

/** The port is closed: its file goes, unless another process has it by now. */
export function forgetPort(directory: string, host: string, port: number, real: number): void {
  const path = pathOf(directory, host, port);
  try {
    if (readFileSync(path, "utf8").startsWith(`${real} `)) unlinkSync(path);
  } catch {
    // It is gone already.
  }
}

/** All ports of an address that is nobody's any more. */
export function forgetAddress(directory: string, host: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    if (!name.startsWith(`${host}_`)) continue;
    try {
      unlinkSync(join(directory, name));
    } catch {
      // Somebody else did.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
