/**
 * Remote write out: sends what is stored on to other systems (`storage/remote/queue_manager.go`).
 *
 * Every batch that is committed is put into a queue on disk for each remote, and sent from there: an outage of the
 * remote, or of this process, loses nothing as long as the queue has room.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import { Labels } from "../../model/labels.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import { CONTENT_TYPE_V1, CONTENT_TYPE_V2 } from "../../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1, encodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { encodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { snappyCompress, snappyDecompress } from "../../wire/snappy.ts";
import { type RemoteWriteConfig, WRITE_MESSAGES } from "../config/prometheus-config.ts";
import { createHttpClient, type HttpClient } from "../discovery/http-client.ts";
import { type RelabelConfig, relabel } from "../relabel/relabel.ts";
import { USER_AGENT } from "../scrape/scrape-request.ts";
import { QueueFile } from "./queue-file.ts";

export interface RemoteWriterParts {
  network: Network;
  disk: Disk;
  clock: Clock;
  log: Logger;
  /** Where queues lie: `<data>/remote-write`. */
  directory: string;
}

/** What one remote may have waiting on disk. */
export const MAX_QUEUE_BYTES = 2 * 1024 * 1024 * 1024;
/** Label sets whose relabelled form is remembered. */
const MAX_REMEMBERED_LABELS = 1_000_000;
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

class RemoteWriter {
  readonly config: RemoteWriteConfig;
  readonly #parts: RemoteWriterParts;
  readonly #client: HttpClient;
  readonly #queue: QueueFile;
  readonly #externalLabels: Record<string, string>;
  readonly #relabelled = new Map<string, Labels | undefined>();
  readonly #abort = new AbortController();
  #wake: () => void = () => {};
  /** Called when a whole request's worth of samples has been put in since the queue was last empty. */
  #full: () => void = () => {};
  #waiting = 0;
  #running: Promise<void> = Promise.resolve();
  sent = 0;
  failed = 0;

  constructor(
    config: RemoteWriteConfig,
    name: string,
    externalLabels: Record<string, string>,
    parts: RemoteWriterParts,
  ) {
    this.config = config;
    this.#parts = {
      ...parts,
      log: parts.log.with({ component: "remote", remote_name: name, url: config.url }),
    };
    this.#client = createHttpClient(config, parts);
    this.#externalLabels = externalLabels;
    this.#queue = new QueueFile(
      parts.disk,
      `${parts.directory}/${name.replace(/[^\w.-]/g, "_")}`,
      MAX_QUEUE_BYTES,
    );
  }

  get externalLabels(): Record<string, string> {
    return this.#externalLabels;
  }

  async start(): Promise<void> {
    await this.#queue.open();
    this.#running = this.#send();
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
      if (labels === undefined) continue;
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
        const samples = records.reduce((sum, record) => sum + record.samples, 0);
        // Requests of version 1 put one behind the other are one request.
        const payload = Buffer.concat(
          records.map((record) => snappyDecompress(record.bytes, MAX_RECORD_BYTES)),
        );
        if (await this.#deliver(payload)) this.sent += samples;
        else this.failed += samples;
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

  /** Answers false when the remote will never take it. Tries again for as long as it may. */
  async #deliver(payload: Uint8Array): Promise<boolean> {
    const { clock, log } = this.#parts;
    const { queue_config: queue, protobuf_message: message } = this.config;
    const isV2 = message === WRITE_MESSAGES[1];
    const body = snappyCompress(isV2 ? encodeWriteRequestV2(decodeWriteRequestV1(payload)) : payload);
    const headers = {
      ...this.config.headers,
      "content-encoding": "snappy",
      "content-type": isV2 ? CONTENT_TYPE_V2 : CONTENT_TYPE_V1,
      "x-prometheus-remote-write-version": isV2 ? "2.0.0" : "0.1.0",
      "user-agent": USER_AGENT,
    };
    for (let backoffMs = queue.min_backoff; ; backoffMs = Math.min(2 * backoffMs, queue.max_backoff)) {
      const { signal } = this.#abort;
      try {
        const response = await this.#client.request(this.config.url!, {
          method: "POST",
          headers,
          body,
          timeoutMs: this.config.remote_timeout,
          signal,
        });
        const text = (await response.text(1 << 20)).slice(0, 256);
        if (response.status < 300) return true;
        const isRecoverable =
          response.status >= 500 || (response.status === 429 && queue.retry_on_http_429 === true);
        if (!isRecoverable) {
          log.error("non-recoverable error", { status: response.status, err: text });
          return false;
        }
        log.warn("Failed to send batch, retrying", { status: response.status, err: text });
      } catch (error) {
        if (signal.aborted) throw error;
        log.warn("Failed to send batch, retrying", { err: error });
      }
      await clock.sleep(backoffMs, signal);
    }
  }

  /** What is queued stays on disk for the next start. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error("stopped"));
    await this.#running;
    await this.#queue.close();
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

  /** Remotes that stay as they are go on undisturbed. */
  async reload(configs: readonly RemoteWriteConfig[], externalLabels: Record<string, string>): Promise<void> {
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
    for (const [name, old] of previous) if (next.get(name) !== old) await old.stop();
    for (const [name, writer] of next) if (previous.get(name) !== writer) await writer.start();
    this.#writers = next;
    this.isActive = next.size > 0;
  }

  put(batch: readonly WriteSeries[]): void {
    for (const writer of this.#writers.values()) writer.put(batch);
  }

  get counts(): { remote: string; url: string; sent: number; failed: number }[] {
    return [...this.#writers].map(([remote, { config, sent, failed }]) => ({
      remote,
      url: config.url!,
      sent,
      failed,
    }));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.stop()));
  }
}
