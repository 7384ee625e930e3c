/**
 * Room for a pod by ending less important ones (kube-scheduler 1.35 `framework/preemption`, `plugins/defaultpreemption`).
 * All nodes are tried, where upstream tries a sample of large clusters.
 */
import { matchesSelector, selectorOf } from "../../model/label-selector.ts";
import type { PodDisruptionBudget } from "../controllers/policy/pod-disruption-budget.ts";
import type { Node, Pod } from "../types.ts";
import { type Refusal, refusal, type Situation } from "./filters.ts";
import { fitText } from "./fit-text.ts";
import { createNodeInfos, type NodeInfo } from "./node-info.ts";

export interface Preemption {
  node: Node;
  /** The most important first. */
  victims: Pod[];
  /** How many of them a PodDisruptionBudget would rather keep. */
  violations: number;
}

const NO_VICTIMS: Refusal = {
  reasons: ["No preemption victims found for incoming pod"],
  unresolvable: true,
};

const priorityOf = (pod: Pod): number => pod.spec.priority ?? 0;
/** What has not started is the youngest. */
const startOf = (pod: Pod): number => Date.parse(pod.status?.startTime ?? "") || Number.MAX_SAFE_INTEGER;
/** The most important first: by priority, then by age. */
const byImportance = (a: Pod, b: Pod): number => priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b);

/**
 * Where fewest and least important pods would have to go, and budgets are kept if they can be.
 *
 * @returns the text that tells why not, when there is no such place; undefined while those who had to go are going
 */
export function findPreemption(
  situation: Situation,
  refusals: (Refusal | undefined)[],
  budgets: PodDisruptionBudget[] = [],
): Preemption | string | undefined {
  const { pod, nodes } = situation;
  if (pod.spec.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  if (isWaitingForVictims(situation, refusals)) return undefined;
  const candidates: Preemption[] = [];
  const failures: Refusal[] = [];
  nodes.forEach((info, index) => {
    if (refusals[index]?.unresolvable !== false) return;
    const found = victimsOn(situation, info, budgets);
    if ("victims" in found) candidates.push({ node: info.node, ...found });
    else failures.push(found);
  });
  if (candidates.length > 0) return candidates.sort(compareCandidates)[0];
  const hopeless = { reasons: ["Preemption is not helpful for scheduling"], unresolvable: true };
  while (failures.length < nodes.length) failures.push(hopeless);
  return fitText(nodes.length, failures);
}

/** Whether pods that had to go for this one are still on their way out: their room is as good as free. */
function isWaitingForVictims({ pod, nodes }: Situation, refusals: (Refusal | undefined)[]): boolean {
  const index = nodes.findIndex(({ node }) => node.metadata.name === pod.status?.nominatedNodeName);
  if (index === -1 || refusals[index]?.unresolvable) return false;
  return nodes[index].pods.some(
    (other) =>
      priorityOf(other) < priorityOf(pod) &&
      other.metadata.deletionTimestamp !== undefined &&
      other.status?.conditions?.some(
        ({ type, status, reason }) =>
          type === "DisruptionTarget" && status === "True" && reason === "PreemptionByScheduler",
      ),
  );
}

/** The pods of less priority without which the pod has room, as few of them as possible, or why there are none. */
function victimsOn(
  situation: Situation,
  info: NodeInfo,
  budgets: PodDisruptionBudget[],
): Omit<Preemption, "node"> | Refusal {
  const lower = info.pods.filter((other) => priorityOf(other) < priorityOf(situation.pod)).sort(byImportance);
  if (lower.length === 0) return NO_VICTIMS;
  let left = info.pods.filter((other) => !lower.includes(other));
  const problem = refusalWith(situation, info, left);
  if (problem !== undefined) return problem;
  const victims: Pod[] = [];
  let violations = 0;
  const guarded = guardedByBudgets(lower, budgets);
  // Those that budgets guard are spared first.
  for (const other of [...guarded, ...lower.filter((each) => !guarded.includes(each))]) {
    if (refusalWith(situation, info, [...left, other]) === undefined) left = [...left, other];
    else {
      victims.push(other);
      if (guarded.includes(other)) violations++;
    }
  }
  return { victims: victims.sort(byImportance), violations };
}

/** Those of the pods that some budget would not let go, if all of them went in this order. */
function guardedByBudgets(pods: Pod[], budgets: PodDisruptionBudget[]): Pod[] {
  const left = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  return pods.filter((pod) => {
    let isGuarded = false;
    for (const budget of budgets) {
      const selector = selectorOf(budget.spec.selector) ?? [];
      if (budget.metadata.namespace !== pod.metadata.namespace || selector.length === 0) continue;
      if (!pod.metadata.labels || !matchesSelector(selector, pod.metadata.labels)) continue;
      // An eviction has taken it from the budget already.
      if (budget.status?.disruptedPods?.[pod.metadata.name] !== undefined) continue;
      left.set(budget, left.get(budget)! - 1);
      isGuarded ||= left.get(budget)! < 0;
    }
    return isGuarded;
  });
}

/** Why the pod could not be on the node if only `pods` were there. */
function refusalWith(situation: Situation, { node }: NodeInfo, pods: Pod[]): Refusal | undefined {
  const [info] = createNodeInfos([node], pods);
  const nodes = situation.nodes.map((other) => (other.node === node ? info : other));
  return refusal({ ...situation, nodes }, info);
}

/** Kept budgets, then least important victims, then least of importance in all, then fewest, then youngest. */
function compareCandidates(a: Preemption, b: Preemption): number {
  const most = ({ victims }: Preemption) => Math.max(...victims.map(priorityOf));
  // Priorities may be negative: each is moved up, so that fewer victims never weigh more.
  const sum = ({ victims }: Preemption) =>
    victims.reduce((total, victim) => total + priorityOf(victim) + 2 ** 31, 0);
  const earliestStart = (candidate: Preemption) =>
    Math.min(...candidate.victims.filter((victim) => priorityOf(victim) === most(candidate)).map(startOf));
  return (
    a.violations - b.violations ||
    most(a) - most(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    earliestStart(b) - earliestStart(a)
  );
}
