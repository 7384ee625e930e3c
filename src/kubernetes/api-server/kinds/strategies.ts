/** Finds the strategy of a kind. */
import type { ResourceInfo } from "../resource-info.ts";
import type { KindStrategy } from "./kind-strategy.ts";

const PLAIN: KindStrategy = {};

const STRATEGIES: Record<string, KindStrategy> = {};

export function strategyOf(info: ResourceInfo): KindStrategy {
  return (info.isCustom ? undefined : STRATEGIES[info.collection]) ?? PLAIN;
}
