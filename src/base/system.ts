/** Everything outside the process, handed to a component in one argument. `main.ts` makes the real one. */
import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { Logger } from "./log.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { Threads } from "./threads.ts";

export interface System {
  clock: Clock;
  random: Random;
  disk: Disk;
  network: Network;
  log: Logger;
  /** Missing where everything runs in one thread, as in virtual time. */
  threads?: Threads;
  /** The process's environment variables. */
  env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the process is asked to end (SIGTERM, SIGINT): finish what was acknowledged and return. */
  signal: AbortSignal;
  /** Called on SIGHUP: reload the configuration. */
  onHangup(callback: () => void): void;
  /** Writes to standard output, no newline added. */
  print(text: string): void;
}

/**
 * A component's command: `topology run <component> ARGS` calls it with the flags that its upstream takes.
 * Resolves with the exit code when the component has ended.
 */
export type Command = (args: string[], system: System) => Promise<number>;
