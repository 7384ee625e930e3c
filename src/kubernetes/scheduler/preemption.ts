/**
 * Room for a pod by ending less important ones (kube-scheduler 1.35 `framework/preemption`, `plugins/defaultpreemption`).
 * All nodes are tried, where upstream tries a sample; PodDisruptionBudgets are not looked at.
 */
import type { Node, Pod } from "../types.ts";
import { type Refusal, refusal, type Situation } from "./filters.ts";
import { createNodeInfos, type NodeInfo } from "./node-info.ts";

export interface Preemption {
  node: Node;
  victims: Pod[];
}

const priorityOf = (pod: Pod): number => pod.spec.priority ?? 0;
const startOf = (pod: Pod): number =>
  Date.parse(pod.status?.startTime ?? pod.metadata.creationTimestamp ?? "") || 0;
/** The most important first: by priority, then by age. */
const byImportance = (a: Pod, b: Pod): number => priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b);

/** Where fewest and least important pods would have to go; undefined when that helps nowhere. */
export function findPreemption(
  situation: Situation,
  refusals: (Refusal | undefined)[],
): Preemption | undefined {
  const { pod, nodes } = situation;
  if (pod.spec.preemptionPolicy === "Never") return undefined;
  const candidates = nodes.flatMap((info, index) => {
    if (refusals[index]?.unresolvable !== false) return [];
    const victims = victimsOn(situation, info);
    return victims === undefined ? [] : [{ node: info.node, victims }];
  });
  return candidates.sort(compareCandidates)[0];
}

/** The pods of less priority without which the pod has room, as few of them as possible. */
function victimsOn(situation: Situation, info: NodeInfo): Pod[] | undefined {
  const lower = info.pods.filter((other) => priorityOf(other) < priorityOf(situation.pod));
  if (lower.length === 0) return undefined;
  let left = info.pods.filter((other) => !lower.includes(other));
  if (!fits(situation, info, left)) return undefined;
  const victims: Pod[] = [];
  for (const other of lower.sort(byImportance)) {
    if (fits(situation, info, [...left, other])) left = [...left, other];
    else victims.push(other);
  }
  return victims;
}

/** Whether the pod could be on the node if only `pods` were. */
function fits(situation: Situation, { node }: NodeInfo, pods: Pod[]): boolean {
  const [info] = createNodeInfos([node], pods);
  const nodes = situation.nodes.map((other) => (other.node === node ? info : other));
  return refusal({ ...situation, nodes }, info) === undefined;
}

/** Least important victims, then least of importance in all, then fewest, then youngest. */
function compareCandidates(a: Preemption, b: Preemption): number {
  const most = ({ victims }: Preemption) => Math.max(...victims.map(priorityOf));
  // Priorities may be negative: each is moved up, so that fewer victims never weigh more.
  const sum = ({ victims }: Preemption) =>
    victims.reduce((total, victim) => total + priorityOf(victim) + 2 ** 31, 0);
  const earliestStart = ({ victims }: Preemption) =>
    Math.min(
      ...victims.filter((victim) => priorityOf(victim) === most({ victims } as Preemption)).map(startOf),
    );
  return (
    most(a) - most(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    earliestStart(b) - earliestStart(a)
  );
}
