/**
 * Reading a trigger's parameters (keda `pkg/scalers/scalersconfig/typed_config.go`): from its metadata, from
 * environment variables of the scale target, or from its authentication; with upstream's messages.
 */
import { type MetricType, parseGoBoolean } from "./scaled-object.ts";

export interface TriggerConfig {
  namespace: string;
  scaledObject: string;
  type: string;
  name: string;
  index: number;
  metadata: Readonly<Record<string, string>>;
  /** From the TriggerAuthentication. */
  authParams: Readonly<Record<string, string>>;
  /** The environment of the scale target's container, for `…FromEnv`. */
  resolvedEnv: Readonly<Record<string, string>>;
  metricType?: MetricType;
  /** The value goes into a formula. */
  asMetricSource: boolean;
  useCachedMetrics: boolean;
  /** `KEDA_HTTP_DEFAULT_TIMEOUT`, in milliseconds. */
  httpTimeoutMs: number;
}

export type ParameterSource = "triggerMetadata" | "resolvedEnv" | "authParams";

interface Parameter<T> {
  names: string[];
  order: ParameterSource[];
  optional: boolean;
  fallback?: string;
  allowed?: readonly string[];
  /** At most one of these. */
  exclusive?: readonly string[];
  parse: (text: string) => T;
}

export type Parameters = Record<string, Parameter<unknown>>;
export type ParameterValues<P extends Parameters> = {
  [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

interface ParameterOptions {
  /** @default ["triggerMetadata"] */
  order?: ParameterSource[];
  /** Used when the parameter is absent. */
  fallback?: string;
  allowed?: readonly string[];
}

const build = <T>(
  names: string,
  parse: (text: string) => T,
  options: ParameterOptions,
  optional: boolean,
) => ({
  names: names.split(";"),
  order: options.order ?? (["triggerMetadata"] as ParameterSource[]),
  optional: optional || options.fallback !== undefined,
  fallback: options.fallback,
  allowed: options.allowed,
  parse,
});

/** Must be there. Several names are separated by `;`. */
export const required = <T>(
  names: string,
  parse: (text: string) => T,
  options: ParameterOptions = {},
): Parameter<T> => build(names, parse, options, false);

/** Undefined when absent. */
export const optional = <T>(
  names: string,
  parse: (text: string) => T,
  options: ParameterOptions = {},
): Parameter<T | undefined> => build(names, parse, options, true);

/** Has a value when absent. */
export const withDefault = <T>(
  names: string,
  fallback: string,
  parse: (text: string) => T,
  options: ParameterOptions = {},
): Parameter<T> => build(names, parse, { ...options, fallback }, true);

/**
 * Reads all parameters of a table.
 *
 * @param check what is wrong with them together; asked even where some are missing, as upstream does
 * @throws Error with one line for each thing that is wrong
 */
export function readParameters<const P extends Parameters>(
  config: TriggerConfig,
  table: P,
  check?: (values: Partial<ParameterValues<P>>) => string | undefined,
): ParameterValues<P> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, parameter] of Object.entries(table)) {
    try {
      values[key] = readParameter(config, parameter);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  const problem = check?.(values as Partial<ParameterValues<P>>);
  if (problem !== undefined) problems.push(problem);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return values as ParameterValues<P>;
}

function readParameter(config: TriggerConfig, parameter: Parameter<unknown>): unknown {
  const name = JSON.stringify(parameter.names.join(","));
  const text = find(config, parameter) ?? parameter.fallback;
  if (text === undefined) {
    if (parameter.optional) return undefined;
    throw new Error(`missing required parameter ${name} in [${parameter.order.join(" ")}]`);
  }
  const { allowed, exclusive } = parameter;
  const parts = text.split(",").map((part) => part.trim());
  if (allowed !== undefined && parts.some((part) => !allowed.includes(part))) {
    throw new Error(`parameter ${name} value ${JSON.stringify(text)} must be one of [${allowed.join(" ")}]`);
  }
  if (exclusive !== undefined && parts.filter((part) => exclusive.includes(part)).length > 1) {
    throw new Error(
      `parameter ${name} value ${JSON.stringify(text)} must contain only one of [${exclusive.join(" ")}]`,
    );
  }
  try {
    return parameter.parse(text);
  } catch (error) {
    throw new Error(`unable to set param ${name} value ${JSON.stringify(text)}: ${(error as Error).message}`);
  }
}

function find(config: TriggerConfig, { names, order }: Parameter<unknown>): string | undefined {
  for (const source of order) {
    for (const name of names) {
      const value = lookUp(config, source, name)?.trim();
      if (value !== undefined && value !== "") return value;
    }
  }
  return undefined;
}

function lookUp(config: TriggerConfig, source: ParameterSource, name: string): string | undefined {
  const own = (map: Readonly<Record<string, string>>, key: string | undefined) =>
    key !== undefined && Object.hasOwn(map, key) ? String(map[key]) : undefined;
  if (source === "triggerMetadata") return own(config.metadata, name);
  if (source === "authParams") return own(config.authParams, name);
  return own(config.resolvedEnv, own(config.metadata, `${name}FromEnv`));
}

// ---- types of parameters ----

export const asText = (text: string): string => text;

/** A number as Go's JSON decoder takes it. */
export function asNumber(text: string): number {
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  throw new Error(`unable to unmarshal to field type float64: ${jsonProblem(text)}`);
}

export function asInteger(text: string): number {
  if (/^-?(0|[1-9]\d*)$/.test(text)) return Number(text);
  const isFloat = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text);
  const problem = isFloat
    ? `json: cannot unmarshal number ${text} into Go value of type int64`
    : jsonProblem(text);
  throw new Error(`unable to unmarshal to field type int64: ${problem}`);
}

export function asBoolean(text: string): boolean {
  const value = parseGoBoolean(text);
  if (value !== undefined) return value;
  const quoted = JSON.stringify(text);
  throw new Error(
    `unable to parse boolean value ${quoted}: strconv.ParseBool: parsing ${quoted}: invalid syntax`,
  );
}

/** A list, split at commas. */
export const asList = (text: string): string[] => text.split(",").map((part) => part.trim());

/** `k=v,k=v`. */
export function asMap(text: string): Map<string, string> {
  return new Map(
    text.split(",").map((pair): [string, string] => {
      const parts = pair.trim().split("=");
      if (parts.length !== 2)
        throw new Error(`expected format key=value, got ${JSON.stringify(pair.trim())}`);
      return [parts[0].trim(), parts[1].trim()];
    }),
  );
}

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's duration text, or a number of milliseconds; in milliseconds. */
export function asDurationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const isDuration = parts.length > 0 && parts.map(([part]) => part).join("") === text.replace(/^[+-]/, "");
  if (isDuration) {
    if (text.startsWith("-")) throw new Error(`duration cannot be negative: ${JSON.stringify(text)}`);
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit], 0);
  }
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(
      `unable to parse duration value ${JSON.stringify(text)}: must be either a duration string (e.g. '30s', '5m') or a number of milliseconds`,
    );
  }
  if (Number(text) < 0) throw new Error(`duration cannot be negative: ${text} milliseconds`);
  return Number(text);
}

/** What Go's JSON decoder says of a text that is no number. */
function jsonProblem(text: string): string {
  const match = /^-?(0|[1-9]\d*)?(\.\d+)?([eE][+-]?\d+)?/.exec(text)!;
  const [whole] = match;
  if (whole === text) return "unexpected end of JSON input";
  const character = text[whole.length];
  if (whole === "") return `invalid character '${character}' looking for beginning of value`;
  if (whole === "-") return `invalid character '${character}' in numeric literal`;
  return `invalid character '${character}' after top-level value`;
}
