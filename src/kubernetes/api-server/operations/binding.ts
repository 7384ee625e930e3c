/** `pods/binding`: the scheduler's decision. */
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { conflict, statusError } from "../../../model/kubernetes-status.ts";
import { takeTopologyLabels } from "../admission/pod-topology.ts";
import type { ApiContext } from "../api-context.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { commit, existingObject, type UpdateOptions } from "./update.ts";

export interface Binding extends KubernetesObject {
  target: { kind?: string; name: string };
}

export function bindPod(
  context: ApiContext,
  info: ResourceInfo,
  binding: Binding,
  options: UpdateOptions = {},
): KubernetesObject {
  const { namespace, name } = binding.metadata;
  if (!binding.target?.name) throw statusError("BadRequest", "target.name: Required value");
  const previous = existingObject(context, info, namespace, name);
  const problem = previous.metadata.deletionTimestamp
    ? `pod ${name} is being deleted, cannot be assigned to a host`
    : previous.spec?.nodeName
      ? `pod ${name} is already assigned to node ${JSON.stringify(previous.spec.nodeName)}`
      : undefined;
  if (problem !== undefined) throw conflict({ group: "", resource: "pods/binding" }, name, problem);
  const pod = structuredClone(previous);
  pod.spec.nodeName = binding.target.name;
  const others = (pod.status?.conditions ?? []).filter(
    (each: { type: string }) => each.type !== "PodScheduled",
  );
  const scheduled = {
    type: "PodScheduled",
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: kubernetesTime(context.clock.now()),
  };
  pod.status = { ...pod.status, conditions: [...others, scheduled] };
  for (const field of ["labels", "annotations"] as const) {
    const added = binding.metadata[field];
    if (added !== undefined) pod.metadata[field] = { ...pod.metadata[field], ...added };
  }
  // The place that was found by ending others is the one now, or is not needed.
  delete pod.status.nominatedNodeName;
  takeTopologyLabels(context.store, pod);
  return commit(context, info, pod, previous, options);
}
