/** Checks of pods and of their templates (`pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsLabelProblem } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { deepEqual } from "../deep-equal.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  missingReference,
  notSupported,
  required,
} from "../field-error.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export function validatePod(pod: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec } = pod;
  if (spec === undefined) return [required("spec.containers")];
  if (previous === undefined) return validatePodSpec(spec, "spec");
  return deepEqual(fixedPart(spec, previous.spec), fixedPart(previous.spec, previous.spec))
    ? []
    : [forbiddenField("spec", POD_UPDATE_PROBLEM)];
}

const POD_UPDATE_PROBLEM =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** What of a pod's spec may not change once it is there. A pod without a node may be given one. */
function fixedPart(spec: Anything, previous: Anything): unknown {
  const {
    activeDeadlineSeconds: _,
    tolerations: __,
    ephemeralContainers: ___,
    schedulingGates: ____,
    ...rest
  } = spec;
  const withoutImage = (container: Anything) => ({ ...container, image: "", resources: {} });
  return {
    ...rest,
    nodeName: previous.nodeName ? rest.nodeName : undefined,
    containers: (rest.containers ?? []).map(withoutImage),
    initContainers: (rest.initContainers ?? []).map(withoutImage),
  };
}

export function validatePodSpec(spec: Anything, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const volumes = validateVolumes(spec.volumes ?? [], `${path}.volumes`, causes);
  if (!Array.isArray(spec.containers) || spec.containers.length === 0)
    causes.push(required(`${path}.containers`));
  const names = new Set<string>();
  for (const list of ["initContainers", "containers"]) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      validateContainer(container, `${path}.${list}[${index}]`, names, volumes, causes);
    }
  }
  const policies = ["Always", "Never", "OnFailure"];
  if (spec.restartPolicy !== undefined && !policies.includes(spec.restartPolicy)) {
    causes.push(notSupported(`${path}.restartPolicy`, spec.restartPolicy, policies));
  }
  const dnsPolicies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
  if (spec.dnsPolicy !== undefined && !dnsPolicies.includes(spec.dnsPolicy)) {
    causes.push(notSupported(`${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies));
  }
  return causes;
}

function validateName(name: unknown, field: string, taken: Set<string>, causes: StatusCause[]): void {
  if (typeof name !== "string" || name === "") {
    causes.push(required(field));
    return;
  }
  const problem = dnsLabelProblem(name);
  if (problem !== undefined) causes.push(invalidValue(field, name, problem));
  if (taken.has(name)) causes.push(duplicate(field, name));
  taken.add(name);
}

function validateVolumes(volumes: Anything[], path: string, causes: StatusCause[]): Set<string> {
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    validateName(volume.name, `${path}[${index}].name`, names, causes);
    const sources = Object.keys(volume).filter((key) => key !== "name");
    for (const source of sources.slice(1)) {
      causes.push(forbiddenField(`${path}[${index}].${source}`, "may not specify more than 1 volume type"));
    }
    if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName) {
      causes.push(required(`${path}[${index}].persistentVolumeClaim.claimName`));
    }
  }
  return names;
}

const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];

function validateContainer(
  container: Anything,
  path: string,
  names: Set<string>,
  volumes: Set<string>,
  causes: StatusCause[],
): void {
  validateName(container.name, `${path}.name`, names, causes);
  if (!container.image) causes.push(required(`${path}.image`));
  else if (container.image !== container.image.trim()) {
    causes.push(
      invalidValue(`${path}.image`, container.image, "must not have leading or trailing whitespace"),
    );
  }
  if (container.imagePullPolicy !== undefined && !PULL_POLICIES.includes(container.imagePullPolicy)) {
    causes.push(notSupported(`${path}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES));
  }
  for (const [index, port] of (container.ports ?? []).entries()) {
    validateContainerPort(port, `${path}.ports[${index}]`, causes);
  }
  for (const [index, variable] of (container.env ?? []).entries()) {
    if (!variable.name) causes.push(required(`${path}.env[${index}].name`));
    if (variable.value && variable.valueFrom) {
      causes.push(
        invalidValue(`${path}.env[${index}].valueFrom`, "", "may not be specified when `value` is not empty"),
      );
    }
  }
  validateMounts(container.volumeMounts ?? [], `${path}.volumeMounts`, volumes, causes);
  validateResources(container.resources ?? {}, `${path}.resources`, causes);
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    if (container[probe]) validateProbe(container[probe], `${path}.${probe}`, causes);
  }
}

function validateContainerPort(port: Anything, path: string, causes: StatusCause[]): void {
  if (port.containerPort === undefined || port.containerPort === 0)
    causes.push(required(`${path}.containerPort`));
  else causes.push(...portRange(`${path}.containerPort`, port.containerPort));
  if (port.protocol !== undefined && !PROTOCOLS.includes(port.protocol)) {
    causes.push(notSupported(`${path}.protocol`, port.protocol, PROTOCOLS));
  }
}

export function portRange(field: string, port: unknown): StatusCause[] {
  if (typeof port !== "number" || (port >= 1 && port <= 65535)) return [];
  return [invalidValue(field, port, "must be between 1 and 65535, inclusive")];
}

function validateMounts(mounts: Anything[], path: string, volumes: Set<string>, causes: StatusCause[]): void {
  const paths = new Set<string>();
  for (const [index, mount] of mounts.entries()) {
    const at = `${path}[${index}]`;
    if (!mount.name) causes.push(required(`${at}.name`));
    else if (!volumes.has(mount.name)) causes.push(missingReference(`${at}.name`, mount.name));
    if (!mount.mountPath) causes.push(required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath))
      causes.push(invalidValue(`${at}.mountPath`, mount.mountPath, "must be unique"));
    paths.add(mount.mountPath);
  }
}

function validateResources(resources: Anything, path: string, causes: StatusCause[]): void {
  for (const part of ["limits", "requests"]) {
    for (const [name, quantity] of Object.entries<string>(resources[part] ?? {})) {
      if (parseQuantity(quantity) >= 0) continue;
      causes.push(invalidValue(`${path}.${part}[${name}]`, quantity, "must be greater than or equal to 0"));
    }
  }
  for (const [name, request] of Object.entries<string>(resources.requests ?? {})) {
    const limit = resources.limits?.[name];
    if (limit === undefined || parseQuantity(request) <= parseQuantity(limit)) continue;
    causes.push(
      invalidValue(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`),
    );
  }
}

function validateProbe(probe: Anything, path: string, causes: StatusCause[]): void {
  const handlers = ["exec", "httpGet", "tcpSocket", "grpc"].filter((name) => probe[name] !== undefined);
  if (handlers.length === 0) causes.push(required(path, "must specify a handler type"));
  for (const extra of handlers.slice(1)) {
    causes.push(forbiddenField(`${path}.${extra}`, "may not specify more than 1 handler type"));
  }
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ]) {
    if (probe[field] < 0)
      causes.push(invalidValue(`${path}.${field}`, probe[field], "must be greater than or equal to 0"));
  }
}
