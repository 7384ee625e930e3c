/** Whether a ScaledObject's target is there and can be scaled (keda `controllers/keda/scaledobject_controller.go`). */
import type { Logger } from "../../base/log.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import {
  type GroupVersionKindResource,
  getTarget,
  getTargetScale,
  kindText,
  resolveTarget,
} from "../scale-target.ts";
import type { ScaledObject } from "../scaled-object.ts";
import { changeStatus } from "../scaled-object-status.ts";
import { recordReconcile } from "./reconcile-step.ts";

/**
 * Finds the target, and keeps in the status what it is and, once, how many replicas it had.
 *
 * @throws Error with upstream's text
 */
export async function checkScaleTarget(
  { api, events }: { api: KubernetesApi; events: EventRecorder },
  object: ScaledObject,
  log: Logger,
): Promise<GroupVersionKindResource> {
  const target = await resolveTarget(api, object).catch((error) => {
    const { apiVersion = "", kind = "" } = object.spec.scaleTargetRef;
    log.error("Failed to parse Group, Version, Kind, Resource", { apiVersion, kind, error });
    recordReconcile(events, object, "Warning", "ScaledObjectUpdateFailed", (error as Error).message);
    throw error;
  });
  const text = kindText(target);
  const { status } = object;
  if (status?.scaleTargetKind === text && status.originalReplicaCount !== undefined) return target;
  let replicas: number;
  try {
    replicas = (await getTargetScale(api, object, target)).spec.replicas ?? 0;
  } catch (error) {
    const exists = await getTarget(api, object, target).catch(() => undefined);
    const message =
      exists === undefined
        ? "Target resource doesn't exist"
        : "Target resource doesn't expose /scale subresource";
    log.error(message, { resource: text, name: object.spec.scaleTargetRef.name, error });
    recordReconcile(events, object, "Warning", "ScaledObjectCheckFailed", message);
    throw error;
  }
  await changeStatus(api, object, (current) => ({
    ...current,
    scaleTargetKind: text,
    scaleTargetGVKR: target,
    originalReplicaCount: current.originalReplicaCount ?? replicas,
  }));
  log.info("Detected resource targeted for scaling", {
    resource: text,
    name: object.spec.scaleTargetRef.name,
  });
  return target;
}
