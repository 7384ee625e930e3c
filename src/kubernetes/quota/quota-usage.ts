/** What an object uses up of its namespace's quotas, and which quotas it is a matter of (`pkg/quota/v1/evaluator`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { qosClassOf } from "../../model/quality-of-service.ts";
import { addQuantities } from "../../model/quantity.ts";
import { podLimits, podRequests, type ResourceList } from "../api-server/admission/pod-resources.ts";

export interface ResourceQuota extends KubernetesObject {
  spec: { hard?: ResourceList; scopes?: string[]; scopeSelector?: { matchExpressions?: ScopeRequirement[] } };
  status?: { hard?: ResourceList; used?: ResourceList };
}

interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

/** A kind of objects, as quotas name it. */
export interface CountedResource {
  group: string;
  resource: string;
}

/** Kinds that are also counted under a name without `count/`. */
const SHORT_NAMES = ["configmaps", "resourcequotas", "replicationcontrollers", "secrets"];
const CLASS_SUFFIX = ".storageclass.storage.k8s.io/";
/** What a quota on it makes every container say (`validationSet`): a mistake that upstream keeps. */
export const DEMANDED = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/** What one object uses, by the names of quotas. Everything counts itself. */
export function usageOf(
  { group, resource }: CountedResource,
  object: KubernetesObject,
  nowMs: number,
): ResourceList {
  const counted = { [countName(group, resource)]: "1" };
  if (group !== "") return counted;
  if (resource === "pods") return { ...counted, ...podUsage(object, nowMs) };
  if (resource === "services") return { ...counted, ...serviceUsage(object) };
  if (resource === "persistentvolumeclaims") return { ...counted, ...claimUsage(object) };
  return SHORT_NAMES.includes(resource) ? { ...counted, [resource]: "1" } : counted;
}

function countName(group: string, resource: string): string {
  return `count/${resource}${group === "" ? "" : `.${group}`}`;
}

function podUsage({ metadata, spec, status }: KubernetesObject, nowMs: number): ResourceList {
  if (status?.phase === "Failed" || status?.phase === "Succeeded") return {};
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp !== undefined && deletionGracePeriodSeconds !== undefined) {
    // A node that is lost does not keep its pods' share.
    if (nowMs > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000) return {};
  }
  return computeUsage(podRequests(spec ?? {}), podLimits(spec ?? {}));
}

/** Requests and limits under the names that quotas have for them. */
export function computeUsage(requests: ResourceList, limits: ResourceList): ResourceList {
  const usage: ResourceList = { pods: "1" };
  for (const [name, quantity] of Object.entries(requests)) {
    const isNative = ["cpu", "memory", "ephemeral-storage"].includes(name);
    if (isNative || name.startsWith("hugepages-")) usage[name] = quantity;
    usage[`requests.${name}`] = quantity;
  }
  for (const name of ["cpu", "memory", "ephemeral-storage"]) {
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  return usage;
}

function serviceUsage({ spec }: KubernetesObject): ResourceList {
  const ports: { nodePort?: number }[] = spec?.ports ?? [];
  const isBalanced = spec?.type === "LoadBalancer";
  let nodePorts = spec?.type === "NodePort" || isBalanced ? ports.length : 0;
  if (isBalanced && spec?.allocateLoadBalancerNodePorts === false)
    nodePorts = ports.filter(({ nodePort }) => nodePort).length;
  return {
    services: "1",
    "services.loadbalancers": isBalanced ? "1" : "0",
    "services.nodeports": String(nodePorts),
  };
}

function claimUsage({ spec, metadata }: KubernetesObject): ResourceList {
  const className =
    metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
  const usage: ResourceList = { persistentvolumeclaims: "1" };
  const storage = spec?.resources?.requests?.storage;
  if (storage !== undefined) usage["requests.storage"] = storage;
  if (className === "") return usage;
  const byClass = Object.entries(usage).map(([name, quantity]) => [
    className + CLASS_SUFFIX + name,
    quantity,
  ]);
  return { ...usage, ...Object.fromEntries(byClass) };
}

/** The resources of a quota that objects of a kind can use up. */
export function matchingResources({ group, resource }: CountedResource, names: string[]): string[] {
  const count = countName(group, resource);
  return names.filter((name) => name === count || (group === "" && isMatching(resource, name)));
}

function isMatching(resource: string, name: string): boolean {
  if (resource === "pods") {
    if (["pods", "cpu", "memory", "ephemeral-storage"].includes(name)) return true;
    if (name === "requests.storage") return false;
    return /^(requests\.|limits\.(cpu|memory|ephemeral-storage)$|hugepages-)/.test(name);
  }
  if (resource === "services")
    return ["services", "services.loadbalancers", "services.nodeports"].includes(name);
  if (resource === "persistentvolumeclaims")
    return /(^|\.storageclass\.storage\.k8s\.io\/)(persistentvolumeclaims|requests\.storage)$/.test(name);
  return SHORT_NAMES.includes(resource) && name === resource;
}

/** Whether an object counts in a quota: one of its resources, and all of its scopes. */
export function isInQuota(kind: CountedResource, quota: ResourceQuota, object: KubernetesObject): boolean {
  if (matchingResources(kind, Object.keys(quota.spec.hard ?? {})).length === 0) return false;
  const scopes: ScopeRequirement[] = [
    ...(quota.spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(quota.spec.scopeSelector?.matchExpressions ?? []),
  ];
  const isPod = kind.group === "" && kind.resource === "pods";
  return scopes.every((scope) => isPod && isInScope(scope, object));
}

function isInScope(
  { scopeName, operator, values = [] }: ScopeRequirement,
  { spec = {} }: KubernetesObject,
): boolean {
  const className: string | undefined = spec.priorityClassName || undefined;
  switch (scopeName) {
    case "Terminating":
      return (spec.activeDeadlineSeconds ?? -1) >= 0;
    case "NotTerminating":
      return (spec.activeDeadlineSeconds ?? -1) < 0;
    case "BestEffort":
      return qosClassOf(spec) === "BestEffort";
    case "NotBestEffort":
      return qosClassOf(spec) !== "BestEffort";
    case "PriorityClass":
      if (operator === "Exists") return className !== undefined;
      if (operator === "DoesNotExist") return className === undefined;
      if (operator === "In") return className !== undefined && values.includes(className);
      return className === undefined || !values.includes(className);
    case "CrossNamespacePodAffinity":
      return hasForeignAffinity(spec);
    default:
      return false;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a pod's spec
function hasForeignAffinity({ affinity }: any): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((each) =>
    [
      ...(each?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(each?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        // biome-ignore lint/suspicious/noExplicitAny: a weighted term
        ({ podAffinityTerm }: any) => podAffinityTerm,
      ),
    ].some(
      ({ namespaces, namespaceSelector }) => (namespaces ?? []).length > 0 || namespaceSelector !== undefined,
    ),
  );
}

/** The sums of what objects use of a quota's resources; those that nothing uses are 0. */
export function sumUsage(hard: ResourceList, usages: Iterable<ResourceList>): ResourceList {
  const used: ResourceList = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]));
  for (const usage of usages) {
    for (const name of Object.keys(used)) {
      if (usage[name] !== undefined) used[name] = addQuantities(used[name], usage[name]);
    }
  }
  return used;
}
