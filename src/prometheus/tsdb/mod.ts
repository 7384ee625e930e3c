/**
 * The time-series store: stands for prometheus/prometheus `tsdb/` (3.14), in the same on-disk format.
 *
 * Samples that `commit` has acknowledged are in the write-ahead log's file and survive the end of the process. As
 * upstream, the log is made durable against the end of the machine (fsync) when a segment is full, at a checkpoint
 * and on close.
 *
 * Each folder builds on those before it: `bytes/` numbers, checksums and files; `chunks/` series' samples, encoded;
 * `index/` labels to series; `wal/` the log's records and segments; `block/` two hours and more on disk; `head/` what
 * came last, in memory. The files beside this one put them together: `tsdb.ts` opens and appends, `querier.ts` reads,
 * `compactor.ts` makes blocks of the head, large ones in a thread (`block-making.ts`).
 */
export { SeriesCache, type SeriesCacheOptions } from "./head/series-cache.ts";
export { openTsdb } from "./tsdb.ts";
export { TsdbMetrics } from "./tsdb-metrics.ts";
export type {
  BlockMeta,
  CardinalityStat,
  HeadStats,
  StoreFigures,
  Tsdb,
  TsdbAppender,
  TsdbCounters,
  TsdbOptions,
  TsdbStatus,
} from "./tsdb-options.ts";
