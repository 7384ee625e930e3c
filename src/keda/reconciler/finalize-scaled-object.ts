/** The end of a ScaledObject (keda `controllers/keda/scaledobject_finalizer.go`). */
import type { Logger } from "../../base/log.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { setTargetReplicas } from "../scale-target.ts";
import { FINALIZER, SCALED_OBJECTS, type ScaledObject } from "../scaled-object.ts";
import { recordReconcile } from "./reconcile-step.ts";
import { listInAuthentications } from "./trigger-authentication-reconciler.ts";

interface FinalizeWorld {
  api: KubernetesApi;
  events: EventRecorder;
}

/** Does what is left to do before the object goes, and takes the finalizer away. */
export async function finalizeScaledObject(
  { api, events }: FinalizeWorld,
  object: ScaledObject,
  log: Logger,
  { stopLoop, onGone }: { stopLoop: () => void; onGone: () => void },
): Promise<void> {
  const { finalizers = [], namespace, name } = object.metadata;
  if (finalizers.includes(FINALIZER)) {
    stopLoop();
    if (object.spec.advanced?.restoreToOriginalReplicaCount) await restoreReplicas(api, object, log);
    const rest = finalizers.filter((finalizer) => finalizer !== FINALIZER);
    const patch = { type: "merge" as const, body: { metadata: { finalizers: rest } } };
    await api.patch(SCALED_OBJECTS, { namespace, name }, patch);
    await listInAuthentications(api, object, false, log);
    onGone();
  }
  log.info("Successfully finalized ScaledObject");
  recordReconcile(events, object, "Warning", "ScaledObjectDeleted", "ScaledObject was deleted");
}

async function restoreReplicas(api: KubernetesApi, object: ScaledObject, log: Logger): Promise<void> {
  const { scaleTargetGVKR: target, originalReplicaCount: replicas } = object.status ?? {};
  if (target === undefined || replicas === undefined) return;
  try {
    await setTargetReplicas(api, object, target, replicas);
    log.info("Successfully restored scaleTarget's replica count back to the original", {
      replicaCount: replicas,
    });
  } catch (error) {
    log.error("Failed to restore scaleTarget's replica count back to the original", {
      finalizer: FINALIZER,
      error,
    });
  }
}
