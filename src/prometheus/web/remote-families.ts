/** What remotes say of themselves on `/metrics` (`storage/remote/queue_manager.go`, `storage/remote/write.go`). */
import type { FamilyType, MetricFamily } from "../../wire/exposition/exposition-writer.ts";
import { family, type Row } from "../metrics/family.ts";
import type { QueuedKind, RemoteWriter, RemoteWriters } from "../remote/remote-writer.ts";

/** A remote is sent to in order, by one request at a time: upstream's "shard". */
const SHARDS = 1;

type Remotes = RemoteWriters["all"];

/** @param walSegment the segment of the store's log that is written to, and so the one that samples come from */
export function remoteFamilies({ all }: RemoteWriters, walSegment: number): MetricFamily[] {
  if (all.length === 0) return [];
  return [
    ...countFamilies(all),
    ...pendingFamilies(all),
    ...queueFamilies(all),
    droppedFamily(all),
    family(
      "prometheus_wal_watcher_current_segment",
      "gauge",
      "Current segment the WAL watcher is reading records from.",
      all.map(({ name: consumer }): Row => [{ consumer }, walSegment]),
    ),
  ];
}

function ofEach(
  all: Remotes,
  name: string,
  type: FamilyType,
  help: string,
  value: (writer: RemoteWriter) => number,
): MetricFamily {
  const rows = all.map((writer): Row => [{ remote_name: writer.name, url: writer.url }, value(writer)]);
  return family(`prometheus_remote_storage_${name}`, type, help, rows);
}

/** What was sent, refused and tried again, by kind. */
function countFamilies(all: Remotes): MetricFamily[] {
  return (["samples", "exemplars", "histograms", "metadata"] as const).flatMap((kind) => {
    const of = (outcome: "sent" | "failed" | "retried") => (writer: RemoteWriter) =>
      writer.remote.counts[outcome][kind];
    const noun = kind === "metadata" ? "metadata entries" : kind;
    return [
      ofEach(all, kind, "counter", `Total number of ${noun} sent to remote storage.`, of("sent")),
      ofEach(
        all,
        `${kind}_failed`,
        "counter",
        `Total number of ${noun} which failed on send to remote storage, non-recoverable errors.`,
        of("failed"),
      ),
      ofEach(
        all,
        `${kind}_retried`,
        "counter",
        `Total number of ${noun} which failed on send to remote storage but were retried because the send error was recoverable.`,
        of("retried"),
      ),
    ];
  });
}

const QUEUED: readonly QueuedKind[] = ["samples", "exemplars", "histograms"];

function pendingFamilies(all: Remotes): MetricFamily[] {
  return QUEUED.map((kind) =>
    ofEach(
      all,
      `${kind}_pending`,
      "gauge",
      `The number of ${kind} pending in the queues shards to be sent to the remote storage.`,
      (writer) => writer.pending[kind],
    ),
  );
}

function droppedFamily(all: Remotes): MetricFamily {
  return family(
    "prometheus_remote_storage_samples_dropped",
    "counter",
    "Total number of samples which were dropped after being read from the WAL before being sent via remote write, either via relabelling, due to being too old or unintentionally because of an unknown reference ID.",
    all.flatMap((writer): Row[] => {
      const row = (reason: string, count: number): Row => [
        { reason, remote_name: writer.name, url: writer.url },
        count,
      ];
      return [row("dropped_series", writer.droppedSeries), row("too_old", writer.remote.counts.tooOld)];
    }),
  );
}

/** Name, type, help and value of what each remote's queue says of itself. */
const QUEUE_FIGURES: [
  name: string,
  type: FamilyType,
  help: string,
  value: (writer: RemoteWriter) => number,
][] = [
  [
    "bytes",
    "counter",
    "The total number of bytes of data (not metadata) sent by the queue after compression. Note that when exemplars over remote write is enabled the exemplars included in a remote write request count towards this metric.",
    ({ remote }) => remote.counts.bytes,
  ],
  [
    "metadata_bytes",
    "counter",
    "The total number of bytes of metadata sent by the queue after compression.",
    ({ remote }) => remote.counts.metadataBytes,
  ],
  [
    "enqueue_retries",
    "counter",
    "Total number of times enqueue has failed because a shards queue was full.",
    // A batch goes to the disk; it never waits for room in memory.
    () => 0,
  ],
  ["shards", "gauge", "The number of shards used for parallel sending to the remote storage.", () => SHARDS],
  [
    "shards_desired",
    "gauge",
    "The number of shards that the queues shard calculation wants to run based on the rate of samples in vs. samples out.",
    () => SHARDS,
  ],
  [
    "shards_max",
    "gauge",
    "The maximum number of shards that the queue is allowed to run.",
    ({ config }) => config.queue_config.max_shards,
  ],
  [
    "shards_min",
    "gauge",
    "The minimum number of shards that the queue is allowed to run.",
    ({ config }) => config.queue_config.min_shards,
  ],
  [
    "shard_capacity",
    "gauge",
    "The capacity of each shard of the queue used for parallel sending to the remote storage.",
    ({ config }) => config.queue_config.capacity,
  ],
  [
    "max_samples_per_send",
    "gauge",
    "The maximum number of samples to be sent, in a single request, to the remote storage. Note that, when sending of exemplars over remote write is enabled, exemplars count towards this limit.",
    ({ config }) => config.queue_config.max_samples_per_send,
  ],
  [
    "queue_highest_timestamp_seconds",
    "gauge",
    "Highest timestamp that was enqueued, in seconds since epoch. Initialized to 0 when no data has been received yet.",
    ({ newestMs }) => Math.floor(newestMs / 1000),
  ],
  [
    "queue_highest_sent_timestamp_seconds",
    "gauge",
    "Highest timestamp successfully sent by this queue, in seconds since epoch. Initialized to 0 when no data has been sent yet.",
    ({ remote }) => Math.floor(remote.counts.done.newestMs / 1000),
  ],
];

function queueFamilies(all: Remotes): MetricFamily[] {
  return QUEUE_FIGURES.map((figure) => ofEach(all, ...figure));
}
