/**
 * Loaded into a server that is measured (`node --import`): watches how long one turn of its event loop takes at most,
 * from the parent's message "watch" to its message "stop". At other times it costs nothing.
 */
import type { LongestTurn } from "./measure.ts";

const INTERVAL_MS = 2;

let timer: NodeJS.Timeout | undefined;
let longest: LongestTurn;
let last: number;
let lastCpuMs: number;

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function tick(): void {
  const now = performance.now();
  const cpuMs = threadCpuMs();
  longest.wallMs = Math.max(longest.wallMs, now - last - INTERVAL_MS);
  longest.cpuMs = Math.max(longest.cpuMs, cpuMs - lastCpuMs);
  last = now;
  lastCpuMs = cpuMs;
}

function watch(): void {
  longest = { wallMs: 0, cpuMs: 0 };
  last = performance.now();
  lastCpuMs = threadCpuMs();
  timer = setInterval(tick, INTERVAL_MS).unref();
}

process.on("message", (message) => {
  clearInterval(timer);
  if (message === "watch") return watch();
  tick();
  process.send!(longest);
});
// The server must be able to end.
process.channel!.unref();
