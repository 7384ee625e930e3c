/** All roles and bindings of a new cluster. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { COMPONENT_ROLES } from "./component-roles.ts";
import { CONTROLLER_ROLES } from "./controller-roles.ts";
import { bootstrapObject, EVENTS, RBAC, type RuleText, rulesOf } from "./rule-text.ts";
import { userRoles } from "./user-roles.ts";

const CONTROLLER = "system:controller:";
const SYSTEM = "kube-system";

/** `User …`, `Group …`, or `ServiceAccount …` of the namespace `kube-system`. */
type SubjectText = string;

/** Roles that are bound to others than the account of their name. */
const BINDINGS: Readonly<Record<string, readonly SubjectText[]>> = {
  "cluster-admin": ["Group system:masters"],
  "system:basic-user": ["Group system:authenticated"],
  "system:discovery": ["Group system:authenticated"],
  "system:kube-controller-manager": ["User system:kube-controller-manager"],
  "system:kube-dns": ["ServiceAccount kube-dns"],
  "system:kube-scheduler": ["User system:kube-scheduler"],
  "system:monitoring": ["Group system:monitoring"],
  "system:node": [],
  "system:node-proxier": ["User system:kube-proxy"],
  "system:public-info-viewer": ["Group system:authenticated", "Group system:unauthenticated"],
  "system:service-account-issuer-discovery": ["Group system:serviceaccounts"],
  "system:volume-scheduler": ["User system:kube-scheduler"],
};

const LEADER_LOCKING = [
  "create get list update watch | coordination.k8s.io | leases",
  "create get list update watch | coordination.k8s.io | leasecandidates",
];

interface NamespacedRole {
  namespace: string;
  name: string;
  rules: readonly RuleText[];
  /** Where the binding has a name of its own. */
  binding?: string;
  subjects: readonly SubjectText[];
}

/** `bootstrappolicy/namespace_policy.go`. */
const NAMESPACED: readonly NamespacedRole[] = [
  {
    namespace: "kube-public",
    name: `${CONTROLLER}bootstrap-signer`,
    rules: ["get list watch | core | configmaps", "update | core | configmaps | cluster-info", EVENTS],
    subjects: ["ServiceAccount bootstrap-signer"],
  },
  {
    namespace: SYSTEM,
    name: "extension-apiserver-authentication-reader",
    rules: ["get list watch | core | configmaps | extension-apiserver-authentication"],
    binding: "system::extension-apiserver-authentication-reader",
    subjects: ["User system:kube-controller-manager", "User system:kube-scheduler"],
  },
  {
    namespace: SYSTEM,
    name: "system::leader-locking-kube-controller-manager",
    rules: LEADER_LOCKING,
    subjects: [
      "User system:kube-controller-manager",
      "ServiceAccount kube-controller-manager",
      "ServiceAccount leader-election-controller",
    ],
  },
  {
    namespace: SYSTEM,
    name: "system::leader-locking-kube-scheduler",
    rules: LEADER_LOCKING,
    subjects: ["User system:kube-scheduler", "ServiceAccount kube-scheduler"],
  },
  {
    namespace: SYSTEM,
    name: `${CONTROLLER}bootstrap-signer`,
    rules: ["get list watch | core | secrets"],
    subjects: ["ServiceAccount bootstrap-signer"],
  },
  {
    namespace: SYSTEM,
    name: `${CONTROLLER}cloud-provider`,
    rules: ["create get list watch | core | configmaps"],
    subjects: ["ServiceAccount cloud-provider"],
  },
  {
    namespace: SYSTEM,
    name: `${CONTROLLER}token-cleaner`,
    rules: ["delete get list watch | core | secrets", EVENTS],
    subjects: ["ServiceAccount token-cleaner"],
  },
];

export function clusterRoles(): KubernetesObject[] {
  const role = (name: string, texts: readonly RuleText[]) => ({
    ...bootstrapObject(name),
    rules: rulesOf(texts),
  });
  return [
    ...userRoles(),
    ...Object.entries(COMPONENT_ROLES).map(([name, texts]) => role(name, texts)),
    ...Object.entries(CONTROLLER_ROLES).map(([name, texts]) => role(CONTROLLER + name, texts)),
  ];
}

export function clusterRoleBindings(): KubernetesObject[] {
  const binding = (name: string, subjects: readonly SubjectText[]) =>
    bindingOf(name, { kind: "ClusterRole", name }, subjects);
  return [
    ...Object.entries(BINDINGS).map(([name, subjects]) => binding(name, subjects)),
    ...Object.keys(CONTROLLER_ROLES).map((name) => binding(CONTROLLER + name, [`ServiceAccount ${name}`])),
  ];
}

export function namespacedRoles(): KubernetesObject[] {
  return NAMESPACED.map(({ namespace, name, rules }) => ({
    ...bootstrapObject(name, { namespace }),
    rules: rulesOf(rules),
  }));
}

export function namespacedRoleBindings(): KubernetesObject[] {
  return NAMESPACED.map(({ namespace, name, binding = name, subjects }) =>
    bindingOf(binding, { kind: "Role", name }, subjects, namespace),
  );
}

function bindingOf(
  name: string,
  role: { kind: "ClusterRole" | "Role"; name: string },
  subjects: readonly SubjectText[],
  namespace?: string,
): KubernetesObject {
  return {
    ...bootstrapObject(name, { namespace }),
    roleRef: { apiGroup: RBAC, ...role },
    ...(subjects.length > 0 && { subjects: subjects.map(subjectOf) }),
  } as KubernetesObject;
}

function subjectOf(text: SubjectText) {
  const [kind, name] = text.split(" ");
  return kind === "ServiceAccount" ? { kind, name, namespace: SYSTEM } : { apiGroup: RBAC, kind, name };
}
