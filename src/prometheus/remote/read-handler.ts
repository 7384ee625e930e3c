/** Remote read: another Prometheus reads this one's store (`storage/remote/read_handler.go`). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { BodyLimitError, type HttpRequest, type HttpResponse, readBody } from "../../base/network.ts";
import { compareStrings, Labels } from "../../model/labels.ts";
import { ProtobufError } from "../../wire/protobuf/reader.ts";
import {
  decodeReadRequest,
  type ReadQuery,
  type ReadRequest,
  SAMPLES,
  STREAMED_XOR_CHUNKS,
} from "../../wire/remote-read/read-request.ts";
import {
  encodeChunkedReadResponse,
  encodeReadResponse,
  type ReadChunk,
} from "../../wire/remote-read/read-response.ts";
import type { WriteSeries } from "../../wire/remote-write/write-request.ts";
import { SnappyError, snappyCompress, snappyDecompress } from "../../wire/snappy.ts";
import { createMatcher, type Matcher } from "../matcher.ts";
import { RegexError } from "../regex/syntax.ts";
import {
  isStaleMarker,
  type Queryable,
  type SelectHints,
  type SeriesSamples,
  type TimeRange,
} from "../storage.ts";
import { SeriesColumns } from "../tsdb/chunks/chunk-decoder.ts";
import { encodeColumns } from "../tsdb/chunks/chunk-encoder.ts";
import { Pacer } from "../tsdb/pacer.ts";
import { encodeFrame } from "./chunked-stream.ts";
import { hasIntegerCounts } from "./forwarding-appender.ts";
import { selectInPages } from "./read-pages.ts";

/** A request's body, compressed and not, may measure so much (upstream's `decodeReadLimit`). */
export const MAX_READ_REQUEST_BYTES = 32 * 1024 * 1024;

export interface ReadHandlerOptions {
  queryable: Queryable;
  clock: Pick<Clock, "monotonic" | "sleep">;
  log: Logger;
  externalLabels: () => Record<string, string>;
  /** Samples in one answer that is not streamed; 0: no limit. */
  maxSamples: number;
  /** Requests at work at a time: the others wait. */
  maxConcurrent: number;
  /** A streamed message is sent when its chunks measure so much. */
  maxFrameBytes: number;
}

class ReadError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function createReadHandler(
  options: ReadHandlerOptions,
): ((request: HttpRequest) => Promise<HttpResponse>) & { active: () => number } {
  const turns = new Turns(options.maxConcurrent);
  const handle = async (request: HttpRequest): Promise<HttpResponse> => {
    await turns.take();
    let isStreaming = false;
    try {
      const read = await decode(request);
      if (responseType(read) === SAMPLES) return await samplesResponse(read, request, options);
      const queries = read.queries.map((query) => ({ ...query, parsed: parsedMatchers(query, options) }));
      isStreaming = true;
      const body = streamed(
        queries,
        request,
        options,
        onceAtEnd(request.signal, () => turns.give()),
      );
      return {
        status: 200,
        headers: { "content-type": "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse" },
        body,
      };
    } catch (error) {
      if (error instanceof ReadError) return plain(error.status, error.message);
      options.log.error("Error executing remote read", { err: error });
      return plain(500, (error as Error).message);
    } finally {
      if (!isStreaming) turns.give();
    }
  };
  return Object.assign(handle, { active: () => turns.active });
}

/** Lets so many in at a time, the others in the order in which they came. */
class Turns {
  #free: number;
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
    this.#free = limit;
  }

  /** Those at work and those that wait. */
  get active(): number {
    return this.#limit - this.#free + this.#waiting.length;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

async function decode(request: HttpRequest): Promise<ReadRequest> {
  try {
    const body = await readBody(request.body, MAX_READ_REQUEST_BYTES);
    return decodeReadRequest(snappyDecompress(body, MAX_READ_REQUEST_BYTES));
  } catch (error) {
    if (error instanceof BodyLimitError || error instanceof SnappyError || error instanceof ProtobufError)
      throw new ReadError(400, error.message);
    throw error;
  }
}

function responseType({ acceptedTypes }: ReadRequest): number {
  if (acceptedTypes.length === 0) return SAMPLES;
  const known = acceptedTypes.find((type) => type === SAMPLES || type === STREAMED_XOR_CHUNKS);
  if (known !== undefined) return known;
  throw new ReadError(
    400,
    `server does not support any of the requested response types: [${acceptedTypes.join(" ")}]; supported: map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]`,
  );
}

const OPERATORS = ["=", "!=", "=~", "!~"] as const;

/** A matcher that asks for an external label is left to mean "does not have it": the store has none of them. */
function parsedMatchers({ matchers }: ReadQuery, options: ReadHandlerOptions): Matcher[] {
  const externalLabels = options.externalLabels();
  return matchers.map(({ type, name, value }) => {
    const operator = OPERATORS[type];
    if (operator === undefined) throw new ReadError(500, "invalid matcher type");
    const isExternal = operator === "=" && (externalLabels[name] ?? "") === value;
    try {
      return createMatcher(name, operator, isExternal ? "" : value);
    } catch (error) {
      if (error instanceof RegexError) throw new ReadError(500, error.message);
      throw error;
    }
  });
}

function rangeAndHints(query: ReadQuery, { signal }: HttpRequest): [range: TimeRange, hints: SelectHints] {
  const range = { minMs: query.startMs, maxMs: query.endMs };
  return [range, { function: query.function || undefined, signal }];
}

/** Calls `end` when the caller says so or the client goes away, whichever is first. */
function onceAtEnd(signal: AbortSignal, end: () => void): () => void {
  let isOver = false;
  const once = () => {
    if (isOver) return;
    isOver = true;
    end();
  };
  signal.addEventListener("abort", once, { once: true });
  return once;
}

/** The series' own labels and those of the server; where both have one, the series'. */
function merged(labels: Labels, externalLabels: Record<string, string>): Labels {
  const added = Object.entries(externalLabels).filter(([name]) => !labels.has(name));
  if (added.length === 0) return labels;
  const all = [...labels, ...added].sort(([a], [b]) => compareStrings(a, b));
  return Labels.fromSorted(all.flat());
}

async function samplesResponse(
  { queries }: ReadRequest,
  request: HttpRequest,
  options: ReadHandlerOptions,
): Promise<HttpResponse> {
  const pacer = new Pacer(options.clock);
  const results: WriteSeries[][] = [];
  for (const query of queries) {
    const [range, hints] = rangeAndHints(query, request);
    // Of what is too much, no more is read than tells that it is.
    const maxSamples = options.maxSamples > 0 ? options.maxSamples + 1 : 0;
    const matchers = parsedMatchers(query, options);
    const found = await options.queryable.select(matchers, range, { ...hints, maxSamples });
    const count = found.reduce((sum, { timestamps }) => sum + timestamps.length, 0);
    if (options.maxSamples > 0 && count > options.maxSamples)
      throw new ReadError(400, `exceeded sample limit (${options.maxSamples})`);
    const series: WriteSeries[] = [];
    for (const each of found) {
      series.push(samplesOf(each, merged(each.labels, options.externalLabels())));
      if (pacer.isDue()) await pacer.pause(request.signal);
    }
    results.push(series);
  }
  const headers = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };
  return { status: 200, headers, body: snappyCompress(encodeReadResponse(results)) };
}

function samplesOf({ timestamps, values, histograms }: SeriesSamples, labels: Labels): WriteSeries {
  const series: WriteSeries = { labels, samples: [], histograms: [], exemplars: [] };
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  for (const [i, timestampMs] of timestamps.entries()) {
    const histogram = histograms?.[i];
    if (histogram !== undefined)
      series.histograms.push({ timestampMs, histogram, isInteger: hasIntegerCounts(histogram) });
    else if (isStaleMarker(words, i)) series.samples.push({ timestampMs, value: Number.NaN, stale: true });
    else series.samples.push({ timestampMs, value: values[i] });
  }
  return series;
}

/** A message has chunks of one series. An error ends the stream, which the reader sees as one that was cut off. */
async function* streamed(
  queries: (ReadQuery & { parsed: Matcher[] })[],
  request: HttpRequest,
  options: ReadHandlerOptions,
  ended: () => void,
): AsyncIterable<Uint8Array> {
  try {
    const pacer = new Pacer(options.clock);
    for (const [queryIndex, query] of queries.entries()) {
      const [range, hints] = rangeAndHints(query, request);
      for await (const each of selectInPages(options.queryable, query.parsed, range, hints)) {
        const labels = merged(each.labels, options.externalLabels());
        for (const chunks of framesOf(chunksOf(each), options.maxFrameBytes)) {
          yield encodeFrame(encodeChunkedReadResponse({ series: [{ labels, chunks }], queryIndex }));
          if (pacer.isDue()) await pacer.pause(request.signal);
        }
      }
    }
  } finally {
    ended();
  }
}

function chunksOf({ timestamps, values, histograms }: SeriesSamples): ReadChunk[] {
  const columns = new SeriesColumns(timestamps.length);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  for (const [i, timestampMs] of timestamps.entries()) {
    const histogram = histograms?.[i];
    if (histogram !== undefined) columns.addHistogram(timestampMs, histogram);
    else columns.floats.push(timestampMs, words[2 * i], words[2 * i + 1]);
  }
  return encodeColumns(columns);
}

/** A frame is full when its chunks have reached the limit: it is exceeded by one chunk at most. */
function framesOf(chunks: ReadChunk[], maxBytes: number): ReadChunk[][] {
  const frames: ReadChunk[][] = [];
  let left = 0;
  for (const chunk of chunks) {
    if (left <= 0) {
      frames.push([]);
      left = maxBytes;
    }
    frames.at(-1)!.push(chunk);
    left -= chunk.bytes.length;
  }
  return frames;
}

function plain(status: number, text: string): HttpResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status, headers, body: `${text}\n` };
}
