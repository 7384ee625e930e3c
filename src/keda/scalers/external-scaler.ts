/**
 * A program of the user's that KEDA asks over gRPC, in clear text or over TLS, and that may push
 * (keda `pkg/scalers/external_scaler.go`).
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import type { GrpcCallOptions } from "../../wire/grpc/client.ts";
import { GrpcCode, GrpcError } from "../../wire/grpc/status.ts";
import {
  createExternalScalerClient,
  type ExternalMetricSpec,
  type ScaledObjectRef,
} from "../../wire/keda/external-scaler.ts";
import {
  asBoolean,
  asText,
  optional,
  readParameters,
  required,
  type TriggerConfig,
  withDefault,
} from "../trigger-config.ts";
import { externalMetric, externalMetricType, externalSpec, type Scaler, withoutIndex } from "./scaler.ts";
import { tlsConfig } from "./tls-config.ts";

/** A broken stream is opened again after this time, doubled at each failure up to a minute. */
const RETRY_MIN_MS = 2_000;
const RETRY_MAX_MS = 60_000;

const secret = { order: ["authParams" as const] };
const PARAMETERS = {
  scalerAddress: required("scalerAddress", asText),
  enableTls: withDefault("enableTLS", "false", asBoolean),
  unsafeSsl: withDefault("unsafeSsl", "false", asBoolean),
  caCert: optional("caCert", asText, secret),
  tlsClientCert: optional("tlsClientCert", asText, secret),
  tlsClientKey: optional("tlsClientKey", asText, secret),
};

type Metadata = ReturnType<typeof parseMetadata>;

export interface ExternalScalerOptions {
  network: Network;
  clock: Clock;
  log: Logger;
}

/** @throws Error with upstream's text */
export function createExternalScaler(
  config: TriggerConfig,
  push: boolean,
  options: ExternalScalerOptions,
): Scaler {
  externalMetricType(config);
  const metadata = parseMetadata(config);
  const { clock, network, log } = options;
  const connect = () => createExternalScalerClient(network, metadata.scalerAddress, tlsOf(metadata));
  const ref: ScaledObjectRef = {
    name: config.scaledObject,
    namespace: config.namespace,
    scalerMetadata: metadataFor(config),
  };
  const specsOf = (specs: ExternalMetricSpec[]) =>
    specs.map(({ metricName, targetSize }) => externalSpec(config, metricName, targetSize));
  const call = (signal?: AbortSignal) => ({ signal, timeoutMs: config.httpTimeoutMs });
  const logged = (what: string) => (failure: unknown) => {
    const error = balanced(failure);
    log.error(what, { error });
    throw error;
  };
  const stream = <T>(
    kind: StreamKind,
    open: (signal: AbortSignal) => AsyncIterable<T>,
    signal: AbortSignal,
  ) => reopened({ kind, open, signal, clock, log });
  return {
    kind: push ? "externalPushScaler" : "externalScaler",
    async metricSpecs(signal) {
      try {
        return specsOf(await connect().getMetricSpec(ref, call(signal)));
      } catch (error) {
        const what = error instanceof GrpcError ? "error" : "error building grpc connection";
        log.error(what, { error: balanced(error) });
        return [];
      }
    },
    async metricsAndActivity(metricName, signal) {
      const request = { scaledObjectRef: ref, metricName: withoutIndex(config.index, metricName) };
      const client = connect();
      const values = await client.getMetrics(request, call(signal)).catch(logged("error"));
      const active = await client
        .isActive(ref, call(signal))
        .catch(logged("error calling IsActive on external scaler"));
      return { metrics: values.map(({ value }) => externalMetric(metricName, value, clock.now())), active };
    },
    ...(push
      ? {
          pushes: (signal: AbortSignal) =>
            stream(IS_ACTIVE_STREAM, (each) => connect().streamIsActive(ref, { signal: each }), signal),
          async *pushedSpecs(signal: AbortSignal) {
            const open = (each: AbortSignal) => connect().streamMetricSpec(ref, { signal: each });
            for await (const specs of stream(METRIC_SPEC_STREAM, open, signal)) yield specsOf(specs);
          },
        }
      : {}),
  };
}

function parseMetadata(config: TriggerConfig) {
  try {
    return readParameters(config, PARAMETERS);
  } catch (error) {
    throw new Error(`error parsing external scaler metadata: ${(error as Error).message}`);
  }
}

/** Undefined where the connection is in clear text. @throws Error with upstream's text where a PEM can't be read */
function tlsOf({
  enableTls,
  unsafeSsl,
  caCert: ca,
  tlsClientCert: cert,
  tlsClientKey: key,
}: Metadata): GrpcCallOptions["tls"] {
  const config = tlsConfig({ ca, cert, key }, unsafeSsl);
  const isSecure = enableTls || config.identity !== undefined || ca !== undefined;
  return isSecure ? config : undefined;
}

/** Upstream asks the addresses of a name in turn, and so has its own words for a name that has none. */
function balanced(error: unknown): unknown {
  const isNameless = error instanceof GrpcError && error.details.startsWith("name resolver error");
  return isNameless ? new GrpcError(error.code, "no children to pick from") : error;
}

/** What the program gets to see: the trigger's metadata with `…FromEnv` resolved. */
function metadataFor({ metadata, resolvedEnv }: TriggerConfig): Record<string, string> {
  const seen: [string, string][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (!key.endsWith("FromEnv")) seen.push([key, value]);
    else if (Object.hasOwn(resolvedEnv, value) && resolvedEnv[value] !== "")
      seen.push([key, resolvedEnv[value]]);
  }
  return Object.fromEntries(seen);
}

interface StreamKind {
  /** What the log says of a failure, before the first message and after it. */
  failure: (hasAnswered: boolean) => string;
  /** A program need not have it. */
  isOptional: boolean;
  /** A message shows that the program is well again, though the stream breaks later. */
  messageResetsRetry: boolean;
}

const IS_ACTIVE_STREAM: StreamKind = {
  failure: () => "error running StreamIsActive",
  isOptional: false,
  messageResetsRetry: false,
};
const METRIC_SPEC_STREAM: StreamKind = {
  failure: (hasAnswered) => `StreamMetricSpec: ${hasAnswered ? "stream error" : "failed to open stream"}`,
  isOptional: true,
  messageResetsRetry: true,
};

interface ReopenedStream<T> {
  kind: StreamKind;
  open: (signal: AbortSignal) => AsyncIterable<T>;
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
}

/** A stream that is opened again when it ends, until the signal aborts or the program says that it has none. */
async function* reopened<T>({ kind, open, signal, clock, log }: ReopenedStream<T>): AsyncGenerator<T> {
  let retryMs = RETRY_MIN_MS;
  while (!signal.aborted) {
    let hasAnswered = false;
    try {
      for await (const item of open(signal)) {
        hasAnswered = true;
        yield item;
      }
      retryMs = RETRY_MIN_MS;
    } catch (error) {
      if (signal.aborted) return;
      const isMissing = error instanceof GrpcError && error.code === GrpcCode.UNIMPLEMENTED;
      if (isMissing && kind.isOptional) return;
      log.error(kind.failure(hasAnswered), { error: balanced(error) });
      if (hasAnswered && kind.messageResetsRetry) retryMs = RETRY_MIN_MS;
    }
    await clock.sleep(retryMs, signal).catch(() => {});
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  }
}
