/** `pods/eviction`: a deletion that PodDisruptionBudgets may refuse (`pkg/registry/core/pod/storage/eviction.go`). */
import type { DeleteOptions } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import { matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import type { ApiContext } from "../api-context.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { deleteObject } from "./delete.ts";
import { existingObject } from "./update.ts";

const BUDGETS = "policy/poddisruptionbudgets";

export interface Eviction extends KubernetesObject {
  deleteOptions?: DeleteOptions & { dryRun?: unknown };
}

export function evictPod(context: ApiContext, info: ResourceInfo, eviction: Eviction, dryRun = false): void {
  const { namespace, name } = eviction.metadata;
  const pod = existingObject(context, info, namespace, name);
  if (needsBudget(pod)) takeFromBudget(context, pod, dryRun);
  const { dryRun: _, ...options } = eviction.deleteOptions ?? {};
  deleteObject(context, info, namespace, name, { ...options, dryRun });
}

/** Pods that have ended, wait to start, or are going already may always be evicted. */
function needsBudget({ metadata, status }: KubernetesObject): boolean {
  return (
    metadata.deletionTimestamp === undefined && !["Succeeded", "Failed", "Pending"].includes(status?.phase)
  );
}

function takeFromBudget(context: ApiContext, pod: KubernetesObject, dryRun: boolean): void {
  const { store } = context;
  const budgets = [...store.scan(BUDGETS, `${pod.metadata.namespace}/`)].filter((budget) => {
    const selector = selectorOf(budget.spec?.selector);
    return selector !== undefined && matchesSelector(selector, pod.metadata.labels);
  });
  if (budgets.length > 1) {
    throw statusError(
      "InternalError",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  const [budget] = budgets;
  if (budget === undefined) return;
  const {
    disruptionsAllowed = 0,
    desiredHealthy = 0,
    currentHealthy = 0,
    observedGeneration = 0,
  } = budget.status ?? {};
  if (observedGeneration < (budget.metadata.generation ?? 0)) {
    throw statusError(
      "TooManyRequests",
      "Cannot evict pod as it would violate the pod's disruption budget.",
      {
        causes: [
          {
            reason: "DisruptionBudget",
            message: `The disruption budget ${budget.metadata.name} is still being processed by the server.`,
          },
        ],
        retryAfterSeconds: 10,
      },
    );
  }
  if (disruptionsAllowed <= 0) {
    const message = `The disruption budget ${budget.metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
    throw statusError(
      "TooManyRequests",
      "Cannot evict pod as it would violate the pod's disruption budget.",
      {
        causes: [{ reason: "DisruptionBudget", message }],
      },
    );
  }
  if (dryRun) return;
  const updated = structuredClone(budget);
  updated.status.disruptionsAllowed = disruptionsAllowed - 1;
  updated.status.disruptedPods = {
    ...updated.status.disruptedPods,
    [pod.metadata.name]: new Date(context.clock.now()).toISOString().slice(0, 19) + "Z",
  };
  store.put(BUDGETS, storageKey(budget.metadata.namespace, budget.metadata.name), updated);
}
