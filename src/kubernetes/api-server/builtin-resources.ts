/** The built-in resources: names, short names, categories and subresources as `kubectl api-resources` lists them. */
import type { ResourceInfo, ScalePaths } from "./resource-info.ts";

/** `review`: a question in the form of an object, answered and not kept. */
type Trait = "namespaced" | "status" | "scale" | "generation" | "all" | "review";

const REPLICAS: ScalePaths = { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas" };

/** Kinds that add to the API are a category of their own. */
const EXTENSION_GROUPS = new Set([
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
]);

function builtin(
  groupVersion: string,
  kind: string,
  resource: string,
  traits: Trait[],
  shortNames: string[] = [],
  subresources: string[] = [],
): ResourceInfo {
  const [version, group = ""] = groupVersion.split("/").reverse();
  return {
    group,
    version,
    resource,
    // events.k8s.io shows the core group's events.
    collection: resource === "events" ? "/events" : `${group}/${resource}`,
    kind,
    listKind: `${kind}List`,
    singular: kind.toLowerCase(),
    shortNames,
    categories: traits.includes("all") ? ["all"] : EXTENSION_GROUPS.has(group) ? ["api-extensions"] : [],
    namespaced: traits.includes("namespaced"),
    hasStatus: traits.includes("status"),
    scale: traits.includes("scale") ? REPLICAS : undefined,
    ...(traits.includes("review") && { verbs: ["create"], isReview: true }),
    subresources,
    hasGeneration: traits.includes("generation"),
    isCustom: false,
  };
}

const RBAC = "rbac.authorization.k8s.io/v1";
const WORKLOAD: Trait[] = ["namespaced", "status", "generation", "all"];
const SCALABLE: Trait[] = [...WORKLOAD, "scale"];
const POD_SUBRESOURCES = [
  "attach",
  "binding",
  "ephemeralcontainers",
  "eviction",
  "exec",
  "log",
  "portforward",
  "proxy",
  "resize",
];

export const BUILTIN_RESOURCES: readonly ResourceInfo[] = [
  builtin("v1", "ConfigMap", "configmaps", ["namespaced"], ["cm"]),
  builtin("v1", "Endpoints", "endpoints", ["namespaced"], ["ep"]),
  builtin("v1", "Event", "events", ["namespaced"], ["ev"]),
  builtin("v1", "LimitRange", "limitranges", ["namespaced"], ["limits"]),
  builtin("v1", "Namespace", "namespaces", ["status"], ["ns"], ["finalize"]),
  builtin("v1", "Node", "nodes", ["status"], ["no"]),
  builtin("v1", "PersistentVolume", "persistentvolumes", ["status"], ["pv"]),
  builtin("v1", "PersistentVolumeClaim", "persistentvolumeclaims", ["namespaced", "status"], ["pvc"]),
  builtin("v1", "Pod", "pods", ["namespaced", "status", "generation", "all"], ["po"], POD_SUBRESOURCES),
  builtin("v1", "PodTemplate", "podtemplates", ["namespaced", "generation"]),
  builtin("v1", "ReplicationController", "replicationcontrollers", SCALABLE, ["rc"]),
  builtin("v1", "ResourceQuota", "resourcequotas", ["namespaced", "status"], ["quota"]),
  builtin("v1", "Secret", "secrets", ["namespaced"]),
  builtin("v1", "Service", "services", ["namespaced", "status", "all"], ["svc"], ["proxy"]),
  builtin("v1", "ServiceAccount", "serviceaccounts", ["namespaced"], ["sa"], ["token"]),
  builtin("apps/v1", "ControllerRevision", "controllerrevisions", ["namespaced"]),
  builtin("apps/v1", "DaemonSet", "daemonsets", WORKLOAD, ["ds"]),
  builtin("apps/v1", "Deployment", "deployments", SCALABLE, ["deploy"]),
  builtin("apps/v1", "ReplicaSet", "replicasets", SCALABLE, ["rs"]),
  builtin("apps/v1", "StatefulSet", "statefulsets", SCALABLE, ["sts"]),
  builtin(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    ["namespaced", "status", "generation", "all"],
    ["hpa"],
  ),
  {
    ...builtin(
      "autoscaling/v1",
      "HorizontalPodAutoscaler",
      "horizontalpodautoscalers",
      ["namespaced", "status", "generation", "all"],
      ["hpa"],
    ),
    storedAs: { group: "autoscaling", version: "v2" },
  },
  builtin("batch/v1", "CronJob", "cronjobs", WORKLOAD, ["cj"]),
  builtin("batch/v1", "Job", "jobs", WORKLOAD),
  builtin(
    "certificates.k8s.io/v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    ["status"],
    ["csr"],
    ["approval"],
  ),
  builtin("coordination.k8s.io/v1", "Lease", "leases", ["namespaced"]),
  builtin("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", ["namespaced", "generation"]),
  {
    ...builtin("events.k8s.io/v1", "Event", "events", ["namespaced"], ["ev"]),
    storedAs: { group: "", version: "v1" },
  },
  builtin("networking.k8s.io/v1", "Ingress", "ingresses", ["namespaced", "status", "generation"], ["ing"]),
  builtin("networking.k8s.io/v1", "IngressClass", "ingressclasses", ["generation"]),
  builtin(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    "networkpolicies",
    ["namespaced", "generation"],
    ["netpol"],
  ),
  builtin("networking.k8s.io/v1", "IPAddress", "ipaddresses", [], ["ip"]),
  builtin("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", ["status"]),
  builtin("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", []),
  builtin(
    "policy/v1",
    "PodDisruptionBudget",
    "poddisruptionbudgets",
    ["namespaced", "status", "generation"],
    ["pdb"],
  ),
  builtin(RBAC, "ClusterRole", "clusterroles", []),
  builtin(RBAC, "ClusterRoleBinding", "clusterrolebindings", []),
  builtin(RBAC, "Role", "roles", ["namespaced"]),
  builtin(RBAC, "RoleBinding", "rolebindings", ["namespaced"]),
  builtin("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", ["generation"], ["pc"]),
  builtin("storage.k8s.io/v1", "StorageClass", "storageclasses", [], ["sc"]),
  builtin("storage.k8s.io/v1", "CSIDriver", "csidrivers", []),
  builtin("storage.k8s.io/v1", "CSINode", "csinodes", []),
  builtin("storage.k8s.io/v1", "CSIStorageCapacity", "csistoragecapacities", ["namespaced"]),
  builtin("storage.k8s.io/v1", "VolumeAttachment", "volumeattachments", ["status"]),
  builtin("storage.k8s.io/v1", "VolumeAttributesClass", "volumeattributesclasses", [], ["vac"]),
  builtin(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    ["status", "generation"],
    ["crd", "crds"],
  ),
  builtin("apiregistration.k8s.io/v1", "APIService", "apiservices", ["status"]),
  builtin(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    ["generation"],
  ),
  builtin(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    ["generation"],
  ),
  builtin("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", [
    "status",
    "generation",
  ]),
  builtin(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    ["generation"],
  ),
  builtin("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "flowschemas", ["status", "generation"]),
  builtin("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", [
    "status",
    "generation",
  ]),
  builtin("resource.k8s.io/v1", "DeviceClass", "deviceclasses", ["generation"]),
  builtin("resource.k8s.io/v1", "ResourceClaim", "resourceclaims", ["namespaced", "status"]),
  builtin("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates", ["namespaced"]),
  builtin("resource.k8s.io/v1", "ResourceSlice", "resourceslices", ["generation"]),
  {
    ...builtin("v1", "ComponentStatus", "componentstatuses", [], ["cs"]),
    verbs: ["get", "list"],
    deprecation: "v1 ComponentStatus is deprecated in v1.19+",
  },
  builtin("v1", "Binding", "bindings", ["namespaced", "review"]),
  builtin("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", ["review"]),
  builtin("authentication.k8s.io/v1", "TokenReview", "tokenreviews", ["review"]),
  builtin("authorization.k8s.io/v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", [
    "namespaced",
    "review",
  ]),
  builtin("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", ["review"]),
  builtin("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", ["review"]),
  builtin("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", ["review"]),
];
