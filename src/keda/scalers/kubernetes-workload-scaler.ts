/** The number of pods of another workload (keda `pkg/scalers/kubernetes_workload_scaler.go`). */
import type { Clock } from "../../base/clock.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import { formatSelector, parseSelector, type Selector } from "../../model/label-selector.ts";
import {
  asBoolean,
  asNumber,
  asText,
  readParameters,
  required,
  type TriggerConfig,
  withDefault,
} from "../trigger-config.ts";
import { externalMetric, externalMetricType, externalSpec, normalizedName, type Scaler } from "./scaler.ts";

const PARAMETERS = {
  podSelector: required("podSelector", asText),
  value: withDefault("value", "0", asNumber),
  activationValue: withDefault("activationValue", "0", asNumber),
  groupByNode: withDefault("groupByNode", "false", asBoolean),
};

/** @throws Error with upstream's text */
export function createKubernetesWorkloadScaler(
  config: TriggerConfig,
  { api, clock }: { api: KubernetesApi; clock: Clock },
): Scaler {
  externalMetricType(config);
  const { value, activationValue, groupByNode, selector } = parseMetadata(config);
  return {
    kind: "kubernetesWorkloadScaler",
    metricSpecs: async () => [externalSpec(config, normalizedName(`workload-${config.namespace}`), value)],
    async metricsAndActivity(metricName) {
      let count: number;
      try {
        count = await countPods(api, config.namespace, selector, groupByNode);
      } catch (error) {
        throw new Error(`error inspecting kubernetes workload: ${(error as Error).message}`);
      }
      return { metrics: [externalMetric(metricName, count, clock.now())], active: count > activationValue };
    },
  };
}

function parseMetadata(config: TriggerConfig) {
  const wrong = (error: unknown) =>
    new Error(`error parsing kubernetes workload metadata: ${(error as Error).message}`);
  let metadata: ReturnType<typeof readParameters<typeof PARAMETERS>>;
  try {
    metadata = readParameters(config, PARAMETERS, ({ value = 0 }) =>
      value <= 0 && !config.asMetricSource ? "value must be a float greater than 0" : undefined,
    );
  } catch (error) {
    throw wrong(error);
  }
  try {
    return { ...metadata, selector: parseSelector(metadata.podSelector) };
  } catch (error) {
    throw new Error(`error parsing pod selector: ${(error as Error).message}`);
  }
}

async function countPods(
  api: KubernetesApi,
  namespace: string,
  selector: Selector,
  groupByNode: boolean,
): Promise<number> {
  const { items } = await api.list(RESOURCES.pods, { namespace, labelSelector: formatSelector(selector) });
  const pods = items.filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  if (!groupByNode) return pods.length;
  return new Set(pods.map(({ spec }) => spec?.nodeName).filter(Boolean)).size;
}
