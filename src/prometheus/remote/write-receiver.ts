/**
 * The receiving end of remote write 1.0 and 2.0 (`storage/remote/write_handler.go`).
 *
 * Version 1: series whose labels are not valid are left out without a word to the sender. Of a request of which the
 * store refuses a sample, nothing is stored; the answer is 400, so that it is not sent again. Version 2 stores what can
 * be stored, and says in headers how much that was.
 */

import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { BodyLimitError, type HttpRequest, type HttpResponse, readBody } from "../../base/network.ts";
import type { FloatHistogram } from "../../model/histogram.ts";
import { MAX_SCHEMA, reduceToSchema } from "../../model/histogram-arithmetic.ts";
import { histogramProblem } from "../../model/histogram-problem.ts";
import { Labels, METRIC_NAME } from "../../model/labels.ts";
import { ProtobufError } from "../../wire/protobuf/reader.ts";
import {
  CONTENT_TYPE_V1,
  type WriteExemplar,
  type WriteHistogram,
  type WriteRequest,
  type WriteSeries,
} from "../../wire/remote-write/write-request.ts";
import { decodeWriteRequestV1 } from "../../wire/remote-write/write-v1.ts";
import { decodeWriteRequestV2 } from "../../wire/remote-write/write-v2.ts";
import { SnappyDecompressor, SnappyError } from "../../wire/snappy.ts";
import { isValidLabelName, isValidLabelValue, isValidMetricName } from "../config/names.ts";
import {
  AppendError,
  type Appender,
  DuplicateSampleError,
  InvalidHistogramError,
  isStaleMarker,
  type SeriesRef,
  type Storage,
} from "../storage.ts";

import type { IngestMetrics } from "./ingest-metrics.ts";

/** A request's body, compressed and not, may measure so much (upstream's `decodeReadLimit`). */
export const MAX_WRITE_BYTES = 32 * 1024 * 1024;
/** The memory for decompression that is kept from one request to the next is not larger. */
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
  /** What feature flags add. @default nothing */
  features?: WriteFeatures;
  /** Told what comes of requests. @default nobody is */
  metrics?: Pick<IngestMetrics, "invalidLabelSamples">;
  /** Takes version 1 requests first; undefined: not one that it can take. */
  fast?: FastWrite;
}

export interface WriteFeatures {
  /** Series begin with a zero at the start time that their samples have. */
  startZeros: boolean;
  /** Version 2: type and unit of the metadata become labels. */
  typeAndUnitLabels: boolean;
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
  /** Version 1: why series were left out, of the first one. */
  leftOut?: string;
  /** Whether some of what was refused came too late, or twice. @default false */
  isLate?: boolean;
  /** Samples and histograms of series whose labels are not valid. @default 0 */
  invalidLabelSamples?: number;
  /** @default 0 */
  lateExemplars?: number;
}

export function createWriteReceiver(
  options: WriteReceiverOptions,
): (request: HttpRequest) => Promise<HttpResponse> {
  // Used from here to the end of the decoding, which is one turn of the event loop: requests can share it.
  const snappy = new SnappyDecompressor(MAX_SCRATCH_BYTES);
  return async (request) => {
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
      payload = snappy.decompress(body, MAX_WRITE_BYTES);
    } catch (error) {
      if (error instanceof BodyLimitError) return plain(413, error.message);
      if (error instanceof SnappyError) return plain(400, error.message.replace(/^snappy:/, "s2:"));
      throw error;
    }
    const { message, problem } = messageOf(request.headers["content-type"]);
    if (problem !== undefined) return plain(415, problem);
    if (!options.accepted.includes(message)) {
      const known = options.accepted.join(", ");
      return plain(415, `${message} protobuf message is not accepted by this server; only accepts ${known}`);
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

/** Which message the content type says, or what is wrong with it, in upstream's words. */
function messageOf(contentType: string | undefined): { message: string; problem?: string } {
  if (contentType === undefined || contentType === "") return { message: V1 };
  const whole = contentType.trim();
  const [type, ...parameters] = whole.split(";").map((part) => part.trim());
  if (type.toLowerCase() !== CONTENT_TYPE_V1)
    return {
      message: "",
      problem: `expected ${CONTENT_TYPE_V1} as the first (media) part, got ${whole} content-type`,
    };
  for (const parameter of parameters) {
    const [name, message, ...rest] = parameter.split("=");
    if (message === undefined || rest.length > 0)
      return {
        message: "",
        problem: `as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be key-values, got ${parameter} in ${whole} content-type`,
      };
    if (name.toLowerCase() !== "proto") continue;
    if (message === V1 || message === V2) return { message };
    const problem = `got ${whole} content type; unknown type for remote write protobuf message ${message}, supported: ${V1}, ${V2}`;
    return { message, problem };
  }
  return { message: V1 };
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
  if (outcome.invalidLabelSamples) options.metrics?.invalidLabelSamples.add(outcome.invalidLabelSamples);
  if (outcome.leftOut !== undefined) options.log.warn("Invalid labels for series.", { err: outcome.leftOut });
  if (outcome.problem === "") return { status: 204, headers };
  options.log.error("Out of order, invalid or duplicate data in remote write", { err: outcome.problem });
  const answer = plain(400, outcome.problem);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function slow(payload: Uint8Array, isV2: boolean, options: WriteReceiverOptions): Promise<WriteOutcome> {
  return storeRequest(
    isV2 ? decodeWriteRequestV2(payload) : decodeWriteRequestV1(payload),
    options,
    isV2 ? "v2" : "v1",
  );
}

/**
 * Stores what the store takes of a request; what it refuses is told in the outcome. Of a version 1 or OTLP request of
 * which a sample is refused, nothing is stored.
 *
 * @param failures what is wrong of the request besides
 */
export async function storeRequest(
  request: WriteRequest,
  { storage, clock, features }: Pick<WriteReceiverOptions, "storage" | "clock" | "features">,
  protocol: WriteProtocol = "v1",
  failures: readonly MetricFailure[] = [],
): Promise<WriteOutcome> {
  const batch = new RequestBatch(storage.appender(), clock.now() + MAX_AHEAD_MS, protocol, features);
  await batch.store(request, failures);
  return batch.outcome;
}

/** Version 1 tells of one problem, version 2 of each with its series, OTLP of each. */
export type WriteProtocol = "v1" | "v2" | "otlp";

/** So many problems of a request are told at most. */
export const MAX_TOLD_PROBLEMS = 100;

/** OTLP: why a metric is not among the series of the request. */
export interface MetricFailure {
  text: string;
  /** Its place in the request. */
  metric: number;
}

const LATE: ReadonlySet<string> = new Set([
  "out of order sample",
  "out of bounds",
  "duplicate sample for timestamp",
  "too old sample",
]);

class RequestBatch {
  readonly outcome: WriteOutcome = { samples: 0, histograms: 0, exemplars: 0, problem: "" };
  readonly #appender: Appender;
  readonly #latestMs: number;
  readonly #protocol: WriteProtocol;
  readonly #features: WriteFeatures;
  readonly #problems: { text: string; metric?: number }[] = [];

  constructor(
    appender: Appender,
    latestMs: number,
    protocol: WriteProtocol,
    features: WriteFeatures = { startZeros: false, typeAndUnitLabels: false },
  ) {
    this.#features = features;
    this.#appender = appender;
    this.#latestMs = latestMs;
    this.#protocol = protocol;
  }

  async store(request: WriteRequest, failures: readonly MetricFailure[]): Promise<void> {
    try {
      for (const series of request.series) {
        this.#append(series);
        if (this.#protocol === "v1" && this.#problems.length > 0) break;
      }
      this.#sayProblems(failures);
      for (const { metric, ...metadata } of request.metadata) this.#appender.setMetadata(metric, metadata);
      if (!this.#isV2 && this.outcome.problem !== "") {
        this.#appender.rollback();
        return;
      }
      await this.#appender.commit();
    } catch (error) {
      this.#appender.rollback();
      throw error;
    }
  }

  get #isV2(): boolean {
    return this.#protocol === "v2";
  }

  #tell(text: string, metric?: number): void {
    if (this.#problems.length >= MAX_TOLD_PROBLEMS) return;
    const isTold = metric !== undefined && this.#problems.some((each) => each.metric === metric);
    if (!isTold) this.#problems.push({ text, metric });
  }

  /** Version 1 answers with the first problem, version 2 with all, OTLP with one a metric; one a line. */
  #sayProblems(failures: readonly MetricFailure[]): void {
    const all = [...this.#problems, ...failures.slice(0, MAX_TOLD_PROBLEMS - this.#problems.length)];
    all.sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
    this.outcome.problem = all.map(({ text }) => text).join("\n");
  }

  #append(series: WriteSeries): void {
    const { samples, histograms, exemplars, metadata } = series;
    // OTLP's names were made or checked on the way here; one may be empty, as upstream has it.
    const problem = series.problem ?? (this.#protocol === "otlp" ? undefined : invalidLabels(series.labels));
    if (problem !== undefined) {
      const { invalidLabelSamples = 0 } = this.outcome;
      this.outcome.invalidLabelSamples = invalidLabelSamples + samples.length + histograms.length;
      if (this.#protocol === "v1") this.outcome.leftOut ??= problem;
      else this.#tell(problem);
      return;
    }
    const labels = this.#labelsOf(series);
    if (this.#isV2 && samples.length === 0 && histograms.length === 0) {
      this.#tell(`TimeSeries must contain at least one sample or histogram for series ${labels}`);
      return;
    }
    let ref: SeriesRef = 0;
    for (const { timestampMs, value, stale, startTimestampMs } of samples) {
      const isTaken = this.#attempt(series, labels, timestampMs, () => {
        this.#appendStart(ref, labels, startTimestampMs, timestampMs);
        ref = stale
          ? this.#appender.appendStale(ref, labels, timestampMs)
          : this.#appender.append(ref, labels, timestampMs, value);
      });
      if (isTaken) this.outcome.samples++;
      else if (this.#protocol === "v1") return;
    }
    for (const sample of histograms) {
      const isTaken = this.#attempt(series, labels, sample.timestampMs, () => {
        ref = this.#appendHistogram(ref, labels, sample);
      });
      if (isTaken) this.outcome.histograms++;
      else if (this.#protocol === "v1") return;
    }
    for (const exemplar of exemplars) this.#appendExemplar(ref, labels, exemplar);
    for (const each of series.exemplarProblems ?? []) this.#tell(each);
    if (metadata !== undefined && metadata.type !== "unknown")
      this.#appender.setMetadata(labels.get(METRIC_NAME), metadata);
  }

  #labelsOf({ labels, metadata }: WriteSeries): Labels {
    const { flat } = withoutEmpty(labels);
    if (!this.#isV2 || !this.#features.typeAndUnitLabels || metadata === undefined)
      return withoutEmpty(labels);
    if (metadata.type === "unknown" && metadata.unit === "") return withoutEmpty(labels);
    const pairs = new Map<string, string>();
    for (let i = 0; i < flat.length; i += 2) pairs.set(flat[i], flat[i + 1]);
    pairs.delete("__type__");
    pairs.delete("__unit__");
    if (metadata.type !== "unknown") pairs.set("__type__", metadata.type);
    if (metadata.unit !== "") pairs.set("__unit__", metadata.unit);
    return Labels.of(pairs);
  }

  #appendStart(
    ref: SeriesRef,
    labels: Labels,
    startMs: number | undefined,
    timestampMs: number,
    histogram?: FloatHistogram,
  ): void {
    if (this.#features.startZeros && startMs !== undefined && startMs !== 0 && timestampMs !== 0)
      this.#appender.appendStart(ref, labels, startMs, timestampMs, histogram);
  }

  /** Runs one append; what the store refuses is remembered and does not stop the others. */
  #attempt({ metric }: WriteSeries, labels: Labels, timestampMs: number, append: () => void): boolean {
    try {
      if (timestampMs > this.#latestMs)
        throw new AppendError("out of bounds", "timestamp is too far in the future");
      append();
      return true;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      if (LATE.has(error.reason)) this.outcome.isLate = true;
      this.#tell(this.#isV2 ? `${reasonOf(error)} for series ${labels}` : reasonOf(error), metric);
      return false;
    }
  }

  #appendHistogram(
    ref: SeriesRef,
    labels: Labels,
    { timestampMs, histogram, isInteger, startTimestampMs }: WriteHistogram,
  ): SeriesRef {
    if (isStaleSum(histogram)) return this.#appender.appendStale(ref, labels, timestampMs);
    const reduced = reduceToSchema(histogram, MAX_SCHEMA);
    const problem = histogramProblem(reduced, isInteger);
    if (problem !== undefined) throw new InvalidHistogramError(problem);
    this.#appendStart(ref, labels, startTimestampMs, timestampMs, reduced);
    return this.#appender.appendHistogram(ref, labels, timestampMs, reduced);
  }

  /** As upstream: exemplars are extra, and only version 2 tells of one that is out of order. */
  #appendExemplar(ref: SeriesRef, labels: Labels, exemplar: WriteExemplar): void {
    try {
      this.#appender.appendExemplar(ref, labels, exemplar);
      this.outcome.exemplars++;
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      if (error.reason !== "out of order exemplar") return;
      this.outcome.lateExemplars = (this.outcome.lateExemplars ?? 0) + 1;
      if (this.#isV2) this.#tell(`${error.reason} for series ${labels}`);
    }
  }
}

/** Which sample it was is said by the series, so the reason alone; of some all that is known. */
export function reasonOf(error: AppendError): string {
  const isTold =
    error instanceof InvalidHistogramError ||
    error instanceof DuplicateSampleError ||
    error.message.endsWith("in the future");
  return isTold ? error.message : error.reason;
}

/** A stale marker's counts mean nothing. */
function isStaleSum({ sum }: FloatHistogram): boolean {
  SUM[0] = sum;
  return isStaleMarker(SUM_WORDS, 0);
}
const SUM = new Float64Array(1);
const SUM_WORDS = new Uint32Array(SUM.buffer);

/** What is wrong with a series' labels, in upstream's words; undefined: nothing. */
export function invalidLabels(labels: Labels): string | undefined {
  const { flat } = labels;
  if (!isValidMetricName(labels.get(METRIC_NAME), "utf8"))
    return `invalid metric name or labels, got ${labels}`;
  for (let i = 0; i < flat.length; i += 2) {
    if (!isValidLabelName(flat[i], "utf8") || !isValidLabelValue(flat[i + 1]))
      return `invalid metric name or labels, got ${labels}`;
    if (i > 0 && flat[i] === flat[i - 2])
      return `invalid labels for series, labels ${labels}, duplicated label ${flat[i]}`;
  }
  return undefined;
}

/** A label without a value is none. */
export function withoutEmpty(labels: Labels): Labels {
  const { flat } = labels;
  for (let i = 1; i < flat.length; i += 2) {
    if (flat[i] === "") return Labels.of(Array.from(labels).filter(([, value]) => value !== ""));
  }
  return labels;
}
