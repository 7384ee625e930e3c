/** A namespace that is deleted is emptied first, then it goes (upstream `pkg/controller/namespace`). */
import type { GroupVersionResource } from "../../../model/kubernetes-api.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import {
  type ControllerContext,
  deleteIfExists,
  getIfExists,
  startController,
  writeStatus,
} from "../controller.ts";
import { deletionConditions, type RemainingContent } from "./namespace-conditions.ts";

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
      const remaining: RemainingContent[] = [];
      const seen = new Set<string>();
      for (const resource of options.namespacedResources()) {
        // A kind may be served in several versions.
        const kind = `${resource.group}/${resource.resource}`;
        if (seen.has(kind)) continue;
        seen.add(kind);
        const objects = await empty(resource, name);
        if (objects.length > 0) remaining.push({ resource, objects });
      }
      if (remaining.length === 0) {
        await finalize(namespace);
        return undefined;
      }
      const now = kubernetesTime(context.clock.now());
      const conditions = deletionConditions(namespace.status?.conditions ?? [], remaining, now);
      await writeStatus(api, RESOURCES.namespaces, namespace, { ...namespace.status, conditions });
      return RECHECK_MS;
    },
  });
  controller.watch(RESOURCES.namespaces);

  /** Asks for the deletion of everything of a resource and answers what is still there then. */
  async function empty(resource: GroupVersionResource, namespace: string): Promise<KubernetesObject[]> {
    const { items } = await api.list(resource, { namespace });
    for (const object of items) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      await deleteIfExists(api, resource, object, { propagationPolicy: "Background" });
    }
    return items.length === 0 ? [] : (await api.list(resource, { namespace })).items;
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
