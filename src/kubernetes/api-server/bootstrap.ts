/** What a new cluster has before any controller runs: namespaces, roles, priority classes. */
import { type GroupVersionResource, RESOURCES } from "../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime, type ObjectMeta } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { missingRules } from "./admission/escalation.ts";
import type { PolicyRule } from "./authorize.ts";
import { flowSchemas, priorityLevels } from "./bootstrap/flow-control.ts";
import {
  clusterRoleBindings,
  clusterRoles,
  namespacedRoleBindings,
  namespacedRoles,
} from "./bootstrap/roles.ts";
import { type ClusterIdentity, FRONT_PROXY_NAME } from "./certificate-authority.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { deepEqual } from "./deep-equal.ts";

/** Who the server is as a writer. */
const API_SERVER = "kube-apiserver";

const NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"];

const PRIORITY_CLASSES = [
  {
    metadata: { name: "system-cluster-critical" },
    value: 2_000_000_000,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  },
  {
    metadata: { name: "system-node-critical" },
    value: 2_000_001_000,
    description: "Used for system critical pods that must not be moved from their current node.",
  },
] as unknown as KubernetesObject[];

const COMPONENT_STATUSES: GroupVersionResource = {
  group: "",
  version: "v1",
  resource: "componentstatuses",
};

/** The components of the control plane are all this process; the store goes by the name of the store upstream. */
const COMPONENTS = ["scheduler", "controller-manager", "etcd-0"];

const componentStatus = (name: string) =>
  ({
    metadata: { name },
    conditions: [{ type: "Healthy", status: "True", message: "ok" }],
  }) as KubernetesObject;

/** Who keeps the objects of priority and fairness as a writer. */
const FLOW_PRODUCER = "api-priority-and-fairness-config-producer-v1";

/** Makes what is missing. */
export async function bootstrapCluster(api: ClusterStore, identity?: ClusterIdentity): Promise<void> {
  for (const name of NAMESPACES) await ensure(api, RESOURCES.namespaces, { metadata: { name } });
  const kept: [GroupVersionResource, KubernetesObject[]][] = [
    [RESOURCES.clusterRoles, clusterRoles()],
    [RESOURCES.clusterRoleBindings, clusterRoleBindings()],
    [RESOURCES.roles, namespacedRoles()],
    [RESOURCES.roleBindings, namespacedRoleBindings()],
  ];
  for (const [resource, objects] of kept)
    for (const object of objects) {
      if ((object as Rights).aggregationRule !== undefined) await ensureSum(api, object);
      else await ensure(api, resource, object);
      await completeRights(api, resource, object);
    }
  for (const name of COMPONENTS) await ensure(api, COMPONENT_STATUSES, componentStatus(name));
  for (const priorityClass of PRIORITY_CLASSES) await ensure(api, RESOURCES.priorityClasses, priorityClass);
  for (const level of priorityLevels()) await ensure(api, RESOURCES.priorityLevels, level, FLOW_PRODUCER);
  for (const schema of flowSchemas()) await ensure(api, RESOURCES.flowSchemas, schema, FLOW_PRODUCER);
  await ensure(api, RESOURCES.configMaps, legacyTokenTracking(api.context.clock.now()));
  if (identity !== undefined) await publishAuthorities(api, identity);
}

/** Since when the use of tokens from Secrets is noted: those that go unused for a year may be cleaned up. */
function legacyTokenTracking(nowMs: number): KubernetesObject {
  const metadata = { name: "kube-apiserver-legacy-service-account-token-tracking", namespace: "kube-system" };
  return { metadata, data: { since: kubernetesTime(nowMs).slice(0, 10) } } as KubernetesObject;
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

const AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate";

type Rights = KubernetesObject & { rules?: PolicyRule[]; aggregationRule?: object; subjects?: object[] };

/** Adds what a role or a binding of an earlier version lacks, unless it says that it is to be left alone. */
async function completeRights(
  api: ClusterStore,
  resource: GroupVersionResource,
  { metadata, ...wanted }: Rights,
): Promise<void> {
  const { namespace, name } = metadata;
  const present: Rights | undefined = stored(api, resource, metadata);
  if (present === undefined || present.metadata.annotations?.[AUTO_UPDATE] === "false") return;
  const { rules = [], subjects = [] } = present;
  // The rules of a sum come from its parts.
  const isComplete = wanted.aggregationRule !== undefined || deepEqual(rules, wanted.rules ?? []);
  const missing = isComplete ? [] : missingRules(rules, wanted.rules ?? []);
  const unbound = (wanted.subjects ?? []).filter(
    (subject) => !subjects.some((own) => deepEqual(own, subject)),
  );
  if (missing.length === 0 && unbound.length === 0) return;
  const body = {
    ...(missing.length > 0 && { rules: [...rules, ...missing] }),
    ...(unbound.length > 0 && { subjects: [...subjects, ...unbound] }),
  };
  await api.patch(resource, { namespace, name }, { type: "merge", body }, { fieldManager: API_SERVER });
}

/** A sum's rules are the controller's that adds them up, which may come later. */
async function ensureSum(api: ClusterStore, { rules, ...role }: Rights): Promise<void> {
  const { metadata } = role;
  if (stored(api, RESOURCES.clusterRoles, metadata) !== undefined) return;
  await ensure(api, RESOURCES.clusterRoles, role);
  const { group, version, kind } = RESOURCES.clusterRoles;
  const body = { apiVersion: `${group}/${version}`, kind, metadata: { name: metadata.name }, rules };
  const options = { fieldManager: "clusterrole-aggregation-controller", force: true };
  await api.patch(RESOURCES.clusterRoles, metadata, { type: "apply", body }, options);
}

function stored(api: ClusterStore, resource: GroupVersionResource, { namespace, name }: ObjectMeta) {
  const { collection } = api.context.registry.find(resource)!;
  return api.context.store.get(collection, namespace === undefined ? name : `${namespace}/${name}`);
}

async function ensure(
  api: ClusterStore,
  resource: GroupVersionResource,
  object: KubernetesObject,
  fieldManager = API_SERVER,
): Promise<void> {
  if (stored(api, resource, object.metadata) !== undefined) return;
  try {
    await api.create(resource, object, { fieldManager });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}
