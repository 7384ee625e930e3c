/** Adoption and release of what a selector matches (upstream `controller_ref_manager.go`). */
import type { GroupVersionResource } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { type LabelSelector, matchesSelector, selectorOf } from "../../model/label-selector.ts";
import { type ControllerContext, controllerReference } from "./controller.ts";

export interface Claimant {
  owner: KubernetesObject;
  apiVersion: string;
  kind: string;
  selector: LabelSelector;
  /** What adopted objects get and released ones lose. */
  finalizer?: string;
}

/** The objects that belong to the owner, after orphans that match were adopted and those that no longer do released. */
export async function claimObjects<T extends KubernetesObject>(
  context: ControllerContext,
  resource: GroupVersionResource,
  claimant: Claimant,
  canAdopt: (object: T) => boolean = () => true,
): Promise<T[]> {
  const { api } = context;
  const { owner, apiVersion, kind } = claimant;
  const selector = selectorOf(claimant.selector);
  const isGoing = owner.metadata.deletionTimestamp !== undefined;
  const { items } = await api.list<T>(resource, { namespace: owner.metadata.namespace });
  const mine: T[] = [];
  for (const object of items) {
    const relation = relationOf(object, owner.metadata.uid!);
    const matches = selector !== undefined && matchesSelector(selector, object.metadata.labels);
    if (relation === "owned" && (matches || isGoing)) mine.push(object);
    else if (relation === "owned") {
      const others = object.metadata.ownerReferences!.filter(({ uid }) => uid !== owner.metadata.uid);
      const finalizers = object.metadata.finalizers?.filter((each) => each !== claimant.finalizer);
      await patchOwners(context, resource, object, others, claimant.finalizer && finalizers);
    } else if (relation === "orphan" && matches && !isGoing && canAdopt(object)) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const references = [
        ...(object.metadata.ownerReferences ?? []),
        controllerReference(owner, apiVersion, kind),
      ];
      const finalizers = [...(object.metadata.finalizers ?? []), claimant.finalizer!];
      const adopted = await patchOwners(
        context,
        resource,
        object,
        references,
        claimant.finalizer && [...new Set(finalizers)],
      );
      if (adopted !== undefined) mine.push(adopted);
    }
  }
  return mine;
}

async function patchOwners<T extends KubernetesObject>(
  { api }: ControllerContext,
  resource: GroupVersionResource,
  object: T,
  ownerReferences: unknown[],
  finalizers: string[] | "" | undefined,
): Promise<T | undefined> {
  const { namespace, name, uid } = object.metadata;
  try {
    const body = {
      metadata: {
        uid,
        ownerReferences: ownerReferences.length === 0 ? null : ownerReferences,
        ...(finalizers ? { finalizers: finalizers.length === 0 ? null : finalizers } : {}),
      },
    };
    return await api.patch<T>(resource, { namespace, name }, { type: "merge", body });
  } catch (error) {
    if (isStatus(error, "NotFound", "Conflict", "Invalid")) return undefined;
    throw error;
  }
}

function relationOf(object: KubernetesObject, ownerUid: string): "owned" | "orphan" | "other" {
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller);
  if (owner === undefined) return "orphan";
  return owner.uid === ownerUid ? "owned" : "other";
}
