/** Finds the strategy of a kind. */
import type { ResourceInfo } from "../resource-info.ts";
import { certificateRequestStrategy } from "./certificate-strategy.ts";
import * as core from "./core-strategies.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import * as network from "./network-strategies.ts";
import * as other from "./other-strategies.ts";
import * as registration from "./registration-strategies.ts";
import * as storage from "./storage-strategies.ts";
import * as workload from "./workload-strategies.ts";

const PLAIN: KindStrategy = {};

/** By the collection that holds the kind. */
const STRATEGIES: Record<string, KindStrategy> = {
  "/configmaps": core.configMapStrategy,
  "/endpoints": network.endpointsStrategy,
  "/events": core.eventStrategy,
  "/limitranges": core.limitRangeStrategy,
  "/namespaces": core.namespaceStrategy,
  "/nodes": core.nodeStrategy,
  "/persistentvolumeclaims": storage.claimStrategy,
  "/persistentvolumes": storage.volumeStrategy,
  "/pods": core.podStrategy,
  "/podtemplates": core.podTemplateStrategy,
  "/replicationcontrollers": core.replicationControllerStrategy,
  "/resourcequotas": core.quotaStrategy,
  "/secrets": core.secretStrategy,
  "/services": network.serviceStrategy,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": registration.webhookConfigurationStrategy,
  "admissionregistration.k8s.io/validatingadmissionpolicies": registration.admissionPolicyStrategy,
  "admissionregistration.k8s.io/validatingadmissionpolicybindings":
    registration.admissionPolicyBindingStrategy,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": registration.webhookConfigurationStrategy,
  "apiextensions.k8s.io/customresourcedefinitions": registration.definitionStrategy,
  "apiregistration.k8s.io/apiservices": registration.apiServiceStrategy,
  "apps/controllerrevisions": workload.controllerRevisionStrategy,
  "apps/daemonsets": workload.daemonSetStrategy,
  "apps/deployments": workload.deploymentStrategy,
  "apps/replicasets": workload.replicaSetStrategy,
  "apps/statefulsets": workload.statefulSetStrategy,
  "autoscaling/horizontalpodautoscalers": other.autoscalerStrategy,
  "batch/cronjobs": workload.cronJobStrategy,
  "batch/jobs": workload.jobStrategy,
  "certificates.k8s.io/certificatesigningrequests": certificateRequestStrategy,
  "coordination.k8s.io/leases": network.leaseStrategy,
  "discovery.k8s.io/endpointslices": network.endpointSliceStrategy,
  "networking.k8s.io/ingressclasses": network.ingressClassStrategy,
  "networking.k8s.io/ingresses": network.ingressStrategy,
  "networking.k8s.io/networkpolicies": network.networkPolicyStrategy,
  "networking.k8s.io/ipaddresses": network.addressStrategy,
  "networking.k8s.io/servicecidrs": network.serviceRangeStrategy,
  "node.k8s.io/runtimeclasses": network.runtimeClassStrategy,
  "policy/poddisruptionbudgets": other.disruptionBudgetStrategy,
  "rbac.authorization.k8s.io/clusterrolebindings": other.roleBindingStrategy,
  "rbac.authorization.k8s.io/clusterroles": other.roleStrategy,
  "rbac.authorization.k8s.io/rolebindings": other.roleBindingStrategy,
  "rbac.authorization.k8s.io/roles": other.roleStrategy,
  "scheduling.k8s.io/priorityclasses": other.priorityClassStrategy,
  "storage.k8s.io/csinodes": storage.storageNodeStrategy,
  "storage.k8s.io/csistoragecapacities": storage.storageCapacityStrategy,
  "storage.k8s.io/volumeattachments": storage.attachmentStrategy,
  "storage.k8s.io/volumeattributesclasses": storage.attributesClassStrategy,
  "storage.k8s.io/csidrivers": storage.storageDriverStrategy,
  "storage.k8s.io/storageclasses": storage.storageClassStrategy,
};

export function strategyOf(info: ResourceInfo): KindStrategy {
  return (info.isCustom ? undefined : STRATEGIES[info.collection]) ?? PLAIN;
}
