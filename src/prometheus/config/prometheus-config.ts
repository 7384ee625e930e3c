/** The whole configuration file (`config/config.go`, Prometheus 3.14). */
import { defaultRelabelConfig, type RelabelConfig, validateRelabelConfig } from "../relabel/relabel.ts";
import { type AlertingConfig, alerting } from "./alerting-config.ts";
import type { NameValidation } from "./names.ts";
import { checkTranslation, defaultOtlpConfig, NO_OTLP, type OtlpConfig, otlp } from "./otlp-config.ts";
import {
  checkRemotes,
  type RemoteReadConfig,
  type RemoteWriteConfig,
  remoteRead,
  remoteWrite,
} from "./remote-config.ts";
import {
  defaultGlobalConfig,
  type FlagDefaults,
  type GlobalConfig,
  globalConfig,
  type ScrapeConfig,
  scrapeConfig,
  validateScrapeConfig,
  withFlagDefaults,
} from "./scrape-config.ts";
import { type StorageConfig, storage } from "./storage-config.ts";
import { ConfigError, integer, list, nullable, struct, text } from "./strict-yaml.ts";
import { type TracingConfig, tracing } from "./tracing-config.ts";

export interface PrometheusConfig {
  global: GlobalConfig;
  runtime: { gogc: number };
  alerting: AlertingConfig;
  rule_files?: string[];
  scrape_config_files?: string[];
  scrape_configs?: (ScrapeConfig | undefined)[];
  storage: StorageConfig;
  tracing?: TracingConfig;
  remote_write?: (RemoteWriteConfig | undefined)[];
  remote_read?: (RemoteReadConfig | undefined)[];
  otlp: OtlpConfig;
}

const DEFAULT_GOGC = 75;

export function defaultPrometheusConfig(defaults: FlagDefaults): PrometheusConfig {
  return {
    global: withFlagDefaults(defaultGlobalConfig(), defaults),
    runtime: { gogc: DEFAULT_GOGC },
    alerting: {},
    storage: {},
    otlp: defaultOtlpConfig(),
  };
}

const RULE_PATH = /^[^*]*(\*[^/]*)?$/;

export const prometheusConfig = (defaults: FlagDefaults) =>
  struct<PrometheusConfig>({
    type: "config.plain",
    defaults: () => defaultPrometheusConfig(defaults),
    fields: {
      // An open but empty section gives the defaults.
      global: (node, context, current) =>
        withFlagDefaults(nullable(globalConfig)(node, context, current) ?? defaultGlobalConfig(), defaults),
      runtime: struct({
        type: "config.RuntimeConfig",
        defaults: () => ({ gogc: DEFAULT_GOGC }),
        fields: { gogc: integer("int") },
      }),
      alerting,
      rule_files: list(text(), "[]string"),
      scrape_config_files: list(text(), "[]string"),
      scrape_configs: list(nullable(scrapeConfig), "[]*config.ScrapeConfig"),
      storage,
      tracing: nullable(tracing),
      remote_write: list(nullable(remoteWrite), "[]*config.RemoteWriteConfig"),
      remote_read: list(nullable(remoteRead), "[]*config.RemoteReadConfig"),
      otlp: (node, context, current) => nullable(otlp)(node, context, current) ?? { ...NO_OTLP },
    },
    check: checkConfig,
  });

function checkConfig(config: PrometheusConfig): void {
  for (const path of config.rule_files ?? [])
    if (!RULE_PATH.test(path)) throw new ConfigError(`invalid rule file path ${JSON.stringify(path)}`);
  for (const path of config.scrape_config_files ?? [])
    if (!RULE_PATH.test(path))
      throw new ConfigError(`invalid scrape config file path ${JSON.stringify(path)}`);
  const jobs = new Set<string>();
  for (const scrape of config.scrape_configs ?? []) {
    if (scrape === undefined) throw new ConfigError("empty or null scrape config section");
    validateScrapeConfig(scrape, config.global);
    if (jobs.has(scrape.job_name))
      throw new ConfigError(`found multiple scrape configs with job name ${JSON.stringify(scrape.job_name)}`);
    jobs.add(scrape.job_name);
  }
  const names = config.global.metric_name_validation_scheme as NameValidation;
  const checkRules = (rules: (RelabelConfig | undefined)[] = []) => {
    for (const rule of rules) validateRelabelConfig(rule ?? defaultRelabelConfig(), names);
  };
  checkRules(config.alerting.alert_relabel_configs);
  for (const manager of config.alerting.alertmanagers ?? []) {
    checkRules(manager?.alert_relabel_configs);
    checkRules(manager?.relabel_configs);
  }
  checkRemotes("write", config.remote_write);
  for (const remote of config.remote_write ?? []) checkRules(remote?.write_relabel_configs);
  checkRemotes("read", config.remote_read);
  checkTranslation(config.otlp, names);
}
