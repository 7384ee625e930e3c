/** The metrics that the configuration asks for of one custom resource, as a kind like the others. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { Family } from "../family.ts";
import type { Kind } from "../kind.ts";
import { addLabels, compileLabels, compileMetric } from "./custom-metric.ts";
import type { GeneratorConfig, ResourceConfig } from "./custom-resource-config.ts";

export interface Definition extends KubernetesObject {
  spec: {
    group: string;
    scope?: string;
    names: { kind: string; plural: string };
    versions: { name: string; served?: boolean }[];
  };
}

type OnError = (family: string, error: Error) => void;

/** Whether the definition is of what the configuration means, and in which of its versions. */
export function versionsMeant({ groupVersionKind }: ResourceConfig, { spec }: Definition): string[] {
  const { group, version, kind } = groupVersionKind;
  if (spec.group !== group || (kind !== "*" && kind !== spec.names.kind)) return [];
  return spec.versions
    .filter(({ name, served }) => served !== false && (version === "*" || version === name))
    .map(({ name }) => name);
}

/** @throws Error in upstream's words for a metric that is not whole */
export function customResourceKind(
  config: ResourceConfig,
  { spec }: Definition,
  version: string,
  onError: OnError,
): Kind {
  const meant = { group: spec.group, version, kind: spec.names.kind };
  return {
    resource: { group: spec.group, version, resource: spec.names.plural },
    namespaced: spec.scope !== "Cluster",
    families: config.metrics.map((metric) => customFamily(config, metric, meant, onError)),
    shared: () => [],
  };
}

/** Checks all metrics of a configuration, also those for which there is no definition yet. */
export function checkCustomResource(config: ResourceConfig): void {
  for (const metric of config.metrics) customFamily(config, metric, config.groupVersionKind, () => {});
}

function customFamily(
  resource: ResourceConfig,
  config: GeneratorConfig,
  { group, version, kind }: ResourceConfig["groupVersionKind"],
  onError: OnError,
): Family {
  const common: Record<string, string> = {
    ...resource.commonLabels,
    customresource_group: group,
    customresource_version: version,
    customresource_kind: kind,
    ...config.commonLabels,
  };
  try {
    const paths = compileLabels({ ...resource.labelsFromPath, ...config.labelsFromPath });
    const metric = compileMetric(config.each ?? {});
    const { metricNamePrefix = "kube_customresource" } = resource;
    const name = [metricNamePrefix, config.name].filter((part) => part !== "").join("_");
    return {
      name,
      help: config.help ?? "",
      type: metric.type,
      stable: false,
      samples(object) {
        const base = { ...common };
        addLabels(object, paths, base);
        return metric
          .values(object, (error) => onError(name, error))
          .map(({ labels, value }) => ({ labels: Object.entries({ ...base, ...labels }).sort(), value }));
      },
    };
  } catch (error) {
    throw new Error(`${config.name}: ${(error as Error).message}`);
  }
}
