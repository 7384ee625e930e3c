/** The store of log records: a SQLite file. The oldest records go when there are too many. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Attributes, textOf } from "../../model/otlp-attributes.ts";
import { type LogRecord, type ResourceLogs, severityName } from "../../model/otlp-logs.ts";

/** Records that are kept. */
export const MAX_LOG_RECORDS = 200_000;
const REMOVED_AT_A_TIME = 4_000;
/** What of one line is kept, in UTF-16 units, as upstream's `max_line_size` of 256 KB. */
export const MAX_LINE_LENGTH = 256 * 1024;
const CACHE_PAGES = 500;

export interface StoredLog {
  unixNano: bigint;
  /** What the stream is selected by. */
  labels: Record<string, string>;
  /** Everything else: Loki's structured metadata. */
  metadata: Record<string, string>;
  line: string;
}

/** Times in nanoseconds since the Unix epoch: `from` included, `to` not. */
export interface LogBounds {
  fromUnixNano: bigint;
  toUnixNano: bigint;
  traceId?: string;
  /** Oldest first. @default newest first */
  forward?: boolean;
}

/** Resource attributes that become labels, as upstream's `default_resource_attributes_as_index_labels`. */
const LABELS = [
  "cloud.availability_zone",
  "cloud.region",
  "container.name",
  "deployment.environment",
  "deployment.environment.name",
  "k8s.cluster.name",
  "k8s.container.name",
  "k8s.deployment.name",
  "k8s.namespace.name",
  "k8s.pod.name",
  "k8s.statefulset.name",
  "service.instance.id",
  "service.name",
  "service.namespace",
];

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = ${CACHE_PAGES};
  CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS logs (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    metadata TEXT NOT NULL,
    line TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS logs_by_time ON logs (time);
  CREATE INDEX IF NOT EXISTS logs_by_trace ON logs (trace_id) WHERE trace_id <> '';
`;

export class LogStore {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #streams = new Map<string, number>();
  #count: number;

  readonly #limit: number;

  /**
   * @param path of the file; ":memory:" for none
   * @param limit records that are kept
   */
  constructor(path: string, limit = MAX_LOG_RECORDS) {
    this.#limit = limit;
    this.#database = new DatabaseSync(path);
    this.#database.exec(SCHEMA);
    this.#insert = this.#database.prepare(
      "INSERT INTO logs (time, stream, trace_id, metadata, line) VALUES (?, ?, ?, ?, ?)",
    );
    this.#count = Number(this.#database.prepare("SELECT count(*) AS n FROM logs").get()!["n"]);
    for (const { id, labels } of this.#database.prepare("SELECT id, labels FROM streams").all()) {
      this.#streams.set(String(labels), Number(id));
    }
  }

  /** Stores OTLP records by Loki's rules. Durable when it returns. @param nowUnixNano for records without a time */
  addOtlp(data: readonly ResourceLogs[], nowUnixNano: bigint): void {
    const logs = data.flatMap(({ resource, scopeLogs }) => {
      const labels = labelsOf(resource.attributes);
      const rest = resource.attributes.filter(({ key }) => !LABELS.includes(key));
      return scopeLogs.flatMap(({ scope, logRecords }) =>
        logRecords.map((record) => ({
          unixNano: record.timeUnixNano || record.observedTimeUnixNano || nowUnixNano,
          labels,
          metadata: metadataOf(record, rest, scope.name),
          line: textOf(record.body),
        })),
      );
    });
    this.add(logs);
  }

  /** Durable when it returns. */
  add(logs: readonly StoredLog[]): void {
    this.#database.exec("BEGIN");
    try {
      for (const { unixNano, labels, metadata, line } of logs) {
        const traceId = metadata["trace_id"] ?? "";
        const stream = this.#streamOf(labels);
        const time = unixNano < 0n ? 0n : unixNano > MAX_INT64 ? MAX_INT64 : unixNano;
        this.#insert.run(time, stream, traceId, JSON.stringify(metadata), line.slice(0, MAX_LINE_LENGTH));
        this.#count++;
      }
      if (this.#count > this.#limit) this.#removeOldest();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      // Streams that were new in what was rolled back have no row.
      this.#streams.clear();
      throw error;
    }
  }

  /** Records within the bounds, until the reader stops. */
  *read({ fromUnixNano, toUnixNano, traceId, forward }: LogBounds): Generator<StoredLog, void, undefined> {
    const labelsById = new Map(this.streams().map(({ id, labels }) => [id, labels]));
    const byTrace = traceId === undefined ? "" : "AND trace_id = ?";
    const statement = this.#database.prepare(
      `SELECT time, stream, metadata, line FROM logs WHERE time >= ? AND time < ? ${byTrace} ORDER BY time ${forward === true ? "ASC" : "DESC"}`,
    );
    statement.setReadBigInts(true);
    const values = traceId === undefined ? [fromUnixNano, toUnixNano] : [fromUnixNano, toUnixNano, traceId];
    for (const row of statement.iterate(...values)) {
      yield {
        unixNano: row["time"] as bigint,
        labels: labelsById.get(Number(row["stream"])) ?? {},
        metadata: JSON.parse(String(row["metadata"])),
        line: String(row["line"]),
      };
    }
  }

  streams(): { id: number; labels: Record<string, string> }[] {
    const rows = this.#database.prepare("SELECT id, labels FROM streams").all();
    return rows.map(({ id, labels }) => ({ id: Number(id), labels: JSON.parse(String(labels)) }));
  }

  close(): void {
    this.#database.close();
  }

  #streamOf(labels: Record<string, string>): number {
    const key = JSON.stringify(
      Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))),
    );
    let id = this.#streams.get(key);
    if (id === undefined) {
      this.#database.prepare("INSERT OR IGNORE INTO streams (labels) VALUES (?)").run(key);
      id = Number(this.#database.prepare("SELECT id FROM streams WHERE labels = ?").get(key)!["id"]);
      this.#streams.set(key, id);
    }
    return id;
  }

  #removeOldest(): void {
    const excess = this.#count - this.#limit + REMOVED_AT_A_TIME;
    this.#database
      .prepare("DELETE FROM logs WHERE id IN (SELECT id FROM logs ORDER BY time LIMIT ?)")
      .run(excess);
    this.#database.exec("DELETE FROM streams WHERE id NOT IN (SELECT DISTINCT stream FROM logs)");
    this.#streams.clear();
    this.#count = Number(this.#database.prepare("SELECT count(*) AS n FROM logs").get()!["n"]);
  }
}

const MAX_INT64 = 2n ** 63n - 1n;

/** `service.name` → `service_name` */
export function lokiName(key: string): string {
  return key.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(\d)/, "_$1");
}

function labelsOf(attributes: Attributes): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { key, value } of attributes) if (LABELS.includes(key)) labels[lokiName(key)] = textOf(value);
  if (!labels["service_name"]) labels["service_name"] = "unknown_service";
  return labels;
}

function metadataOf(record: LogRecord, resource: Attributes, scope: string): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const { key, value } of [...resource, ...record.attributes]) metadata[lokiName(key)] = textOf(value);
  if (scope !== "") metadata["scope_name"] = scope;
  if (record.severityText !== "") metadata["severity_text"] = record.severityText;
  if (record.severityNumber !== 0) metadata["severity_number"] = String(record.severityNumber);
  metadata["detected_level"] = levelOf(record);
  if (record.traceId !== "") metadata["trace_id"] = record.traceId;
  if (record.spanId !== "") metadata["span_id"] = record.spanId;
  if (record.eventName !== "") metadata["event_name"] = record.eventName;
  return metadata;
}

function levelOf({ severityNumber, severityText }: LogRecord): string {
  if (severityNumber !== 0) return severityName(severityNumber).replace(/\d$/, "").toLowerCase() || "unknown";
  return severityText === "" ? "unknown" : severityText.toLowerCase();
}
