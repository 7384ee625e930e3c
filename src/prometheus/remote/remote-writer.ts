/**
 * Remote write out: sends what is stored on to other systems (`storage/remote/queue_manager.go`).
 *
 * Every batch that is committed is put into a queue on disk for each remote, and sent from there: an outage of the
 * remote, or of this process, loses nothing as long as the queue has room.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import { encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { snappyCompress, snappyDecompress } from "../../wire/snappy.ts";
import { configYaml } from "../config/config-yaml.ts";
import { redactedUrl } from "../config/redacted-url.ts";
import { type RemoteWriteConfig, WRITE_MESSAGES } from "../config/remote-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { createHttpClient } from "../discovery/http-client.ts";
import { type RelabelConfig, relabel } from "../relabel/relabel.ts";
import { MetadataSender, type MetadataSenderOptions } from "./metadata-sender.ts";
import { QueueFile } from "./queue-file.ts";
import { RemoteClient } from "./remote-client.ts";
import type { RemoteMetrics } from "./remote-metrics.ts";
import type { SeriesMetadata } from "./series-metadata.ts";

export interface RemoteWriterParts {
  network: Network;
  disk: Disk;
  clock: Clock;
  log: Logger;
  /** Where queues lie: `<data>/remote-write`. */
  directory: string;
  /** What is known of metrics now, by metric family. */
  metadata: MetadataSenderOptions["metadata"];
  seriesMetadata: Pick<SeriesMetadata, "of">;
  metrics: RemoteMetrics;
}

/** What one remote may have waiting on disk. */
export const MAX_QUEUE_BYTES = 2 * 1024 * 1024 * 1024;
/** Label sets whose relabelled form is remembered. */
const MAX_REMEMBERED_LABELS = 1_000_000;
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

export type QueuedKind = "samples" | "histograms" | "exemplars";

export class RemoteWriter {
  readonly config: RemoteWriteConfig;
  /** As metrics and the log have it, and the URL without its password. */
  readonly name: string;
  readonly url: string;
  readonly #parts: RemoteWriterParts;
  readonly remote: RemoteClient;
  #metadata: MetadataSender | undefined;
  readonly #queue: QueueFile;
  readonly #externalLabels: Record<string, string>;
  readonly #relabelled = new Map<string, Labels | undefined>();
  readonly #abort = new AbortController();
  #wake: () => void = () => {};
  /** Called when a whole request's worth of samples has been put in since the queue was last empty. */
  #full: () => void = () => {};
  #waiting = 0;
  #running: Promise<void> = Promise.resolve();
  /** Of the samples that were put in, in milliseconds. */
  newestMs = 0;
  /** What was put in. */
  readonly taken: Record<QueuedKind, number> = { samples: 0, histograms: 0, exemplars: 0 };
  /** Samples whose series `write_relabel_configs` drop. */
  droppedSeries = 0;

  /** @param queue the name of its queue, which stays when the configuration changes */
  constructor(
    config: RemoteWriteConfig,
    queue: string,
    externalLabels: Record<string, string>,
    parts: RemoteWriterParts,
  ) {
    this.config = config;
    this.name = config.name || hashOf(config).slice(0, 6);
    this.url = redactedUrl(config.url!);
    const log = parts.log.with({ component: "remote", remote_name: this.name, url: this.url });
    this.#parts = { ...parts, log };
    refuseForeign(config);
    if (config.round_robin_dns) this.#parts.log.warn("round_robin_dns is not supported and has no effect");
    const client = createHttpClient(config, parts);
    const { clock } = parts;
    this.remote = new RemoteClient({
      config,
      client,
      clock,
      log: this.#parts.log,
      signal: this.#abort.signal,
      metadataOf: (name) => parts.seriesMetadata.of(name),
      onRequest: (seconds) => parts.metrics.observeBatch(this.name, this.url, seconds),
    });
    this.#externalLabels = externalLabels;
    this.#queue = new QueueFile(
      parts.disk,
      `${parts.directory}/${queue.replace(/[^\w.-]/g, "_")}`,
      MAX_QUEUE_BYTES,
    );
  }

  /** What was put in since the start and neither sent nor given up. */
  get pending(): Record<QueuedKind, number> {
    const { done, tooOld } = this.remote.counts;
    const of = (kind: QueuedKind, dropped = 0) => Math.max(0, this.taken[kind] - done[kind] - dropped);
    return { samples: of("samples", tooOld), histograms: of("histograms"), exemplars: of("exemplars") };
  }

  get externalLabels(): Record<string, string> {
    return this.#externalLabels;
  }

  async start(): Promise<void> {
    await this.#queue.open();
    this.#running = this.#send();
    const { metadata_config: config, protobuf_message: message } = this.config;
    if (!config.send) return;
    if (message !== WRITE_MESSAGES[0]) {
      this.#parts.log.warn(
        "usage of 'metadata_config.send' is redundant when using remote write v2 (or higher) as metadata will always be gathered from the WAL and included for every series within each write request",
      );
      return;
    }
    this.#metadata = new MetadataSender({
      clock: this.#parts.clock,
      intervalMs: config.send_interval,
      batchSize: config.max_samples_per_send,
      client: this.remote,
      metadata: this.#parts.metadata,
    });
  }

  /** Takes a committed batch. */
  put(batch: readonly WriteSeries[]): void {
    const {
      send_exemplars: exemplars,
      send_native_histograms: histograms,
      queue_config: queue,
    } = this.config;
    let part: WriteSeries[] = [];
    let samples = 0;
    const flush = () => {
      if (samples > 0)
        this.#queue.put({
          bytes: snappyCompress(encodeWriteRequestV1({ series: part, metadata: [] })),
          samples,
        });
      part = [];
      samples = 0;
    };
    for (const series of batch) {
      const labels = this.#labelsFor(series.labels);
      if (labels === undefined) {
        this.droppedSeries += series.samples.length;
        continue;
      }
      const kept = {
        ...series,
        labels,
        exemplars: exemplars ? series.exemplars : [],
        histograms: histograms ? series.histograms : [],
      };
      const count = kept.samples.length + kept.histograms.length + kept.exemplars.length;
      if (count === 0) continue;
      part.push(kept);
      samples += count;
      this.#waiting += count;
      for (const kind of ["samples", "histograms", "exemplars"] as const)
        this.taken[kind] += kept[kind].length;
      for (const { timestampMs } of kept.samples) this.newestMs = Math.max(this.newestMs, timestampMs);
      if (samples >= queue.max_samples_per_send) flush();
    }
    flush();
    this.#wake();
    if (this.#waiting >= queue.max_samples_per_send) this.#full();
  }

  #labelsFor(labels: Labels): Labels | undefined {
    const known = this.#relabelled.get(labels.key);
    if (known !== undefined || this.#relabelled.has(labels.key)) return known;
    const merged = Labels.of([...Object.entries(this.#externalLabels), ...labels]);
    const made = relabel(merged, (this.config.write_relabel_configs ?? []) as RelabelConfig[]);
    if (this.#relabelled.size >= MAX_REMEMBERED_LABELS) this.#relabelled.clear();
    this.#relabelled.set(labels.key, made);
    return made;
  }

  async #send(): Promise<void> {
    const { clock, log } = this.#parts;
    const { queue_config: queue } = this.config;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#queue.rotate();
        const { records, next } = await this.#queue.peek(queue.max_samples_per_send);
        if (records.length === 0) {
          await this.#waitForMore();
          continue;
        }
        // Requests of version 1 put one behind the other are one request.
        const payload = Buffer.concat(
          records.map((record) => snappyDecompress(record.bytes, MAX_RECORD_BYTES)),
        );
        await this.remote.deliver(payload);
        if (!signal.aborted) await this.#queue.take(next);
      } catch (error) {
        if (signal.aborted) return;
        log.error("Remote write queue failed", { err: error });
        await clock.sleep(queue.max_backoff, signal).catch(() => {});
      }
    }
  }

  /** Until something is put in, and then until a request is full, or its time has come. */
  async #waitForMore(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#abort;
    const { batch_send_deadline: deadlineMs, max_samples_per_send: fullSamples } = this.config.queue_config;
    this.#waiting = 0;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    if (this.#waiting >= fullSamples) return;
    const isFull = new AbortController();
    this.#full = () => isFull.abort();
    await clock.sleep(deadlineMs, AbortSignal.any([signal, isFull.signal])).catch(() => {});
  }

  /** What is queued stays on disk for the next start. */
  async stop(): Promise<void> {
    this.#metadata?.stop();
    this.#abort.abort(new Error("stopped"));
    await this.#running;
    await this.#queue.close();
  }
}

/** Ways of proving who one is to a cloud's own services, for which there are no means here. @throws ConfigError */
function refuseForeign(config: RemoteWriteConfig): void {
  const foreign = (["sigv4", "azuread", "google_iam"] as const).find((kind) => config[kind] !== undefined);
  if (foreign !== undefined) throw new ConfigError(`remote_write: ${foreign} is not supported`);
}

/** Upstream's hash of a remote: of its section as it is shown, so passwords do not count. */
function hashOf(config: RemoteWriteConfig): string {
  return createHash("md5").update(configYaml(config, "remote_write")).digest("hex");
}

function checkDifferent(configs: readonly RemoteWriteConfig[]): void {
  const known = new Set<string>();
  for (const config of configs) {
    const hash = hashOf(config);
    if (known.has(hash))
      throw new ConfigError(
        `duplicate remote write configs are not allowed, found duplicate for URL: ${redactedUrl(config.url!)}`,
      );
    known.add(hash);
  }
}

/** All remotes of a configuration. */
export class RemoteWriters {
  readonly #parts: RemoteWriterParts;
  #writers = new Map<string, RemoteWriter>();

  constructor(parts: RemoteWriterParts) {
    this.#parts = parts;
  }

  /** Whether anybody wants batches: asked for every sample, so it is a field. */
  isActive = false;

  /**
   * Remotes that stay as they are go on undisturbed.
   *
   * @throws ConfigError for two that are the same
   */
  async reload(configs: readonly RemoteWriteConfig[], externalLabels: Record<string, string>): Promise<void> {
    checkDifferent(configs);
    const next = new Map<string, RemoteWriter>();
    for (const [index, config] of configs.entries()) {
      const name = config.name || `remote-${index}`;
      const old = this.#writers.get(name);
      const isSame =
        old !== undefined &&
        isDeepStrictEqual(old.config, config) &&
        isDeepStrictEqual(old.externalLabels, externalLabels);
      next.set(name, isSame ? old : new RemoteWriter(config, name, externalLabels, this.#parts));
    }
    const previous = this.#writers;
    for (const [name, old] of previous) {
      if (next.get(name) === old) continue;
      await old.stop();
      this.#parts.metrics.removeRemote(old.name, old.url);
    }
    for (const [name, writer] of next) if (previous.get(name) !== writer) await writer.start();
    this.#writers = next;
    this.isActive = next.size > 0;
  }

  put(batch: readonly WriteSeries[]): void {
    for (const writer of this.#writers.values()) writer.put(batch);
  }

  get all(): readonly RemoteWriter[] {
    return [...this.#writers.values()];
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.stop()));
  }
}
