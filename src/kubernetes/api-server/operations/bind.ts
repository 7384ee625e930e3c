/** POST of `pods/binding`: the scheduler's decision. */
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { conflict, statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { existingObject } from "./update.ts";

type Binding = KubernetesObject & { target?: { kind?: string; name?: string } };

/** Gives a pod its node, once. */
export function bindPod(context: ApiContext, info: ResourceInfo, binding: Binding): KubernetesObject {
  const { name, namespace, uid } = binding.metadata;
  const node = binding.target?.name;
  if (!node)
    throw statusError("Invalid", `Binding ${JSON.stringify(name)} is invalid: target.name: Required value`);
  const previous = existingObject(context, info, namespace, name);
  if (uid !== undefined && uid !== previous.metadata.uid) {
    throw conflict(
      info,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
    );
  }
  if (previous.metadata.deletionTimestamp !== undefined) {
    throw conflict(info, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (previous.spec.nodeName) {
    throw conflict(
      info,
      name,
      `pod ${name} is already assigned to node ${JSON.stringify(previous.spec.nodeName)}`,
    );
  }
  const pod = structuredClone(previous);
  pod.spec.nodeName = node;
  const others = (pod.status?.conditions ?? []).filter(
    ({ type }: { type: string }) => type !== "PodScheduled",
  );
  const lastTransitionTime = kubernetesTime(context.clock.now());
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime };
  pod.status = { phase: "Pending", ...pod.status, conditions: [...others, scheduled] };
  return context.store.put(info.collection, storageKey(namespace, name), pod);
}
