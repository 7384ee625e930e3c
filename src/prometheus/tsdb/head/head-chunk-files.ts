/**
 * The chunks of the head that Prometheus keeps in files beside its log (`tsdb/docs/format/head_chunks.md`). We write
 * none: all that they hold is in the log too, unless the log is damaged. Then they are what is left of it.
 *
 * ```
 * magic 0130BC91 | version 1 | 3 bytes of padding, then chunks:
 * series ref u64 | min time u64 | max time u64 | encoding u8 (highest bit: late samples) | length uvarint | data | CRC-32C
 * ```
 */
import type { Disk } from "../../../base/disk.ts";
import type { Logger } from "../../../base/log.ts";
import { AppendError } from "../../storage.ts";
import { ByteReader, CorruptionError } from "../bytes/byte-reader.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { SeriesColumns } from "../chunks/chunk-decoder.ts";
import { type ChunkEncoding, isChunkEncoding } from "../chunks/chunk-encoding.ts";
import { DECODE_SLACK_BYTES } from "../chunks/xor-decoder.ts";
import type { Pacer } from "../pacer.ts";
import type { HeadAppender } from "./head-appender.ts";

export const HEAD_CHUNKS_DIRECTORY = "chunks_head";
const MAGIC = 0x0130bc91;
const VERSION = 1;
const HEADER_BYTES = 8;
const LATE = 0x80;
/** Before the data at least: reference, times, encoding, one byte of length. */
const MIN_CHUNK_BYTES = 26;

export interface HeadChunk {
  ref: number;
  minMs: number;
  maxMs: number;
  encoding: ChunkEncoding;
  isLate: boolean;
  data: Uint8Array;
}

/** The chunks of one file, up to the zeros that follow them. @throws CorruptionError */
export function* readHeadChunks(bytes: Uint8Array): Generator<HeadChunk> {
  const reader = new ByteReader(bytes);
  if (bytes.length === 0) return;
  if (reader.u32() !== MAGIC) throw new CorruptionError("invalid magic number");
  const version = reader.u8();
  if (version !== VERSION) throw new CorruptionError(`invalid chunk format version ${version}`);
  reader.skip(HEADER_BYTES - 5);
  while (reader.remaining >= MIN_CHUNK_BYTES) {
    const start = reader.position;
    const ref = reader.u64();
    const minMs = reader.i64();
    const maxMs = reader.i64();
    // The file was made longer than what has been written so far.
    if (ref === 0 && minMs === 0 && maxMs === 0) return;
    const flags = reader.u8();
    const data = reader.raw(reader.uvarint());
    const end = reader.position;
    if (reader.u32() !== crc32c(bytes, start, end)) throw new CorruptionError("checksum mismatch");
    const encoding = flags & ~LATE;
    if (!isChunkEncoding(encoding)) throw new CorruptionError(`unknown chunk encoding ${encoding}`);
    yield { ref, minMs, maxMs, encoding, isLate: (flags & LATE) !== 0, data };
  }
}

/** Samples are taken back in slices of this length, since the head takes none that is much older than its newest. */
const SLICE_MS = 10 * 60_000;

export interface RecoveryParts {
  /** The store's. */
  directory: string;
  disk: Disk;
  log: Logger;
  pacer: Pacer;
  appender: () => HeadAppender;
}

/**
 * Gives the head the samples that it lacks of the series that it knows; they are in the log then.
 *
 * @returns how many
 */
export async function recoverFromHeadChunks(parts: RecoveryParts): Promise<number> {
  const chunks = await chunksOf(parts);
  if (chunks.length === 0) return 0;
  const firstMs = chunks.reduce((least, { minMs }) => Math.min(least, minMs), Number.POSITIVE_INFINITY);
  const lastMs = chunks.reduce((most, { maxMs }) => Math.max(most, maxMs), firstMs);
  let taken = 0;
  for (let minMs = firstMs; minMs <= lastMs; minMs += SLICE_MS)
    taken += await takeSlice(chunks, minMs, minMs + SLICE_MS - 1, parts);
  parts.log.info("Samples taken from head chunks in place of the damaged WAL", { samples: taken });
  return taken;
}

/** Of all files; a damaged one ends where the damage begins. */
async function chunksOf({ directory, disk, log }: RecoveryParts): Promise<HeadChunk[]> {
  const chunks: HeadChunk[] = [];
  const folder = `${directory}/${HEAD_CHUNKS_DIRECTORY}`;
  for (const name of await disk.list(folder)) {
    if (!/^\d{6,}$/.test(name)) continue;
    try {
      for (const chunk of readHeadChunks(await disk.readFile(`${folder}/${name}`)))
        if (!chunk.isLate) chunks.push(chunk);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      log.warn("Damaged head chunks file, what lies before the damage is used", { file: name, err: error });
    }
  }
  return chunks;
}

async function takeSlice(
  chunks: HeadChunk[],
  minMs: number,
  maxMs: number,
  { appender, pacer }: RecoveryParts,
): Promise<number> {
  const batch = appender();
  const columns = new SeriesColumns();
  let taken = 0;
  for (const chunk of chunks) {
    if (chunk.minMs > maxMs || chunk.maxMs < minMs) continue;
    columns.clear();
    decode(chunk, minMs, maxMs, columns);
    taken += append(batch, chunk.ref, columns);
    if (pacer.isDue()) await pacer.pause();
  }
  await batch.commit();
  return taken;
}

function decode({ encoding, data }: HeadChunk, minMs: number, maxMs: number, columns: SeriesColumns): void {
  const padded = new Uint8Array(data.length + DECODE_SLACK_BYTES);
  padded.set(data);
  columns.addChunk(encoding, new DataView(padded.buffer), 0, data.length, minMs, maxMs);
}

/** What the head has already, or does not take, is passed over. */
function append(batch: HeadAppender, ref: number, { floats, histograms }: SeriesColumns): number {
  let taken = 0;
  const attempt = (add: () => boolean) => {
    try {
      if (add()) taken++;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
    }
  };
  const { timestamps, words, length } = floats;
  for (let i = 0; i < length; i++)
    attempt(() => batch.appendKnownBits(ref, timestamps[i], words[2 * i] | 0, words[2 * i + 1] | 0));
  for (const [i, timestampMs] of histograms.timestamps.entries())
    attempt(() => batch.appendKnownHistogram(ref, timestampMs, histograms.histograms[i]));
  return taken;
}
