/** What the scheduler knows of a node while it decides: its pods and what they ask for (upstream `framework/types.go`). */
import { parseQuantity } from "../../model/quantity.ts";
import type { Container, Node, Pod, Resources } from "../types.ts";

/** By resource name: cores, bytes, pieces of an extended resource. */
export interface Requests {
  cpu: number;
  memory: number;
  [resource: string]: number;
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
    info.requested = plus(info.requested, podRequests(pod));
  }
  return [...infos.values()].sort((a, b) => (a.node.metadata.name < b.node.metadata.name ? -1 : 1));
}

/**
 * What a pod asks for: its containers and sidecars together, or the largest init container (with the sidecars before
 * it) when that is more; what the pod asks for as a whole stands in place of that (`PodRequests`).
 */
export function podRequests(pod: Pod, defaults: Requests = NOTHING): Requests {
  const of = ({ resources }: Container): Requests => ({ ...defaults, ...requestsOf(resources) });
  let running = NOTHING;
  for (const container of pod.spec.containers) running = plus(running, of(container));
  let sidecars = NOTHING;
  let starting = NOTHING;
  for (const container of pod.spec.initContainers ?? []) {
    const requests = plus(sidecars, of(container));
    if (container.restartPolicy === "Always") sidecars = requests;
    starting = merge(starting, requests, Math.max);
  }
  const needed = merge(plus(running, sidecars), starting, Math.max);
  const whole = requestsOf(pod.spec.resources);
  const overhead = requestsOf({ requests: pod.spec.overhead });
  return plus({ ...needed, ...whole }, { ...NOTHING, ...overhead });
}

const NOTHING: Requests = { cpu: 0, memory: 0 };

/** A request that is not set is the limit, where there is one. */
function requestsOf(resources: Resources | undefined): Record<string, number> {
  const quantities = Object.entries({ ...resources?.limits, ...resources?.requests });
  return Object.fromEntries(quantities.map(([name, quantity]) => [name, parseQuantity(String(quantity))]));
}

function plus(a: Requests, b: Requests): Requests {
  return merge(a, b, (one, other) => one + other);
}

function merge(a: Requests, b: Requests, join: (one: number, other: number) => number): Requests {
  const merged: Requests = { ...a };
  for (const [name, amount] of Object.entries(b)) merged[name] = join(a[name] ?? 0, amount);
  return merged;
}

export function allocatable(node: Node, resource: string): number {
  return parseQuantity(node.status?.allocatable?.[resource] ?? "0");
}
