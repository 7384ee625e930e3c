/** Checks of NetworkPolicies (`pkg/apis/networking/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { forbiddenField, invalidValue, required } from "../field-error.ts";
import { checkAddressRange, checkOneOf, checkPort, checkRange, checkSelector } from "./field-rules.ts";
import { legacyRange } from "./ip-address.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

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
        causes.push(...validatePeer(peer, `${at}.${peers}[${position}]`));
    }
  }
  if ((spec.policyTypes ?? []).length > 2)
    return [
      ...causes,
      invalidValue("spec.policyTypes", spec.policyTypes, "may not specify more than two policyTypes"),
    ];
  for (const [index, type] of (spec.policyTypes ?? []).entries())
    causes.push(...checkOneOf(`spec.policyTypes[${index}]`, type, ["Ingress", "Egress"]));
  return causes;
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: Anything, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (podSelector !== undefined) causes.push(...checkSelector(`${path}.podSelector`, podSelector));
  if (namespaceSelector !== undefined)
    causes.push(...checkSelector(`${path}.namespaceSelector`, namespaceSelector));
  if (ipBlock !== undefined) causes.push(...validateBlock(ipBlock, `${path}.ipBlock`));
  const hasSelector = podSelector !== undefined || namespaceSelector !== undefined;
  if (!hasSelector && ipBlock === undefined) causes.push(required(path, "must specify a peer"));
  if (hasSelector && ipBlock !== undefined)
    causes.push(forbiddenField(path, "may not specify both ipBlock and another peer"));
  return causes;
}

function validateBlock({ cidr, except = [] }: Anything, path: string): StatusCause[] {
  if (!cidr) return [required(`${path}.cidr`)];
  const wrong = checkAddressRange(`${path}.cidr`, cidr);
  if (wrong.length > 0) return wrong;
  return except.flatMap((range: string, index: number) => {
    const field = `${path}.except[${index}]`;
    const causes = checkAddressRange(field, range);
    if (causes.length > 0 || isStrictlyWithin(range, cidr)) return causes;
    return [invalidValue(field, range, "must be a strict subset of `cidr`")];
  });
}

function isStrictlyWithin(inner: string, outer: string): boolean {
  const [a, b] = [legacyRange(inner)!, legacyRange(outer)!];
  const shift = BigInt(b.address.size - b.prefix);
  return (
    a.address.size === b.address.size &&
    a.prefix > b.prefix &&
    a.address.bits >> shift === b.address.bits >> shift
  );
}

function validatePolicyPort({ port, protocol, endPort }: Anything, path: string): StatusCause[] {
  const causes = checkOneOf(`${path}.protocol`, protocol, ["TCP", "UDP", "SCTP"]);
  const end = `${path}.endPort`;
  if (port === undefined) {
    if (endPort === undefined) return causes;
    return [...causes, invalidValue(end, endPort, "may not be specified when `port` is not specified")];
  }
  causes.push(...checkPort(`${path}.port`, port));
  if (endPort === undefined) return causes;
  if (typeof port === "string")
    return [...causes, invalidValue(end, endPort, "may not be specified when `port` is non-numeric")];
  if (endPort < port) causes.push(invalidValue(end, port, "must be greater than or equal to `port`"));
  return [...causes, ...checkRange(end, endPort, 1, 65_535)];
}
