/** The real `Machine`. */
import { STARTED_VARIABLE } from "./bundle-programs.ts";
import type { Machine } from "./machine.ts";
import { systemProcesses } from "./node-process.ts";
import { createNodeSystem } from "./node-system.ts";
import type { ProcessSignal } from "./process.ts";
import { programFile } from "./program-files.ts";
import { systemSockets } from "./sockets.ts";

/** A second signal so soon after the first is the same Ctrl-C: npm passes it on to a process that already had it. */
const REPEAT_GUARD_MS = 100;

export function createNodeMachine(): Machine {
  return {
    ...createNodeSystem(),
    processes: systemProcesses,
    sockets: systemSockets,
    pid: process.pid,
    startedMs: Number(process.env[STARTED_VARIABLE] ?? performance.timeOrigin),
    self: [process.execPath, programFile("main")],
    printError: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY === true,
    signalProcess,
    exitNow: (code) => process.exit(code),
    onRepeatedStop(callback) {
      let firstMs: number | undefined;
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.on(signal, () => {
          firstMs ??= performance.now();
          if (performance.now() - firstMs > REPEAT_GUARD_MS) callback();
        });
      }
    },
  };
}

function signalProcess(pid: number, signal: ProcessSignal | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
