/**
 * A disk in memory that keeps the durability contract of `base/disk.ts` and no more: `losePower` takes away whatever
 * was not made durable. Faults and slowness come from `beforeOperation`.
 */
import type { Disk, DiskFile, FileStat, OpenMode } from "../../base/disk.ts";

export interface MemoryDiskOptions {
  /** For modification times. @default 0 always */
  now?: () => number;
  /** Awaited before every asynchronous operation: takes time, or throws what a broken disk would. */
  beforeOperation?: (operation: string, path: string) => Promise<void> | void;
}

interface Bytes {
  /** With room for more, which is zero. */
  bytes: Uint8Array;
  length: number;
}

interface Content extends Bytes {
  modifiedMs: number;
  /** What of it is durable, and where it has changed since. */
  saved?: Bytes;
  changedFrom: number;
  changedTo: number;
}

export class MemoryDisk implements Disk {
  readonly #options: MemoryDiskOptions;
  #files = new Map<string, Content>();
  /** What a loss of power leaves, by path. */
  #durable = new Map<string, Bytes>();
  readonly #directories = new Set<string>();

  constructor(options: MemoryDiskOptions = {}) {
    this.#options = options;
  }

  /** The machine stops: only what was durable is left. Handles that are open must not be used any more. */
  losePower(): void {
    this.#files = new Map(
      [...this.#durable].map(([path, { bytes, length }]) => [path, contentOf(bytes.slice(0, length), 0)]),
    );
  }

  /** All paths, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  async #before(operation: string, path: string): Promise<void> {
    await this.#options.beforeOperation?.(operation, path);
  }

  #now(): number {
    return this.#options.now?.() ?? 0;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.#before("open", path);
    let content = this.#files.get(path);
    if (content === undefined) {
      if (mode === "read") throw missing("open", path);
      content = contentOf(new Uint8Array(0), this.#now());
      this.#files.set(path, content);
    }
    return this.#handle(path, content);
  }

  #handle(openPath: string, content: Content): DiskFile {
    // A file that was renamed while it is open is made durable under the name that it has then.
    const sync = () => {
      const path = this.#files.get(openPath) === content ? openPath : this.#pathOf(content);
      if (path !== undefined) this.#save(path, content);
    };
    const put = (position: number, data: Uint8Array) => {
      reserve(content, position + data.length);
      content.bytes.set(data, position);
      change(content, position, position + data.length);
      content.length = Math.max(content.length, position + data.length);
      content.modifiedMs = this.#now();
    };
    return {
      read: async (position, length) => {
        await this.#before("read", openPath);
        return content.bytes.slice(position, Math.min(position + length, content.length));
      },
      write: async (position, data) => {
        await this.#before("write", openPath);
        put(position, data);
      },
      appendNow: (data) => put(content.length, data),
      truncate: async (size) => {
        await this.#before("truncate", openPath);
        reserve(content, size);
        const kept = Math.min(size, content.length);
        content.bytes.fill(0, kept);
        change(content, kept, size);
        content.length = size;
      },
      sync: async () => {
        await this.#before("sync", openPath);
        sync();
      },
      syncNow: sync,
      size: async () => content.length,
      close: async () => {},
    };
  }

  /** Copies what has changed: a journal is synchronised at every line, and is long. */
  #save(path: string, content: Content): void {
    let saved = this.#durable.get(path);
    if (saved === undefined || saved !== content.saved) {
      saved = { bytes: content.bytes.slice(0, content.length), length: content.length };
      this.#durable.set(path, saved);
      content.saved = saved;
    } else {
      const from = content.changedFrom;
      const to = Math.min(content.changedTo, content.length);
      reserve(saved, content.length);
      if (from < to) saved.bytes.set(content.bytes.subarray(from, to), from);
      if (content.length < saved.length) saved.bytes.fill(0, content.length, saved.length);
      saved.length = content.length;
    }
    content.changedFrom = Number.POSITIVE_INFINITY;
    content.changedTo = 0;
  }

  #pathOf(content: Content): string | undefined {
    for (const [path, other] of this.#files) if (other === content) return path;
    return undefined;
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.#before("readFile", path);
    const content = this.#files.get(path);
    if (content === undefined) throw missing("open", path);
    return content.bytes.slice(0, content.length);
  }

  async writeFile(path: string, data: Uint8Array | string): Promise<void> {
    await this.#before("writeFile", path);
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
    const content = contentOf(bytes, this.#now());
    this.#files.set(path, content);
    this.#save(path, content);
  }

  async list(path: string): Promise<string[]> {
    await this.#before("list", path);
    const prefix = path.endsWith("/") ? path : `${path}/`;
    const names = new Set<string>();
    for (const known of [...this.#files.keys(), ...this.#directories]) {
      if (known.startsWith(prefix)) names.add(known.slice(prefix.length).split("/", 1)[0]);
    }
    return [...names].sort();
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.#before("stat", path);
    const content = this.#files.get(path);
    if (content !== undefined) {
      return { size: content.length, modifiedMs: content.modifiedMs, isDirectory: false };
    }
    const isDirectory =
      this.#directories.has(path) || this.paths().some((known) => known.startsWith(`${path}/`));
    return isDirectory ? { size: 0, modifiedMs: 0, isDirectory } : undefined;
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#before("makeDirectory", path);
    for (let each = path; each.includes("/", 1); each = each.slice(0, each.lastIndexOf("/"))) {
      this.#directories.add(each);
    }
  }

  async remove(path: string): Promise<void> {
    await this.#before("remove", path);
    for (const known of [...this.#files.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.#files.delete(known);
    }
    for (const known of [...this.#directories]) {
      if (known === path || known.startsWith(`${path}/`)) this.#directories.delete(known);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#before("rename", from);
    const content = this.#files.get(from);
    if (content === undefined) {
      this.#renameDirectory(from, to);
      return;
    }
    this.#renameFile(from, to, content);
  }

  #renameDirectory(from: string, to: string): void {
    const moved = (known: string) => to + known.slice(from.length);
    const isInside = (known: string) => known === from || known.startsWith(`${from}/`);
    const files = [...this.#files].filter(([known]) => isInside(known));
    const directories = [...this.#directories].filter(isInside);
    if (files.length + directories.length === 0) throw missing("rename", from);
    for (const [known, content] of files) this.#renameFile(known, moved(known), content);
    for (const known of directories) {
      this.#directories.delete(known);
      this.#directories.add(moved(known));
    }
  }

  #renameFile(from: string, to: string, content: Content): void {
    this.#files.delete(from);
    this.#files.set(to, content);
    const durable = this.#durable.get(from);
    this.#durable.delete(from);
    // A name is durable at once; of what it names, only what was synchronised.
    this.#durable.set(to, durable ?? { bytes: new Uint8Array(0), length: 0 });
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#before("syncDirectory", path);
    const inside = (known: string) => known.slice(0, known.lastIndexOf("/")) === path;
    for (const known of [...this.#durable.keys()]) {
      if (inside(known) && !this.#files.has(known)) this.#durable.delete(known);
    }
    for (const known of this.#files.keys()) {
      if (inside(known) && !this.#durable.has(known))
        this.#durable.set(known, { bytes: new Uint8Array(0), length: 0 });
    }
  }

  realPath(path: string): string {
    throw new Error(`${path} is in memory: no other program can open it`);
  }
}

function contentOf(bytes: Uint8Array, modifiedMs: number): Content {
  return { bytes, length: bytes.length, modifiedMs, changedFrom: Number.POSITIVE_INFINITY, changedTo: 0 };
}

function change(content: Content, from: number, to: number): void {
  content.changedFrom = Math.min(content.changedFrom, from);
  content.changedTo = Math.max(content.changedTo, to);
}

function reserve(content: Bytes, length: number): void {
  if (length <= content.bytes.length) return;
  const larger = new Uint8Array(Math.max(length, 2 * content.bytes.length, 64));
  larger.set(content.bytes.subarray(0, content.length));
  content.bytes = larger;
}

function missing(operation: string, path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${operation} '${path}'`), {
    code: "ENOENT",
  });
}
