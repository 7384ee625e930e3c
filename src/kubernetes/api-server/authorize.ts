/** What a user may do: RBAC over the roles and bindings of the store (`plugin/pkg/auth/authorizer/rbac`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { type KubernetesError, statusError } from "../../model/kubernetes-status.ts";
import { type ObjectStore, storageKey } from "./object-store.ts";
import type { User } from "./user.ts";

export interface AccessRequest {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  /** Instead of a resource: a path such as `/version`. */
  path?: string;
}

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

interface Binding extends KubernetesObject {
  subjects?: { kind: string; name: string; namespace?: string; apiGroup?: string }[];
  roleRef: { kind: string; name: string };
}

const RBAC = "rbac.authorization.k8s.io";

/** What everyone with a token may read: discovery and health (`system:discovery`, `system:public-info-viewer`). */
const PUBLIC_PATHS = /^\/(api|apis|openapi|version|healthz|livez|readyz)(\/|$)/;
/** And ask: what they themselves may do (`system:basic-user`). */
const SELF_REVIEWS = new Set(["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"]);

export function isAllowed(store: ObjectStore, user: User, access: AccessRequest): boolean {
  if (user.groups.includes("system:masters")) return true;
  if (access.path !== undefined && access.verb === "get" && PUBLIC_PATHS.test(access.path)) return true;
  if (access.verb === "create" && SELF_REVIEWS.has(access.resource)) return true;
  return rulesFor(store, user, access.namespace).some((rule) => ruleAllows(rule, access));
}

/** @throws KubernetesError 403 in the words of Kubernetes */
export function requireAccess(store: ObjectStore, user: User, access: AccessRequest): void {
  if (!isAllowed(store, user, access)) throw forbidden(user, access);
}

/** All rules that hold for a user, in a namespace or cluster-wide. */
export function rulesFor(store: ObjectStore, user: User, namespace: string | undefined): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const collect = (bindings: Iterable<KubernetesObject>) => {
    for (const binding of bindings as Iterable<Binding>) {
      if ((binding.subjects ?? []).some((subject) => isSubject(user, subject, binding.metadata.namespace))) {
        rules.push(...rulesOfRole(store, binding));
      }
    }
  };
  collect(store.scan(`${RBAC}/clusterrolebindings`));
  if (namespace) collect(store.scan(`${RBAC}/rolebindings`, `${namespace}/`));
  return rules;
}

function rulesOfRole(store: ObjectStore, { roleRef, metadata }: Binding): PolicyRule[] {
  const role =
    roleRef.kind === "Role"
      ? store.get(`${RBAC}/roles`, storageKey(metadata.namespace, roleRef.name))
      : store.get(`${RBAC}/clusterroles`, roleRef.name);
  return (role as unknown as { rules?: PolicyRule[] } | undefined)?.rules ?? [];
}

function isSubject(
  user: User,
  subject: { kind: string; name: string; namespace?: string },
  bindingNamespace: string | undefined,
): boolean {
  switch (subject.kind) {
    case "User":
      return user.name === subject.name;
    case "Group":
      return user.groups.includes(subject.name);
    case "ServiceAccount":
      return user.name === `system:serviceaccount:${subject.namespace ?? bindingNamespace}:${subject.name}`;
    default:
      return false;
  }
}

function ruleAllows(rule: PolicyRule, access: AccessRequest): boolean {
  if (!rule.verbs.some((verb) => verb === "*" || verb === access.verb)) return false;
  if (access.path !== undefined) {
    return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, access.path!));
  }
  if (!(rule.apiGroups ?? []).some((group) => group === "*" || group === access.group)) return false;
  if (!(rule.resources ?? []).some((pattern) => resourceMatches(pattern, access))) return false;
  const names = rule.resourceNames ?? [];
  return names.length === 0 || (access.name !== undefined && names.includes(access.name));
}

function pathMatches(pattern: string, path: string): boolean {
  if (pattern === "*") return true;
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

function resourceMatches(pattern: string, { resource, subresource }: AccessRequest): boolean {
  if (pattern === "*") return true;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return pattern === full || (subresource !== undefined && pattern === `*/${subresource}`);
}

function forbidden(user: User, access: AccessRequest): KubernetesError {
  if (access.path !== undefined) {
    return statusError(
      "Forbidden",
      `forbidden: User ${JSON.stringify(user.name)} cannot ${access.verb} path ${JSON.stringify(access.path)}`,
      {},
    );
  }
  const { verb, group, resource, subresource, namespace, name } = access;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const what = group === "" ? resource : `${resource}.${group}`;
  const where = namespace ? ` in the namespace ${JSON.stringify(namespace)}` : " at the cluster scope";
  return statusError(
    "Forbidden",
    `${what}${name ? ` ${JSON.stringify(name)}` : ""} is forbidden: User ${JSON.stringify(user.name)} cannot ${verb} ` +
      `resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)}${where}`,
    { name, group: group || undefined, kind: resource },
  );
}
