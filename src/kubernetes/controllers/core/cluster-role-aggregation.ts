/** A ClusterRole with an `aggregationRule` has the rules of those that it selects (upstream `clusterroleaggregation`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { type LabelSelector, matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import {
  type ControllerContext,
  canonicalJson,
  getIfExists,
  sameJson,
  startController,
} from "../controller.ts";

interface ClusterRole extends KubernetesObject {
  rules?: unknown[];
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}

/** Also as who owns the rules. */
const AGGREGATION_CONTROLLER = "clusterrole-aggregation-controller";

export function startClusterRoleAggregationController(context: ControllerContext): void {
  const { api } = context;
  const roles = context.informers.of<ClusterRole>(RESOURCES.clusterRoles);
  const controller = startController({
    context,
    name: AGGREGATION_CONTROLLER,
    async reconcile(name) {
      const role = await getIfExists<ClusterRole>(api, RESOURCES.clusterRoles, { name });
      if (role?.aggregationRule === undefined) return undefined;
      const { items } = await api.list<ClusterRole>(RESOURCES.clusterRoles);
      const rules = aggregatedRules(role, items);
      if (!sameJson(role.rules ?? [], rules)) {
        const { apiVersion, kind } = role;
        const body = { apiVersion, kind, metadata: { name }, rules };
        const options = { fieldManager: AGGREGATION_CONTROLLER, force: true };
        await api.patch(RESOURCES.clusterRoles, { name }, { type: "apply", body }, options);
      }
      return undefined;
    },
  });
  // Any role may be selected by any other.
  controller.watchMapped<ClusterRole>(RESOURCES.clusterRoles, () =>
    [...roles.objects.values()].flatMap(({ aggregationRule, metadata }) =>
      aggregationRule === undefined ? [] : [metadata.name],
    ),
  );
}

/** In the order of the selectors, and of names below that; each rule once. */
function aggregatedRules(role: ClusterRole, all: ClusterRole[]): unknown[] {
  const rules = new Map<string, unknown>();
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const parsed = selectorOf(selector);
    if (parsed === undefined) continue;
    for (const other of all) {
      if (other.metadata.name === role.metadata.name || !matchesSelector(parsed, other.metadata.labels))
        continue;
      for (const rule of other.rules ?? []) rules.set(canonicalJson(rule), rule);
    }
  }
  return [...rules.values()];
}
