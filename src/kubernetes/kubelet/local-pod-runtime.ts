/**
 * The kubelet's side of logs, exec, attach, port-forward and `kubectl top`.
 *
 * A terminal (`-t`) comes from `script(1)` where the machine has it; without it the command gets pipes. New sizes of the
 * client's terminal are passed on by `stty` before the command starts, not while it runs.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { AttachedCommand, Processes } from "../../base/process.ts";
import type { Sockets } from "../../base/sockets.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import type { ContainerKey, ContainerStreams, ExitStatus, PodRuntime, TerminalSize } from "../pod-runtime.ts";
import { runInContainer } from "./container-command.ts";
import type { ContainerRun, ContainerRuntime } from "./container-runtime.ts";
import type { ContainerUnit } from "./container-unit.ts";
import type { Kubelet } from "./kubelet.ts";
import { LogFollower } from "./log-follower.ts";
import { podLogBytes } from "./pod-log.ts";
import { nodeStatsOf, podStatsOf, StatsSampler } from "./pod-stats.ts";
import type { PodWorker } from "./pod-worker.ts";

/** How long a port-forward may take to connect, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** How long a client may take to tell its terminal's size, in milliseconds. */
const SIZE_WAIT_MS = 200;

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
      const { worker, unit } = unitOf(options, key);
      return podLogBytes(options, { ...key, uid: worker.uid }, unit, logOptions);
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
          // Twice, as the runtime's server and kubelet's say it.
          `Internal error occurred: Internal error occurred: error executing command in container: ${(error as Error).message}`,
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

// ---- exec and attach ----

const NEWLINE = new Uint8Array([10]);

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
  const { unit } = unitOf(options, key);
  const { run } = unit;
  if (run === undefined) {
    const problem = `container ${key.container} not found in pod ${key.pod}_${key.namespace}`;
    throw statusError("InternalError", `Internal error occurred: unable to upgrade connection: ${problem}`);
  }
  // It has ended, and the kubelet has not heard of it yet: who attaches to it now would wait for output that is out.
  if ((await options.disk.stat(`${run.directory}/exit`)) !== undefined)
    throw statusError(
      "InternalError",
      "Internal error occurred: Internal error occurred: error attaching to container: container is in CONTAINER_EXITED state",
    );
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
  const follower = new LogFollower(run, streams.signal);
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
