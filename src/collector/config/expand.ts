/**
 * `${env:NAME}`, `${NAME}` and `${env:NAME:-default}` in a configuration's values (upstream `confmap/expand.go` and
 * `confmap/provider/envprovider`). `$NAME` stays as it is and `$$` becomes `$`.
 */
import { parse } from "yaml";

/** An expansion that makes another one necessary, and so on: after this many it is an error. */
export const MAX_EXPANSIONS = 1000;

/**
 * A value that came whole out of an expansion: it was read as YAML, but a field that wants text gets the text as it was,
 * so that `0123` does not become 123.
 */
export class ExpandedValue {
  readonly value: unknown;
  readonly original: string;

  constructor(value: unknown, original: string) {
    this.value = value;
    this.original = original;
  }
}

/** Looks up `scheme:rest`; undefined stands for "not set". */
export type ValueProvider = (rest: string) => string | undefined;

export interface ExpandOptions {
  /** By scheme. A URI without a scheme is `env`'s. */
  providers: Readonly<Record<string, ValueProvider>>;
}

/**
 * Replaces expansions in all strings of a tree of maps and lists.
 *
 * @throws an error for an unknown scheme, an invalid name or expansions without end
 */
export function expand(tree: unknown, options: ExpandOptions): unknown {
  return unescapeDollars(expandUntilStable(tree, options));
}

/** The provider of environment variables, with upstream's checks and defaults. */
export function envProvider(
  env: Readonly<Record<string, string | undefined>>,
  warn: (message: string, fields: Record<string, unknown>) => void,
): ValueProvider {
  return (rest) => {
    const [name, fallback] = splitDefault(rest);
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      throw new Error(
        `environment variable "${name}" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$`,
      );
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined) {
      if (value === "") warn("Configuration references empty environment variable", { name });
      return value;
    }
    if (fallback === undefined) warn("Configuration references unset environment variable", { name });
    return fallback;
  };
}

function splitDefault(rest: string): [name: string, fallback: string | undefined] {
  const at = rest.indexOf(":-");
  return at === -1 ? [rest, undefined] : [rest.slice(0, at), rest.slice(at + 2)];
}

function expandUntilStable(value: unknown, options: ExpandOptions): unknown {
  let current = value;
  for (let pass = 0; pass < MAX_EXPANSIONS; pass++) {
    const next = expandOnce(current, options);
    if (next === current) return current;
    current = next;
  }
  throw new Error("too many recursive expansions");
}

/** The same value when there was nothing to expand. */
function expandOnce(value: unknown, options: ExpandOptions): unknown {
  if (value instanceof ExpandedValue) {
    const inner = expandOnce(value.value, options);
    const original = expandOnce(value.original, options);
    if (inner === value.value && original === value.original) return value;
    return new ExpandedValue(plain(inner), String(textOf(original)));
  }
  if (typeof value === "string") return value.includes("${") ? expandText(value, options) : value;
  if (Array.isArray(value)) {
    const items = value.map((item) => expandUntilStable(item, options));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) => [key, expandUntilStable(item, options)] as const,
    );
    const isChanged = entries.some(([key, item]) => item !== (value as Record<string, unknown>)[key]);
    return isChanged ? Object.fromEntries(entries) : value;
  }
  return value;
}

function expandText(text: string, options: ExpandOptions): unknown {
  const uri = findUri(text);
  if (uri === undefined) return text;
  const content = retrieve(uri.slice(2, -1), options);
  if (uri === text)
    return new ExpandedValue(content === undefined ? null : parseScalar(content), content ?? "");
  return text.replaceAll(uri, () => content ?? "");
}

/** The first `${…}` that holds no other: brackets are matched, and an odd number of `$` before one escapes it. */
function findUri(text: string): string | undefined {
  const open: { at: number; isEscaped: boolean }[] = [];
  for (const { index, 0: token } of text.matchAll(/\$\{|\}/g)) {
    if (token === "${") {
      let dollars = 0;
      while (text[index - 1 - dollars] === "$") dollars++;
      open.push({ at: index, isEscaped: dollars % 2 === 1 });
      continue;
    }
    const opening = open.pop();
    if (opening !== undefined && !opening.isEscaped) return text.slice(opening.at, index + 1);
  }
  return undefined;
}

function retrieve(uri: string, { providers }: ExpandOptions): string | undefined {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):(?!-)/.exec(uri)?.[1];
  if (scheme === undefined) return providers["env"](uri);
  const provider = Object.hasOwn(providers, scheme) ? providers[scheme] : undefined;
  if (provider === undefined) throw new Error(`scheme "${scheme}" is not supported for uri "${uri}"`);
  return provider(uri.slice(scheme.length + 1));
}

/** What the text is as YAML; text that is no YAML is itself. */
function parseScalar(text: string): unknown {
  try {
    return parse(text, { version: "1.2" });
  } catch {
    return text;
  }
}

function unescapeDollars(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$$", () => "$");
  if (value instanceof ExpandedValue) {
    return new ExpandedValue(
      unescapeDollars(value.value),
      value.original.replaceAll("$$", () => "$"),
    );
  }
  if (Array.isArray(value)) return value.map(unescapeDollars);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unescapeDollars(item)]));
  }
  return value;
}

function plain(value: unknown): unknown {
  return value instanceof ExpandedValue ? value.value : value;
}

function textOf(value: unknown): unknown {
  return value instanceof ExpandedValue ? value.original : value;
}
