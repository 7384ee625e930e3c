/** HTTP with the authentication, TLS and redirects that a configuration asks for (`http_config.go`). */
import type { Clock } from "../../base/clock.ts";
import type { Disk } from "../../base/disk.ts";
import type { FetchOptions, FetchResponse, HttpHeaders, Network, TlsVersion } from "../../base/network.ts";
import type { HttpClientConfig, OAuth2, ProxyConfig, TlsConfig } from "../config/http-client-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { oauthToken } from "./oauth-token.ts";
import { readHeaderFile, readSecret } from "./secret-file.ts";

export interface HttpClientParts {
  network: Network;
  disk: Disk;
  clock: Clock;
}

export interface HttpClient {
  request(url: string, options?: FetchOptions): Promise<FetchResponse>;
}

/** As Go's client. */
const MAX_REDIRECTS = 10;

const optionsOf = async (oauth2: OAuth2, disk: Disk): Promise<FetchOptions> => ({
  ...(await tlsOptions(oauth2.tls_config, disk)),
  ...proxyOptions(oauth2),
});

/** @throws ConfigError for settings that this has no means for */
export function createHttpClient(config: HttpClientConfig, parts: HttpClientParts): HttpClient {
  refuseForeign(config);
  const { network } = parts;
  const authorize = authorizerOf(config, parts);
  return {
    async request(url, options = {}) {
      const headers: HttpHeaders = { ...options.headers };
      await addHeaders(config, parts.disk, headers);
      const authorization = await authorize();
      if (authorization !== undefined) headers.authorization = authorization;
      const tls = await tlsOptions(config.tls_config, parts.disk);
      const asked = { ...options, ...tls, ...proxyOptions(config), headers };
      return follow(network, url, asked, config.follow_redirects);
    },
  };
}

function refuseForeign(config: HttpClientConfig): void {
  const { tls_config: tls, oauth2 } = config;
  for (const proxied of [config, oauth2]) {
    if (proxied?.proxy_from_environment)
      throw new ConfigError("proxy_from_environment is not supported, use proxy_url");
    if (Object.keys(proxied?.proxy_connect_header ?? {}).length > 0)
      throw new ConfigError("proxy_connect_header is not supported");
  }
  const { basic_auth: basic, authorization } = config;
  for (const section of [tls, oauth2, oauth2?.tls_config, basic, authorization]) {
    const referred = Object.entries(section ?? {}).find(([name, value]) => name.endsWith("_ref") && value);
    if (referred) throw new ConfigError(`secrets of a secret manager (${referred[0]}) are not supported`);
  }
  if (config.oauth2?.grant_type?.includes("jwt-bearer"))
    throw new ConfigError("the oauth2 grant type jwt-bearer is not supported");
}

async function follow(
  network: Network,
  url: string,
  options: FetchOptions,
  redirects: boolean,
): Promise<FetchResponse> {
  let current = url;
  let request = options;
  for (let hop = 0; ; hop++) {
    const response = await network.fetch(current, request).catch((error) => {
      throw hop === 0 ? error : new RedirectError(current, error);
    });
    const { location } = response.headers;
    if (!redirects || ![301, 302, 303, 307, 308].includes(response.status) || location === undefined)
      return response;
    if (hop + 1 >= MAX_REDIRECTS)
      throw new RedirectError(location, new Error(`stopped after ${MAX_REDIRECTS} redirects`));
    await response.bytes();
    const next = nextUrl(location, current);
    // Credentials are for the host that they were configured for.
    if (next.host !== new URL(current).host) {
      const { authorization: _, ...rest } = request.headers ?? {};
      request = { ...request, headers: rest };
    }
    if (response.status <= 303 && request.method === "POST")
      request = { ...request, method: "GET", body: undefined };
    request = { ...request, headers: { ...request.headers, referer: current } };
    current = next.href;
  }
}

/** @throws Error in the words of Go's client where a redirect leads nowhere */
function nextUrl(location: string, current: string): URL {
  if (!URL.canParse(location, current))
    throw new Error(`failed to parse Location header ${JSON.stringify(location)}`);
  const next = new URL(location, current);
  const scheme = next.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https")
    throw new RedirectError(location, new Error(`unsupported protocol scheme ${JSON.stringify(scheme)}`));
  return next;
}

/** A request failed at where it had been sent on to. */
export class RedirectError extends Error {
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super((cause as Error).message, { cause });
    this.name = "RedirectError";
    this.url = url;
  }
}

async function addHeaders(config: HttpClientConfig, disk: Disk, headers: HttpHeaders): Promise<void> {
  for (const [name, { values = [], secrets = [], files = [] }] of Object.entries(config.http_headers ?? {})) {
    const read = await Promise.all(files.map((path) => readHeaderFile(disk, path)));
    headers[name.toLowerCase()] = [...values, ...secrets, ...read].join(", ");
  }
}

async function tlsOptions(tls: TlsConfig | undefined, disk: Disk): Promise<FetchOptions> {
  if (tls === undefined) return {};
  const read = async (text: string | undefined, file: string | undefined, what: string) =>
    text || (file ? await readSecret(disk, file, what) : undefined);
  const ca = await read(tls.ca, tls.ca_file, "CA cert");
  const cert = await read(tls.cert, tls.cert_file, "specified client cert");
  const key = await read(tls.key, tls.key_file, "specified client key");
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { identity: { cert, key } }),
    ...(tls.insecure_skip_verify && { insecure: true }),
    ...(tls.server_name && { serverName: tls.server_name }),
    ...(tls.min_version && { minTlsVersion: TLS_VERSIONS[tls.min_version] }),
    ...(tls.max_version && { maxTlsVersion: TLS_VERSIONS[tls.max_version] }),
  };
}

const TLS_VERSIONS: Record<string, TlsVersion> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

function proxyOptions({ proxy_url: url, no_proxy: noProxy }: ProxyConfig): FetchOptions {
  return url ? { proxy: { url, noProxy } } : {};
}

/** Makes the `Authorization` header, if there is to be one; files are read anew each time, as upstream does. */
function authorizerOf(config: HttpClientConfig, parts: HttpClientParts): () => Promise<string | undefined> {
  const { basic_auth: basic, authorization, oauth2 } = config;
  const { disk } = parts;
  if (basic !== undefined) {
    return async () => {
      const user = basic.username_file
        ? await readSecret(disk, basic.username_file, "basic auth username")
        : (basic.username ?? "");
      const password = basic.password_file
        ? await readSecret(disk, basic.password_file, "basic auth password")
        : (basic.password ?? "");
      return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    };
  }
  if (authorization !== undefined) {
    return async () => {
      const credentials = authorization.credentials_file
        ? await readSecret(disk, authorization.credentials_file, "authorization credentials")
        : (authorization.credentials ?? "");
      return `${authorization.type || "Bearer"} ${credentials}`;
    };
  }
  return oauth2 === undefined ? async () => undefined : oauthToken(oauth2, parts, optionsOf);
}
