/** Checks of Services (`ValidateService` of `pkg/apis/core/validation`). */

import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblems } from "../../../model/label-selector.ts";
import { duplicate, forbiddenField, invalidValue, required } from "../field-error.ts";
import { addressFamily } from "./address-family.ts";
import {
  checkAddressRange,
  checkLabel,
  checkLabels,
  checkOneOf,
  checkOptional,
  checkPort,
  checkQualifiedName,
  checkSubdomain,
  checkText,
} from "./field-rules.ts";
import { FIRST_NODE_PORT, LAST_NODE_PORT } from "./node-ports.ts";
import { validateClusterAddresses } from "./service-families.ts";
import { specialAddressProblems } from "./special-address.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const POLICIES = ["Cluster", "Local"];
const DISTRIBUTIONS = ["PreferClose", "PreferSameZone", "PreferSameNode"];
/** A day. */
const MAX_AFFINITY_SECONDS = 86_400;

export function validateService(service: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec = {}, metadata } = service;
  const isHeadless = spec.clusterIP === "None";
  const isExternal = spec.type === "NodePort" || spec.type === "LoadBalancer";
  const causes = metadata.name ? checkText("metadata.name", metadata.name, dns1035LabelProblems) : [];
  causes.push(...validateTopologyMode(metadata.annotations ?? {}));
  if ((spec.ports ?? []).length === 0 && !isHeadless && spec.type !== "ExternalName")
    causes.push(required("spec.ports"));
  if (isHeadless && isExternal)
    causes.push(
      invalidValue("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`),
    );
  if (spec.type === "ExternalName")
    for (const [field, value] of Object.entries({
      clusterIPs: (spec.clusterIPs ?? []).length > 0,
      ipFamilies: (spec.ipFamilies ?? []).length > 0,
      ipFamilyPolicy: spec.ipFamilyPolicy,
    }))
      if (value) causes.push(forbiddenField(`spec.${field}`, "may not be set for ExternalName services"));
  if (spec.type === "ExternalName")
    causes.push(
      ...(spec.externalName
        ? checkSubdomain("spec.externalName", spec.externalName.replace(/\.$/, ""))
        : [required("spec.externalName")]),
    );
  causes.push(...validatePorts(spec.ports ?? []));
  causes.push(...checkLabels("spec.selector", spec.selector));
  causes.push(...checkOneOf("spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]));
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds !== undefined && (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS))
    causes.push(
      invalidValue(
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        seconds,
        `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`,
      ),
    );
  if (spec.type !== "ExternalName") causes.push(...validateClusterAddresses(spec));
  for (const [index, address] of (spec.externalIPs ?? []).entries())
    causes.push(...specialAddressProblems(`spec.externalIPs[${index}]`, address));
  causes.push(...checkOneOf("spec.type", spec.type, TYPES));
  causes.push(...validateNodePorts(spec));
  causes.push(...validateRepeatedPorts(spec.ports ?? []));
  causes.push(...validateLoadBalancer(spec), ...validateRangesAnnotation(service, previous));
  causes.push(...validateExternalPolicy(spec, isExternal));
  causes.push(...checkOptional("spec.internalTrafficPolicy", spec.internalTrafficPolicy, POLICIES));
  causes.push(...checkOptional("spec.trafficDistribution", spec.trafficDistribution, DISTRIBUTIONS));
  if (causes.length === 0) causes.push(...validateNodePortRange(spec, isExternal));
  return [...validateChange(spec, previous?.spec), ...causes];
}

const HINTS = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE = "service.kubernetes.io/topology-mode";

/** The older name of an annotation says the same as the newer one. */
function validateTopologyMode(annotations: Record<string, string>): StatusCause[] {
  const [hints, mode] = [annotations[HINTS], annotations[TOPOLOGY_MODE]];
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const problem = `must match annotations[${HINTS}] when both are specified`;
  return [invalidValue(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, problem)];
}

const PROTOCOLS = ["SCTP", "TCP", "UDP"];

function validatePorts(ports: Anything[]): StatusCause[] {
  const names = new Set<string>();
  const causes: StatusCause[] = [];
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (!port.name) {
      if (ports.length > 1) causes.push(required(`${at}.name`));
    } else {
      causes.push(...checkLabel(`${at}.name`, port.name));
      if (names.has(port.name)) causes.push(duplicate(`${at}.name`, port.name));
    }
    names.add(port.name);
    causes.push(...checkPort(`${at}.port`, port.port ?? 0));
    causes.push(
      ...(port.protocol
        ? checkOneOf(`${at}.protocol`, port.protocol, PROTOCOLS)
        : [required(`${at}.protocol`)]),
    );
    causes.push(...checkPort(`${at}.targetPort`, port.targetPort));
    if (port.appProtocol !== undefined)
      causes.push(...checkQualifiedName(`${at}.appProtocol`, port.appProtocol));
  }
  return causes;
}

function validateRepeatedPorts(ports: Anything[]): StatusCause[] {
  const numbers = new Set<string>();
  const causes: StatusCause[] = [];
  for (const [index, { protocol, port }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    if (numbers.has(key))
      causes.push(duplicate(`spec.ports[${index}]`, goPort({ Protocol: protocol, Port: port })));
    numbers.add(key);
  }
  return causes;
}

/** As Go prints the internal type. */
function goPort(given: object) {
  return { Name: "", Protocol: "", AppProtocol: null, Port: 0, TargetPort: 0, NodePort: 0, ...given };
}

function validateNodePorts({ ports = [], type }: Anything): StatusCause[] {
  const taken = new Set<string>();
  const causes: StatusCause[] = [];
  for (const [index, { nodePort }] of ports.entries())
    if (nodePort && type === "ClusterIP")
      causes.push(
        forbiddenField(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"),
      );
  for (const [index, { nodePort, protocol }] of ports.entries()) {
    if (!nodePort) continue;
    const key = `${protocol}/${nodePort}`;
    if (taken.has(key)) causes.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    taken.add(key);
  }
  return causes;
}

/** Told by who gives the ports out, after all else is right. */
function validateNodePortRange({ ports = [] }: Anything, isExternal: boolean): StatusCause[] {
  if (!isExternal) return [];
  return ports.flatMap(({ nodePort }: Anything, index: number) => {
    if (!nodePort || (nodePort >= FIRST_NODE_PORT && nodePort <= LAST_NODE_PORT)) return [];
    const problem = `provided port is not in the valid range. The range of valid ports is ${FIRST_NODE_PORT}-${LAST_NODE_PORT}`;
    return [invalidValue(`spec.ports[${index}].nodePort`, nodePort, problem)];
  });
}

const BALANCER_ONLY = "may only be used when `type` is 'LoadBalancer'";

const RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges";

/** The ranges as they were said before there was a field for them. */
function validateRangesAnnotation(
  { metadata, spec }: KubernetesObject,
  previous: KubernetesObject | undefined,
): StatusCause[] {
  const text = metadata.annotations?.[RANGES_ANNOTATION];
  if (text === undefined || (spec?.loadBalancerSourceRanges ?? []).length > 0) return [];
  const at = `metadata.annotations[${RANGES_ANNOTATION}]`;
  const causes = spec?.type === "LoadBalancer" ? [] : [forbiddenField(at, BALANCER_ONLY)];
  if (text.trim() === "" || previous?.metadata.annotations?.[RANGES_ANNOTATION] === text) return causes;
  return [...causes, ...text.split(",").flatMap((range) => checkAddressRange(at, range.trim()))];
}

function validateLoadBalancer(spec: Anything): StatusCause[] {
  const { type, loadBalancerSourceRanges: ranges = [], loadBalancerClass } = spec;
  const isBalancer = type === "LoadBalancer";
  const causes: StatusCause[] = [];
  if (ranges.length > 0 && !isBalancer)
    causes.push(forbiddenField("spec.LoadBalancerSourceRanges", BALANCER_ONLY));
  for (const [index, range] of ranges.entries())
    causes.push(...checkAddressRange(`spec.LoadBalancerSourceRanges[${index}]`, range.trim()));
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalancer)
    causes.push(forbiddenField("spec.allocateLoadBalancerNodePorts", BALANCER_ONLY));
  if (loadBalancerClass === undefined) return causes;
  return isBalancer
    ? [...causes, ...checkQualifiedName("spec.loadBalancerClass", loadBalancerClass)]
    : [...causes, forbiddenField("spec.loadBalancerClass", BALANCER_ONLY)];
}

function validateExternalPolicy(spec: Anything, isExternal: boolean): StatusCause[] {
  const policy = spec.externalTrafficPolicy;
  const hasAddresses = spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0;
  if (!isExternal && !hasAddresses)
    return policy
      ? [
          invalidValue(
            "spec.externalTrafficPolicy",
            policy,
            "may only be set for externally-accessible services",
          ),
        ]
      : [];
  const causes = policy
    ? checkOneOf("spec.externalTrafficPolicy", policy, POLICIES)
    : [required("spec.externalTrafficPolicy")];
  const port = spec.healthCheckNodePort ?? 0;
  if (port === 0) return causes;
  if (spec.type === "LoadBalancer" && policy === "Local")
    return [...causes, ...checkPort("spec.healthCheckNodePort", port)];
  const problem = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [...causes, invalidValue("spec.healthCheckNodePort", port, problem)];
}

function validateChange(spec: Anything, before: Anything): StatusCause[] {
  if (before === undefined) return [];
  return [...validateAddressChange(spec, before), ...validateClassChange(spec, before)];
}

/** Who balances a Service is decided once. */
function validateClassChange(spec: Anything, before: Anything): StatusCause[] {
  const isBalancer = spec.type === "LoadBalancer" && before.type === "LoadBalancer";
  if (!isBalancer || spec.loadBalancerClass === before.loadBalancerClass) return [];
  return [invalidValue("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set")];
}

function validateAddressChange(spec: Anything, before: Anything): StatusCause[] {
  const address = before.clusterIP;
  if (!address || before.type === "ExternalName" || spec.type === "ExternalName") return [];
  if (spec.clusterIP === address || (addressFamily(address) === 0 && address !== "None")) return [];
  const now = spec.clusterIPs ?? [spec.clusterIP];
  return [invalidValue("spec.clusterIPs[0]", now, "may not change once set")];
}
