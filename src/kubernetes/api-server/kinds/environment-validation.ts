/** Checks of a container's environment variables (`ValidateEnv`, `ValidateEnvFrom` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { invalidValue, notSupported, required } from "../field-error.ts";
import { checkSubdomain, checkText, configKeyProblem } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export function validateEnvironment(container: Anything, path: string): StatusCause[] {
  const variables = (container.env ?? []).flatMap((variable: Anything, index: number) => {
    const at = `${path}.env[${index}]`;
    const name = variable.name
      ? checkText(`${at}.name`, variable.name, nameProblem)
      : [required(`${at}.name`)];
    return [...name, ...validateSource(variable, at)];
  });
  const sources = (container.envFrom ?? []).flatMap((source: Anything, index: number) =>
    validateEnvFrom(source, `${path}.envFrom`, index),
  );
  return [...variables, ...sources];
}

function nameProblem(name: string): string | undefined {
  return /^[ -<>-~]+$/.test(name)
    ? undefined
    : "a valid environment variable name must consist only of printable ASCII characters other than '='";
}

const SOURCES = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

function validateSource({ value, valueFrom }: Anything, path: string): StatusCause[] {
  if (valueFrom === undefined) return [];
  const at = `${path}.valueFrom`;
  const given = SOURCES.filter((source) => valueFrom[source] !== undefined);
  const causes = given.flatMap((source) => validateReference(source, valueFrom[source], `${at}.${source}`));
  if (given.length === 0) {
    const names = SOURCES.map((name) => `\`${name}\``);
    const list = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
    causes.push(invalidValue(at, "", `must specify one of: ${list}`));
  } else if (value) {
    causes.push(invalidValue(at, "", "may not be specified when `value` is not empty"));
  } else if (given.length > 1) {
    causes.push(invalidValue(at, "", "may not have more than one field specified at a time"));
  }
  return causes;
}

function validateReference(source: string, reference: Anything, path: string): StatusCause[] {
  switch (source) {
    case "fieldRef":
      return validateFieldReference(reference, `${path}`, POD_FIELDS);
    case "resourceFieldRef":
      return validateResourceReference(reference, path, CONTAINER_RESOURCES);
    case "fileKeyRef":
      return [];
    default: {
      const causes = checkSubdomain(`${path}.name`, reference.name);
      if (!reference.key) causes.push(required(`${path}.key`));
      else causes.push(...checkText(`${path}.key`, reference.key, configKeyProblem));
      return causes;
    }
  }
}

/** Fields of a pod that a variable may take its value from. */
const POD_FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
/** And files of a downward API volume. */
export const VOLUME_FIELDS = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];
const SELECTABLE_FIELDS = [
  ...POD_FIELDS,
  ...VOLUME_FIELDS,
  "spec.hostNetwork",
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
  "status.nominatedNodeName",
];

/** @param supported the fields without the labels and annotations that are named by key */
export function validateFieldReference(
  reference: Anything,
  path: string,
  supported: readonly string[],
): StatusCause[] {
  const { fieldPath, apiVersion = "v1" } = reference;
  if (!apiVersion) return [required(`${path}.apiVersion`)];
  if (!fieldPath) return [required(`${path}.fieldPath`)];
  if (apiVersion !== "v1") {
    const problem = `error converting fieldPath: unsupported pod version: ${apiVersion}`;
    return [invalidValue(`${path}.fieldPath`, fieldPath, problem)];
  }
  if (/^metadata\.(labels|annotations)\['[^']+'\]$/.test(fieldPath)) return [];
  if (!SELECTABLE_FIELDS.includes(fieldPath)) {
    const problem = `error converting fieldPath: field label not supported: ${fieldPath}`;
    return [invalidValue(`${path}.fieldPath`, fieldPath, problem)];
  }
  return supported.includes(fieldPath) ? [] : [notSupported(`${path}.fieldPath`, fieldPath, supported)];
}

const CONTAINER_RESOURCES = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];

export function validateResourceReference(
  { resource, divisor = "0" }: Anything,
  path: string,
  supported: readonly string[] = CONTAINER_RESOURCES,
): StatusCause[] {
  if (!resource) return [required(`${path}.resource`)];
  const isSupported = supported.includes(resource) || /^(limits|requests)\.hugepages-/.test(resource);
  if (!isSupported) return [notSupported(`${path}.resource`, resource, supported)];
  const isCpu = resource.endsWith(".cpu");
  const divisors = isCpu ? CPU_DIVISORS : BYTE_DIVISORS;
  if (divisor === "0" || divisors.includes(divisor)) return [];
  const problem = isCpu
    ? "only divisor's values 1m and 1 are supported with the cpu resource"
    : `only divisor's values ${BYTE_DIVISORS.join(", ")} are supported with the ${resourceText(resource)} resource`;
  return [invalidValue(`${path}.divisor`, resource, problem)];
}

const CPU_DIVISORS = ["1m", "1"];
const BYTE_DIVISORS = "1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi 1Ei".split(" ");

function resourceText(resource: string): string {
  if (resource.endsWith("ephemeral-storage")) return "local ephemeral storage";
  return resource.endsWith(".memory") ? "memory" : "hugepages";
}

function validateEnvFrom(source: Anything, path: string, index: number): StatusCause[] {
  const at = `${path}[${index}]`;
  const causes = source.prefix ? checkText(`${at}.prefix`, source.prefix, nameProblem) : [];
  const given = ["configMapRef", "secretRef"].filter((kind) => source[kind] !== undefined);
  for (const kind of given) {
    const { name } = source[kind];
    causes.push(...(name ? checkSubdomain(`${at}.${kind}.name`, name) : [required(`${at}.${kind}.name`)]));
  }
  if (given.length === 0)
    causes.push(invalidValue(path, "", "must specify one of: `configMapRef` or `secretRef`"));
  if (given.length > 1)
    causes.push(invalidValue(path, "", "may not have more than one field specified at a time"));
  return causes;
}
