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
import { oneVersionEach } from "./served-resource.ts";

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
      const served = oneVersionEach(options.namespacedResources());
      const isPods = ({ group, resource }: GroupVersionResource) => group === "" && resource === "pods";
      // What pods use stays until the last of them has said goodbye (`OrderedNamespaceDeletion`).
      const pods = await emptyAll(served.filter(isPods), name);
      const remaining =
        pods.length > 0
          ? pods
          : await emptyAll(
              served.filter((each) => !isPods(each)),
              name,
            );
      if (remaining.length === 0) {
        await finalize(namespace);
        return undefined;
      }
      const now = kubernetesTime(context.clock.now());
      // As upstream, which tells what is left when the pods have gone.
      const told = pods.length > 0 ? [] : remaining;
      const conditions = deletionConditions(namespace.status?.conditions ?? [], told, now);
      await writeStatus(api, RESOURCES.namespaces, namespace, { ...namespace.status, conditions });
      return RECHECK_MS;
    },
  });
  controller.watch(RESOURCES.namespaces);

  async function emptyAll(resources: GroupVersionResource[], namespace: string): Promise<RemainingContent[]> {
    const remaining: RemainingContent[] = [];
    for (const resource of resources) {
      const objects = await empty(resource, namespace);
      if (objects.length > 0) remaining.push({ resource, objects });
    }
    return remaining;
  }

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
