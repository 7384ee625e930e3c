/** What the server tells people who look at its page (`util/notifications`). */
import type { Clock } from "../base/clock.ts";

export const CONFIGURATION_UNSUCCESSFUL = "Configuration reload has failed.";
export const STARTING_UP = "Prometheus is starting and replaying the write-ahead log (WAL).";
export const SHUTTING_DOWN = "Prometheus is shutting down and gracefully stopping all operations.";

export interface Notification {
  text: string;
  /** RFC 3339. */
  date: string;
  /** false: it no longer holds. */
  active: boolean;
}

/** A subscriber that does not read loses what comes while so many wait. */
export const MAX_WAITING_NOTIFICATIONS = 10;

class Subscriber implements AsyncIterable<Notification> {
  readonly #waiting: Notification[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;

  /** Whether there was room. */
  push(notification: Notification): boolean {
    if (this.#waiting.length >= MAX_WAITING_NOTIFICATIONS) return false;
    this.#waiting.push(notification);
    this.#wake?.();
    return true;
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Notification> {
    while (true) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()!;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

export class Notifications {
  readonly counts = { sent: 0, dropped: 0 };
  readonly #clock: Pick<Clock, "now">;
  readonly #maxSubscribers: number;
  readonly #subscribers = new Set<Subscriber>();
  #list: Notification[] = [];

  constructor(clock: Pick<Clock, "now">, maxSubscribers: number) {
    this.#clock = clock;
    this.#maxSubscribers = maxSubscribers;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  get list(): readonly Notification[] {
    return this.#list;
  }

  /** Adds one; the same text again has the newer date. */
  add(text: string): void {
    const notification = { text, date: new Date(this.#clock.now()).toISOString(), active: true };
    const at = this.#list.findIndex((each) => each.text === text);
    if (at >= 0) this.#list[at] = notification;
    else this.#list.push(notification);
    this.#tell(notification);
  }

  delete(text: string): void {
    const gone = this.#list.find((each) => each.text === text);
    if (gone === undefined) return;
    this.#list = this.#list.filter((each) => each !== gone);
    this.#tell({ ...gone, active: false });
  }

  /** All that hold, then each as it changes, until `signal` aborts; undefined: there are too many subscribers. */
  subscribe(signal: AbortSignal): AsyncIterable<Notification> | undefined {
    if (this.#subscribers.size >= this.#maxSubscribers) return undefined;
    const subscriber = new Subscriber();
    this.#subscribers.add(subscriber);
    const end = () => {
      this.#subscribers.delete(subscriber);
      subscriber.end();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    for (const each of this.#list) subscriber.push(each);
    return subscriber;
  }

  /** No more will come. */
  close(): void {
    for (const subscriber of this.#subscribers) subscriber.end();
    this.#subscribers.clear();
  }

  #tell(notification: Notification): void {
    for (const subscriber of this.#subscribers) {
      this.counts.sent++;
      if (!subscriber.push(notification)) this.counts.dropped++;
    }
  }
}
