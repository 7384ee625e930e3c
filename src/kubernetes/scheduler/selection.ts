/** Which nodes, pods and taints a term of the pod's spec means. */

import { labelValueProblem, matchesSelector, selectorOf } from "../../model/label-selector.ts";
import { compareStrings } from "../../model/labels.ts";
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "../types.ts";

/** `nodeSelector` and the required node affinity. */
export function matchesNodeAffinity(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  const { nodeSelector = {}, affinity } = pod.spec;
  if (!Object.entries(nodeSelector).every(([key, value]) => labels[key] === value)) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesNodeTerm(term, node));
}

/**
 * All requirements of the term; an empty term matches nothing, and neither does one with a requirement that can not be
 * read (component-helpers `nodeaffinity`).
 */
export function matchesNodeTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  node: Node,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  if (!matchExpressions.every(isReadable) || !matchFields.every(isReadableField)) return false;
  const labels = node.metadata.labels ?? {};
  const fields: Record<string, string> = { "metadata.name": node.metadata.name };
  return (
    matchExpressions.every((requirement) => meets(requirement, labels)) &&
    matchFields.every((requirement) => meets(requirement, fields))
  );
}

function isReadable({ operator, values = [] }: NodeSelectorRequirement): boolean {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length > 0 && values.every((value) => labelValueProblem(value) === undefined);
    case "Gt":
    case "Lt":
      return values.length === 1 && isInteger(values[0]);
    default:
      return values.length === 0;
  }
}

function isReadableField({ operator, values = [] }: NodeSelectorRequirement): boolean {
  return (operator === "In" || operator === "NotIn") && values.length === 1;
}

function isInteger(text: string): boolean {
  return /^[+-]?\d{1,19}$/.test(text);
}

function meets(
  { key, operator, values = [] }: NodeSelectorRequirement,
  labels: Record<string, string>,
): boolean {
  const value: string | undefined = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && isInteger(value) && BigInt(value) > BigInt(values[0]);
    case "Lt":
      return value !== undefined && isInteger(value) && BigInt(value) < BigInt(values[0]);
  }
}

/**
 * The nodes that the required affinity names, where each of its terms names some (as those of daemons' pods do);
 * undefined when any node may do, none when the terms contradict themselves.
 */
export function nodesNamedBy({ spec }: Pod): Set<string> | undefined {
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const lists = matchFields
      .filter(({ key, operator }) => key === "metadata.name" && operator === "In")
      .map(({ values = [] }) => values);
    if (lists.length === 0) return undefined;
    for (const name of lists[0]) if (lists.every((list) => list.includes(name))) names.add(name);
  }
  return names;
}

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export function tolerates(tolerations: Toleration[] = [], taint: Taint): boolean {
  return tolerations.some((toleration) => {
    if (toleration.effect && toleration.effect !== taint.effect) return false;
    if (toleration.key && toleration.key !== taint.key) return false;
    if ((toleration.operator ?? "Equal") === "Exists") return true;
    return toleration.key !== undefined && (toleration.value ?? "") === (taint.value ?? "");
  });
}

/** Whether a pod is one of those that an affinity term of `of` means. */
export function matchesAffinityTerm(
  term: PodAffinityTerm,
  of: Pod,
  pod: Pod,
  namespaces: NamespaceLabels,
): boolean {
  const own = of.metadata.namespace!;
  const named = term.namespaces ?? [];
  const chosen = term.namespaceSelector && selectorOf(term.namespaceSelector);
  const inNamespace =
    chosen === undefined
      ? (named.length === 0 ? [own] : named).includes(pod.metadata.namespace!)
      : named.includes(pod.metadata.namespace!) ||
        matchesSelector(chosen, namespaces(pod.metadata.namespace!));
  const selector = selectorOf(term.labelSelector);
  if (!inNamespace || selector === undefined || !matchesSelector(selector, pod.metadata.labels)) return false;
  const differs = (key: string) =>
    of.metadata.labels?.[key] === undefined || pod.metadata.labels?.[key] !== of.metadata.labels[key];
  return sharesLabels(term.matchLabelKeys, of, pod) && (term.mismatchLabelKeys ?? []).every(differs);
}

export type NamespaceLabels = (namespace: string) => Record<string, string> | undefined;

/** Whether a pod counts for a spread constraint of `of`. Those on their way out don't, and no selector means none. */
export function countsForSpread(constraint: TopologySpreadConstraint, of: Pod, pod: Pod): boolean {
  const { labelSelector = {}, matchLabelKeys = [] } = constraint;
  const { matchLabels = {}, matchExpressions = [] } = labelSelector;
  const means = Object.keys(matchLabels).length + matchExpressions.length + matchLabelKeys.length > 0;
  if (!means || pod.metadata.namespace !== of.metadata.namespace) return false;
  return pod.metadata.deletionTimestamp === undefined && matchesSpread(constraint, of, pod);
}

/** Whether the labels are what a spread constraint of `of` means. */
export function matchesSpread(constraint: TopologySpreadConstraint, of: Pod, pod: Pod): boolean {
  const selector = selectorOf(constraint.labelSelector);
  if (selector === undefined || !matchesSelector(selector, pod.metadata.labels)) return false;
  return sharesLabels(constraint.matchLabelKeys, of, pod);
}

/** Whether the pods have the same values for those of the keys that `of` has. */
function sharesLabels(keys: string[] = [], of: Pod, pod: Pod): boolean {
  return keys.every(
    (key) =>
      of.metadata.labels?.[key] === undefined || pod.metadata.labels?.[key] === of.metadata.labels[key],
  );
}

export function topologyOf(node: Node, key: string): string | undefined {
  return node.metadata.labels?.[key];
}

export function byName(a: Node, b: Node): number {
  return compareStrings(a.metadata.name, b.metadata.name);
}
