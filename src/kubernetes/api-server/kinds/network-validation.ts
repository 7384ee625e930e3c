/** Checks of ingresses, leases, runtime classes and the addresses of Services. */

import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblems } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notNegative,
  notSupported,
  required,
  tooLong,
} from "../field-error.ts";
import { addressFamily } from "./address-family.ts";
import {
  checkLabel,
  checkLabels,
  checkOneOf,
  checkPort,
  checkStrictRange,
  checkSubdomain,
  checkText,
  domainPathProblem,
  pathSegmentProblem,
} from "./field-rules.ts";
import { goValue } from "./go-struct.ts";
import { legacyRange } from "./ip-address.ts";
import { notBelowZero, resourceNameProblems } from "./resource-validation.ts";
import { validateTolerations } from "./scheduling-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const CLASS_ANNOTATION = "kubernetes.io/ingress.class";

export function validateIngress(ingress: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec = {}, metadata } = ingress;
  const { rules = [], tls = [], defaultBackend } = spec;
  const causes: StatusCause[] = [];
  const named = metadata.annotations?.[CLASS_ANNOTATION];
  const isTwice =
    named !== undefined && spec.ingressClassName !== undefined && named !== spec.ingressClassName;
  if (previous === undefined && isTwice)
    causes.push(
      invalidValue(
        `annotations.${CLASS_ANNOTATION}`,
        named,
        "must match `ingressClassName` when both are specified",
      ),
    );
  if (rules.length === 0 && defaultBackend === undefined)
    causes.push(invalidValue("spec", null, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend !== undefined) causes.push(...validateBackend(defaultBackend, "spec.defaultBackend"));
  for (const [index, { host, http }] of rules.entries()) {
    const at = `spec.rules[${index}]`;
    if (host) causes.push(...validateHost(host, `${at}.host`));
    if (http === undefined) continue;
    if ((http.paths ?? []).length === 0) causes.push(required(`${at}.http.paths`));
    for (const [position, path] of (http.paths ?? []).entries())
      causes.push(...validatePath(path, `${at}.http.paths[${position}]`));
  }
  for (const [index, { hosts = [] }] of tls.entries())
    for (const [position, host] of hosts.entries())
      causes.push(...validateHost(host, `spec.tls[${index}].hosts[${position}]`));
  for (const [index, { secretName }] of tls.entries())
    if (secretName) causes.push(...checkSubdomain(`spec.tls[${index}].secretName`, secretName));
  if (spec.ingressClassName !== undefined)
    causes.push(...checkSubdomain("spec.ingressClassName", spec.ingressClassName));
  return causes;
}

function validateHost(host: string, field: string): StatusCause[] {
  if (addressFamily(host) !== 0) return [invalidValue(field, host, "must be a DNS name, not an IP address")];
  return host.startsWith("*.") ? checkSubdomain(field, host.slice(2)) : checkSubdomain(field, host);
}

const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];

function validatePath({ path, pathType, backend }: Anything, at: string): StatusCause[] {
  if (pathType === undefined) return [required(`${at}.pathType`, "pathType must be specified")];
  const causes: StatusCause[] = [];
  if (pathType === "Exact" || pathType === "Prefix") {
    if (!path?.startsWith("/"))
      causes.push(invalidValue(`${at}.path`, path ?? "", "must be an absolute path"));
    for (const bad of ["//", "/./", "/../", "%2f", "%2F"])
      if (path?.includes(bad)) causes.push(invalidValue(`${at}.path`, path, `must not contain '${bad}'`));
  } else if (!PATH_TYPES.includes(pathType)) {
    causes.push(notSupported(`${at}.pathType`, pathType, PATH_TYPES));
  }
  return [...causes, ...validateBackend(backend ?? {}, `${at}.backend`)];
}

function validateBackend({ service, resource }: Anything, path: string): StatusCause[] {
  if (resource !== undefined)
    return service === undefined
      ? validateReference(resource, `${path}.resource`)
      : [invalidValue(path, "", "cannot set both resource and service backends")];
  if (service === undefined) return [invalidValue(path, "", "resource or service backend is required")];
  const { name, port = {} } = service;
  const field = `${path}.service.name`;
  const causes = name ? checkText(field, name, dns1035LabelProblems) : [required(field)];
  const hasName = Boolean(port.name);
  if (hasName && port.number) causes.push(invalidValue(path, "", "cannot set both port name & port number"));
  else if (hasName) causes.push(...checkPort(`${path}.service.port.name`, port.name));
  else if (port.number) causes.push(...checkPort(`${path}.service.port.number`, port.number));
  else causes.push(required(path, "port name or number is required"));
  return causes;
}

function validateReference({ apiGroup, kind, name }: Anything, path: string): StatusCause[] {
  const causes = apiGroup === undefined ? [] : checkSubdomain(`${path}.apiGroup`, apiGroup);
  for (const [field, value] of Object.entries({ kind, name }))
    causes.push(
      ...(value ? checkText(`${path}.${field}`, value, pathSegmentProblem) : [required(`${path}.${field}`)]),
    );
  return causes;
}

/** Of a controller's name. */
const MAX_CONTROLLER_BYTES = 250;

export function validateIngressClass(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const controller = previous?.spec?.controller;
  if (previous !== undefined && spec.controller !== controller)
    return [
      invalidValue("spec.controller", spec.controller ?? "", "field is immutable"),
      ...validateIngressClass({ spec } as KubernetesObject),
    ];
  const causes = spec.controller
    ? checkText("spec.controller", spec.controller, domainPathProblem)
    : [required("spec.controller")];
  if ((spec.controller ?? "").length > MAX_CONTROLLER_BYTES)
    causes.unshift(tooLong("spec.controller", MAX_CONTROLLER_BYTES));
  if (spec.parameters === undefined) return causes;
  const at = "spec.parameters";
  const { scope, namespace } = spec.parameters;
  causes.push(...validateReference(spec.parameters, at));
  if (scope === undefined) return [...causes, required(`${at}.scope`)];
  causes.push(...checkOneOf(`${at}.scope`, scope, ["Cluster", "Namespace"]));
  if (scope === "Namespace")
    causes.push(
      ...(namespace === undefined
        ? [required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'")]
        : checkLabel(`${at}.namespace`, namespace)),
    );
  if (scope === "Cluster" && namespace !== undefined)
    causes.push(forbiddenField(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  return causes;
}

export function validateLease({ spec = {} }: KubernetesObject): StatusCause[] {
  const { leaseDurationSeconds: seconds, leaseTransitions } = spec;
  const causes =
    seconds !== undefined && seconds <= 0
      ? [invalidValue("spec.leaseDurationSeconds", seconds, "must be greater than 0")]
      : [];
  return [...causes, ...notNegative("spec.leaseTransitions", leaseTransitions)];
}

export function validateRuntimeClass(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { handler = "" } = object as Anything;
  const causes = checkLabel("handler", handler);
  const { overhead, scheduling } = object as Anything;
  for (const [name, quantity] of Object.entries<string>(overhead?.podFixed ?? {})) {
    const at = `overhead.limits[${name}]`;
    causes.push(...resourceNameProblems(name).map((problem) => invalidValue(at, name, problem)));
    causes.push(...notBelowZero(at, quantity));
  }
  if (scheduling !== undefined) {
    causes.push(...checkLabels("scheduling.nodeSelector", scheduling.nodeSelector));
    causes.push(...validateClassTolerations(scheduling.tolerations ?? [], "scheduling.tolerations"));
  }
  if (previous !== undefined && handler !== (previous as Anything).handler)
    causes.push(invalidValue("handler", handler, "field is immutable"));
  return causes;
}

/** A class's tolerations are added to a pod's: none may be there twice. */
function validateClassTolerations(tolerations: Anything[], path: string): StatusCause[] {
  const seen = new Set<string>();
  return tolerations.flatMap((toleration, index) => {
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds = null } = toleration;
    const causes = validateTolerations([toleration], path).map(
      (cause): StatusCause => ({
        ...cause,
        field: (cause.field ?? "").replace("[0]", `[${index}]`),
      }),
    );
    const shown = {
      Key: key,
      Operator: operator,
      Value: value,
      Effect: effect,
      TolerationSeconds: tolerationSeconds,
    };
    // How long it tolerates does not tell two apart.
    const matched = JSON.stringify([key, operator, value, effect]);
    if (seen.has(matched)) causes.push(duplicate(`${path}[${index}]`, shown));
    seen.add(matched);
    return causes;
  });
}

/** Ranges that Services get their addresses from, and the addresses that are given out. */
export function validateServiceRange(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const ranges: string[] = spec.cidrs ?? [];
  if (previous !== undefined) return validateRangeChange(ranges, previous.spec?.cidrs ?? []);
  return validateRanges(ranges);
}

/** Ranges stay; a second one may be added to one. */
function validateRangeChange(ranges: string[], before: string[]): StatusCause[] {
  const isAdded = before.length === 1 && ranges.length === 2;
  if (!isAdded && ranges.length !== before.length)
    return [invalidValue("spec.cidrs", ranges.length === 0 ? null : ranges, "field is immutable")];
  const causes = before.flatMap((range, index) =>
    range === ranges[index]
      ? []
      : [invalidValue(`spec.cidrs[${index}]`, ranges[index], "field is immutable")],
  );
  return isAdded ? [...causes, ...validateRanges(ranges)] : causes;
}

function validateRanges(ranges: string[]): StatusCause[] {
  if (ranges.length === 0) return [required("spec.cidrs", "at least one CIDR required")];
  if (ranges.length > 2)
    return [invalidValue("spec.cidrs", { CIDRs: ranges }, "may only hold up to 2 values")];
  const causes = ranges.flatMap((range, index) => checkStrictRange(`spec.cidrs[${index}]`, range));
  const [first, second] = ranges.map((range) => legacyRange(range)?.address.size);
  if (first !== undefined && first === second) {
    const problem =
      "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
    causes.push(invalidValue("spec.cidrs", ranges, problem));
  }
  return causes;
}

export function validateAddressObject(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const at = "spec.parentRef";
  if (previous !== undefined && !deepEqual(spec.parentRef, previous.spec?.parentRef)) {
    const shown = goValue("*networking.ParentReference", spec.parentRef);
    const causes = spec.parentRef === undefined ? [required(at)] : [];
    return [...causes, invalidValue(at, shown, "field is immutable")];
  }
  if (spec.parentRef === undefined) return [required(at)];
  const { group, resource, name, namespace } = spec.parentRef;
  const causes = group ? checkSubdomain(`${at}.group`, group) : [];
  const segment = (field: string, value: string | undefined, isRequired: boolean) => {
    if (value) causes.push(...checkText(`${at}.${field}`, value, pathSegmentProblem));
    else if (isRequired) causes.push(required(`${at}.${field}`));
  };
  segment("resource", resource, true);
  segment("name", name, true);
  segment("namespace", namespace, false);
  return causes;
}
