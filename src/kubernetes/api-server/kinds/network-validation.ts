/** Checks of ingresses, network policies, endpoints, leases and runtime classes. */

import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsLabelProblem } from "../../../model/label-selector.ts";
import { duplicate, invalidValue, notNegative, notSupported, required } from "../field-error.ts";
import { addressFamily } from "./address-family.ts";
import {
  checkAddress,
  checkLabel,
  checkOneOf,
  checkPort,
  checkSelector,
  checkSubdomain,
  checkText,
  domainPathProblem,
} from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export function validateIngress({ spec = {} }: KubernetesObject): StatusCause[] {
  const { rules = [], tls = [], defaultBackend } = spec;
  const causes: StatusCause[] = [];
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
      ? []
      : [invalidValue(path, "", "cannot set both resource and service backends")];
  if (service === undefined) return [required(path, "resource or service backend is required")];
  const { name, port = {} } = service;
  const causes = name ? checkLabel(`${path}.service.name`, name) : [required(`${path}.service.name`)];
  const hasName = Boolean(port.name);
  if (hasName && port.number) causes.push(invalidValue(path, "", "cannot set both port name & port number"));
  else if (hasName) causes.push(...checkPort(`${path}.service.port.name`, port.name));
  else if (port.number) causes.push(...checkPort(`${path}.service.port.number`, port.number));
  else causes.push(required(path, "port name or number is required"));
  return causes;
}

export function validateIngressClass({ spec = {} }: KubernetesObject): StatusCause[] {
  return spec.controller
    ? checkText("spec.controller", spec.controller, domainPathProblem)
    : [required("spec.controller")];
}

export function validateNetworkPolicy({ spec = {} }: KubernetesObject): StatusCause[] {
  const causes = checkSelector("spec.podSelector", spec.podSelector);
  const rules: [direction: string, peers: string][] = [
    ["ingress", "from"],
    ["egress", "to"],
  ];
  for (const [direction, peers] of rules) {
    for (const [index, rule] of (spec[direction] ?? []).entries()) {
      const at = `spec.${direction}[${index}]`;
      for (const [position, port] of (rule.ports ?? []).entries())
        causes.push(...validatePolicyPort(port, `${at}.ports[${position}]`));
      for (const [position, peer] of (rule[peers] ?? []).entries())
        if (Object.keys(peer).length === 0)
          causes.push(required(`${at}.${peers}[${position}]`, "must specify a peer"));
    }
  }
  for (const [index, type] of (spec.policyTypes ?? []).entries())
    causes.push(...checkOneOf(`spec.policyTypes[${index}]`, type, ["Ingress", "Egress"]));
  return causes;
}

function validatePolicyPort({ port, protocol, endPort }: Anything, path: string): StatusCause[] {
  const causes = checkOneOf(`${path}.protocol`, protocol, ["TCP", "UDP", "SCTP"]);
  if (port !== undefined) {
    const problems = checkPort(`${path}.port`, port);
    causes.push(...problems);
    if (typeof port === "number" && problems.length === 0 && endPort !== undefined && endPort < port)
      causes.push(invalidValue(`${path}.endPort`, endPort, "must be greater than or equal to `port`"));
  }
  return causes;
}

const ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"];

export function validateEndpointSlice(object: KubernetesObject): StatusCause[] {
  const { addressType, endpoints = [], ports = [] } = object as Anything;
  const causes = checkOneOf("addressType", addressType, ADDRESS_TYPES);
  const names = new Set<string>();
  for (const [index, { name = "", protocol }] of ports.entries()) {
    const at = `ports[${index}]`;
    if (name !== "") causes.push(...checkText(`${at}.name`, name, dnsLabelProblem));
    if (names.has(name)) causes.push(duplicate(`${at}.name`, name));
    names.add(name);
    causes.push(...checkOneOf(`${at}.protocol`, protocol, ["TCP", "UDP", "SCTP"]));
  }
  for (const [index, { addresses = [] }] of endpoints.entries()) {
    const at = `endpoints[${index}].addresses`;
    if (addresses.length === 0) causes.push(required(at, "must contain at least 1 address"));
    for (const [position, address] of addresses.entries())
      causes.push(...validateEndpointAddress(address, addressType, `${at}[${position}]`));
  }
  return causes;
}

function validateEndpointAddress(address: string, type: string, field: string): StatusCause[] {
  if (type === "FQDN") return checkSubdomain(field, address);
  const family = type === "IPv4" ? 4 : 6;
  if (!ADDRESS_TYPES.includes(type) || addressFamily(address) === family) return [];
  if (addressFamily(address) === 0) return checkAddress(field, address);
  return [invalidValue(field, address, `must be an ${type} address`)];
}

export function validateEndpoints(object: KubernetesObject): StatusCause[] {
  return ((object as Anything).subsets ?? []).flatMap((subset: Anything, index: number) => {
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    const at = `subsets[${index}]`;
    const causes =
      addresses.length + notReadyAddresses.length === 0
        ? [required(at, "must specify `addresses` or `notReadyAddresses`")]
        : [];
    for (const [position, { ip }] of addresses.entries())
      causes.push(...checkAddress(`${at}.addresses[${position}].ip`, ip));
    for (const [position, { name, port }] of ports.entries()) {
      const field = `${at}.ports[${position}]`;
      if (!name && ports.length > 1) causes.push(required(`${field}.name`));
      else if (name) causes.push(...checkLabel(`${field}.name`, name));
      causes.push(...checkPort(`${field}.port`, port));
    }
    return causes;
  });
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
  if (previous !== undefined && handler !== (previous as Anything).handler)
    causes.push(invalidValue("handler", handler, "field is immutable"));
  return causes;
}
