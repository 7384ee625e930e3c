/**
 * The receiving end of remote write 1.0 and 2.0 (`storage/remote/write_handler.go`).
 *
 * Version 1: what the store refuses as invalid is left out, everything else is kept, and the answer is 400 so that the
 * sender does not send it again. Version 2 says in headers how much was written.
 */

import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { BodyLimitError, type HttpRequest, type HttpResponse, readBody } from "../../base/network.ts";
import { type Labels, METRIC_NAME } from "../../model/labels.ts";
import { ProtobufError } from "../../wire/protobuf/reader.ts";
import type { WriteRequest, WriteSeries } from "../../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { decodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { SnappyError, snappyDecompress } from "../../wire/snappy.ts";
import { isValidLabelName, isValidLabelValue, isValidMetricName } from "../config/names.ts";
import type { Storage } from "../storage.ts";
import { AppendError, type Appender, type SeriesRef } from "../storage.ts";

/** A request's body, compressed and not, may measure so much (upstream's `decodeReadLimit`). */
export const MAX_WRITE_BYTES = 32 * 1024 * 1024;
/** The buffer for decompression that is kept from one request to the next is not larger. */
const MAX_SCRATCH_BYTES = 4 * 1024 * 1024;
/** Samples further in the future than this are refused. */
export const MAX_AHEAD_MS = 10 * 60_000;

const V1 = "prometheus.WriteRequest";
const V2 = "io.prometheus.write.v2.Request";

export interface WriteReceiverOptions {
  storage: Pick<Storage, "appender">;
  clock: Clock;
  log: Logger;
  /** Message names that are accepted, as the flag has them. */
  accepted: readonly string[];
  /** Takes version 1 requests first; undefined: not one that it can take. */
  fast?: FastWrite;
}

/** A quicker way for the usual request: floats only, series known. */
export interface FastWrite {
  write(payload: Uint8Array): Promise<WriteOutcome | undefined>;
}

export interface WriteOutcome {
  samples: number;
  histograms: number;
  exemplars: number;
  /** What was refused, for the answer; empty when nothing was. */
  problem: string;
}

export function createWriteReceiver(
  options: WriteReceiverOptions,
): (request: HttpRequest) => Promise<HttpResponse> {
  // Used from here to the end of the decoding, which is one turn of the event loop: requests can share it.
  let scratch = new Uint8Array(0);
  return async (request) => {
    const message = messageOf(request.headers["content-type"]);
    if (message === undefined || !options.accepted.includes(message)) {
      const type = request.headers["content-type"] ?? "";
      const known = options.accepted.join(", ");
      return plain(
        415,
        `${message ?? type} protobuf message is not accepted by this server; only accepts ${known}`,
      );
    }
    const encoding = request.headers["content-encoding"];
    // Senders from before the header was asked for send snappy without saying so.
    if (encoding !== undefined && encoding !== "" && encoding.toLowerCase() !== "snappy")
      return plain(
        415,
        `${encoding} encoding (compression) is not accepted by this server; only snappy is acceptable`,
      );
    let payload: Uint8Array;
    try {
      const body = await readBody(request.body, MAX_WRITE_BYTES);
      payload = snappyDecompress(body, MAX_WRITE_BYTES, scratch);
      if (payload.length > scratch.length)
        scratch = new Uint8Array(Math.min(2 * payload.length, MAX_SCRATCH_BYTES));
    } catch (error) {
      if (error instanceof BodyLimitError) return plain(413, error.message);
      if (error instanceof SnappyError) return plain(400, error.message);
      throw error;
    }
    try {
      return await receive(payload, message === V2, options);
    } catch (error) {
      if (error instanceof ProtobufError) return plain(400, error.message);
      options.log.error("Error appending remote write", { err: error });
      return plain(500, (error as Error).message);
    }
  };
}

function plain(status: number, text: string): HttpResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status, headers, body: `${text}\n` };
}

/** Which message the content type says; undefined: no remote write at all. */
function messageOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || contentType === "") return V1;
  const [type, ...parameters] = contentType.split(";").map((part) => part.trim());
  if (type.toLowerCase() !== "application/x-protobuf") return undefined;
  const proto = parameters.find((each) => each.toLowerCase().startsWith("proto="));
  if (proto === undefined) return V1;
  const name = proto.slice("proto=".length);
  return name === V1 || name === V2 ? name : undefined;
}

async function receive(
  payload: Uint8Array,
  isV2: boolean,
  options: WriteReceiverOptions,
): Promise<HttpResponse> {
  const outcome =
    (isV2 ? undefined : await options.fast?.write(payload)) ?? (await slow(payload, isV2, options));
  const headers: Record<string, string> = isV2
    ? {
        "x-prometheus-remote-write-samples-written": String(outcome.samples),
        "x-prometheus-remote-write-histograms-written": String(outcome.histograms),
        "x-prometheus-remote-write-exemplars-written": String(outcome.exemplars),
      }
    : {};
  if (outcome.problem === "") return { status: 204, headers };
  options.log.error("Out of order, invalid or duplicate data in remote write", { err: outcome.problem });
  const answer = plain(400, outcome.problem);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function slow(payload: Uint8Array, isV2: boolean, options: WriteReceiverOptions): Promise<WriteOutcome> {
  return storeRequest(isV2 ? decodeWriteRequestV2(payload) : decodeWriteRequestV1(payload), options);
}

/** Stores what the store takes of a request; what it refuses is told in the outcome. */
export async function storeRequest(
  request: WriteRequest,
  { storage, clock }: Pick<WriteReceiverOptions, "storage" | "clock">,
): Promise<WriteOutcome> {
  const appender = storage.appender();
  const outcome: WriteOutcome = { samples: 0, histograms: 0, exemplars: 0, problem: "" };
  try {
    const latestMs = clock.now() + MAX_AHEAD_MS;
    for (const series of request.series) appendSeries(series, appender, latestMs, outcome);
    for (const { metric, ...metadata } of request.metadata) appender.setMetadata(metric, metadata);
    await appender.commit();
  } catch (error) {
    appender.rollback();
    throw error;
  }
  return outcome;
}

function appendSeries(
  series: WriteSeries,
  appender: Appender,
  latestMs: number,
  outcome: WriteOutcome,
): void {
  const { labels } = series;
  const invalid = invalidLabels(labels);
  if (invalid !== undefined) {
    outcome.problem = invalid;
    return;
  }
  let ref: SeriesRef = 0;
  /** Runs one append; what the store refuses is remembered and does not stop the others. */
  const attempt = (append: () => void): boolean => {
    try {
      append();
      return true;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      outcome.problem = `${error.reason}${detail(labels)}`;
      return false;
    }
  };
  const checkTime = (timestampMs: number) => {
    if (timestampMs > latestMs) throw new AppendError("out of bounds");
  };
  for (const sample of series.samples) {
    const taken = attempt(() => {
      checkTime(sample.timestampMs);
      ref = sample.stale
        ? appender.appendStale(ref, labels, sample.timestampMs)
        : appender.append(ref, labels, sample.timestampMs, sample.value);
    });
    if (taken) outcome.samples++;
  }
  for (const { timestampMs, histogram } of series.histograms) {
    const taken = attempt(() => {
      checkTime(timestampMs);
      ref = appender.appendHistogram(ref, labels, timestampMs, histogram);
    });
    if (taken) outcome.histograms++;
  }
  for (const exemplar of series.exemplars) {
    // As upstream: exemplars are extra, and a refused one fails nothing.
    try {
      ref = appender.appendExemplar(ref, labels, exemplar);
      outcome.exemplars++;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
    }
  }
  if (series.metadata !== undefined && series.metadata.type !== "unknown")
    appender.setMetadata(labels.get(METRIC_NAME), series.metadata);
}

function detail(labels: Labels): string {
  return ` for series ${labels}`;
}

/** What is wrong with a series' labels, in upstream's words; undefined: nothing. */
export function invalidLabels(labels: Labels): string | undefined {
  const { flat } = labels;
  if (!isValidMetricName(labels.get(METRIC_NAME), "utf8"))
    return `invalid metric name or labels, got ${labels}`;
  for (let i = 0; i < flat.length; i += 2) {
    if (!isValidLabelName(flat[i], "utf8") || !isValidLabelValue(flat[i + 1]))
      return `invalid metric name or labels, got ${labels}`;
    if (flat[i + 1] === "") return `invalid labels for series, labels ${labels}, empty label value`;
    if (i > 0 && flat[i] === flat[i - 2])
      return `invalid labels for series, labels ${labels}, duplicated label ${flat[i]}`;
  }
  return undefined;
}
