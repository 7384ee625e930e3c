/** Cuts long work into slices, so that the event loop is never blocked for long. */
import type { Clock } from "../../base/clock.ts";

/** Work gives way after so long. With what one step between two checks may take, well below 50 ms. */
const SLICE_MS = 10;

export class Pacer {
  readonly #clock: Pick<Clock, "monotonic" | "sleep">;
  #sliceStartMs: number;

  constructor(clock: Pick<Clock, "monotonic" | "sleep">) {
    this.#clock = clock;
    this.#sliceStartMs = clock.monotonic();
  }

  /** Whether it is time to `pause`. Cheap, but not for every sample. */
  isDue(): boolean {
    return this.#clock.monotonic() - this.#sliceStartMs > SLICE_MS;
  }

  /** Lets others run. */
  async pause(signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(0, signal);
    this.#sliceStartMs = this.#clock.monotonic();
  }
}
