/** How Prometheus reaches an HTTP server (`prometheus/common/config/http_config.go`). */
import {
  boolean,
  ConfigError,
  type Fields,
  list,
  mapping,
  nullable,
  parsed,
  struct,
  text,
} from "./strict-yaml.ts";
import { checkUrl } from "./url.ts";

export interface TlsConfig {
  ca?: string;
  cert?: string;
  key?: string;
  ca_file?: string;
  cert_file?: string;
  key_file?: string;
  ca_ref?: string;
  cert_ref?: string;
  key_ref?: string;
  server_name?: string;
  insecure_skip_verify: boolean;
  min_version?: string;
  max_version?: string;
}

export interface BasicAuth {
  username?: string;
  username_file?: string;
  username_ref?: string;
  password?: string;
  password_file?: string;
  password_ref?: string;
}

export interface Authorization {
  type: string;
  credentials?: string;
  credentials_file?: string;
  credentials_ref?: string;
}

export interface ProxyConfig {
  proxy_url?: string;
  no_proxy?: string;
  proxy_from_environment?: boolean;
  proxy_connect_header?: Record<string, string[]>;
}

export interface OAuth2 extends ProxyConfig {
  client_id: string;
  client_secret?: string;
  client_secret_file?: string;
  client_secret_ref?: string;
  client_certificate_key_id?: string;
  client_certificate_key?: string;
  client_certificate_key_file?: string;
  client_certificate_key_ref?: string;
  grant_type?: string;
  signature_algorithm?: string;
  iss?: string;
  audience?: string;
  claims?: Record<string, string>;
  scopes?: string[];
  token_url: string;
  endpoint_params?: Record<string, string>;
  tls_config?: TlsConfig;
}

export interface HeaderConfig {
  values?: string[];
  secrets?: string[];
  files?: string[];
}

export interface HttpClientConfig extends ProxyConfig {
  basic_auth?: BasicAuth;
  authorization?: Authorization;
  oauth2?: OAuth2;
  bearer_token?: string;
  bearer_token_file?: string;
  tls_config?: TlsConfig;
  follow_redirects: boolean;
  enable_http2: boolean;
  http_headers?: Record<string, HeaderConfig>;
}

export const DEFAULT_HTTP_CLIENT: Pick<HttpClientConfig, "follow_redirects" | "enable_http2"> = {
  follow_redirects: true,
  enable_http2: true,
};

/** Secrets of files: `JSON.stringify` and the configuration page hide what stands in these fields. */
export const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "password",
  "credentials",
  "client_secret",
  "client_certificate_key",
  "bearer_token",
  "key",
  "secrets",
  "proxy_connect_header",
]);

const strings = list(text(), "[]string");
const TLS_VERSIONS = ["TLS10", "TLS11", "TLS12", "TLS13"];

function parseTlsVersion(version: string): string {
  if (!TLS_VERSIONS.includes(version)) throw new ConfigError(`unknown TLS version: ${version}`);
  return version;
}

/** A URL kept as written. */
export const url = parsed((value) => {
  checkUrl(value);
  return value;
}, "");

export const tlsConfig = struct<TlsConfig>({
  type: "config.plain",
  defaults: () => ({ insecure_skip_verify: false }),
  fields: {
    ca: text(),
    cert: text(),
    key: text("config.plain"),
    ca_file: text(),
    cert_file: text(),
    key_file: text(),
    ca_ref: text(),
    cert_ref: text(),
    key_ref: text(),
    server_name: text(),
    insecure_skip_verify: boolean,
    min_version: parsed(parseTlsVersion, ""),
    max_version: parsed(parseTlsVersion, ""),
  },
  check(tls) {
    const count = (...values: (string | undefined)[]) => values.filter((value) => value).length;
    const cas = count(tls.ca, tls.ca_file, tls.ca_ref);
    const certs = count(tls.cert, tls.cert_file, tls.cert_ref);
    const keys = count(tls.key, tls.key_file, tls.key_ref);
    if (cas > 1) throw new ConfigError("at most one of ca, ca_file & ca_ref must be configured");
    if (certs > 1) throw new ConfigError("at most one of cert, cert_file & cert_ref must be configured");
    if (keys > 1) throw new ConfigError("at most one of key and key_file must be configured");
    if (certs > 0 && keys === 0)
      throw new ConfigError(
        "exactly one of key or key_file must be configured when a client certificate is configured",
      );
    if (keys > 0 && certs === 0)
      throw new ConfigError(
        "exactly one of cert or cert_file must be configured when a client key is configured",
      );
  },
});

const basicAuth = struct<BasicAuth>({
  type: "config.plain",
  defaults: () => ({}),
  fields: {
    username: text(),
    username_file: text(),
    username_ref: text(),
    password: text("config.plain"),
    password_file: text(),
    password_ref: text(),
  },
});

const authorization = struct<Authorization>({
  type: "config.Authorization",
  defaults: () => ({ type: "" }),
  fields: {
    type: text(),
    credentials: text("config.plain"),
    credentials_file: text(),
    credentials_ref: text(),
  },
});

const proxyFields: Fields<ProxyConfig> = {
  proxy_url: url,
  no_proxy: text(),
  proxy_from_environment: boolean,
  proxy_connect_header: mapping(list(text("config.plain"), "[]config.Secret"), "config.ProxyHeader"),
};

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const oauth2 = struct<OAuth2>({
  type: "config.plain",
  defaults: () => ({ client_id: "", token_url: "" }),
  fields: {
    ...proxyFields,
    client_id: text(),
    client_secret: text("config.plain"),
    client_secret_file: text(),
    client_secret_ref: text(),
    client_certificate_key_id: text(),
    client_certificate_key: text("config.plain"),
    client_certificate_key_file: text(),
    client_certificate_key_ref: text(),
    grant_type: text(),
    signature_algorithm: text(),
    iss: text(),
    audience: text(),
    claims: mapping(text(), "map[string]interface {}"),
    scopes: strings,
    token_url: text(),
    endpoint_params: mapping(text(), "map[string]string"),
    tls_config: tlsConfig,
  },
  check: checkProxy,
});

const header = struct<HeaderConfig>({
  type: "config.Header",
  defaults: () => ({}),
  fields: { values: strings, secrets: list(text("config.plain"), "[]config.Secret"), files: strings },
});

/** The fields that scrape, discovery, remote and Alertmanager configurations have inline. */
export const httpClientFields: Fields<HttpClientConfig> = {
  ...proxyFields,
  basic_auth: nullable(basicAuth),
  authorization: nullable(authorization),
  oauth2: nullable(oauth2),
  bearer_token: text("config.plain"),
  bearer_token_file: text(),
  tls_config: tlsConfig,
  follow_redirects: boolean,
  enable_http2: boolean,
  http_headers: mapping(header, "map[string]config.Header"),
};

function checkProxy(config: ProxyConfig): void {
  const hasProxy = config.proxy_url !== undefined && config.proxy_url !== "";
  const fromEnvironment = config.proxy_from_environment === true;
  if (Object.keys(config.proxy_connect_header ?? {}).length > 0 && !fromEnvironment && !hasProxy)
    throw new ConfigError(
      "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
    );
  if (fromEnvironment && hasProxy)
    throw new ConfigError("if proxy_from_environment is configured, proxy_url must not be configured");
  if (fromEnvironment && config.no_proxy)
    throw new ConfigError("if proxy_from_environment is configured, no_proxy must not be configured");
  if (!hasProxy && config.no_proxy)
    throw new ConfigError("if no_proxy is configured, proxy_url must also be configured");
}

/** HTTP headers that Prometheus sets itself. */
const RESERVED_HEADERS = new Set(
  (
    "authorization host content-encoding content-length content-type user-agent connection keep-alive " +
    "proxy-authenticate proxy-authorization www-authenticate accept-encoding x-prometheus-remote-write-version " +
    "x-prometheus-remote-read-version x-prometheus-scrape-timeout-seconds x-amz-date x-amz-security-token " +
    "x-amz-content-sha256"
  ).split(" "),
);

/**
 * Checks, and turns the old `bearer_token` fields into `authorization`.
 *
 * @throws ConfigError with upstream's texts (`HTTPClientConfig.Validate`)
 */
export function validateHttpClient(config: HttpClientConfig): void {
  const { basic_auth: basic, authorization: auth, oauth2: oauth } = config;
  const hasToken = !!config.bearer_token;
  const hasTokenFile = !!config.bearer_token_file;
  const count = (...values: (string | undefined)[]) => values.filter((value) => value).length;
  if (hasToken && hasTokenFile)
    throw new ConfigError("at most one of bearer_token & bearer_token_file must be configured");
  if ((basic || oauth) && (hasToken || hasTokenFile))
    throw new ConfigError(
      "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
    );
  if (basic && count(basic.username, basic.username_file, basic.username_ref) > 1)
    throw new ConfigError(
      "at most one of basic_auth username, username_file & username_ref must be configured",
    );
  if (basic && count(basic.password, basic.password_file, basic.password_ref) > 1)
    throw new ConfigError(
      "at most one of basic_auth password, password_file & password_ref must be configured",
    );
  if (auth) validateAuthorization(auth, config);
  else if (hasToken) config.authorization = { type: "Bearer", credentials: config.bearer_token };
  else if (hasTokenFile)
    config.authorization = { type: "Bearer", credentials_file: config.bearer_token_file };
  delete config.bearer_token;
  delete config.bearer_token_file;
  if (oauth) validateOAuth2(oauth, basic !== undefined);
  checkProxy(config);
  for (const name of Object.keys(config.http_headers ?? {})) {
    if (RESERVED_HEADERS.has(name.toLowerCase()))
      throw new ConfigError(`setting header ${JSON.stringify(canonicalHeader(name))} is not allowed`);
  }
}

function validateAuthorization(auth: Authorization, config: HttpClientConfig): void {
  if (config.bearer_token || config.bearer_token_file)
    throw new ConfigError("authorization is not compatible with bearer_token & bearer_token_file");
  const given = [auth.credentials, auth.credentials_file, auth.credentials_ref].filter((value) => value);
  if (given.length > 1)
    throw new ConfigError("at most one of authorization credentials & credentials_file must be configured");
  auth.type = auth.type.trim() || "Bearer";
  if (auth.type.toLowerCase() === "basic")
    throw new ConfigError('authorization type cannot be set to "basic", use "basic_auth" instead');
  if (config.basic_auth || config.oauth2)
    throw new ConfigError("at most one of basic_auth, oauth2 & authorization must be configured");
}

function validateOAuth2(oauth: OAuth2, hasBasic: boolean): void {
  if (hasBasic) throw new ConfigError("at most one of basic_auth, oauth2 & authorization must be configured");
  if (oauth.client_id === "") throw new ConfigError("oauth2 client_id must be configured");
  if (oauth.token_url === "") throw new ConfigError("oauth2 token_url must be configured");
  const count = (...values: (string | undefined)[]) => values.filter((value) => value).length;
  if (oauth.grant_type === JWT_BEARER) {
    const keys = count(
      oauth.client_certificate_key,
      oauth.client_certificate_key_file,
      oauth.client_certificate_key_ref,
    );
    if (keys > 1)
      throw new ConfigError(
        `at most one of oauth2 client_certificate_key, client_certificate_key_file & client_certificate_key_ref must be configured using grant-type=${JWT_BEARER}`,
      );
    if (oauth.signature_algorithm && !/^RS(256|384|512)$/.test(oauth.signature_algorithm))
      throw new ConfigError("valid signature algorithms are RS256, RS384 and RS512");
  } else if (count(oauth.client_secret, oauth.client_secret_file, oauth.client_secret_ref) > 1) {
    throw new ConfigError(
      "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured using grant-type=client_credentials",
    );
  }
}

/** `x-foo` → `X-Foo`. */
function canonicalHeader(name: string): string {
  return name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash, letter) => dash + letter.toUpperCase());
}
