/** What a discoverer has of the outside. */
import type { Resolver } from "../../base/resolver.ts";
import type { System } from "../../base/system.ts";
import type { DiscoveryMetrics } from "./discovery-metrics.ts";

export type DiscoverySystem = Pick<System, "clock" | "disk" | "network" | "env"> & {
  resolver?: Resolver;
  metrics: DiscoveryMetrics;
};
