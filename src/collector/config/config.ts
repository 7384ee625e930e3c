/**
 * A Collector's configuration: read, expanded, merged, decoded and validated, with upstream's messages
 * (`otelcol/config.go`, `otelcol/unmarshaler.go`, `service/pipelines/config.go`).
 */
import { parseDocument } from "yaml";
import type { Disk } from "../../base/disk.ts";
import type { Signal } from "../../wire/otlp/signal.ts";
import { ALL_SIGNALS } from "../component.ts";
import { type ComponentKind, type Factories, factoryOf, typesOf } from "../factories.ts";
import { formatComponentId, parseComponentId } from "./component-id.ts";
import { ExpandedValue, expand, type ValueProvider } from "./expand.ts";
import { any, bool, type Infer, int, list, map, object, type Problems, rawValue, string } from "./schema.ts";

/** A configuration that cannot be used. Its message is what upstream prints behind `Error: `. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

const PROMETHEUS_READER = object({
  host: string("localhost"),
  port: int(8888),
  without_scope_info: bool(true),
  without_units: bool(true),
  without_type_suffix: bool(true),
  with_resource_constant_labels: any(),
});

const READER = object({ pull: object({ exporter: object({ prometheus: PROMETHEUS_READER }) }) });

const TELEMETRY = object({
  logs: object({
    level: string("info"),
    encoding: string("console"),
    development: bool(false),
    disable_caller: bool(false),
    disable_stacktrace: bool(false),
    sampling: any(),
    output_paths: list(string(), ["stderr"]),
    error_output_paths: list(string(), ["stderr"]),
    initial_fields: any(),
    processors: any(),
  }),
  metrics: object({
    level: string("normal"),
    readers: list(READER, [READER.default()]),
    views: any(),
  }),
  traces: any(),
  resource: any(),
});

const SERVICE = object({
  extensions: list(string()),
  pipelines: map(
    object({ receivers: list(string()), processors: list(string()), exporters: list(string()) }),
  ),
  telemetry: TELEMETRY,
});

export interface PipelineConfig {
  /** `metrics/2` */
  id: string;
  signal: Signal;
  receivers: string[];
  processors: string[];
  exporters: string[];
}

/** A component's decoded settings under its id. */
export interface ComponentConfig {
  id: string;
  type: string;
  settings: unknown;
}

export interface CollectorConfig {
  receivers: Map<string, ComponentConfig>;
  processors: Map<string, ComponentConfig>;
  exporters: Map<string, ComponentConfig>;
  connectors: Map<string, ComponentConfig>;
  extensions: Map<string, ComponentConfig>;
  service: {
    extensions: string[];
    pipelines: PipelineConfig[];
    telemetry: Infer<typeof TELEMETRY>;
  };
}

export interface ConfigContext {
  disk: Disk;
  /** By scheme, `env` among them. */
  providers: Readonly<Record<string, ValueProvider>>;
  factories: Factories;
  warn: (message: string) => void;
}

const KINDS = ["receiver", "processor", "exporter", "connector", "extension"] as const;

/**
 * Reads the configuration that `--config` names: a path, `file:path`, `env:NAME` or `yaml:text`. Of several, maps are
 * merged and lists replaced, the last one wins.
 *
 * @throws ConfigError
 */
export async function loadConfig(uris: readonly string[], context: ConfigContext): Promise<CollectorConfig> {
  let merged: unknown = {};
  for (const uri of uris) merged = merge(merged, await readSource(uri, context));
  try {
    return decodeConfig(expand(merged, context), context);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      `failed to get config: cannot resolve the configuration: ${(error as Error).message}`,
    );
  }
}

async function readSource(uri: string, { disk, providers }: ConfigContext): Promise<unknown> {
  const [, scheme, rest] = /^(file|env|yaml):(.*)$/s.exec(uri) ?? [uri, "file", uri];
  const fail = (problem: string) =>
    new ConfigError(
      `failed to get config: cannot resolve the configuration: cannot retrieve the configuration: ${problem}`,
    );
  let text: string;
  if (scheme === "yaml") text = rest;
  else if (scheme === "env") text = providers["env"](rest) ?? "";
  else {
    try {
      text = new TextDecoder().decode(await disk.readFile(rest));
    } catch (error) {
      throw fail(`unable to read the file file:${rest}: ${(error as Error).message}`);
    }
  }
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) throw fail(`${uri}: ${document.errors[0].message}`);
  const content: unknown = document.toJS({ maxAliasCount: 100 });
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content)) {
    throw fail(`${uri}: retrieved value does not have unique keys or is no map`);
  }
  return scheme === "yaml" ? nested(content as Record<string, unknown>) : content;
}

/** `{ "a::b": 1 }` → `{ a: { b: 1 } }`, as one writes it in `--config=yaml:a::b: 1`. */
function nested(flat: Record<string, unknown>): unknown {
  return Object.entries(flat).reduce<unknown>((tree, [path, value]) => {
    const branch = path.split("::").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    return merge(tree, branch);
  }, {});
}

/** Maps are merged, everything else replaced; `processors:` with nothing behind it erases. */
export function merge(base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over)) return over;
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    result[key] = Object.hasOwn(result, key) ? merge(result[key], value) : value;
  }
  return result;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExpandedValue)
  );
}

/** @throws ConfigError */
export function decodeConfig(tree: unknown, context: ConfigContext): CollectorConfig {
  const problems: Problems = [];
  const top = isMap(tree) ? tree : {};
  const known = [...KINDS.map((kind) => `${kind}s`), "service"];
  const unknown = Object.keys(top).filter((key) => !known.includes(key));
  if (unknown.length > 0) problems.push(`'' has invalid keys: ${unknown.sort().join(", ")}`);
  const [receivers, processors, exporters, connectors, extensions] = KINDS.map((kind) =>
    decodeComponents(kind, top[`${kind}s`], context, problems),
  );
  const service = SERVICE.decode(top["service"] ?? null, "service", problems);
  const pipelines = Object.entries(service.pipelines).map(([id, pipeline]) =>
    decodePipeline(id, pipeline, problems),
  );
  if (problems.length > 0) {
    throw new ConfigError(
      `failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):\n\n${problems.join("\n")}`,
    );
  }
  const config: CollectorConfig = {
    receivers,
    processors,
    exporters,
    connectors,
    extensions,
    service: {
      extensions: service.extensions.map(normaliseId),
      pipelines: pipelines.map((pipeline) => pipeline!),
      telemetry: service.telemetry,
    },
  };
  const problem = validate(config, context.factories);
  if (problem !== undefined) throw new ConfigError(`invalid configuration: ${problem}`);
  return config;
}

function decodeComponents(
  kind: ComponentKind,
  value: unknown,
  { factories, warn }: ConfigContext,
  problems: Problems,
): Map<string, ComponentConfig> {
  const components = new Map<string, ComponentConfig>();
  const section = rawValue(value) ?? {};
  if (!isMap(section)) {
    problems.push(`'${kind}s' expected a map`);
    return components;
  }
  for (const [key, settings] of Object.entries(section)) {
    try {
      const id = parseComponentId(key);
      const text = formatComponentId(id);
      if (components.has(text)) throw new Error(`duplicate name "${text}" after trimming spaces ${key}`);
      if (kind === "exporter" && id.type === "logging") {
        throw new Error("the logging exporter has been deprecated, use the debug exporter instead");
      }
      const found = factoryOf(factories, kind, id.type);
      if (found === undefined) {
        throw new Error(
          `unknown type: "${id.type}" for id: "${text}" (valid values: [${typesOf(factories, kind).join(" ")}])`,
        );
      }
      if (found.type !== id.type) warn(`"${id.type}" alias is deprecated; use "${found.type}" instead`);
      const inner: Problems = [];
      const decoded = found.schema.decode(settings ?? null, "", inner);
      if (inner.length > 0) {
        throw new Error(
          `error reading configuration for "${text}": decoding failed due to the following error(s):\n\n${inner.join("\n")}`,
        );
      }
      components.set(text, { id: text, type: found.type, settings: decoded });
    } catch (error) {
      problems.push(`'${kind}s' ${(error as Error).message}`);
    }
  }
  return components;
}

function decodePipeline(
  id: string,
  pipeline: { receivers: string[]; processors: string[]; exporters: string[] },
  problems: Problems,
): PipelineConfig | undefined {
  const [signal] = id.split("/");
  if (!ALL_SIGNALS.includes(signal as Signal)) {
    problems.push(`'service.pipelines' unknown pipeline signal: "${signal}"`);
    return undefined;
  }
  return {
    id,
    signal: signal as Signal,
    receivers: pipeline.receivers.map(normaliseId),
    processors: pipeline.processors.map(normaliseId),
    exporters: pipeline.exporters.map(normaliseId),
  };
}

function normaliseId(text: string): string {
  return formatComponentId(parseComponentId(text));
}

/** The first thing wrong, in upstream's order. */
function validate(config: CollectorConfig, factories: Factories): string | undefined {
  const { receivers, processors, exporters, connectors, extensions, service } = config;
  if (receivers.size + exporters.size + processors.size + connectors.size + extensions.size === 0) {
    return "empty configuration file";
  }
  if (receivers.size === 0) return "no receiver configuration specified in config";
  if (exporters.size === 0) return "no exporter configuration specified in config";
  for (const kind of KINDS) {
    for (const component of config[`${kind}s`].values()) {
      const problem = factoryOf(factories, kind, component.type)!.validate?.(component.settings as never);
      if (problem !== undefined) return `${kind}s::${component.id}: ${problem}`;
    }
  }
  for (const id of connectors.keys()) {
    for (const [kind, others] of [
      ["exporter", exporters],
      ["receiver", receivers],
    ] as const) {
      if (!others.has(id)) continue;
      return (
        `connectors::${id}: ambiguous ID: Found both "${id}" ${kind} and "${id}" connector. Change one of the ` +
        `components' IDs to eliminate ambiguity (e.g. rename "${id}" connector to "${id}/connector")`
      );
    }
  }
  for (const id of service.extensions) {
    if (!extensions.has(id))
      return `service::extensions: references extension "${id}" which is not configured`;
  }
  if (service.pipelines.length === 0) return "service::pipelines: service must have at least one pipeline";
  for (const pipeline of service.pipelines) {
    const problem = validatePipeline(pipeline, config);
    if (problem !== undefined) return `service::pipelines::${pipeline.id}: ${problem}`;
  }
  return undefined;
}

function validatePipeline(pipeline: PipelineConfig, config: CollectorConfig): string | undefined {
  if (pipeline.receivers.length === 0) return "must have at least one receiver";
  if (pipeline.exporters.length === 0) return "must have at least one exporter";
  const missing = (kind: string, ids: string[], ...known: Map<string, unknown>[]) => {
    const id = ids.find((id) => !known.some((components) => components.has(id)));
    return id === undefined ? undefined : `references ${kind} "${id}" which is not configured`;
  };
  const repeated = pipeline.processors.find((id, index) => pipeline.processors.indexOf(id) !== index);
  return (
    missing("receiver", pipeline.receivers, config.receivers, config.connectors) ??
    missing("processor", pipeline.processors, config.processors) ??
    missing("exporter", pipeline.exporters, config.exporters, config.connectors) ??
    (repeated === undefined ? undefined : `references processor "${repeated}" multiple times`)
  );
}
