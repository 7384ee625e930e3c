/**
 * When tenants were last active, kept on the volume: a pod that was killed counts the tenants that it had when it is
 * back, and the number that KEDA reads does not fall with every crash.
 */
import type { Clock } from "../base/clock.ts";
import { type Disk, isMissing } from "../base/disk.ts";
import type { Logger } from "../base/log.ts";

/** At most so much activity is forgotten by a crash: of requests, since a tenant that moves is kept at once. */
export const SAVE_INTERVAL_MS = 5_000;

/** What is kept: `ActiveTenants`, by elapsed time. */
export interface KeptActivity {
  entries(): Iterable<[tenant: string, lastMs: number]>;
  touch(tenant: string, atMs: number): void;
}

export interface ActivityFileOptions {
  disk: Disk;
  clock: Clock;
  log: Logger;
  path: string;
  activity: KeptActivity;
}

export class ActivityFile {
  readonly #options: ActivityFileOptions;
  readonly #stop = new AbortController();
  #wake: () => void = () => {};
  /** Resolved by the save after the next pause. */
  #next = Promise.withResolvers<void>();
  #isAwaited = false;
  #saved = "";
  #saving: Promise<void> = Promise.resolve();

  constructor(options: ActivityFileOptions) {
    this.#options = options;
  }

  /** Reads what was kept of the tenants that are here. A file that makes no sense is as good as none. */
  async load(isHere: (tenant: string) => boolean): Promise<void> {
    const { disk, path, activity, clock, log } = this.#options;
    try {
      const kept: unknown = JSON.parse(new TextDecoder().decode(await disk.readFile(path)));
      if (!Array.isArray(kept)) throw new Error("is no list");
      for (const entry of kept) {
        const [tenant, lastMs] = entry as [unknown, unknown];
        if (typeof tenant !== "string" || typeof lastMs !== "number" || !isHere(tenant)) continue;
        // A clock that was set back must not make a tenant active for ever.
        const idleMs = Math.max(clock.now() - lastMs, 0);
        activity.touch(tenant, clock.monotonic() - idleMs);
      }
    } catch (error) {
      if (!isMissing(error)) log.warn("the activity of tenants cannot be read", { path, error });
    }
  }

  /** Saves every `SAVE_INTERVAL_MS` from now on. */
  start(): void {
    this.#saving = this.#run();
  }

  /** Saves at once, and resolves when that is done: a tenant came from another pod, which is about to forget it. */
  arrived(): Promise<void> {
    const { promise } = this.#next;
    this.#isAwaited = true;
    this.#wake();
    return promise;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#pause(signal);
      // Whoever arrives while it is being saved waits for the next one.
      const { resolve } = this.#next;
      this.#next = Promise.withResolvers<void>();
      this.#isAwaited = false;
      await this.#save();
      resolve();
    }
    this.#next.resolve();
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = this.#options.clock.after(SAVE_INTERVAL_MS, done);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
      if (signal.aborted || this.#isAwaited) done();
    });
  }

  async #save(): Promise<void> {
    const { disk, path, activity, clock, log } = this.#options;
    const entries = [...activity.entries()];
    const seen = JSON.stringify(entries);
    if (seen === this.#saved) return;
    // The next process has another origin of elapsed time, so the file has wall time.
    const originMs = clock.now() - clock.monotonic();
    const kept = entries.map(([tenant, lastMs]) => [tenant, Math.round(originMs + lastMs)]);
    try {
      await disk.writeFile(path, JSON.stringify(kept));
      this.#saved = seen;
    } catch (error) {
      log.warn("the activity of tenants cannot be saved", { path, error });
    }
  }

  /** Saves a last time. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await this.#saving;
  }
}
