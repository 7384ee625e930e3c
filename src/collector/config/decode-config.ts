/**
 * A Collector's configuration as it is used, decoded from the tree that `load-config.ts` reads, with upstream's messages
 * (`otelcol/unmarshaler.go`).
 */
import type { Disk } from "../../base/disk.ts";
import type { Signal } from "../../wire/otlp/signal.ts";
import { ALL_SIGNALS } from "../component.ts";
import { type ComponentKind, type Factories, factoryOf, typesOf } from "../factories.ts";
import {
  type CollectorConfig,
  type ComponentConfig,
  type PipelineConfig,
  SERVICE,
} from "./collector-config.ts";
import { type ComponentId, formatComponentId, parseComponentId } from "./component-id.ts";
import { ConfigError, InvalidConfigError } from "./config-error.ts";
import { ExpandedValue, type ValueProvider } from "./expand.ts";
import { goKind, goTypeName, type Problems, rawValue } from "./schema.ts";
import { validateConfig } from "./validate-config.ts";

export interface ConfigContext {
  disk: Disk;
  /** By scheme, `env` among them. */
  providers: Readonly<Record<string, ValueProvider>>;
  factories: Factories;
  warn: (message: string) => void;
}

const KINDS = ["receiver", "processor", "exporter", "connector", "extension"] as const;

export function isMap(value: unknown): value is Record<string, unknown> {
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
  const [receivers, processors, exporters, connectors, extensions] = KINDS.map((kind) =>
    decodeComponents(kind, top[`${kind}s`], context, problems),
  );
  const service = SERVICE.decode(rawValue(top["service"] ?? null), "service", problems);
  const pipelines = Object.entries(service.pipelines).map(([id, pipeline]) =>
    decodePipeline(id, pipeline, problems),
  );
  if (unknown.length > 0) {
    problems.push(`'otelcol.configSettings' has invalid keys: ${unknown.sort().join(", ")}`);
  }
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
      extensions: service.extensions,
      pipelines: pipelines.map((pipeline) => pipeline!),
      telemetry: service.telemetry,
    },
  };
  const found = validateConfig(config, context.factories);
  if (found.length > 0) throw new InvalidConfigError(found.join("\n"));
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
    problems.push(`'${kind}s' expected a map or struct, got "${goKind(section)}"`);
    return components;
  }
  const misfits = Object.entries(section).flatMap(([key, settings]) => {
    const raw = rawValue(settings);
    return raw === null || isMap(raw)
      ? []
      : [`'[${key}]' expected type 'map[string]interface {}', got unconvertible type '${goTypeName(raw)}'`];
  });
  if (misfits.length > 0) {
    problems.push(`'${kind}s' decoding failed due to the following error(s):\n\n${misfits.join("\n")}`);
    return components;
  }
  const named = new Map<string, string>();
  for (const [key, settings] of Object.entries(section)) {
    try {
      const text = formatComponentId(idOf(key));
      if (named.has(text)) throw new Error(`'' duplicate name "${key}" after unmarshaling ${text}`);
      named.set(text, key);
      components.set(text, decodeComponent(kind, text, settings, factories, warn));
    } catch (error) {
      problems.push(`'${kind}s' ${(error as Error).message}`);
      // As upstream: the first one that is wrong ends the section.
      break;
    }
  }
  return components;
}

function idOf(key: string): ComponentId {
  try {
    return parseComponentId(key);
  } catch (error) {
    throw new Error(`'' ${(error as Error).message}`);
  }
}

/** @throws an error that says what is wrong with the type or its settings */
function decodeComponent(
  kind: ComponentKind,
  id: string,
  settings: unknown,
  factories: Factories,
  warn: (message: string) => void,
): ComponentConfig {
  const [type] = id.split("/", 1);
  if (kind === "exporter" && type === "logging") {
    throw new Error("the logging exporter has been deprecated, use the debug exporter instead");
  }
  const found = factoryOf(factories, kind, type);
  if (found === undefined) {
    throw new Error(
      `unknown type: "${type}" for id: "${id}" (valid values: [${typesOf(factories, kind).join(" ")}])`,
    );
  }
  if (found.type !== type) warn(`"${type}" alias is deprecated; use "${found.type}" instead`);
  const problems: Problems = [];
  const decoded = found.schema.decode(rawValue(settings) ?? null, "", problems);
  if (problems.length > 0) {
    throw new Error(
      `error reading configuration for "${id}": decoding failed due to the following error(s):\n\n${problems.join("\n")}`,
    );
  }
  return { id, type: found.type, settings: decoded };
}

function decodePipeline(
  key: string,
  pipeline: { receivers: string[]; processors: string[]; exporters: string[] },
  problems: Problems,
): PipelineConfig | undefined {
  const slash = key.indexOf("/");
  const signal = (slash === -1 ? key : key.slice(0, slash)).trim();
  const name = slash === -1 ? "" : key.slice(slash + 1).trim();
  const complain = (what: string) => {
    problems.push(`'service.pipelines' in "${key}" id: ${what}`);
    return undefined;
  };
  if (signal === "") return complain("the part before / should not be empty");
  if (slash !== -1 && name === "") return complain("the part after / should not be empty");
  if (signal !== "profiles" && !ALL_SIGNALS.includes(signal as Signal)) {
    return complain(`unknown pipeline signal: "${signal}"`);
  }
  return { id: name === "" ? signal : `${signal}/${name}`, signal: signal as Signal, ...pipeline };
}
