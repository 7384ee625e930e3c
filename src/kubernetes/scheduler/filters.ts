/** Where a pod can not go, and the words for it (kube-scheduler 1.35 `framework/plugins`, the filters). */
import type { Selector } from "../../model/label-selector.ts";
import type { Node, Pod, TopologySpreadConstraint } from "../types.ts";
import { disksConflict } from "./disk-conflicts.ts";
import { allocatable, type NodeInfo, podRequests } from "./node-info.ts";
import {
  countsForSpread,
  matchesAffinityTerm,
  matchesNodeAffinity,
  matchesSpread,
  type NamespaceLabels,
  tolerates,
  topologyOf,
} from "./selection.ts";
import { isHeldByAnother, type PodClaims, volumeProblems } from "./volume-binding.ts";
import { isInZoneOfVolumes } from "./volume-zone.ts";

export interface Situation {
  pod: Pod;
  nodes: NodeInfo[];
  namespaces: NamespaceLabels;
  /** @default the pod has none */
  claims?: PodClaims;
  /** Which pods the Services and the owner of one count as its like; none: nothing is known. @default nothing */
  likes?: (pod: Pod) => Selector;
}

export interface Refusal {
  reasons: string[];
  /** Removing pods from the node would not help. */
  unresolvable: boolean;
}

export type Filter = (situation: Situation, info: NodeInfo) => Refusal | undefined;

const final = (reason: string): Refusal => ({ reasons: [reason], unresolvable: true });
const forNow = (...reasons: string[]): Refusal => ({ reasons, unresolvable: false });

const nodeUnschedulable: Filter = ({ pod }, { node }) => {
  const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  if (!node.spec?.unschedulable || tolerates(pod.spec.tolerations, taint)) return undefined;
  return final("node(s) were unschedulable");
};

const taintToleration: Filter = ({ pod }, { node }) => {
  return hasUntoleratedTaint(pod, node) ? final("node(s) had untolerated taint(s)") : undefined;
};

function hasUntoleratedTaint(pod: Pod, node: Node, effects = ["NoSchedule", "NoExecute"]): boolean {
  return (node.spec?.taints ?? []).some(
    (taint) => effects.includes(taint.effect) && !tolerates(pod.spec.tolerations, taint),
  );
}

const nodeAffinity: Filter = ({ pod }, { node }) =>
  matchesNodeAffinity(pod, node) ? undefined : final("node(s) didn't match Pod's node affinity/selector");

const nodePorts: Filter = ({ pod }, info) => {
  // An init container that is no sidecar is done before it could be in anybody's way.
  const portsOf = ({ spec }: Pod) =>
    [
      ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
      ...spec.containers,
    ]
      .flatMap(({ ports = [] }) => ports)
      .filter(({ hostPort }) => Boolean(hostPort));
  const everywhere = (ip = "") => ip === "" || ip === "0.0.0.0";
  const taken = info.pods.flatMap(portsOf);
  const collides = portsOf(pod).some(({ hostPort, protocol = "TCP", hostIP }) =>
    taken.some(
      (other) =>
        other.hostPort === hostPort &&
        (other.protocol ?? "TCP") === protocol &&
        (everywhere(hostIP) || everywhere(other.hostIP) || hostIP === other.hostIP),
    ),
  );
  return collides ? forNow("node(s) didn't have free ports for the requested pod ports") : undefined;
};

/** The resources that every node tells of, in the order in which what is missing is told. */
const COMMON_RESOURCES = ["cpu", "memory", "ephemeral-storage"];

const resourcesFit: Filter = ({ pod }, info) => {
  const requests = podRequests(pod);
  const reasons: string[] = [];
  if (info.pods.length + 1 > allocatable(info.node, "pods")) reasons.push("Too many pods");
  let unresolvable = false;
  for (const name of new Set([...COMMON_RESOURCES, ...Object.keys(requests)])) {
    const amount = requests[name] ?? 0;
    const most = allocatable(info.node, name);
    if (amount === 0 || amount <= most - (info.requested[name] ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    unresolvable ||= amount > most;
  }
  return reasons.length === 0 ? undefined : { reasons, unresolvable };
};

const volumeRestrictions: Filter = ({ pod, nodes, claims }, { pods }) => {
  if (disksConflict(pod, pods)) return forNow("node(s) had no available disk");
  const all = nodes.flatMap((node) => node.pods);
  return claims !== undefined && isHeldByAnother(claims, pod, all)
    ? forNow(
        "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
      )
    : undefined;
};

const volumeBinding: Filter = ({ claims }, { node }) => {
  const reasons = claims === undefined ? [] : volumeProblems(claims, node);
  return reasons.length === 0 ? undefined : { reasons, unresolvable: true };
};

const volumeZone: Filter = ({ claims }, { node }) =>
  claims === undefined || isInZoneOfVolumes(claims, node)
    ? undefined
    : final("node(s) had no available volume zone");

const topologySpread: Filter = ({ pod, nodes }, info) => {
  const constraints = (pod.spec.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule",
  );
  // A node that is in no domain of one constraint counts for none.
  const inDomains = nodes.filter(({ node }) =>
    constraints.every(({ topologyKey }) => topologyOf(node, topologyKey) !== undefined),
  );
  for (const constraint of constraints) {
    const domain = topologyOf(info.node, constraint.topologyKey);
    if (domain === undefined) {
      return final("node(s) didn't match pod topology spread constraints (missing required label)");
    }
    const counts = new Map<string, number>();
    for (const other of inDomains) {
      if (!isIncluded(constraint, pod, other.node)) continue;
      const its = topologyOf(other.node, constraint.topologyKey)!;
      const matching = other.pods.filter((candidate) => countsForSpread(constraint, pod, candidate)).length;
      counts.set(its, (counts.get(its) ?? 0) + matching);
    }
    const isFew = counts.size === 0 || counts.size < (constraint.minDomains ?? 1);
    const fewest = isFew ? 0 : Math.min(...counts.values());
    const self = matchesSpread(constraint, pod, pod) ? 1 : 0;
    if ((counts.get(domain) ?? 0) + self - fewest > constraint.maxSkew) {
      return forNow("node(s) didn't match pod topology spread constraints");
    }
  }
  return undefined;
};

/** Whether a node counts for a constraint: by default when the pod's affinity admits it, whatever its taints. */
export function isIncluded(
  { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" }: TopologySpreadConstraint,
  pod: Pod,
  node: Node,
): boolean {
  if (nodeAffinityPolicy === "Honor" && !matchesNodeAffinity(pod, node)) return false;
  return nodeTaintsPolicy === "Ignore" || !hasUntoleratedTaint(pod, node);
}

const interPodAffinity: Filter = (situation, info) => {
  const { pod, nodes, namespaces } = situation;
  const sameDomain = (key: string) => {
    const domain = topologyOf(info.node, key);
    if (domain === undefined) return [];
    return nodes.filter(({ node }) => topologyOf(node, key) === domain).flatMap(({ pods }) => pods);
  };
  const required = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  // Company is a pod that all the terms mean.
  const isCompany = (other: Pod) =>
    required.every((term) => matchesAffinityTerm(term, pod, other, namespaces));
  if (required.length > 0) {
    const hasDomains = required.every(({ topologyKey }) => topologyOf(info.node, topologyKey) !== undefined);
    const hasCompany = required.every(({ topologyKey }) => sameDomain(topologyKey).some(isCompany));
    // The first of a group that wants to be together has nobody to be with.
    const isAlone = () =>
      isCompany(pod) &&
      !nodes.some(
        ({ node, pods }) =>
          required.some(({ topologyKey }) => topologyOf(node, topologyKey) !== undefined) &&
          pods.some(isCompany),
      );
    if (!hasDomains || !(hasCompany || isAlone())) return final("node(s) didn't match pod affinity rules");
  }
  for (const term of pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ??
    []) {
    if (sameDomain(term.topologyKey).some((other) => matchesAffinityTerm(term, pod, other, namespaces))) {
      return forNow("node(s) didn't match pod anti-affinity rules");
    }
  }
  for (const { node, pods } of nodes) {
    for (const other of pods) {
      for (const term of other.spec.affinity?.podAntiAffinity
        ?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
        const domain = topologyOf(node, term.topologyKey);
        if (domain === undefined || domain !== topologyOf(info.node, term.topologyKey)) continue;
        if (matchesAffinityTerm(term, other, pod, namespaces)) {
          return forNow("node(s) didn't satisfy existing pods anti-affinity rules");
        }
      }
    }
  }
  return undefined;
};

/** By the names of upstream's plugins, in its order: the first that refuses is the reason. */
export const FILTERS: readonly [plugin: string, filter: Filter][] = [
  ["NodeUnschedulable", nodeUnschedulable],
  ["TaintToleration", taintToleration],
  ["NodeAffinity", nodeAffinity],
  ["NodePorts", nodePorts],
  ["NodeResourcesFit", resourcesFit],
  ["VolumeRestrictions", volumeRestrictions],
  ["VolumeBinding", volumeBinding],
  ["VolumeZone", volumeZone],
  ["PodTopologySpread", topologySpread],
  ["InterPodAffinity", interPodAffinity],
];

/** Why the pod can't be on the node; undefined when it can. */
export function refusal(situation: Situation, info: NodeInfo): Refusal | undefined {
  for (const [, filter] of FILTERS) {
    const refused = filter(situation, info);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/**
 * Whether a daemon's pod belongs on a node, whatever runs there now, and whether one that is there may stay: the question
 * of the DaemonSet controller (`NodeShouldRunDaemonPod`).
 */
export function daemonPlacement(
  pod: Pod,
  node: Node,
): { shouldRun: boolean; shouldContinueRunning: boolean } {
  const isElsewhere = Boolean(pod.spec.nodeName) && pod.spec.nodeName !== node.metadata.name;
  if (isElsewhere || !matchesNodeAffinity(pod, node))
    return { shouldRun: false, shouldContinueRunning: false };
  return {
    shouldRun: !hasUntoleratedTaint(pod, node),
    shouldContinueRunning: !hasUntoleratedTaint(pod, node, ["NoExecute"]),
  };
}
