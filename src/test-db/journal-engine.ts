/**
 * Tenants as journals of JSON lines on the injected disk: for virtual time, where SQLite has no files. The same
 * promises (what was answered is durable), the same answers, no index: a search reads everything.
 */
import type { Disk, DiskFile } from "../base/disk.ts";
import { queryWords, wordsOf } from "./query-words.ts";
import {
  ConflictError,
  type Resource,
  type SearchOptions,
  type TenantDatabase,
  type TenantEngine,
} from "./tenant-database.ts";

interface Line {
  resource: Resource;
  requestId?: string;
}

export function createJournalEngine(disk: Disk): TenantEngine {
  return {
    sideFiles: [],
    empty: () => new Uint8Array(0),
    async open(path) {
      const file = await disk.open(path, "append");
      return new JournalDatabase(file, await readLines(file));
    },
  };
}

/** What was written whole; a line that a crash cut off was never acknowledged, and goes. */
async function readLines(file: DiskFile): Promise<Line[]> {
  const bytes = await file.read(0, await file.size());
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await file.truncate(end);
  const text = new TextDecoder().decode(bytes.subarray(0, end));
  return text === ""
    ? []
    : text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Line);
}

class JournalDatabase implements TenantDatabase {
  readonly #file: DiskFile;
  readonly #byId = new Map<string, Resource>();
  readonly #byRequest = new Map<string, Resource>();

  constructor(file: DiskFile, lines: Line[]) {
    this.#file = file;
    for (const line of lines) this.#keep(line);
  }

  #keep({ resource, requestId }: Line): void {
    this.#byId.set(resource.id, resource);
    if (requestId !== undefined) this.#byRequest.set(requestId, resource);
  }

  async insert(resource: Resource, requestId: string | undefined): Promise<Resource> {
    const first = requestId === undefined ? undefined : this.#byRequest.get(requestId);
    if (first !== undefined) return first;
    if (this.#byId.has(resource.id)) throw new ConflictError(resource.id);
    const line: Line = { resource, ...(requestId !== undefined && { requestId }) };
    this.#file.appendNow(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    await this.#file.sync();
    this.#keep(line);
    return resource;
  }

  async get(id: string): Promise<Resource | undefined> {
    return this.#byId.get(id);
  }

  async search({ query, limit, offset }: SearchOptions): Promise<Resource[]> {
    const words = queryWords(query.toLowerCase());
    if (words.length === 0) {
      return [...this.#byId.values()].reverse().slice(offset, offset + limit);
    }
    const matches = (resource: Resource) => {
      const present = wordsOf(`${resource.name} ${resource.content}`.toLowerCase());
      return words.every((word) => present.some((other) => other.startsWith(word)));
    };
    return [...this.#byId.values()]
      .reverse()
      .filter(matches)
      .slice(offset, offset + limit);
  }

  async close(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
  }
}
