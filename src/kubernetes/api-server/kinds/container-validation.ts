/** Checks of containers (`ValidateContainers` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsLabelProblem } from "../../../model/label-selector.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  missingReference,
  notSupported,
  required,
} from "../field-error.ts";
import { validateEnvironment } from "./environment-validation.ts";
import {
  checkInnerPath,
  checkLabel,
  checkOneOf,
  checkOptional,
  checkPort,
  portNameProblems,
} from "./field-rules.ts";
import { validateLifecycle, validateProbes } from "./probe-validation.ts";
import { validateResources } from "./resource-validation.ts";
import { validateContainerSecurity } from "./security-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export interface ContainerScope {
  /** Names of volumes that can be mounted. */
  volumes: Set<string>;
  /** Names of containers so far. */
  names: Set<string>;
  graceSeconds: number;
  hostNetwork: boolean;
}

export function validateContainers(
  containers: Anything[],
  path: string,
  scope: ContainerScope,
): StatusCause[] {
  return containers.flatMap((container, index) => {
    const at = `${path}[${index}]`;
    return [
      ...validateName(container.name, `${at}.name`, scope.names),
      ...validateContainer(container, at, scope),
    ];
  });
}

/** Init containers have no probes and hooks, unless they go on beside the others. */
export function validateInitContainers(
  containers: Anything[],
  path: string,
  scope: ContainerScope,
): StatusCause[] {
  return containers.flatMap((container, index) => {
    const at = `${path}[${index}]`;
    const isSidecar = container.restartPolicy === "Always";
    const named = container.name ? [] : [required(`${at}.name`)];
    const causes = [...named, ...validateContainer(container, at, scope, isSidecar)];
    if (container.name) causes.push(...validateName(container.name, `${at}.name`, scope.names));
    if (container.restartPolicy === "Always") return causes;
    for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]) {
      if (!container[field]) continue;
      causes.push(
        forbiddenField(`${at}.${field}`, "may not be set for init containers without restartPolicy=Always"),
      );
    }
    return causes;
  });
}

/** A name that has to be there, is a DNS label and not taken. */
export function validateName(name: unknown, field: string, taken: Set<string>): StatusCause[] {
  if (typeof name !== "string" || name === "") return [required(field)];
  const causes =
    name.includes(".") && dnsLabelProblem(name.replaceAll(".", "-")) === undefined
      ? [invalidValue(field, name, "must not contain dots")]
      : checkLabel(field, name);
  if (taken.has(name)) causes.push(duplicate(field, name));
  taken.add(name);
  return causes;
}

const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];
const RESTART_POLICIES = ["Always", "Never", "OnFailure"];

function validateContainer(
  container: Anything,
  path: string,
  scope: ContainerScope,
  hasProbes = !path.includes(".initContainers["),
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!container.image) causes.push(required(`${path}.image`));
  else if (container.image !== container.image.trim())
    causes.push(
      invalidValue(`${path}.image`, container.image, "must not have leading or trailing whitespace"),
    );
  causes.push(
    ...checkOptional(
      `${path}.terminationMessagePolicy`,
      container.terminationMessagePolicy,
      MESSAGE_POLICIES,
    ),
  );
  causes.push(...validatePorts(container.ports ?? [], `${path}.ports`, scope));
  causes.push(...validateEnvironment(container, path));
  const isPrivileged = container.securityContext?.privileged === true;
  const mounts = container.volumeMounts ?? [];
  causes.push(...validateMounts(mounts, `${path}.volumeMounts`, scope.volumes, isPrivileged));
  causes.push(...checkOptional(`${path}.imagePullPolicy`, container.imagePullPolicy, PULL_POLICIES));
  causes.push(...validateResources(container.resources ?? {}, `${path}.resources`));
  causes.push(...validateResizePolicy(container.resizePolicy ?? [], `${path}.resizePolicy`));
  causes.push(...checkOptional(`${path}.restartPolicy`, container.restartPolicy, RESTART_POLICIES));
  causes.push(...validateContainerSecurity(container.securityContext ?? {}, `${path}.securityContext`));
  if (!hasProbes) return causes;
  causes.push(...validateLifecycle(container.lifecycle ?? {}, `${path}.lifecycle`, scope.graceSeconds));
  causes.push(...validateProbes(container, path));
  return causes;
}

const MESSAGE_POLICIES = ["File", "FallbackToLogsOnError"];
const PROTOCOLS = ["SCTP", "TCP", "UDP"];

function validatePorts(ports: Anything[], path: string, scope: ContainerScope): StatusCause[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `${path}[${index}]`;
    const causes: StatusCause[] = [];
    if (port.name) {
      const problems = portNameProblems(port.name);
      for (const problem of problems) causes.push(invalidValue(`${at}.name`, port.name, problem));
      if (problems.length === 0 && names.has(port.name)) causes.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) causes.push(required(`${at}.containerPort`));
    else causes.push(...checkPort(`${at}.containerPort`, port.containerPort));
    if (port.hostPort) {
      causes.push(...checkPort(`${at}.hostPort`, port.hostPort));
      if (scope.hostNetwork && port.hostPort !== port.containerPort)
        causes.push(
          invalidValue(
            `${at}.hostPort`,
            port.hostPort,
            "must match `containerPort` when `hostNetwork` is true",
          ),
        );
    }
    if (!port.protocol) causes.push(required(`${at}.protocol`));
    else causes.push(...checkOneOf(`${at}.protocol`, port.protocol, PROTOCOLS));
    return causes;
  });
}

const PROPAGATIONS = ["Bidirectional", "HostToContainer", "None"];

function validatePropagation(mode: string | undefined, path: string, isPrivileged: boolean): StatusCause[] {
  const causes = checkOptional(path, mode, PROPAGATIONS);
  if (mode === "Bidirectional" && !isPrivileged)
    causes.push(
      forbiddenField(path, "Bidirectional mount propagation is available only to privileged containers"),
    );
  return causes;
}

function validateMounts(
  mounts: Anything[],
  path: string,
  volumes: Set<string>,
  isPrivileged: boolean,
): StatusCause[] {
  const taken = new Set<string>();
  return mounts.flatMap((mount, index) => {
    const at = `${path}[${index}]`;
    const causes: StatusCause[] = [];
    if (!mount.name) causes.push(required(`${at}.name`));
    if (!volumes.has(mount.name)) causes.push(missingReference(`${at}.name`, mount.name ?? ""));
    if (!mount.mountPath) causes.push(required(`${at}.mountPath`));
    if (taken.has(mount.mountPath))
      causes.push(invalidValue(`${at}.mountPath`, mount.mountPath, "must be unique"));
    taken.add(mount.mountPath);
    // Upstream names these two without the mount's number.
    if (mount.subPath) causes.push(...checkInnerPath(`${path}.subPath`, mount.subPath));
    causes.push(...validatePropagation(mount.mountPropagation, `${path}.mountPropagation`, isPrivileged));
    if (mount.subPathExpr) {
      if (mount.subPath)
        causes.push(
          invalidValue(
            `${path}.subPathExpr`,
            mount.subPathExpr,
            "subPathExpr and subPath are mutually exclusive",
          ),
        );
      causes.push(...checkInnerPath(`${path}.subPathExpr`, mount.subPathExpr));
    }
    return causes;
  });
}

function validateResizePolicy(policies: Anything[], path: string): StatusCause[] {
  const seen = new Set<string>();
  return policies.flatMap(({ resourceName, restartPolicy }, index) => {
    const causes: StatusCause[] = [];
    if (seen.has(resourceName)) causes.push(duplicate(`${path}[${index}]`, resourceName));
    seen.add(resourceName);
    if (!resourceName) causes.push(required(path));
    else causes.push(...checkOneOf(path, resourceName, ["cpu", "memory"]));
    if (!restartPolicy) causes.push(required(path));
    else if (!["NotRequired", "RestartContainer"].includes(restartPolicy))
      causes.push(notSupported(path, restartPolicy, ["NotRequired", "RestartContainer"]));
    return causes;
  });
}
