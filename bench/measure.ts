/** Measuring programs from outside: what they cost the processor and the memory. Linux only. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface BenchResult {
  name: string;
  /** Of every number here; smaller is better. */
  unit: string;
  ours: number;
  peers: Record<string, number>;
  /** By peer: how many times ours it should take at least. */
  goals?: Record<string, number>;
}

/** Clock ticks a second, as the kernel counts processor time for programs. */
const TICKS_PER_SECOND = 100;

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Processor seconds since it started, user and system, all threads. */
  cpuSeconds(): number;
  residentBytes(): number;
  stop(): Promise<void>;
}

/** Starts a server and waits until `readyPath` answers 200. */
export async function startServer(
  command: string[],
  url: string,
  readyPath: string,
  options: { stopSignal?: NodeJS.Signals } = {},
): Promise<ServerProcess> {
  const child: ChildProcess = spawn(command[0], command.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr!.on("data", (chunk) => {
    errors = (errors + chunk).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const deadline = performance.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${command.join(" ")} did not start:\n${errors}`);
    }
    const isReady = await fetch(url + readyPath).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) break;
    await sleep(50);
  }
  const pid = child.pid!;
  return {
    url,
    pid,
    cpuSeconds: () => cpuSecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    async stop() {
      child.kill(options.stopSignal ?? "SIGTERM");
      await ended;
    },
  };
}

export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentBytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
