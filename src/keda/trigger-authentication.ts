/**
 * TriggerAuthentication and ClusterTriggerAuthentication (keda `pkg/scaling/resolver/scale_resolvers.go`). Sources:
 * `secretTargetRef`, `configMapTargetRef`, `env`, `boundServiceAccountToken`, `filePath`. Vaults, OAuth2 and pod identities of clouds are refused with an error rather
 * than left out in silence.
 */
import type { Logger } from "../base/log.ts";
import type { GroupVersionResource } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import {
  type Container,
  type DataWorld,
  readConfigMap,
  readSecret,
  resolveContainerEnv,
  secretNamespaceOf,
} from "./container-env.ts";
import type { Trigger } from "./scaled-object.ts";

const GROUP = { group: "keda.sh", version: "v1alpha1" };
export const TRIGGER_AUTHENTICATIONS: GroupVersionResource = { ...GROUP, resource: "triggerauthentications" };
export const CLUSTER_TRIGGER_AUTHENTICATIONS: GroupVersionResource = {
  ...GROUP,
  resource: "clustertriggerauthentications",
};

const SERVICE_ACCOUNTS: GroupVersionResource = { group: "", version: "v1", resource: "serviceaccounts" };

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

export interface ResolverWorld extends DataWorld {
  log: Logger;
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
    params.push([parameter, await dataValue(world, "ConfigMap", secretNamespace, name, key)]);
  }
  for (const { parameter, name, key } of spec.secretTargetRef ?? []) {
    params.push([parameter, await dataValue(world, "Secret", secretNamespace, name, key)]);
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

/** Empty, and logged, when there is none to be had. */
async function dataValue(
  world: ResolverWorld,
  kind: "ConfigMap" | "Secret",
  namespace: string,
  name: string,
  key: string,
): Promise<string> {
  const [read, where, noun] =
    kind === "Secret"
      ? [readSecret, secretNamespaceOf(world, namespace), "secret"]
      : [readConfigMap, namespace, "config map"];
  try {
    return (await read(world, namespace, name))[key] ?? "";
  } catch (error) {
    const fields = { [`${kind}.Namespace`]: where, [`${kind}.Name`]: name, error };
    world.log.error(`error trying to get ${noun} from namespace`, fields);
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
