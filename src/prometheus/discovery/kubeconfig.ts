/** From a kubeconfig to how its cluster is reached (client-go `tools/clientcmd`, `BuildConfigFromFlags`). */
import { posix } from "node:path";
import { parse } from "yaml";
import { DEFAULT_HTTP_CLIENT, type HttpClientConfig } from "../config/http-client-config.ts";
import { ConfigError } from "../config/strict-yaml.ts";

interface Cluster {
  server?: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
  "proxy-url"?: string;
}

interface User {
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  exec?: unknown;
  "auth-provider"?: unknown;
}

interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context?: { cluster?: string; user?: string } }[];
  clusters?: { name: string; cluster?: Cluster }[];
  users?: { name: string; user?: User }[];
}

export interface ClusterAccess {
  /** Without a slash at its end. */
  server: string;
  client: HttpClientConfig;
}

/**
 * How the cluster of the current context is reached. Files that it names are relative to it.
 *
 * @param path the kubeconfig's
 * @param text its content
 * @throws ConfigError when its current context leads nowhere, or its user is known to a program only
 */
export function clusterOfKubeconfig(path: string, text: string): ClusterAccess {
  const file = (parse(text) ?? {}) as Kubeconfig;
  const current = file["current-context"] ?? "";
  const context = file.contexts?.find((each) => each.name === current)?.context;
  if (context === undefined)
    throw new ConfigError(`${path}: context ${JSON.stringify(current)} does not exist`);
  const cluster = file.clusters?.find((each) => each.name === context.cluster)?.cluster;
  if (cluster?.server === undefined)
    throw new ConfigError(`${path}: cluster ${JSON.stringify(context.cluster ?? "")} has no server`);
  const user = file.users?.find((each) => each.name === context.user)?.user ?? {};
  for (const foreign of ["exec", "auth-provider"] as const)
    if (user[foreign] !== undefined) throw new ConfigError(`${path}: users by ${foreign} are not supported`);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    client: {
      ...DEFAULT_HTTP_CLIENT,
      ...credentials(user, path),
      ...(cluster["proxy-url"] && { proxy_url: cluster["proxy-url"] }),
      tls_config: tls(cluster, user, path),
    },
  };
}

const beside = (path: string, name: string | undefined) =>
  name === undefined ? undefined : posix.resolve(posix.dirname(path), name);
const decoded = (data: string | undefined) =>
  data === undefined ? undefined : Buffer.from(data, "base64").toString();

/** What is written in the file goes before what is in a file that it names. */
function tls(cluster: Cluster, user: User, path: string): HttpClientConfig["tls_config"] {
  return {
    insecure_skip_verify: cluster["insecure-skip-tls-verify"] ?? false,
    server_name: cluster["tls-server-name"],
    ca: decoded(cluster["certificate-authority-data"]),
    ca_file: beside(path, cluster["certificate-authority"]),
    cert: decoded(user["client-certificate-data"]),
    cert_file: beside(path, user["client-certificate"]),
    key: decoded(user["client-key-data"]),
    key_file: beside(path, user["client-key"]),
  };
}

function credentials(user: User, path: string): Partial<HttpClientConfig> {
  if (user.tokenFile !== undefined)
    return { authorization: { type: "Bearer", credentials_file: beside(path, user.tokenFile) } };
  if (user.token !== undefined) return { authorization: { type: "Bearer", credentials: user.token } };
  if (user.username === undefined) return {};
  return { basic_auth: { username: user.username, password: user.password } };
}
