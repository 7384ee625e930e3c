/** What the scheduler knows of a node while it decides: its pods and what they ask for (upstream `framework/types.go`). */
import { scaledQuantity } from "../../model/quantity.ts";
import type { Container, Node, Pod } from "../types.ts";

/** By resource name: thousandths of a CPU, bytes, pieces of an extended resource. */
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
    info.requested = plus(info.requested, podRequests(pod, { useStatus: true }));
  }
  return [...infos.values()].sort((a, b) => (a.node.metadata.name < b.node.metadata.name ? -1 : 1));
}

export interface RequestOptions {
  /** What a container that does not say counts as. @default nothing */
  defaults?: Requests;
  /** Also what the kubelet has given, which may be more than what is asked for now. @default false */
  useStatus?: boolean;
}

/**
 * What a pod asks for: its containers and sidecars together, or the largest init container (with the sidecars before
 * it) when that is more; what the pod asks for as a whole stands in place of that (`PodRequests`).
 */
export function podRequests(
  pod: Pod,
  { defaults = NOTHING, useStatus = false }: RequestOptions = {},
): Requests {
  const { containerStatuses = [], initContainerStatuses = [], conditions = [] } = pod.status ?? {};
  const statuses = useStatus ? [...containerStatuses, ...initContainerStatuses] : [];
  const isInfeasible = conditions.some(
    ({ type, reason }) => type === "PodResizePending" && reason === "Infeasible",
  );
  const of = ({ name, resources }: Container): Requests => {
    const status = statuses.find((each) => each.name === name);
    const given = merge(
      requestsOf(status?.resources?.requests),
      requestsOf(status?.allocatedResources),
      Math.max,
    );
    const asked = status !== undefined && isInfeasible ? {} : requestsOf(resources?.requests);
    return { ...defaults, ...merge(given, asked, Math.max) };
  };
  let running = NOTHING;
  for (const container of pod.spec.containers ?? []) running = plus(running, of(container));
  let sidecars = NOTHING;
  let starting = NOTHING;
  for (const container of pod.spec.initContainers ?? []) {
    const requests = plus(sidecars, of(container));
    if (container.restartPolicy === "Always") sidecars = requests;
    starting = { ...NOTHING, ...merge(starting, requests, Math.max) };
  }
  const needed = merge(plus(running, sidecars), starting, Math.max);
  const whole = requestsOf(pod.spec.resources?.requests);
  return plus({ ...NOTHING, ...needed, ...whole }, { ...NOTHING, ...requestsOf(pod.spec.overhead) });
}

const NOTHING: Requests = { cpu: 0, memory: 0 };

function requestsOf(quantities: Record<string, string | number> = {}): Record<string, number> {
  return Object.fromEntries(
    Object.entries(quantities).map(([name, quantity]) => [name, amountOf(name, quantity)]),
  );
}

/** Thousandths of a CPU, whole pieces of everything else. */
function amountOf(resource: string, quantity: string | number): number {
  return scaledQuantity(quantity, resource === "cpu" ? 3 : 0);
}

function plus(a: Requests, b: Requests): Requests {
  return { ...NOTHING, ...merge(a, b, (one, other) => one + other) };
}

function merge(
  a: Record<string, number>,
  b: Record<string, number>,
  join: (one: number, other: number) => number,
): Record<string, number> {
  const merged = { ...a };
  for (const [name, amount] of Object.entries(b)) merged[name] = join(a[name] ?? 0, amount);
  return merged;
}

export function allocatable(node: Node, resource: string): number {
  return amountOf(resource, node.status?.allocatable?.[resource] ?? "0");
}
