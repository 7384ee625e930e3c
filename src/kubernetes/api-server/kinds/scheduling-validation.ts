/** Checks of where a pod may run: tolerations, affinity, topology spread (`pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { labelValueProblems } from "../../../model/label-selector.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import {
  checkLabel,
  checkOneOf,
  checkOperator,
  checkOptional,
  checkQualifiedName,
  checkSelector,
  checkSubdomain,
  checkText,
} from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export const TAINT_EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const MATCH_ALL = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';

export function validateTolerations(tolerations: Anything[], path: string): StatusCause[] {
  return tolerations.flatMap(({ key, operator = "", value, effect, tolerationSeconds }, index) => {
    const at = `${path}[${index}]`;
    const causes = key ? checkQualifiedName(`${at}.key`, key) : [];
    if (!key && operator !== "Exists") causes.push(invalidValue(`${at}.operator`, operator, MATCH_ALL));
    if (tolerationSeconds !== undefined && effect !== "NoExecute")
      causes.push(
        invalidValue(
          `${at}.effect`,
          effect ?? "",
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
    if (operator === "" || operator === "Equal")
      causes.push(...checkText(`${at}.operator`, value, labelValueProblems));
    if (operator === "Exists" && value)
      causes.push(invalidValue(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    else if (!["", "Equal", "Exists"].includes(operator))
      causes.push(notSupported(`${at}.operator`, operator, supportedOperators(operator)));
    if (effect) causes.push(...checkOneOf(`${at}.effect`, effect, TAINT_EFFECTS));
    return causes;
  });
}

/** Those that compare numbers are known, but off by default. */
function supportedOperators(operator: string): string[] {
  return ["Lt", "Gt"].includes(operator) ? ["Equal", "Exists", "Lt", "Gt"] : ["Equal", "Exists"];
}

export function validateAffinity(affinity: Anything, path: string): StatusCause[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  return [
    ...(nodeAffinity ? validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`) : []),
    ...(podAffinity ? validatePodAffinity(podAffinity, `${path}.podAffinity`) : []),
    ...(podAntiAffinity ? validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`) : []),
  ];
}

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

function validateNodeAffinity(affinity: Anything, path: string): StatusCause[] {
  const causes = affinity[REQUIRED] ? validateNodeSelector(affinity[REQUIRED], `${path}.${REQUIRED}`) : [];
  for (const [index, { weight, preference }] of (affinity[PREFERRED] ?? []).entries()) {
    const at = `${path}.${PREFERRED}[${index}]`;
    causes.push(...checkWeight(at, weight));
    causes.push(...validateNodeTerm(preference ?? {}, `${at}.preference`, false));
  }
  return causes;
}

function checkWeight(at: string, weight: number): StatusCause[] {
  return weight >= 1 && weight <= 100
    ? []
    : [invalidValue(`${at}.weight`, weight, "must be in the range 1-100")];
}

export function validateNodeSelector({ nodeSelectorTerms = [] }: Anything, path: string): StatusCause[] {
  const at = `${path}.nodeSelectorTerms`;
  if (nodeSelectorTerms.length === 0) return [required(at, "must have at least one node selector term")];
  return nodeSelectorTerms.flatMap((term: Anything, index: number) =>
    validateNodeTerm(term, `${at}[${index}]`, true),
  );
}

/** @param withValues also looks at the values of labels, which only a term that is preferred may have wrong */
function validateNodeTerm(
  { matchExpressions = [], matchFields = [] }: Anything,
  path: string,
  withValues: boolean,
): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, { key, operator, values = [] }] of matchExpressions.entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    causes.push(...checkOperator(at, operator, values, ["Gt", "Lt"]));
    causes.push(...checkQualifiedName(`${at}.key`, key));
    if (!withValues) continue;
    for (const [position, value] of values.entries())
      causes.push(...checkText(`${at}.values[${position}]`, value, labelValueProblems));
  }
  for (const [index, { key, operator, values = [] }] of matchFields.entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (operator !== "In" && operator !== "NotIn")
      causes.push(invalidValue(`${at}.operator`, operator ?? "", "not a valid selector operator"));
    else if (values.length !== 1)
      causes.push(
        required(
          `${at}.values`,
          "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ),
      );
    if (key !== "metadata.name")
      causes.push(invalidValue(`${at}.key`, key ?? "", "not a valid field selector key"));
    else
      for (const [position, value] of values.entries())
        causes.push(...checkSubdomain(`${at}.values[${position}]`, value));
  }
  return causes;
}

function validatePodAffinity(affinity: Anything, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, term] of (affinity[REQUIRED] ?? []).entries())
    causes.push(...validatePodTerm(term, `${path}.${REQUIRED}[${index}]`));
  for (const [index, { weight, podAffinityTerm }] of (affinity[PREFERRED] ?? []).entries()) {
    const at = `${path}.${PREFERRED}[${index}]`;
    causes.push(
      ...checkWeight(at, weight),
      ...validatePodTerm(podAffinityTerm ?? {}, `${at}.podAffinityTerm`),
    );
  }
  return causes;
}

function validatePodTerm(term: Anything, path: string): StatusCause[] {
  const causes = [
    ...checkSelector(`${path}.labelSelector`, term.labelSelector),
    ...checkSelector(`${path}.namespaceSelector`, term.namespaceSelector),
  ];
  for (const name of term.namespaces ?? []) causes.push(...checkLabel(`${path}.namespace`, name));
  if (!term.topologyKey) causes.push(required(`${path}.topologyKey`, "can not be empty"));
  causes.push(...checkQualifiedName(`${path}.topologyKey`, term.topologyKey));
  for (const field of ["matchLabelKeys", "mismatchLabelKeys"])
    causes.push(...validateLabelKeys(term[field], term.labelSelector, `${path}.${field}`));
  const selected = new Set(Object.keys(term.labelSelector?.matchLabels ?? {}));
  for (const { key } of term.labelSelector?.matchExpressions ?? []) {
    const position = (term.matchLabelKeys ?? []).lastIndexOf(key);
    if (position >= 0 && selected.has(key))
      causes.push(
        invalidValue(`${path}[${position}]`, key, "exists in both matchLabelKeys and labelSelector"),
      );
    selected.add(key);
  }
  for (const [index, key] of (term.matchLabelKeys ?? []).entries())
    if (term.mismatchLabelKeys?.includes(key))
      causes.push(
        invalidValue(
          `${path}.matchLabelKeys[${index}]`,
          key,
          "exists in both matchLabelKeys and mismatchLabelKeys",
        ),
      );
  return causes;
}

/** Keys whose values are taken from the pod; with a selector only. */
function validateLabelKeys(keys: string[] = [], selector: unknown, path: string): StatusCause[] {
  if (keys.length === 0) return [];
  if (selector === undefined)
    return [forbiddenField(path, "must not be specified when labelSelector is not set")];
  return keys.flatMap((key, index) => checkQualifiedName(`${path}[${index}]`, key));
}

export function validateTopologySpread(constraints: Anything[], path: string): StatusCause[] {
  return constraints.flatMap((constraint, index) => {
    const at = `${path}[${index}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains, labelSelector } = constraint;
    const causes =
      maxSkew > 0 ? [] : [invalidValue(`${at}.maxSkew`, maxSkew ?? 0, "must be greater than zero")];
    if (!topologyKey) causes.push(required(`${at}.topologyKey`, "can not be empty"));
    causes.push(
      ...checkOneOf(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]),
    );
    const isRepeated = constraints
      .slice(index + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (isRepeated)
      causes.push(
        duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`),
      );
    if (minDomains !== undefined && minDomains <= 0)
      causes.push(invalidValue(`${at}.minDomains`, minDomains, "must be greater than zero"));
    else if (minDomains !== undefined && whenUnsatisfiable !== "DoNotSchedule")
      causes.push(
        invalidValue(
          `${at}.minDomains`,
          minDomains,
          `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
        ),
      );
    for (const field of ["nodeAffinityPolicy", "nodeTaintsPolicy"])
      causes.push(...checkOptional(`${at}.${field}`, constraint[field], ["Honor", "Ignore"]));
    causes.push(...validateLabelKeys(constraint.matchLabelKeys, labelSelector, `${at}.matchLabelKeys`));
    return [...causes, ...checkSelector(`${at}.labelSelector`, labelSelector)];
  });
}
