/** Figures for `kubectl top`, from the operating system's account of process groups. */
import type { Clock } from "../../base/clock.ts";
import type { Processes, ProcessStats } from "../../base/process.ts";
import type { NodeStats, PodStats } from "../pod-runtime.ts";
import type { PodWorker } from "./pod-worker.ts";

/** Resource figures are rates over this time, in milliseconds. */
const STATS_WINDOW_MS = 10_000;
/** Whoever asks first waits so long for a second look, in milliseconds. */
const FIRST_WINDOW_MS = 200;
/** Figures that are older are taken anew. */
const FRESH_MS = 1_000;

export interface StatsSample {
  atMs: number;
  windowMs: number;
  groups: Map<number, { cpuCores: number; memoryBytes: number }>;
}

/** Rates need two looks: one is taken every window, whether or not somebody asks. */
export class StatsSampler {
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

  async read(): Promise<StatsSample> {
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

export function podStatsOf(worker: PodWorker, { atMs, windowMs, groups }: StatsSample): PodStats[] {
  const { namespace, name } = worker.pod.metadata;
  const containers = worker.units.flatMap(({ spec, run }) => {
    const figures = run === undefined ? undefined : groups.get(run.process.pid);
    return figures === undefined ? [] : [{ name: spec.name, ...figures }];
  });
  if (containers.length === 0) return [];
  return [{ namespace: namespace!, pod: name, timestampMs: atMs, windowMs, containers }];
}

/** A node's figures are those of its pods: what else the machine does is nobody's. */
export function nodeStatsOf(workers: PodWorker[], sample: StatsSample, nodes: string[]): NodeStats[] {
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
