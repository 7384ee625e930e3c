/**
 * `${env:NAME}`, `${NAME}`, `${env:NAME:-default}` and `${file:path}` in a configuration's values (upstream
 * `confmap/expand.go`, `confmap/provider/envprovider`). `$NAME` stays as it is and `$$` becomes `$`.
 */
import { parseGoYaml } from "./go-yaml.ts";

/** An expansion that makes another one necessary, and so on: after this many it is an error. */
export const MAX_EXPANSIONS = 1000;

/**
 * A value that came whole out of an expansion: it was read as YAML, but a field that wants text gets the text as it was,
 * so that `0123` does not become 83.
 */
export class ExpandedValue {
  readonly value: unknown;
  readonly original: string;

  constructor(value: unknown, original: string) {
    this.value = value;
    this.original = original;
  }
}

/** Looks up what stands behind `scheme:`: YAML, or a value that needs no reading. */
export type ValueProvider = (rest: string) => Promise<string | ExpandedValue> | string | ExpandedValue;

export interface ExpandOptions {
  /** By scheme. A URI without a scheme is `env`'s. */
  providers: Readonly<Record<string, ValueProvider>>;
}

/**
 * Replaces expansions in all strings of a tree of maps and lists.
 *
 * @throws an error for an unknown scheme, an invalid name or expansions without end
 */
export async function expand(tree: unknown, options: ExpandOptions): Promise<unknown> {
  let current = tree;
  for (let pass = 0; pass < MAX_EXPANSIONS; pass++) {
    const next = await expandOnce(current, options);
    if (next === current) return unescapeDollars(current);
    current = next;
  }
  throw new Error("too many recursive expansions");
}

/** The provider of environment variables, with upstream's checks and defaults. */
export function envProvider(
  env: Readonly<Record<string, string | undefined>>,
  log: {
    warn: (message: string, fields: Record<string, unknown>) => void;
    info: (message: string, fields: Record<string, unknown>) => void;
  },
): ValueProvider {
  return (rest) => {
    const [name, fallback] = splitDefault(rest);
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      throw new Error(
        `environment variable "${name}" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$`,
      );
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === "") log.info("Configuration references empty environment variable", { name });
    if (value !== undefined) return value;
    // An empty default is an empty text; nothing at all would be null.
    if (fallback === "") return new ExpandedValue("", "");
    if (fallback === undefined) log.warn("Configuration references unset environment variable", { name });
    return fallback ?? "";
  };
}

function splitDefault(rest: string): [name: string, fallback: string | undefined] {
  const at = rest.indexOf(":-");
  return at === -1 ? [rest, undefined] : [rest.slice(0, at), rest.slice(at + 2)];
}

/** The same value when there was nothing to expand. */
async function expandOnce(value: unknown, options: ExpandOptions): Promise<unknown> {
  if (value instanceof ExpandedValue) return expandExpanded(value, options);
  if (typeof value === "string") return value.includes("${") ? expandText(value, options) : value;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) items.push(await expandOnce(item, options));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (typeof value === "object" && value !== null) {
    const expanded: Record<string, unknown> = {};
    let isChanged = false;
    for (const [key, item] of Object.entries(value)) {
      expanded[key] = await expandOnce(item, options);
      isChanged ||= expanded[key] !== item;
    }
    return isChanged ? expanded : value;
  }
  return value;
}

async function expandExpanded(expanded: ExpandedValue, options: ExpandOptions): Promise<unknown> {
  const value = await expandOnce(expanded.value, options);
  if (value instanceof ExpandedValue || typeof value === "string") {
    return value === expanded.value ? expanded : value;
  }
  let original: unknown;
  try {
    original = await expandOnce(expanded.original, options);
  } catch {
    // The text alone cannot be expanded (a comment in it, say): there is only the value.
    return value;
  }
  const text = original instanceof ExpandedValue ? original.original : original;
  if (value === expanded.value && text === expanded.original) return expanded;
  return new ExpandedValue(value, String(text));
}

async function expandText(text: string, options: ExpandOptions): Promise<unknown> {
  const uri = findUri(text);
  if (uri === undefined) return text;
  const content = await retrieve(uri.slice(2, -1), options);
  if (uri !== text) return text.replaceAll(uri, () => content.original);
  return content;
}

/**
 * The first `${…}` that holds no other. As upstream: one that an odd number of `$` before it escapes ends the search, also
 * for what stands behind it.
 */
function findUri(text: string): string | undefined {
  let from = 0;
  for (let close = text.indexOf("}"); close !== -1; close = text.indexOf("}", from)) {
    const part = text.slice(from, close + 1);
    const open = part.lastIndexOf("${");
    if (open !== -1) {
      let dollars = 0;
      while (part[open - 1 - dollars] === "$") dollars++;
      return dollars % 2 === 1 ? undefined : part.slice(open);
    }
    from = close + 1;
  }
  return undefined;
}

async function retrieve(text: string, { providers }: ExpandOptions): Promise<ExpandedValue> {
  const uri = text.includes(":") ? text : `env:${text}`;
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri) ?? [];
  if (scheme === undefined) throw new Error(`invalid uri: ${JSON.stringify(uri)}`);
  if (rest.includes("$")) {
    throw new Error(`the uri ${JSON.stringify(uri)} contains unsupported characters ('$')`);
  }
  const provider = Object.hasOwn(providers, scheme) ? providers[scheme] : undefined;
  if (provider === undefined) {
    throw new Error(`scheme ${JSON.stringify(scheme)} is not supported for uri ${JSON.stringify(uri)}`);
  }
  const content = await provider(rest);
  return content instanceof ExpandedValue ? content : new ExpandedValue(readValue(content), content);
}

/** What the text is as YAML. Text that is no YAML, or a string in YAML, is itself, quotes included. */
function readValue(text: string): unknown {
  try {
    const value = parseGoYaml(text) ?? null;
    return typeof value === "string" ? text : value;
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
