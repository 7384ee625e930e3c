/** What a new cluster has before any controller runs: namespaces, roles, priority classes. */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { type ClusterIdentity, FRONT_PROXY_NAME } from "./certificate-authority.ts";
import type { ClusterStore } from "./cluster-store.ts";

const NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"];

const PRIORITY_CLASSES = [
  { metadata: { name: "system-cluster-critical" }, value: 2_000_000_000 },
  { metadata: { name: "system-node-critical" }, value: 2_000_001_000 },
] as unknown as KubernetesObject[];

const RBAC = "rbac.authorization.k8s.io";
const EVERYTHING = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];
const READING = ["get", "list", "watch"];
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
const CLUSTER_ROLES = [
  { metadata: { name: "cluster-admin" }, rules: EVERYTHING },
  {
    metadata: { name: "view" },
    rules: [
      { apiGroups: [""], resources: VIEWED, verbs: READING },
      {
        apiGroups: ["apps", "autoscaling", "batch", "discovery.k8s.io", "networking.k8s.io", "policy"],
        resources: ["*"],
        verbs: READING,
      },
    ],
  },
  {
    metadata: { name: "system:discovery" },
    rules: [
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
    ],
  },
  {
    metadata: { name: "system:auth-delegator" },
    rules: [
      { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
      { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
    ],
  },
] as unknown as KubernetesObject[];

const CLUSTER_ROLE_BINDINGS = [
  {
    metadata: { name: "cluster-admin" },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ apiGroup: RBAC, kind: "Group", name: "system:masters" }],
  },
  {
    metadata: { name: "system:discovery" },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "system:discovery" },
    subjects: [{ apiGroup: RBAC, kind: "Group", name: "system:authenticated" }],
  },
] as unknown as KubernetesObject[];

/** Role that a delegated API server needs to read the client authority's configuration. */
const AUTH_READER = {
  metadata: { name: "extension-apiserver-authentication-reader", namespace: "kube-system" },
  rules: [
    {
      apiGroups: [""],
      resources: ["configmaps"],
      resourceNames: ["extension-apiserver-authentication"],
      verbs: READING,
    },
  ],
} as unknown as KubernetesObject;

/** Makes what is missing. */
export async function bootstrapCluster(api: ClusterStore, identity?: ClusterIdentity): Promise<void> {
  for (const name of NAMESPACES) await ensure(api, RESOURCES.namespaces, { metadata: { name } });
  for (const role of CLUSTER_ROLES) await ensure(api, RESOURCES.clusterRoles, role);
  for (const binding of CLUSTER_ROLE_BINDINGS) await ensure(api, RESOURCES.clusterRoleBindings, binding);
  await ensure(api, RESOURCES.roles, AUTH_READER);
  for (const priorityClass of PRIORITY_CLASSES) await ensure(api, RESOURCES.priorityClasses, priorityClass);
  if (identity !== undefined) await publishAuthorities(api, identity);
}

/** What a server that is aggregated believes: who vouches for clients, and for the API server that speaks for one. */
async function publishAuthorities(api: ClusterStore, { ca, frontProxy }: ClusterIdentity): Promise<void> {
  const metadata = { name: "extension-apiserver-authentication", namespace: "kube-system" };
  const data = {
    "client-ca-file": ca,
    "requestheader-allowed-names": JSON.stringify([FRONT_PROXY_NAME]),
    "requestheader-client-ca-file": frontProxy.ca,
    "requestheader-extra-headers-prefix": JSON.stringify(["X-Remote-Extra-"]),
    "requestheader-group-headers": JSON.stringify(["X-Remote-Group"]),
    "requestheader-username-headers": JSON.stringify(["X-Remote-User"]),
  };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata, data } as KubernetesObject;
  await ensure(api, RESOURCES.configMaps, object);
  const key = { namespace: metadata.namespace, name: metadata.name };
  await api.patch(RESOURCES.configMaps, key, { type: "merge", body: { data } });
}

async function ensure(
  api: ClusterStore,
  resource: (typeof RESOURCES)[keyof typeof RESOURCES],
  object: KubernetesObject,
): Promise<void> {
  const { namespace, name } = object.metadata;
  const { collection } = api.context.registry.find(resource)!;
  if (
    api.context.store.get(collection, namespace === undefined ? name : `${namespace}/${name}`) !== undefined
  )
    return;
  try {
    await api.create(resource, object);
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}
