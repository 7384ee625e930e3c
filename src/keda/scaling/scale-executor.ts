/**
 * What a poll does to the scale target (keda `pkg/scaling/executor/scale_scaledobjects.go`): from zero or idle to the
 * minimum, back after the cooldown, and nothing in between, which is the HPA's.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import {
  type Condition,
  DEFAULT_COOLDOWN_SECONDS,
  isActivationForced,
  isPaused,
  isScaleInPaused,
  isScaleOutPaused,
  type ScaledObject,
} from "../scaled-object.ts";

/** The HPA of a ScaledObject, as far as its health goes. */
export interface ObservedHpa {
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

export interface ExecutorWorld {
  clock: Clock;
  log: Logger;
  events: EventRecorder;
  /** `spec.replicas` of the target. @throws when it can't be read */
  currentReplicas(object: ScaledObject): Promise<number>;
  /** Sets it through the scale subresource and answers what it was. @throws */
  setReplicas(object: ScaledObject, replicas: number): Promise<number>;
  /** Undefined when there is none or it can't be read. */
  hpa(object: ScaledObject): Promise<ObservedHpa | undefined>;
}

export interface Poll {
  active: boolean;
  failed: boolean;
  /** Metrics that are active. */
  activeTriggers: string[];
  /** Set when one push scaler, not a poll, asks. */
  pushedMetric?: string;
}

/** Changes of the ScaledObject's status. */
export interface ScaleResult {
  conditions: Condition[];
  lastActiveTime?: string;
  triggersActivity: Record<string, { isActive: boolean }>;
  error?: Error;
}

export const READY: Condition = {
  type: "Ready",
  status: "True",
  reason: "ScaledObjectReady",
  message: "ScaledObject is defined correctly and is ready for scaling",
};
export const PAUSED: Condition = {
  type: "Paused",
  status: "True",
  reason: "ScaledObjectPaused",
  message: "ScaledObject is paused",
};
const NOT_ACTIVE: Condition = {
  type: "Active",
  status: "False",
  reason: "ScalerNotActive",
  message: "Scaling is not performed because triggers are not active",
};

export async function requestScale(
  object: ScaledObject,
  poll: Poll,
  world: ExecutorWorld,
): Promise<ScaleResult> {
  const execution = new Execution(object, poll, world);
  await execution.run();
  return execution.result;
}

class Execution {
  readonly #object: ScaledObject;
  readonly #poll: Poll;
  readonly #world: ExecutorWorld;
  readonly #log: Logger;
  readonly result: ScaleResult;

  constructor(object: ScaledObject, poll: Poll, world: ExecutorWorld) {
    this.#object = object;
    this.#poll = poll;
    this.#world = world;
    this.#log = world.log.with({
      logger: "scaleexecutor",
      "scaledobject.Name": object.metadata.name,
      "scaledObject.Namespace": object.metadata.namespace,
      "scaleTarget.Name": object.spec.scaleTargetRef.name,
    });
    this.result = { conditions: [{ ...READY }], triggersActivity: activityOf(object, poll) };
  }

  async run(): Promise<void> {
    const { spec } = this.#object;
    let current: number;
    try {
      current = await this.#world.currentReplicas(this.#object);
    } catch (error) {
      const text = (error as Error).message;
      this.#log.error("Error getting current replicas count for ScaleTarget", { error });
      const message = `Error getting current replicas count for ScaleTarget: ${text}`;
      this.#set({ type: "Ready", status: "False", reason: "ErrorGettingCurrentReplicas", message });
      this.result.error = new Error(`error getting current replicas count for ScaleTarget: ${text}`);
      return;
    }
    if (isPaused(this.#object)) return this.#set(PAUSED);
    const min = spec.minReplicaCount ?? 0;
    const { idleReplicaCount: idle } = spec;
    if (this.#poll.active || isActivationForced(this.#object)) await this.#whenActive(current, min, idle);
    else await this.#whenInactive(current, min, idle);
    await this.#observeHpa();
  }

  async #whenActive(current: number, min: number, idle: number | undefined): Promise<void> {
    const forced = isActivationForced(this.#object);
    const message = forced
      ? "Scaling is performed because activation is being forced by annotation"
      : "Scaling is performed because triggers are active";
    this.#set({ type: "Active", status: "True", reason: "ScalerActive", message });
    if ((idle !== undefined && current < min) || current === 0) return this.#activate(current, min, forced);
    if (this.#poll.failed) {
      const partial = "Some triggers defined in ScaledObject are not working correctly";
      this.#set({ type: "Ready", status: "Unknown", reason: "PartialTriggerError", message: partial });
      this.#log.debug(partial);
      return;
    }
    this.result.lastActiveTime = kubernetesTime(this.#world.clock.now());
  }

  async #whenInactive(current: number, min: number, idle: number | undefined): Promise<void> {
    const { fallback } = this.#object.spec;
    const { failed } = this.#poll;
    this.#set(NOT_ACTIVE);
    if (failed && fallback !== undefined && fallback.replicas !== 0) {
      // At zero the HPA is off and could never go to the fallback's replicas.
      this.#log.debug("ScaleTarget will fallback to Fallback.Replicas after Fallback.FailureThreshold");
    } else if (failed && fallback === undefined) {
      const message = "Triggers defined in ScaledObject are not working correctly";
      this.#set({ type: "Ready", status: "False", reason: "TriggerError", message });
      this.#log.debug(message);
    } else if ((idle !== undefined && current > idle) || (current > 0 && min === 0))
      await this.#deactivate(current);
    else if (idle === undefined && current < min) await this.#raiseToMinimum(current, min);
    else this.#log.debug("ScaleTarget no change");
  }

  async #activate(current: number, min: number, forced: boolean): Promise<void> {
    if (isScaleOutPaused(this.#object)) {
      this.#log.info("Pause Scale Out annotation set on ScaledObject, no scaling out on active trigger");
      return;
    }
    const replicas = min > 0 ? min : 1;
    const target = this.#targetText();
    try {
      const previous = await this.#world.setReplicas(this.#object, replicas);
      this.#log.info("Successfully updated ScaleTarget", {
        "Original Replicas Count": previous,
        "New Replicas Count": replicas,
      });
      const cause = forced
        ? "caused by forced activation annotation"
        : `triggered by ${this.#poll.activeTriggers.join(";")}`;
      const message = `Scaled ${target} from ${previous} to ${replicas}, ${cause}`;
      this.#record("Normal", "KEDAScaleTargetActivated", message);
      this.result.lastActiveTime = kubernetesTime(this.#world.clock.now());
    } catch (error) {
      this.#log.error("failed to scale", { error });
      const message = `Failed to scale ${target} from ${current} to ${replicas}`;
      this.#record("Warning", "KEDAScaleTargetActivationFailed", message);
    }
  }

  async #deactivate(current: number): Promise<void> {
    if (isScaleInPaused(this.#object)) {
      this.#log.info("Pause Scale Down annotation set on ScaledObject, no scaling down on inactive trigger");
      return;
    }
    const { idleReplicaCount: idle, minReplicaCount: min = 0 } = this.#object.spec;
    if (!this.#hasCooledDown()) {
      const message = "Scaler cooling down because triggers are not active";
      this.#log.debug("ScaleTarget cooling down", { LastActiveTime: this.#object.status?.lastActiveTime });
      return this.#set({ type: "Active", status: "False", reason: "ScalerCooldown", message });
    }
    const replicas = idle ?? min;
    const target = this.#targetText();
    try {
      const previous = await this.#world.setReplicas(this.#object, replicas);
      const to = idle === undefined ? "minReplicaCount" : "idleReplicaCount";
      this.#log.info(`Successfully set ScaleTarget replicas count to ScaledObject ${to}`, {
        "Original Replicas Count": previous,
        "New Replicas Count": replicas,
      });
      const message = `Deactivated ${target} from ${previous} to ${replicas}`;
      this.#record("Normal", "KEDAScaleTargetDeactivated", message);
      this.#set(NOT_ACTIVE);
    } catch (error) {
      this.#log.error("failed to scale", { error });
      const message = `Failed to deactivate ${target} from ${current} to ${replicas}`;
      this.#record("Warning", "KEDAScaleTargetDeactivationFailed", message);
    }
  }

  /** After the last activity, or after the ScaledObject's creation when there was none yet. */
  #hasCooledDown(): boolean {
    const { spec, status, metadata } = this.#object;
    const { cooldownPeriod = DEFAULT_COOLDOWN_SECONDS, initialCooldownPeriod = 0 } = spec;
    const nowMs = this.#world.clock.now();
    if (status?.lastActiveTime !== undefined) {
      return Date.parse(status.lastActiveTime) + cooldownPeriod * 1000 < nowMs;
    }
    // Without a time of creation it is as old as can be.
    const createdMs = metadata.creationTimestamp === undefined ? 0 : Date.parse(metadata.creationTimestamp);
    return createdMs + initialCooldownPeriod * 1000 < nowMs;
  }

  async #raiseToMinimum(current: number, min: number): Promise<void> {
    try {
      await this.#world.setReplicas(this.#object, min);
      this.#log.info("Successfully set ScaleTarget replicas count to ScaledObject minReplicaCount", {
        "Original Replicas Count": current,
        "New Replicas Count": min,
      });
    } catch (error) {
      this.#log.error("failed to scale", { error });
    }
  }

  /** `HPAActive` mirrors the HPA; while that can't be seen it stays what it was. */
  async #observeHpa(): Promise<void> {
    const hpa = await this.#world.hpa(this.#object);
    const scaling = hpa?.status?.conditions?.find(({ type }) => type === "ScalingActive");
    if (scaling === undefined) return;
    const { status, reason, message = "" } = scaling;
    if (status === "True") {
      this.#set({
        type: "HPAActive",
        status: "True",
        reason: "HPAActive",
        message: "HPA is actively scaling",
      });
    } else if (reason === "ScalingDisabled") {
      this.#set({ type: "HPAActive", status: "True", reason, message });
    } else {
      this.#set({
        type: "HPAActive",
        status: "False",
        reason: reason || "HPAMetricsUnavailable",
        message: `HPA is not actively scaling: ${message}`,
      });
    }
  }

  #set(condition: Condition): void {
    const { conditions } = this.result;
    const index = conditions.findIndex(({ type }) => type === condition.type);
    if (index === -1) conditions.push({ ...condition });
    else conditions[index] = { ...condition };
  }

  #record(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#world.events.record(this.#object, type, reason, message);
  }

  #targetText(): string {
    const { status, metadata, spec } = this.#object;
    return `${status?.scaleTargetKind ?? ""} ${metadata.namespace}/${spec.scaleTargetRef.name}`;
  }
}

function activityOf(
  object: ScaledObject,
  { activeTriggers, pushedMetric }: Poll,
): ScaleResult["triggersActivity"] {
  const active = new Set(activeTriggers);
  const names = pushedMetric === undefined ? (object.status?.externalMetricNames ?? []) : [pushedMetric];
  const kept = pushedMetric === undefined ? {} : object.status?.triggersActivity;
  const entries = names.map((name): [string, { isActive: boolean }] => [
    name,
    { isActive: active.has(name) },
  ]);
  return { ...kept, ...Object.fromEntries(entries) };
}
