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
  /** What an expansion to nothing becomes (`${env:UNSET}`): Go's zero value, and not the default. */
  zero?: T;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;
type Fields = Record<string, Schema<unknown>>;
export type ObjectOf<F extends Fields> = { [K in keyof F]: Infer<F[K]> };

/** The value without the wrapping that an expansion left. */
export function rawValue(value: unknown): unknown {
  return value instanceof ExpandedValue ? value.value : value;
}

/** @param goType what upstream calls it where it has no path: `batchprocessor.Config` */
export function object<F extends Fields>(fields: F, goType = ""): Schema<ObjectOf<F>> {
  const defaults = () =>
    Object.fromEntries(Object.entries(fields).map(([key, schema]) => [key, schema.default()])) as ObjectOf<F>;
  return {
    default: defaults,
    decode(value, path, problems) {
      const raw = rawValue(value);
      const result = defaults();
      const entries = result as Record<string, unknown>;
      if (raw === null) return result;
      if (typeof raw !== "object" || Array.isArray(raw)) {
        problems.push(`'${path}' expected a map or struct, got "${goKind(raw)}"`);
        return result;
      }
      const unknown = Object.keys(raw).filter((key) => !Object.hasOwn(fields, key));
      if (unknown.length > 0)
        problems.push(`'${path || goType}' has invalid keys: ${unknown.sort().join(", ")}`);
      for (const [key, item] of Object.entries(raw)) {
        if (!Object.hasOwn(fields, key)) continue;
        const schema = fields[key];
        if (rawValue(item) === null && schema.takesNull !== true) {
          if (item instanceof ExpandedValue && "zero" in schema) entries[key] = schema.zero;
          continue;
        }
        entries[key] = schema.decode(item, path === "" ? key : `${path}.${key}`, problems);
      }
      return result;
    },
  };
}

/** Absent, or what `schema` takes. With `{}` or nothing behind the key it is there, with its defaults. */
export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return { default: () => undefined, decode: schema.decode, takesNull: true };
}

/** Decoded for itself, as upstream's types with an `Unmarshal` of their own: what is wrong in it has paths from here. */
export function separate<T>(schema: Schema<T>): Schema<T> {
  return {
    ...schema,
    decode(value, path, problems) {
      const inner: Problems = [];
      const decoded = schema.decode(value, "", inner);
      if (inner.length > 0) {
        problems.push(`'${path}' decoding failed due to the following error(s):\n\n${inner.join("\n")}`);
      }
      return decoded;
    },
  };
}

function scalar<T>(
  expected: string,
  fallback: T,
  zero: T,
  convert: (raw: unknown) => T | undefined,
): Schema<T> {
  return {
    zero,
    default: () => fallback,
    decode(value, path, problems) {
      const raw = rawValue(value);
      const converted = convert(raw);
      if (converted !== undefined) return converted;
      problems.push(`'${path}' expected type '${expected}', got unconvertible type '${goTypeName(raw)}'`);
      return fallback;
    },
  };
}

export function string(fallback = "", goType = "string"): Schema<string> {
  const schema = scalar(goType, fallback, "", (raw) => (typeof raw === "string" ? raw : undefined));
  return {
    ...schema,
    decode: (value, path, problems) =>
      value instanceof ExpandedValue ? value.original : schema.decode(value, path, problems),
  };
}

export function bool(fallback: boolean): Schema<boolean> {
  return scalar("bool", fallback, false, (raw) => (typeof raw === "boolean" ? raw : undefined));
}

export function int(fallback: number): Schema<number> {
  return scalar("int", fallback, 0, (raw) =>
    typeof raw === "number" && Number.isFinite(raw) ? Math.trunc(raw) : undefined,
  );
}

export function float(fallback: number): Schema<number> {
  return scalar("float64", fallback, 0, (raw) => (typeof raw === "number" ? raw : undefined));
}

/** A whole number that is not negative. */
export function uint32(fallback: number): Schema<number> {
  const schema = scalar("uint32", fallback, 0, (raw) =>
    Number.isSafeInteger(raw) ? (raw as number) : undefined,
  );
  return {
    ...schema,
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw !== "number" || raw >= 0) return schema.decode(value, path, problems);
      problems.push(`'${path}' cannot parse value as 'uint32': ${raw} overflows uint`);
      return fallback;
    },
  };
}

/** Milliseconds from Go's notation. A bare number is nanoseconds, as in Go. */
export function duration(fallbackMs: number): Schema<number> {
  return {
    zero: 0,
    default: () => fallbackMs,
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw === "number") return raw / 1e6;
      try {
        if (typeof raw === "string") return parseGoDuration(raw);
        problems.push(`'${path}' expected type 'time.Duration', got unconvertible type '${goTypeName(raw)}'`);
      } catch (error) {
        // As upstream, which does not repeat the value.
        problems.push(`'${path}' ${(error as Error).message.replace(/ ".*$/s, "")}`);
      }
      return fallbackMs;
    },
  };
}

/**
 * One of these words.
 *
 * @param complain says what is wrong with another one
 */
export function oneOf<const W extends string>(
  words: readonly W[],
  fallback: W,
  complain: (raw: unknown) => string = (raw) =>
    `invalid value ${JSON.stringify(raw)} (valid values: [${words.join(" ")}])`,
): Schema<W> {
  return {
    default: () => fallback,
    decode(value, path, problems) {
      const raw = value instanceof ExpandedValue ? value.original : value;
      const word = words.find((known) => known === raw || known === String(raw).toLowerCase());
      if (word !== undefined) return word;
      problems.push(`'${path}' ${complain(raw)}`);
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
      problems.push(`'${path}' source data must be an array or slice, got ${goKind(raw)}`);
      return [...fallback];
    },
  };
}

/** Texts: one text is a list too, with commas between its items. */
export function stringList(fallback: readonly string[] = []): Schema<string[]> {
  const schema = list(string(), fallback);
  return {
    ...schema,
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw !== "string") return schema.decode(value, path, problems);
      return raw === "" ? [] : raw.split(",");
    },
  };
}

/**
 * A map with keys of the user's choice.
 *
 * @param goType what upstream calls it
 */
export function map<T>(item: Schema<T>, goType = "map[string]interface {}"): Schema<Record<string, T>> {
  return {
    default: () => ({}),
    decode(value, path, problems) {
      const raw = rawValue(value);
      if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) {
        return Object.fromEntries(
          Object.entries(raw).map(([key, element]) => [
            key,
            item.decode(element, `${path}[${key}]`, problems),
          ]),
        );
      }
      problems.push(
        typeof raw === "string"
          ? `'${path}' expected type '${goType}', got unconvertible type 'string'`
          : `'${path}' expected a map or struct, got "${goKind(raw)}"`,
      );
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

/** Go's kind of what YAML made. */
export function goKind(raw: unknown): string {
  if (Array.isArray(raw)) return "slice";
  return typeof raw === "object" && raw !== null ? "map" : goTypeName(raw);
}

/** Go's name of the type of what YAML made. */
export function goTypeName(raw: unknown): string {
  if (raw === null || raw === undefined) return "nil";
  if (Array.isArray(raw)) return "[]interface {}";
  if (typeof raw === "number") return Number.isInteger(raw) ? "int" : "float64";
  return (
    { boolean: "bool", string: "string", object: "map[string]interface {}" }[typeof raw as string] ?? "any"
  );
}
