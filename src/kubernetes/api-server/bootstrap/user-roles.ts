/** What people are bound to, and what everybody may do (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { bootstrapObject, RBAC, type RuleText, rulesOf } from "./rule-text.ts";

const READ = "get list watch";
const WRITE = "create delete deletecollection patch update";

const VIEW: readonly RuleText[] = [
  `${READ} | core | configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status`,
  `${READ} | core | bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status`,
  `${READ} | core | namespaces`,
  `${READ} | core events.k8s.io | events`,
  `${READ} | discovery.k8s.io | endpointslices`,
  `${READ} | apps | controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status`,
  `${READ} | autoscaling | horizontalpodautoscalers horizontalpodautoscalers/status`,
  `${READ} | batch | cronjobs cronjobs/status jobs jobs/status`,
  `${READ} | extensions | daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale`,
  `${READ} | policy | poddisruptionbudgets poddisruptionbudgets/status`,
  `${READ} | networking.k8s.io | ingresses ingresses/status networkpolicies`,
  `${READ} | resource.k8s.io | resourceclaims resourceclaims/status resourceclaimtemplates`,
];

const EDIT: readonly RuleText[] = [
  `${READ} | core | pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy`,
  "impersonate | core | serviceaccounts",
  `${WRITE} | core | pods pods/attach pods/exec pods/portforward pods/proxy`,
  "create | core | pods/eviction",
  `${WRITE} | core | configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy`,
  "create | core | serviceaccounts/token",
  `${WRITE} | core events.k8s.io | events`,
  `${WRITE} | apps | daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale`,
  `${WRITE} | autoscaling | horizontalpodautoscalers`,
  `${WRITE} | batch | cronjobs jobs`,
  `${WRITE} | extensions | daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale`,
  `${WRITE} | policy | poddisruptionbudgets`,
  `${WRITE} | networking.k8s.io | ingresses networkpolicies`,
  "create delete deletecollection get list patch update watch | coordination.k8s.io | leases",
  `${WRITE} | resource.k8s.io | resourceclaims resourceclaimtemplates`,
];

const ADMIN: readonly RuleText[] = [
  "create | authorization.k8s.io | localsubjectaccessreviews",
  "create delete deletecollection get list patch update watch | rbac.authorization.k8s.io | rolebindings roles",
];

/** No sum of other roles, and no label that makes it part of one. */
const PLAIN: Readonly<Record<string, readonly RuleText[]>> = {
  "cluster-admin": ["* | * | *", "* | *"],
  "system:basic-user": [
    "create | authorization.k8s.io | selfsubjectaccessreviews selfsubjectrulesreviews",
    "create | authentication.k8s.io | selfsubjectreviews",
  ],
  "system:discovery": [
    "get | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
  ],
  "system:public-info-viewer": ["get | /healthz /livez /readyz /version /version/"],
  "system:auth-delegator": [
    "create | authentication.k8s.io | tokenreviews",
    "create | authorization.k8s.io | subjectaccessreviews",
  ],
};

const label = (name: string) => `${RBAC}/aggregate-to-${name}`;

function role(name: string, texts: readonly RuleText[], labels?: Record<string, string>): KubernetesObject {
  return { ...bootstrapObject(name, { labels }), rules: rulesOf(texts) } as KubernetesObject;
}

/** A role that is the sum of those with its label. The sum is there from the start. */
function aggregate(
  name: string,
  texts: readonly RuleText[],
  labels?: Record<string, string>,
): KubernetesObject {
  const clusterRoleSelectors = [{ matchLabels: { [label(name)]: "true" } }];
  return { ...role(name, texts, labels), aggregationRule: { clusterRoleSelectors } } as KubernetesObject;
}

export const userRoles = (): KubernetesObject[] => [
  aggregate("admin", [...EDIT, ...VIEW, ...ADMIN]),
  aggregate("edit", [...EDIT, ...VIEW], { [label("admin")]: "true" }),
  aggregate("view", VIEW, { [label("edit")]: "true" }),
  role("system:aggregate-to-admin", ADMIN, { [label("admin")]: "true" }),
  role("system:aggregate-to-edit", EDIT, { [label("edit")]: "true" }),
  role("system:aggregate-to-view", VIEW, { [label("view")]: "true" }),
  ...Object.entries(PLAIN).map(([name, texts]) => role(name, texts)),
];
