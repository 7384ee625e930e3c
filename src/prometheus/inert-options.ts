/** Options that are taken since upstream has them, and change nothing here. Whoever sets one is told so. */
import type { PrometheusConfig } from "./config/prometheus-config.ts";
import type { Flags } from "./flags.ts";

/** Of how Go, the head's memory, or an agent works. */
const INERT_FLAGS = [
  "scrape.adjust-timestamps",
  "scrape.discovery-reload-interval",
  "scrape.timestamp-tolerance",
  "storage.remote.flush-deadline",
  "storage.tsdb.allow-overlapping-compaction",
  "storage.tsdb.block-reload-interval",
  "storage.tsdb.delay-compact-file.path",
  "storage.tsdb.delayed-compaction.max-percent",
  "storage.tsdb.head-chunks-write-queue-size",
  "storage.tsdb.max-block-chunk-segment-size",
  "storage.tsdb.samples-per-chunk",
  "web.console.libraries",
  "web.console.templates",
  "web.max-connections",
  "web.read-timeout",
  "web.user-assets",
];

/** The flags that were given and have no effect. */
export function inertFlags(flags: Flags): string[] {
  return INERT_FLAGS.filter((name) => flags.isGiven(name)).map((name) => `--${name}`);
}

/** The options of a configuration that have no effect, by their paths; those at their defaults say nothing. */
export function inertOptions(config: PrometheusConfig): string[] {
  const { runtime, storage, remote_write: remotes = [] } = config;
  const found: string[] = [];
  if (runtime.gogc !== 75) found.push("runtime.gogc");
  if (storage.tsdb?.stale_series_compaction_threshold)
    found.push("storage.tsdb.stale_series_compaction_threshold");
  if (storage.tsdb?.retention?.percentage) found.push("storage.tsdb.retention.percentage");
  if (storage.tsdb?.chunk_encoding?.floats === "xor2") found.push("storage.tsdb.chunk_encoding.floats");
  for (const [i, remote] of remotes.entries()) {
    if (remote === undefined) continue;
    const { queue_config: queue } = remote;
    if (queue.max_shards !== 50) found.push(`remote_write[${i}].queue_config.max_shards`);
    if (queue.min_shards !== 1) found.push(`remote_write[${i}].queue_config.min_shards`);
    if (queue.capacity !== 10_000) found.push(`remote_write[${i}].queue_config.capacity`);
    if (remote.failed_request_logging) found.push(`remote_write[${i}].failed_request_logging`);
  }
  return found;
}
