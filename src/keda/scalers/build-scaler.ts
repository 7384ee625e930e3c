/** From a trigger's type to its scaler. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Network } from "../../base/network.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { KedaMetrics } from "../keda-metrics.ts";
import type { TriggerConfig } from "../trigger-config.ts";
import { createCpuMemoryScaler } from "./cpu-memory-scaler.ts";
import { createCronScaler } from "./cron-scaler.ts";
import { createExternalScaler } from "./external-scaler.ts";
import { createKubernetesWorkloadScaler } from "./kubernetes-workload-scaler.ts";
import { createMetricsApiScaler } from "./metrics-api-scaler.ts";
import { createPrometheusScaler } from "./prometheus-scaler.ts";
import { externalMetricType, type Scaler } from "./scaler.ts";

export interface ScalerWorld {
  api: KubernetesApi;
  network: Network;
  clock: Clock;
  log: Logger;
  metrics: KedaMetrics;
}

/** Where upstream says twice what it could not read. */
const SAID_TWICE: Record<string, string> = {
  prometheus: "error parsing prometheus metadata",
  external: "error parsing external scaler metadata",
  "external-push": "error parsing external scaler metadata",
  "kubernetes-workload": "error parsing kubernetes workload metadata",
};

/** @throws Error with upstream's text when the type is unknown or its parameters are wrong */
export function buildScaler(config: TriggerConfig, world: ScalerWorld): Scaler {
  const { type } = config;
  if (type !== "cpu" && type !== "memory") {
    const what = type.startsWith("external") ? "external scaler" : "scaler";
    prefixed(`error getting ${what} metric type`, () => externalMetricType(config));
  }
  const said = SAID_TWICE[type];
  return said === undefined ? build(config, world) : prefixed(said, () => build(config, world));
}

function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${prefix}: ${(error as Error).message}`);
  }
}

function build(config: TriggerConfig, world: ScalerWorld): Scaler {
  const { metrics } = world;
  const { scaledObject, namespace } = config;
  const name = `${config.type.replaceAll("-", "_")}_scaler`;
  const log = world.log.with({ logger: name, type: "ScaledObject", namespace, name: scaledObject });
  switch (config.type) {
    case "prometheus":
      return createPrometheusScaler(config, {
        ...world,
        log,
        onEmpty: (ignored) => metrics.emptyResponse(config, ignored),
        onRequest: (seconds, status) => metrics.httpRequest(config, seconds, status),
      });
    case "cpu":
    case "memory":
      return createCpuMemoryScaler(config.type, config);
    case "cron":
      return createCronScaler(config, world.clock);
    case "external":
    case "external-push":
      return createExternalScaler(config, config.type === "external-push", { ...world, log });
    case "kubernetes-workload":
      return createKubernetesWorkloadScaler(config, world);
    case "metrics-api":
      return createMetricsApiScaler(config, {
        ...world,
        onRequest: (seconds, status, metric) => metrics.httpRequest(config, seconds, status, metric),
      });
    default:
      throw new Error(`no scaler found for type: ${config.type}`);
  }
}
