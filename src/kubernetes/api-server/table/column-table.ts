/** The columns of every kind, by the collection that holds it. */
import type { ResourceInfo } from "../resource-info.ts";
import * as core from "./core-columns.ts";
import * as other from "./other-columns.ts";
import { podColumns } from "./pod-columns.ts";
import type { TableColumn } from "./table-column.ts";
import * as workload from "./workload-columns.ts";

const COLUMNS: Record<string, TableColumn[]> = {
  "/configmaps": core.configMapColumns,
  "/endpoints": core.endpointsColumns,
  "/events": core.eventColumns,
  "/limitranges": core.createdColumns,
  "/namespaces": core.namespaceColumns,
  "/nodes": core.nodeColumns,
  "/persistentvolumeclaims": core.claimColumns,
  "/persistentvolumes": core.volumeColumns,
  "/pods": podColumns,
  "/replicationcontrollers": workload.replicationControllerColumns,
  "/secrets": core.secretColumns,
  "/serviceaccounts": core.serviceAccountColumns,
  "/services": core.serviceColumns,
  "apiextensions.k8s.io/customresourcedefinitions": core.createdColumns,
  "apiregistration.k8s.io/apiservices": core.apiServiceColumns,
  "apps/controllerrevisions": workload.controllerRevisionColumns,
  "apps/daemonsets": workload.daemonSetColumns,
  "apps/deployments": workload.deploymentColumns,
  "apps/replicasets": workload.replicaSetColumns,
  "apps/statefulsets": workload.statefulSetColumns,
  "autoscaling/horizontalpodautoscalers": workload.autoscalerColumns,
  "batch/cronjobs": workload.cronJobColumns,
  "batch/jobs": workload.jobColumns,
  "coordination.k8s.io/leases": core.leaseColumns,
  "discovery.k8s.io/endpointslices": core.endpointSliceColumns,
  "networking.k8s.io/ingressclasses": core.ingressClassColumns,
  "networking.k8s.io/ingresses": core.ingressColumns,
  "networking.k8s.io/networkpolicies": core.networkPolicyColumns,
  "policy/poddisruptionbudgets": core.disruptionBudgetColumns,
  "rbac.authorization.k8s.io/clusterrolebindings": core.roleBindingColumns,
  "rbac.authorization.k8s.io/clusterroles": core.createdColumns,
  "rbac.authorization.k8s.io/rolebindings": core.roleBindingColumns,
  "rbac.authorization.k8s.io/roles": core.createdColumns,
  "scheduling.k8s.io/priorityclasses": core.priorityClassColumns,
  "storage.k8s.io/storageclasses": core.storageClassColumns,
  "/podtemplates": other.podTemplateColumns,
  "/resourcequotas": other.quotaColumns,
  "/componentstatuses": other.componentColumns,
  "admissionregistration.k8s.io/validatingadmissionpolicies": other.admissionPolicyColumns,
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": other.admissionPolicyBindingColumns,
  "flowcontrol.apiserver.k8s.io/flowschemas": other.flowSchemaColumns,
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": other.priorityLevelColumns,
  "resource.k8s.io/deviceclasses": core.plainColumns,
  "resource.k8s.io/resourceclaims": other.resourceClaimColumns,
  "resource.k8s.io/resourceclaimtemplates": core.plainColumns,
  "resource.k8s.io/resourceslices": other.resourceSliceColumns,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": other.webhookConfigurationColumns,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": other.webhookConfigurationColumns,
  "certificates.k8s.io/certificatesigningrequests": other.certificateRequestColumns,
  "networking.k8s.io/ipaddresses": other.addressColumns,
  "networking.k8s.io/servicecidrs": other.serviceRangeColumns,
  "node.k8s.io/runtimeclasses": other.runtimeClassColumns,
  "storage.k8s.io/csidrivers": other.storageDriverColumns,
  "storage.k8s.io/csinodes": other.storageNodeColumns,
  "storage.k8s.io/csistoragecapacities": core.createdColumns,
  "storage.k8s.io/volumeattachments": other.attachmentColumns,
  "storage.k8s.io/volumeattributesclasses": other.attributesClassColumns,
};

export function columnsOf(info: ResourceInfo): readonly TableColumn[] {
  return info.columns ?? COLUMNS[info.collection] ?? core.plainColumns;
}
