/** How evenly a pod's likes are spread (kube-scheduler 1.35 `plugins/podtopologyspread`, the score). */
import { matchesSelector } from "../../model/label-selector.ts";
import type { Node, Pod, TopologySpreadConstraint } from "../types.ts";
import { isIncluded, type Situation } from "./filters.ts";
import type { NodeInfo } from "./node-info.ts";
import { MAX_NODE_SCORE, type Scorer } from "./scorer.ts";
import { countsForSpread, topologyOf } from "./selection.ts";

const HOSTNAME = "kubernetes.io/hostname";

interface Spread {
  constraint: TopologySpreadConstraint;
  counts(pod: Pod): boolean;
}

/** What kube-scheduler spreads by when a pod says nothing (`systemDefaultConstraints`): node, and more loosely zone. */
const DEFAULT_CONSTRAINTS: TopologySpreadConstraint[] = [
  { maxSkew: 3, topologyKey: HOSTNAME, whenUnsatisfiable: "ScheduleAnyway" },
  { maxSkew: 5, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
];

/** The pod's own wishes; without any, it is kept from those that its Services and owner count as its like. */
function spreadsOf({ pod, likes }: Situation): { spreads: Spread[]; areDefaults: boolean } {
  const own = pod.spec.topologySpreadConstraints ?? [];
  if (own.length > 0) {
    const spreads = own
      .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "ScheduleAnyway")
      .map((constraint) => ({
        constraint,
        counts: (other: Pod) => countsForSpread(constraint, pod, other),
      }));
    return { spreads, areDefaults: false };
  }
  const selector = likes?.(pod) ?? [];
  if (selector.length === 0) return { spreads: [], areDefaults: true };
  const counts = (other: Pod) =>
    other.metadata.deletionTimestamp === undefined &&
    other.metadata.namespace === pod.metadata.namespace &&
    matchesSelector(selector, other.metadata.labels);
  return { spreads: DEFAULT_CONSTRAINTS.map((constraint) => ({ constraint, counts })), areDefaults: true };
}

export const topologySpread: Scorer = (situation, nodes) => {
  const { spreads, areDefaults } = spreadsOf(situation);
  if (spreads.length === 0) return undefined;
  // Nodes without zones are still spread over by the defaults.
  const isRanked = (node: Node) =>
    areDefaults || spreads.every(({ constraint }) => topologyOf(node, constraint.topologyKey) !== undefined);
  const ranked = nodes.filter(({ node }) => isRanked(node));
  const judges = spreads.map((spread) => judgeOf(situation, spread, ranked, isRanked));
  const sums = nodes.map((info) =>
    isRanked(info.node) ? Math.round(judges.reduce((sum, judge) => sum + judge(info), 0)) : undefined,
  );
  const known = sums.filter((sum) => sum !== undefined);
  const [least, most] = [Math.min(...known), Math.max(0, ...known)];
  return sums.map((sum) => {
    if (sum === undefined) return 0;
    return most === 0 ? MAX_NODE_SCORE : Math.trunc((MAX_NODE_SCORE * (most + least - sum)) / most);
  });
};

/** How crowded a node's domain is. A key of few domains weighs less, or the large ones would drown it. */
function judgeOf(
  { pod, nodes: all }: Situation,
  { constraint, counts }: Spread,
  ranked: NodeInfo[],
  isRanked: (node: Node) => boolean,
): (info: NodeInfo) => number {
  const { topologyKey, maxSkew } = constraint;
  const isByNode = topologyKey === HOSTNAME;
  const domains = new Map<string, number>();
  if (!isByNode) for (const { node } of ranked) domains.set(topologyOf(node, topologyKey) ?? "", 0);
  for (const { node, pods } of all) {
    const domain = topologyOf(node, topologyKey) ?? "";
    if (!domains.has(domain) || !isRanked(node) || !isIncluded(constraint, pod, node)) continue;
    domains.set(domain, domains.get(domain)! + pods.filter(counts).length);
  }
  const weight = Math.log((isByNode ? ranked.length : domains.size) + 2);
  return ({ node, pods }) => {
    const domain = topologyOf(node, topologyKey);
    if (domain === undefined) return 0;
    const count = isByNode ? pods.filter(counts).length : domains.get(domain)!;
    return count * weight + (maxSkew - 1);
  };
}
