/**
 * Runs of scenarios in several processes, a shard each, told in the order in which one process would tell them. Each is
 * `topology test --json --shard K/N`: a run's report a line.
 */
import type { Machine } from "../base/machine.ts";
import type { AttachedCommand } from "../base/process.ts";
import { ScenarioError } from "./scenario/scenario.ts";
import type { RunReport } from "./scenario/scenario-report.ts";
import type { Shard } from "./scenario-runs.ts";

/** Without `--workers`: a process takes some 200 MiB. */
const MAX_DEFAULT_WORKERS = 16;
/** Below it a process takes longer to start than it saves. */
const MIN_RUNS_PER_WORKER = 8;
/** In a worker's environment: whose runs it makes. */
const OWNER = "TOPOLOGY_TEST_OWNER";
/** Of one run. */
const MAX_REPORT_BYTES = 64 * 1024 * 1024;
/** Of what a process says when it fails. */
const MAX_COMPLAINT_BYTES = 64 * 1024;

/** As many as there are processors, and few for few runs. */
export function defaultWorkers(runs: number, { processes }: Machine): number {
  const most = Math.min(processes.machine.cpus, MAX_DEFAULT_WORKERS);
  return Math.max(1, Math.min(most, Math.floor(runs / MIN_RUNS_PER_WORKER)));
}

/** Whether this is a worker whose owner has died, and nobody will hear of its runs. */
export function isOrphan({ env, signalProcess }: Pick<Machine, "env" | "signalProcess">): boolean {
  const owner = env[OWNER];
  return owner !== undefined && !signalProcess(Number(owner), 0);
}

/**
 * @param args of `topology test`, without `--shard`
 * @param shard of which each process makes a part
 * @throws ScenarioError when one of the processes does
 */
export async function* runInWorkers(
  args: string[],
  { workers, runs, shard }: { workers: number; runs: number; shard: Shard },
  machine: Machine,
): AsyncGenerator<RunReport> {
  const known = Object.entries(machine.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const env = { ...Object.fromEntries(known), [OWNER]: String(machine.pid) };
  const commands: AttachedCommand[] = [];
  const stop = () => {
    for (const command of commands) command.signal("SIGTERM");
  };
  machine.signal.addEventListener("abort", stop, { once: true });
  try {
    for (let worker = 0; worker < workers; worker++) {
      if (machine.signal.aborted) return;
      // Every (workers × of)-th run: those of this process' own shard in turn.
      const part = `${shard.number + worker * shard.of}/${workers * shard.of}`;
      const argv = [...machine.self, "test", ...args, "--json", "--workers", "1", "--shard", part];
      commands.push(await machine.processes.run({ argv, env, cwd: "." }));
    }
    const complaints = commands.map(({ stderr }) => textOf(stderr));
    const reports = commands.map(({ stdout }) => readAhead(linesOf(stdout)));
    for (let run = 0; run < runs; run++) {
      const worker = run % workers;
      const line = await reports[worker]();
      if (line === undefined) {
        if (machine.signal.aborted) return;
        throw failureOf(await complaints[worker], (await commands[worker].exited).code);
      }
      yield JSON.parse(line) as RunReport;
    }
  } finally {
    machine.signal.removeEventListener("abort", stop);
    stop();
  }
}

/**
 * One line ahead of who asks: what nobody has begun to read is thrown away by Node when its writer ends. A writer that
 * is further ahead than a pipe holds waits.
 */
function readAhead(lines: AsyncGenerator<string, undefined>): () => Promise<string | undefined> {
  const next = () => {
    const line = lines.next();
    // Told to who asks for it.
    line.catch(() => {});
    return line;
  };
  let ahead = next();
  return async () => {
    const { value } = await ahead;
    ahead = next();
    return value;
  };
}

/** What a process has said is said again. */
function failureOf(complaint: string, code: number): Error {
  const text = complaint.trim().replace(/^topology: /, "");
  return code === 2 ? new ScenarioError(text) : new Error(text || `a process of the runs ended with ${code}`);
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    if (text.length < MAX_COMPLAINT_BYTES) text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** @throws Error when one is longer than a report may be */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  maxBytes = MAX_REPORT_BYTES,
): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
    if (rest.length > maxBytes) throw new Error(`a line is longer than ${maxBytes} bytes`);
  }
  return undefined;
}
