/**
 * The probes of one run of a container (kubelet `prober/worker.go`): startup first, then readiness and liveness.
 *
 * Differs from upstream on purpose: until a startup or readiness probe has succeeded for the first time it is tried
 * every `EAGER_PERIOD_MS` instead of once in `periodSeconds`, so that a pod is Ready when it is and not up to ten
 * seconds later. Failures still count once in a period, so thresholds mean what they mean on Kubernetes.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Container, Probe } from "../types.ts";
import type { ProbeResult } from "./probe-runner.ts";

/** @see the header of this file */
export const EAGER_PERIOD_MS = 150;

export type ProbeKind = "startup" | "readiness" | "liveness";

export interface ProberOptions {
  clock: Clock;
  container: Container;
  /** When the container was started, by the clock's wall time. */
  startedMs: number;
  /** What was known of an adopted container. */
  known?: { started: boolean; ready: boolean };
  run(probe: Probe, timeoutMs: number): Promise<ProbeResult>;
  /** `started` or `ready` has changed. */
  onChange(): void;
  /** A probe has failed, for once in a period. */
  onFailure(kind: ProbeKind, message: string): void;
  /** The container is to be restarted. */
  onUnhealthy(kind: "startup" | "liveness", probe: Probe): void;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #timers = new Set<Timer>();
  #stopped = false;
  started: boolean;
  ready: boolean;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { container, known } = options;
    this.started = container.startupProbe === undefined || known?.started === true;
    this.ready = this.started && (container.readinessProbe === undefined || known?.ready === true);
  }

  start(): void {
    const { startupProbe } = this.#options.container;
    if (startupProbe === undefined || this.started) this.#startOthers();
    else this.#follow("startup", startupProbe);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  #startOthers(): void {
    const { readinessProbe, livenessProbe } = this.#options.container;
    if (readinessProbe !== undefined) this.#follow("readiness", readinessProbe);
    if (livenessProbe !== undefined) this.#follow("liveness", livenessProbe);
  }

  /** Runs one probe again and again until it has nothing more to say. */
  #follow(kind: ProbeKind, probe: Probe): void {
    const { clock, startedMs } = this.#options;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const counts = {
      succeeded: 0,
      failed: 0,
      everSucceeded: kind === "readiness" && this.ready,
      // Eager tries before the first period is over are nobody's failure.
      nextCountMs: clock.monotonic() + (kind === "liveness" ? 0 : periodMs),
    };
    const step = async () => {
      const result = await this.#options.run(probe, (probe.timeoutSeconds ?? 1) * 1000);
      if (this.#stopped) return;
      if (this.#take(kind, probe, result, counts, periodMs) === "done") return;
      const eager = kind !== "liveness" && !counts.everSucceeded;
      this.#after(eager ? Math.min(EAGER_PERIOD_MS, periodMs) : periodMs, step);
    };
    const delayMs = startedMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now();
    this.#after(Math.max(0, delayMs), step);
  }

  #take(
    kind: ProbeKind,
    probe: Probe,
    result: ProbeResult,
    counts: { succeeded: number; failed: number; everSucceeded: boolean; nextCountMs: number },
    periodMs: number,
  ): "done" | "again" {
    if (result.ok) {
      counts.failed = 0;
      counts.succeeded++;
      counts.everSucceeded = true;
      if (counts.succeeded < (probe.successThreshold ?? 1)) return "again";
      return this.#succeeded(kind);
    }
    counts.succeeded = 0;
    const nowMs = this.#options.clock.monotonic();
    // A little early still counts: timers are never exact.
    if (nowMs < counts.nextCountMs - periodMs * 0.05) return "again";
    counts.nextCountMs = Math.max(counts.nextCountMs, nowMs - periodMs) + periodMs;
    counts.failed++;
    this.#options.onFailure(kind, result.message);
    if (counts.failed < (probe.failureThreshold ?? 3)) return "again";
    return this.#failed(kind, probe);
  }

  #succeeded(kind: ProbeKind): "done" | "again" {
    if (kind === "startup") {
      this.started = true;
      if (this.#options.container.readinessProbe === undefined) this.ready = true;
      this.#options.onChange();
      this.#startOthers();
      return "done";
    }
    if (kind === "readiness" && !this.ready) {
      this.ready = true;
      this.#options.onChange();
    }
    return "again";
  }

  #failed(kind: ProbeKind, probe: Probe): "done" | "again" {
    if (kind !== "readiness") {
      this.#options.onUnhealthy(kind, probe);
      return "done";
    }
    if (this.ready) {
      this.ready = false;
      this.#options.onChange();
    }
    return "again";
  }

  #after(delayMs: number, step: () => Promise<void>): void {
    if (this.#stopped) return;
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      void step();
    });
    this.#timers.add(timer);
  }
}
