/** Checks of roles, bindings, disruption budgets and priorities (`pkg/apis/rbac`, `policy`, `scheduling`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import {
  checkCountOrPercent,
  checkOneOf,
  checkOptional,
  checkPercentLimit,
  checkSelector,
  checkSubdomain,
  checkText,
  pathSegmentProblem,
} from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const RBAC = "rbac.authorization.k8s.io";

export function validateRole(role: KubernetesObject): StatusCause[] {
  const isNamespaced = role.kind === "Role";
  return [...validateAggregation((role as Anything).aggregationRule), ...validateRules(role, isNamespaced)];
}

function validateAggregation(rule: Anything): StatusCause[] {
  if (rule === undefined) return [];
  const at = "aggregationRule.clusterRoleSelectors";
  const selectors = rule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    return [required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  return selectors.flatMap((selector: Anything, index: number) => {
    const causes = checkSelector(`${at}[${index}]`, selector);
    if (causes.length > 0) causes.push(invalidValue(`${at}[${index}]`, null, "invalid label selector."));
    return causes;
  });
}

function validateRules(role: KubernetesObject, isNamespaced: boolean): StatusCause[] {
  return ((role as Anything).rules ?? []).flatMap((rule: Anything, index: number) =>
    validateRule(rule, `rules[${index}]`, isNamespaced),
  );
}

function validateRule(rule: Anything, path: string, isNamespaced: boolean): StatusCause[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const causes =
    verbs.length === 0 ? [required(`${path}.verbs`, "verbs must contain at least one value")] : [];
  if (nonResourceURLs.length > 0) {
    const at = `${path}.nonResourceURLs`;
    if (isNamespaced)
      causes.push(invalidValue(at, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs"));
    if (apiGroups.length + resources.length + resourceNames.length > 0)
      causes.push(
        invalidValue(
          at,
          nonResourceURLs,
          "rules cannot apply to both regular resources and non-resource URLs",
        ),
      );
    return causes;
  }
  if (apiGroups.length === 0)
    causes.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  if (resources.length === 0)
    causes.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
  return causes;
}

export function validateRoleBinding(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { roleRef = {}, subjects = [], kind } = object as Anything;
  const before = (previous as Anything)?.roleRef;
  const causes: StatusCause[] = [];
  if (roleRef.apiGroup !== RBAC)
    causes.push(notSupported("roleRef.apiGroup", roleRef.apiGroup ?? "", [RBAC]));
  const kinds = kind === "ClusterRoleBinding" ? ["ClusterRole"] : ["Role", "ClusterRole"];
  causes.push(...checkOneOf("roleRef.kind", roleRef.kind, kinds));
  causes.push(
    ...(roleRef.name
      ? checkText("roleRef.name", roleRef.name, pathSegmentProblem)
      : [required("roleRef.name")]),
  );
  for (const [index, subject] of subjects.entries())
    causes.push(...validateSubject(subject, `subjects[${index}]`, kind === "RoleBinding"));
  if (before !== undefined && !deepEqual(roleRef, before)) {
    const shown = { APIGroup: roleRef.apiGroup, Kind: roleRef.kind, Name: roleRef.name };
    causes.push(invalidValue("roleRef", shown, "cannot change roleRef"));
  }
  return causes;
}

function validateSubject(subject: Anything, path: string, isNamespaced: boolean): StatusCause[] {
  const { kind, name, namespace, apiGroup = "" } = subject;
  const causes = name ? [] : [required(`${path}.name`)];
  switch (kind) {
    case "ServiceAccount":
      if (name) causes.push(...checkSubdomain(`${path}.name`, name));
      if (apiGroup !== "") causes.push(notSupported(`${path}.apiGroup`, apiGroup, [""]));
      if (!namespace && !isNamespaced) causes.push(required(`${path}.namespace`));
      return causes;
    case "User":
    case "Group":
      if (apiGroup !== RBAC) causes.push(notSupported(`${path}.apiGroup`, apiGroup, [RBAC]));
      return causes;
    default:
      return [...causes, notSupported(`${path}.kind`, kind ?? "", ["ServiceAccount", "User", "Group"])];
  }
}

const EVICTION_POLICIES = ["AlwaysAllow", "IfHealthyBudget"];

export function validateDisruptionBudget({ spec = {} }: KubernetesObject): StatusCause[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const causes: StatusCause[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: minAvailable,
      Selector: selector ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    };
    causes.push(invalidValue("spec", shown, "minAvailable and maxUnavailable cannot be both set"));
  }
  for (const [field, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue;
    causes.push(...checkCountOrPercent(`spec.${field}`, value), ...checkPercentLimit(`spec.${field}`, value));
  }
  causes.push(...checkSelector("spec.selector", selector));
  return [...causes, ...checkOptional("spec.unhealthyPodEvictionPolicy", policy, EVICTION_POLICIES)];
}

const MAX_USER_PRIORITY = 1_000_000_000;

export function validatePriorityClass(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { metadata, value = 0, preemptionPolicy } = object as Anything;
  const causes: StatusCause[] = [];
  if (metadata.name.startsWith("system-") && !SYSTEM_PRIORITIES.includes(metadata.name))
    causes.push(
      forbiddenField(
        "metadata.name",
        "priority class names with 'system-' prefix are reserved for system use only. error: " +
          `${metadata.name} is not a known system priority class`,
      ),
    );
  else if (!metadata.name.startsWith("system-") && value > MAX_USER_PRIORITY)
    causes.push(
      forbiddenField("value", `maximum allowed value of a user defined priority is ${MAX_USER_PRIORITY}`),
    );
  causes.push(...checkOptional("preemptionPolicy", preemptionPolicy, ["PreemptLowerPriority", "Never"]));
  const before = previous as Anything;
  if (before !== undefined && value !== (before.value ?? 0))
    causes.push(forbiddenField("value", "may not be changed in an update."));
  if (before !== undefined && preemptionPolicy !== before.preemptionPolicy)
    causes.push(invalidValue("preemptionPolicy", preemptionPolicy, "field is immutable"));
  return causes;
}

export const SYSTEM_PRIORITIES = ["system-node-critical", "system-cluster-critical"];
