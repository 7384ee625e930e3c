/** Makes the claims of pods' `ephemeral` volumes, owned by the pod (Kubernetes 1.35 `pkg/controller/volume/ephemeral`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { PersistentVolumeClaim, Pod } from "../../types.ts";
import {
  type Controller,
  type ControllerContext,
  controllerReference,
  getIfExists,
  splitKey,
  startController,
} from "../controller.ts";
import { foreignClaim, podClaims } from "./pod-claims.ts";

export function startEphemeralVolumeController(context: ControllerContext): void {
  const { api, informers } = context;
  const pods = informers.of<Pod>(RESOURCES.pods);
  const controller: Controller = startController({
    context,
    name: "ephemeral_volume",
    async reconcile(key) {
      const pod = pods.objects.get(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
      for (const { volume, name, isEphemeral } of podClaims(pod)) {
        if (!isEphemeral) continue;
        const present = await getIfExists<PersistentVolumeClaim>(api, RESOURCES.persistentVolumeClaims, {
          ...splitKey(key),
          name,
        });
        const problem = present && foreignClaim(pod, present);
        if (problem !== undefined) {
          const message = `ephemeral volume ${volume.name}: ${problem}`;
          controller.events.record(pod, "Warning", "FailedBinding", message);
          throw new Error(message);
        }
        if (present !== undefined) continue;
        const { metadata, spec } = volume.ephemeral!.volumeClaimTemplate;
        await api.create<PersistentVolumeClaim>(RESOURCES.persistentVolumeClaims, {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: {
            name,
            namespace: pod.metadata.namespace,
            labels: metadata?.labels,
            annotations: metadata?.annotations,
            ownerReferences: [controllerReference(pod, "v1", "Pod")],
          },
          spec,
        });
      }
      return undefined;
    },
  });
  const hasOwn = (pod: Pod) => podClaims(pod).some(({ isEphemeral }) => isEphemeral);
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) =>
    hasOwn(pod) ? [`${pod.metadata.namespace}/${pod.metadata.name}`] : [],
  );
}
