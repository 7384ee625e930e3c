/** Steps of the ScaledObject's reconciler: what their failures and their events look like. */
import type { EventRecorder, EventType } from "../../wire/kubernetes/event-recorder.ts";
import type { ScaledObject } from "../scaled-object.ts";

/** A step failed: what Ready=False says, in front of the cause. */
export class ReconcileError extends Error {
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super((cause as Error).message);
    this.step = step;
  }
}

/** @throws ReconcileError with the name of the step */
export async function reconcileStep<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ReconcileError(name, error);
  }
}

/** Upstream puts the message into the action here, and only here. */
export function recordReconcile(
  events: EventRecorder,
  object: ScaledObject,
  type: EventType,
  reason: string,
  message: string,
): void {
  events.record(object, type, reason, message, { action: message });
}
