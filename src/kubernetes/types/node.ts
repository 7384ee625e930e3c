/** Nodes. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { Condition } from "./condition.ts";

export interface Taint {
  key: string;
  value?: string;
  effect: string;
  timeAdded?: string;
}

export interface Node extends KubernetesObject {
  spec: {
    podCIDR?: string;
    providerID?: string;
    unschedulable?: boolean;
    taints?: Taint[];
  };
  status?: {
    capacity?: Record<string, string>;
    images?: { names?: string[]; sizeBytes?: number }[];
    allocatable?: Record<string, string>;
    conditions?: Condition[];
    addresses?: { type: string; address: string }[];
    nodeInfo?: Record<string, string>;
    daemonEndpoints?: unknown;
  };
}
