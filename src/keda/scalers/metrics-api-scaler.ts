/** A number from any HTTP endpoint (keda `pkg/scalers/metrics_api_scaler.go`). */
import type { Clock } from "../../base/clock.ts";
import type { FetchResponse, Network } from "../../base/network.ts";
import { describeNetworkError } from "../../base/network-error.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import {
  asBoolean,
  asDurationMs,
  asNumber,
  asText,
  optional,
  readParameters,
  required,
  type TriggerConfig,
  withDefault,
} from "../trigger-config.ts";
import { basicAuthorization, readAuthentication } from "./authentication.ts";
import { valueFromJson, valueFromMap, valueFromPrometheus } from "./response-value.ts";
import { externalMetric, externalMetricType, externalSpec, normalizedName, type Scaler } from "./scaler.ts";
import { type TlsConfig, tlsConfig } from "./tls-config.ts";

export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Endpoints of a Service that are asked at the same time. */
const CONCURRENT_ENDPOINTS = 5;

const PARAMETERS = {
  targetValue: withDefault("targetValue", "0", asNumber),
  activationTargetValue: withDefault("activationTargetValue", "0", asNumber),
  url: required("url", asText),
  format: withDefault("format", "json", asText, { allowed: ["prometheus", "json", "xml", "yaml"] }),
  valueLocation: required("valueLocation", asText),
  unsafeSsl: withDefault("unsafeSsl", "false", asBoolean),
  aggregateFromKubeServiceEndpoints: withDefault("aggregateFromKubeServiceEndpoints", "false", asBoolean),
  aggregationType: withDefault("aggregationType", "average", asText, {
    allowed: ["average", "sum", "max", "min"],
  }),
  timeoutMs: optional("timeout", asDurationMs),
};

type Metadata = ReturnType<typeof parseMetadata> & { tls: TlsConfig };

export interface MetricsApiScalerOptions {
  api: KubernetesApi;
  network: Network;
  clock: Clock;
  /** Told of every request: the status, or 0 when none came, and the metric without the trigger's index. */
  onRequest?: (seconds: number, status: number, metric: string) => void;
}

/** @throws Error with upstream's text */
export function createMetricsApiScaler(config: TriggerConfig, options: MetricsApiScalerOptions): Scaler {
  externalMetricType(config);
  const parsed = parseMetadata(config);
  const metadata = { ...parsed, tls: tlsOf(parsed) };
  const { targetValue, activationTargetValue, valueLocation } = metadata;
  const ask = (url: string, signal?: AbortSignal) =>
    askUrl(url, metadata, config.httpTimeoutMs, options, signal);
  return {
    kind: "metricsAPIScaler",
    metricSpecs: async () => [externalSpec(config, metricNameFor(valueLocation), targetValue)],
    async metricsAndActivity(metricName, signal) {
      let value: number;
      try {
        value = metadata.aggregateFromKubeServiceEndpoints
          ? await aggregate(await endpointUrls(options.api, metadata.url), metadata, (url) =>
              ask(url, signal),
            )
          : await ask(metadata.url, signal);
      } catch (error) {
        throw new Error(`error requesting metrics endpoint: ${(error as Error).message}`);
      }
      const metrics = [externalMetric(metricName, value, options.clock.now())];
      return { metrics, active: value > activationTargetValue };
    },
  };
}

const metricNameFor = (valueLocation: string) => normalizedName(`metric-api-${valueLocation}`);

function parseMetadata(config: TriggerConfig) {
  try {
    const { authentication, ...metadata } = readMetadata(config);
    if (metadata.targetValue === 0 && !config.asMetricSource) {
      throw new Error("no targetValue given in metadata");
    }
    return { ...metadata, authentication };
  } catch (error) {
    throw new Error(`error parsing metric API metadata: ${(error as Error).message}`);
  }
}

function readMetadata(config: TriggerConfig) {
  try {
    return { ...readParameters(config, PARAMETERS), authentication: readAuthentication(config) };
  } catch (error) {
    throw new Error(`error parsing metrics API metadata: ${(error as Error).message}`);
  }
}

/** An authority is heeded only where the mode is `tls`. @throws Error with upstream's text */
function tlsOf({ authentication, unsafeSsl }: ReturnType<typeof parseMetadata>): TlsConfig {
  return tlsConfig(authentication?.modes?.includes("tls") ? authentication : {}, unsafeSsl);
}

async function askUrl(
  url: string,
  metadata: Metadata,
  defaultTimeoutMs: number,
  { network, clock, onRequest }: MetricsApiScalerOptions,
  signal?: AbortSignal,
): Promise<number> {
  const { target, headers } = requestOf(url, metadata);
  const startMs = clock.monotonic();
  const observe = (status: number) =>
    onRequest?.((clock.monotonic() - startMs) / 1000, status, metricNameFor(metadata.valueLocation));
  let response: FetchResponse;
  try {
    const timeoutMs = metadata.timeoutMs || defaultTimeoutMs;
    response = await network.fetch(target, { headers, signal, timeoutMs, ...metadata.tls });
  } catch (error) {
    observe(0);
    throw new Error(`Get ${JSON.stringify(target)}: ${describeNetworkError(error)}`);
  }
  observe(response.status);
  const body = await response.text(MAX_ANSWER_BYTES);
  if (response.status !== 200)
    throw new Error(`${new URL(target).pathname}: api returned ${response.status}`);
  return answerValue(body, metadata);
}

async function answerValue(body: string, { format, valueLocation }: Metadata): Promise<number> {
  if (format === "prometheus") return valueFromPrometheus(body, valueLocation);
  if (format === "yaml") {
    // The parser is large and this format rare.
    const { parse } = await import("yaml");
    return valueFromMap(parse(body, { maxAliasCount: 100 }), valueLocation);
  }
  // Upstream takes the format and then has no type to decode it into: no document of it was ever read.
  if (format === "xml") throw new Error("unknown type map[string]interface {}");
  return valueFromJson(body, valueLocation);
}

function requestOf(
  url: string,
  { authentication }: Metadata,
): { target: string; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  const modes = authentication?.modes ?? [];
  const target = new URL(url);
  if (modes.includes("apiKey")) {
    const { method, keyParamName, apiKey } = authentication!;
    if (method === "query") target.searchParams.set(keyParamName ?? "api_key", apiKey!);
    else headers[(keyParamName ?? "X-API-KEY").toLowerCase()] = apiKey!;
  }
  if (modes.includes("basic")) {
    headers.authorization = basicAuthorization(authentication!.username!, authentication!.password);
  }
  if (modes.includes("bearer")) headers.authorization = `Bearer ${authentication!.bearerToken}`;
  return { target: target.href, headers };
}

/** The pods behind `http://service.namespace…:port/path`, those that are ready. */
async function endpointUrls(api: KubernetesApi, serviceUrl: string): Promise<string[]> {
  const url = new URL(serviceUrl);
  const [service, namespace] = url.hostname.split(".");
  if (namespace === undefined)
    throw new Error("failed to get kubernetes endpoints urls from configured service URL");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const { items } = await api.list(RESOURCES.endpointSlices, { namespace, labelSelector });
  const addresses = new Map<string, string>();
  for (const slice of items as unknown as EndpointSlice[]) {
    const hasPort = (slice.ports ?? []).some((candidate) => String(candidate.port) === port);
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      for (const address of endpoint.addresses) {
        if (!addresses.has(address)) addresses.set(address, hasPort ? `:${port}` : "");
      }
    }
  }
  if (addresses.size === 0) throw new Error("no endpoints URLs were given for the service name");
  return Array.from(addresses, ([address, suffix]) => `${url.protocol}//${address}${suffix}${url.pathname}`);
}

interface EndpointSlice {
  ports?: { port?: number }[];
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
}

/** Endpoints that fail don't count; when all do, nothing is known. */
async function aggregate(
  urls: string[],
  { aggregationType }: Metadata,
  ask: (url: string) => Promise<number>,
): Promise<number> {
  const values: number[] = [];
  for (let start = 0; start < urls.length; start += CONCURRENT_ENDPOINTS) {
    const answers = await Promise.allSettled(urls.slice(start, start + CONCURRENT_ENDPOINTS).map(ask));
    for (const answer of answers) if (answer.status === "fulfilled") values.push(answer.value);
  }
  if (values.length === 0) {
    throw new Error(`could not get any metric successfully from the ${urls.length} provided endpoints`);
  }
  if (aggregationType === "min") return Math.min(...values);
  if (aggregationType === "max") return Math.max(...values);
  const sum = values.reduce((total, value) => total + value, 0);
  return aggregationType === "sum" ? sum : sum / values.length;
}
