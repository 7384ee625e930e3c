/** Data sources, as provisioning files declare them (`provisioning/datasources/*.yaml`, apiVersion 1). */
import { parse } from "yaml";
import type { Disk } from "../base/disk.ts";

export interface DataSource {
  id: number;
  uid: string;
  name: string;
  /** `prometheus`, `tempo`, `loki`. */
  type: string;
  access: string;
  url: string;
  isDefault: boolean;
  jsonData: Record<string, unknown>;
}

/** Data sources that may be provisioned. */
export const MAX_DATA_SOURCES = 100;

/** @throws an error that names the file and the entry */
export async function loadDataSources(
  disk: Disk,
  provisioningPath: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DataSource[]> {
  const sources: DataSource[] = [];
  for (const [file, content] of await readProvisioning(disk, `${provisioningPath}/datasources`, env)) {
    const entries = (content as { datasources?: unknown }).datasources ?? [];
    if (!Array.isArray(entries)) throw new Error(`${file}: datasources: expected a list`);
    for (const [index, entry] of entries.entries()) {
      if (sources.length >= MAX_DATA_SOURCES)
        throw new Error(`${file}: more than ${MAX_DATA_SOURCES} data sources`);
      sources.push(dataSourceOf(entry, sources.length + 1, `${file}: datasources[${index}]`));
    }
  }
  if (sources.filter(({ isDefault }) => isDefault).length > 1) {
    throw new Error(
      "Datasource provisioning error: datasource.yaml config is invalid. Only one datasource per organization can be marked as default",
    );
  }
  return sources;
}

function dataSourceOf(entry: unknown, id: number, where: string): DataSource {
  if (typeof entry !== "object" || entry === null) throw new Error(`${where}: expected a map`);
  const fields = entry as Record<string, unknown>;
  const text = (name: string, fallback?: string) => {
    const value = fields[name] ?? fallback;
    if (typeof value !== "string") throw new Error(`${where}: ${name} is missing or no text`);
    return value;
  };
  const name = text("name");
  const url = text("url", "");
  if (url !== "" && !/^https?:\/\//.test(url)) throw new Error(`${where}: url ${url} is no http address`);
  return {
    id,
    uid: text("uid", uidOf(name)),
    name,
    type: text("type"),
    access: text("access", "proxy"),
    url: url.replace(/\/$/, ""),
    isDefault: fields["isDefault"] === true,
    jsonData: (fields["jsonData"] as Record<string, unknown> | undefined) ?? {},
  };
}

/** A uid that is the same at every start, for sources that have none. */
function uidOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

/** The YAML files of a folder with `$NAME` and `${NAME}` filled in, by name. */
export async function readProvisioning(
  disk: Disk,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<[file: string, content: unknown][]> {
  const contents: [string, unknown][] = [];
  for (const name of await disk.list(folder)) {
    if (!/\.ya?ml$/.test(name)) continue;
    const file = `${folder}/${name}`;
    try {
      const text = new TextDecoder().decode(await disk.readFile(file));
      contents.push([file, expandEnv(parse(text) ?? {}, env)]);
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`);
    }
  }
  return contents;
}

function expandEnv(value: unknown, env: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof value === "string") {
    return value.replace(/\$\$|\$\{(\w+)\}|\$(\w+)/g, (whole, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      if (name === undefined) return "$";
      return (Object.hasOwn(env, name) ? env[name] : undefined) ?? (whole === "$$" ? "$" : "");
    });
  }
  if (Array.isArray(value)) return value.map((item) => expandEnv(item, env));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandEnv(item, env)]));
}
