/**
 * How a component declares its settings: one schema gives the type, the defaults and strict decoding, with upstream's
 * words (`confmap`, mapstructure): unknown keys are errors, and nothing is converted silently.
 */
import { parseGoDuration } from "../../model/go-duration.ts";
import { ExpandedValue } from "./expand.ts";

/** What was found wrong, one line each: `'timeout' time: invalid duration "x"`. */
export type Problems = string[];

export interface Schema<T> {
  /** What an absent value becomes. */
  default: () => T;
  /** Reports to `problems` and returns anything when the value cannot be used. */
  decode(value: unknown, path: string, problems: Problems): T;
  /** A null value is decoded too, and not the same as an absent one. */
  takesNull?: boolean;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;
type Fields = Record<string, Schema<unknown>>;
export type ObjectOf<F extends Fields> = { [K in keyof F]: Infer<F[K]> };

/** The value without the wrapping that an expansion left. */
export function rawValue(value: unknown): unknown {
  return value instanceof ExpandedValue ? value.value : value;
}

export function object<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  const defaults = () =>
    Object.fromEntries(Object.entries(fields).map(([key, schema]) => [key, schema.default()])) as ObjectOf<F>;
  return {
    default: defaults,
    decode(value, path, problems) {
      const raw = rawValue(value);
      const result = defaults();
      if (raw === null) return result;
      if (typeof raw !== "object" || Array.isArray(raw)) {
        problems.push(`'${path}' expected a map or struct, got "${typeName(raw)}"`);
        return result;
      }
      const unknown = Object.keys(raw).filter((key) => !Object.hasOwn(fields, key));
      if (unknown.length > 0) problems.push(`'${path}' has invalid keys: ${unknown.sort().join(", ")}`);
      for (const [key, item] of Object.entries(raw)) {
        if (!Object.hasOwn(fields, key)) continue;
        const schema = fields[key];
        if (rawValue(item) === null && schema.takesNull !== true) continue;
        (result as Record<string, unknown>)[key] = schema.decode(
          item,
          path === "" ? key : `${path}.${key}`,
          problems,
        );
      }
      return result;
    },
  };
}

/** Absent, or what `schema` takes. With `{}` or nothing behind the key it is there, with its defaults. */
export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return { default: () => undefined, decode: schema.decode, takesNull: true };
}

function scalar<T>(expected: string, fallback: T, convert: (raw: unknown) => T | undefined): Schema<T> {
  return {
    default: () => fallback,
    decode(value, path, problems) {
      const raw = rawValue(value);
      const converted = convert(raw);
      if (converted !== undefined) return converted;
      problems.push(`'${path}' expected type '${expected}', got unconvertible type '${typeName(raw)}'`);
      return fallback;
    },
  };
}

export function string(fallback = ""): Schema<string> {
  const schema = scalar("string", fallback, (raw) => (typeof raw === "string" ? raw : undefined));
  return {
    ...schema,
    decode: (value, path, problems) =>
      value instanceof ExpandedValue ? value.original : schema.decode(value, path, problems),
  };
}

export function bool(fallback: boolean): Schema<boolean> {
  return scalar("bool", fallback, (raw) => (typeof raw === "boolean" ? raw : undefined));
}

export function int(fallback: number): Schema<number> {
  return scalar("int", fallback, (raw) => (Number.isSafeInteger(raw) ? (raw as number) : undefined));
}

export function float(fallback: number): Schema<number> {
  return scalar("float64", fallback, (raw) => (typeof raw === "number" ? raw : undefined));
}

/** A whole number that is not negative. */
export function uint(fallback: number): Schema<number> {
  const schema = int(fallback);
  return {
    ...schema,
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw !== "number" || raw >= 0) return schema.decode(value, path, problems);
      problems.push(`'${path}' cannot parse, ${raw} overflows uint`);
      return fallback;
    },
  };
}

/** Milliseconds from Go's notation. A bare number is nanoseconds, as in Go. */
export function duration(fallbackMs: number): Schema<number> {
  return {
    default: () => fallbackMs,
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw === "number") return raw / 1e6;
      try {
        if (typeof raw === "string") return parseGoDuration(raw);
        problems.push(`'${path}' expected type 'time.Duration', got unconvertible type '${typeName(raw)}'`);
      } catch (error) {
        problems.push(`'${path}' ${(error as Error).message}`);
      }
      return fallbackMs;
    },
  };
}

/** One of these words. */
export function oneOf<const W extends string>(words: readonly W[], fallback: W): Schema<W> {
  return {
    default: () => fallback,
    decode(value, path, problems) {
      const raw = value instanceof ExpandedValue ? value.original : value;
      const word = words.find((known) => known === raw || known === String(raw).toLowerCase());
      if (word !== undefined) return word;
      problems.push(`'${path}' invalid value ${JSON.stringify(raw)} (valid values: [${words.join(" ")}])`);
      return fallback;
    },
  };
}

export function list<T>(item: Schema<T>, fallback: readonly T[] = []): Schema<T[]> {
  return {
    default: () => [...fallback],
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (Array.isArray(raw)) {
        return raw.map((element, index) => item.decode(element, `${path}[${index}]`, problems));
      }
      problems.push(`'${path}': source data must be an array or slice, got ${typeName(raw)}`);
      return [...fallback];
    },
  };
}

/** A map with keys of the user's choice. */
export function map<T>(item: Schema<T>): Schema<Record<string, T>> {
  return {
    default: () => ({}),
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) {
        return Object.fromEntries(
          Object.entries(raw).map(([key, element]) => [
            key,
            item.decode(element, path === "" ? key : `${path}.${key}`, problems),
          ]),
        );
      }
      problems.push(`'${path}' expected a map, got '${typeName(raw)}'`);
      return {};
    },
  };
}

/** Any value, as it is. */
export function any(): Schema<unknown> {
  return { default: () => undefined, decode: (value) => deepRaw(value), takesNull: true };
}

function deepRaw(value: unknown): unknown {
  const raw = rawValue(value);
  if (Array.isArray(raw)) return raw.map(deepRaw);
  if (typeof raw !== "object" || raw === null) return raw;
  return Object.fromEntries(Object.entries(raw).map(([key, item]) => [key, deepRaw(item)]));
}

/** Go's name of what YAML made. */
function typeName(raw: unknown): string {
  if (raw === null || raw === undefined) return "nil";
  if (Array.isArray(raw)) return "[]interface {}";
  if (typeof raw === "number") return Number.isInteger(raw) ? "int" : "float64";
  return (
    { boolean: "bool", string: "string", object: "map[string]interface {}" }[typeof raw as string] ?? "any"
  );
}
