/** What a kubelet tells of its node: that it has started and is well, and when pods are kept away or let in again. */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import type { Informers } from "../controllers/controller.ts";
import type { Node } from "../types.ts";

export interface NodeEventsOptions {
  /** kubelet's, and node-controller's. */
  kubelet: EventRecorder;
  controller: EventRecorder;
  informers: Informers;
  /** The nodes that have just started. */
  nodes: readonly string[];
}

const WELL = ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"];

export function recordNodeEvents({ kubelet, controller, informers, nodes }: NodeEventsOptions): void {
  const tell = (name: string, reason: string, message: string) =>
    kubelet.record(referenceTo(name), "Normal", reason, message, { host: name });
  const tellStatus = (name: string, status: string) =>
    tell(name, status, `Node ${name} status is now: ${status}`);
  for (const name of nodes) {
    tell(name, "Starting", "Starting kubelet.");
    for (const status of WELL) tellStatus(name, status);
    tell(name, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods");
    tellStatus(name, "NodeReady");
  }
  informers.onChange<Node>(RESOURCES.nodes, (node, previous) => {
    if (node === undefined || !nodes.includes(node.metadata.name)) return;
    const { name } = node.metadata;
    if (previous === undefined) {
      const message = `Node ${name} event: Registered Node ${name} in Controller`;
      controller.record(node, "Normal", "RegisteredNode", message);
      return;
    }
    const isCordoned = Boolean(node.spec?.unschedulable);
    if (isCordoned !== Boolean(previous.spec?.unschedulable))
      tellStatus(name, isCordoned ? "NodeNotSchedulable" : "NodeSchedulable");
  });
}

/** kubelet names its node without saying which one of that name. */
function referenceTo(name: string): KubernetesObject {
  return { apiVersion: "v1", kind: "Node", metadata: { name } };
}
