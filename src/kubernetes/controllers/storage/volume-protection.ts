/** Claims in use and volumes that are bound go when nothing holds them (upstream `pvcprotection`, `pvprotection`). */
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../types.ts";
import { type ControllerContext, getIfExists, splitKey, startController } from "../controller.ts";
import { foreignClaim, podClaims } from "./pod-claims.ts";

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
    podClaims(pod).map(({ name }) => `${pod.metadata.namespace}/${name}`),
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

/** By pods that have a node, also those that have ended: no other would be let start with a claim that goes. */
async function isInUse({ api }: ControllerContext, claim: PersistentVolumeClaim): Promise<boolean> {
  const { namespace, name: of } = claim.metadata;
  const { items } = await api.list<Pod>(RESOURCES.pods, { namespace });
  return items.some(
    (pod) =>
      pod.spec.nodeName &&
      podClaims(pod).some(
        ({ name, isEphemeral }) => name === of && !(isEphemeral && !holdsEphemeral(pod, claim)),
      ),
  );
}

/** One that only waits for its finalizers lets its own claims go, or they would wait for each other. */
const holdsEphemeral = (pod: Pod, claim: PersistentVolumeClaim): boolean =>
  foreignClaim(pod, claim) === undefined && pod.metadata.deletionGracePeriodSeconds !== 0;

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
