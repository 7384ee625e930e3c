/** A PromQL query (keda `pkg/scalers/prometheus_scaler.go`). `metricName` is read by nobody since KEDA 2.12. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { FetchResponse, Network } from "../../base/network.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import { parseFloat64 } from "../parse-float.ts";
import {
  asBoolean,
  asDurationMs,
  asMap,
  asNumber,
  asText,
  optional,
  readParameters,
  required,
  type TriggerConfig,
  withDefault,
} from "../trigger-config.ts";
import { authorize, readAuthentication } from "./authentication.ts";
import { externalMetric, externalMetricType, externalSpec, type Scaler } from "./scaler.ts";
import { type TlsConfig, tlsConfig } from "./tls-config.ts";

/** What an answer may measure: it holds one number. */
export const MAX_ANSWER_BYTES = 1024 * 1024;

const PARAMETERS = {
  serverAddress: required("serverAddress", asText),
  query: required("query", asText),
  queryParameters: optional("queryParameters", asMap),
  threshold: required("threshold", asNumber),
  activationThreshold: withDefault("activationThreshold", "0", asNumber),
  namespace: optional("namespace", asText),
  customHeaders: optional("customHeaders", asMap),
  ignoreNullValues: withDefault("ignoreNullValues", "true", asBoolean),
  unsafeSsl: withDefault("unsafeSsl", "false", asBoolean),
  awsRegion: optional("awsRegion", asText, { order: ["triggerMetadata", "authParams"] }),
  timeoutMs: optional("timeout", asDurationMs),
  identityOwner: optional("identityOwner", asText),
};

export type PrometheusMetadata = ReturnType<typeof parsePrometheusMetadata>;

/** @throws Error with upstream's text */
export function parsePrometheusMetadata(config: TriggerConfig) {
  try {
    const authentication = readAuthentication(config);
    return { ...readParameters(config, PARAMETERS), authentication };
  } catch (error) {
    throw new Error(`error parsing prometheus metadata: ${(error as Error).message}`);
  }
}

export interface PrometheusScalerOptions {
  network: Network;
  clock: Clock;
  log?: Logger;
  /** Told of every answer without a value, for `keda_scaler_empty_upstream_responses_total`. */
  onEmpty?: (ignored: boolean) => void;
  /** Told of every request: the status, or 0 when none came. */
  onRequest?: (seconds: number, status: number) => void;
}

export function createPrometheusScaler(config: TriggerConfig, options: PrometheusScalerOptions): Scaler {
  externalMetricType(config);
  const metadata = parsePrometheusMetadata(config);
  const { clock } = options;
  const connection = connectionOf(metadata, options);
  return {
    kind: "prometheusScaler",
    metricSpecs: async () => [externalSpec(config, "prometheus", metadata.threshold)],
    async metricsAndActivity(metricName, signal) {
      let value: number;
      try {
        value = await queryPrometheus(metadata, config.httpTimeoutMs, connection, signal);
      } catch (error) {
        if (!signal?.aborted) options.log?.error("error executing prometheus query", { error });
        throw error;
      }
      return {
        metrics: [externalMetric(metricName, value, clock.now())],
        active: value > metadata.activationThreshold,
      };
    },
  };
}

interface Connection extends PrometheusScalerOptions {
  tls: TlsConfig;
}

/**
 * With an authority or a certificate of its own upstream builds a client that heeds no `unsafeSsl` and counts no
 * requests.
 *
 * @throws Error with upstream's text
 */
function connectionOf(
  { authentication, unsafeSsl }: PrometheusMetadata,
  options: PrometheusScalerOptions,
): Connection {
  const isOwn = authentication?.ca !== undefined || authentication?.modes?.includes("tls");
  if (!isOwn) return { ...options, tls: tlsConfig({}, unsafeSsl) };
  try {
    return { ...options, tls: tlsConfig(authentication!, false), onRequest: undefined };
  } catch (error) {
    throw new Error(`error creating the TLS config: ${(error as Error).message}`);
  }
}

/**
 * Asks once.
 *
 * @throws Error with upstream's text when there is no number to be had
 */
async function queryPrometheus(
  metadata: PrometheusMetadata,
  defaultTimeoutMs: number,
  options: Connection,
  signal?: AbortSignal,
): Promise<number> {
  const { network, clock, onRequest } = options;
  const startMs = clock.monotonic();
  const observe = (status: number) => onRequest?.((clock.monotonic() - startMs) / 1000, status);
  const url = queryUrl(metadata, clock.now());
  const headers: Record<string, string> = {};
  for (const [name, value] of metadata.customHeaders ?? []) headers[name.toLowerCase()] = value;
  authorize(metadata.authentication, headers);
  let response: FetchResponse;
  try {
    response = await network.fetch(url, {
      headers,
      signal,
      timeoutMs: metadata.timeoutMs || defaultTimeoutMs,
      ...options.tls,
    });
  } catch (error) {
    observe(0);
    throw new Error(`Get ${JSON.stringify(url)}: ${describeNetworkError(error)}`);
  }
  observe(response.status);
  const body = await response.text(MAX_ANSWER_BYTES);
  if (response.status < 200 || response.status > 299) {
    const error = new Error(`prometheus query api returned error. status: ${response.status}`);
    options.log?.error("prometheus query api returned error", { error });
    throw error;
  }
  return answerValue(body, metadata, options.onEmpty);
}

/** The request as upstream builds it: the parameters' order is part of it. */
function queryUrl(
  { serverAddress, query, namespace, queryParameters }: PrometheusMetadata,
  nowMs: number,
): string {
  const time = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  let url = `${serverAddress}/api/v1/query?query=${escapeQuery(query)}&time=${time}`;
  if (namespace !== undefined) url += `&namespace=${namespace}`;
  for (const [key, value] of queryParameters ?? []) url += `&${escapeQuery(key)}=${escapeQuery(value)}`;
  return url;
}

/** Go's `url.QueryEscape`. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The number in an answer of `/api/v1/query`. @throws Error */
export function answerValue(
  body: string,
  { ignoreNullValues, query }: Pick<PrometheusMetadata, "ignoreNullValues" | "query">,
  onEmpty?: (ignored: boolean) => void,
): number {
  const result = resultOf(body);
  if (result.length > 1) throw new Error(`prometheus query ${query} returned multiple elements`);
  const sample = result[0]?.value ?? [];
  if (sample.length === 0) {
    onEmpty?.(ignoreNullValues);
    if (ignoreNullValues) return 0;
    const what = result.length === 0 ? "result" : "value list";
    throw new Error(`prometheus metrics 'prometheus' target may be lost, the ${what} is empty`);
  }
  if (sample.length < 2) throw new Error(`prometheus query ${query} didn't return enough values`);
  const text = sample[1];
  if (text === null) return -1;
  const value = parseFloat64(String(text));
  if (Number.isFinite(value)) return value;
  if (ignoreNullValues) return 0;
  const shown = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  throw new Error(`prometheus query returns ${shown}`);
}

/** `data.result`, which is read as a list of series whatever `resultType` says: a bare scalar fails here. */
function resultOf(body: string): { value?: unknown[] }[] {
  let answer: { data?: { result?: unknown } | null } | null;
  try {
    answer = JSON.parse(body);
  } catch (error) {
    throw new Error(body === "" ? "unexpected end of JSON input" : (error as Error).message);
  }
  const result = answer?.data?.result ?? [];
  if (!Array.isArray(result)) {
    throw new Error(`json: cannot unmarshal ${typeof result} into Go struct field .data.result`);
  }
  for (const element of result) {
    if (typeof element !== "object") {
      throw new Error(
        `json: cannot unmarshal ${typeof element} into Go struct field .data.result of type struct`,
      );
    }
  }
  return result.map((element) => element ?? {});
}
