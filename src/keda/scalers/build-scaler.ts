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
import type { Scaler } from "./scaler.ts";

export interface ScalerWorld {
  api: KubernetesApi;
  network: Network;
  clock: Clock;
  log: Logger;
  metrics: KedaMetrics;
}

/** @throws Error with upstream's text when the type is unknown or its parameters are wrong */
export function buildScaler(config: TriggerConfig, world: ScalerWorld): Scaler {
  const { metrics } = world;
  switch (config.type) {
    case "prometheus":
      return createPrometheusScaler(config, {
        ...world,
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
      return createExternalScaler(config, config.type === "external-push", world);
    case "kubernetes-workload":
      return createKubernetesWorkloadScaler(config, world);
    case "metrics-api":
      return createMetricsApiScaler(config, {
        ...world,
        onRequest: (seconds, status) => metrics.httpRequest(config, seconds, status),
      });
    default:
      throw new Error(`no scaler found for type: ${config.type}`);
  }
}
