/** What the scoring plugins of the scheduler have in common. */
import type { Situation } from "./filters.ts";
import type { NodeInfo } from "./node-info.ts";

/**
 * What a plugin finds of each node, in the order of the nodes: a whole number from 0 to `MAX_NODE_SCORE`, higher is
 * better. Undefined when the plugin has nothing to say of this pod.
 */
export type Scorer = (situation: Situation, nodes: NodeInfo[]) => number[] | undefined;

export const MAX_NODE_SCORE = 100;
