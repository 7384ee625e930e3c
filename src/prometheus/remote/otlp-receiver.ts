/** `/api/v1/otlp/v1/metrics`: OTLP over HTTP, protobuf or JSON (`storage/remote/write_otlp_handler.go`). */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { BodyLimitError, type HttpRequest, type HttpResponse, readBody } from "../../base/network.ts";
import type { ResourceMetrics } from "../../model/otlp-metrics.ts";
import { decodeMetricsJson } from "../../wire/otlp/metrics-json.ts";
import { decodeMetrics } from "../../wire/otlp/metrics-protobuf.ts";
import type { TranslationStrategy } from "../../wire/otlp-to-prometheus/names.ts";
import { translateMetrics } from "../../wire/otlp-to-prometheus/translate.ts";
import type { OtlpConfig } from "../config/otlp-config.ts";
import { writeFeatures } from "../flags.ts";
import type { PrometheusServer } from "../server-state.ts";
import { DeltaToCumulative, hasDelta } from "./delta-to-cumulative.ts";
import { MAX_TOLD_PROBLEMS, MAX_WRITE_BYTES, storeRequest } from "./write-receiver.ts";

const inflate = promisify(gunzip);
const DECODERS: Record<string, (bytes: Uint8Array) => ResourceMetrics[]> = {
  "application/x-protobuf": decodeMetrics,
  "application/json": decodeMetricsJson,
};

export function createOtlpReceiver(
  server: PrometheusServer,
): (request: HttpRequest) => Promise<HttpResponse> {
  const sums = server.flags.hasFeature("otlp-deltatocumulative")
    ? new DeltaToCumulative(server.clock)
    : undefined;
  return async (request) => {
    let data: ResourceMetrics[];
    try {
      data = await decode(request);
    } catch (error) {
      return plain(error instanceof BodyLimitError ? 413 : 400, (error as Error).message);
    }
    return store(sums !== undefined && hasDelta(data) ? sums.convert(data) : data, server);
  };
}

async function store(data: readonly ResourceMetrics[], server: PrometheusServer): Promise<HttpResponse> {
  const { otlp } = server.config;
  const {
    request: write,
    errors,
    errorMetrics,
    warnings,
  } = translateMetrics(data, {
    strategy: (otlp.translation_strategy || "NoTranslation") as TranslationStrategy,
    underscoreSanitization: otlp.label_name_underscore_sanitization,
    preserveMultipleUnderscores: otlp.label_name_preserve_multiple_underscores,
    resourceLabels: promotion(otlp),
    keepIdentifyingAttributes: otlp.keep_identifying_resource_attributes,
    scopeLabels: otlp.promote_scope_metadata,
    customBucketHistograms: otlp.convert_histograms_to_nhcb,
    metadata: true,
    receiver: {
      lookbackMs: server.flags.duration("query.lookback-delta"),
      takesDeltas: server.flags.hasFeature("otlp-native-delta-ingestion"),
      typeAndUnitLabels: server.flags.hasFeature("type-and-unit-labels"),
    },
  });
  server.ingest.addOtlpWarnings(warnings);
  if (warnings.length > 0)
    server.log.warn("Warnings translating OTLP metrics to Prometheus write request", {
      warnings: warnings.slice(0, MAX_TOLD_PROBLEMS).join("; "),
    });
  // As upstream: what can't be translated or stored fails the request as a whole, and nothing of it is stored.
  const {
    problem,
    isLate,
    lateExemplars = 0,
  } = await storeRequest(
    write,
    { storage: server.appendable, clock: server.clock, features: writeFeatures(server.flags) },
    "otlp",
    errors.map((text, i) => ({ text, metric: errorMetrics[i] })),
  );
  if (lateExemplars > 0) server.ingest.otlpLateExemplars.add(lateExemplars);
  if (problem === "") return { status: 200 };
  server.log.warn("Error translating OTLP metrics to Prometheus write request", { err: problem });
  // What is late stays so when it is sent again.
  return plain(isLate ? 400 : 500, problem);
}

async function decode(request: HttpRequest): Promise<ResourceMetrics[]> {
  const { "content-type": type = "", "content-encoding": encoding = "" } = request.headers;
  const decoder = Object.hasOwn(DECODERS, type) ? DECODERS[type] : undefined;
  if (decoder === undefined) {
    const supported = "[application/json, application/x-protobuf]";
    throw new Error(`unsupported content type: ${type}, supported: ${supported}`);
  }
  if (encoding !== "" && encoding !== "gzip")
    throw new Error(`unsupported compression: ${encoding}. Only "gzip" or no compression supported`);
  const body = await readBody(request.body, MAX_WRITE_BYTES);
  return decoder(encoding === "gzip" ? await inflate(body, { maxOutputLength: MAX_WRITE_BYTES }) : body);
}

/** Which resource attributes become labels. */
function promotion(otlp: OtlpConfig): (key: string) => boolean {
  const promoted = new Set(otlp.promote_resource_attributes);
  const ignored = new Set(otlp.ignore_resource_attributes);
  return otlp.promote_all_resource_attributes ? (key) => !ignored.has(key) : (key) => promoted.has(key);
}

function plain(status: number, text: string): HttpResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status, headers, body: `${text}\n` };
}
