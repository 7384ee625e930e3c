/** Finds the strategy of a kind. */
import type { ResourceInfo } from "../resource-info.ts";
import {
  claimStrategy,
  configMapStrategy,
  eventStrategy,
  namespaceStrategy,
  nodeStrategy,
  podStrategy,
  secretStrategy,
  serviceStrategy,
  volumeStrategy,
} from "./core-strategies.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import {
  autoscalerStrategy,
  definitionStrategy,
  disruptionBudgetStrategy,
  priorityClassStrategy,
  roleBindingStrategy,
  storageClassStrategy,
} from "./other-strategies.ts";
import {
  cronJobStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  jobStrategy,
  replicaSetStrategy,
  statefulSetStrategy,
} from "./workload-strategies.ts";

const PLAIN: KindStrategy = {};

/** By the collection that holds the kind. */
const STRATEGIES: Record<string, KindStrategy> = {
  "/configmaps": configMapStrategy,
  "/events": eventStrategy,
  "/namespaces": namespaceStrategy,
  "/nodes": nodeStrategy,
  "/persistentvolumeclaims": claimStrategy,
  "/persistentvolumes": volumeStrategy,
  "/pods": podStrategy,
  "/secrets": secretStrategy,
  "/services": serviceStrategy,
  "apps/daemonsets": daemonSetStrategy,
  "apps/deployments": deploymentStrategy,
  "apps/replicasets": replicaSetStrategy,
  "apps/statefulsets": statefulSetStrategy,
  "autoscaling/horizontalpodautoscalers": autoscalerStrategy,
  "batch/cronjobs": cronJobStrategy,
  "batch/jobs": jobStrategy,
  "policy/poddisruptionbudgets": disruptionBudgetStrategy,
  "rbac.authorization.k8s.io/clusterrolebindings": roleBindingStrategy,
  "rbac.authorization.k8s.io/rolebindings": roleBindingStrategy,
  "scheduling.k8s.io/priorityclasses": priorityClassStrategy,
  "storage.k8s.io/storageclasses": storageClassStrategy,
  "apiextensions.k8s.io/customresourcedefinitions": definitionStrategy,
};

export function strategyOf(info: ResourceInfo): KindStrategy {
  return (info.isCustom ? undefined : STRATEGIES[info.collection]) ?? PLAIN;
}
