/**
 * TriggerAuthentication and ClusterTriggerAuthentication, and the environment of a scale target
 * (keda `pkg/scaling/resolver/scale_resolvers.go`). Sources: `secretTargetRef`, `configMapTargetRef`, `env`,
 * `boundServiceAccountToken`, `filePath`. Vaults, OAuth2 and pod identities of clouds are refused with an error rather
 * than left out in silence.
 */
import type { Logger } from "../base/log.ts";
import { type GroupVersionResource, type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import type { Trigger } from "./scaled-object.ts";

const GROUP = { group: "keda.sh", version: "v1alpha1" };
export const TRIGGER_AUTHENTICATIONS: GroupVersionResource = { ...GROUP, resource: "triggerauthentications" };
export const CLUSTER_TRIGGER_AUTHENTICATIONS: GroupVersionResource = {
  ...GROUP,
  resource: "clustertriggerauthentications",
};

const SERVICE_ACCOUNTS: GroupVersionResource = { group: "", version: "v1", resource: "serviceaccounts" };

/** References `$(NAME)` in a value are followed this far at most. */
export const MAX_ENV_VALUE_LENGTH = 1024 * 1024;

interface KeyRef {
  parameter: string;
  name: string;
  key: string;
}

interface TriggerAuthenticationSpec {
  secretTargetRef?: KeyRef[];
  configMapTargetRef?: KeyRef[];
  env?: { parameter: string; name: string; containerName?: string }[];
  boundServiceAccountToken?: { parameter: string; serviceAccountName: string }[];
  filePath?: string;
  podIdentity?: { provider: string };
}

const SUPPORTED = [
  "secretTargetRef",
  "configMapTargetRef",
  "env",
  "podIdentity",
  "boundServiceAccountToken",
  "filePath",
];
/** `KEDA_BOUND_SERVICE_ACCOUNT_TOKEN_EXPIRY` */
const TOKEN_EXPIRY_SECONDS = 3600;

interface EnvironmentSource {
  name?: string;
  key?: string;
  optional?: boolean;
}

interface Container {
  name: string;
  env?: {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: EnvironmentSource; configMapKeyRef?: EnvironmentSource };
  }[];
  envFrom?: { prefix?: string; configMapRef?: EnvironmentSource; secretRef?: EnvironmentSource }[];
}

export interface ResolverWorld {
  api: KubernetesApi;
  log: Logger;
  /** Where secrets of ClusterTriggerAuthentications are. */
  operatorNamespace: string;
  /** Reads a file below `--filepath-auth-root-path`. Undefined where the flag is not set. */
  readAuthFile?: (path: string) => Promise<string>;
}

/** The parameters that a trigger's authentication gives. What can't be read is logged and empty, as upstream. */
export async function resolveAuthParams(
  world: ResolverWorld,
  trigger: Trigger,
  namespace: string,
  podSpec: { containers: Container[] } | undefined,
): Promise<Record<string, string>> {
  const reference = trigger.authenticationRef;
  if (reference === undefined || reference.name === "") return {};
  const { log } = world;
  let found: { spec: TriggerAuthenticationSpec; secretNamespace: string };
  try {
    found = await getAuthentication(world, reference, namespace);
  } catch (error) {
    log.error("error getting triggerAuth", { "triggerAuthRef.Name": reference.name, error });
    return {};
  }
  const { spec, secretNamespace } = found;
  const unsupported = Object.keys(spec).find((key) => !SUPPORTED.includes(key));
  if (unsupported !== undefined) {
    throw new Error(
      `${unsupported} of TriggerAuthentication ${reference.name} is not supported by the embedded KEDA`,
    );
  }
  if (spec.podIdentity !== undefined && spec.podIdentity.provider !== "none") {
    throw new Error(
      `pod identity provider ${spec.podIdentity.provider} is not supported by the embedded KEDA`,
    );
  }
  const params: [string, string][] = [];
  for (const { parameter, name, containerName } of spec.env ?? []) {
    const env =
      podSpec && (await resolveContainerEnv(world, podSpec, containerName, namespace).catch(() => undefined));
    params.push([parameter, env?.[name] ?? ""]);
  }
  if (spec.filePath) return paramsFromFile(world, spec.filePath, reference.kind);
  for (const { parameter, name, key } of spec.configMapTargetRef ?? []) {
    params.push([parameter, (await readMap(world, "configMaps", secretNamespace, name))?.[key] ?? ""]);
  }
  for (const { parameter, name, key } of spec.secretTargetRef ?? []) {
    params.push([parameter, (await readMap(world, "secrets", secretNamespace, name))?.[key] ?? ""]);
  }
  for (const { parameter, serviceAccountName } of spec.boundServiceAccountToken ?? []) {
    params.push([parameter, await serviceAccountToken(world, secretNamespace, serviceAccountName)]);
  }
  return Object.fromEntries(params);
}

/** All parameters, from a file of the operator's. @throws Error with upstream's text */
async function paramsFromFile(
  { readAuthFile, log }: ResolverWorld,
  path: string,
  kind = "TriggerAuthentication",
): Promise<Record<string, string>> {
  if (kind !== "ClusterTriggerAuthentication") {
    throw new Error(`filePath is only supported for ClusterTriggerAuthentication, got kind: ${kind}`);
  }
  if (readAuthFile === undefined) throw new Error("filepath-auth-root-path not configured");
  if (path.startsWith("/") || path.includes("..")) {
    throw new Error("filePath must be relative and not contain '..'");
  }
  try {
    const params: unknown = JSON.parse(await readAuthFile(path));
    const isMap = typeof params === "object" && params !== null && !Array.isArray(params);
    if (isMap && Object.values(params).every((value) => typeof value === "string")) {
      return params as Record<string, string>;
    }
    throw new Error("json: cannot unmarshal into Go value of type map[string]string");
  } catch (error) {
    log.error("error reading auth params from file", { filePath: path, error });
    throw new Error(`failed to read auth file ${path}: ${(error as Error).message}`);
  }
}

/** A token of a ServiceAccount, for an hour; empty, and logged, when there is none to be had. */
async function serviceAccountToken(
  { api, log }: ResolverWorld,
  namespace: string,
  name: string,
): Promise<string> {
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: { namespace, name },
    spec: { expirationSeconds: TOKEN_EXPIRY_SECONDS },
  } as KubernetesObject;
  try {
    const { status } = await api.create(SERVICE_ACCOUNTS, request, { subresource: "token" });
    return status.token;
  } catch (error) {
    log.error("error trying to create bound service account token for service account", {
      "ServiceAccount.Namespace": namespace,
      "ServiceAccount.Name": name,
      error,
    });
    return "";
  }
}

async function getAuthentication(
  { api, operatorNamespace }: ResolverWorld,
  { name, kind = "TriggerAuthentication" }: { name: string; kind?: string },
  namespace: string,
) {
  if (kind === "TriggerAuthentication") {
    const object = await api.get(TRIGGER_AUTHENTICATIONS, { namespace, name });
    return { spec: object.spec as TriggerAuthenticationSpec, secretNamespace: namespace };
  }
  if (kind !== "ClusterTriggerAuthentication") throw new Error(`unknown trigger auth kind ${kind}`);
  const object = await api.get(CLUSTER_TRIGGER_AUTHENTICATIONS, { name });
  return { spec: object.spec as TriggerAuthenticationSpec, secretNamespace: operatorNamespace };
}

/**
 * The environment of a container, as far as it is known without running it.
 *
 * @throws Error when a Secret or ConfigMap that is not optional is missing
 */
export async function resolveContainerEnv(
  world: ResolverWorld,
  podSpec: { containers: Container[] },
  containerName: string | undefined,
  namespace: string,
): Promise<Record<string, string>> {
  const { containers } = podSpec;
  if (containers.length === 0) throw new Error("target object doesn't have containers");
  const container = containerName ? containers.find(({ name }) => name === containerName) : containers[0];
  if (container === undefined) {
    throw new Error(`couldn't find container with name ${containerName} on Target object`);
  }
  const resolved = new Map<string, string>();
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const source = configMapRef ?? secretRef;
    if (source === undefined) continue;
    const kind = configMapRef === undefined ? "secrets" : "configMaps";
    const data = await readMap(world, kind, namespace, source.name!);
    if (data === undefined && source.optional !== true) {
      const what = kind === "secrets" ? "secret" : "config";
      throw new Error(`error reading ${what} ref ${source.name} on namespace ${namespace}`);
    }
    for (const [key, value] of Object.entries(data ?? {})) resolved.set(prefix + key, value);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value !== undefined && value !== "") resolved.set(name, expandReferences(value, resolved));
    else if (valueFrom === undefined) resolved.set(name, "");
    else {
      const source = valueFrom.secretKeyRef ?? valueFrom.configMapKeyRef;
      if (source === undefined) continue;
      const kind = valueFrom.secretKeyRef === undefined ? "configMaps" : "secrets";
      const data = await readMap(world, kind, namespace, source.name!);
      if (data !== undefined) resolved.set(name, data[source.key!] ?? "");
      else if (source.optional !== true) {
        const what = kind === "secrets" ? "secret name" : "config";
        throw new Error(`error resolving ${what} ${source.name} for env ${name} in namespace ${namespace}`);
      }
    }
  }
  return Object.fromEntries(resolved);
}

/** `$(NAME)` becomes the value, `$$` a dollar; what is unknown stays. */
function expandReferences(value: string, env: ReadonlyMap<string, string>): string {
  const expanded = value.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (env.get(name) ?? whole),
  );
  if (expanded.length > MAX_ENV_VALUE_LENGTH)
    throw new Error("an environment variable of the scale target is too long");
  return expanded;
}

/** The data of a ConfigMap or Secret as texts; undefined when it does not exist. */
async function readMap(
  { api, log }: ResolverWorld,
  kind: "configMaps" | "secrets",
  namespace: string,
  name: string,
): Promise<Record<string, string> | undefined> {
  try {
    const { data = {} } = await api.get<KubernetesObject & { data?: Record<string, string> }>(
      RESOURCES[kind],
      {
        namespace,
        name,
      },
    );
    if (kind === "configMaps") return data;
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]),
    );
  } catch (error) {
    if (!isStatus(error, "NotFound", "Forbidden")) throw error;
    log.error(`error trying to get ${kind === "secrets" ? "secret" : "config map"} from namespace`, {
      namespace,
      name,
      error,
    });
    return undefined;
  }
}
