/** Reads configuration files: paths become absolute to the file's folder, environment variables fill external labels. */
import { posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import type { DiscoveryConfigs } from "./discovery-config.ts";
import { glob } from "./glob.ts";
import type { HttpClientConfig } from "./http-client-config.ts";
import { defaultPrometheusConfig, type PrometheusConfig, prometheusConfig } from "./prometheus-config.ts";
import { type FlagDefaults, type ScrapeConfig, scrapeConfig, validateScrapeConfig } from "./scrape-config.ts";
import { ConfigError, decodeYaml, list, nullable, struct } from "./strict-yaml.ts";

export interface LoadOptions {
  disk: Disk;
  env: Readonly<Record<string, string | undefined>>;
  log: Logger;
  /** Agent mode has no rules, no alerting and no remote read. @default false */
  agent?: boolean;
  /** @default none */
  flagDefaults?: FlagDefaults;
}

/** A configuration file may measure so much. */
export const MAX_CONFIG_BYTES = 64 * 1024 * 1024;

/** @throws ConfigError with upstream's texts (`config.Load`) */
export function parseConfig(
  text: string,
  options: Pick<LoadOptions, "env" | "log" | "flagDefaults">,
): PrometheusConfig {
  const { flagDefaults = {} } = options;
  const config = decodeYaml(text, prometheusConfig(flagDefaults), () =>
    defaultPrometheusConfig(flagDefaults),
  );
  const labels = config.global.external_labels ?? {};
  for (const [name, value] of Object.entries(labels)) {
    labels[name] = value.replace(/\$(?:\$|\{([^}]*)\}|(\w+))/g, (match, braced, bare) => {
      if (match === "$$") return "$";
      const variable = braced ?? bare;
      const content = options.env[variable];
      if (!content) options.log.warn("Empty environment variable", { name: variable });
      return content ?? "";
    });
  }
  return config;
}

/** @throws ConfigError naming the file */
export async function loadConfigFile(path: string, options: LoadOptions): Promise<PrometheusConfig> {
  const text = await readText(options.disk, path);
  let config: PrometheusConfig;
  try {
    config = parseConfig(text, options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`parsing YAML file ${path}: ${error.message}`);
  }
  if (options.agent) {
    const { alertmanagers = [], alert_relabel_configs: rules = [] } = config.alerting;
    if (alertmanagers.length > 0 || rules.length > 0)
      throw new ConfigError("field alerting is not allowed in agent mode");
    if (config.rule_files?.length) throw new ConfigError("field rule_files is not allowed in agent mode");
    if (config.remote_read?.length) throw new ConfigError("field remote_read is not allowed in agent mode");
  }
  setDirectory(config, posix.dirname(path));
  return config;
}

async function readText(disk: Disk, path: string): Promise<string> {
  const stat = await disk.stat(path);
  if (stat === undefined) throw new ConfigError(`open ${path}: no such file or directory`);
  if (stat.size > MAX_CONFIG_BYTES) throw new ConfigError(`${path} is larger than ${MAX_CONFIG_BYTES} bytes`);
  return new TextDecoder().decode(await disk.readFile(path));
}

/** The scrape configurations of the file and of those that `scrape_config_files` names, read anew. */
export async function scrapeConfigsOf(config: PrometheusConfig, disk: Disk): Promise<ScrapeConfig[]> {
  const configs = (config.scrape_configs ?? []) as ScrapeConfig[];
  const all = [...configs];
  const jobs = new Map(configs.map((scrape) => [scrape.job_name, "main config file"]));
  for (const pattern of config.scrape_config_files ?? []) {
    for (const path of await glob(disk, pattern)) {
      try {
        for (const scrape of parseScrapeFile(await readText(disk, path), config)) {
          const first = jobs.get(scrape.job_name);
          if (first !== undefined)
            throw new ConfigError(
              `found multiple scrape configs with job name ${JSON.stringify(scrape.job_name)}, first found in ${first}`,
            );
          jobs.set(scrape.job_name, JSON.stringify(path));
          setScrapeDirectory(scrape, posix.dirname(path));
          all.push(scrape);
        }
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        throw new ConfigError(`${JSON.stringify(path)}: ${error.message}`);
      }
    }
  }
  return all;
}

interface ScrapeFile {
  scrape_configs?: (ScrapeConfig | undefined)[];
}

const scrapeFile = struct<ScrapeFile>({
  type: "config.ScrapeConfigs",
  defaults: () => ({}),
  fields: { scrape_configs: list(nullable(scrapeConfig), "[]*config.ScrapeConfig") },
});

function parseScrapeFile(text: string, config: PrometheusConfig): ScrapeConfig[] {
  const file = decodeYaml<ScrapeFile>(text, scrapeFile, () => ({}));
  for (const scrape of file.scrape_configs ?? []) {
    if (scrape === undefined) throw new ConfigError("empty or null scrape config section");
    validateScrapeConfig(scrape, config.global);
  }
  return (file.scrape_configs ?? []) as ScrapeConfig[];
}

function joinDirectory(directory: string, path: string): string {
  return path === "" || posix.isAbsolute(path) ? path : posix.join(directory, path);
}

function setDirectory(config: PrometheusConfig, directory: string): void {
  const join = (path: string) => joinDirectory(directory, path);
  const { global } = config;
  if (global.query_log_file) global.query_log_file = join(global.query_log_file);
  if (global.scrape_failure_log_file) global.scrape_failure_log_file = join(global.scrape_failure_log_file);
  config.rule_files = config.rule_files?.map(join);
  config.scrape_config_files = config.scrape_config_files?.map(join);
  for (const scrape of config.scrape_configs ?? []) setScrapeDirectory(scrape!, directory);
  for (const manager of config.alerting.alertmanagers ?? []) {
    if (manager === undefined) continue;
    setClientDirectory(manager, directory);
    setDiscoveryDirectory(manager, directory);
  }
  for (const remote of [...(config.remote_write ?? []), ...(config.remote_read ?? [])])
    setClientDirectory(remote!, directory);
  setTlsDirectory(config.tracing?.tls_config, directory);
}

function setScrapeDirectory(scrape: ScrapeConfig, directory: string): void {
  setClientDirectory(scrape, directory);
  setDiscoveryDirectory(scrape, directory);
  if (scrape.scrape_failure_log_file)
    scrape.scrape_failure_log_file = joinDirectory(directory, scrape.scrape_failure_log_file);
}

function setDiscoveryDirectory(configs: DiscoveryConfigs, directory: string): void {
  for (const each of configs.file_sd_configs ?? [])
    each!.files = each!.files.map((path) => joinDirectory(directory, path));
  for (const each of configs.http_sd_configs ?? []) setClientDirectory(each!, directory);
  for (const each of configs.kubernetes_sd_configs ?? []) {
    setClientDirectory(each!, directory);
    each!.kubeconfig_file = joinDirectory(directory, each!.kubeconfig_file);
  }
}

/** Makes every `…_file` of the client settings, at whatever depth, absolute to the folder. */
export function setClientDirectory(client: HttpClientConfig, directory: string): void {
  const { basic_auth: basic, authorization, oauth2 } = client;
  if (basic?.password_file) basic.password_file = joinDirectory(directory, basic.password_file);
  if (basic?.username_file) basic.username_file = joinDirectory(directory, basic.username_file);
  if (authorization?.credentials_file)
    authorization.credentials_file = joinDirectory(directory, authorization.credentials_file);
  if (oauth2?.client_secret_file)
    oauth2.client_secret_file = joinDirectory(directory, oauth2.client_secret_file);
  setTlsDirectory(oauth2?.tls_config, directory);
  setTlsDirectory(client.tls_config, directory);
  for (const header of Object.values(client.http_headers ?? {}))
    header.files = header.files?.map((path) => joinDirectory(directory, path));
}

function setTlsDirectory(tls: HttpClientConfig["tls_config"], directory: string): void {
  if (tls === undefined) return;
  if (tls.ca_file) tls.ca_file = joinDirectory(directory, tls.ca_file);
  if (tls.cert_file) tls.cert_file = joinDirectory(directory, tls.cert_file);
  if (tls.key_file) tls.key_file = joinDirectory(directory, tls.key_file);
}
