/** What the scheduler knows of a node while it decides: its pods and what they ask for (upstream `framework/types.go`). */
import { parseQuantity } from "../../model/quantity.ts";
import type { Container, Node, Pod } from "../types.ts";

export interface Requests {
  /** Cores. */
  cpu: number;
  /** Bytes. */
  memory: number;
}

export interface NodeInfo {
  node: Node;
  /** Bound to it and not over. */
  pods: Pod[];
  requested: Requests;
}

export function createNodeInfos(nodes: Iterable<Node>, pods: Iterable<Pod>): NodeInfo[] {
  const infos = new Map<string, NodeInfo>();
  for (const node of nodes)
    infos.set(node.metadata.name, { node, pods: [], requested: { cpu: 0, memory: 0 } });
  for (const pod of pods) {
    const info = infos.get(pod.spec.nodeName ?? "");
    if (info === undefined || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") continue;
    info.pods.push(pod);
    const requests = podRequests(pod);
    info.requested.cpu += requests.cpu;
    info.requested.memory += requests.memory;
  }
  return [...infos.values()].sort((a, b) => (a.node.metadata.name < b.node.metadata.name ? -1 : 1));
}

/**
 * What a pod asks for: its containers and sidecars together, or the largest init container (with the sidecars before
 * it) when that is more (`PodRequests`, with sidecar containers).
 */
export function podRequests(pod: Pod, defaults: Requests = { cpu: 0, memory: 0 }): Requests {
  const of = (container: Container): Requests => ({
    cpu: requestOf(container, "cpu") ?? defaults.cpu,
    memory: requestOf(container, "memory") ?? defaults.memory,
  });
  let running: Requests = { cpu: 0, memory: 0 };
  for (const container of pod.spec.containers) running = plus(running, of(container));
  let sidecars: Requests = { cpu: 0, memory: 0 };
  let starting: Requests = { cpu: 0, memory: 0 };
  for (const container of pod.spec.initContainers ?? []) {
    const requests = plus(sidecars, of(container));
    if (container.restartPolicy === "Always") sidecars = requests;
    starting = {
      cpu: Math.max(starting.cpu, requests.cpu),
      memory: Math.max(starting.memory, requests.memory),
    };
  }
  running = plus(running, sidecars);
  const { overhead = {} } = pod.spec;
  return {
    cpu: Math.max(running.cpu, starting.cpu) + parseQuantity(overhead.cpu ?? "0"),
    memory: Math.max(running.memory, starting.memory) + parseQuantity(overhead.memory ?? "0"),
  };
}

/** A request that is not set is the limit, where there is one. */
function requestOf({ resources }: Container, name: string): number | undefined {
  const quantity = resources?.requests?.[name] ?? resources?.limits?.[name];
  return quantity === undefined ? undefined : parseQuantity(quantity);
}

function plus(a: Requests, b: Requests): Requests {
  return { cpu: a.cpu + b.cpu, memory: a.memory + b.memory };
}

export function allocatable(node: Node, resource: string): number {
  return parseQuantity(node.status?.allocatable?.[resource] ?? "0");
}
