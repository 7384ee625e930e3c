/**
 * The store on disk: a snapshot and a log of the changes since, one JSON line each.
 *
 *   objects.snapshot   {"revision": N}            then lines {"c": collection, "k": key, "o": object}
 *   objects-N.log      lines {"c": collection, "k": key, "r": revision, "o": object}, "o" missing for a removal
 *
 * A change is written before it is answered, so it survives the end of this process at any moment; it reaches the
 * platter within `SYNC_INTERVAL_MS`, so a power cut loses that much at most. Versions go on above all that were given
 * out. A half-written last line is what a crash leaves: it was not answered and is cut off.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { type Disk, type DiskFile, isMissing } from "../../base/disk.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { ChangeLog, ObjectStore } from "./object-store.ts";

export const SYNC_INTERVAL_MS = 1_000;
/** The log is folded into a new snapshot when it has grown to this, and to twice the snapshot. */
export const COMPACT_BYTES = 16 * 1024 * 1024;
/** Versions that may have been given out and lost in a power cut. */
const REVISION_GAP = 100_000;

/** Ends a line that could not be written to its end; such a line does not count. */
const TORN_END = "\u0000\n";

interface LogLine {
  c: string;
  k: string;
  r: number;
  o?: KubernetesObject;
}

export interface RestoredObject {
  collection: string;
  key: string;
  object: KubernetesObject;
}

const SNAPSHOT = "objects.snapshot";
const LOG_NAME = /^objects-(\d+)\.log$/;

/** Opens what an earlier run left, and takes the changes from now on. */
export class ObjectLog implements ChangeLog {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #directory: string;
  #file: DiskFile;
  #generation: number;
  #bytes = 0;
  #snapshotBytes = 0;
  #isDirty = false;
  #isTorn = false;
  #report: (error: unknown) => void = () => {};
  #timer: Timer | undefined;
  #working: Promise<void> = Promise.resolve();
  #store: ObjectStore | undefined;

  private constructor(disk: Disk, clock: Clock, directory: string, file: DiskFile, generation: number) {
    this.#disk = disk;
    this.#clock = clock;
    this.#directory = directory;
    this.#file = file;
    this.#generation = generation;
  }

  /**
   * @param report told when changes could not be made durable for now
   * @returns the log, the objects to restore and the version to go on from.
   */
  static async open(
    disk: Disk,
    clock: Clock,
    directory: string,
    report: (error: unknown) => void = () => {},
  ) {
    await disk.makeDirectory(directory, { mode: 0o700 });
    const objects = new Map<string, RestoredObject>();
    const { revision: atSnapshot, bytes, generation: first } = await readSnapshot(disk, directory, objects);
    const generations = (await disk.list(directory))
      .flatMap((name) => LOG_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    let [revision, logBytes] = [atSnapshot, 0];
    for (const generation of generations) {
      if (generation < first) await disk.remove(`${directory}/objects-${generation}.log`);
      else {
        const replayed = await replay(disk, `${directory}/objects-${generation}.log`, objects);
        revision = Math.max(revision, replayed.revision);
        logBytes += replayed.bytes;
      }
    }
    const generation = Math.max(first, ...generations) + 1;
    const file = await disk.open(`${directory}/objects-${generation}.log`, "append");
    await disk.syncDirectory(directory);
    const log = new ObjectLog(disk, clock, directory, file, generation);
    log.#snapshotBytes = bytes;
    log.#bytes = logBytes;
    log.#report = report;
    const firstRevision = Math.max(revision === 0 ? 0 : revision + REVISION_GAP, Math.floor(clock.now()));
    return { log, objects: [...objects.values()], firstRevision };
  }

  /** The store whose content snapshots are made of. */
  attach(store: ObjectStore): void {
    this.#store = store;
  }

  append(collection: string, key: string, revision: number, object: KubernetesObject | undefined): void {
    const line: LogLine = { c: collection, k: key, r: revision, ...(object && { o: object }) };
    const bytes = Buffer.from(`${this.#isTorn ? TORN_END : ""}${JSON.stringify(line)}\n`);
    try {
      this.#file.appendNow(bytes);
    } catch (error) {
      // Part of the line may be there (the disk is full): the next one ends it as void.
      this.#isTorn = true;
      throw error;
    }
    this.#isTorn = false;
    this.#bytes += bytes.length;
    this.#isDirty = true;
    this.#timer ??= this.#clock.after(SYNC_INTERVAL_MS, () => this.#onTimer());
  }

  /** Makes everything durable and lets go of the files. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#working;
    await this.#file.sync();
    await this.#file.close();
  }

  #onTimer(): void {
    this.#timer = undefined;
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const isLong = this.#bytes > COMPACT_BYTES && this.#bytes > 2 * this.#snapshotBytes;
    const work = isLong ? () => this.#compact() : () => this.#file.sync();
    this.#working = this.#working.then(work).catch((error) => {
      // Tried again with the next change.
      this.#isDirty = true;
      this.#report(error);
    });
  }

  /** Changes go to a new log first; the old ones are removed when the snapshot that holds them is durable. */
  async #compact(): Promise<void> {
    const store = this.#store;
    await this.#file.sync();
    if (store === undefined) return;
    const generation = this.#generation + 1;
    const next = await this.#disk.open(`${this.#directory}/objects-${generation}.log`, "append");
    await this.#disk.syncDirectory(this.#directory);
    const previous = this.#file;
    // From here to the next await nothing else runs: the snapshot is what the old logs come to.
    this.#file = next;
    this.#generation = generation;
    this.#bytes = 0;
    const content = snapshotOf(store, generation);
    await this.#disk.writeFile(`${this.#directory}/${SNAPSHOT}`, content, { mode: 0o600 });
    await previous.close();
    for (const name of await this.#disk.list(this.#directory)) {
      const match = LOG_NAME.exec(name);
      if (match !== null && Number(match[1]) < generation)
        await this.#disk.remove(`${this.#directory}/${name}`);
    }
    this.#snapshotBytes = content.length;
  }
}

function snapshotOf(store: ObjectStore, generation: number): Uint8Array {
  const lines = [JSON.stringify({ revision: store.revision, generation })];
  for (const collection of store.collections) {
    for (const object of store.scan(collection)) {
      const { namespace, name } = object.metadata;
      const key = namespace === undefined ? name : `${namespace}/${name}`;
      lines.push(JSON.stringify({ c: collection, k: key, o: object }));
    }
  }
  return Buffer.from(`${lines.join("\n")}\n`);
}

type Objects = Map<string, RestoredObject>;

async function readSnapshot(disk: Disk, directory: string, objects: Objects) {
  let bytes: Uint8Array;
  try {
    bytes = await disk.readFile(`${directory}/${SNAPSHOT}`);
  } catch (error) {
    if (isMissing(error)) return { revision: 0, bytes: 0, generation: 0 };
    throw error;
  }
  const [head, ...lines] = textLines(bytes);
  const { revision, generation } = JSON.parse(head) as { revision: number; generation: number };
  for (const line of lines) applyLine(objects, JSON.parse(line) as LogLine);
  return { revision, bytes: bytes.length, generation };
}

/** Applies a log and returns its last version and size. */
async function replay(
  disk: Disk,
  path: string,
  objects: Objects,
): Promise<{ revision: number; bytes: number }> {
  let revision = 0;
  const content = await disk.readFile(path);
  const lines = textLines(content);
  for (const [index, text] of lines.entries()) {
    if (text.endsWith("\u0000")) continue;
    let line: LogLine;
    try {
      line = JSON.parse(text) as LogLine;
    } catch (error) {
      if (index === lines.length - 1) break;
      throw new Error(`${path}:${index + 1}: ${(error as Error).message}`);
    }
    applyLine(objects, line);
    revision = line.r;
  }
  return { revision, bytes: content.length };
}

function applyLine(objects: Objects, { c: collection, k: key, o: object }: LogLine): void {
  const id = `${collection}\n${key}`;
  if (object === undefined) objects.delete(id);
  else objects.set(id, { collection, key, object });
}

function textLines(bytes: Uint8Array): string[] {
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line !== "");
}
