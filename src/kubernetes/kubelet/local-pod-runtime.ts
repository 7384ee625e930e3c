/**
 * The kubelet's side of logs, exec, attach, port-forward and `kubectl top`.
 *
 * A terminal (`-t`) comes from `script(1)` where the machine has it; without it the command gets pipes. New sizes of the
 * client's terminal are passed on by `stty` before the command starts, not while it runs.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { AttachedCommand, Processes, ProcessStats } from "../../base/process.ts";
import type { Sockets } from "../../base/sockets.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import type {
  ContainerKey,
  ContainerStreams,
  ExitStatus,
  NodeStats,
  PodLogOptions,
  PodRuntime,
  PodStats,
  TerminalSize,
} from "../pod-runtime.ts";
import { runInContainer } from "./container-command.ts";
import { type LogLine, readLog } from "./container-log.ts";
import type { ContainerRun, ContainerRuntime } from "./container-runtime.ts";
import type { ContainerUnit } from "./container-unit.ts";
import type { Kubelet } from "./kubelet.ts";
import type { PodWorker } from "./pod-worker.ts";

/** How long a port-forward may take to connect, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Resource figures are rates over this time, in milliseconds. */
const STATS_WINDOW_MS = 10_000;
/** Whoever asks first waits so long for a second look, in milliseconds. */
const FIRST_WINDOW_MS = 200;
/** Figures that are older are taken anew. */
const FRESH_MS = 1_000;
/** How long a client may take to tell its terminal's size, in milliseconds. */
const SIZE_WAIT_MS = 200;
/** Lines that wait for a slow reader of a followed log; past that it is cut off. */
export const MAX_FOLLOW_LINES = 100_000;

export interface LocalPodRuntimeOptions {
  kubelet: Kubelet;
  runtime: ContainerRuntime;
  processes: Processes;
  sockets: Sockets;
  disk: Disk;
  clock: Clock;
  signal: AbortSignal;
}

export function createLocalPodRuntime(options: LocalPodRuntimeOptions): PodRuntime {
  const { processes, sockets, clock, signal } = options;
  const sampler = new StatsSampler(processes, clock, signal);

  return {
    async logs(key, logOptions) {
      const { unit } = unitOf(options, key);
      return logBytes(options, key, unit, logOptions);
    },
    async exec(key, command, streams) {
      const { run } = runOf(options, key);
      const argv = streams.tty ? await withTerminal(options, run, command, streams.resize) : command;
      let running: AttachedCommand;
      try {
        running = await runInContainer(processes, run.spec, argv);
      } catch (error) {
        throw statusError(
          "InternalError",
          `error executing command in container: ${(error as Error).message}`,
        );
      }
      return { exitCode: (await connect(running, streams)).exitCode };
    },
    async attach(key, streams) {
      return attach(options, key, streams);
    },
    async portForward(key, port): Promise<Duplex> {
      const worker = workerOf(options, key);
      if (worker.ip === undefined) throw statusError("BadRequest", `pod ${key.pod} has no address yet`);
      return sockets.connectTcp({ host: worker.ip, port }, CONNECT_TIMEOUT_MS);
    },
    async podStats() {
      const sample = await sampler.read();
      return [...options.kubelet.workers.values()].flatMap((worker) => podStatsOf(worker, sample));
    },
    async nodeStats() {
      const sample = await sampler.read();
      return nodeStatsOf([...options.kubelet.workers.values()], sample, options.kubelet.nodeNames);
    },
  };
}

// ---- who is meant ----

function workerOf({ kubelet }: LocalPodRuntimeOptions, key: Omit<ContainerKey, "container">): PodWorker {
  const worker = kubelet.workers.get(key.uid) ?? kubelet.worker(key.namespace, key.pod);
  if (worker === undefined) throw statusError("NotFound", `pod ${key.pod} not found`);
  return worker;
}

function unitOf(
  options: LocalPodRuntimeOptions,
  key: ContainerKey,
): { worker: PodWorker; unit: ContainerUnit } {
  const worker = workerOf(options, key);
  const unit = worker.unit(key.container);
  if (unit === undefined) {
    throw statusError("BadRequest", `container ${key.container} is not valid for pod ${key.pod}`);
  }
  return { worker, unit };
}

function runOf(
  options: LocalPodRuntimeOptions,
  key: ContainerKey,
): { unit: ContainerUnit; run: ContainerRun } {
  const { unit } = unitOf(options, key);
  if (unit.run === undefined) {
    throw statusError(
      "InternalError",
      `unable to upgrade connection: container not found ("${key.container}")`,
    );
  }
  return { unit, run: unit.run };
}

// ---- logs ----

function logBytes(
  options: LocalPodRuntimeOptions,
  key: ContainerKey,
  unit: ContainerUnit,
  logOptions: PodLogOptions,
): AsyncIterable<Uint8Array> {
  const { runtime, disk, clock } = options;
  const { uid } = workerOf(options, key).pod.metadata;
  const attempt = logOptions.previous ? unit.attempt - 1 : unit.attempt;
  if (logOptions.previous && unit.lastTerminated === undefined) {
    throw statusError(
      "BadRequest",
      `previous terminated container "${key.container}" in pod "${key.pod}" not found`,
    );
  }
  if (!unit.hasRun) {
    const { reason } = unit.waiting;
    throw statusError(
      "BadRequest",
      `container "${key.container}" in pod "${key.pod}" is waiting to start: ${reason === "ErrImagePull" || reason === "ImagePullBackOff" ? "trying and failing to pull image" : reason}`,
    );
  }
  // A container that waits for its next run shows the last one that there was.
  const path = runtime.logPath(uid!, key.container, attempt);
  const sinceMs =
    logOptions.sinceTimeMs ??
    (logOptions.sinceSeconds === undefined ? undefined : clock.now() - logOptions.sinceSeconds * 1000);
  const run = !logOptions.previous && unit.run?.attempt === attempt ? unit.run : undefined;
  return limited(formatted(lines(), logOptions), logOptions.limitBytes);

  async function* lines(): AsyncGenerator<LogLine> {
    if (logOptions.stream === "Stderr") return;
    const follower =
      logOptions.follow && run !== undefined ? new Follower(run, logOptions.signal) : undefined;
    try {
      await run?.log.pump();
      const wanted = (line: LogLine) => sinceMs === undefined || line.timeMs >= sinceMs;
      let last = "";
      for await (const line of tail(readLog(disk, path), wanted, logOptions.tailLines)) {
        last = line.time;
        yield line;
      }
      // What came while the file was read is in both.
      const already = follower?.take().filter((line) => line.time > last) ?? [];
      yield* already;
      if (follower !== undefined) yield* follower.lines();
    } finally {
      follower?.close();
    }
  }
}

/** The last `count` lines; all of them when it is undefined. */
async function* tail(
  lines: AsyncIterable<LogLine>,
  wanted: (line: LogLine) => boolean,
  count: number | undefined,
): AsyncGenerator<LogLine> {
  if (count === undefined) {
    for await (const line of lines) if (wanted(line)) yield line;
    return;
  }
  const kept: LogLine[] = [];
  for await (const line of lines) {
    if (!wanted(line)) continue;
    kept.push(line);
    // Only whole lines count; now and then, since cutting an array is work.
    if (kept.length > 2 * count + 1_000) kept.splice(0, startOfTail(kept, count));
  }
  yield* kept.slice(startOfTail(kept, count));
}

function startOfTail(lines: LogLine[], count: number): number {
  let whole = 0;
  for (let index = lines.length - 1; index >= 0; index--) {
    if (!lines[index].partial && index < lines.length - 1) whole++;
    if (whole === count) return index + 1;
    if (index === lines.length - 1 && count === 0) return lines.length;
  }
  return 0;
}

const NEWLINE = new Uint8Array([10]);

async function* formatted(
  lines: AsyncIterable<LogLine>,
  { timestamps }: PodLogOptions,
): AsyncGenerator<Uint8Array> {
  let isContinued = false;
  for await (const { time, text, partial } of lines) {
    const head = timestamps && !isContinued ? [Buffer.from(`${time} `)] : [];
    yield Buffer.concat([...head, text, ...(partial ? [] : [NEWLINE])]);
    isContinued = partial;
  }
}

async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number | undefined,
): AsyncGenerator<Uint8Array> {
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const chunk of chunks) {
    if (chunk.length >= left) {
      yield chunk.subarray(0, left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}

/** New lines of a run until it ends or the reader goes. */
class Follower {
  #waiting: LogLine[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  readonly #stop: () => void;

  constructor(run: ContainerRun, signal: AbortSignal | undefined) {
    const unfollow = run.log.follow((lines) => {
      if (this.#waiting.length > MAX_FOLLOW_LINES) return this.#end();
      this.#waiting.push(...lines);
      this.#wake?.();
    });
    const onEnd = () => this.#end();
    signal?.addEventListener("abort", onEnd, { once: true });
    void run.log.closed.then(onEnd);
    this.#stop = () => {
      unfollow();
      signal?.removeEventListener("abort", onEnd);
    };
  }

  take(): LogLine[] {
    const lines = this.#waiting;
    this.#waiting = [];
    return lines;
  }

  async *lines(): AsyncGenerator<LogLine> {
    for (;;) {
      yield* this.take();
      if (this.#ended && this.#waiting.length === 0) return;
      if (this.#waiting.length > 0) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#stop();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}

// ---- exec and attach ----

/** `script` gives the command a terminal of the client's size. */
async function withTerminal(
  { processes, clock }: LocalPodRuntimeOptions,
  run: ContainerRun,
  command: string[],
  resize: AsyncIterable<TerminalSize> | undefined,
): Promise<string[]> {
  if (processes.find("script", run.spec.env.PATH) === undefined) return command;
  const size = await Promise.race([firstOf(resize), clock.sleep(SIZE_WAIT_MS)]);
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const stty = !size ? "" : `stty cols ${size.width} rows ${size.height} 2>/dev/null; `;
  return processes.machine.operatingSystem === "darwin"
    ? ["script", "-q", "/dev/null", ...command]
    : ["script", "-qefc", `${stty}exec ${words}`, "/dev/null"];
}

async function firstOf(sizes: AsyncIterable<TerminalSize> | undefined): Promise<TerminalSize | undefined> {
  if (sizes === undefined) return undefined;
  const next = await sizes[Symbol.asyncIterator]().next();
  return next.done ? undefined : next.value;
}

async function connect(running: AttachedCommand, streams: ContainerStreams): Promise<ExitStatus> {
  const { stdin, stdout, stderr, signal } = streams;
  const onAbort = () => running.signal("SIGKILL");
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const feed = async () => {
    if (stdin !== undefined) for await (const chunk of stdin) running.write(chunk);
    running.endInput();
  };
  void feed().catch(() => running.endInput());
  await Promise.all([drain(running.stdout, stdout), drain(running.stderr, stderr)]);
  const { code } = await running.exited;
  signal.removeEventListener("abort", onAbort);
  return { exitCode: code };
}

async function drain(from: AsyncIterable<Uint8Array>, to: ContainerStreams["stdout"]): Promise<void> {
  for await (const chunk of from) await to?.(chunk);
}

async function attach(
  options: LocalPodRuntimeOptions,
  key: ContainerKey,
  streams: ContainerStreams,
): Promise<ExitStatus> {
  const { run } = runOf(options, key);
  const { processes } = options;
  const feed = async () => {
    if (streams.stdin === undefined || !run.spec.stdin) return;
    const input = await processes.openStdin(run.directory);
    try {
      for await (const chunk of streams.stdin) input.write(chunk);
    } finally {
      input.close();
    }
  };
  void feed().catch(() => {});
  const follower = new Follower(run, streams.signal);
  try {
    for await (const line of follower.lines()) {
      const bytes = line.partial ? line.text : Buffer.concat([line.text, NEWLINE]);
      await streams.stdout?.(bytes);
    }
  } finally {
    follower.close();
  }
  // How the program ended is the pod's status to tell: whoever attached has seen it through, which is all they asked.
  return { exitCode: 0 };
}

// ---- figures ----

interface Sample {
  atMs: number;
  windowMs: number;
  groups: Map<number, { cpuCores: number; memoryBytes: number }>;
}

/** Rates need two looks: one is taken every window, whether or not somebody asks. */
class StatsSampler {
  readonly #processes: Processes;
  readonly #clock: Clock;
  #previous: { atMs: number; stats: Map<number, ProcessStats> } | undefined;
  #latest: { atMs: number; stats: Map<number, ProcessStats> } | undefined;

  constructor(processes: Processes, clock: Clock, signal: AbortSignal) {
    this.#processes = processes;
    this.#clock = clock;
    const timer = clock.every(STATS_WINDOW_MS, () => void this.#take().catch(() => {}));
    signal.addEventListener("abort", () => timer.cancel());
  }

  async read(): Promise<Sample> {
    if (this.#latest === undefined) {
      await this.#take();
      await this.#clock.sleep(FIRST_WINDOW_MS);
    }
    if (this.#previous === undefined || this.#clock.monotonic() - this.#latest!.atMs > FRESH_MS)
      await this.#take();
    const [before, now] = [this.#previous!, this.#latest!];
    const windowMs = Math.max(1, Math.round(now.atMs - before.atMs));
    const groups = new Map(
      [...now.stats].map(([group, { cpuSeconds, residentBytes }]) => {
        const earlier = before.stats.get(group)?.cpuSeconds ?? 0;
        const cpuCores = Math.max(0, cpuSeconds - earlier) / (windowMs / 1000);
        return [group, { cpuCores, memoryBytes: residentBytes }];
      }),
    );
    return { atMs: this.#clock.now(), windowMs, groups };
  }

  async #take(): Promise<void> {
    const stats = await this.#processes.stats();
    this.#previous = this.#latest;
    this.#latest = { atMs: this.#clock.monotonic(), stats };
  }
}

function podStatsOf(worker: PodWorker, { atMs, windowMs, groups }: Sample): PodStats[] {
  const { namespace, name } = worker.pod.metadata;
  const containers = worker.units.flatMap(({ spec, run }) => {
    const figures = run === undefined ? undefined : groups.get(run.process.pid);
    return figures === undefined ? [] : [{ name: spec.name, ...figures }];
  });
  if (containers.length === 0) return [];
  return [{ namespace: namespace!, pod: name, timestampMs: atMs, windowMs, containers }];
}

/** A node's figures are those of its pods: what else the machine does is nobody's. */
function nodeStatsOf(workers: PodWorker[], sample: Sample, nodes: string[]): NodeStats[] {
  return nodes.map((node) => {
    const pods = workers
      .filter(({ pod }) => pod.spec.nodeName === node)
      .flatMap((worker) => podStatsOf(worker, sample));
    const containers = pods.flatMap((pod) => pod.containers);
    return {
      node,
      timestampMs: sample.atMs,
      windowMs: sample.windowMs,
      cpuCores: containers.reduce((sum, { cpuCores }) => sum + cpuCores, 0),
      memoryBytes: containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    };
  });
}
