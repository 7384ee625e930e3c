/** A namespace that is deleted is emptied first, then it goes (upstream `pkg/controller/namespace`). */
import type { GroupVersionResource } from "../../model/kubernetes-api.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { type ControllerContext, deleteIfExists, getIfExists, startController } from "./controller.ts";

/** How long to wait for pods to end before looking again, in milliseconds. */
const RECHECK_MS = 500;

export interface NamespaceControllerOptions {
  /** All namespaced resources that the API serves now, custom ones too. */
  namespacedResources: () => GroupVersionResource[];
}

export function startNamespaceController(
  context: ControllerContext,
  options: NamespaceControllerOptions,
): void {
  const { api } = context;
  const controller = startController({
    context,
    name: "namespace-controller",
    async reconcile(name) {
      const namespace = await getIfExists<KubernetesObject>(api, RESOURCES.namespaces, { name });
      if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
      let left = 0;
      for (const resource of options.namespacedResources()) left += await empty(resource, name);
      if (left > 0) return RECHECK_MS;
      await finalize(namespace);
      return undefined;
    },
  });
  controller.watch(RESOURCES.namespaces);

  /** Asks for the deletion of everything of a resource and answers how much was there. */
  async function empty(resource: GroupVersionResource, namespace: string): Promise<number> {
    const { items } = await api.list(resource, { namespace });
    for (const object of items) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      await deleteIfExists(api, resource, object, { propagationPolicy: "Background" });
    }
    return items.length;
  }

  async function finalize(namespace: KubernetesObject): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((name: string) => name !== "kubernetes");
    try {
      await api.replace(
        RESOURCES.namespaces,
        { ...namespace, spec: { ...namespace.spec, finalizers } },
        { subresource: "finalize" },
      );
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}
