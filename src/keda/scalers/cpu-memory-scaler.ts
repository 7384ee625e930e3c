/** `cpu` and `memory` (keda `pkg/scalers/cpu_memory_scaler.go`): the HPA reads them itself, KEDA only passes them on. */
import { asText, optional, readParameters, required, type TriggerConfig } from "../trigger-config.ts";
import type { HpaMetricSpec, HpaTarget, Scaler } from "./scaler.ts";

const PARAMETERS = {
  type: optional("type", asText),
  value: required("value", asText),
  containerName: optional("containerName", asText),
};

/** @throws Error with upstream's text */
export function createCpuMemoryScaler(resource: "cpu" | "memory", config: TriggerConfig): Scaler {
  let spec: HpaMetricSpec;
  try {
    spec = specOf(resource, config);
  } catch (error) {
    throw new Error(`error parsing ${resource} metadata: ${(error as Error).message}`);
  }
  return {
    kind: "cpuMemoryScaler",
    metricSpecs: async () => [spec],
    metricsAndActivity: async () => ({ metrics: [], active: true }),
  };
}

function specOf(resource: string, config: TriggerConfig): HpaMetricSpec {
  const { type, value, containerName } = readParameters(config, PARAMETERS);
  if (type !== undefined) {
    throw new Error(
      `scaler ${config.type} info: The 'type' setting is DEPRECATED and is removed in v2.18 - Use 'metricType' instead.`,
    );
  }
  const target = targetOf(value, config.metricType);
  return containerName === undefined
    ? { type: "Resource", resource: { name: resource, target } }
    : { type: "ContainerResource", containerResource: { name: resource, container: containerName, target } };
}

function targetOf(value: string, type: TriggerConfig["metricType"]): HpaTarget {
  if (type === "AverageValue") return { type, averageValue: value };
  if (type !== "Utilization") {
    throw new Error(`unknown metric type: ${type ?? ""}, allowed values are 'Utilization' or 'AverageValue'`);
  }
  if (!/^[+-]?\d+$/.test(value)) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  return { type, averageUtilization: Number(value) };
}
