/** One run of a container from its first moment to its last: probes, hooks, the way out (`kuberuntime_container.go`). */
import type { ProcessExit } from "../../base/process.ts";
import type { EventType } from "../../wire/kubernetes/event-recorder.ts";
import type { Handler, Probe } from "../types.ts";
import { runInContainer } from "./container-command.ts";
import type { ContainerRun } from "./container-runtime.ts";
import type { ContainerUnit } from "./container-unit.ts";
import type { PodContext } from "./pod-context.ts";
import { type ProbeResult, runHandler } from "./probe-runner.ts";
import { type ProbeKind, Prober } from "./prober.ts";

/** terminationMessagePath is read up to this size. */
export const MAX_TERMINATION_MESSAGE_BYTES = 4_096;
/** With FallbackToLogsOnError: so much of the log's end. */
const FALLBACK_LINES = 80;
const FALLBACK_BYTES = 2_048;
/** What is left for the program when a preStop hook has used up the grace period, in milliseconds. */
export const MIN_GRACE_MS = 2_000;

/** What a run needs from its pod. */
export interface LifecycleHost {
  /** `leaving`: the control plane ends, what happens is for the next one to find. */
  mood(): "running" | "ending" | "leaving";
  ip(): string;
  graceMs(): number;
  /** Something has changed. */
  wake(): void;
  event(type: EventType, reason: string, message: string, unit: ContainerUnit): void;
}

export class ContainerLifecycle {
  readonly #context: PodContext;
  readonly #host: LifecycleHost;
  readonly #ends = new WeakMap<ContainerRun, Promise<void>>();

  constructor(context: PodContext, host: LifecycleHost) {
    this.#context = context;
    this.#host = host;
  }

  /** @param known what was known of an adopted run */
  begin(unit: ContainerUnit, run: ContainerRun, known?: { started: boolean; ready: boolean }): void {
    const { clock } = this.#context;
    unit.begin(run);
    this.#ends.set(
      run,
      run.process.exited.then((exit) => this.#ended(unit, run, exit)),
    );
    const prober = new Prober({
      clock,
      container: unit.spec,
      startedMs: run.process.startedMs,
      known,
      run: (probe, timeoutMs) => this.#runHandler(unit, run, probe, timeoutMs),
      onChange: () => this.#host.wake(),
      onFailure: (kind, message) => this.#probeFailed(unit, kind, message),
      onUnhealthy: (kind, probe) => void this.#restart(unit, kind, probe),
    });
    unit.prober = prober;
    const postStart = known === undefined ? unit.spec.lifecycle?.postStart : undefined;
    if (postStart === undefined) prober.start();
    else void this.#postStart(unit, run, postStart, prober);
  }

  async #postStart(unit: ContainerUnit, run: ContainerRun, hook: Handler, prober: Prober): Promise<void> {
    const result = await this.#runHandler(unit, run, hook, 600_000);
    if (result.ok) return prober.start();
    // Not what the hook said: it may hold secrets.
    this.#host.event("Warning", "FailedPostStartHook", "PostStartHook failed", unit);
    await this.stop(unit, this.#host.graceMs(), "FailedPostStartHook");
  }

  #runHandler(
    unit: ContainerUnit,
    run: ContainerRun,
    handler: Handler,
    timeoutMs: number,
  ): Promise<ProbeResult> {
    if (handler.sleep) {
      return this.#context.clock.sleep(handler.sleep.seconds * 1000).then(() => ({ ok: true, message: "" }));
    }
    const { network, sockets } = this.#context;
    const tools = {
      network,
      sockets,
      run: (command: string[], limitMs: number) => this.#run(run, command, limitMs),
    };
    return runHandler(tools, unit.spec, this.#host.ip(), handler, timeoutMs);
  }

  async #run(run: ContainerRun, command: string[], timeoutMs: number) {
    const { processes, clock } = this.#context;
    const running = await runInContainer(processes, run.spec, command);
    running.endInput();
    const timer = clock.after(timeoutMs, () => {
      timedOut = true;
      running.signal("SIGKILL");
    });
    let timedOut = false;
    const [stdout, stderr, exit] = await Promise.all([
      shortText(running.stdout),
      shortText(running.stderr),
      running.exited,
    ]);
    timer.cancel();
    return timedOut ? ("timeout" as const) : { exitCode: exit.code, output: stdout + stderr };
  }

  #probeFailed(unit: ContainerUnit, kind: ProbeKind, message: string): void {
    if (unit.stopping || this.#host.mood() === "leaving") return;
    const title = kind[0].toUpperCase() + kind.slice(1);
    this.#host.event("Warning", "Unhealthy", `${title} probe failed: ${message}`, unit);
  }

  async #restart(unit: ContainerUnit, kind: "startup" | "liveness", probe: Probe): Promise<void> {
    if (unit.stopping || this.#host.mood() !== "running") return;
    const message = `Container ${unit.spec.name} failed ${kind} probe, will be restarted`;
    const graceMs = probe.terminationGracePeriodSeconds;
    await this.stop(unit, graceMs === undefined ? this.#host.graceMs() : graceMs * 1000, message);
  }

  async #ended(unit: ContainerUnit, run: ContainerRun, exit: ProcessExit): Promise<void> {
    const { runtime } = this.#context;
    await runtime.closeLog(run.log);
    const message = await this.#terminationMessage(unit, run, exit).catch(() => undefined);
    unit.end(exit, run.process.startedMs, message);
    if (this.#host.mood() === "leaving") return;
    unit.backOff.fail(exit.finishedMs, exit.finishedMs - run.process.startedMs);
    if (this.#host.mood() === "running") this.#host.wake();
  }

  async #terminationMessage(
    unit: ContainerUnit,
    run: ContainerRun,
    exit: ProcessExit,
  ): Promise<string | undefined> {
    const { disk } = this.#context;
    const path = `${run.directory}/termination-log`;
    if ((await disk.stat(path)) !== undefined) {
      const text = new TextDecoder().decode(
        (await disk.readFile(path)).subarray(0, MAX_TERMINATION_MESSAGE_BYTES),
      );
      if (text !== "") return text;
    }
    if (unit.spec.terminationMessagePolicy !== "FallbackToLogsOnError" || exit.code === 0) return undefined;
    const lines: string[] = [];
    for await (const { text } of run.log.read()) {
      lines.push(new TextDecoder().decode(text));
      if (lines.length > FALLBACK_LINES) lines.shift();
    }
    return `${lines.join("\n")}\n`.slice(-FALLBACK_BYTES);
  }

  /** preStop, SIGTERM, and SIGKILL when the grace period is over. */
  async stop(unit: ContainerUnit, graceMs: number, message?: string): Promise<void> {
    const { run } = unit;
    if (run === undefined) return;
    unit.stopping = true;
    unit.prober?.stop();
    if (message !== undefined) this.#host.event("Normal", "Killing", message, unit);
    const { clock } = this.#context;
    const ended = this.#ends.get(run)!;
    const deadlineMs = clock.monotonic() + graceMs;
    const hook = unit.spec.lifecycle?.preStop;
    if (hook !== undefined && graceMs > 0) {
      const stop = new AbortController();
      const timeout = clock.sleep(graceMs, stop.signal).catch(() => {});
      const result = await Promise.race([this.#runHandler(unit, run, hook, graceMs), ended, timeout]);
      stop.abort();
      if (result && !result.ok) {
        this.#host.event("Warning", "FailedPreStopHook", "PreStopHook failed", unit);
      }
    }
    if (graceMs > 0) {
      run.process.signal("SIGTERM");
      const leftMs = Math.max(hook === undefined ? 0 : MIN_GRACE_MS, deadlineMs - clock.monotonic());
      const stop = new AbortController();
      await Promise.race([ended, clock.sleep(leftMs, stop.signal).catch(() => {})]);
      stop.abort();
    }
    run.process.signal("SIGKILL");
    await ended;
  }
}

/** The beginning of an output. */
async function shortText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    if (text.length < MAX_TERMINATION_MESSAGE_BYTES) text += decoder.decode(chunk, { stream: true });
  }
  return text.slice(0, MAX_TERMINATION_MESSAGE_BYTES);
}
