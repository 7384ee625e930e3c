/** Where a pod goes best (kube-scheduler 1.35 `framework/plugins`, the scores, with their default weights). */

import { selectorOf } from "../../model/label-selector.ts";
import type { Pod, TopologySpreadConstraint } from "../types.ts";
import type { Situation } from "./filters.ts";
import { allocatable, type NodeInfo, podRequests } from "./node-info.ts";
import {
  countsForSpread,
  matchesAffinityTerm,
  matchesNodeTerm,
  type NamespaceLabels,
  tolerates,
  topologyOf,
} from "./selection.ts";

/** Containers without requests count as this much, so that they spread too (`DefaultMilliCPURequest`, …). */
const DEFAULT_REQUESTS = { cpu: 0.1, memory: 200 * 1024 * 1024 };

/** Higher is better, 0 to 100, in the order of the nodes. */
type Score = (situation: Situation, nodes: NodeInfo[]) => number[];

const leastAllocated: Score = ({ pod }, nodes) =>
  nodes.map((info) => {
    const [cpu, memory] = useAfter(pod, info);
    return (free(cpu) + free(memory)) / 2;
  });

const balancedAllocation: Score = ({ pod }, nodes) =>
  nodes.map((info) => {
    const [cpu, memory] = useAfter(pod, info).map((share) => Math.min(share, 1));
    return (1 - Math.abs(cpu - memory) / 2) * 100;
  });

function useAfter(pod: Pod, info: NodeInfo): [cpu: number, memory: number] {
  const own = podRequests(pod, DEFAULT_REQUESTS);
  const others = info.pods.map((other) => podRequests(other, DEFAULT_REQUESTS));
  const share = (name: "cpu" | "memory") => {
    const most = allocatable(info.node, name);
    return most === 0 ? 1 : (own[name] + others.reduce((sum, requests) => sum + requests[name], 0)) / most;
  };
  return [share("cpu"), share("memory")];
}

function free(share: number): number {
  return Math.max(0, 1 - share) * 100;
}

const taintToleration: Score = ({ pod }, nodes) =>
  normalise(
    nodes.map(
      ({ node }) =>
        -(node.spec?.taints ?? []).filter(
          (taint) => taint.effect === "PreferNoSchedule" && !tolerates(pod.spec.tolerations, taint),
        ).length,
    ),
  );

const nodeAffinity: Score = ({ pod }, nodes) => {
  const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.length === 0) return nodes.map(() => 0);
  const sums = nodes.map(({ node }) =>
    terms.reduce((sum, { weight, preference }) => sum + (matchesNodeTerm(preference, node) ? weight : 0), 0),
  );
  return normalise(sums);
};

/** What kube-scheduler spreads by when a pod says nothing (`systemDefaultConstraints`): node, and more loosely zone. */
function spreadConstraints(pod: Pod): TopologySpreadConstraint[] {
  const own = (pod.spec.topologySpreadConstraints ?? []).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "ScheduleAnyway",
  );
  if (pod.spec.topologySpreadConstraints !== undefined) return own;
  const { labels = {} } = pod.metadata;
  // Upstream takes the selectors of the pod's Services and owner; its identity labels say the same.
  const identity = Object.entries(labels).filter(
    ([key]) =>
      ![
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-revision-hash",
      ].includes(key),
  );
  if (identity.length === 0 || !pod.metadata.ownerReferences?.some(({ controller }) => controller)) return [];
  const labelSelector = { matchLabels: Object.fromEntries(identity) };
  const whenUnsatisfiable = "ScheduleAnyway";
  return [
    { maxSkew: 3, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable, labelSelector },
    { maxSkew: 5, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable, labelSelector },
  ];
}

const topologySpread: Score = ({ pod, nodes: all }, nodes) => {
  const constraints = spreadConstraints(pod).filter(
    ({ labelSelector }) => selectorOf(labelSelector) !== undefined,
  );
  if (constraints.length === 0) return nodes.map(() => 0);
  const sums = nodes.map((info) =>
    constraints.reduce((sum, constraint) => {
      const domain = topologyOf(info.node, constraint.topologyKey);
      if (domain === undefined) return sum + Number.MAX_SAFE_INTEGER;
      const matching = all
        .filter(({ node }) => topologyOf(node, constraint.topologyKey) === domain)
        .flatMap(({ pods }) => pods)
        .filter((other) => countsForSpread(constraint, pod, other)).length;
      return sum + matching;
    }, 0),
  );
  return normalise(sums.map((sum) => -sum));
};

const interPodAffinity: Score = ({ pod, nodes: all, namespaces }, nodes) => {
  const attractions = all.flatMap((place) =>
    place.pods.flatMap((other) =>
      [
        ...attractionsOf(pod, other, namespaces),
        ...attractionsOf(other, pod, namespaces, REQUIRED_WEIGHT),
      ].map(({ key, weight }) => ({ key, weight, domain: topologyOf(place.node, key) })),
    ),
  );
  if (attractions.length === 0) return nodes.map(() => 0);
  const sums = nodes.map(({ node }) =>
    attractions.reduce(
      (sum, { key, weight, domain }) =>
        domain !== undefined && topologyOf(node, key) === domain ? sum + weight : sum,
      0,
    ),
  );
  return normalise(sums);
};

/** What a pod that is there and must have company weighs for one that would be it (`hardPodAffinityWeight`). */
const REQUIRED_WEIGHT = 1;

/** Which domains of `other` the preferences of `of` draw to, or away from when negative. */
function attractionsOf(
  of: Pod,
  other: Pod,
  namespaces: NamespaceLabels,
  requiredWeight = 0,
): { key: string; weight: number }[] {
  const { podAffinity, podAntiAffinity } = of.spec.affinity ?? {};
  const required = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const preferred = podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const avoided = podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...required.map((term) => ({ term, weight: requiredWeight })),
    ...preferred.map(({ podAffinityTerm: term, weight }) => ({ term, weight })),
    ...avoided.map(({ podAffinityTerm: term, weight }) => ({ term, weight: -weight })),
  ]
    .filter(({ term, weight }) => weight !== 0 && matchesAffinityTerm(term, of, other, namespaces))
    .map(({ term, weight }) => ({ key: term.topologyKey, weight }));
}

/** The lowest is 0, the highest 100; all the same is 100. */
function normalise(values: number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (high === low ? 100 : ((value - low) / (high - low)) * 100));
}

const SCORES: [Score, weight: number][] = [
  [taintToleration, 3],
  [nodeAffinity, 2],
  [topologySpread, 2],
  [interPodAffinity, 2],
  [leastAllocated, 1],
  [balancedAllocation, 1],
];

/** The best of the nodes. Upstream draws lots among equals; here it is the one with fewer pods, then the first by name. */
export function bestNode(situation: Situation, nodes: NodeInfo[]): NodeInfo {
  const totals = nodes.map(() => 0);
  for (const [score, weight] of SCORES) {
    score(situation, nodes).forEach((value, index) => {
      totals[index] += value * weight;
    });
  }
  let best = 0;
  for (let index = 1; index < nodes.length; index++) {
    const difference = totals[index] - totals[best];
    if (difference > 1e-6) best = index;
    else if (difference > -1e-6 && nodes[index].pods.length < nodes[best].pods.length) best = index;
  }
  return nodes[best];
}
