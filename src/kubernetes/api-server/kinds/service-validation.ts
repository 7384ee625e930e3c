/** Checks of Services (`ValidateService` of `pkg/apis/core/validation`). */

import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblem, dnsLabelProblem, qualifiedNameProblem } from "../../../model/label-selector.ts";
import { duplicate, forbiddenField, invalidValue, required } from "../field-error.ts";
import { addressFamily } from "./address-family.ts";
import {
  checkAddress,
  checkLabel,
  checkLabels,
  checkOneOf,
  checkOptional,
  checkPort,
  checkSubdomain,
  checkText,
} from "./field-rules.ts";
import { FIRST_NODE_PORT, LAST_NODE_PORT } from "./node-ports.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const POLICIES = ["Cluster", "Local"];
const FAMILY_POLICIES = ["PreferDualStack", "RequireDualStack", "SingleStack"];
/** A day. */
const MAX_AFFINITY_SECONDS = 86_400;

export function validateService(service: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec = {}, metadata } = service;
  const isHeadless = spec.clusterIP === "None";
  const isExternal = spec.type === "NodePort" || spec.type === "LoadBalancer";
  const causes = checkText("metadata.name", metadata.name, dns1035LabelProblem);
  if ((spec.ports ?? []).length === 0 && !isHeadless && spec.type !== "ExternalName")
    causes.push(required("spec.ports"));
  if (isHeadless && isExternal)
    causes.push(
      invalidValue("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`),
    );
  if (spec.type === "ExternalName")
    causes.push(
      ...(spec.externalName
        ? checkSubdomain("spec.externalName", spec.externalName)
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
  if (spec.type !== "ExternalName") causes.push(...validateAddresses(spec));
  for (const [index, address] of (spec.externalIPs ?? []).entries())
    causes.push(...checkAddress(`spec.externalIPs[${index}]`, address));
  causes.push(...checkOneOf("spec.type", spec.type, TYPES));
  causes.push(...validateNodePorts(spec, isExternal));
  if ((spec.loadBalancerSourceRanges ?? []).length > 0 && spec.type !== "LoadBalancer")
    causes.push(
      forbiddenField("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"),
    );
  causes.push(...checkOptional("spec.internalTrafficPolicy", spec.internalTrafficPolicy, POLICIES));
  causes.push(...validateExternalPolicy(spec, isExternal));
  if (spec.type !== "ExternalName")
    causes.push(...checkOptional("spec.ipFamilyPolicy", spec.ipFamilyPolicy, FAMILY_POLICIES));
  return [...causes, ...validateChange(spec, previous?.spec)];
}

const PROTOCOLS = ["SCTP", "TCP", "UDP"];

function validatePorts(ports: Anything[]): StatusCause[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const causes: StatusCause[] = [];
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (!port.name) {
      if (ports.length > 1) causes.push(required(`${at}.name`));
    } else if (dnsLabelProblem(port.name) !== undefined) causes.push(...checkLabel(`${at}.name`, port.name));
    else if (names.has(port.name)) causes.push(duplicate(`${at}.name`, port.name));
    names.add(port.name);
    causes.push(...checkPort(`${at}.port`, port.port ?? 0));
    causes.push(
      ...(port.protocol
        ? checkOneOf(`${at}.protocol`, port.protocol, PROTOCOLS)
        : [required(`${at}.protocol`)]),
    );
    causes.push(...checkPort(`${at}.targetPort`, port.targetPort));
    if (port.appProtocol)
      causes.push(...checkText(`${at}.appProtocol`, port.appProtocol, qualifiedNameProblem));
  }
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

function validateNodePorts({ ports = [], type }: Anything, isExternal: boolean): StatusCause[] {
  const taken = new Set<string>();
  return ports.flatMap(({ nodePort, protocol }: Anything, index: number) => {
    if (!nodePort) return [];
    const at = `spec.ports[${index}].nodePort`;
    if (!isExternal) return [forbiddenField(at, `may not be used when \`type\` is '${type}'`)];
    const key = `${protocol}/${nodePort}`;
    const causes = taken.has(key)
      ? [duplicate(`spec.ports[${index}].nodePort`, goPort({ Protocol: protocol, NodePort: nodePort }))]
      : [];
    taken.add(key);
    if (nodePort >= FIRST_NODE_PORT && nodePort <= LAST_NODE_PORT) return causes;
    const problem = `provided port is not in the valid range. The range of valid ports is ${FIRST_NODE_PORT}-${LAST_NODE_PORT}`;
    return [...causes, invalidValue(at, nodePort, problem)];
  });
}

function validateAddresses({ clusterIP, clusterIPs = [] }: Anything): StatusCause[] {
  const addresses: string[] = clusterIPs.length > 0 ? clusterIPs : clusterIP ? [clusterIP] : [];
  return addresses.flatMap((address, index) =>
    address === "None" && index === 0 ? [] : checkAddress(`spec.clusterIPs[${index}]`, address),
  );
}

function validateExternalPolicy(spec: Anything, isExternal: boolean): StatusCause[] {
  const policy = spec.externalTrafficPolicy;
  const isReachable = isExternal || (spec.externalIPs ?? []).length > 0;
  if (!isReachable)
    return policy
      ? [
          invalidValue(
            "spec.externalTrafficPolicy",
            policy,
            "may only be set for externally-accessible services",
          ),
        ]
      : [];
  return policy
    ? checkOneOf("spec.externalTrafficPolicy", policy, POLICIES)
    : [required("spec.externalTrafficPolicy")];
}

function validateChange(spec: Anything, before: Anything): StatusCause[] {
  const address = before?.clusterIP;
  if (!address || before.type === "ExternalName" || spec.type === "ExternalName") return [];
  if (spec.clusterIP === address || (addressFamily(address) === 0 && address !== "None")) return [];
  const now = spec.clusterIPs ?? [spec.clusterIP];
  return [invalidValue("spec.clusterIPs[0]", now, "may not change once set")];
}
