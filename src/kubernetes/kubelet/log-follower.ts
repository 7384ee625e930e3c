/** Follows a container's log while it is written (`kubectl logs -f`, `kubectl attach`). */
import type { LogLine } from "./container-log.ts";
import type { ContainerRun } from "./container-runtime.ts";

/** Lines that wait for a slow reader of a followed log; past that it is cut off. */
export const MAX_FOLLOW_LINES = 100_000;

/** New lines of a run until it ends or the reader goes. */
export class LogFollower {
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
