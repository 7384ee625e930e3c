/**
 * A clock that moves only when told to. Timers fire in order of their time and, at one time, of their creation; between
 * two of them everything that the first one set in motion (promises, next ticks) runs to its end. So the same program
 * does the same things in the same order on every machine.
 */
import { type Clock, sleepOn, type Timer } from "../../base/clock.ts";

/** Where virtual time starts unless told otherwise: 2026-01-01T00:00:00Z. */
export const VIRTUAL_EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * How many timers may fire at one instant before `advance` gives up: a component that re-arms a timer of 0 ms for ever
 * would otherwise stop time.
 */
export const MAX_TIMERS_PER_INSTANT = 1_000_000;

interface Entry extends Timer {
  atMs: number;
  sequence: number;
  /** Undefined once cancelled. */
  callback: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  readonly #heap: Entry[] = [];
  #elapsedMs = 0;
  #wallOffsetMs: number;
  #sequence = 0;
  #live = 0;

  /** @param startMs the wall time at first, in milliseconds since the Unix epoch */
  constructor(startMs = VIRTUAL_EPOCH_MS) {
    this.#wallOffsetMs = startMs;
  }

  now(): number {
    return this.#wallOffsetMs + Math.floor(this.#elapsedMs);
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const atMs = this.#elapsedMs + Math.max(delayMs, 0);
    return this.#schedule(atMs, callback);
  }

  every(intervalMs: number, callback: () => void): Timer {
    // As Node does, an interval of 0 is 1 ms: time has to pass.
    const stepMs = Math.max(intervalMs, 1);
    let timer: Timer;
    const arm = () => {
      timer = this.after(stepMs, () => {
        arm();
        callback();
      });
    };
    arm();
    return { cancel: () => timer.cancel() };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#live;
  }

  /** When the next timer fires, in milliseconds of `monotonic`; undefined when none waits. */
  get nextMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.atMs;
  }

  /** Sets the wall clock forward or back, as an operator or NTP does; `monotonic` and timers do not notice. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /**
   * Lets `durationMs` pass, firing every timer that falls due, those that are set meanwhile included.
   *
   * @throws when timers at one instant never end (`MAX_TIMERS_PER_INSTANT`), or what a timer's callback throws
   */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + durationMs;
    await settle();
    while (await this.#fireNext(untilMs));
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  /**
   * Lets time pass until `promise` has settled, and answers as it did.
   *
   * @throws when nothing is left that could settle it, or after `limitMs`
   */
  async runUntil<T>(promise: Promise<T>, limitMs = Number.POSITIVE_INFINITY): Promise<T> {
    let settled = false;
    const mark = () => void (settled = true);
    promise.then(mark, mark);
    const untilMs = this.#elapsedMs + limitMs;
    await settle();
    while (!settled) {
      if (!(await this.#fireNext(untilMs))) {
        throw new Error(
          this.#live === 0
            ? "nothing is scheduled that could settle the promise"
            : `the promise is pending after ${limitMs} ms of virtual time`,
        );
      }
    }
    return promise;
  }

  #instantMs = -1;
  #firedAtInstant = 0;

  async #fireNext(untilMs: number): Promise<boolean> {
    this.#dropCancelled();
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) return false;
    if (next.atMs === this.#instantMs) {
      if (++this.#firedAtInstant > MAX_TIMERS_PER_INSTANT) {
        throw new Error(`more than ${MAX_TIMERS_PER_INSTANT} timers at ${next.atMs} ms: time cannot pass`);
      }
    } else {
      this.#instantMs = next.atMs;
      this.#firedAtInstant = 0;
    }
    this.#pop();
    this.#elapsedMs = next.atMs;
    const { callback } = next;
    next.callback = undefined;
    this.#live--;
    callback!();
    await settle();
    return true;
  }

  #schedule(atMs: number, callback: () => void): Timer {
    const entry: Entry = {
      atMs,
      sequence: this.#sequence++,
      callback,
      cancel: () => {
        if (entry.callback === undefined) return;
        entry.callback = undefined;
        this.#live--;
      },
    };
    this.#live++;
    this.#push(entry);
    return entry;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0].callback === undefined) this.#pop();
  }

  // A binary heap: parent of i is (i - 1) >> 1.

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.sequence < b.sequence;
}

/**
 * Resolves when all promise reactions and next ticks that are due have run, those that they cause included. Work that
 * waits for the operating system (sockets, files, zlib) is not waited for.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
