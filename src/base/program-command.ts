/** The command of a program whose flags are this project's own, rather than an upstream's. */
import type { Command, System } from "./system.ts";

export interface Program<V extends { help: boolean }> {
  name: string;
  /** What `--help` prints. */
  usage: string;
  /** Flags as values; throws an `Error` that says which one cannot be taken. */
  parse(args: string[]): V;
  /** Resolves when the program has ended. */
  run(values: V, system: System): Promise<void>;
}

/** Exit codes: 0 when it ended by itself or printed its usage, 1 when it failed, 2 for flags that cannot be taken. */
export function programCommand<V extends { help: boolean }>(program: Program<V>): Command {
  return async (args, system) => {
    let values: V;
    try {
      values = program.parse(args);
    } catch (error) {
      system.log.error((error as Error).message);
      return 2;
    }
    if (values.help) {
      system.print(program.usage);
      return 0;
    }
    try {
      await program.run(values, system);
      return 0;
    } catch (error) {
      system.log.error(`${program.name} ended`, { error });
      return 1;
    }
  };
}

/** A flag's number, bounds included. @throws Error that names the flag */
export function numberFlag(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least && value <= most)) {
    throw new Error(`--${flag} ${text}: must be a number from ${least} to ${most}`);
  }
  return value;
}
