/** Which IP families a Service has, and whether its addresses agree (`initIPFamilyFields`, on a cluster of IPv4 alone). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { duplicate, invalidValue, required } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import { checkAddress, checkOneOf, checkOptional } from "./field-rules.ts";
import { legacyAddress } from "./ip-address.ts";

// biome-ignore lint/suspicious/noExplicitAny: a Service's spec
type Spec = any;

const CLUSTER_FAMILY = "IPv4";
const FAMILY_POLICIES = ["PreferDualStack", "RequireDualStack", "SingleStack"];

/**
 * Fills in the families and their policy.
 *
 * @throws KubernetesError 422 for addresses or families that the Service can't have
 */
export function setIpFamilies({ spec, metadata }: KubernetesObject, previous?: Spec): void {
  const refuse = (causes: StatusCause[]) => {
    if (causes.length > 0) throw invalid({ kind: "Service", group: "" }, metadata.name, causes);
  };
  // Without an address and a selector nobody knows which families the endpoints will be of.
  const isOpen = spec.clusterIP === "None" && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= previous?.ipFamilyPolicy ?? (isOpen ? "RequireDualStack" : "SingleStack");
  if (previous !== undefined) spec.ipFamilies ??= previous.ipFamilies;
  refuse(validateClusterAddresses(spec));
  refuse(addFamilies(spec));
  const families: string[] = spec.ipFamilies ?? [];
  if (isOpen) {
    const first = families[0] ?? CLUSTER_FAMILY;
    const isBoth = spec.ipFamilyPolicy !== "SingleStack" && families.length < 2;
    spec.ipFamilies = isBoth ? [first, first === "IPv4" ? "IPv6" : "IPv4"] : [first, ...families.slice(1)];
    return;
  }
  refuse(validateCluster(spec));
  if (families.length === 0) spec.ipFamilies = [CLUSTER_FAMILY];
}

/** What a Service of one family must not have, and the families of its addresses. */
function addFamilies(spec: Spec): StatusCause[] {
  const { clusterIPs = [], ipFamilyPolicy } = spec;
  const families: string[] = [...(spec.ipFamilies ?? [])];
  const causes: StatusCause[] = [];
  if (ipFamilyPolicy === "SingleStack")
    for (const [list, what] of [
      [clusterIPs, "cluster IPs"],
      [families, "IP families"],
    ])
      if (list.length === 2) {
        const problem = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
        causes.push(invalidValue("spec.ipFamilyPolicy", ipFamilyPolicy, problem));
      }
  for (const [index, address] of clusterIPs.entries()) {
    if (address === "None") break;
    if (index < families.length) continue;
    const family = familyOf(address);
    if (family === CLUSTER_FAMILY) families.push(family);
    else {
      const problem = `${family} is not configured on this cluster`;
      causes.push(invalidValue(`spec.clusterIPs[${index}]`, clusterIPs, problem));
    }
  }
  if (families.length > 0) spec.ipFamilies = families;
  return causes;
}

function validateCluster({ ipFamilies = [], ipFamilyPolicy }: Spec): StatusCause[] {
  const causes: StatusCause[] = [];
  if (ipFamilyPolicy === "RequireDualStack") {
    const problem = "this cluster is not configured for dual-stack services";
    causes.push(invalidValue("spec.ipFamilyPolicy", ipFamilyPolicy, problem));
  }
  for (const [index, family] of ipFamilies.entries())
    if (family !== CLUSTER_FAMILY)
      causes.push(invalidValue(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
  return causes;
}

function familyOf(address: string): "IPv4" | "IPv6" {
  return legacyAddress(address)?.size === 128 ? "IPv6" : "IPv4";
}

/** `ValidateServiceClusterIPsRelatedFields` */
export function validateClusterAddresses({ clusterIP, clusterIPs = [], ...spec }: Spec): StatusCause[] {
  const at = "spec.clusterIPs";
  const causes: StatusCause[] = [];
  const refuse = (problem: string) => causes.push(invalidValue(at, clusterIPs, problem));
  if (clusterIP && clusterIPs.length === 0) causes.push(required(at));
  else if (clusterIP && clusterIPs[0] !== clusterIP) refuse("first value must match `clusterIP`");
  else if (!clusterIP && clusterIPs.length > 0) refuse("must be empty when `clusterIP` is not specified");
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    causes.push(...checkOneOf(`spec.ipFamilies[${index}]`, family, ["IPv4", "IPv6"]));
    if (spec.ipFamilies.indexOf(family) < index) causes.push(duplicate(`spec.ipFamilies[${index}]`, family));
  }
  causes.push(...checkOptional("spec.ipFamilyPolicy", spec.ipFamilyPolicy, FAMILY_POLICIES));
  let isReadable = true;
  for (const [index, address] of clusterIPs.entries()) {
    const before = causes.length;
    if (address !== "None" || index > 0) causes.push(...checkAddress(`${at}[${index}]`, address));
    else if (clusterIPs.length > 1) refuse("'None' must be the first and only value");
    if (causes.length > before) isReadable = false;
  }
  if (clusterIPs.length > 2) refuse("may only hold up to 2 values");
  if (!isReadable) return causes;
  const families: string[] = clusterIPs.map(familyOf);
  if (families.length > 1 && new Set(families).size < 2)
    refuse("may specify no more than one IP for each IP family");
  if (clusterIP === "None") return causes;
  for (const [index, family] of families.entries()) {
    const wanted = spec.ipFamilies?.[index];
    if (wanted === undefined || wanted === family) continue;
    const problem = `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``;
    causes.push(invalidValue(`${at}[${index}]`, clusterIPs[index], problem));
  }
  return causes;
}
