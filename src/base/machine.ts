/** What the command line gets: a `System` and the parts of the machine that no pod needs. */
import type { Processes, ProcessSignal } from "./process.ts";
import type { Sockets } from "./sockets.ts";
import type { System } from "./system.ts";

export interface Machine extends System {
  processes: Processes;
  sockets: Sockets;
  /** This process. */
  pid: number;
  /** When the user started this program, milliseconds since the Unix epoch. */
  startedMs: number;
  /** The program and arguments that run this program again: `[node, main.ts]`. */
  self: string[];
  /** Writes to standard error, no newline added. */
  printError(text: string): void;
  /** Whether standard output is a terminal. */
  isTerminal: boolean;
  /** Sends a signal, to a process group where `pid` is negative; 0 only asks. False when there is no such process. */
  signalProcess(pid: number, signal: ProcessSignal | 0): boolean;
  /** Ends this process at once, without saying goodbye: the second Ctrl-C. */
  exitNow(code: number): void;
  /** Called on each SIGINT and SIGTERM after the first. */
  onRepeatedStop(callback: () => void): void;
}

/** A command of the command line: `topology <command> ARGS`. Resolves with the exit code. */
export type CliCommand = (args: string[], machine: Machine) => Promise<number>;
