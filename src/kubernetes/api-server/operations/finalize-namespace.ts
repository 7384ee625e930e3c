/** `namespaces/finalize`: the namespace controller says that a namespace is empty. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { conflict } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { commit, existingObject, type UpdateOptions } from "./update.ts";

export function finalizeNamespace(
  context: ApiContext,
  info: ResourceInfo,
  input: KubernetesObject,
  options: UpdateOptions = {},
): KubernetesObject {
  const { name, resourceVersion } = input.metadata;
  const previous = existingObject(context, info, undefined, name);
  if (resourceVersion && resourceVersion !== previous.metadata.resourceVersion) throw conflict(info, name);
  const namespace = structuredClone(previous);
  namespace.spec = { ...namespace.spec, finalizers: [...(input.spec?.finalizers ?? [])] };
  if (namespace.spec.finalizers.length === 0) delete namespace.spec.finalizers;
  return commit(context, info, namespace, previous, options);
}
