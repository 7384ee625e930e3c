/** Metrics of remote write (`storage/remote/queue_manager.go`), under upstream's names. */
import type { FamilyType, MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import type { RemoteWriter, RemoteWriters } from "../remote/remote-writer.ts";

/** A remote is sent to in order, by one request at a time: upstream's "shard". */
const SHARDS = 1;

export function remoteFamilies(remotes: RemoteWriters): MetricFamily[] {
  const { all } = remotes;
  if (all.length === 0) return [];
  const family = (name: string, type: FamilyType, help: string, value: (writer: RemoteWriter) => number) => ({
    name: `prometheus_remote_storage_${name}`,
    type,
    help,
    samples: all.map(({ name: remote, writer }) => ({
      suffix: type === "counter" ? "_total" : "",
      labels: { remote_name: remote, url: writer.config.url! },
      value: value(writer),
    })),
  });
  const newestMs = Math.max(...all.map(({ writer }) => writer.newestMs));
  return [
    ...countFamilies(family),
    ...queueFamilies(family),
    {
      name: "prometheus_remote_storage_samples_dropped",
      type: "counter",
      help: "Total number of samples which were dropped after being read from the WAL before being sent via remote write, either via relabelling, due to being too old or unintentionally because of an unknown reference ID.",
      samples: all.map(({ name: remote, writer }) => ({
        suffix: "_total",
        labels: { reason: "too_old", remote_name: remote, url: writer.config.url! },
        value: writer.remote.counts.tooOld,
      })),
    },
    {
      name: "prometheus_remote_storage_highest_timestamp_in_seconds",
      type: "gauge",
      help: "Highest timestamp that has come into the remote storage via the Appender interface, in seconds since epoch. Initialized to 0 when no data has been received yet.",
      samples: [{ suffix: "", labels: {}, value: newestMs / 1000 }],
    },
    {
      name: "prometheus_remote_storage_samples_in",
      type: "counter",
      help: "Samples in to remote storage, compare to samples out for queue managers.",
      samples: [{ suffix: "_total", labels: {}, value: Math.max(...all.map(({ writer }) => writer.taken)) }],
    },
  ];
}

type MakeFamily = (
  name: string,
  type: FamilyType,
  help: string,
  value: (writer: RemoteWriter) => number,
) => MetricFamily;

/** What was sent, refused and tried again, by kind. */
function countFamilies(family: MakeFamily): MetricFamily[] {
  return (["samples", "exemplars", "histograms", "metadata"] as const).flatMap((kind) => {
    const of = (outcome: "sent" | "failed" | "retried") => (writer: RemoteWriter) =>
      writer.remote.counts[outcome][kind];
    const noun = kind === "metadata" ? "metadata entries" : kind;
    return [
      family(kind, "counter", `Total number of ${noun} sent to remote storage.`, of("sent")),
      family(
        `${kind}_failed`,
        "counter",
        `Total number of ${noun} which failed on send to remote storage, non-recoverable errors.`,
        of("failed"),
      ),
      family(
        `${kind}_retried`,
        "counter",
        `Total number of ${noun} which failed on send to remote storage but were retried because the send error was recoverable.`,
        of("retried"),
      ),
    ];
  });
}

function queueFamilies(family: MakeFamily): MetricFamily[] {
  return [
    family(
      "samples_pending",
      "gauge",
      "The number of samples pending in the queues shards to be sent to the remote storage.",
      (writer) => writer.pending,
    ),
    family(
      "bytes",
      "counter",
      "The total number of bytes of data (not metadata) sent by the queue after compression.",
      (writer) => writer.remote.counts.bytes,
    ),
    family(
      "shards",
      "gauge",
      "The number of shards used for parallel sending to the remote storage.",
      () => SHARDS,
    ),
    family(
      "shards_desired",
      "gauge",
      "The number of shards that the queues shard calculation wants to run based on the rate of samples in vs. samples out.",
      () => SHARDS,
    ),
    family(
      "shards_max",
      "gauge",
      "The maximum number of shards that the queue is allowed to run.",
      (writer) => writer.config.queue_config.max_shards,
    ),
    family(
      "shards_min",
      "gauge",
      "The minimum number of shards that the queue is allowed to run.",
      (writer) => writer.config.queue_config.min_shards,
    ),
    family(
      "shard_capacity",
      "gauge",
      "The capacity of each shard of the queue used for parallel sending to the remote storage.",
      (writer) => writer.config.queue_config.capacity,
    ),
    family(
      "max_samples_per_send",
      "gauge",
      "The maximum number of samples to be sent, in a single request, to the remote storage. Note that, when sending of exemplars over remote write is enabled, exemplars count towards this limit.",
      (writer) => writer.config.queue_config.max_samples_per_send,
    ),
    family(
      "queue_highest_timestamp_seconds",
      "gauge",
      "Highest timestamp that was enqueued, in seconds since epoch. Initialized to 0 when no data has been received yet.",
      (writer) => writer.newestMs / 1000,
    ),
    family(
      "queue_highest_sent_timestamp_seconds",
      "gauge",
      "Timestamp from a WAL sample, the highest timestamp successfully sent by this queue, in seconds since epoch. Initialized to 0 when no data has been sent yet.",
      (writer) => writer.remote.counts.sent.newestMs / 1000,
    ),
  ];
}
