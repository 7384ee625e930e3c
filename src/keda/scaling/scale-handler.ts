/**
 * The scale loops (keda `pkg/scaling/scale_handler.go`): each ScaledObject is polled at once and then every
 * `pollingInterval`; push scalers wake it in between.
 */
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { getTargetScale, resolveTarget, setTargetReplicas } from "../scale-target.ts";
import {
  conditionOf,
  DEFAULT_POLLING_INTERVAL_SECONDS,
  keyOf,
  type ScaledObject,
  withConditions,
} from "../scaled-object.ts";
import { changeStatus } from "../scaled-object-status.ts";
import type { HpaMetricSpec } from "../scalers/scaler.ts";
import { type ExecutorWorld, type ObservedHpa, type Poll, requestScale } from "./scale-executor.ts";
import {
  type ScaledObjectState,
  ScaledObjectTriggers,
  type ScaledObjectTriggersWorld,
} from "./scaled-object-triggers.ts";
import type { ScalersCache } from "./scalers-cache.ts";
import { mergedActivity } from "./triggers-activity.ts";

export interface ScaleHandlerOptions extends ScaledObjectTriggersWorld {
  /** A push scaler's metrics have changed: the HPA has to be made anew. */
  onSpecsChanged(key: string): void;
}

interface Loop {
  stop: AbortController;
  /** One scaling of an object at a time. */
  turn: Promise<void>;
}

export class ScaleHandler {
  readonly #options: ScaleHandlerOptions;
  readonly #loops = new Map<string, Loop>();
  /** What the HPA asks, and what the loops do. */
  readonly triggers: ScaledObjectTriggers;

  constructor(options: ScaleHandlerOptions) {
    this.#options = options;
    this.triggers = new ScaledObjectTriggers(options);
  }

  /** Starts the loop of an object, in place of the one that it had. */
  handle(object: ScaledObject): void {
    const key = keyOf(object);
    const running = this.#loops.get(key);
    if (running === undefined) {
      const watch = { action: "ScalersWatchStarted" };
      this.#options.events.record(object, "Normal", "KEDAScalersStarted", "Started scalers watch", watch);
    }
    running?.stop.abort();
    this.triggers.forgetReadings(key);
    const loop = { stop: new AbortController(), turn: running?.turn ?? Promise.resolve() };
    this.#loops.set(key, loop);
    void this.#poll(object, loop);
    void this.#listen(object, loop);
  }

  /** Ends the loop of an object. */
  remove(object: ScaledObject): void {
    const key = keyOf(object);
    const loop = this.#loops.get(key);
    if (loop === undefined) return;
    loop.stop.abort();
    this.#loops.delete(key);
    this.triggers.forget(key);
    this.#options.events.record(object, "Normal", "KEDAScalersStopped", "Stopped scalers watch");
  }

  close(): void {
    for (const { stop } of this.#loops.values()) stop.abort();
  }

  async #poll(object: ScaledObject, loop: Loop): Promise<void> {
    const { clock, metrics } = this.#options;
    const { namespace, name } = object.metadata;
    const intervalMs = (object.spec.pollingInterval ?? DEFAULT_POLLING_INTERVAL_SECONDS) * 1000;
    const { signal } = loop.stop;
    let dueMs = clock.monotonic();
    while (!signal.aborted) {
      metrics.loopLatency(namespace!, name, (clock.monotonic() - dueMs) / 1000);
      dueMs = clock.monotonic() + intervalMs;
      await this.#inTurn(loop, () => this.#check(object, signal));
      await clock.sleep(Math.max(dueMs - clock.monotonic(), 0), signal).catch(() => {});
    }
  }

  /** Runs one scaling after the other; what goes wrong is logged and the loop goes on. */
  #inTurn(loop: Loop, work: () => Promise<void>): Promise<void> {
    loop.turn = loop.turn.then(async () => {
      if (loop.stop.signal.aborted) return;
      try {
        await work();
      } catch (error) {
        this.#options.log.error("error during scaling", { logger: "scale_handler", error });
      }
    });
    return loop.turn;
  }

  async #check(known: ScaledObject, signal: AbortSignal): Promise<void> {
    const { events, log } = this.#options;
    const key = keyOf(known);
    const object = this.#options.latest(key);
    if (object === undefined) return;
    const wasFallback = conditionOf(object, "Fallback")?.status === "True";
    let state: ScaledObjectState;
    try {
      state = await this.triggers.state(object, signal);
    } catch (error) {
      const { namespace, name } = object.metadata;
      const fields = { "scaledObject.Namespace": namespace, "scaledObject.Name": name, error };
      log.error("error getting state of scaledObject", { logger: "scale_handler", ...fields });
      return;
    }
    if (signal.aborted) return;
    if (state.fallback && !wasFallback) {
      events.record(object, "Normal", "ScaledObjectFallbackActivated", "ScaledObject fallback is active");
    } else if (!state.fallback && wasFallback) {
      const message = "ScaledObject fallback is no longer active";
      events.record(object, "Normal", "ScaledObjectFallbackDeactivated", message);
    }
    await this.#scale(object, state);
    this.triggers.keepReadings(key, state.cacheable);
  }

  async #scale(object: ScaledObject, poll: Poll): Promise<void> {
    const result = await requestScale(object, poll, this.#executorWorld());
    if (result.error !== undefined) {
      this.#options.log.error("error during scaling", { logger: "scale_handler", error: result.error });
    }
    const { triggersActivity: next } = result;
    await changeStatus(this.#options.api, object, (status) => ({
      ...status,
      conditions: withConditions(status.conditions, result.conditions),
      ...(result.lastActiveTime === undefined ? {} : { lastActiveTime: result.lastActiveTime }),
      triggersActivity: mergedActivity(status.triggersActivity, object.status?.triggersActivity, next),
    }));
  }

  #executorWorld(): ExecutorWorld {
    const { api, clock, log, events } = this.#options;
    return {
      clock,
      log,
      events,
      currentReplicas: async (object) => {
        const scale = await getTargetScale(api, object, await resolveTarget(api, object));
        return scale.spec.replicas ?? 0;
      },
      setReplicas: async (object, replicas) =>
        setTargetReplicas(api, object, await resolveTarget(api, object), replicas),
      async hpa(object) {
        const name = object.status?.hpaName;
        if (name === undefined) return undefined;
        try {
          const key = { namespace: object.metadata.namespace, name };
          return (await api.get(RESOURCES.horizontalPodAutoscalers, key)) as ObservedHpa;
        } catch (error) {
          log.error("Could not read HPA status, skipping health check", { logger: "scaleexecutor", error });
          return undefined;
        }
      },
    };
  }

  async #listen(object: ScaledObject, loop: Loop): Promise<void> {
    let cache: ScalersCache;
    try {
      cache = await this.triggers.scalersOf(object, true);
    } catch (error) {
      this.#options.log.error("Error getting scalers", { logger: "scale_handler", error });
      return;
    }
    for (const { scaler, config } of cache.scalers) {
      if (scaler.pushes !== undefined)
        void this.#followPushes(object, loop, scaler.pushes(loop.stop.signal), config.index);
      if (scaler.pushedSpecs !== undefined) {
        void this.#followSpecs(object, scaler.pushedSpecs(loop.stop.signal), config.index);
      }
    }
  }

  async #followPushes(
    { metadata }: ScaledObject,
    loop: Loop,
    pushes: AsyncIterable<boolean>,
    index: number,
  ): Promise<void> {
    for await (const active of pushes) {
      // That it is no longer active is the polls' business.
      if (!active) continue;
      const object = this.#options.latest(`${metadata.namespace}/${metadata.name}`);
      const metric = object?.status?.externalMetricNames?.find((name) => name.startsWith(`s${index}-`));
      if (object === undefined || metric === undefined) continue;
      const poll: Poll = { active: true, failed: false, activeTriggers: [metric], pushedMetric: metric };
      await this.#inTurn(loop, () => this.#scale(object, poll));
    }
  }

  async #followSpecs(
    object: ScaledObject,
    pushed: AsyncIterable<HpaMetricSpec[]>,
    index: number,
  ): Promise<void> {
    const key = keyOf(object);
    for await (const specs of pushed) {
      const latest = this.#options.latest(key);
      // Of another generation or another object by that name: its own stream tells.
      if (latest === undefined || !isSame(latest, object)) continue;
      try {
        // A failure may have thrown the scalers away meanwhile: the stream outlives them.
        const { scalers } = await this.triggers.scalersOf(latest, true);
        scalers[index].pushedSpecs = specs;
        this.#options.onSpecsChanged(key);
      } catch (error) {
        const fields = { logger: "scale_handler", error };
        this.#options.log.error("error getting scalers cache for metric spec update", fields);
      }
    }
  }
}

const isSame = ({ metadata: a }: ScaledObject, { metadata: b }: ScaledObject) =>
  a.uid === b.uid && a.generation === b.generation;
