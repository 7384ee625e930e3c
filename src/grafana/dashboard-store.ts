/**
 * Dashboards: those of provisioned folders, read again when their files change, and those that users save, which live
 * in the data folder.
 */
import type { Disk } from "../base/disk.ts";
import type { Logger } from "../base/log.ts";
import { readProvisioning } from "./data-sources.ts";

export interface StoredDashboard {
  uid: string;
  title: string;
  tags: string[];
  /** "" for the general folder. */
  folder: string;
  provisioned: boolean;
  /** The file it came from. */
  file: string;
  /** Dashboard JSON, classic model. */
  json: Record<string, unknown>;
}

export const MAX_DASHBOARDS = 1000;
/** What one dashboard's JSON may measure: 8 MiB. */
export const MAX_DASHBOARD_BYTES = 8 * 1024 * 1024;

interface Provider {
  folder: string;
  path: string;
  foldersFromFiles: boolean;
}

interface CachedFile {
  modifiedMs: number;
  dashboard: StoredDashboard | undefined;
}

export class DashboardStore {
  readonly #disk: Disk;
  readonly #log: Logger;
  readonly #savedPath: string;
  readonly #providers: Provider[];
  readonly #files = new Map<string, CachedFile>();

  private constructor(disk: Disk, log: Logger, savedPath: string, providers: Provider[]) {
    this.#disk = disk;
    this.#log = log;
    this.#savedPath = savedPath;
    this.#providers = providers;
  }

  /** @throws an error that names the provisioning file that is wrong */
  static async open(
    disk: Disk,
    log: Logger,
    paths: { provisioningPath: string; dataPath: string },
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<DashboardStore> {
    const providers: Provider[] = [];
    for (const [file, content] of await readProvisioning(disk, `${paths.provisioningPath}/dashboards`, env)) {
      const entries = (content as { providers?: unknown }).providers ?? [];
      if (!Array.isArray(entries)) throw new Error(`${file}: providers: expected a list`);
      for (const entry of entries) providers.push(providerOf(entry, file));
    }
    return new DashboardStore(disk, log, `${paths.dataPath}/dashboards`, providers);
  }

  /** All dashboards, by title. Of two with one uid the first counts. */
  async list(): Promise<StoredDashboard[]> {
    const byUid = new Map<string, StoredDashboard>();
    const sources = [
      ...this.#providers.map((provider) => ({ ...provider, provisioned: true })),
      { path: this.#savedPath, folder: "", foldersFromFiles: false, provisioned: false },
    ];
    for (const source of sources) {
      for (const [file, folder] of await this.#jsonFiles(source.path, source)) {
        const dashboard = await this.#read(file, folder, source.provisioned);
        if (dashboard === undefined || byUid.has(dashboard.uid)) continue;
        if (byUid.size >= MAX_DASHBOARDS) break;
        byUid.set(dashboard.uid, dashboard);
      }
    }
    return [...byUid.values()].sort((a, b) => a.title.localeCompare(b.title));
  }

  async find(uid: string): Promise<StoredDashboard | undefined> {
    return (await this.list()).find((dashboard) => dashboard.uid === uid);
  }

  /** Stores a user's dashboard durably. */
  async save(uid: string, json: Record<string, unknown>): Promise<void> {
    await this.#disk.makeDirectory(this.#savedPath);
    await this.#disk.writeFile(this.#fileOf(uid), JSON.stringify(json));
    this.#files.delete(this.#fileOf(uid));
  }

  async remove(uid: string): Promise<void> {
    await this.#disk.remove(this.#fileOf(uid));
    this.#files.delete(this.#fileOf(uid));
  }

  #fileOf(uid: string): string {
    return `${this.#savedPath}/${uid}.json`;
  }

  /** The folder's JSON files and those of its folders, one level deep, each with the name of its folder. */
  async #jsonFiles(path: string, provider: Provider): Promise<[file: string, folder: string][]> {
    const files: [string, string][] = [];
    for (const name of await this.#disk.list(path)) {
      // A mounted ConfigMap has its content a second time, below names that start with two dots.
      if (name.startsWith("..")) continue;
      const file = `${path}/${name}`;
      if (name.endsWith(".json")) files.push([file, provider.folder]);
      else if ((await this.#disk.stat(file))?.isDirectory) {
        const folder = provider.foldersFromFiles ? name : provider.folder;
        for (const inner of await this.#disk.list(file)) {
          if (inner.endsWith(".json")) files.push([`${file}/${inner}`, folder]);
        }
      }
    }
    return files;
  }

  async #read(file: string, folder: string, provisioned: boolean): Promise<StoredDashboard | undefined> {
    const stat = await this.#disk.stat(file);
    if (stat === undefined) return undefined;
    const cached = this.#files.get(file);
    if (cached?.modifiedMs === stat.modifiedMs) return cached.dashboard;
    let dashboard: StoredDashboard | undefined;
    try {
      if (stat.size > MAX_DASHBOARD_BYTES) throw new Error(`larger than ${MAX_DASHBOARD_BYTES} bytes`);
      const json: unknown = JSON.parse(new TextDecoder().decode(await this.#disk.readFile(file)));
      dashboard = dashboardOf(json, file, folder, provisioned);
    } catch (error) {
      this.#log.error("failed to load dashboard", { file, error });
    }
    this.#files.set(file, { modifiedMs: stat.modifiedMs, dashboard });
    return dashboard;
  }
}

function providerOf(entry: unknown, file: string): Provider {
  const fields = (entry ?? {}) as {
    folder?: unknown;
    type?: unknown;
    options?: { path?: unknown; foldersFromFilesStructure?: unknown };
  };
  if ((fields.type ?? "file") !== "file")
    throw new Error(`${file}: provider type ${fields.type} is not supported`);
  const path = fields.options?.path;
  if (typeof path !== "string") throw new Error(`${file}: providers: options.path is missing`);
  return {
    folder: typeof fields.folder === "string" ? fields.folder : "",
    path: path.replace(/\/$/, ""),
    foldersFromFiles: fields.options?.foldersFromFilesStructure === true,
  };
}

/** @throws an error that says why the JSON is no dashboard */
export function dashboardOf(
  json: unknown,
  file: string,
  folder: string,
  provisioned: boolean,
): StoredDashboard {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("expected an object");
  const fields = unwrapped(json as Record<string, unknown>);
  const title = fields["title"];
  if (typeof title !== "string" || title === "") throw new Error("Dashboard title cannot be empty");
  const uid = fields["uid"];
  const tags = fields["tags"];
  return {
    uid: typeof uid === "string" && /^[a-zA-Z0-9_-]{1,40}$/.test(uid) ? uid : slugOf(title).slice(0, 40),
    title,
    tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [],
    folder,
    provisioned,
    file,
    json: fields,
  };
}

/**
 * Exports for sharing wrap the dashboard, resources (`dashboard.grafana.app`) have it as their spec: classic below v2, with
 * elements and a layout from v2 on.
 */
function unwrapped(json: Record<string, unknown>): Record<string, unknown> {
  const { dashboard, spec, metadata, apiVersion } = json;
  if (typeof dashboard === "object" && dashboard !== null) return dashboard as Record<string, unknown>;
  const isResource = typeof apiVersion === "string" && apiVersion.startsWith("dashboard.grafana.app/");
  if (!isResource || typeof spec !== "object" || spec === null) return json;
  const name = (metadata as { name?: unknown } | undefined)?.name;
  return typeof name === "string" ? { ...spec, uid: name } : { ...spec };
}

/** `Active tenants: by tier` → `active-tenants-by-tier` */
export function slugOf(title: string): string {
  return (
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "dashboard"
  );
}
