/**
 * Tenants in SQLite files (`node:sqlite`), with full-text search by FTS5.
 *
 * WAL with `synchronous = FULL`: a write that was answered survives the end of the process and of the machine. Closing
 * the only connection folds the log into the file, which then is the whole database.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Disk } from "../base/disk.ts";
import { queryWords } from "./query-words.ts";
import {
  ConflictError,
  type Resource,
  type SearchOptions,
  type TenantDatabase,
  type TenantEngine,
} from "./tenant-database.ts";

const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA trusted_schema = OFF;
`;
const SCHEMA = `
  BEGIN;
  CREATE TABLE IF NOT EXISTS resources (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at TEXT NOT NULL,
    request_id TEXT UNIQUE
  ) STRICT;
  CREATE VIRTUAL TABLE IF NOT EXISTS resources_text USING fts5(
    name, content, content = 'resources', content_rowid = 'number'
  );
  CREATE TRIGGER IF NOT EXISTS resources_added AFTER INSERT ON resources BEGIN
    INSERT INTO resources_text (rowid, name, content) VALUES (new.number, new.name, new.content);
  END;
  PRAGMA user_version = 1;
  COMMIT;
`;
/** What `SCHEMA` sets `user_version` to. */
const SCHEMA_VERSION = 1;
const COLUMNS = "r.id, r.name, r.content, r.metadata, r.created_at";
/** Pages of 4 KiB that a database caches: many are open at a time. */
const CACHE_PAGES = 64;

export function createSqliteEngine(disk: Disk): TenantEngine {
  let empty: Uint8Array | undefined;
  return {
    empty: () => (empty ??= emptyDatabase()),
    sideFiles: ["-wal", "-shm", "-journal"],
    async open(path) {
      return new SqliteTenantDatabase(disk.realPath(path));
    },
  };
}

/** Making the tables takes tens of milliseconds, and copying them one write. */
function emptyDatabase(): Uint8Array {
  const database = new DatabaseSync(":memory:");
  database.exec(SCHEMA);
  const bytes = database.serialize();
  database.close();
  // The file format versions for reading and writing: 2 is WAL, which a database in memory cannot be set to.
  bytes[18] = 2;
  bytes[19] = 2;
  return bytes;
}

class SqliteTenantDatabase implements TenantDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { defensive: true });
    try {
      this.#database.exec(SETTINGS);
      const row = this.#database.prepare("PRAGMA user_version").get();
      if (row?.["user_version"] !== SCHEMA_VERSION) this.#database.exec(SCHEMA);
      this.#database.exec(`PRAGMA cache_size = ${CACHE_PAGES}`);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  async insert(resource: Resource, requestId: string | undefined): Promise<Resource> {
    const { id, name, content, metadata, createdAt } = resource;
    const done = this.#prepare(
      `INSERT INTO resources (id, name, content, metadata, created_at, request_id)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ).run(id, name, content, JSON.stringify(metadata), createdAt, requestId ?? null);
    if (done.changes === 1) return resource;
    const first =
      requestId === undefined
        ? undefined
        : this.#prepare(`SELECT ${COLUMNS} FROM resources r WHERE request_id = ?`).get(requestId);
    if (first === undefined) throw new ConflictError(id);
    return resourceOf(first);
  }

  async get(id: string): Promise<Resource | undefined> {
    const row = this.#prepare(`SELECT ${COLUMNS} FROM resources r WHERE id = ?`).get(id);
    return row === undefined ? undefined : resourceOf(row);
  }

  async search({ query, limit, offset }: SearchOptions): Promise<Resource[]> {
    const words = queryWords(query);
    const rows =
      words.length === 0
        ? this.#prepare(`SELECT ${COLUMNS} FROM resources r ORDER BY number DESC LIMIT ? OFFSET ?`).all(
            limit,
            offset,
          )
        : this.#prepare(
            `SELECT ${COLUMNS} FROM resources_text t JOIN resources r ON r.number = t.rowid
             WHERE resources_text MATCH ? ORDER BY t.rank, r.number DESC LIMIT ? OFFSET ?`,
          ).all(words.map((word) => `"${word}"*`).join(" "), limit, offset);
    return rows.map(resourceOf);
  }

  async close(): Promise<void> {
    this.#statements.clear();
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }
}

function resourceOf(row: Record<string, unknown>): Resource {
  return {
    id: row["id"] as string,
    name: row["name"] as string,
    content: row["content"] as string,
    metadata: JSON.parse(row["metadata"] as string) as Record<string, unknown>,
    createdAt: row["created_at"] as string,
  };
}
