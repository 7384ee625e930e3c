/** The discovery sections of scrape and Alertmanager configurations (`discovery/*`). */
import { parseSelector } from "../../model/label-selector.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import {
  DEFAULT_HTTP_CLIENT,
  type HttpClientConfig,
  httpClientFields,
  url,
  validateHttpClient,
} from "./http-client-config.ts";
import { isValidLabelName, isValidLabelValue } from "./names.ts";
import {
  boolean,
  ConfigError,
  type Decoder,
  type Fields,
  integer,
  list,
  mapping,
  nullable,
  parsed,
  struct,
  text,
} from "./strict-yaml.ts";
import { parseDuration } from "./units.ts";

export interface TargetGroupConfig {
  targets: string[];
  labels?: Record<string, string>;
}

export interface FileDiscoveryConfig {
  files: string[];
  /** Milliseconds, as all durations here. */
  refresh_interval: number;
}

export interface HttpDiscoveryConfig extends HttpClientConfig {
  refresh_interval: number;
  url: string;
}

export interface DnsDiscoveryConfig {
  names: string[];
  refresh_interval: number;
  type: string;
  port: number;
}

export const KUBERNETES_ROLES = ["node", "pod", "service", "endpoints", "endpointslice", "ingress"] as const;
export type KubernetesRole = (typeof KUBERNETES_ROLES)[number];

export interface KubernetesSelector {
  role: KubernetesRole | "";
  label?: string;
  field?: string;
}

export interface KubernetesDiscoveryConfig extends HttpClientConfig {
  api_server?: string;
  role: KubernetesRole | "";
  kubeconfig_file: string;
  namespaces?: { own_namespace: boolean; names: string[] };
  selectors?: KubernetesSelector[];
  attach_metadata?: {
    node: boolean;
    namespace: boolean;
    deployment: boolean;
    job: boolean;
    cronjob: boolean;
  };
}

export interface DiscoveryConfigs {
  static_configs?: (TargetGroupConfig | undefined)[];
  file_sd_configs?: (FileDiscoveryConfig | undefined)[];
  http_sd_configs?: (HttpDiscoveryConfig | undefined)[];
  dns_sd_configs?: (DnsDiscoveryConfig | undefined)[];
  kubernetes_sd_configs?: (KubernetesDiscoveryConfig | undefined)[];
}

export const DISCOVERY_SECTIONS = [
  "dns_sd_configs",
  "file_sd_configs",
  "http_sd_configs",
  "kubernetes_sd_configs",
  "static_configs",
] as const;

/** What upstream can discover and this does not. */
const UPSTREAM_ONLY = new Set(
  (
    "aws azure consul digitalocean docker dockerswarm ec2 ecs elasticache eureka gce hetzner ionos kuma lightsail linode " +
    "marathon msk nerve nomad oci openstack outscale ovhcloud puppetdb rds scaleway serverset stackit triton uyuni vultr xds"
  ).split(" "),
);

/** Refuses a discovery mechanism that upstream has and this does not, saying which there are. */
export function refuseForeignDiscovery(key: string): void {
  const name = /^(\w+)_sd_configs$/.exec(key)?.[1];
  if (name === undefined || !UPSTREAM_ONLY.has(name)) return;
  const have = DISCOVERY_SECTIONS.join(", ");
  throw new ConfigError(`${key}: this Prometheus has no ${name} discovery; it has ${have}`);
}

export const duration: Decoder<number> = parsed(parseDuration, 0);

const labelName = (name: string) => {
  if (!isValidLabelName(name, "utf8"))
    throw new ConfigError(`${quoteString(name)} is not a valid label name`);
};

/** A `LabelSet`. */
export const labelSet: Decoder<Record<string, string>> = (node, context, current) => {
  const labels = mapping(text("model.LabelValue"), "model.LabelSet")(node, context, current);
  for (const [name, value] of Object.entries(labels)) {
    labelName(name);
    if (!isValidLabelValue(value)) throw new ConfigError(`${quoteString(value)} is not a valid label value`);
  }
  return labels;
};

/** @param strict refuse fields that a group does not have, as everywhere but in a file of groups */
export const targetGroup = struct<TargetGroupConfig>({
  type: 'struct { Targets []string "yaml:\\"targets\\""; Labels model.LabelSet "yaml:\\"labels\\"" }',
  defaults: () => ({ targets: [] }),
  fields: { targets: list(text(), "[]string"), labels: labelSet },
});

const FILE_PATTERN = /^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/;

const fileDiscovery = struct<FileDiscoveryConfig>({
  type: "file.plain",
  defaults: () => ({ files: [], refresh_interval: 300_000 }),
  fields: { files: list(text(), "[]string"), refresh_interval: duration },
  check(config) {
    config.files ??= [];
    if (config.files.length === 0)
      throw new ConfigError("file service discovery config must contain at least one path name");
    for (const name of config.files)
      if (!FILE_PATTERN.test(name))
        throw new ConfigError(`path name ${JSON.stringify(name)} is not valid for file discovery`);
  },
});

const httpDiscovery = struct<HttpDiscoveryConfig>({
  type: "http.plain",
  defaults: () => ({ ...DEFAULT_HTTP_CLIENT, refresh_interval: 60_000, url: "" }),
  fields: {
    ...(httpClientFields as Fields<HttpDiscoveryConfig>),
    refresh_interval: duration,
    url: text(),
  },
  check(config) {
    if (config.url === "") throw new ConfigError("URL is missing");
    const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?/.exec(config.url)!;
    if (match[1] !== "http" && match[1] !== "https")
      throw new ConfigError("URL scheme must be 'http' or 'https'");
    if (!match[2]) throw new ConfigError("host is missing in URL");
    validateHttpClient(config);
  },
});

const dnsDiscovery = struct<DnsDiscoveryConfig>({
  type: "dns.plain",
  defaults: () => ({ names: [], refresh_interval: 30_000, type: "SRV", port: 0 }),
  fields: { names: list(text(), "[]string"), refresh_interval: duration, type: text(), port: integer("int") },
  check(config) {
    config.names ??= [];
    if (config.names.length === 0)
      throw new ConfigError("DNS-SD config must contain at least one SRV record name");
    const type = config.type.toUpperCase();
    if (/^(A|AAAA|MX|NS)$/.test(type)) {
      if (config.port === 0)
        throw new ConfigError("a port is required in DNS-SD configs for all record types except SRV");
    } else if (type !== "SRV") throw new ConfigError(`invalid DNS-SD records type ${config.type}`);
  },
});

const role = parsed<KubernetesRole | "">((value) => {
  const known = KUBERNETES_ROLES.find((each) => each === value);
  if (known === undefined) throw new ConfigError(`unknown Kubernetes SD role ${JSON.stringify(value)}`);
  return known;
}, "");

const ALLOWED_SELECTORS: Record<KubernetesRole, KubernetesRole[]> = {
  pod: ["pod", "node"],
  service: ["service"],
  endpointslice: ["pod", "service", "endpointslice"],
  endpoints: ["pod", "service", "endpoints"],
  node: ["node"],
  ingress: ["ingress"],
};

const kubernetesDiscovery = struct<KubernetesDiscoveryConfig>({
  type: "kubernetes.plain",
  defaults: () => ({ ...DEFAULT_HTTP_CLIENT, role: "", kubeconfig_file: "" }),
  fields: {
    ...(httpClientFields as Fields<KubernetesDiscoveryConfig>),
    api_server: url,
    role,
    kubeconfig_file: text(),
    namespaces: struct({
      type: "kubernetes.plain",
      defaults: () => ({ own_namespace: false, names: [] as string[] }),
      fields: { own_namespace: boolean, names: list(text(), "[]string") },
    }),
    selectors: list(
      struct<KubernetesSelector>({
        type: "kubernetes.SelectorConfig",
        defaults: () => ({ role: "" }),
        fields: { role, label: text(), field: text() },
      }),
      "[]kubernetes.SelectorConfig",
    ),
    attach_metadata: struct({
      type: "kubernetes.AttachMetadataConfig",
      defaults: () => ({ node: false, namespace: false, deployment: false, job: false, cronjob: false }),
      fields: { node: boolean, namespace: boolean, deployment: boolean, job: boolean, cronjob: boolean },
    }),
  },
  check: checkKubernetes,
});

function checkKubernetes(config: KubernetesDiscoveryConfig): void {
  if (config.role === "")
    throw new ConfigError("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
  const isCustom = hasCustomClient(config);
  validateHttpClient(config);
  const hasServer = config.api_server !== undefined;
  const hasKubeconfig = config.kubeconfig_file !== "";
  if (hasServer && hasKubeconfig)
    throw new ConfigError("cannot use 'kubeconfig_file' and 'api_server' simultaneously");
  if (hasKubeconfig && isCustom)
    throw new ConfigError("cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
  if (!hasServer && isCustom)
    throw new ConfigError(
      "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
    );
  if (hasServer && config.namespaces?.own_namespace)
    throw new ConfigError("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
  if (hasKubeconfig && config.namespaces?.own_namespace)
    throw new ConfigError("cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously");
  checkSelectors(config.role, config.selectors ?? []);
}

function hasCustomClient(config: KubernetesDiscoveryConfig): boolean {
  const keys = Object.keys(httpClientFields).filter((key) => !(key in DEFAULT_HTTP_CLIENT));
  return (
    keys.some((key) => config[key as keyof HttpClientConfig] !== undefined) ||
    config.follow_redirects !== DEFAULT_HTTP_CLIENT.follow_redirects ||
    config.enable_http2 !== DEFAULT_HTTP_CLIENT.enable_http2
  );
}

function checkSelectors(role: KubernetesRole, selectors: KubernetesSelector[]): void {
  const seen = new Set<string>();
  for (const selector of selectors) {
    if (seen.has(selector.role)) throw new ConfigError(`duplicated selector role: ${selector.role}`);
    seen.add(selector.role);
    const allowed = ALLOWED_SELECTORS[role];
    if (!allowed.includes(selector.role as KubernetesRole))
      throw new ConfigError(`${role} role supports only ${allowed.join(", ")} selectors`);
    for (const term of (selector.field ?? "").split(",")) {
      if (term !== "" && !/^[^=!]+(?:==|!=|=)/.test(term))
        throw new ConfigError(`invalid selector: '${selector.field}'; can't understand '${term}'`);
    }
    checkLabelSelector(selector.label ?? "");
  }
}

function checkLabelSelector(selector: string): void {
  try {
    parseSelector(selector);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

/** The sections, to be spread into the fields of whoever discovers. */
export const discoveryFields: Fields<DiscoveryConfigs> = {
  static_configs: list(nullable(targetGroup), "[]*targetgroup.Group"),
  file_sd_configs: list(nullable(fileDiscovery), "[]*file.SDConfig"),
  http_sd_configs: list(nullable(httpDiscovery), "[]*http.SDConfig"),
  dns_sd_configs: list(nullable(dnsDiscovery), "[]*dns.SDConfig"),
  kubernetes_sd_configs: list(nullable(kubernetesDiscovery), "[]*kubernetes.SDConfig"),
};

/** @throws ConfigError when a section has an empty entry, or a static target is a URL */
export function checkDiscovery(configs: DiscoveryConfigs, hasRelabelRules: boolean): void {
  for (const group of configs.static_configs ?? []) if (group !== undefined) group.targets ??= [];
  for (const section of DISCOVERY_SECTIONS) {
    for (const entry of configs[section] ?? []) {
      const group = entry as TargetGroupConfig | undefined;
      if (group === undefined) throw new ConfigError(`empty or null section in ${section}`);
    }
  }
  if (hasRelabelRules) return;
  for (const group of configs.static_configs ?? []) {
    for (const target of group?.targets ?? []) checkTargetAddress(target);
  }
}

/** @throws ConfigError when the address is a URL */
export function checkTargetAddress(address: string): void {
  if (address.includes("/")) throw new ConfigError(`${quoteString(address)} is not a valid hostname`);
}
