/** The environment variables of a container, in the order of precedence of the kubelet (`makeEnvironmentVariables`). */
import type { ConfigMap, Container, EnvVarSource, Node, Pod, Secret, Service } from "../types.ts";
import { containerNamed, fieldValue, resourceValue } from "./downward-api.ts";

export interface EnvironmentSources {
  pod: Pod;
  node: Node;
  /** Services of the pod's namespace and `default/kubernetes`. */
  services: Service[];
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
}

/** The container can't be made as its configuration says: `CreateContainerConfigError`. */
export class ContainerConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ContainerConfigError";
  }
}

/**
 * What the pod says; the image's own variables are below it, and `$(NAME)` does not see them.
 *
 * @throws ContainerConfigError naming what is missing.
 */
export function containerEnvironment(
  container: Container,
  sources: EnvironmentSources,
): Record<string, string> {
  const { pod, services } = sources;
  const env: Record<string, string> = {};
  const linked = services.filter(
    ({ metadata }) =>
      (metadata.namespace === "default" && metadata.name === "kubernetes") ||
      (pod.spec.enableServiceLinks !== false && metadata.namespace === pod.metadata.namespace),
  );
  for (const service of linked) Object.assign(env, serviceVariables(service));
  for (const source of container.envFrom ?? []) {
    const data = source.configMapRef
      ? configMapData(sources, source.configMapRef.name, source.configMapRef.optional)
      : source.secretRef
        ? secretData(sources, source.secretRef.name, source.secretRef.optional)
        : {};
    for (const [key, value] of Object.entries(data)) env[(source.prefix ?? "") + key] = value;
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found =
      valueFrom === undefined ? expand(value ?? "", env) : sourceValue(valueFrom, container, sources);
    if (found !== undefined) env[name] = found;
  }
  return env;
}

/** `$(NAME)` is the variable's value, or stays where there is none; `$$` is `$`. (`third_party/forked/golang/expansion`) */
export function expand(text: string, env: Record<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (match, name: string | undefined) => {
    if (name === undefined) return "$";
    return Object.hasOwn(env, name) ? env[name] : match;
  });
}

function sourceValue(
  from: EnvVarSource,
  container: Container,
  sources: EnvironmentSources,
): string | undefined {
  if (from.fieldRef) return fieldValue(sources.pod, from.fieldRef.fieldPath);
  if (from.resourceFieldRef) {
    const { resource, containerName, divisor } = from.resourceFieldRef;
    const of = containerNamed(sources.pod, containerName) ?? container;
    return resourceValue(of, resource, divisor, sources.node);
  }
  if (from.configMapKeyRef) {
    const { name, key, optional } = from.configMapKeyRef;
    const data = configMapData(sources, name, optional);
    return keyOf(data, key, optional, `ConfigMap ${sources.pod.metadata.namespace}/${name}`);
  }
  if (from.secretKeyRef) {
    const { name, key, optional } = from.secretKeyRef;
    const data = secretData(sources, name, optional);
    return keyOf(data, key, optional, `Secret ${sources.pod.metadata.namespace}/${name}`);
  }
  return "";
}

function keyOf(
  data: Record<string, string>,
  key: string,
  optional: boolean | undefined,
  where: string,
): string | undefined {
  if (Object.hasOwn(data, key)) return data[key];
  if (optional) return undefined;
  throw new ContainerConfigError(`couldn't find key ${key} in ${where}`);
}

function configMapData(sources: EnvironmentSources, name: string, optional = false): Record<string, string> {
  const map = sources.configMap(name);
  if (map === undefined && !optional)
    throw new ContainerConfigError(`configmap ${JSON.stringify(name)} not found`);
  return map?.data ?? {};
}

function secretData(sources: EnvironmentSources, name: string, optional = false): Record<string, string> {
  const secret = sources.secret(name);
  if (secret === undefined && !optional)
    throw new ContainerConfigError(`secret ${JSON.stringify(name)} not found`);
  return Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString("utf8"),
    ]),
  );
}

/** What Docker links were called: `REDIS_SERVICE_HOST`, `REDIS_PORT_6379_TCP_ADDR`, … (kubelet `envvars.go`). */
function serviceVariables(service: Service): Record<string, string> {
  const { clusterIP, ports = [] } = service.spec;
  if (clusterIP === undefined || clusterIP === "" || clusterIP === "None" || ports.length === 0) return {};
  const prefix = variableName(service.metadata.name);
  const url = (port: { port: number; protocol?: string }) =>
    `${(port.protocol ?? "TCP").toLowerCase()}://${clusterIP}:${port.port}`;
  const env: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: clusterIP,
    [`${prefix}_SERVICE_PORT`]: String(ports[0].port),
    [`${prefix}_PORT`]: url(ports[0]),
  };
  for (const port of ports) {
    if (port.name) env[`${prefix}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
    const protocol = port.protocol ?? "TCP";
    const each = `${prefix}_PORT_${port.port}_${protocol}`;
    env[each] = url(port);
    env[`${each}_PROTO`] = protocol.toLowerCase();
    env[`${each}_PORT`] = String(port.port);
    env[`${each}_ADDR`] = clusterIP;
  }
  return env;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_").replaceAll(".", "_");
}
