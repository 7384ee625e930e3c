/** What a new cluster has before any controller runs: namespaces, roles, priority classes. */
import { type GroupVersionResource, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, READING } from "./bootstrap-roles.ts";
import { type ClusterIdentity, FRONT_PROXY_NAME } from "./certificate-authority.ts";
import type { ClusterStore } from "./cluster-store.ts";

/** Who the server is as a writer. */
const API_SERVER = "kube-apiserver";

const NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"];

const PRIORITY_CLASSES = [
  { metadata: { name: "system-cluster-critical" }, value: 2_000_000_000 },
  { metadata: { name: "system-node-critical" }, value: 2_000_001_000 },
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

const COMPONENT_STATUSES: GroupVersionResource = {
  group: "",
  version: "v1",
  resource: "componentstatuses",
};

/** The one component that this server knows of: its own store, under the name of the store upstream. */
const STORE_STATUS = {
  metadata: { name: "etcd-0" },
  conditions: [{ type: "Healthy", status: "True", message: "ok" }],
} as unknown as KubernetesObject;

/** Makes what is missing. */
export async function bootstrapCluster(api: ClusterStore, identity?: ClusterIdentity): Promise<void> {
  for (const name of NAMESPACES) await ensure(api, RESOURCES.namespaces, { metadata: { name } });
  for (const role of CLUSTER_ROLES) await ensure(api, RESOURCES.clusterRoles, role);
  for (const binding of CLUSTER_ROLE_BINDINGS) await ensure(api, RESOURCES.clusterRoleBindings, binding);
  await ensure(api, COMPONENT_STATUSES, STORE_STATUS);
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
  await api.patch(RESOURCES.configMaps, key, { type: "merge", body: { data } }, { fieldManager: API_SERVER });
}

async function ensure(
  api: ClusterStore,
  resource: GroupVersionResource,
  object: KubernetesObject,
): Promise<void> {
  const { namespace, name } = object.metadata;
  const { collection } = api.context.registry.find(resource)!;
  if (
    api.context.store.get(collection, namespace === undefined ? name : `${namespace}/${name}`) !== undefined
  )
    return;
  try {
    await api.create(resource, object, { fieldManager: API_SERVER });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}
