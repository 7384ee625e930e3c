/** What a namespace's objects use of its quotas, in the quotas' status (upstream `pkg/controller/resourcequota`). */
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { ResourceList } from "../../api-server/admission/pod-resources.ts";
import {
  isInQuota,
  matchingResources,
  type ResourceQuota,
  sumUsage,
  usageOf,
} from "../../quota/quota-usage.ts";
import {
  type ControllerContext,
  getIfExists,
  splitKey,
  startController,
  writeStatus,
} from "../controller.ts";
import { oneVersionEach } from "./served-resource.ts";

/** How often everything is counted again, in milliseconds: kinds that are not watched are seen then (upstream 5 min). */
const RESYNC_MS = 5_000;

export interface ResourceQuotaOptions {
  /** All namespaced resources that the API serves now, custom ones too. */
  namespacedResources: () => GroupVersionResource[];
}

export function startResourceQuotaController(
  context: ControllerContext,
  options: ResourceQuotaOptions,
): void {
  const { api, clock, informers } = context;
  const controller = startController({
    context,
    name: "resourcequota-controller",
    async reconcile(key) {
      const quota = await getIfExists<ResourceQuota>(api, RESOURCES.resourceQuotas, splitKey(key));
      if (quota === undefined) return undefined;
      const { hard = {} } = quota.spec;
      const usages: ResourceList[] = [];
      for (const resource of oneVersionEach(options.namespacedResources())) {
        if (matchingResources(resource, Object.keys(hard)).length === 0) continue;
        const { items } = await api.list(resource, { namespace: quota.metadata.namespace });
        for (const object of items) {
          if (isInQuota(resource, quota, object)) usages.push(usageOf(resource, object, clock.now()));
        }
      }
      await writeStatus(api, RESOURCES.resourceQuotas, quota, { hard, used: sumUsage(hard, usages) });
      return RESYNC_MS;
    },
  });
  controller.watch(RESOURCES.resourceQuotas);
  const quotas = informers.of<ResourceQuota>(RESOURCES.resourceQuotas);
  const quotasOf = ({ metadata }: KubernetesObject) =>
    [...quotas.objects.keys()].filter((key) => key.startsWith(`${metadata.namespace}/`));
  for (const resource of [RESOURCES.pods, RESOURCES.services, RESOURCES.persistentVolumeClaims])
    controller.watchMapped(resource, quotasOf);
}
