/** How long requests of remote write take (`storage/remote/queue_manager.go`). */
import { Histogram, type Instrument } from "../metrics/instruments.ts";

/** The bounds that Go's client library has where none are given, and those that upstream adds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300];

export class RemoteMetrics {
  readonly #batches = new Histogram(
    {
      name: "prometheus_remote_storage_sent_batch_duration_seconds",
      help: "Duration of send calls to the remote storage.",
      labels: ["remote_name", "url"],
    },
    BOUNDS,
  );

  observeBatch(remote: string, url: string, seconds: number): void {
    this.#batches.observe(seconds, remote, url);
  }

  removeRemote(remote: string, url: string): void {
    this.#batches.delete(remote, url);
  }

  get instruments(): Instrument[] {
    return [this.#batches];
  }
}
