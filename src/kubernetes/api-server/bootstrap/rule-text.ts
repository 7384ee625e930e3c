/** The roles of every new cluster, written as lines. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { PolicyRule } from "../authorize.ts";

export const RBAC = "rbac.authorization.k8s.io";

/**
 * A rule: `verbs | groups | resources`, with ` | names` where it holds for those only, or `verbs | paths`. `core` is the
 * group without a name.
 */
export type RuleText = string;

/** Whoever records events. */
export const EVENTS: RuleText = "create patch update | core events.k8s.io | events";

export function rulesOf(texts: readonly RuleText[]): PolicyRule[] {
  return texts.map((text) => {
    const [verbs, first, resources, resourceNames] = text.split(" | ").map((part) => part.split(" "));
    if (resources === undefined) return { nonResourceURLs: first, verbs };
    const apiGroups = first.map((group) => (group === "core" ? "" : group));
    return { apiGroups, ...(resourceNames && { resourceNames }), resources, verbs };
  });
}

/** What the API server keeps as it is: the beginning of a role or a binding. */
export function bootstrapObject(
  name: string,
  { namespace, labels }: { namespace?: string; labels?: Record<string, string> } = {},
): KubernetesObject {
  return {
    metadata: {
      name,
      ...(namespace && { namespace }),
      labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
      annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    },
  };
}
