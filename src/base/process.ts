/**
 * Other programs as an argument: the kubelet's containers and the commands that are run in them.
 * `node-process.ts` has the real implementation.
 */

export interface ProcessExit {
  /** 0 to 255; 128 + the signal's number for a program that a signal ended. */
  code: number;
  /** When it ended, milliseconds since the Unix epoch. */
  finishedMs: number;
}

export type ProcessSignal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGHUP"
  | "SIGQUIT"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGSTOP"
  | "SIGCONT"
  | "SIGKILL";

/** A program that outlives the one that started it. */
export interface DetachedProcess {
  /** The leader of the program's own process group: its supervisor. */
  pid: number;
  /** When it was started, milliseconds since the Unix epoch. */
  startedMs: number;
  exited: Promise<ProcessExit>;
  /** Signals the program; SIGKILL goes to everything in its group. Nothing happens when it has ended. */
  signal(name: ProcessSignal): void;
}

export interface DetachedOptions {
  /** Found again by this name: see `Processes.adopt` and `Processes.owned`. */
  id: string;
  /** The program, an absolute path or a name on `env.PATH`, and its arguments. */
  argv: string[];
  /** The whole environment. */
  env: Record<string, string>;
  cwd: string;
  /** Standard output and standard error are appended here, in the order in which they were written. */
  logPath: string;
  /** An existing directory of this process alone, where its supervisor notes `pid` and `exit`. */
  stateDirectory: string;
  /** A FIFO is made at `stateDirectory/stdin` and kept open for `writeStdin`. @default no input */
  stdin?: boolean;
  /** With `stdin`: the input ends when it is closed for the first time, or with this process. @default false */
  stdinOnce?: boolean;
}

/** A command whose input and output are the caller's. */
export interface AttachedCommand {
  stdout: AsyncIterable<Uint8Array>;
  stderr: AsyncIterable<Uint8Array>;
  write(data: Uint8Array): void;
  endInput(): void;
  exited: Promise<ProcessExit>;
  signal(name: ProcessSignal): void;
}

export interface CommandOptions {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
}

export interface ProcessStats {
  /** User and system time since start, all processes of the group. */
  cpuSeconds: number;
  residentBytes: number;
  processes: number;
}

/** What a node says of itself. */
export interface MachineFacts {
  cpus: number;
  memoryBytes: number;
  /** `linux`, `darwin`. */
  operatingSystem: string;
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string;
  kernelVersion: string;
}

export interface Processes {
  machine: MachineFacts;
  /** The program that runs this one: what images of the project itself are started with. */
  executable: string;
  /**
   * Starts a program in its own session, so that it survives the caller.
   *
   * @throws an error with `code` ENOENT when there is no such program.
   */
  start(options: DetachedOptions): Promise<DetachedProcess>;
  /**
   * The program that an earlier process of ours started in `stateDirectory` under `id`: running, or how it ended
   * (137 when nobody was left to note it). Undefined when it never ran.
   */
  adopt(id: string, stateDirectory: string): Promise<DetachedProcess | ProcessExit | undefined>;
  /** The ids (by process group) of all running programs whose id begins with `prefix`. */
  owned(prefix: string): Promise<Map<number, string>>;
  /** Ends everything in a process group at once. */
  killGroup(pid: number): void;
  /** Figures by process group. Empty where the operating system does not tell. */
  stats(): Promise<Map<number, ProcessStats>>;
  /** Starts a command with pipes. @throws an error with `code` ENOENT, EACCES. */
  run(options: CommandOptions): Promise<AttachedCommand>;
  /** Writes to the standard input of a detached program that was started with `stdin`. */
  openStdin(stateDirectory: string): Promise<{ write(data: Uint8Array): void; close(): void }>;
  /** The absolute path of a program, looked up as `execvp` does. */
  find(name: string, path: string): string | undefined;
}
