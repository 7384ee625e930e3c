/**
 * Nobody grants what they do not have (`pkg/registry/rbac`, `component-helpers/auth/rbac/validation`): roles and
 * bindings with more rights than the user's own are refused, unless the user may `escalate` or `bind`.
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { notFound } from "../../../model/kubernetes-status.ts";
import { isAllowed, type PolicyRule, rulesFor } from "../authorize.ts";
import { deepEqual } from "../deep-equal.ts";
import { type ObjectStore, storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";
import { forbidden } from "./admission.ts";

const RBAC = "rbac.authorization.k8s.io";
const ROLES = new Set(["roles", "clusterroles"]);
const BINDINGS = new Set(["rolebindings", "clusterrolebindings"]);

interface RbacObject extends KubernetesObject {
  rules?: PolicyRule[];
  subjects?: unknown[];
  roleRef?: { kind: string; name: string };
}

/** @throws KubernetesError 403 that lists what the user does not have */
export function checkEscalation(
  store: ObjectStore,
  info: ResourceInfo,
  object: RbacObject,
  previous: RbacObject | undefined,
  user: User,
): void {
  if (info.group !== RBAC || user.groups.includes("system:masters")) return;
  if (previous !== undefined && isOnlyBookkeeping(object, previous)) return;
  const { name, namespace } = object.metadata;
  const may = (verb: string, resource: string, named: string) =>
    isAllowed(store, user, { verb, group: RBAC, resource, namespace, name: named });
  let granted: PolicyRule[];
  if (ROLES.has(info.resource)) {
    if (may("escalate", info.resource, name)) return;
    granted = object.rules ?? [];
  } else if (BINDINGS.has(info.resource) && object.roleRef !== undefined) {
    const { kind, name: role } = object.roleRef;
    const resource = kind === "Role" ? "roles" : "clusterroles";
    if (may("bind", resource, role)) return;
    const found = store.get(`${RBAC}/${resource}`, kind === "Role" ? storageKey(namespace, role) : role);
    // Upstream names the resource of the request, not the role's.
    if (found === undefined) throw notFound(info, role);
    granted = (found as RbacObject).rules ?? [];
  } else return;
  const missing = missingRules(rulesFor(store, user, namespace), granted);
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(" ");
  throw forbidden(
    info,
    name,
    `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n` +
      [...new Set(missing.map(compactText))].sort().join("\n"),
  );
}

/** What the garbage collector changes grants nothing. */
function isOnlyBookkeeping(object: RbacObject, previous: RbacObject): boolean {
  const content = ({ rules, roleRef, subjects }: RbacObject) => ({ rules, roleRef, subjects });
  return deepEqual(content(object), content(previous));
}

/** The single rights among `wanted` that no rule of `held` covers, put together by resource. */
export function missingRules(held: PolicyRule[], wanted: PolicyRule[]): PolicyRule[] {
  const missing = wanted.flatMap(singleRules).filter((rule) => !held.some((own) => covers(own, rule)));
  const compact = new Map<string, PolicyRule>();
  for (const { verbs, ...rest } of missing) {
    const key = JSON.stringify(rest);
    const present = compact.get(key);
    if (present === undefined) compact.set(key, { ...rest, verbs });
    else present.verbs = [...present.verbs, ...verbs];
  }
  return [...compact.values()];
}

/** One right each: a verb on a resource, of one name where names are given, or on a path. */
function singleRules({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): PolicyRule[] {
  const onResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) => {
        const rule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (resourceNames.length === 0) return [rule];
        return resourceNames.map((name) => ({ ...rule, resourceNames: [name] }));
      }),
    ),
  );
  const onPaths = nonResourceURLs.flatMap((path) =>
    verbs.map((verb) => ({ nonResourceURLs: [path], verbs: [verb] })),
  );
  return [...onResources, ...onPaths];
}

function covers(own: PolicyRule, wanted: PolicyRule): boolean {
  const has = (list: string[] | undefined, values: string[] = []) =>
    list?.includes("*") || values.every((value) => list?.includes(value));
  if (!has(own.verbs, wanted.verbs)) return false;
  if (wanted.nonResourceURLs !== undefined) {
    return wanted.nonResourceURLs.every((path) =>
      own.nonResourceURLs?.some(
        (pattern) => pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1))),
      ),
    );
  }
  const names = own.resourceNames ?? [];
  const hasNames = names.length === 0 || wanted.resourceNames?.every((name) => names.includes(name)) === true;
  return (
    has(own.apiGroups, wanted.apiGroups) === true &&
    (wanted.resources ?? []).every((resource) => hasResource(own, resource)) &&
    hasNames
  );
}

function hasResource({ resources = [] }: PolicyRule, wanted: string): boolean {
  const slash = wanted.indexOf("/");
  return (
    resources.includes("*") ||
    resources.includes(wanted) ||
    (slash !== -1 && resources.includes(`*${wanted.slice(slash)}`))
  );
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
function compactText({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const part = (name: string, values: string[] | undefined) =>
    values === undefined || values.length === 0
      ? []
      : [`${name}:[${values.map((value) => JSON.stringify(value)).join(" ")}]`];
  return `{${[
    ...part("APIGroups", apiGroups),
    ...part("Resources", resources),
    ...part("NonResourceURLs", nonResourceURLs),
    ...part("ResourceNames", resourceNames),
    ...part("Verbs", verbs),
  ].join(", ")}}`;
}
