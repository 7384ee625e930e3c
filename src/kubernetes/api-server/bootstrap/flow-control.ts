/**
 * What priority and fairness starts from (`apiserver/pkg/apis/flowcontrol/bootstrap`). No request is held back here: the
 * objects are there for who lists or changes them.
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";

interface Level {
  shares: number;
  /** Percent. */
  lendable: number;
  /** Absent where requests over the share are rejected. */
  queues?: number;
  handSize?: number;
}

const QUEUE_LENGTH_LIMIT = 50;

const LIMITED: Readonly<Record<string, Level>> = {
  "catch-all": { shares: 5, lendable: 0 },
  "global-default": { shares: 20, lendable: 50, queues: 128, handSize: 6 },
  "leader-election": { shares: 10, lendable: 0, queues: 16, handSize: 4 },
  "node-high": { shares: 40, lendable: 25, queues: 64, handSize: 6 },
  system: { shares: 30, lendable: 33, queues: 64, handSize: 6 },
  "workload-high": { shares: 40, lendable: 50, queues: 128, handSize: 6 },
  "workload-low": { shares: 100, lendable: 90, queues: 128, handSize: 6 },
};

interface Schema {
  level: string;
  precedence: number;
  by?: "ByUser" | "ByNamespace";
  /** `Group …`, `User …`, or `ServiceAccount namespace/name`. */
  subjects: readonly string[];
  rules?: object;
}

const ANYTHING = {
  nonResourceRules: [{ nonResourceURLs: ["*"], verbs: ["*"] }],
  resourceRules: [resourceRule(["*"], ["*"], ["*"], true)],
};
const EVERYBODY = ["Group system:unauthenticated", "Group system:authenticated"];
const CONTROLLER_MANAGER = "User system:kube-controller-manager";
const SCHEDULER = "User system:kube-scheduler";
const SYSTEM_ACCOUNTS = "ServiceAccount kube-system/*";

const SCHEMAS: Readonly<Record<string, Schema>> = {
  "catch-all": { level: "catch-all", precedence: 10_000, by: "ByUser", subjects: EVERYBODY },
  exempt: { level: "exempt", precedence: 1, subjects: ["Group system:masters"] },
  "global-default": { level: "global-default", precedence: 9_900, by: "ByUser", subjects: EVERYBODY },
  "kube-controller-manager": {
    level: "workload-high",
    precedence: 800,
    by: "ByNamespace",
    subjects: [CONTROLLER_MANAGER],
  },
  "kube-scheduler": { level: "workload-high", precedence: 800, by: "ByNamespace", subjects: [SCHEDULER] },
  "kube-system-service-accounts": {
    level: "workload-high",
    precedence: 900,
    by: "ByNamespace",
    subjects: [SYSTEM_ACCOUNTS],
  },
  probes: {
    level: "exempt",
    precedence: 2,
    subjects: EVERYBODY,
    rules: { nonResourceRules: [{ nonResourceURLs: ["/healthz", "/readyz", "/livez"], verbs: ["get"] }] },
  },
  "service-accounts": {
    level: "workload-low",
    precedence: 9_000,
    by: "ByUser",
    subjects: ["Group system:serviceaccounts"],
  },
  "system-leader-election": {
    level: "leader-election",
    precedence: 100,
    by: "ByUser",
    subjects: [CONTROLLER_MANAGER, SCHEDULER, SYSTEM_ACCOUNTS],
    rules: {
      resourceRules: [resourceRule(["coordination.k8s.io"], ["leases"], ["get", "create", "update"], false)],
    },
  },
  "system-node-high": {
    level: "node-high",
    precedence: 400,
    by: "ByUser",
    subjects: ["Group system:nodes"],
    rules: {
      resourceRules: [
        resourceRule([""], ["nodes", "nodes/status"], ["*"], true),
        resourceRule(["coordination.k8s.io"], ["leases"], ["*"], false),
      ],
    },
  },
  "system-nodes": { level: "system", precedence: 500, by: "ByUser", subjects: ["Group system:nodes"] },
};

export function priorityLevels(): KubernetesObject[] {
  const exempt = { exempt: { lendablePercent: 0, nominalConcurrencyShares: 0 }, type: "Exempt" };
  return [
    kept("exempt", exempt),
    ...Object.entries(LIMITED).map(([name, { shares, lendable, queues, handSize }]) => {
      const queuing = { handSize, queueLengthLimit: QUEUE_LENGTH_LIMIT, queues };
      const limitResponse = queues === undefined ? { type: "Reject" } : { queuing, type: "Queue" };
      const limited = { lendablePercent: lendable, limitResponse, nominalConcurrencyShares: shares };
      return kept(name, { limited, type: "Limited" });
    }),
  ];
}

export function flowSchemas(): KubernetesObject[] {
  return Object.entries(SCHEMAS).map(([name, { level, precedence, by, subjects, rules = ANYTHING }]) =>
    kept(name, {
      ...(by && { distinguisherMethod: { type: by } }),
      matchingPrecedence: precedence,
      priorityLevelConfiguration: { name: level },
      rules: [{ ...rules, subjects: subjects.map(subjectOf) }],
    }),
  );
}

function kept(name: string, spec: object): KubernetesObject {
  return { metadata: { name, annotations: { "apf.kubernetes.io/autoupdate-spec": "true" } }, spec };
}

function resourceRule(apiGroups: string[], resources: string[], verbs: string[], clusterScope: boolean) {
  return { apiGroups, ...(clusterScope && { clusterScope }), namespaces: ["*"], resources, verbs };
}

function subjectOf(text: string): object {
  const [kind, name] = text.split(" ");
  if (kind === "Group") return { group: { name }, kind };
  if (kind === "User") return { kind, user: { name } };
  const [namespace, account] = name.split("/");
  return { kind, serviceAccount: { name: account, namespace } };
}
