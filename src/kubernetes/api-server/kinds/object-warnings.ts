/** What clients are told of an object that is taken all the same (upstream `WarningsOnCreate`, `WarningsOnUpdate`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { dnsLabelProblem } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { addressWarnings, rangeWarnings } from "./ip-address.ts";
import { podWarnings } from "./pod-warnings.ts";
import { storageWarnings } from "./storage-warnings.ts";

// biome-ignore lint/suspicious/noExplicitAny: the spec of any kind
type Spec = any;

/** Where a kind keeps its pod template, and the path that warnings give it. */
const TEMPLATES: Record<string, [of: (spec: Spec) => Spec, path: string]> = {
  "apps/daemonsets": [(spec) => spec?.template, "spec.template"],
  "apps/deployments": [(spec) => spec?.template, "spec.template"],
  "apps/replicasets": [(spec) => spec?.template, "spec.template"],
  "apps/statefulsets": [(spec) => spec?.template, "spec.template"],
  "batch/jobs": [(spec) => spec?.template, "spec.template"],
  "batch/cronjobs": [(spec) => spec?.jobTemplate?.spec?.template, "spec.jobTemplate.spec.template"],
  "/replicationcontrollers": [(spec) => spec?.template, "spec.template"],
};

/** Kinds whose names become host names. */
const HOSTED: Record<string, string> = {
  "/pods": "the Pod's hostname",
  "apps/deployments": "Pod names and hostnames",
  "apps/replicasets": "Pod names and hostnames",
  "batch/jobs": "Pod names and hostnames",
  "batch/cronjobs": "Pod names and hostnames",
  "/replicationcontrollers": "Pod names and hostnames",
};

export function objectWarnings(
  { collection }: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
): string[] {
  const warnings: string[] = [];
  const problem = HOSTED[collection] === undefined ? undefined : hostNameProblem(object.metadata.name);
  if (previous === undefined && problem !== undefined)
    warnings.push(
      `metadata.name: this is used in ${HOSTED[collection]}, which can result in surprising behavior; a DNS label is ` +
        `recommended: [${problem}]`,
    );
  if (collection === "/pods" && previous === undefined) warnings.push(...podWarnings(object, ""));
  const template = TEMPLATES[collection];
  if (template !== undefined) {
    const [of, path] = template;
    const isSame = previous !== undefined && deepEqual(object.spec, previous.spec);
    if (!isSame) warnings.push(...podWarnings(of(object.spec) ?? {}, path));
  }
  if (collection === "apps/statefulsets" && object.spec?.revisionHistoryLimit < 0)
    warnings.push(
      "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
    );
  if (
    collection === "storage.k8s.io/csidrivers" &&
    (object.spec?.tokenRequests ?? []).length > 0 &&
    object.spec?.serviceAccountTokenInSecrets === undefined
  )
    warnings.push(
      "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible " +
        "logging of tokens in volume attributes",
    );
  warnings.push(...storageWarnings(collection, object));
  if (collection === "/services") warnings.push(...serviceWarnings(object.spec ?? {}));
  warnings.push(...formWarnings(collection, object));
  if (
    collection === "networking.k8s.io/ingresses" &&
    previous === undefined &&
    object.metadata.annotations?.["kubernetes.io/ingress.class"] !== undefined
  )
    warnings.push(
      `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
    );
  return warnings;
}

function serviceWarnings(spec: Spec): string[] {
  const { type, clusterIP, clusterIPs = [], loadBalancerIP, externalIPs = [], sessionAffinity } = spec;
  const warnings: string[] = [];
  const isHeadless = clusterIP === "None";
  if (type !== "ExternalName" && !isHeadless)
    warnings.push(...ofAll("spec.clusterIPs", clusterIPs, addressWarnings));
  if (isHeadless) {
    if (loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services");
    if (externalIPs.length > 0) warnings.push("spec.externalIPs is ignored for headless services");
    if ((sessionAffinity ?? "None") !== "None")
      warnings.push("spec.SessionAffinity is ignored for headless services");
  }
  warnings.push(...ofAll("spec.externalIPs", externalIPs, addressWarnings));
  if (loadBalancerIP) warnings.push(...addressWarnings("spec.loadBalancerIP", loadBalancerIP));
  warnings.push(...ofAll("spec.loadBalancerSourceRanges", spec.loadBalancerSourceRanges, rangeWarnings));
  if (type === "ExternalName" && externalIPs.length > 0)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== "ExternalName" && spec.externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === "PreferClose")
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}

type Check = (field: string, text: string) => string[];

function ofAll(field: string, texts: string[] | undefined, check: Check): string[] {
  return (texts ?? []).flatMap((text, index) => check(`${field}[${index}]`, text));
}

/** Addresses and ranges in forms that will not be taken for ever. */
function formWarnings(collection: string, object: KubernetesObject): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: any kind
  const { spec = {}, endpoints = [], subsets = [] } = object as any;
  switch (collection) {
    case "/nodes":
      return ofAll("spec.podCIDRs", spec.podCIDRs, rangeWarnings);
    case "/endpoints":
      return subsets.flatMap((subset: Spec, index: number) =>
        ["addresses", "notReadyAddresses"].flatMap((list) =>
          (subset[list] ?? []).flatMap(({ ip }: Spec, position: number) =>
            addressWarnings(`subsets[${index}].${list}[${position}].ip`, ip ?? ""),
          ),
        ),
      );
    case "discovery.k8s.io/endpointslices":
      return endpoints.flatMap(({ addresses }: Spec, index: number) =>
        ofAll(`endpoints[${index}].addresses`, addresses, addressWarnings),
      );
    case "networking.k8s.io/networkpolicies":
      return [
        ["ingress", "from"],
        ["egress", "to"],
      ].flatMap(([direction, peers]) =>
        (spec[direction] ?? []).flatMap((rule: Spec, index: number) =>
          (rule[peers] ?? []).flatMap(({ ipBlock }: Spec, position: number) => {
            if (ipBlock === undefined) return [];
            const at = `spec.${direction}[${index}].${peers}[${position}].ipBlock`;
            return [
              ...rangeWarnings(`${at}.cidr`, ipBlock.cidr ?? ""),
              ...ofAll(`${at}.except`, ipBlock.except, rangeWarnings),
            ];
          }),
        ),
      );
    default:
      return [];
  }
}

function hostNameProblem(name: string): string | undefined {
  return name.includes(".") ? "must not contain dots" : dnsLabelProblem(name);
}
