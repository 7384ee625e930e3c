/** Why a namespace has not gone yet, as conditions (upstream `namespace/deletion/status_condition_utils.go`). */
import type { GroupVersionResource } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { Condition } from "../../types.ts";

/** Type, and reason and message while there is nothing to tell. */
const FINE: [type: string, reason: string, message: string][] = [
  ["NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"],
  [
    "NamespaceDeletionGroupVersionParsingFailure",
    "ParsedGroupVersions",
    "All legacy kube types successfully parsed",
  ],
  [
    "NamespaceDeletionContentFailure",
    "ContentDeleted",
    "All content successfully deleted, may be waiting on finalization",
  ],
  ["NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"],
  ["NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"],
];

/** What of a resource is still there. */
export interface RemainingContent {
  resource: GroupVersionResource;
  objects: readonly KubernetesObject[];
}

export function deletionConditions(
  present: readonly Condition[],
  remaining: readonly RemainingContent[],
  now: string,
): Condition[] {
  const found = new Map<string, [reason: string, message: string]>();
  const counts = remaining.map(
    ({ resource: { resource, group }, objects }) =>
      `${resource}.${group} has ${objects.length} resource instances`,
  );
  if (counts.length > 0) {
    const message = `Some resources are remaining: ${counts.sort().join(", ")}`;
    found.set("NamespaceContentRemaining", ["SomeResourcesRemain", message]);
  }
  const finalizers = new Map<string, number>();
  for (const { metadata } of remaining.flatMap(({ objects }) => objects)) {
    for (const name of metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  }
  if (finalizers.size > 0) {
    const texts = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`);
    const message = `Some content in the namespace has finalizers remaining: ${texts.sort().join(", ")}`;
    found.set("NamespaceFinalizersRemaining", ["SomeFinalizersRemain", message]);
  }
  return FINE.map(([type, fineReason, fineMessage]) => {
    const [reason, message] = found.get(type) ?? [fineReason, fineMessage];
    const status = found.has(type) ? "True" : "False";
    const before = present.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
    return { type, status, lastTransitionTime, reason, message };
  });
}
