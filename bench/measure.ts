/** Measuring programs from outside: what they cost the processor and the memory. Linux only. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface BenchOptions {
  rounds: number;
  /** Only the parts whose names contain this. */
  only: string;
  /** Only the servers whose names begin with one of these; empty: all that are installed. */
  servers: string[];
  log: (line: string) => void;
}

export interface BenchResult {
  name: string;
  /** Of every number here; smaller is better. */
  unit: string;
  ours: number;
  /** The lowest of several rounds, of which `ours` is the median. */
  oursLeast?: number;
  peers: Record<string, number>;
  peersLeast?: Record<string, number>;
  /** By peer: how many times ours it should take at least. */
  goals?: Record<string, number>;
  /** What ours should stay below, whatever the peers do. */
  limit?: number;
}

/** Clock ticks a second, as the kernel counts processor time for programs. */
const TICKS_PER_SECOND = 100;
/** A million series take a while to be read. */
const START_TIMEOUT_MS = 180_000;

export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** From the start of the process until it was ready. */
  readonly readyMs: number;
  /** Processor seconds since it started, user and system, all threads. */
  cpuSeconds(): number;
  residentBytes(): number;
  /** Only with `probe`, see loop-probe.ts: from when it listened until it was ready. */
  readonly startTurn: LongestTurn | undefined;
  /** Only with `probe`: from here to `longestTurn`, the event loop is watched, which takes processor time itself. */
  watchLoop(): void;
  longestTurn(): Promise<LongestTurn>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** How long one turn of the event loop took at most, in milliseconds. */
export interface LongestTurn {
  /** As others had to wait for it: includes what the machine gave to other programs. */
  wallMs: number;
  /** Processor time of the thread. */
  cpuMs: number;
}

const PROBE = new URL("./loop-probe.ts", import.meta.url).href;

/**
 * Starts a server and waits until `readyPath` answers 200.
 *
 * @throws when another server is at the address already: it would be measured in place of this one
 * @param options.probe a Node program whose event loop is to be watched: while it starts, from when it listens on
 */
export async function startServer(
  command: string[],
  url: string,
  readyPath: string,
  options: { probe?: boolean } = {},
): Promise<ServerProcess> {
  const [program, ...rest] = command;
  const args = options.probe ? ["--import", PROBE, ...rest] : rest;
  if ((await statusOf(url + readyPath)) !== 0)
    throw new Error(`${url}: another server is there already; ${command.join(" ")} was not started`);
  const started = performance.now();
  const child: ChildProcess = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe", ...(options.probe ? (["ipc"] as const) : [])],
  });
  let errors = "";
  child.stderr!.on("data", (chunk) => {
    errors = (errors + chunk).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  let isListening = false;
  for (;;) {
    if (child.exitCode !== null || performance.now() - started > START_TIMEOUT_MS) {
      child.kill("SIGKILL");
      throw new Error(`${command.join(" ")} did not start:\n${errors}`);
    }
    const status = await statusOf(url + readyPath);
    // Until it listens, it loads its program: nobody waits for that turn.
    if (options.probe && status !== 0 && !isListening) child.send("watch");
    isListening = status !== 0;
    if (status === 200) break;
    await sleep(20);
  }
  const pid = child.pid!;
  const readyMs = performance.now() - started;
  const longestTurn = () => {
    const answer = new Promise<LongestTurn>((resolve) => child.once("message", resolve));
    child.send("stop");
    return answer;
  };
  const startTurn = options.probe ? await longestTurn() : undefined;
  return {
    url,
    pid,
    readyMs,
    startTurn,
    cpuSeconds: () => cpuSecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    watchLoop: () => void child.send("watch"),
    longestTurn,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await ended;
    },
  };
}

/** 0 when nobody listens. */
function statusOf(url: string): Promise<number> {
  return fetch(url).then(
    (response) => response.status,
    () => 0,
  );
}

export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function residentBytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

/** Of an even number of values: what lies between the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
