/** The section `alerting`: Alertmanagers, and what is made of alerts before they are sent. */
import { type RelabelConfig, relabelList } from "../relabel/relabel.ts";
import {
  checkDiscovery,
  type DiscoveryConfigs,
  discoveryFields,
  duration,
  refuseForeignDiscovery,
} from "./discovery-config.ts";
import {
  DEFAULT_HTTP_CLIENT,
  type HttpClientConfig,
  httpClientFields,
  validateHttpClient,
} from "./http-client-config.ts";
import { ConfigError, type Fields, list, mapping, nullable, parsed, struct, text } from "./strict-yaml.ts";

export interface AlertmanagerConfig extends HttpClientConfig, DiscoveryConfigs {
  scheme: string;
  path_prefix?: string;
  timeout: number;
  api_version: string;
  sigv4?: Record<string, string>;
  relabel_configs?: (RelabelConfig | undefined)[];
  alert_relabel_configs?: (RelabelConfig | undefined)[];
}

export interface AlertingConfig {
  alert_relabel_configs?: (RelabelConfig | undefined)[];
  alertmanagers?: (AlertmanagerConfig | undefined)[];
}

const alertmanager = struct<AlertmanagerConfig>({
  type: "config.AlertmanagerConfig",
  defaults: () => ({ ...DEFAULT_HTTP_CLIENT, scheme: "http", timeout: 10_000, api_version: "v2" }),
  fields: {
    ...(httpClientFields as Fields<AlertmanagerConfig>),
    ...(discoveryFields as Fields<AlertmanagerConfig>),
    scheme: text(),
    path_prefix: text(),
    timeout: duration,
    api_version: parsed(
      (version) => {
        if (version !== "v2")
          throw new ConfigError(`expected Alertmanager api version to be one of [v2] but got ${version}`);
        return version;
      },
      "v2",
      "config.plain",
    ),
    sigv4: mapping(text(), "sigv4.SigV4Config"),
    relabel_configs: relabelList,
    alert_relabel_configs: relabelList,
  },
  other(_, key) {
    refuseForeignDiscovery(key);
    return false;
  },
  check(config) {
    validateHttpClient(config);
    if ((config.basic_auth || config.authorization || config.oauth2) && config.sigv4)
      throw new ConfigError("at most one of basic_auth, authorization, oauth2, & sigv4 must be configured");
    checkDiscovery(config, (config.relabel_configs ?? []).length > 0);
    if (config.relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null Alertmanager target relabeling rule");
    if (config.alert_relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null Alertmanager alert relabeling rule");
  },
});

export const alerting = struct<AlertingConfig>({
  type: "config.plain",
  defaults: () => ({}),
  fields: {
    alert_relabel_configs: relabelList,
    alertmanagers: list(nullable(alertmanager), "config.AlertmanagerConfigs"),
  },
  check(config) {
    if (config.alert_relabel_configs?.includes(undefined))
      throw new ConfigError("empty or null alert relabeling rule");
  },
});
