/** A store of time series in a directory (`tsdb/db.go`). */
import { compareStrings, type Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type {
  Exemplar,
  MetricMetadata,
  SelectHints,
  SeriesRef,
  SeriesSamples,
  TimeRange,
} from "../storage.ts";
import { ExemplarStorage } from "./exemplars.ts";
import { Head } from "./head.ts";
import { HeadAppender } from "./head-appender.ts";
import { HeadMatcher } from "./head-matcher.ts";
import { HeadReader } from "./head-reader.ts";
import { headStatus } from "./head-status.ts";
import { HeadWriter } from "./head-writer.ts";
import { Pacer } from "./pacer.ts";
import { ReadGate } from "./read-gate.ts";
import type { BlockMeta, Tsdb, TsdbCounters, TsdbOptions, TsdbStatus } from "./tsdb-options.ts";
import { openWal } from "./wal-open.ts";
import { WalWriter } from "./wal-writer.ts";

export const DEFAULT_BLOCK_DURATION_MS = 2 * 3600_000;
/** Series read between two looks at the clock. */
const SERIES_PER_CHECK = 32;

/**
 * Opens the store, which is empty when the directory is.
 *
 * @throws when the directory is locked by another store, or can't be read
 */
export async function openTsdb(options: TsdbOptions): Promise<Tsdb> {
  const store = new Store(options);
  await store.open();
  return store;
}

class Store implements Tsdb {
  readonly counters: TsdbCounters = noCounts();
  readonly #options: TsdbOptions;
  readonly #head: Head;
  readonly #matcher: HeadMatcher;
  readonly #exemplars: ExemplarStorage;
  readonly #metadata = new Map<string, MetricMetadata>();
  readonly #gate = new ReadGate();
  #wal: WalWriter | undefined;
  #writer!: HeadWriter;
  #unlock: (() => Promise<void>) | undefined;

  constructor(options: TsdbOptions) {
    this.#options = options;
    const seed = new DataView(options.random.bytes(4).buffer).getInt32(0);
    this.#head = new Head(options.minBlockDurationMs ?? DEFAULT_BLOCK_DURATION_MS, seed);
    this.#matcher = new HeadMatcher(this.#head);
    this.#exemplars = new ExemplarStorage(options.maxExemplars ?? 0);
  }

  async open(): Promise<void> {
    const { directory, disk, clock, log, readOnly = false, lockFile = true } = this.#options;
    if (!readOnly) {
      await disk.makeDirectory(directory);
      if (lockFile) this.#unlock = await disk.lock?.(`${directory}/lock`);
    }
    const startMs = clock.monotonic();
    log.info("Replaying WAL, this may take a while");
    const { corruptions } = await openWal({
      directory: `${directory}/wal`,
      disk,
      log,
      readOnly,
      pacer: new Pacer(clock),
      target: {
        head: this.#head,
        exemplars: this.#exemplars,
        metadata: this.#metadata,
        deleteInHead: () => {},
      },
    });
    this.counters.walCorruptions += corruptions;
    log.info("WAL replay completed", {
      total_replay_duration: `${(clock.monotonic() - startMs).toFixed(1)}ms`,
    });
    if (!readOnly) await this.#openWriter();
    this.#writer = new HeadWriter({
      head: this.#head,
      wal: this.#wal,
      exemplars: this.#exemplars,
      metadata: this.#metadata,
      counters: this.counters,
      outOfOrderTimeWindowMs: this.#options.outOfOrderTimeWindowMs ?? 0,
    });
  }

  appender(): HeadAppender {
    return new HeadAppender(this.#writer);
  }

  async close(): Promise<void> {
    await this.#wal?.close();
    await this.#unlock?.();
  }

  async select(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<SeriesSamples[]> {
    return this.#gate.read(async () => {
      const slots = this.#matcher.sortedSlots(matchers);
      const reader = new HeadReader(this.#head, range);
      const out: SeriesSamples[] = [];
      await this.#eachSlot(slots, hints, (slot) => {
        const series = reader.read(slot, hints.newestOnly === true);
        if (series !== undefined) out.push(series);
        return out.length;
      });
      return out;
    });
  }

  async series(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<Labels[]> {
    return this.#gate.read(async () => {
      const out: Labels[] = [];
      await this.#eachSlot(this.#matcher.sortedSlots(matchers), hints, (slot) => {
        if (this.#head.hasChunksIn(slot, range.minMs, range.maxMs)) out.push(this.#head.labelsOf(slot));
        return out.length;
      });
      return out;
    });
  }

  async labelNames(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<string[]> {
    const names = new Set<string>();
    for (const labels of await this.series(matchers, range)) {
      for (let i = 0; i < labels.flat.length; i += 2) names.add(labels.flat[i]);
    }
    return limited([...names].sort(compareStrings), hints);
  }

  async labelValues(
    name: string,
    matchers: Matcher[],
    range: TimeRange,
    hints: SelectHints = {},
  ): Promise<string[]> {
    const values = new Set<string>();
    for (const labels of await this.series(matchers, range)) {
      const value = labels.get(name);
      if (value !== "") values.add(value);
    }
    return limited([...values].sort(compareStrings), hints);
  }

  async exemplars(
    matchers: Matcher[][],
    range: TimeRange,
  ): Promise<{ labels: Labels; exemplars: Exemplar[] }[]> {
    return this.#exemplars.select(matchers, range);
  }

  status(limit = 10): TsdbStatus {
    return headStatus(this.#head, limit);
  }

  metadata(): ReadonlyMap<string, MetricMetadata> {
    return this.#metadata;
  }

  blocks(): BlockMeta[] {
    return [];
  }

  async compact(): Promise<void> {}

  async deleteSeries(): Promise<void> {
    throw new Error("not there yet");
  }

  async cleanTombstones(): Promise<void> {
    throw new Error("not there yet");
  }

  async snapshot(): Promise<string> {
    throw new Error("not there yet");
  }

  reconfigure(options: Pick<TsdbOptions, "outOfOrderTimeWindowMs" | "maxExemplars">): void {
    if (options.outOfOrderTimeWindowMs !== undefined) {
      this.#writer.outOfOrderTimeWindowMs = options.outOfOrderTimeWindowMs;
    }
    if (options.maxExemplars !== undefined) this.#exemplars.resize(options.maxExemplars);
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    const slot = this.#head.table.slotOf(ref);
    return slot < 0 ? undefined : this.#head.labelsOf(slot);
  }

  async #openWriter(): Promise<void> {
    const { directory, disk, log, walSegmentBytes, walCompression } = this.#options;
    this.#wal = await WalWriter.open({
      directory: `${directory}/wal`,
      disk,
      segmentBytes: walSegmentBytes,
      compression: walCompression,
      onError: (error) => log.error("WAL segment could not be begun", { err: error }),
    });
  }

  /** Goes through slots in slices of time, until `take` answers the limit. */
  async #eachSlot(slots: Int32Array, hints: SelectHints, take: (slot: number) => number): Promise<void> {
    const pacer = new Pacer(this.#options.clock);
    const limit = hints.limit || Number.POSITIVE_INFINITY;
    for (let i = 0; i < slots.length; i++) {
      if (take(slots[i]) >= limit) return;
      if (i % SERIES_PER_CHECK === 0 && pacer.isDue()) await pacer.pause(hints.signal);
    }
  }
}

function limited(sorted: string[], hints: SelectHints): string[] {
  return hints.limit ? sorted.slice(0, hints.limit) : sorted;
}

function noCounts(): TsdbCounters {
  return {
    samplesAppended: 0,
    histogramsAppended: 0,
    outOfOrderSamples: 0,
    outOfBoundSamples: 0,
    tooOldSamples: 0,
    outOfOrderAppended: 0,
    seriesCreated: 0,
    seriesRemoved: 0,
    chunksCreated: 0,
    chunksRemoved: 0,
    exemplarsAppended: 0,
    exemplarsOutOfOrder: 0,
    walCorruptions: 0,
    walBytes: 0,
    walFsyncs: 0,
    compactions: 0,
    compactionsFailed: 0,
    headTruncations: 0,
    checkpointCreations: 0,
    blocksLoaded: 0,
    timeRetentions: 0,
    sizeRetentions: 0,
  };
}
