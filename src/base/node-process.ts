/**
 * The real `Processes`.
 *
 * A detached program runs under a supervisor of a few lines of `sh` (1 MB resident) that leads its session, notes its
 * own pid before and the exit code after, and passes signals on. So a control plane that was killed finds, when it
 * comes back, what runs and how the rest ended; a parent's `wait` could not tell it that.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { availableParallelism, constants as osConstants, release, totalmem } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import type {
  AttachedCommand,
  CommandOptions,
  DetachedOptions,
  DetachedProcess,
  ProcessExit,
  Processes,
  ProcessSignal,
  ProcessStats,
} from "./process.ts";

/** The environment variable that carries the id of a detached program, for everything it starts too. */
export const PROCESS_ID_VARIABLE = "TOPOLOGY_PROCESS_ID";

/** How often an adopted program, whose end no event tells, is looked at, in milliseconds. */
const ADOPTED_POLL_MS = 100;

/**
 * $1 is the state directory, the rest the program. Descriptor 3 keeps the program's standard error, as the shell's own
 * ("Killed") is nobody's log line; 4 its input, which a command in the background would not get. A signal that comes
 * before the program's number is known is passed on then. `wait` returns early on a signal: again, until it is gone.
 */
const SUPERVISOR = `
d=$1; shift
echo $$ >"$d/pid"
exec 3>&2 4<&0 2>/dev/null
"$@" <&4 2>&3 3>&- 4<&- &
c=$!
for s in TERM INT HUP QUIT USR1 USR2; do trap "kill -$s $c" $s; done
exec </dev/null 4<&-
while :; do wait $c; s=$?; kill -0 $c || break; done
echo $s >"$d/exit.tmp" && mv "$d/exit.tmp" "$d/exit"
exit $s`;

export const systemProcesses: Processes = {
  machine: {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    operatingSystem: process.platform,
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    kernelVersion: release(),
  },
  executable: process.execPath,
  start,
  adopt,
  owned: async (prefix) => ownedGroups(prefix),
  killGroup: (pid) => killQuietly(-pid, "SIGKILL"),
  stats: async () => groupStats(),
  run,
  openStdin,
  find: findProgram,
};

async function start(options: DetachedOptions): Promise<DetachedProcess> {
  const { argv, env, cwd, logPath, stateDirectory, stdin = false, stdinOnce = false } = options;
  if (findProgram(argv[0], env.PATH ?? "") === undefined) throw missing(argv[0]);
  rmSync(join(stateDirectory, "exit"), { force: true });
  const log = openSync(logPath, "a");
  const path = join(stateDirectory, "stdin");
  const both = stdin ? openFifo(path) : undefined;
  // Who reads and writes never sees an end.
  const input = stdin && stdinOnce ? openSync(path, constants.O_RDONLY) : both;
  try {
    const child = spawn("/bin/sh", ["-c", SUPERVISOR, "container", stateDirectory, ...argv], {
      cwd,
      env: { ...env, [PROCESS_ID_VARIABLE]: options.id },
      detached: true,
      stdio: [input ?? "ignore", log, log],
    });
    await started(child);
    child.unref();
    if (both !== undefined && input !== both) {
      heldInputs.set(stateDirectory, both);
      child.on("exit", () => releaseInput(stateDirectory));
    }
    const pid = child.pid!;
    const exited = new Promise<ProcessExit>((resolve) =>
      child.on("exit", (_code, signal) => {
        // Whoever killed the supervisor alone has not ended the program.
        killQuietly(-pid, "SIGKILL");
        const code = 128 + osConstants.signals[signal ?? "SIGKILL"];
        resolve(exitOf(stateDirectory) ?? { code, finishedMs: Date.now() });
      }),
    );
    return detached(pid, Date.now(), exited);
  } finally {
    closeSync(log);
    if (input !== undefined) closeSync(input);
    if (both !== undefined && input !== both && heldInputs.get(stateDirectory) !== both) closeSync(both);
  }
}

function detached(pid: number, startedMs: number, exited: Promise<ProcessExit>): DetachedProcess {
  const process: DetachedProcess & { ended?: boolean } = {
    pid,
    startedMs,
    exited,
    signal(name) {
      if (!process.ended) killQuietly(name === "SIGKILL" ? -pid : pid, name);
    },
  };
  exited.then(() => {
    process.ended = true;
  });
  return process;
}

async function adopt(id: string, stateDirectory: string): Promise<DetachedProcess | ProcessExit | undefined> {
  const ended = exitOf(stateDirectory);
  if (ended !== undefined) return ended;
  const noted = notedPid(stateDirectory);
  const pid = noted !== undefined && processId(noted) === id ? noted : groupOf(id);
  if (pid === undefined) {
    // It may have ended between the two looks.
    const late = exitOf(stateDirectory);
    return late ?? (noted === undefined ? undefined : { code: 137, finishedMs: Date.now() });
  }
  const exited = new Promise<ProcessExit>((resolve) => {
    const handle = setInterval(() => {
      if (isAlive(pid) && processId(pid) === id) return;
      clearInterval(handle);
      killQuietly(-pid, "SIGKILL");
      resolve(exitOf(stateDirectory) ?? { code: 137, finishedMs: Date.now() });
    }, ADOPTED_POLL_MS);
    handle.unref();
  });
  const startedMs = statSync(join(stateDirectory, "pid"), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return detached(pid, startedMs, exited);
}

function exitOf(stateDirectory: string): ProcessExit | undefined {
  const path = join(stateDirectory, "exit");
  if (!existsSync(path)) return undefined;
  return { code: Number(readFileSync(path, "utf8")), finishedMs: statSync(path).mtimeMs };
}

function notedPid(stateDirectory: string): number | undefined {
  const path = join(stateDirectory, "pid");
  const pid = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  return pid > 1 ? pid : undefined;
}

function groupOf(id: string): number | undefined {
  for (const [pid, owner] of ownedGroups(id)) if (owner === id) return pid;
  return undefined;
}

/** The id that a process carries; undefined for other people's and for those that are gone. */
function processId(pid: number): string | undefined {
  const marker = `${PROCESS_ID_VARIABLE}=`;
  return environmentOf(pid)
    .find((entry) => entry.startsWith(marker))
    ?.slice(marker.length);
}

function environmentOf(pid: number): string[] {
  try {
    if (existsSync("/proc/self/environ")) return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return execFileSync("ps", ["-E", "-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" }).split(
      " ",
    );
  } catch {
    return [];
  }
}

function ownedGroups(prefix: string): Map<number, string> {
  const groups = new Map<number, string>();
  for (const { pid, group } of processTable()) {
    const id = processId(pid);
    if (id?.startsWith(prefix) && !groups.has(group)) groups.set(group, id);
  }
  return groups;
}

interface ProcessRow {
  pid: number;
  group: number;
  cpuSeconds: number;
  residentBytes: number;
}

/** USER_HZ, which Linux fixes at 100 for what it tells programs. */
const TICKS_PER_SECOND = 100;

function processTable(): ProcessRow[] {
  if (!existsSync("/proc/self/stat")) return processTableOfPs();
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        // The name in parentheses may hold anything: fields are counted from behind it. See proc_pid_stat(5).
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (fields[0] === "Z") return [];
        const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
        return [
          { pid: Number(name), group: Number(fields[2]), cpuSeconds, residentBytes: residentBytes(name) },
        ];
      } catch {
        return [];
      }
    });
}

/** Proportional memory would be fairer but costs a walk over all mappings; resident it is, as `kubectl top` has it. */
function residentBytes(pid: string): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
}

function processTableOfPs(): ProcessRow[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,pgid=,rss=,time="], { encoding: "utf8" });
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [pid, group, kibibytes, time] = line.trim().split(/\s+/);
      const cpuSeconds = time.split(/[:-]/).reduce((total, part) => total * 60 + Number(part), 0);
      return { pid: Number(pid), group: Number(group), cpuSeconds, residentBytes: Number(kibibytes) * 1024 };
    });
}

function groupStats(): Map<number, ProcessStats> {
  const stats = new Map<number, ProcessStats>();
  for (const row of processTable()) {
    const sum = stats.get(row.group) ?? { cpuSeconds: 0, residentBytes: 0, processes: 0 };
    sum.cpuSeconds += row.cpuSeconds;
    sum.residentBytes += row.residentBytes;
    sum.processes++;
    stats.set(row.group, sum);
  }
  return stats;
}

async function run(options: CommandOptions): Promise<AttachedCommand> {
  const [program, ...args] = options.argv;
  const path = findProgram(program, options.env.PATH ?? "");
  if (path === undefined) throw missing(program);
  const child = spawn(path, args, { argv0: program, cwd: options.cwd, env: options.env, detached: true });
  const exited = new Promise<ProcessExit>((resolve) =>
    child.on("exit", (code, signal) =>
      resolve({ code: code ?? 128 + osConstants.signals[signal!], finishedMs: Date.now() }),
    ),
  );
  await started(child);
  // A command may end, or close its input, before it has read all of it.
  child.stdin!.on("error", () => {});
  return {
    stdout: child.stdout!,
    stderr: child.stderr!,
    write: (data) => void child.stdin!.write(data),
    endInput: () => void child.stdin!.end(),
    exited,
    signal: (name) => killQuietly(-child.pid!, name),
  };
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

/** Open sides of inputs that end once, by their state directory: what is read from goes on as long as one is open. */
const heldInputs = new Map<string, number>();

function releaseInput(stateDirectory: string): void {
  const descriptor = heldInputs.get(stateDirectory);
  heldInputs.delete(stateDirectory);
  if (descriptor !== undefined) closeSync(descriptor);
}

/** Read and write, so that opening never waits for the other side and the reader sees no end before its time. */
function openFifo(path: string): number {
  if (!existsSync(path)) execFileSync("mkfifo", ["-m", "600", path]);
  return openSync(path, constants.O_RDWR);
}

async function openStdin(stateDirectory: string) {
  const descriptor = openFifo(join(stateDirectory, "stdin"));
  return {
    write: (data: Uint8Array) => {
      for (let written = 0; written < data.length; ) written += writeSync(descriptor, data, written);
    },
    close: () => {
      closeSync(descriptor);
      releaseInput(stateDirectory);
    },
  };
}

function findProgram(name: string, path: string): string | undefined {
  const candidates = name.includes("/") ? [name] : path.split(delimiter).map((folder) => join(folder, name));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return (isAbsolute(candidate) || name.includes("/")) && statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}

function missing(program: string): Error {
  return Object.assign(new Error(`exec: "${program}": executable file not found in $PATH`), {
    code: "ENOENT",
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function killQuietly(pid: number, signal: ProcessSignal): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}
