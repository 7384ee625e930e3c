/** A store of time series in a directory (`tsdb/db.go`). */
import type { Clock, Timer } from "../../base/clock.ts";
import { randomHex } from "../../base/random.ts";
import type { Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type {
  Exemplar,
  MetricMetadata,
  NewestSamples,
  SelectHints,
  SeriesRef,
  SeriesSamples,
  TimeRange,
} from "../storage.ts";
import type { Block } from "./block/block.ts";
import { BlockSet, directorySize } from "./block/block-set.ts";
import { Compactor, type Retention } from "./compactor.ts";
import { DecodedSeries } from "./head/decoded-series.ts";
import { ExemplarStorage } from "./head/exemplars.ts";
import { Head } from "./head/head.ts";
import { HeadAppender } from "./head/head-appender.ts";
import { HEAD_CHUNKS_DIRECTORY, recoverFromHeadChunks } from "./head/head-chunk-files.ts";
import { HeadMatcher } from "./head/head-matcher.ts";
import { headStats, headStatus, newestFigures } from "./head/head-status.ts";
import { HeadWriter } from "./head/head-writer.ts";
import { rewriteLateLog } from "./head/late-log.ts";
import { openWal } from "./head/wal-open.ts";
import type { ReplayTarget } from "./head/wal-replay.ts";
import { Pacer } from "./pacer.ts";
import { Querier } from "./querier.ts";
import { ReadGate } from "./read-gate.ts";
import type {
  BlockMeta,
  HeadStats,
  ReloadedOptions,
  StoreFigures,
  Tsdb,
  TsdbCounters,
  TsdbOptions,
  TsdbStatus,
} from "./tsdb-options.ts";
import { WalWriter } from "./wal/wal-writer.ts";

export const DEFAULT_BLOCK_DURATION_MS = 2 * 3600_000;
const DEFAULT_RETENTION_MS = 15 * 24 * 3600_000;
const MAX_BLOCK_DURATION_MS = 31 * 24 * 3600_000;
const COMPACTION_INTERVAL_MS = 60_000;

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
  #replaySeconds = 0;
  #isLockFresh = true;
  walReplay = { min: 0, max: 0, current: 0 };
  readonly #options: TsdbOptions;
  readonly #head: Head;
  readonly #matcher: HeadMatcher;
  readonly #decoded: DecodedSeries;
  readonly #exemplars: ExemplarStorage;
  readonly #metadata = new Map<string, MetricMetadata>();
  readonly #gate = new ReadGate();
  /** May be changed while the store is open. */
  readonly #retention: Retention;
  readonly #blocks: BlockSet;
  #wal: WalWriter | undefined;
  #wbl: WalWriter | undefined;
  #writer!: HeadWriter;
  #compactor: Compactor | undefined;
  /** The log of late samples is not whole without upstream's head chunks, unless it is written anew. */
  #hasChunkMarks = false;
  #timer: Timer | undefined;
  #unlock: (() => Promise<void>) | undefined;

  constructor(options: TsdbOptions) {
    this.#options = options;
    const { random, clock, disk, directory, log } = options;
    this.#retention = {
      timeMs: options.retentionMs ?? DEFAULT_RETENTION_MS,
      bytes: options.retentionBytes ?? 0,
    };
    const seed = new DataView(random.bytes(4).buffer).getInt32(0);
    this.#head = new Head(options.minBlockDurationMs ?? DEFAULT_BLOCK_DURATION_MS, seed);
    this.#matcher = new HeadMatcher(this.#head, clock);
    this.#decoded = new DecodedSeries(this.#head);
    this.#exemplars = new ExemplarStorage(options.maxExemplars ?? 0);
    this.#exemplars.outOfOrderWindowMs = options.outOfOrderTimeWindowMs ?? 0;
    this.#blocks = new BlockSet(disk, directory, log, clock);
  }

  async open(): Promise<void> {
    const { directory, disk, readOnly = false, lockFile = true } = this.#options;
    if (!readOnly) {
      await disk.makeDirectory(directory);
      this.#isLockFresh = (await disk.stat(`${directory}/lock`)) === undefined;
      if (lockFile) this.#unlock = await disk.lock?.(`${directory}/lock`);
    }
    try {
      await this.#blocks.load(readOnly);
      this.counters.blocksLoaded = this.#blocks.all.length;
      this.#head.minValidMs = this.#blocks.maxTimeMs;
      await this.#replay(readOnly);
      if (!readOnly) await this.#openWriter();
      this.#writer = new HeadWriter({
        head: this.#head,
        wal: this.#wal,
        exemplars: this.#exemplars,
        metadata: this.#metadata,
        counters: this.counters,
        outOfOrderTimeWindowMs: this.#options.outOfOrderTimeWindowMs ?? 0,
        observe: this.#options.observe ?? (() => {}),
      });
      if (this.#wal !== undefined) {
        await this.#prepareOutOfOrder();
        await this.#recoverHeadChunks();
        this.#startCompactor(this.#wal);
      }
    } catch (error) {
      await this.#blocks.close();
      await this.#unlock?.();
      throw error;
    }
  }

  appender(): HeadAppender {
    this.counters.appendersCreated++;
    return new HeadAppender(this.#writer);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#compactor?.stop();
    await this.#wal?.close();
    await this.#wbl?.close();
    await this.#blocks.close();
    await this.#unlock?.();
  }

  select(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<SeriesSamples[]> {
    return this.#query(range, hints, (querier) => querier.select(matchers));
  }

  newest(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<NewestSamples | undefined> {
    return this.#query(range, hints, (querier) => querier.newest(matchers));
  }

  series(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<Labels[]> {
    return this.#query(range, hints, (querier) => querier.series(matchers));
  }

  labelNames(matchers: Matcher[], range: TimeRange, hints: SelectHints = {}): Promise<string[]> {
    return this.#query(range, hints, (querier) => querier.labelNames(matchers));
  }

  labelValues(
    name: string,
    matchers: Matcher[],
    range: TimeRange,
    hints: SelectHints = {},
  ): Promise<string[]> {
    return this.#query(range, hints, (querier) => querier.labelValues(name, matchers));
  }

  async exemplars(
    matchers: Matcher[][],
    range: TimeRange,
  ): Promise<{ labels: Labels; exemplars: Exemplar[] }[]> {
    return this.#exemplars.select(matchers, range);
  }

  headStats(): HeadStats {
    return headStats(this.#head);
  }

  async figures(): Promise<StoreFigures> {
    const { disk, directory, lockFile = true } = this.#options;
    const sizes: number[] = [];
    for (const block of [...this.#blocks.all]) sizes.push(await this.#blocks.size(block));
    const head = this.#head;
    const lowest = [...this.#blocks.all.map(({ meta }) => meta.minTime), head.minMs];
    const lowestMs = Math.min(...lowest);
    return {
      blocksBytes: sizes.reduce((sum, size) => sum + size, 0),
      walBytes: await directorySize(disk, `${directory}/wal`),
      openAppenders: this.#writer.openAppenders.size,
      walSegment: this.#wal?.segmentIndex ?? 0,
      lowestMs: Number.isFinite(lowestMs) ? lowestMs : undefined,
      exemplars: this.#exemplars.figures(),
      replaySeconds: this.#replaySeconds,
      newest: await newestFigures(head, new Pacer(this.#options.clock)),
      symbolBytes: this.#blocks.all.reduce((sum, { index }) => sum + index.symbolBytes, 0),
      cleanStart: lockFile ? (this.#isLockFresh ? 1 : 0) : -1,
    };
  }

  status(limit = 10): Promise<TsdbStatus> {
    return headStatus(this.#head, limit, new Pacer(this.#options.clock));
  }

  metadata(): ReadonlyMap<string, MetricMetadata> {
    return this.#metadata;
  }

  blocks(): BlockMeta[] {
    return this.#blocks.all.map((block) => block.meta);
  }

  async compact(): Promise<void> {
    await this.#writable().compact();
  }

  deleteSeries(matchers: Matcher[], range: TimeRange): Promise<void> {
    return this.#writable().exclusive(async () => {
      await this.#blocks.using(range, async (blocks) => {
        for (const block of blocks) await deleteInBlock(block, matchers, range, this.#options.clock);
        for (const block of blocks) this.#blocks.forgetSize(block);
      });
      await this.#gate.read(() => this.#deleteInHead(matchers, range));
    });
  }

  async cleanTombstones(): Promise<void> {
    await this.#writable().cleanTombstones();
  }

  async snapshot(skipHead: boolean): Promise<string> {
    const { clock, random, directory } = this.#options;
    const time = new Date(clock.now())
      .toISOString()
      .replace(/[-:]/g, "")
      .replace(/\.\d+Z/, "Z");
    const name = `${time}-${randomHex(random, 8)}`;
    await this.#writable().snapshot(`${directory}/snapshots/${name}`, skipHead);
    return name;
  }

  reconfigure(options: ReloadedOptions): void {
    this.#retention.timeMs = options.retentionMs ?? this.#retention.timeMs;
    this.#retention.bytes = options.retentionBytes ?? this.#retention.bytes;
    const windowMs = options.outOfOrderTimeWindowMs;
    if (windowMs !== undefined) void this.#setOutOfOrderWindow(windowMs);
    if (options.maxExemplars !== undefined) this.#exemplars.resize(options.maxExemplars);
  }

  labelsOf(ref: SeriesRef): Labels | undefined {
    const slot = this.#head.table.slotOf(ref);
    return slot < 0 ? undefined : this.#head.labelsOf(slot);
  }

  /** Runs a query on what overlaps its range, none of which goes away meanwhile. */
  #query<T>(range: TimeRange, hints: SelectHints, run: (querier: Querier) => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const parts = { head: this.#head, matcher: this.#matcher, decoded: this.#decoded, clock, range, hints };
    return this.#gate.read(() =>
      this.#blocks.using(range, (blocks) => run(new Querier({ ...parts, blocks }))),
    );
  }

  async #deleteInHead(matchers: Matcher[], range: TimeRange): Promise<void> {
    const head = this.#head;
    const stones: { ref: number; minMs: number; maxMs: number }[] = [];
    for (const slot of await this.#matcher.sortedSlots(matchers)) {
      // What the series has now, and not what it gets later.
      const known = head.timesOf(slot);
      const minMs = Math.max(range.minMs, known.minMs);
      const maxMs = Math.min(range.maxMs, known.maxMs);
      if (minMs > maxMs || !head.hasChunksIn(slot, minMs, maxMs)) continue;
      stones.push({ ref: head.table.refOf(slot), minMs, maxMs });
    }
    await this.#writer.logTombstones(stones);
    for (const { ref, minMs, maxMs } of stones) head.tombstones.add(head.table.slotOf(ref), { minMs, maxMs });
  }

  #writable(): Compactor {
    if (this.#compactor === undefined) throw new Error("the store was opened read-only");
    return this.#compactor;
  }

  async #replay(readOnly: boolean): Promise<void> {
    const { directory, disk, clock, log } = this.#options;
    const startMs = clock.monotonic();
    log.info("Replaying WAL, this may take a while");
    const head = this.#head;
    const target: ReplayTarget = {
      head,
      exemplars: this.#exemplars,
      metadata: this.#metadata,
      isOutOfOrder: false,
      deleteInHead(ref, minMs, maxMs) {
        const slot = head.table.slotOf(ref);
        if (slot >= 0) head.tombstones.add(slot, { minMs, maxMs });
      },
      takeChunkMark: () => {
        this.#hasChunkMarks = true;
      },
    };
    const parts = { disk, log, readOnly, pacer: new Pacer(clock) };
    const wal = await openWal({ ...parts, directory: `${directory}/wal`, target });
    const wbl = await openWal({
      ...parts,
      directory: `${directory}/wbl`,
      target: { ...target, isOutOfOrder: true },
    });
    const first = wal.segments[0] ?? 0;
    const last = wal.segments.at(-1) ?? first;
    this.walReplay = { min: first, max: last, current: last };
    this.#replaySeconds = (clock.monotonic() - startMs) / 1000;
    this.counters.walCorruptions += wal.corruptions + wbl.corruptions;
    log.info("WAL replay completed", {
      total_replay_duration: `${(clock.monotonic() - startMs).toFixed(1)}ms`,
    });
  }

  /** Late samples are taken once their log is open. */
  async #setOutOfOrderWindow(windowMs: number): Promise<void> {
    try {
      if (windowMs > 0) await this.#openOutOfOrderLog();
      this.#writer.outOfOrderTimeWindowMs = windowMs;
      this.#exemplars.outOfOrderWindowMs = windowMs;
    } catch (error) {
      this.#options.log.error("out-of-order log could not be opened", { err: error });
    }
  }

  async #prepareOutOfOrder(): Promise<void> {
    const isUsed = (this.#options.outOfOrderTimeWindowMs ?? 0) > 0 || !this.#head.outOfOrder.isEmpty;
    if (isUsed) await this.#openOutOfOrderLog();
    if (this.#hasChunkMarks && this.#wbl !== undefined)
      await rewriteLateLog(this.#head, this.#wbl, this.#options.disk);
  }

  async #openOutOfOrderLog(): Promise<void> {
    if (this.#wbl !== undefined) return;
    const { directory, disk, walSegmentBytes, walCompression: compression } = this.#options;
    const segmentBytes = walSegmentBytes;
    this.#wbl = await WalWriter.open({ directory: `${directory}/wbl`, disk, segmentBytes, compression });
    this.#writer.setOutOfOrderLog(this.#wbl);
  }

  async #openWriter(): Promise<void> {
    const { directory, disk, log, walSegmentBytes, walCompression } = this.#options;
    this.#wal = await WalWriter.open({
      directory: `${directory}/wal`,
      disk,
      segmentBytes: walSegmentBytes,
      compression: walCompression,
      onSync: (seconds) => this.#options.observe?.("log sync", seconds),
      clock: this.#options.clock,
      onError: (error) => log.error("WAL segment could not be begun", { err: error }),
    });
    for (const name of await disk.list(directory)) {
      if (name.startsWith("chunk_snapshot.")) await disk.remove(`${directory}/${name}`);
    }
  }

  /**
   * What upstream keeps besides the log can be made from it, and would contradict what we add to it. Only of a log that
   * was damaged is there more in it.
   */
  async #recoverHeadChunks(): Promise<void> {
    const { directory, disk, clock, log } = this.#options;
    if (this.counters.walCorruptions > 0) {
      const pacer = new Pacer(clock);
      await recoverFromHeadChunks({ directory, disk, log, pacer, appender: () => this.appender() });
    }
    await disk.remove(`${directory}/${HEAD_CHUNKS_DIRECTORY}`);
  }

  #startCompactor(wal: WalWriter): void {
    const { directory, disk, clock, random, log } = this.#options;
    const { timeMs: retentionMs } = this.#retention;
    const longest =
      retentionMs > 0 ? Math.min(retentionMs / 10, MAX_BLOCK_DURATION_MS) : MAX_BLOCK_DURATION_MS;
    const compactor = new Compactor({
      directory,
      disk,
      clock,
      random,
      log,
      threads: this.#options.threads,
      head: this.#head,
      writer: this.#writer,
      wal,
      wbl: () => this.#wbl,
      gate: this.#gate,
      blocks: this.#blocks,
      counters: this.counters,
      maxBlockDurationMs: this.#options.maxBlockDurationMs ?? longest,
      retention: this.#retention,
      walCompression: this.#options.walCompression ?? "none",
      observe: this.#options.observe ?? (() => {}),
    });
    this.#compactor = compactor;
    if (this.#options.compactInBackground === false) return;
    this.#timer = clock.every(COMPACTION_INTERVAL_MS, () => {
      compactor.compact().catch((error) => log.error("compaction failed", { err: error }));
    });
  }
}

async function deleteInBlock(
  block: Block,
  matchers: Matcher[],
  range: TimeRange,
  clock: Clock,
): Promise<void> {
  let isChanged = false;
  for (const { number, chunks } of await block.entries(matchers, range, clock)) {
    const minMs = Math.max(range.minMs, chunks[0].minMs);
    const maxMs = Math.min(range.maxMs, chunks[chunks.length - 1].maxMs);
    if (minMs > maxMs) continue;
    block.tombstones.add(number, { minMs, maxMs });
    isChanged = true;
  }
  if (isChanged) await block.saveTombstones();
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
    outOfOrderHistograms: 0,
    appendersCreated: 0,
    compactionsTriggered: 0,
    verticalCompactions: 0,
    headTruncationsFailed: 0,
    checkpointCreationsFailed: 0,
    checkpointDeletions: 0,
    walTruncations: 0,
    walTruncationsFailed: 0,
    walWritesFailed: 0,
    populatingBlock: 0,
  };
}
