/** What the store says of itself on `/metrics`. */
import type { MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import { family, type Row } from "../metrics/family.ts";
import type { PrometheusServer } from "../server-state.ts";
import type { HeadStats, StoreFigures, TsdbCounters } from "../tsdb/mod.ts";

const count = (name: string, help: string, value: number | Row[]) =>
  family(`prometheus_tsdb_${name}`, "counter", help, value);
const gauge = (name: string, help: string, value: number) =>
  family(`prometheus_tsdb_${name}`, "gauge", help, value);
/** Milliseconds as whole seconds, as upstream shows times of samples. */
const wholeSeconds = (timeMs: number) => Math.floor(timeMs / 1000);

export function tsdbFamilies({ tsdb, retention }: PrometheusServer, figures: StoreFigures): MetricFamily[] {
  return [
    ...headFamilies(tsdb.headStats(), tsdb.counters),
    ...sampleFamilies(tsdb.counters),
    ...workFamilies(tsdb.counters),
    ...diskFamilies(figures, tsdb.counters),
    ...exemplarFamilies(figures.exemplars, tsdb.counters),
    ...newestFamilies(figures),
    gauge("head_active_appenders", "Number of currently active appender transactions", figures.openAppenders),
    gauge("blocks_loaded", "Number of currently loaded data blocks", tsdb.blocks().length),
    gauge(
      "retention_limit_bytes",
      "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled",
      retention.bytes,
    ),
    gauge(
      "retention_limit_percentage",
      "Max percentage of total storage space to be retained in the tsdb blocks, configured 0 means disabled",
      0,
    ),
    gauge("retention_limit_seconds", "How long to retain samples in storage.", retention.timeMs / 1000),
  ];
}

function headFamilies(head: HeadStats, counters: Readonly<TsdbCounters>): MetricFamily[] {
  return [
    gauge("head_series", "Total number of series in the head block.", head.numSeries),
    gauge("head_chunks", "Total number of chunks in the head block.", head.chunkCount),
    gauge(
      "head_min_time",
      "Minimum time bound of the head block. The unit is decided by the library consumer.",
      head.minTime,
    ),
    gauge("head_min_time_seconds", "Minimum time bound of the head block.", wholeSeconds(head.minTime)),
    gauge(
      "head_max_time",
      "Maximum timestamp of the head block. The unit is decided by the library consumer.",
      head.maxTime,
    ),
    gauge("head_max_time_seconds", "Maximum timestamp of the head block.", wholeSeconds(head.maxTime)),
    count("head_series_created", "Total number of series created in the head", counters.seriesCreated),
    count("head_series_removed", "Total number of series removed in the head", counters.seriesRemoved),
    count("head_chunks_created", "Total number of chunks created in the head", counters.chunksCreated),
    count("head_chunks_removed", "Total number of chunks removed in the head", counters.chunksRemoved),
    count(
      "head_appenders_created",
      "Total number of appender transactions created.",
      counters.appendersCreated,
    ),
    count("head_truncations", "Total number of head truncations attempted.", counters.headTruncations),
    count(
      "head_truncations_failed",
      "Total number of head truncations that failed.",
      counters.headTruncationsFailed,
    ),
  ];
}

function newestFamilies({ newest, symbolBytes }: StoreFigures): MetricFamily[] {
  return [
    gauge("head_stale_series", "Total number of stale series in the head block.", newest.stale),
    gauge(
      "head_native_histogram_series",
      "Number of series whose most recent in-order sample is a native histogram.",
      newest.histograms,
    ),
    gauge(
      "head_native_histogram_buckets",
      "Number of positive and negative bucket entries in the most recent in-order native histogram sample of each series, including entries carried by staleness markers.",
      newest.histogramBuckets,
    ),
    gauge("symbol_table_size_bytes", "Size of symbol table in memory for loaded blocks", symbolBytes),
    // Chunks of the head are in memory only.
    gauge("head_chunks_storage_size_bytes", "Size of the chunks_head directory.", 0),
    count("mmap_chunks", "Total number of chunks that were memory-mapped.", 0),
  ];
}

function sampleFamilies(counters: Readonly<TsdbCounters>): MetricFamily[] {
  const { outOfOrderAppended, outOfOrderHistograms } = counters;
  return [
    count("head_samples_appended", "Total number of appended samples.", [
      [{ type: "float" }, counters.samplesAppended],
      [{ type: "histogram" }, counters.histogramsAppended],
    ]),
    count("head_out_of_order_samples_appended", "Total number of appended out of order samples.", [
      [{ type: "float" }, outOfOrderAppended - outOfOrderHistograms],
      [{ type: "histogram" }, outOfOrderHistograms],
    ]),
    count(
      "out_of_order_samples",
      "Total number of out of order samples ingestion failed attempts due to out of order being disabled.",
      [[{ type: "float" }, counters.outOfOrderSamples]],
    ),
    count(
      "out_of_bound_samples",
      "Total number of out of bound samples ingestion failed attempts with out of order support disabled.",
      [[{ type: "float" }, counters.outOfBoundSamples]],
    ),
    count(
      "too_old_samples",
      "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
      [[{ type: "float" }, counters.tooOldSamples]],
    ),
  ];
}

function workFamilies(counters: Readonly<TsdbCounters>): MetricFamily[] {
  return [
    count(
      "compactions_triggered",
      "Total number of triggered compactions for the partition.",
      counters.compactionsTriggered,
    ),
    count(
      "compactions",
      "Total number of compactions that were executed for the partition.",
      counters.compactions,
    ),
    count(
      "compactions_failed",
      "Total number of compactions that failed for the partition.",
      counters.compactionsFailed,
    ),
    gauge(
      "compaction_populating_block",
      "Set to 1 when a block is currently being written to the disk.",
      counters.populatingBlock,
    ),
    // Compaction is never turned off.
    count("compactions_skipped", "Total number of skipped compactions due to disabled auto compaction.", 0),
    count(
      "vertical_compactions",
      "Total number of compactions done on overlapping blocks.",
      counters.verticalCompactions,
    ),
    count(
      "checkpoint_creations",
      "Total number of checkpoint creations attempted.",
      counters.checkpointCreations,
    ),
    count(
      "checkpoint_creations_failed",
      "Total number of checkpoint creations that failed.",
      counters.checkpointCreationsFailed,
    ),
    count(
      "checkpoint_deletions",
      "Total number of checkpoint deletions attempted.",
      counters.checkpointDeletions,
    ),
    count(
      "time_retentions",
      "The number of times that blocks were deleted because the maximum time limit was exceeded.",
      counters.timeRetentions,
    ),
    count(
      "size_retentions",
      "The number of times that blocks were deleted because the maximum number of bytes was exceeded.",
      counters.sizeRetentions,
    ),
    ...reloadFamilies(),
  ];
}

/** Blocks are looked for once, when the store is opened: one that can't be read then ends the process. */
function reloadFamilies(): MetricFamily[] {
  return [
    count("reloads", "Number of times the database reloaded block data from disk.", 1),
    count("reloads_failures", "Number of times the database failed to reloadBlocks block data from disk.", 0),
  ];
}

function diskFamilies(figures: StoreFigures, counters: Readonly<TsdbCounters>): MetricFamily[] {
  const lowestMs = figures.lowestMs ?? 0;
  return [
    gauge(
      "storage_blocks_bytes",
      "The number of bytes that are currently used for local storage by all blocks.",
      figures.blocksBytes,
    ),
    gauge("wal_storage_size_bytes", "Size of the write log directory.", figures.walBytes),
    gauge(
      "wal_segment_current",
      "Write log segment index that TSDB is currently writing to.",
      figures.walSegment,
    ),
    count("wal_corruptions", "Total number of WAL corruptions.", counters.walCorruptions),
    count("wal_truncations", "Total number of write log truncations attempted.", counters.walTruncations),
    count(
      "wal_truncations_failed",
      "Total number of write log truncations that failed.",
      counters.walTruncationsFailed,
    ),
    count("wal_writes_failed", "Total number of write log writes that failed.", counters.walWritesFailed),
    gauge(
      "lowest_timestamp",
      "Lowest timestamp value stored in the database. The unit is decided by the library consumer.",
      lowestMs,
    ),
    gauge(
      "lowest_timestamp_seconds",
      "Lowest timestamp value stored in the database.",
      wholeSeconds(lowestMs),
    ),
    gauge("data_replay_duration_seconds", "Time taken to replay the data on disk.", figures.replaySeconds),
    gauge(
      "clean_start",
      "-1: lockfile is disabled. 0: a lockfile from a previous execution was replaced. 1: lockfile creation was clean",
      figures.cleanStart,
    ),
  ];
}

function exemplarFamilies(
  exemplars: StoreFigures["exemplars"],
  counters: Readonly<TsdbCounters>,
): MetricFamily[] {
  return [
    count("exemplar_exemplars_appended", "Total number of appended exemplars.", counters.exemplarsAppended),
    count(
      "exemplar_out_of_order_exemplars",
      "Total number of out of order exemplar ingestion failed attempts.",
      counters.exemplarsOutOfOrder,
    ),
    gauge(
      "exemplar_exemplars_in_storage",
      "Number of exemplars currently in circular storage.",
      exemplars.count,
    ),
    gauge(
      "exemplar_series_with_exemplars_in_storage",
      "Number of series with exemplars currently in circular storage.",
      exemplars.series,
    ),
    gauge(
      "exemplar_max_exemplars",
      "Total number of exemplars the exemplar storage can store, resizeable.",
      exemplars.capacity,
    ),
    gauge(
      "exemplar_last_exemplars_timestamp_seconds",
      "The timestamp of the oldest exemplar stored in circular storage. Useful to check for what timerange the current exemplar buffer limit allows. This usually means the last timestampfor all exemplars for a typical setup. This is not true though if one of the series timestamp is in future compared to rest series.",
      exemplars.oldestMs / 1000,
    ),
  ];
}
