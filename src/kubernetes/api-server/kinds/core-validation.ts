/** Checks of Services, namespaces, ConfigMaps and Secrets (`pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblem, dnsLabelProblem } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { portRange } from "./pod-validation.ts";

const SERVICE_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

export function validateService(service: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec, metadata } = service;
  const problem = dns1035LabelProblem(metadata.name);
  const causes = problem === undefined ? [] : [invalidValue("metadata.name", metadata.name, problem)];
  if (spec === undefined) return [...causes, required("spec.ports")];
  if (!SERVICE_TYPES.includes(spec.type)) causes.push(notSupported("spec.type", spec.type, SERVICE_TYPES));
  const isHeadless = spec.clusterIP === "None";
  if (spec.type === "ExternalName") {
    if (!spec.externalName) causes.push(required("spec.externalName"));
  } else if ((spec.ports ?? []).length === 0 && !isHeadless) causes.push(required("spec.ports"));
  causes.push(...validatePorts(spec.ports ?? []));
  const address = previous?.spec?.clusterIP;
  if (
    address &&
    spec.clusterIP !== address &&
    previous.spec.type !== "ExternalName" &&
    spec.type !== "ExternalName"
  ) {
    causes.push(
      invalidValue("spec.clusterIPs[0]", spec.clusterIPs ?? [spec.clusterIP], "may not change once set"),
    );
  }
  return causes;
}

const PROTOCOLS = ["SCTP", "TCP", "UDP"];

// biome-ignore lint/suspicious/noExplicitAny: ports as the client sent them
function validatePorts(ports: any[]): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (ports.length > 1 && !port.name) causes.push(required(`${at}.name`));
    if (port.name) {
      const problem = dnsLabelProblem(port.name);
      if (problem !== undefined) causes.push(invalidValue(`${at}.name`, port.name, problem));
      if (names.has(port.name)) causes.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    causes.push(...portRange(`${at}.port`, port.port ?? 0));
    if (!PROTOCOLS.includes(port.protocol))
      causes.push(notSupported(`${at}.protocol`, port.protocol, PROTOCOLS));
    if (typeof port.targetPort === "number") causes.push(...portRange(`${at}.targetPort`, port.targetPort));
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) causes.push(duplicate(at, { protocol: port.protocol, port: port.port }));
    numbers.add(key);
  }
  return causes;
}

export function validateNamespace({ metadata }: KubernetesObject): StatusCause[] {
  const problem = dnsLabelProblem(metadata.name);
  return problem === undefined ? [] : [invalidValue("metadata.name", metadata.name, problem)];
}

interface Data extends KubernetesObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
  type?: string;
}

/** As etcd's limit on an object. */
export const MAX_DATA_BYTES = 1024 * 1024;

function validateData(object: Data, previous: Data | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  let size = 0;
  for (const field of ["data", "binaryData"] as const) {
    for (const [key, value] of Object.entries(object[field] ?? {})) {
      size += value.length;
      if (key.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(key) && key !== "." && key !== "..") continue;
      causes.push(invalidValue(`${field}[${key}]`, key, KEY_PROBLEM));
    }
  }
  if (size > MAX_DATA_BYTES) {
    causes.push({
      reason: "FieldValueTooLong",
      field: "",
      message: `Too long: may not be more than ${MAX_DATA_BYTES} bytes`,
    });
  }
  if (previous?.immutable !== true) return causes;
  if (!object.immutable)
    causes.push(forbiddenField("immutable", "field is immutable when `immutable` is set"));
  if (!deepEqual(object.data, previous.data))
    causes.push(forbiddenField("data", "field is immutable when `immutable` is set"));
  return causes;
}

const KEY_PROBLEM =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
  "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

export function validateConfigMap(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  return validateData(object, previous);
}

export function validateSecret(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const [secret, old] = [object as Data, previous as Data | undefined];
  const causes = validateData(secret, old);
  if (old !== undefined && secret.type !== old.type) {
    causes.push(invalidValue("type", secret.type, "field is immutable"));
  }
  if (secret.type === "kubernetes.io/tls") {
    for (const key of ["tls.crt", "tls.key"]) {
      if (secret.data?.[key] === undefined) causes.push(required(`data[${key}]`));
    }
  }
  return causes;
}
