/** What comes into the store, by any way (`storage/remote/write.go`), and what its receivers say of it. */
import { Counter, Gauge, type Instrument } from "../metrics/instruments.ts";

const incoming = (kind: string, noun: string) =>
  new Counter({
    name: `prometheus_remote_storage_${kind}_in`,
    help: `${noun} in to remote storage, compare to ${kind} out for queue managers. Deprecated, check prometheus_wal_watcher_records_read_total and prometheus_remote_storage_${kind}_dropped_total`,
  });

export interface IncomingCounts {
  samples: number;
  histograms: number;
  exemplars: number;
  /** Of samples and histograms; 0: there are none. */
  newestMs: number;
}

export class IngestMetrics {
  readonly #samples = incoming("samples", "Samples");
  readonly #histograms = incoming("histograms", "HistogramSamples");
  readonly #exemplars = incoming("exemplars", "Exemplars");
  readonly #newest = new Gauge({
    name: "prometheus_remote_storage_highest_timestamp_in_seconds",
    help: "Highest timestamp that has come into the remote storage via the Appender interface, in seconds since epoch. Initialized to 0 when no data has been received yet. Deprecated, check prometheus_remote_storage_queue_highest_timestamp_seconds which is more accurate.",
  });
  readonly invalidLabelSamples = new Counter({
    name: "prometheus_api_remote_write_invalid_labels_samples",
    help: "The total number of received remote write samples and histogram samples which were rejected due to invalid labels.",
  });
  readonly otlpLateExemplars = new Counter({
    name: "prometheus_api_otlp_out_of_order_exemplars",
    help: "The total number of received OTLP exemplars which were rejected because they were out of order.",
  });
  readonly #otlpWarnings = new Counter({
    name: "prometheus_api_otlp_translation_warnings",
    help: "The total number of warnings produced while translating OTLP metrics to the Prometheus model, by category.",
    labels: ["category"],
  });
  readonly #shown: { remoteWrite: boolean; otlp: boolean };

  /** @param receivers which of them there are: what they count is shown for these */
  constructor(receivers: { remoteWrite: boolean; otlp: boolean }) {
    this.#shown = receivers;
  }

  /** Counts a batch that was committed. */
  add({ samples, histograms, exemplars, newestMs }: IncomingCounts): void {
    if (samples > 0) this.#samples.add(samples);
    if (histograms > 0) this.#histograms.add(histograms);
    if (exemplars > 0) this.#exemplars.add(exemplars);
    const newest = Math.floor(newestMs / 1000);
    if (newest > this.#newest.value()) this.#newest.set(newest);
  }

  addOtlpWarnings(warnings: readonly string[]): void {
    for (const text of warnings) this.#otlpWarnings.add(1, categoryOf(text));
  }

  get instruments(): Instrument[] {
    return [
      this.#samples,
      this.#histograms,
      this.#exemplars,
      this.#newest,
      ...(this.#shown.remoteWrite ? [this.invalidLabelSamples] : []),
      ...(this.#shown.otlp ? [this.otlpLateExemplars, this.#otlpWarnings] : []),
    ];
  }
}

/** Upstream's categories of what is odd about an OTLP request. */
function categoryOf(warning: string): string {
  if (warning.startsWith("empty data points")) return "empty_data_points";
  if (warning.includes("zero count, but non-zero sum")) return "histogram_zero_count_non_zero_sum";
  return warning.includes(" collide as label ") ? "label_name_collision" : "other";
}
