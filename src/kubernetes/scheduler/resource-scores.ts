/** Nodes with most room, and with the parts of it in balance (kube-scheduler 1.35 `plugins/noderesources`). */
import { allocatable, type NodeInfo, podRequests, type Requests } from "./node-info.ts";
import { MAX_NODE_SCORE, type Scorer } from "./scorer.ts";

/** Containers without requests count as this much, so that they spread too (`DefaultMilliCPURequest`, …). */
const DEFAULT_REQUESTS: Requests = { cpu: 100, memory: 200 * 1024 * 1024 };

const RESOURCES = ["cpu", "memory"] as const;

/** `requested` of `most`, by resource; resources that the node does not have are left out. */
type Use = { requested: number; most: number }[];

export const leastAllocated: Scorer = ({ pod }, nodes) => {
  const own = podRequests(pod, { defaults: DEFAULT_REQUESTS, useStatus: true });
  return nodes.map((info) => {
    const others = info.pods.map((other) =>
      podRequests(other, { defaults: DEFAULT_REQUESTS, useStatus: true }),
    );
    const requested = (name: "cpu" | "memory") => others.reduce((sum, each) => sum + each[name], own[name]);
    const use = useOf(info, requested);
    if (use.length === 0) return 0;
    const free = use.map(({ requested: amount, most }) =>
      amount > most ? 0 : Math.floor(((most - amount) * MAX_NODE_SCORE) / most),
    );
    return Math.floor(free.reduce((sum, each) => sum + each, 0) / use.length);
  });
};

/** A pod that asks for nothing has no say: all such pods would go to the same node. */
export const balancedAllocation: Scorer = ({ pod }, nodes) => {
  const own = podRequests(pod, { useStatus: true });
  if (RESOURCES.every((name) => own[name] === 0)) return undefined;
  return nodes.map((info) => {
    const use = useOf(info, (name) => info.requested[name] + own[name]);
    const shares = use.map(({ requested, most }) => Math.min(1, requested / most));
    const deviation = shares.length === 2 ? Math.abs((shares[0] - shares[1]) / 2) : 0;
    return Math.trunc((1 - deviation) * MAX_NODE_SCORE);
  });
};

function useOf(info: NodeInfo, requested: (name: "cpu" | "memory") => number): Use {
  return RESOURCES.map((name) => ({ requested: requested(name), most: allocatable(info.node, name) })).filter(
    ({ most }) => most > 0,
  );
}
