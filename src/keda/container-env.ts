/**
 * The environment of a scale target's container, as far as it is known without running it, and the Secrets and
 * ConfigMaps that it is made of (keda `pkg/scaling/resolver/scale_resolvers.go`).
 */
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";

/** References `$(NAME)` in a value are followed this far at most. */
export const MAX_ENV_VALUE_LENGTH = 1024 * 1024;

interface EnvironmentSource {
  name?: string;
  key?: string;
  optional?: boolean;
}

export interface Container {
  name: string;
  env?: {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: EnvironmentSource; configMapKeyRef?: EnvironmentSource };
  }[];
  envFrom?: { prefix?: string; configMapRef?: EnvironmentSource; secretRef?: EnvironmentSource }[];
}

export interface DataWorld {
  api: KubernetesApi;
  /** Where secrets of ClusterTriggerAuthentications are. */
  operatorNamespace: string;
  /** `KEDA_RESTRICT_SECRET_ACCESS`: Secrets are read in the operator's namespace only. @default false */
  restrictSecretAccess?: boolean;
}

type Data = Record<string, string>;

/** @throws KubernetesError */
export async function readConfigMap({ api }: DataWorld, namespace: string, name: string): Promise<Data> {
  const { data = {} } = await api.get<KubernetesObject & { data?: Data }>(RESOURCES.configMaps, {
    namespace,
    name,
  });
  return data;
}

/** With restricted access that of the operator's namespace. @throws KubernetesError */
export async function readSecret(world: DataWorld, namespace: string, name: string): Promise<Data> {
  const key = { namespace: secretNamespaceOf(world, namespace), name };
  const { data = {} } = await world.api.get<KubernetesObject & { data?: Data }>(RESOURCES.secrets, key);
  const decode = (value: string) => Buffer.from(value, "base64").toString("utf8");
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decode(value)]));
}

export function secretNamespaceOf(
  { restrictSecretAccess, operatorNamespace }: DataWorld,
  namespace: string,
): string {
  return restrictSecretAccess ? operatorNamespace : namespace;
}

/** @throws Error with upstream's text when a Secret or ConfigMap that is not optional is missing */
export async function resolveContainerEnv(
  world: DataWorld,
  podSpec: { containers: Container[] },
  containerName: string | undefined,
  namespace: string,
): Promise<Data> {
  const { containers } = podSpec;
  if (containers.length === 0) throw new Error("target object doesn't have containers");
  const container = containerName ? containers.find(({ name }) => name === containerName) : containers[0];
  if (container === undefined) {
    throw new Error(`couldn't find container with name ${containerName} on Target object`);
  }
  const env = new Map<string, string>();
  for (const source of container.envFrom ?? []) await addAll(env, source, world, namespace);
  for (const variable of container.env ?? []) await addOne(env, variable, world, namespace);
  return Object.fromEntries(env);
}

const canReadSecrets = (world: DataWorld, namespace: string) =>
  secretNamespaceOf(world, namespace) === namespace;

async function addAll(
  env: Map<string, string>,
  { prefix = "", configMapRef, secretRef }: NonNullable<Container["envFrom"]>[number],
  world: DataWorld,
  namespace: string,
): Promise<void> {
  const reference = configMapRef ?? (canReadSecrets(world, namespace) ? secretRef : undefined);
  if (reference === undefined) return;
  const [read, text] =
    configMapRef === undefined
      ? [readSecret, `secret ref ${shown("SecretEnvSource", reference)} on namespace ${namespace}`]
      : [readConfigMap, `config ref ${shown("ConfigMapEnvSource", reference)} on namespace ${namespace}/`];
  try {
    const data = await read(world, namespace, reference.name!);
    for (const [key, value] of Object.entries(data)) env.set(prefix + key, value);
  } catch (error) {
    if (reference.optional !== true) throw new Error(`error reading ${text}: ${(error as Error).message}`);
  }
}

async function addOne(
  env: Map<string, string>,
  { name, value, valueFrom }: NonNullable<Container["env"]>[number],
  world: DataWorld,
  namespace: string,
): Promise<void> {
  if (value !== undefined && value !== "") return void env.set(name, expandReferences(value, env));
  if (valueFrom === undefined) return void env.set(name, "");
  const { configMapKeyRef } = valueFrom;
  const secretKeyRef = canReadSecrets(world, namespace) ? valueFrom.secretKeyRef : undefined;
  const reference = secretKeyRef ?? configMapKeyRef;
  if (reference === undefined) return;
  const [read, text] =
    secretKeyRef === undefined
      ? [readConfigMap, `config ${shown("ConfigMapKeySelector", reference)}`]
      : [readSecret, `secret name ${shown("SecretKeySelector", reference)}`];
  try {
    env.set(name, (await read(world, namespace, reference.name!))[reference.key!] ?? "");
  } catch {
    if (reference.optional !== true)
      throw new Error(`error resolving ${text} for env ${name} in namespace ${namespace}`);
  }
}

/** A reference as Go's `%s` prints it. */
function shown(type: string, { name, key, optional }: EnvironmentSource): string {
  const keyText = key === undefined ? "" : `Key:${key},`;
  const optionalText = optional === undefined ? "nil" : `*${optional}`;
  return `&${type}{LocalObjectReference:LocalObjectReference{Name:${name},},${keyText}Optional:${optionalText},}`;
}

/** What follows the operator: upstream looks for no reference in the last three characters. */
const MIN_REFERENCE_LENGTH = 4;

/** `$(NAME)` becomes the value, `$$` a dollar; what is unknown stays. */
function expandReferences(value: string, env: ReadonlyMap<string, string>): string {
  const expanded = value.replaceAll(
    /\$(?:\$|\(([^)]*)\))/g,
    (whole, name: string | undefined, offset: number) => {
      if (value.length - offset < MIN_REFERENCE_LENGTH) return whole;
      return name === undefined ? "$" : (env.get(name) ?? whole);
    },
  );
  if (expanded.length > MAX_ENV_VALUE_LENGTH)
    throw new Error("an environment variable of the scale target is too long");
  return expanded;
}
