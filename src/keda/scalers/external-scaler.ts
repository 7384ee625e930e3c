/**
 * A program of the user's that KEDA asks over gRPC, and that may push (keda `pkg/scalers/external_scaler.go`).
 * TLS to the program is not implemented: in this cluster both ends are on one machine.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
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
  const { scalerAddress } = parseMetadata(config);
  const { clock, network } = options;
  const { log } = options;
  const client = createExternalScalerClient(network, scalerAddress);
  const ref: ScaledObjectRef = {
    name: config.scaledObject,
    namespace: config.namespace,
    scalerMetadata: metadataFor(config),
  };
  const specsOf = (specs: ExternalMetricSpec[]) =>
    specs.map(({ metricName, targetSize }) => externalSpec(config, metricName, targetSize));
  const call = (signal?: AbortSignal) => ({ signal, timeoutMs: config.httpTimeoutMs });
  const stream = <T>(what: string, open: (signal: AbortSignal) => AsyncIterable<T>, signal: AbortSignal) =>
    reopened({ what, open, signal, clock, log });
  return {
    kind: push ? "externalPushScaler" : "externalScaler",
    async metricSpecs(signal) {
      try {
        return specsOf(await client.getMetricSpec(ref, call(signal)));
      } catch (error) {
        log.error("error", { error: rpcText(error) });
        return [];
      }
    },
    async metricsAndActivity(metricName, signal) {
      const request = { scaledObjectRef: ref, metricName: withoutIndex(config.index, metricName) };
      try {
        const values = await client.getMetrics(request, call(signal));
        const active = await client.isActive(ref, call(signal));
        return { metrics: values.map(({ value }) => externalMetric(metricName, value, clock.now())), active };
      } catch (error) {
        throw new Error(rpcText(error));
      }
    },
    ...(push
      ? {
          pushes: (signal: AbortSignal) =>
            stream("StreamIsActive", (each) => client.streamIsActive(ref, { signal: each }), signal),
          async *pushedSpecs(signal: AbortSignal) {
            const open = (each: AbortSignal) => client.streamMetricSpec(ref, { signal: each });
            for await (const specs of stream("StreamMetricSpec", open, signal)) yield specsOf(specs);
          },
        }
      : {}),
  };
}

function parseMetadata(config: TriggerConfig) {
  try {
    const metadata = readParameters(config, PARAMETERS);
    if (metadata.enableTls || metadata.caCert !== undefined || metadata.tlsClientCert !== undefined) {
      throw new Error("TLS to an external scaler is not supported by the embedded KEDA");
    }
    return metadata;
  } catch (error) {
    throw new Error(`error parsing external scaler metadata: ${(error as Error).message}`);
  }
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

/** gRPC-Go's text of an error. */
function rpcText(error: unknown): string {
  if (!(error instanceof GrpcError)) return (error as Error).message;
  const name = Object.entries(GrpcCode).find(([, code]) => code === error.code)?.[0] ?? String(error.code);
  const code = name
    .toLowerCase()
    .replaceAll(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
  return `rpc error: code = ${code} desc = ${error.message}`;
}

interface ReopenedStream<T> {
  what: string;
  open: (signal: AbortSignal) => AsyncIterable<T>;
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
}

/** A stream that is opened again when it ends, until the signal aborts or the program says it has none. */
async function* reopened<T>({ what, open, signal, clock, log }: ReopenedStream<T>): AsyncGenerator<T> {
  let retryMs = RETRY_MIN_MS;
  while (!signal.aborted) {
    try {
      for await (const item of open(signal)) {
        retryMs = RETRY_MIN_MS;
        yield item;
      }
      retryMs = RETRY_MIN_MS;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof GrpcError && error.code === GrpcCode.UNIMPLEMENTED) return;
      log.error(`error running ${what}`, { error: rpcText(error) });
    }
    await clock.sleep(retryMs, signal).catch(() => {});
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  }
}
