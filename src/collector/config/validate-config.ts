/** What contradicts itself in a configuration that could be read (upstream `otelcol/config.go`, `service/pipelines/config.go`). */
import { type Factories, factoryOf } from "../factories.ts";
import type { CollectorConfig, PipelineConfig } from "./collector-config.ts";

/** What is wrong, in upstream's order: the whole's first problem, then each component's and each pipeline's own. */
export function validateConfig(config: CollectorConfig, factories: Factories): string[] {
  const problems = [validateWhole(config)];
  for (const kind of ["receiver", "exporter", "processor", "connector", "extension"] as const) {
    for (const [id, component] of [...config[`${kind}s`]].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const found = factoryOf(factories, kind, component.type)!.validate?.(component.settings as never);
      if (found === undefined) continue;
      problems.push(`${kind}s::${id}${found.startsWith("::") ? "" : ": "}${found}`);
    }
  }
  problems.push(...validateService(config.service));
  return problems.filter((problem) => problem !== undefined);
}

function validateWhole(config: CollectorConfig): string | undefined {
  const { receivers, processors, exporters, connectors, extensions, service } = config;
  if (receivers.size + exporters.size + processors.size + connectors.size + extensions.size === 0) {
    return "empty configuration file";
  }
  if (receivers.size === 0) return "no receiver configuration specified in config";
  if (exporters.size === 0) return "no exporter configuration specified in config";
  for (const id of connectors.keys()) {
    const kind = exporters.has(id) ? "exporter" : receivers.has(id) ? "receiver" : undefined;
    if (kind === undefined) continue;
    return (
      `connectors::${id}: ambiguous ID: Found both "${id}" ${kind} and "${id}" connector. Change one of the ` +
      `components' IDs to eliminate ambiguity (e.g. rename "${id}" connector to "${id}/connector")`
    );
  }
  const extension = service.extensions.find((id) => !extensions.has(id));
  if (extension !== undefined) {
    return `service::extensions: references extension "${extension}" which is not configured`;
  }
  for (const pipeline of service.pipelines) {
    const problem = missingReference(pipeline, config);
    if (problem !== undefined) return `service::pipelines::${pipeline.id}: ${problem}`;
  }
  return undefined;
}

function missingReference(pipeline: PipelineConfig, config: CollectorConfig): string | undefined {
  const missing = (kind: string, ids: string[], ...known: Map<string, unknown>[]) => {
    const id = ids.find((id) => !known.some((components) => components.has(id)));
    return id === undefined ? undefined : `references ${kind} "${id}" which is not configured`;
  };
  return (
    missing("receiver", pipeline.receivers, config.receivers, config.connectors) ??
    missing("processor", pipeline.processors, config.processors) ??
    missing("exporter", pipeline.exporters, config.exporters, config.connectors)
  );
}

function validateService({ pipelines, telemetry }: CollectorConfig["service"]): (string | undefined)[] {
  const problems: (string | undefined)[] = [];
  if (telemetry.metrics.level !== "none" && telemetry.metrics.readers.length === 0) {
    problems.push(
      "service::telemetry: collector telemetry metrics reader should exist when metric level is not none",
    );
  }
  if (pipelines.length === 0) problems.push("service::pipelines: service must have at least one pipeline");
  for (const pipeline of pipelines) {
    if ((pipeline.signal as string) === "profiles") {
      problems.push(
        `service::pipelines: pipeline "${pipeline.id}": profiling signal support is at alpha level, gated under the "service.profilesSupport" feature gate`,
      );
    }
    const problem = validatePipeline(pipeline);
    if (problem !== undefined) problems.push(`service::pipelines::${pipeline.id}: ${problem}`);
  }
  return problems;
}

function validatePipeline({ receivers, processors, exporters }: PipelineConfig): string | undefined {
  if (receivers.length === 0) return "must have at least one receiver";
  if (exporters.length === 0) return "must have at least one exporter";
  const repeated = processors.find((id, index) => processors.indexOf(id) !== index);
  return repeated === undefined ? undefined : `references processor "${repeated}" multiple times`;
}
