/**
 * The store of spans: a SQLite file, so that it stays when the process does not, and small memory. The oldest spans go
 * when there are too many.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Attributes, attributeOf, textOf } from "../../model/otlp-attributes.ts";
import type { ResourceSpans, Span } from "../../model/otlp-traces.ts";
import { decodeTraces, encodeTraces } from "../../wire/otlp/traces-protobuf.ts";

/** Spans that are kept. */
export const MAX_SPANS = 100_000;
/** How many are removed at a time when there are more. */
const REMOVED_AT_A_TIME = 2_000;
/** Spans of one trace that are given out. */
export const MAX_SPANS_PER_TRACE = 20_000;
/** Pages of 4 KiB that SQLite holds in memory. */
const CACHE_PAGES = 500;

export interface StoredSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  service: string;
  name: string;
  startUnixNano: bigint;
  durationNanos: bigint;
  /** An index of `STATUS_CODES`. */
  status: number;
  kind: number;
  /** Of span and resource, as text by key; the span's win. */
  attributes: Record<string, string>;
}

/** Bounds of a search; nanoseconds since the Unix epoch. */
export interface SpanBounds {
  fromUnixNano?: bigint;
  toUnixNano?: bigint;
  service?: string;
  name?: string;
  minDurationNanos?: bigint;
  maxDurationNanos?: bigint;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = ${CACHE_PAGES};
  CREATE TABLE IF NOT EXISTS spans (
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    kind INTEGER NOT NULL,
    status INTEGER NOT NULL,
    start INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (trace_id, span_id)
  );
  CREATE INDEX IF NOT EXISTS spans_by_start ON spans (start);
`;

const COLUMNS = "trace_id, span_id, parent_id, service, name, kind, status, start, duration, attributes";

export class TraceStore {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  #count: number;

  readonly #limit: number;

  /**
   * @param path of the file; ":memory:" for none
   * @param limit spans that are kept
   */
  constructor(path: string, limit = MAX_SPANS) {
    this.#limit = limit;
    this.#database = new DatabaseSync(path);
    this.#database.exec(SCHEMA);
    this.#insert = this.#database.prepare(
      `INSERT OR REPLACE INTO spans (${COLUMNS}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#count = Number(this.#database.prepare("SELECT count(*) AS n FROM spans").get()!["n"]);
  }

  /** Durable when it returns. Spans without ids are left out. */
  add(data: readonly ResourceSpans[]): void {
    this.#database.exec("BEGIN");
    try {
      for (const resource of data) {
        for (const scope of resource.scopeSpans) {
          for (const span of scope.spans) {
            if (span.traceId === "" || span.spanId === "") continue;
            const body = encodeTraces([{ ...resource, scopeSpans: [{ ...scope, spans: [span] }] }]);
            this.#insert.run(...columnsOf(span, resource), body);
            this.#count++;
          }
        }
      }
      if (this.#count > this.#limit) this.#removeOldest();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** All spans of a trace; empty when there is no such trace. */
  trace(traceId: string): ResourceSpans[] {
    const rows = this.#database
      .prepare("SELECT body FROM spans WHERE trace_id = ? ORDER BY start LIMIT ?")
      .all(traceId, MAX_SPANS_PER_TRACE);
    return rows.flatMap(({ body }) => decodeTraces(body as Uint8Array));
  }

  /** Spans within the bounds, newest first, until the reader stops. */
  *spans(bounds: SpanBounds = {}): Generator<StoredSpan, void, undefined> {
    const conditions: [sql: string, value: string | bigint | undefined][] = [
      ["start >= ?", bounds.fromUnixNano],
      ["start <= ?", bounds.toUnixNano],
      ["service = ?", bounds.service],
      ["name = ?", bounds.name],
      ["duration >= ?", bounds.minDurationNanos],
      ["duration <= ?", bounds.maxDurationNanos],
    ];
    const used = conditions.filter(([, value]) => value !== undefined);
    const where = used.length === 0 ? "" : `WHERE ${used.map(([sql]) => sql).join(" AND ")}`;
    const statement = this.#database.prepare(`SELECT ${COLUMNS} FROM spans ${where} ORDER BY start DESC`);
    statement.setReadBigInts(true);
    for (const row of statement.iterate(...used.map(([, value]) => value!))) yield spanOf(row);
  }

  /** The spans of a trace without their bodies, oldest first. */
  spansOf(traceId: string): StoredSpan[] {
    const statement = this.#database.prepare(
      `SELECT ${COLUMNS} FROM spans WHERE trace_id = ? ORDER BY start LIMIT ?`,
    );
    statement.setReadBigInts(true);
    return statement.all(traceId, MAX_SPANS_PER_TRACE).map(spanOf);
  }

  services(): string[] {
    const rows = this.#database.prepare("SELECT DISTINCT service FROM spans ORDER BY service").all();
    return rows.map(({ service }) => String(service));
  }

  close(): void {
    this.#database.close();
  }

  #removeOldest(): void {
    // Counted anew, as a span that came twice has replaced the first.
    this.#count = Number(this.#database.prepare("SELECT count(*) AS n FROM spans").get()!["n"]);
    if (this.#count <= this.#limit) return;
    const excess = this.#count - this.#limit + REMOVED_AT_A_TIME;
    this.#database
      .prepare("DELETE FROM spans WHERE rowid IN (SELECT rowid FROM spans ORDER BY start LIMIT ?)")
      .run(excess);
    this.#count -= excess;
  }
}

const MAX_INT64 = 2n ** 63n - 1n;
const clamp = (value: bigint) => (value < 0n ? 0n : value > MAX_INT64 ? MAX_INT64 : value);

function columnsOf(span: Span, { resource }: ResourceSpans) {
  const service = textOf(attributeOf(resource.attributes, "service.name") ?? null) || "unknown_service";
  const start = clamp(span.startTimeUnixNano);
  return [
    span.traceId,
    span.spanId,
    span.parentSpanId,
    service,
    span.name,
    span.kind,
    span.status.code,
    start,
    clamp(span.endTimeUnixNano - span.startTimeUnixNano),
    JSON.stringify([...texts(resource.attributes), ...texts(span.attributes)]),
  ] as const;
}

function texts(attributes: Attributes): [string, string][] {
  return attributes.map(({ key, value }) => [key, textOf(value)]);
}

function spanOf(row: Record<string, unknown>): StoredSpan {
  return {
    traceId: String(row["trace_id"]),
    spanId: String(row["span_id"]),
    parentSpanId: String(row["parent_id"]),
    service: String(row["service"]),
    name: String(row["name"]),
    startUnixNano: row["start"] as bigint,
    durationNanos: row["duration"] as bigint,
    status: Number(row["status"]),
    kind: Number(row["kind"]),
    attributes: Object.fromEntries(JSON.parse(String(row["attributes"]))),
  };
}
