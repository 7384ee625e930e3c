/** Pausing a ScaledObject by its annotations (keda `controllers/keda/scaledobject_controller.go`). */
import type { Logger } from "../../base/log.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { getTargetScale, resolveTarget, setTargetReplicas } from "../scale-target.ts";
import {
  type Condition,
  conditionOf,
  hpaNameOf,
  pausedReplicas,
  type ScaledObject,
  withConditions,
} from "../scaled-object.ts";
import { changeStatus } from "../scaled-object-status.ts";
import { PAUSED } from "../scaling/scale-executor.ts";
import { deleteHpa } from "./ensure-hpa.ts";
import { reconcileStep, recordReconcile } from "./reconcile-step.ts";

interface PauseWorld {
  api: KubernetesApi;
  events: EventRecorder;
}

/** Stops the loop, removes the HPA, and sets the replicas that the annotation names. */
export async function pauseScaledObject(
  { api, events }: PauseWorld,
  object: ScaledObject,
  log: Logger,
  changes: Condition[],
  stopLoop: () => void,
): Promise<string> {
  const message = PAUSED.message!;
  if (conditionOf(object, "Paused")?.status !== "True") {
    log.info("Setting Paused condition before stopping scale loop");
    await changeStatus(api, object, (status) => ({
      ...status,
      conditions: withConditions(status.conditions, [PAUSED]),
    }));
    recordReconcile(events, object, "Normal", "ScaledObjectPaused", message);
  }
  stopLoop();
  await reconcileStep("failed to delete HPA for paused ScaledObject", () =>
    deleteHpa(api, object, object.status?.hpaName ?? hpaNameOf(object), log),
  );
  const replicas = await reconcileStep("failed to scale target to paused replica count", async () => {
    const count = readPausedReplicas(object);
    if (count === undefined) return undefined;
    const target = await resolveTarget(api, object);
    const current = (await getTargetScale(api, object, target)).spec.replicas;
    if (current !== count) {
      log.info("Scaling target to paused replica count", {
        currentReplicas: current,
        pausedReplicas: count,
      });
      await setTargetReplicas(api, object, target, count);
    }
    return count;
  });
  await changeStatus(api, object, (status) => ({ ...status, pausedReplicaCount: replicas }));
  changes.push(PAUSED);
  return message;
}

/** Says so, and forgets the replicas that the annotation named. */
export async function unpauseScaledObject(
  { api, events }: PauseWorld,
  object: ScaledObject,
  changes: Condition[],
): Promise<void> {
  const message = "pause annotation removed for ScaledObject";
  changes.push({ type: "Paused", status: "False", reason: "ScaledObjectUnpaused", message });
  recordReconcile(events, object, "Normal", "ScaledObjectUnpaused", message);
  await changeStatus(api, object, ({ pausedReplicaCount: _, ...status }) => status);
}

/** @throws Error with upstream's text */
function readPausedReplicas(object: ScaledObject): number | undefined {
  try {
    return pausedReplicas(object);
  } catch (error) {
    throw new Error(`failed to parse paused replica count: ${(error as Error).message}`);
  }
}
