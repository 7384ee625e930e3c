/** Where a configuration comes from: read, merged and expanded (upstream `confmap/resolver.go`). */
import type { CollectorConfig } from "./collector-config.ts";
import { ConfigError } from "./config-error.ts";
import { type ConfigContext, decodeConfig, isMap } from "./decode-config.ts";
import { ExpandedValue, expand, type ValueProvider } from "./expand.ts";
import { parseGoYaml } from "./go-yaml.ts";
import { goTypeName } from "./schema.ts";

/**
 * Reads the configuration that `--config` names: a path, `file:path`, `env:NAME` or `yaml:text`. Of several, maps are
 * merged and lists replaced, the last one wins.
 *
 * @throws ConfigError
 */
export async function loadConfig(uris: readonly string[], context: ConfigContext): Promise<CollectorConfig> {
  const providers = providersOf(context);
  let tree: unknown = {};
  try {
    for (const uri of uris) tree = merge(tree, await readSource(uri, providers));
    tree = await expand(tree, { providers });
  } catch (error) {
    throw new ConfigError(
      `failed to get config: cannot resolve the configuration: ${(error as Error).message}`,
    );
  }
  return decodeConfig(tree, context);
}

/** Those of the context, files and plain YAML. */
function providersOf({ providers, disk }: ConfigContext): Record<string, ValueProvider> {
  return {
    ...providers,
    yaml: (text) => text,
    async file(path) {
      try {
        return new TextDecoder().decode(await disk.readFile(path));
      } catch (error) {
        throw new Error(`unable to read the file file:${path}: ${goFileError(error, path)}`);
      }
    },
  };
}

/** Node's error as Go's `os` words it. */
function goFileError(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EISDIR: "is a directory",
  };
  const reason = words[code ?? ""];
  return reason === undefined ? message : `${code === "EISDIR" ? "read" : "open"} ${path}: ${reason}`;
}

async function readSource(uri: string, providers: Record<string, ValueProvider>): Promise<unknown> {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri) ?? [uri, "file", uri];
  if (!Object.hasOwn(providers, scheme)) throw new Error(`unsupported scheme on URI ${JSON.stringify(uri)}`);
  let retrieved: string | ExpandedValue;
  try {
    retrieved = await providers[scheme](rest);
  } catch (error) {
    throw new Error(`cannot retrieve the configuration: ${(error as Error).message}`);
  }
  if (retrieved instanceof ExpandedValue) return {};
  let content: unknown;
  try {
    content = parseGoYaml(retrieved) ?? {};
  } catch (error) {
    throw new Error(
      `retrieved value (type=string) cannot be used as a Conf: assuming string type since contents are not valid YAML: yaml: ${(error as Error).message}`,
    );
  }
  if (!isMap(content))
    throw new Error(`retrieved value (type=${goTypeName(content)}) cannot be used as a Conf`);
  return nested(content);
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
