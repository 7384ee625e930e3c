/**
 * The file system as an argument. Paths are absolute or relative to the process; `/` separates.
 *
 * Durability contract: `sync` of a file makes its content durable, `writeFile` and `rename` are atomic and durable
 * when they resolve, `append`ed bytes are durable after the next `sync`.
 */
import { randomUUID } from "node:crypto";
import { fsyncSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { lockFile } from "./file-lock.ts";

export interface FileStat {
  size: number;
  modifiedMs: number;
  isDirectory: boolean;
}

export interface DiskFile {
  /** Reads up to `length` bytes at `position`; fewer at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Writes all of `data` at `position`. */
  write(position: number, data: Uint8Array): Promise<void>;
  /** Writes at the end without leaving the caller's turn of the event loop: for logs whose order matters. */
  appendNow(data: Uint8Array): void;
  truncate(size: number): Promise<void>;
  /** Resolves when everything written is durable. */
  sync(): Promise<void>;
  /** `sync` without leaving the caller's turn. Blocks: for worker threads. */
  syncNow(): void;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** `read`: must exist. `append`: created if missing, writes go to the end. `update`: created if missing, read and write. */
export type OpenMode = "read" | "append" | "update";

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  readFile(path: string): Promise<Uint8Array>;
  /** Replaces the file atomically: a reader, also after a crash, sees the old content or the new. */
  writeFile(path: string, data: Uint8Array | string, options?: { mode?: number }): Promise<void>;
  /** Names in a directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  stat(path: string): Promise<FileStat | undefined>;
  /** Makes the directory and its parents. */
  makeDirectory(path: string, options?: { mode?: number }): Promise<void>;
  /** Removes a file or a whole directory; nothing happens when it does not exist. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes `path` stand for `target`, which is relative to its folder. Missing where there are no symbolic links. */
  symbolicLink?(target: string, path: string): Promise<void>;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Where a path of this disk lies on the machine, for libraries that open files themselves (SQLite).
   * The same path, unless mounts lie between.
   */
  realPath(path: string): string;
  /**
   * Makes the file `path` the sign that this process owns what lies beside it. Missing where only one process can.
   *
   * @returns what gives it up
   * @throws when another living process has it
   */
  lock?(path: string): Promise<() => Promise<void>>;
}

export const systemDisk: Disk = {
  async open(path, mode) {
    const flags = { read: "r", append: "a+", update: "r+" }[mode];
    try {
      return new SystemFile(await fs.open(path, flags));
    } catch (error) {
      if (mode !== "update" || !isMissing(error)) throw error;
      return new SystemFile(await fs.open(path, "w+"));
    }
  },
  async readFile(path) {
    return new Uint8Array(await fs.readFile(path));
  },
  async writeFile(path, data, options = {}) {
    const temporary = `${path}.${randomUUID()}.tmp`;
    const handle = await fs.open(temporary, "w", options.mode ?? 0o666);
    try {
      // The process's mask is for files that nobody gave a mode.
      if (options.mode !== undefined) await handle.chmod(options.mode);
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await systemDisk.rename(temporary, path);
  },
  async list(path) {
    try {
      return (await fs.readdir(path)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  async stat(path) {
    try {
      const stat = await fs.stat(path);
      return { size: stat.size, modifiedMs: stat.mtimeMs, isDirectory: stat.isDirectory() };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async makeDirectory(path, options = {}) {
    await fs.mkdir(path, { recursive: true, mode: options.mode });
  },
  async remove(path) {
    await fs.rm(path, { recursive: true, force: true });
  },
  async rename(from, to) {
    await fs.rename(from, to);
    await systemDisk.syncDirectory(dirname(to));
  },
  async symbolicLink(target, path) {
    await fs.symlink(target, path);
  },
  async syncDirectory(path) {
    const handle = await fs.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  realPath: (path) => path,
  lock: lockFile,
};

/** Whether an error says that a file or directory does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}

class SystemFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }

  async write(position: number, data: Uint8Array): Promise<void> {
    let written = 0;
    while (written < data.length) {
      const part = await this.#handle.write(data, written, data.length - written, position + written);
      written += part.bytesWritten;
    }
  }

  appendNow(data: Uint8Array): void {
    let written = 0;
    while (written < data.length) written += writeSync(this.#handle.fd, data, written);
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size);
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  syncNow(): void {
    fsyncSync(this.#handle.fd);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
