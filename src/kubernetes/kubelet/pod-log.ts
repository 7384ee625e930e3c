/** What `kubectl logs` gets: which lines, from where, in which form (kubelet `pkg/kubelet/kuberuntime/logs`). */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import type { ContainerKey, PodLogOptions } from "../pod-runtime.ts";
import { type LogLine, readLog } from "./container-log.ts";
import type { ContainerRuntime } from "./container-runtime.ts";
import type { ContainerUnit } from "./container-unit.ts";
import { LogFollower } from "./log-follower.ts";

const NEWLINE = new Uint8Array([10]);

export interface LogSource {
  runtime: ContainerRuntime;
  disk: Disk;
  clock: Clock;
}

/**
 * The log of a container's present or last run, or of the one before it.
 *
 * @throws KubeStatusError "BadRequest" when there is no such run (yet)
 */
export function podLogBytes(
  { runtime, disk, clock }: LogSource,
  key: ContainerKey,
  unit: ContainerUnit,
  logOptions: PodLogOptions,
): AsyncIterable<Uint8Array> {
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
  const path = runtime.logPath(key.uid, key.container, attempt);
  const sinceMs =
    logOptions.sinceTimeMs ??
    (logOptions.sinceSeconds === undefined ? undefined : clock.now() - logOptions.sinceSeconds * 1000);
  const run = !logOptions.previous && unit.run?.attempt === attempt ? unit.run : undefined;
  return limited(formatted(lines(), logOptions), logOptions.limitBytes);

  async function* lines(): AsyncGenerator<LogLine> {
    if (logOptions.stream === "Stderr") return;
    const follower =
      logOptions.follow && run !== undefined ? new LogFollower(run, logOptions.signal) : undefined;
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
