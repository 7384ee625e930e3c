/** What pods wish for as company, the ones that are there and the new one (kube-scheduler 1.35 `plugins/interpodaffinity`). */
import type { Pod } from "../types.ts";
import { MAX_NODE_SCORE, type Scorer } from "./scorer.ts";
import { matchesAffinityTerm, type NamespaceLabels, topologyOf } from "./selection.ts";

/** What a pod that is there and must have company weighs for one that would be it (`hardPodAffinityWeight`). */
const REQUIRED_WEIGHT = 1;

export const interPodAffinity: Scorer = ({ pod, nodes: all, namespaces }, nodes) => {
  /** By topology key and domain. */
  const weights = new Map<string, Map<string, number>>();
  for (const place of all) {
    for (const other of place.pods) {
      const wishes = [
        ...wishesOf(pod, other, namespaces),
        ...wishesOf(other, pod, namespaces, REQUIRED_WEIGHT),
      ];
      for (const { key, weight } of wishes) {
        const domain = topologyOf(place.node, key);
        if (domain === undefined) continue;
        const domains = weights.get(key) ?? new Map<string, number>();
        weights.set(key, domains.set(domain, (domains.get(domain) ?? 0) + weight));
      }
    }
  }
  if (weights.size === 0) return undefined;
  const sums = nodes.map(({ node }) =>
    [...weights].reduce((sum, [key, domains]) => sum + (domains.get(topologyOf(node, key) ?? "") ?? 0), 0),
  );
  const least = Math.min(...sums);
  const range = Math.max(...sums) - least;
  return sums.map((sum) => (range === 0 ? 0 : Math.trunc(MAX_NODE_SCORE * ((sum - least) / range))));
};

/** Which domains of `other` the preferences of `of` draw to, or away from when negative. */
function wishesOf(
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
