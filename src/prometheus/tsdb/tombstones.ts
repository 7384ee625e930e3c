/**
 * What was deleted and is still there (`tsdb/tombstones/tombstones.go`): time intervals by series.
 *
 * ```
 * magic 0130BA30 <4b> │ version 1 <1b> │ { series <uvarint> │ min <varint> │ max <varint> } … │ CRC <4b>
 * ```
 * The checksum covers the entries only.
 */
import { type Disk, isMissing } from "../../base/disk.ts";
import { TOMBSTONES_FILE, TOMBSTONES_MAGIC, TOMBSTONES_VERSION } from "./bytes/block-format.ts";
import { ByteReader, CorruptionError } from "./bytes/byte-reader.ts";
import { ByteWriter } from "./bytes/byte-writer.ts";
import { crc32c } from "./bytes/crc32c.ts";
import type { SampleColumns } from "./chunks/sample-columns.ts";

/** Inclusive at both ends. */
export interface Interval {
  minMs: number;
  maxMs: number;
}

/** Intervals by series number, sorted and apart. */
export class Tombstones {
  readonly #intervals = new Map<number, Interval[]>();

  get size(): number {
    return this.#intervals.size;
  }

  get(series: number): Interval[] | undefined {
    return this.#intervals.get(series);
  }

  entries(): IterableIterator<[number, Interval[]]> {
    return this.#intervals.entries();
  }

  /** The number of intervals. */
  get count(): number {
    return this.#intervals.values().reduce((sum, list) => sum + list.length, 0);
  }

  /** Intervals that touch become one. */
  add(series: number, added: Interval): void {
    let { minMs, maxMs } = added;
    const apart: Interval[] = [];
    for (const interval of this.#intervals.get(series) ?? []) {
      if (interval.maxMs + 1 < minMs || interval.minMs - 1 > maxMs) {
        apart.push(interval);
      } else {
        minMs = Math.min(minMs, interval.minMs);
        maxMs = Math.max(maxMs, interval.maxMs);
      }
    }
    apart.push({ minMs, maxMs });
    this.#intervals.set(
      series,
      apart.sort((a, b) => a.minMs - b.minMs),
    );
  }

  /** Forgets what lies before `minMs`. */
  truncate(minMs: number): void {
    for (const [series, intervals] of this.#intervals) {
      const kept = intervals.filter((interval) => interval.maxMs >= minMs);
      if (kept.length === 0) this.#intervals.delete(series);
      else this.#intervals.set(series, kept);
    }
  }

  /** Gives series other numbers; those for which `numberOf` answers undefined are forgotten. */
  renumber(numberOf: (series: number) => number | undefined): void {
    const old = [...this.#intervals];
    this.#intervals.clear();
    for (const [series, intervals] of old) {
      const number = numberOf(series);
      if (number !== undefined) this.#intervals.set(number, intervals);
    }
  }
}

/** Whether any interval holds the time. */
export function isDeleted(intervals: Interval[], timestampMs: number): boolean {
  return intervals.some(({ minMs, maxMs }) => timestampMs >= minMs && timestampMs <= maxMs);
}

/** Whether any interval has a time from `minMs` to `maxMs`. */
export function isDeletedIn(intervals: Interval[] | undefined, minMs: number, maxMs: number): boolean {
  return intervals?.some((interval) => interval.minMs <= maxMs && interval.maxMs >= minMs) ?? false;
}

/** Removes the deleted ones of the samples from `from` on. */
export function dropDeleted(columns: SampleColumns, from: number, intervals: Interval[]): void {
  const { timestamps, words } = columns;
  let kept = from;
  for (let i = from; i < columns.length; i++) {
    if (isDeleted(intervals, timestamps[i])) continue;
    timestamps[kept] = timestamps[i];
    words[2 * kept] = words[2 * i];
    words[2 * kept + 1] = words[2 * i + 1];
    kept++;
  }
  columns.length = kept;
}

/** Empty when the file is missing. @throws CorruptionError */
export async function readTombstoneFile(disk: Disk, directory: string): Promise<Tombstones> {
  let data: Uint8Array;
  try {
    data = await disk.readFile(`${directory}/${TOMBSTONES_FILE}`);
  } catch (error) {
    if (isMissing(error)) return new Tombstones();
    throw error;
  }
  return decodeTombstones(data);
}

export async function writeTombstoneFile(
  disk: Disk,
  directory: string,
  tombstones: Tombstones,
): Promise<void> {
  await disk.writeFile(`${directory}/${TOMBSTONES_FILE}`, encodeTombstones(tombstones));
}

export function encodeTombstones(tombstones: Tombstones): Uint8Array {
  const out = new ByteWriter();
  out.u32(TOMBSTONES_MAGIC);
  out.u8(TOMBSTONES_VERSION);
  const start = out.length;
  for (const [series, intervals] of [...tombstones.entries()].sort(([a], [b]) => a - b)) {
    for (const { minMs, maxMs } of intervals) {
      out.uvarint(series);
      out.varint(minMs);
      out.varint(maxMs);
    }
  }
  out.u32(crc32c(out.bytes, start, out.length));
  return out.written().slice();
}

/** @throws CorruptionError */
export function decodeTombstones(data: Uint8Array): Tombstones {
  const tombstones = new Tombstones();
  if (data.length < 9) throw new CorruptionError("tombstones header: invalid size");
  const reader = new ByteReader(data, 0, data.length - 4);
  const magic = reader.u32();
  if (magic !== TOMBSTONES_MAGIC) throw new CorruptionError(`invalid magic number ${magic.toString(16)}`);
  const version = reader.u8();
  if (version !== TOMBSTONES_VERSION)
    throw new CorruptionError(`invalid tombstone format ${version.toString(16)}`);
  if (crc32c(data, reader.position, reader.end) !== reader.view.getUint32(reader.end)) {
    throw new CorruptionError("checksum did not match");
  }
  while (reader.remaining > 0) {
    tombstones.add(reader.uvarint(), { minMs: reader.varint(), maxMs: reader.varint() });
  }
  return tombstones;
}
