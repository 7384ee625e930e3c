/**
 * A container's log in the CRI format, one line each:
 *
 *     2026-01-01T00:00:00.000000000Z stdout F text
 *
 * F marks a whole line, P a part of a longer one. The program appends to a raw file of its own, so that it goes on when
 * the control plane dies; from there lines are copied, with the time at which they were seen, into `<n>.log`, which is
 * rotated as the kubelet does (10 MiB, 5 files; upstream compresses the old ones). Both of the program's streams go to
 * one file to keep their order, so all lines say `stdout`.
 *
 * The raw file is emptied when all of it has been copied. A line that is written between the last look at its size and
 * the truncation, some microseconds once in a MiB, would be lost.
 */
import type { Clock } from "../../base/clock.ts";
import type { Disk, DiskFile } from "../../base/disk.ts";

/** containerLogMaxSize. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** containerLogMaxFiles. */
export const MAX_LOG_FILES = 5;
/** The raw file is emptied past this size. */
const RAW_LIMIT_BYTES = 1024 * 1024;
/** containerd splits longer lines. */
export const MAX_LINE_BYTES = 16 * 1024;
const CHUNK_BYTES = 256 * 1024;

export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  time: string;
  timeMs: number;
  text: Uint8Array;
  /** A part of a longer line follows. */
  partial: boolean;
}

export class ContainerLog {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #followers = new Set<(lines: LogLine[]) => void>();
  #raw: DiskFile | undefined;
  #log: DiskFile | undefined;
  #offsets: DiskFile | undefined;
  #offset = 0;
  #rest: Uint8Array = new Uint8Array();
  #logBytes = 0;
  #pumping: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();

  /** @param path without extension: `.raw`, `.log`, `.log.1` …, `.offset` are added */
  constructor(disk: Disk, clock: Clock, path: string) {
    this.#disk = disk;
    this.#clock = clock;
    this.#path = path;
  }

  /** Resolves when the program has ended and its last line has been told. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get rawPath(): string {
    return `${this.#path}.raw`;
  }

  /** Goes on where the last control plane stopped. */
  async open(): Promise<void> {
    this.#raw = await this.#disk.open(this.rawPath, "update");
    this.#log = await this.#disk.open(`${this.#path}.log`, "append");
    this.#offsets = await this.#disk.open(`${this.#path}.offset`, "update");
    this.#logBytes = await this.#log.size();
    const noted = Number(new TextDecoder().decode(await this.#offsets.read(0, 20)));
    this.#offset = noted <= (await this.#raw.size()) ? noted : 0;
  }

  /** Copies what is new. @param final also a last line that has no end yet */
  async pump(final = false): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping;
    this.#pumping = this.#copy(final);
    try {
      await this.#pumping;
    } finally {
      this.#pumping = undefined;
    }
  }

  async close(): Promise<void> {
    await this.pump(true).catch(() => {});
    const files = [this.#raw, this.#log, this.#offsets];
    this.#raw = this.#log = this.#offsets = undefined;
    for (const file of files) await file?.close();
    this.#closed.resolve();
  }

  /** Calls back with every line from now on. */
  follow(onLines: (lines: LogLine[]) => void): () => void {
    this.#followers.add(onLines);
    return () => this.#followers.delete(onLines);
  }

  /** The lines that there are, oldest first. */
  read(): AsyncGenerator<LogLine> {
    return readLog(this.#disk, this.#path);
  }

  async #copy(final: boolean): Promise<void> {
    const raw = this.#raw;
    if (raw === undefined) return;
    let chunk: Uint8Array;
    do {
      chunk = await raw.read(this.#offset, CHUNK_BYTES);
      if (chunk.length > 0 || (final && this.#rest.length > 0)) await this.#take(chunk, final);
    } while (chunk.length === CHUNK_BYTES);
    if (this.#offset >= RAW_LIMIT_BYTES && (await raw.size()) === this.#offset) {
      await raw.truncate(0);
      this.#offset = 0;
      await this.#noteOffset();
    }
  }

  async #take(chunk: Uint8Array, final: boolean): Promise<void> {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const timeMs = this.#clock.now();
    const time = new Date(timeMs).toISOString().replace("Z", "000000Z");
    const { lines, rest } = splitLines(data, final);
    this.#rest = rest;
    const taken = lines.map((line): LogLine => ({ time, timeMs, ...line }));
    if (taken.length > 0) {
      const bytes = Buffer.concat(taken.map(formatLine));
      this.#log!.appendNow(bytes);
      this.#logBytes += bytes.length;
      for (const follower of this.#followers) follower(taken);
    }
    this.#offset += chunk.length;
    await this.#noteOffset();
    if (this.#logBytes >= MAX_LOG_BYTES) await this.#rotate();
  }

  /** Of what is copied: the start of a line that has no end yet is read again. */
  async #noteOffset(): Promise<void> {
    const text = String(this.#offset - this.#rest.length).padEnd(20);
    await this.#offsets!.write(0, new TextEncoder().encode(text));
  }

  async #rotate(): Promise<void> {
    await this.#log!.close();
    for (let index = MAX_LOG_FILES - 2; index >= 0; index--) {
      const from = index === 0 ? `${this.#path}.log` : `${this.#path}.log.${index}`;
      if (await this.#disk.stat(from)) await this.#disk.rename(from, `${this.#path}.log.${index + 1}`);
    }
    this.#log = await this.#disk.open(`${this.#path}.log`, "append");
    this.#logBytes = 0;
  }
}

function splitLines(
  data: Uint8Array,
  final: boolean,
): { lines: { text: Uint8Array; partial: boolean }[]; rest: Uint8Array } {
  const lines: { text: Uint8Array; partial: boolean }[] = [];
  let start = 0;
  for (;;) {
    const newline = data.indexOf(10, start);
    const end = newline === -1 ? data.length : newline;
    while (end - start > MAX_LINE_BYTES) {
      lines.push({ text: data.subarray(start, start + MAX_LINE_BYTES), partial: true });
      start += MAX_LINE_BYTES;
    }
    if (newline === -1) break;
    lines.push({ text: data.subarray(start, end), partial: false });
    start = newline + 1;
  }
  // A copy, since the chunk is large and the rest small.
  const rest = data.slice(start);
  if (!final || rest.length === 0) return { lines, rest };
  return { lines: [...lines, { text: rest, partial: true }], rest: new Uint8Array() };
}

function formatLine(line: LogLine): Uint8Array {
  return Buffer.concat([Buffer.from(`${line.time} stdout ${line.partial ? "P" : "F"} `), line.text, NEWLINE]);
}

const NEWLINE = Buffer.from("\n");

/** Reads a log and what was rotated out of it, oldest first. @param path as of `ContainerLog` */
export async function* readLog(disk: Disk, path: string): AsyncGenerator<LogLine> {
  for (let index = MAX_LOG_FILES - 1; index >= 0; index--) {
    const file = await disk
      .readFile(index === 0 ? `${path}.log` : `${path}.log.${index}`)
      .catch(() => undefined);
    if (file !== undefined) yield* parseLog(file);
  }
}

/** The lines of a CRI log; malformed ones, as a crash may leave at the end, are passed over. */
export function* parseLog(data: Uint8Array): Generator<LogLine> {
  let start = 0;
  while (start < data.length) {
    const newline = data.indexOf(10, start);
    const end = newline === -1 ? data.length : newline;
    const timeEnd = data.indexOf(32, start);
    const streamEnd = timeEnd === -1 ? -1 : data.indexOf(32, timeEnd + 1);
    if (streamEnd !== -1 && streamEnd + 3 <= end + 0 && data[streamEnd + 2] === 32) {
      const time = Buffer.from(data.buffer, data.byteOffset + start, timeEnd - start).toString("latin1");
      yield {
        time,
        timeMs: Date.parse(time),
        text: data.subarray(streamEnd + 3, end),
        partial: data[streamEnd + 1] === 80,
      };
    }
    start = end + 1;
  }
}
