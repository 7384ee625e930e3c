/** Claims in use and volumes that are bound go when nothing holds them (upstream `pvcprotection`, `pvprotection`). */
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../types.ts";
import { type ControllerContext, getIfExists, splitKey, startController } from "../controller.ts";

/** As the API server puts them on every claim and volume. */
const CLAIM_FINALIZER = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER = "kubernetes.io/pv-protection";

export function startVolumeProtectionControllers(context: ControllerContext): void {
  const { api } = context;
  const claims = startController({
    context,
    name: "pvc-protection-controller",
    async reconcile(key) {
      const claim = await getIfExists<PersistentVolumeClaim>(
        api,
        RESOURCES.persistentVolumeClaims,
        splitKey(key),
      );
      if (claim?.metadata.deletionTimestamp === undefined || (await isInUse(context, claim)))
        return undefined;
      await removeFinalizer(context, RESOURCES.persistentVolumeClaims, claim, CLAIM_FINALIZER);
      return undefined;
    },
  });
  claims.watch(RESOURCES.persistentVolumeClaims);
  claims.watchMapped<Pod>(RESOURCES.pods, (pod) =>
    (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
      claim === undefined ? [] : [`${pod.metadata.namespace}/${claim.claimName}`],
    ),
  );
  const volumes = startController({
    context,
    name: "pv-protection-controller",
    async reconcile(name) {
      const volume = await getIfExists<PersistentVolume>(api, RESOURCES.persistentVolumes, { name });
      if (volume?.metadata.deletionTimestamp === undefined || volume.status?.phase === "Bound")
        return undefined;
      await removeFinalizer(context, RESOURCES.persistentVolumes, volume, VOLUME_FINALIZER);
      return undefined;
    },
  });
  volumes.watch(RESOURCES.persistentVolumes);
}

async function isInUse({ api }: ControllerContext, { metadata }: PersistentVolumeClaim): Promise<boolean> {
  const { items } = await api.list<Pod>(RESOURCES.pods, { namespace: metadata.namespace });
  return items.some(
    ({ spec, status }) =>
      status?.phase !== "Succeeded" &&
      status?.phase !== "Failed" &&
      spec.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata.name),
  );
}

async function removeFinalizer(
  { api }: ControllerContext,
  resource: GroupVersionResource,
  { metadata }: KubernetesObject,
  finalizer: string,
): Promise<void> {
  const { namespace, name, finalizers = [] } = metadata;
  const left = finalizers.filter((each) => each !== finalizer);
  if (left.length === finalizers.length) return;
  const body = { metadata: { finalizers: left.length === 0 ? null : left } };
  await api.patch(resource, { namespace, name }, { type: "merge", body });
}
