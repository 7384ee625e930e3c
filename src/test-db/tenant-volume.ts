/**
 * The pod's volume: which tenants' files it holds, the open databases among them, and the steps by which a file comes
 * and goes. Every step is one atomic rename or removal, so that a crash leaves the state before it or after it.
 *
 *     <data>/volume-id            who this volume is
 *     <data>/tenants/acme.3.db    see `tenant-file-name.ts`
 *     <data>/incoming/…           half-received copies; removed at the start
 *
 * Callers hold the tenant's lock; nothing here waits for one.
 */
import { createHash } from "node:crypto";
import type { Disk } from "../base/disk.ts";
import type { HttpBody } from "../base/network.ts";
import { type Random, randomHex } from "../base/random.ts";
import type { TenantDatabase, TenantEngine } from "./tenant-database.ts";
import { formatTenantFile, parseTenantFile, type TenantFile } from "./tenant-file-name.ts";

/** Databases that are open at a time; the one that was used longest ago is closed for the next. */
export const MAX_OPEN_DATABASES = 64;
/** Tenants on one volume; a request for one more is refused with 507. */
export const MAX_TENANTS = 100_000;
const READ_BYTES = 256 * 1024;

/** The volume has as many tenants as it may have. */
export class VolumeFullError extends Error {
  constructor(limit: number) {
    super(`the volume holds ${limit} tenants already`);
    this.name = "VolumeFullError";
  }
}

export interface TenantVolumeOptions {
  disk: Disk;
  random: Random;
  engine: TenantEngine;
  directory: string;
  /** @default `MAX_OPEN_DATABASES` */
  maxOpen?: number;
  /** @default `MAX_TENANTS` */
  maxTenants?: number;
}

/** A copy that has arrived whole and is not yet the tenant's. */
export interface Incoming {
  path: string;
  /** Hexadecimal SHA-256 of what arrived. */
  digest: string;
  bytes: number;
}

export class TenantVolume {
  readonly #options: TenantVolumeOptions;
  readonly #files = new Map<string, TenantFile>();
  /** In the order of their use, the longest ago first. */
  readonly #open = new Map<string, Promise<TenantDatabase>>();
  readonly #inUse = new Set<string>();
  #id = "";

  constructor(options: TenantVolumeOptions) {
    this.#options = options;
  }

  /** Reads what the volume holds, and removes what a crash left half done. */
  async load(): Promise<void> {
    const { disk, random, directory } = this.#options;
    await disk.makeDirectory(`${directory}/tenants`);
    await disk.remove(`${directory}/incoming`);
    await disk.makeDirectory(`${directory}/incoming`);
    const idPath = `${directory}/volume-id`;
    if ((await disk.stat(idPath)) === undefined) await disk.writeFile(idPath, `${randomHex(random, 8)}\n`);
    this.#id = new TextDecoder().decode(await disk.readFile(idPath)).trim();
    for (const name of await disk.list(`${directory}/tenants`)) {
      const file = parseTenantFile(name);
      if (file === undefined) {
        // A file that a crash caught before it had its name.
        if (name.endsWith(".tmp")) await disk.remove(`${directory}/tenants/${name}`);
        continue;
      }
      const other = this.#files.get(file.tenant);
      // The newer generation replaced the older one, whose removal did not happen any more.
      if (other !== undefined && other.generation >= file.generation) await this.#erase(file);
      else {
        if (other !== undefined) await this.#erase(other);
        this.#files.set(file.tenant, file);
      }
    }
  }

  /** Who this volume is, for as long as it exists. */
  get id(): string {
    return this.#id;
  }

  /** The tenant's file, when there is one. */
  file(tenant: string): Readonly<TenantFile> | undefined {
    return this.#files.get(tenant);
  }

  /** Every tenant with a file, handed-over ones included. */
  tenants(): string[] {
    return [...this.#files.keys()];
  }

  /** How many databases are open. */
  get openDatabases(): number {
    return this.#open.size;
  }

  /** Gives the tenant an empty file. @throws VolumeFullError */
  async create(tenant: string): Promise<void> {
    const limit = this.#options.maxTenants ?? MAX_TENANTS;
    if (this.#files.size >= limit) throw new VolumeFullError(limit);
    const file: TenantFile = { tenant, generation: 1, state: "held" };
    await this.#options.disk.writeFile(this.#path(file), this.#options.engine.empty());
    this.#files.set(tenant, file);
  }

  /** Runs `work` on the tenant's database, opening it when it is not; it must be held. */
  async use<T>(tenant: string, work: (database: TenantDatabase) => Promise<T>): Promise<T> {
    this.#inUse.add(tenant);
    try {
      return await work(await this.#database(tenant));
    } finally {
      this.#inUse.delete(tenant);
    }
  }

  #database(tenant: string): Promise<TenantDatabase> {
    let database = this.#open.get(tenant);
    if (database !== undefined) {
      this.#open.delete(tenant);
    } else {
      this.#closeOldest();
      database = this.#options.engine.open(this.#path(this.#files.get(tenant)!));
      database.catch(() => this.#open.delete(tenant));
    }
    this.#open.set(tenant, database);
    return database;
  }

  #closeOldest(): void {
    if (this.#open.size < (this.#options.maxOpen ?? MAX_OPEN_DATABASES)) return;
    for (const [tenant, database] of this.#open) {
      if (this.#inUse.has(tenant)) continue;
      this.#open.delete(tenant);
      // SQLite closes within the call; a tenant that is asked for again meanwhile opens after it.
      void database.then((open) => open.close()).catch(() => {});
      return;
    }
  }

  /** Folds the database into its file and lets go of it. */
  async settle(tenant: string): Promise<void> {
    const file = this.#files.get(tenant)!;
    const sides = this.#options.engine.sideFiles.map((side) => this.#path(file) + side);
    const stats = await Promise.all(sides.map((path) => this.#options.disk.stat(path)));
    // After a crash the log lies beside the file until somebody opens it.
    const leftovers = stats.some((stat) => stat !== undefined);
    if (leftovers || this.#open.has(tenant)) {
      const database = await this.#database(tenant);
      this.#open.delete(tenant);
      await database.close();
    }
  }

  /** From now on the tenant is not served here until `reclaim`: another pod may have it. */
  async markHandover(tenant: string): Promise<void> {
    await this.settle(tenant);
    await this.#rename(tenant, { state: "handover" });
  }

  /** Serves the tenant again: it is certain that no other pod has it. */
  async reclaim(tenant: string): Promise<void> {
    await this.#rename(tenant, { state: "held" });
  }

  async #rename(tenant: string, change: Partial<TenantFile>): Promise<void> {
    const file = this.#files.get(tenant)!;
    const changed = { ...file, ...change };
    await this.#options.disk.rename(this.#path(file), this.#path(changed));
    this.#files.set(tenant, changed);
  }

  /** The tenant is another pod's. */
  async remove(tenant: string): Promise<void> {
    const file = this.#files.get(tenant);
    if (file === undefined) return;
    await this.#erase(file);
    this.#files.delete(tenant);
  }

  async #erase(file: TenantFile): Promise<void> {
    const { disk, directory, engine } = this.#options;
    const path = this.#path(file);
    // The file first: its log without it would be taken for nothing, it without its log for all there is.
    for (const each of [path, ...engine.sideFiles.map((side) => path + side)]) await disk.remove(each);
    await disk.syncDirectory(`${directory}/tenants`);
  }

  /** The bytes of a file that was marked or settled, in pieces. */
  async *read(tenant: string): HttpBody {
    const handle = await this.#options.disk.open(this.#path(this.#files.get(tenant)!), "read");
    try {
      for (let position = 0; ; ) {
        const piece = await handle.read(position, READ_BYTES);
        if (piece.length === 0) return;
        position += piece.length;
        yield piece;
      }
    } finally {
      await handle.close();
    }
  }

  /** Length and digest of a file that was marked or settled. */
  async describe(tenant: string): Promise<{ bytes: number; digest: string }> {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of this.read(tenant)) {
      hash.update(piece);
      bytes += piece.length;
    }
    return { bytes, digest: hash.digest("hex") };
  }

  /** Takes a copy in, beside everything else, and makes it durable. */
  async receive(body: HttpBody): Promise<Incoming> {
    const { disk, random, directory } = this.#options;
    const path = `${directory}/incoming/${randomHex(random, 8)}`;
    const handle = await disk.open(path, "update");
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const piece of body) {
        await handle.write(bytes, piece);
        hash.update(piece);
        bytes += piece.length;
      }
      await handle.sync();
    } catch (error) {
      await handle.close();
      await disk.remove(path);
      throw error;
    }
    await handle.close();
    return { path, bytes, digest: hash.digest("hex") };
  }

  async discard(incoming: Incoming): Promise<void> {
    await this.#options.disk.remove(incoming.path);
  }

  /** Makes a received copy the tenant's file; an older one that was marked goes. */
  async install(incoming: Incoming, tenant: string, generation: number): Promise<void> {
    const old = this.#files.get(tenant);
    const file: TenantFile = { tenant, generation, state: "held" };
    await this.#options.disk.rename(incoming.path, this.#path(file));
    this.#files.set(tenant, file);
    if (old !== undefined) await this.#erase(old);
  }

  /** Closes every database. */
  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(open.map(async (database) => (await database).close()));
  }

  #path(file: TenantFile): string {
    return `${this.#options.directory}/tenants/${formatTenantFile(file)}`;
  }
}
