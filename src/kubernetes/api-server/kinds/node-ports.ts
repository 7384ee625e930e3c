/** Ports of the nodes that Services of type NodePort and LoadBalancer get (`--service-node-port-range`). */
import { randomInteger } from "../../../base/random.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { invalidValue } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import type { StrategyContext } from "./kind-strategy.ts";

export const FIRST_NODE_PORT = 30_000;
export const LAST_NODE_PORT = 32_767;

interface Port {
  name?: string;
  port: number;
  protocol?: string;
  nodePort?: number;
}

/** Gives every port that has none a free one, by chance: a Service that is made again has other ones. */
export function assignNodePorts(service: KubernetesObject, { store, random }: StrategyContext): void {
  const { spec } = service;
  if (!hasNodePorts(service)) return;
  const open: Port[] = (spec.ports ?? []).filter(({ nodePort }: Port) => !nodePort);
  const taken = new Set<number>();
  for (const other of store.scan("/services")) {
    if (isSame(other, service)) continue;
    for (const { nodePort } of (other.spec?.ports ?? []) as Port[]) if (nodePort) taken.add(nodePort);
  }
  checkNodePorts(service, taken);
  for (const { nodePort } of (spec.ports ?? []) as Port[]) if (nodePort) taken.add(nodePort);
  const count = LAST_NODE_PORT - FIRST_NODE_PORT + 1;
  for (const port of open) {
    const start = randomInteger(random, count);
    for (let step = 0; step < count; step++) {
      const candidate = FIRST_NODE_PORT + ((start + step) % count);
      if (taken.has(candidate)) continue;
      port.nodePort = candidate;
      taken.add(candidate);
      break;
    }
  }
}

const isSame = (a: KubernetesObject, b: KubernetesObject): boolean =>
  a.metadata.namespace === b.metadata.namespace && a.metadata.name === b.metadata.name;

/** @throws KubernetesError 422 for a port that another Service has */
function checkNodePorts({ metadata, spec }: KubernetesObject, taken: ReadonlySet<number>): void {
  for (const [index, { nodePort }] of ((spec.ports ?? []) as Port[]).entries()) {
    if (!nodePort || !taken.has(nodePort)) continue;
    const path = `spec.ports[${index}].nodePort`;
    throw invalid({ kind: "Service", group: "" }, metadata.name, [
      invalidValue(path, nodePort, "provided port is already allocated"),
    ]);
  }
}

/** An update that leaves them out does not change them. */
export function keepNodePorts(service: KubernetesObject, previous: KubernetesObject): void {
  if (!hasNodePorts(service) || !hasNodePorts(previous)) return;
  const before = new Map(((previous.spec.ports ?? []) as Port[]).map((port) => [keyOf(port), port.nodePort]));
  for (const port of (service.spec.ports ?? []) as Port[]) port.nodePort ??= before.get(keyOf(port));
}

function keyOf({ port, protocol = "TCP" }: Port): string {
  return `${protocol}/${port}`;
}

function hasNodePorts({ spec }: KubernetesObject): boolean {
  if (spec?.type === "NodePort") return true;
  return spec?.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false;
}
