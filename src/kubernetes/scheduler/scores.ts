/** Where a pod goes best (kube-scheduler 1.35 `framework/plugins`, the scores, with their default weights). */

import type { Situation } from "./filters.ts";
import { imageLocality } from "./image-locality-score.ts";
import type { NodeInfo } from "./node-info.ts";
import { interPodAffinity } from "./pod-affinity-score.ts";
import { balancedAllocation, leastAllocated } from "./resource-scores.ts";
import { MAX_NODE_SCORE, type Scorer } from "./scorer.ts";
import { matchesNodeTerm, tolerates } from "./selection.ts";
import { topologySpread } from "./topology-spread-score.ts";

export const taintToleration: Scorer = ({ pod }, nodes) => {
  const tolerations = (pod.spec.tolerations ?? []).filter(
    ({ effect }) => !effect || effect === "PreferNoSchedule",
  );
  const counts = nodes.map(
    ({ node }) =>
      (node.spec?.taints ?? []).filter(
        (taint) => taint.effect === "PreferNoSchedule" && !tolerates(tolerations, taint),
      ).length,
  );
  return byShareOfMost(counts).map((share) => MAX_NODE_SCORE - share);
};

export const nodeAffinity: Scorer = ({ pod }, nodes) => {
  const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
  if (terms === undefined) return undefined;
  return byShareOfMost(
    nodes.map(({ node }) =>
      terms.reduce(
        (sum, { weight, preference }) => sum + (matchesNodeTerm(preference, node) ? weight : 0),
        0,
      ),
    ),
  );
};

/** In hundredths of the highest (`DefaultNormalizeScore`). */
function byShareOfMost(values: number[]): number[] {
  const most = Math.max(0, ...values);
  return most === 0 ? values : values.map((value) => Math.floor((MAX_NODE_SCORE * value) / most));
}

/** By the names of upstream's plugins. */
export const SCORERS: readonly [plugin: string, scorer: Scorer, weight: number][] = [
  ["TaintToleration", taintToleration, 3],
  ["NodeAffinity", nodeAffinity, 2],
  ["PodTopologySpread", topologySpread, 2],
  ["InterPodAffinity", interPodAffinity, 2],
  ["NodeResourcesFit", leastAllocated, 1],
  ["NodeResourcesBalancedAllocation", balancedAllocation, 1],
  ["ImageLocality", imageLocality, 1],
];

/** The best of the nodes. Upstream draws lots among equals; here it is the one with fewer pods, then the first by name. */
export function bestNode(situation: Situation, nodes: NodeInfo[]): NodeInfo {
  const totals = nodes.map(() => 0);
  for (const [, scorer, weight] of SCORERS) {
    scorer(situation, nodes)?.forEach((score, index) => {
      totals[index] += score * weight;
    });
  }
  let best = 0;
  for (let index = 1; index < nodes.length; index++) {
    const difference = totals[index] - totals[best] || nodes[best].pods.length - nodes[index].pods.length;
    if (difference > 0) best = index;
  }
  return nodes[best];
}
