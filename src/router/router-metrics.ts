/** The router's own `/metrics`. */
import type { Clock } from "../base/clock.ts";
import { type Counter, type Histogram, Registry } from "../telemetry/mod.ts";

/** Why a try did not give an answer. */
export type RetryReason = "no_owner" | "misdirected" | "unavailable" | "unreachable";

/** Seconds; the long ones are requests that waited for a pod to start. */
const WAIT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class RouterMetrics {
  readonly registry: Registry;
  readonly #requests: Counter<"code">;
  readonly #retries: Counter<"reason">;
  readonly #duration: Histogram<"code">;

  constructor(clock: Clock, tier: string, read: { pending: () => number; epoch: () => number }) {
    this.registry = new Registry(clock);
    const constants = { tier };
    this.#requests = this.registry.counter({
      name: "percolate.router.requests",
      description: "Requests by the status that the client got",
      unit: "requests",
      labels: ["code"],
      constants,
    });
    this.#retries = this.registry.counter({
      name: "percolate.router.retries",
      description: "Tries that gave no answer, by reason",
      unit: "retries",
      labels: ["reason"],
      constants,
    });
    this.#duration = this.registry.histogram(
      {
        name: "percolate.router.request.duration",
        description: "Duration of requests until the answer began, waiting for a pod included",
        unit: "s",
        labels: ["code"],
        constants,
      },
      WAIT_BOUNDS,
    );
    this.registry.observe({
      name: "percolate.router.pending_requests",
      description: "Requests that wait for the pod of their tenant",
      unit: "requests",
      kind: "gauge",
      read: () => [{ value: read.pending(), attributes: constants }],
    });
    this.registry.observe({
      name: "percolate.router.membership_epoch",
      description: "Epoch of the membership that requests are routed by",
      unit: "",
      kind: "gauge",
      read: () => [{ value: read.epoch(), attributes: constants }],
    });
  }

  answered(status: number, seconds: number): void {
    const code = String(status);
    this.#requests.add(1, { code });
    this.#duration.record(seconds, { code });
  }

  retried(reason: RetryReason): void {
    this.#retries.add(1, { reason });
  }
}
