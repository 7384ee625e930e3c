/** The configuration of metrics of custom resources (upstream `pkg/customresourcestate/config.go`), in YAML. */
import { parse } from "yaml";

export interface LabelsConfig {
  commonLabels?: Record<string, string>;
  labelsFromPath?: Record<string, string[]>;
}

export interface MetricMeta {
  path?: string[];
  labelsFromPath?: Record<string, string[]>;
}

export interface MetricConfig {
  /** Gauge, Info or StateSet, in any case. */
  type?: string;
  gauge?: MetricMeta & { labelFromKey?: string; valueFrom?: string[]; nilIsZero?: boolean };
  info?: MetricMeta & { labelFromKey?: string };
  stateSet?: MetricMeta & { list?: string[]; labelName?: string; valueFrom?: string[] };
}

export interface GeneratorConfig extends LabelsConfig {
  name: string;
  help?: string;
  each: MetricConfig;
}

export interface ResourceConfig extends LabelsConfig {
  /** @default `kube_customresource` */
  metricNamePrefix?: string;
  /** Version and kind may be `*`. */
  groupVersionKind: { group: string; version: string; kind: string };
  resourcePlural?: string;
  metrics: GeneratorConfig[];
}

/** @throws Error when it is no YAML, or not of this kind */
export function parseCustomResourceConfig(text: string): ResourceConfig[] {
  let config: { spec?: { resources?: ResourceConfig[] } } | null;
  try {
    config = parse(text);
  } catch (error) {
    throw new Error(`failed to parse Custom Resource State metrics: ${(error as Error).message}`);
  }
  const resources = config?.spec?.resources ?? [];
  if (!Array.isArray(resources) || resources.some((resource) => !Array.isArray(resource?.metrics))) {
    throw new Error("failed to parse Custom Resource State metrics: spec.resources[].metrics must be a list");
  }
  return resources;
}
