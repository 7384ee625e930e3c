/** A file of log lines in JSON, as upstream writes them (`util/logging/file.go`). */
import type { Clock } from "../base/clock.ts";
import type { Disk, DiskFile } from "../base/disk.ts";

export class JsonLogFile {
  readonly #file: DiskFile;
  readonly #clock: Pick<Clock, "now">;

  private constructor(file: DiskFile, clock: Pick<Clock, "now">) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Goes on at the file's end. @throws when the file cannot be opened */
  static async open(path: string, disk: Disk, clock: Pick<Clock, "now">): Promise<JsonLogFile> {
    return new JsonLogFile(await disk.open(path, "append"), clock);
  }

  write(level: "INFO" | "ERROR", message: string, fields: Record<string, unknown>): void {
    const time = new Date(this.#clock.now()).toISOString();
    this.#file.appendNow(Buffer.from(`${JSON.stringify({ time, level, msg: message, ...fields })}\n`));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Files by path, each open while it is asked for. */
export class JsonLogFiles {
  readonly #disk: Disk;
  readonly #clock: Pick<Clock, "now">;
  #files = new Map<string, JsonLogFile>();

  constructor(disk: Disk, clock: Pick<Clock, "now">) {
    this.#disk = disk;
    this.#clock = clock;
  }

  get(path: string | undefined): JsonLogFile | undefined {
    return path === undefined ? undefined : this.#files.get(path);
  }

  /** Opens those that are new and closes those that are no longer asked for; empty paths are none. */
  async use(paths: Iterable<string | undefined>): Promise<void> {
    const next = new Map<string, JsonLogFile>();
    for (const path of paths) {
      if (!path || next.has(path)) continue;
      next.set(path, this.#files.get(path) ?? (await JsonLogFile.open(path, this.#disk, this.#clock)));
    }
    const previous = this.#files;
    this.#files = next;
    for (const [path, file] of previous) if (!next.has(path)) await file.close();
  }
}
