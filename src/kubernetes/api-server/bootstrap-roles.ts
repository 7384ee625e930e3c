/** Roles that every cluster has (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), as far as they are used here. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { PolicyRule } from "./authorize.ts";

const RBAC = "rbac.authorization.k8s.io";
export const READING = ["get", "list", "watch"];
const WRITING = ["create", "delete", "deletecollection", "patch", "update"];
const EVERYTHING = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

/** What `view` shows of the core group: no Secrets, which are keys to more. */
const VIEWED = [
  "bindings",
  "configmaps",
  "endpoints",
  "events",
  "limitranges",
  "namespaces",
  "namespaces/status",
  "persistentvolumeclaims",
  "persistentvolumeclaims/status",
  "pods",
  "pods/log",
  "pods/status",
  "replicationcontrollers",
  "replicationcontrollers/scale",
  "replicationcontrollers/status",
  "resourcequotas",
  "resourcequotas/status",
  "serviceaccounts",
  "services",
  "services/status",
];
const CONNECTED = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"];
const EDITED_CORE = [
  "configmaps",
  "events",
  "persistentvolumeclaims",
  "replicationcontrollers",
  "replicationcontrollers/scale",
  "secrets",
  "serviceaccounts",
  "services",
  "services/proxy",
];
const EDITED: [group: string, resources: string[]][] = [
  [
    "apps",
    [
      "daemonsets",
      "deployments",
      "deployments/rollback",
      "deployments/scale",
      "replicasets",
      "replicasets/scale",
      "statefulsets",
      "statefulsets/scale",
    ],
  ],
  ["autoscaling", ["horizontalpodautoscalers"]],
  ["batch", ["cronjobs", "jobs"]],
  ["networking.k8s.io", ["ingresses", "networkpolicies"]],
  ["policy", ["poddisruptionbudgets"]],
];

const VIEW: PolicyRule[] = [
  { apiGroups: [""], resources: VIEWED, verbs: READING },
  {
    apiGroups: ["apps", "autoscaling", "batch", "discovery.k8s.io", "networking.k8s.io", "policy"],
    resources: ["*"],
    verbs: READING,
  },
];
const EDIT: PolicyRule[] = [
  { apiGroups: [""], resources: [...CONNECTED, "secrets", "services/proxy"], verbs: READING },
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"] },
  { apiGroups: [""], resources: ["pods", ...CONNECTED], verbs: WRITING },
  { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
  { apiGroups: [""], resources: EDITED_CORE, verbs: WRITING },
  { apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] },
  ...EDITED.map(([group, resources]) => ({ apiGroups: [group], resources, verbs: WRITING })),
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: [...WRITING, ...READING],
  },
];
const ADMIN: PolicyRule[] = [
  { apiGroups: ["authorization.k8s.io"], resources: ["localsubjectaccessreviews"], verbs: ["create"] },
  { apiGroups: [RBAC], resources: ["rolebindings", "roles"], verbs: [...WRITING, ...READING] },
];

const BOOTSTRAP = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const UPDATED = { "rbac.authorization.kubernetes.io/autoupdate": "true" };
const label = (role: string) => `${RBAC}/aggregate-to-${role}`;

function role(name: string, rules: PolicyRule[], labels: Record<string, string> = {}): KubernetesObject {
  const metadata = { name, labels: { ...BOOTSTRAP, ...labels }, annotations: UPDATED };
  return { metadata, rules } as unknown as KubernetesObject;
}

/** A role that is the sum of those with its label. The sum is there from the start. */
function aggregate(name: string, rules: PolicyRule[], labels?: Record<string, string>): KubernetesObject {
  const clusterRoleSelectors = [{ matchLabels: { [label(name)]: "true" } }];
  return { ...role(name, rules, labels), aggregationRule: { clusterRoleSelectors } } as KubernetesObject;
}

const INFORMATION = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

export const CLUSTER_ROLES: readonly KubernetesObject[] = [
  role("cluster-admin", EVERYTHING),
  aggregate("admin", [...ADMIN, ...EDIT, ...VIEW]),
  aggregate("edit", [...EDIT, ...VIEW], { [label("admin")]: "true" }),
  aggregate("view", VIEW, { [label("edit")]: "true" }),
  role("system:aggregate-to-admin", ADMIN, { [label("admin")]: "true" }),
  role("system:aggregate-to-edit", EDIT, { [label("edit")]: "true" }),
  role("system:aggregate-to-view", VIEW, { [label("view")]: "true" }),
  role("system:basic-user", [
    {
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
      verbs: ["create"],
    },
    { apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"], verbs: ["create"] },
  ]),
  role("system:discovery", [
    {
      nonResourceURLs: [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
      ],
      verbs: ["get"],
    },
  ]),
  role("system:public-info-viewer", [{ nonResourceURLs: INFORMATION, verbs: ["get"] }]),
  role("system:auth-delegator", [
    { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
    { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
  ]),
];

function binding(name: string, group: string): KubernetesObject {
  return {
    metadata: { name, labels: BOOTSTRAP, annotations: UPDATED },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
    subjects: [{ apiGroup: RBAC, kind: "Group", name: group }],
  } as unknown as KubernetesObject;
}

export const CLUSTER_ROLE_BINDINGS: readonly KubernetesObject[] = [
  binding("cluster-admin", "system:masters"),
  binding("system:basic-user", "system:authenticated"),
  binding("system:discovery", "system:authenticated"),
  binding("system:public-info-viewer", "system:authenticated"),
];
