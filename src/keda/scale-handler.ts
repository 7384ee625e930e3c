/**
 * The scale loops (keda `pkg/scaling/scale_handler.go`): each ScaledObject is polled at once and then every
 * `pollingInterval`; push scalers wake it in between; the HPA's questions for metrics are answered.
 */
import type { Clock } from "../base/clock.ts";
import type { LogFields } from "../base/log.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import { kubernetesTime } from "../model/kubernetes-object.ts";
import { parseQuantity } from "../model/quantity.ts";
import { fallbackMetrics, hasValidFallback, isThresholdExceeded, nextHealth } from "./fallback.ts";
import type { KedaMetrics, ScalerKey } from "./keda-metrics.ts";
import { type ExecutorWorld, type ObservedHpa, type Poll, requestScale } from "./scale-executor.ts";
import { countReadyPods, getTargetScale, resolveTarget, setTargetReplicas } from "./scale-target.ts";
import {
  COMPOSITE_METRIC,
  conditionOf,
  DEFAULT_POLLING_INTERVAL_SECONDS,
  keyOf,
  SCALED_OBJECTS,
  type ScaledObject,
  type ScaledObjectStatus,
  usesModifiers,
  withConditions,
} from "./scaled-object.ts";
import { changeStatus } from "./scaled-object-status.ts";
import type { ExternalMetricValue, HpaMetricSpec } from "./scalers/scaler.ts";
import {
  askScaler,
  type BuiltScaler,
  buildScalersCache,
  type CacheWorld,
  metricSpecsOf,
  type ScalersCache,
  scalerName,
} from "./scalers-cache.ts";
import { applyFormula } from "./scaling-modifiers.ts";
import { activationTarget, activeTriggerIndexes, mergedActivity } from "./triggers-activity.ts";

export interface ScaleHandlerOptions extends CacheWorld {
  api: KubernetesApi;
  clock: Clock;
  metrics: KedaMetrics;
  /** The newest known state of a ScaledObject, by `namespace/name`. */
  latest(key: string): ScaledObject | undefined;
  /** A push scaler's metrics have changed: the HPA has to be made anew. */
  onSpecsChanged(key: string): void;
}

interface Loop {
  stop: AbortController;
  /** One scaling of an object at a time. */
  turn: Promise<void>;
}

/** One metric after its scaler was asked, and the fallback too. */
interface Reading {
  triggerIndex: number;
  metricName: string;
  metrics: ExternalMetricValue[];
  active: boolean;
  fallback: boolean;
  error?: Error;
  /** In a row, this one included; where a fallback counts them. */
  failures?: number;
}

interface CachedReading {
  metrics: ExternalMetricValue[];
  error?: Error;
}

export class ScaleHandler {
  readonly #options: ScaleHandlerOptions;
  readonly #loops = new Map<string, Loop>();
  readonly #caches = new Map<string, ScalersCache>();
  /** Of triggers with `useCachedMetrics`: key, then metric. */
  readonly #readings = new Map<string, Map<string, CachedReading>>();

  constructor(options: ScaleHandlerOptions) {
    this.#options = options;
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
    this.#readings.delete(key);
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
    this.#readings.delete(key);
    this.#caches.delete(key);
    this.#options.events.record(object, "Normal", "KEDAScalersStopped", "Stopped scalers watch");
  }

  close(): void {
    for (const { stop } of this.#loops.values()) stop.abort();
  }

  /** The specs of all scalers, for the HPA. Those that can't be asked now are left out. @throws Error */
  async metricSpecs(object: ScaledObject): Promise<HpaMetricSpec[]> {
    const { scalers } = await this.#cacheOf(object, true);
    const specs = await Promise.all(scalers.map((built) => built.pushedSpecs ?? built.scaler.metricSpecs()));
    return specs.flat();
  }

  /**
   * What the HPA is told.
   *
   * @throws Error with upstream's text
   */
  async externalMetrics(key: string, metricName: string): Promise<ExternalMetricValue[]> {
    const { metrics: recorder, clock } = this.#options;
    const object = this.#options.latest(key);
    if (object === undefined) {
      const [namespace, name] = key.split("/");
      recorder.scaledObjectError(namespace, name, true);
      throw new Error(`error getting scalers ScaledObject.keda.sh ${JSON.stringify(name)} not found`);
    }
    let cache: ScalersCache;
    try {
      cache = await this.#cacheOf(object, false);
      recorder.scaledObjectError(object.metadata.namespace!, object.metadata.name, false);
    } catch (error) {
      recorder.scaledObjectError(object.metadata.namespace!, object.metadata.name, true);
      throw new Error(`error getting scalers ${(error as Error).message}`);
    }
    const composite = usesModifiers(object);
    const names = composite ? await this.#metricNames(object) : [metricName];
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    if (wanted.size === 0) this.#reportNoMetrics(object, cache, metricName);
    const triggerOf = new Map<string, string>();
    const readings = await this.#readAll(object, cache, {
      triggerOf,
      isPoll: false,
      wants: (name) => wanted.has(name.toLowerCase()),
      fromCache: (config, name) => (config.useCachedMetrics ? this.#readings.get(key)?.get(name) : undefined),
    });
    const failed = readings.some(({ error }) => error !== undefined);
    const fellBack = readings.some(({ fallback }) => fallback);
    if (failed) this.#caches.delete(key);
    if (failed && !fellBack) throw new Error(`metric:${metricName} encountered error`);
    const metrics = readings.flatMap((reading) => reading.metrics);
    if (metrics.length === 0) throw new Error(`no matching metrics found for ${metricName}`);
    return composite
      ? this.#compose(object, cache, readings, triggerOf, kubernetesTime(clock.now()))
      : metrics;
  }

  /** As the status has them; of an object whose status is not known yet, as the cluster has it now. */
  async #metricNames({ metadata, status }: ScaledObject): Promise<string[]> {
    if (status?.externalMetricNames !== undefined) return status.externalMetricNames;
    const { namespace, name } = metadata;
    const fresh = await this.#options.api
      .get<ScaledObject>(SCALED_OBJECTS, { namespace, name })
      .catch(() => undefined);
    return fresh?.status?.externalMetricNames ?? [];
  }

  /** A formula before the ScaledObject's status knows any metric: each trigger says so. */
  #reportNoMetrics(object: ScaledObject, { scalers }: ScalersCache, metricName: string): void {
    const error = new Error(`no metrics found getting metricsArray array ${metricName}`);
    for (const _ of scalers) {
      const fields = { logger: "scale_handler", ...namesOf(object), error };
      this.#options.log.error("error metricsArray is empty", fields);
      this.#options.events.record(object, "Warning", "KEDAScalerFailed", error.message);
    }
  }

  // ---- loops ----

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
    let state: Awaited<ReturnType<ScaleHandler["scaledObjectState"]>>;
    try {
      state = await this.scaledObjectState(object, signal);
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
    if (state.cacheable.size > 0) this.#readings.set(key, state.cacheable);
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
      cache = await this.#cacheOf(object, true);
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
        const { scalers } = await this.#cacheOf(latest, true);
        scalers[index].pushedSpecs = specs;
        this.#options.onSpecsChanged(key);
      } catch (error) {
        const fields = { logger: "scale_handler", error };
        this.#options.log.error("error getting scalers cache for metric spec update", fields);
      }
    }
  }

  // ---- state ----

  /** Asks every trigger, whatever the others say. */
  async scaledObjectState(
    object: ScaledObject,
    signal?: AbortSignal,
  ): Promise<
    Poll & { fallback: boolean; cacheable: Map<string, CachedReading>; metrics: ExternalMetricValue[] }
  > {
    const { metrics: recorder, clock } = this.#options;
    const { namespace, name } = object.metadata;
    const key = keyOf(object);
    let cache: ScalersCache;
    try {
      cache = await this.#cacheOf(object, true);
    } catch (error) {
      recorder.scaledObjectError(namespace!, name, true);
      throw new Error(`error getting scalers cache ${(error as Error).message}`);
    }
    const triggerOf = new Map<string, string>();
    const cacheable = new Map<string, CachedReading>();
    const composite = usesModifiers(object);
    const readings = await this.#readAll(object, cache, {
      triggerOf,
      isPoll: true,
      signal,
      wants: () => true,
      fromCache: () => undefined,
      onRead: ({ config }, reading) => {
        if (config.useCachedMetrics)
          cacheable.set(reading.metricName, { metrics: reading.metrics, error: reading.error });
      },
    });
    const failed = readings.some(({ error }) => error !== undefined);
    const fallback = readings.some((reading) => reading.fallback);
    if (failed) this.#caches.delete(key);
    // One for each trigger that failed.
    recorder.scaledObjectError(namespace!, name, false);
    const failures = readings.filter(({ error }) => error !== undefined);
    for (const _ of new Set(failures.map(({ triggerIndex }) => triggerIndex))) {
      recorder.scaledObjectError(namespace!, name, true);
    }
    const indexes = activeTriggerIndexes(readings);
    let active = indexes.size > 0;
    let activeTriggers = readings
      .filter(({ triggerIndex }) => indexes.has(triggerIndex))
      .flatMap((reading) => reading.metrics.map((metric) => metric.metricName));
    let metrics = readings.flatMap((reading) => reading.metrics);
    if (composite) {
      metrics = this.#compose(object, cache, readings, triggerOf, kubernetesTime(clock.now()));
      const above = failed ? [] : this.#activeComposites(object, metrics);
      active = above.length > 0;
      activeTriggers = above;
    }
    // With nothing but CPU and memory it could never come back from zero.
    const { triggers } = object.spec;
    if (!failed && triggers.every(({ type }) => type === "cpu" || type === "memory")) active = true;
    return { active, failed, activeTriggers, fallback, cacheable, metrics };
  }

  #activeComposites(object: ScaledObject, metrics: ExternalMetricValue[]): string[] {
    const activation = activationTarget(object);
    return metrics
      .filter((metric) => {
        const value = parseQuantity(metric.value);
        const key = this.#keyOf(object, COMPOSITE_METRIC, 0, metric.metricName);
        this.#options.metrics.value(key, value);
        this.#options.metrics.active(key, value > activation);
        return value > activation;
      })
      .slice(0, 1)
      .map(({ metricName }) => metricName);
  }

  /** With a formula: one metric from all, or the fallback's. A formula that fails leaves none. */
  #compose(
    object: ScaledObject,
    cache: ScalersCache,
    readings: Reading[],
    triggerOf: ReadonlyMap<string, string>,
    timestamp: string,
  ): ExternalMetricValue[] {
    const fallen = readings.find(({ fallback }) => fallback)?.metrics[0];
    if (fallen !== undefined) return [{ ...fallen, metricName: COMPOSITE_METRIC }];
    const metrics = readings.flatMap((reading) => reading.metrics);
    if (cache.formula === undefined) return metrics;
    try {
      return [applyFormula(withHealth(object, readings), cache.formula, metrics, triggerOf, timestamp)];
    } catch (error) {
      this.#options.log.error("error applying custom scalingModifiers.Formula", {
        logger: "scale_handler",
        ...namesOf(object),
        error,
      });
      return [];
    }
  }

  async #readAll(
    object: ScaledObject,
    cache: ScalersCache,
    how: {
      triggerOf: Map<string, string>;
      signal?: AbortSignal;
      wants: (metricName: string) => boolean;
      fromCache: (config: BuiltScaler["config"], metricName: string) => CachedReading | undefined;
      onRead?: (built: BuiltScaler, reading: Reading) => void;
      /** Not the HPA asks. */
      isPoll: boolean;
    },
  ): Promise<Reading[]> {
    const readings = await Promise.all(
      cache.scalers.map(async (built): Promise<Reading[]> => {
        let specs: HpaMetricSpec[];
        try {
          specs = await metricSpecsOf(built, how.signal);
        } catch (error) {
          const { message } = error as Error;
          this.#options.events.record(object, "Warning", "KEDAScalerFailed", message);
          const fields = { ...namesOf(object), scaler: scalerName(built), error };
          this.#options.log.error("error getting metric spec for the scaler", {
            logger: "scale_handler",
            ...fields,
          });
          return [{ ...emptyReading(built, ""), error: error as Error }];
        }
        const external = specs.filter(
          (spec) => spec.external !== undefined && how.wants(spec.external.metric.name),
        );
        if (external.length === 0 && specs.some((spec) => spec.external === undefined))
          this.#recordResource(object, built, specs);
        return Promise.all(
          external.map(async (spec) => {
            const { name } = spec.external!.metric;
            how.triggerOf.set(name, built.config.name);
            const cached = how.fromCache(built.config, name);
            const reading = await this.#read(object, built, spec, cached, how);
            how.onRead?.(built, reading);
            return reading;
          }),
        );
      }),
    );
    return readings.flat();
  }

  #recordResource(object: ScaledObject, built: BuiltScaler, specs: HpaMetricSpec[]): void {
    if (usesModifiers(object)) return;
    for (const { resource, containerResource } of specs) {
      const name = resource?.name ?? containerResource?.name;
      if (name !== undefined) {
        this.#options.metrics.active(this.#keyOf(object, scalerName(built), built.config.index, name), true);
      }
    }
  }

  async #read(
    object: ScaledObject,
    built: BuiltScaler,
    spec: HpaMetricSpec,
    cached: CachedReading | undefined,
    { signal, isPoll }: { signal?: AbortSignal; isPoll: boolean },
  ): Promise<Reading> {
    const { clock, metrics: recorder } = this.#options;
    const metricName = spec.external!.metric.name;
    const key = this.#keyOf(object, scalerName(built), built.config.index, metricName);
    const reading = emptyReading(built, metricName);
    try {
      if (cached?.error !== undefined) throw cached.error;
      if (cached !== undefined) reading.metrics = cached.metrics;
      else {
        const startMs = clock.monotonic();
        const answer = await askScaler(built, metricName, signal).finally(() =>
          recorder.latency(key, (clock.monotonic() - startMs) / 1000),
        );
        reading.metrics = answer.metrics;
        reading.active = answer.active;
      }
      reading.failures = await this.#recordHealth(object, metricName, false);
    } catch (error) {
      if (signal?.aborted) return reading;
      await this.#fallBack(object, spec, error as Error, reading);
    }
    if (reading.error !== undefined) this.#reportFailure(object, built, reading.error, isPoll);
    // Upstream's poll has lost the error by the time it counts, for that of the trigger's name: only what the HPA asks
    // for is counted here.
    const isUnnamed = this.#reportNamelessness(object, built, metricName);
    recorder.scalerError(key, isPoll ? isUnnamed : reading.error !== undefined);
    for (const metric of reading.metrics) recorder.value(key, parseQuantity(metric.value));
    if (isPoll && !usesModifiers(object) && reading.error === undefined) recorder.active(key, reading.active);
    return reading;
  }

  /** A formula can't name a trigger that has no name. */
  #reportNamelessness(object: ScaledObject, { config }: BuiltScaler, metricName: string): boolean {
    if (!object.spec.advanced?.scalingModifiers?.formula || config.name !== "") return false;
    const error = new Error(`trigger name not given with compositeScaler for metric ${metricName}`);
    const fields = { logger: "scale_handler", ...namesOf(object), error };
    this.#options.log.error("error pairing triggers & metrics for compositeScaler", fields);
    return true;
  }

  #reportFailure(object: ScaledObject, built: BuiltScaler, error: Error, isPoll: boolean): void {
    const { log, events } = this.#options;
    const name = scalerName(built);
    const fields = { logger: "scale_handler", ...namesOf(object) };
    log.error("error getting metric for trigger", { ...fields, trigger: name, error });
    if (!isPoll) return;
    if (usesModifiers(object)) {
      log.error("error getting metric source", { ...fields, source: name, error });
      events.record(object, "Warning", "KEDAMetricSourceFailed", error.message);
    } else {
      log.error("error getting scale decision", { ...fields, scaler: name, error });
      events.record(object, "Warning", "KEDAScalerFailed", error.message);
    }
  }

  /** Puts the fallback into a reading that failed, or the failure itself. */
  async #fallBack(
    object: ScaledObject,
    spec: HpaMetricSpec,
    failure: Error,
    reading: Reading,
  ): Promise<void> {
    if (!hasValidFallback(object)) {
      reading.error = failure;
      return;
    }
    const { api, clock } = this.#options;
    const { metricName } = reading;
    try {
      const failures = (await this.#recordHealth(object, metricName, true)) ?? 0;
      reading.failures = failures;
      const target = await resolveTarget(api, object);
      let current = 0;
      const { metrics, active } = await fallbackMetrics(
        object,
        metricName,
        spec,
        failure,
        failures,
        {
          currentReplicas: async () => {
            current = (await getTargetScale(api, object, target)).spec.replicas ?? 0;
            return current;
          },
          readyReplicas: () => countReadyPods(api, object, target),
        },
        kubernetesTime(clock.now()),
      );
      reading.metrics = metrics;
      reading.fallback = active;
      reading.active = active;
      if (active) {
        this.#options.log.info("Suppressing error, using fallback metrics", {
          logger: "fallback",
          "scaledObject.Namespace": object.metadata.namespace,
          "scaledObject.Name": object.metadata.name,
          suppressedError: failure.message,
          "fallback.behavior": object.spec.fallback!.behavior ?? "static",
          "fallback.replicas": object.spec.fallback!.replicas,
          "workload.currentReplicas": current,
        });
      }
    } catch (error) {
      reading.error = error as Error;
    }
  }

  /** Counts failures in the status, where there is a fallback to count for. Answers the count. */
  async #recordHealth(
    object: ScaledObject,
    metricName: string,
    failed: boolean,
  ): Promise<number | undefined> {
    if (!hasValidFallback(object)) return undefined;
    const known = this.#options.latest(keyOf(object)) ?? object;
    if (!failed && known.status?.health?.[metricName]?.status === "Happy") return 0;
    let failures = nextHealth(known.status?.health?.[metricName], failed).numberOfFailures!;
    const change = (status: ScaledObjectStatus, current: ScaledObject): ScaledObjectStatus => {
      const next = nextHealth(status.health?.[metricName], failed);
      failures = next.numberOfFailures!;
      const health = { ...status.health, [metricName]: next };
      const fallen = isThresholdExceeded({ ...current, status: { ...status, health } });
      const condition = fallen
        ? { reason: "FallbackExists", message: "At least one trigger is falling back on this scaled object" }
        : { reason: "NoFallbackFound", message: "No fallbacks are active on this scaled object" };
      const conditions = withConditions(status.conditions, [
        { type: "Fallback", status: fallen ? "True" : "False", ...condition },
      ]);
      return { ...status, health, conditions };
    };
    try {
      await changeStatus(this.#options.api, object, change);
    } catch (error) {
      // The count goes on from what is known: an API server that is away must not keep the fallback from coming.
      const fields = { logger: "fallback", ...namesOf(object), error };
      this.#options.log.error("failed to patch ScaledObjects Status", fields);
    }
    return failures;
  }

  #keyOf(object: ScaledObject, scaler: string, triggerIndex: number, metric: string): ScalerKey {
    const { namespace, name } = object.metadata;
    return { namespace: namespace!, scaledObject: name, scaler, triggerIndex, metric };
  }

  async #cacheOf(object: ScaledObject, sameGeneration: boolean): Promise<ScalersCache> {
    const key = keyOf(object);
    const cached = this.#caches.get(key);
    if (cached !== undefined && (!sameGeneration || cached.generation === (object.metadata.generation ?? 0)))
      return cached;
    const target = await resolveTarget(this.#options.api, object);
    const built = await buildScalersCache(object, target, this.#options);
    this.#caches.set(key, built);
    return built;
  }
}

function emptyReading({ config }: BuiltScaler, metricName: string): Reading {
  return { triggerIndex: config.index, metricName, metrics: [], active: false, fallback: false };
}

/** With the failures as they were counted just now: the formula must see them. */
function withHealth(object: ScaledObject, readings: Reading[]): ScaledObject {
  const health = { ...object.status?.health };
  for (const { metricName, failures } of readings)
    if (failures !== undefined) health[metricName] = { ...health[metricName], numberOfFailures: failures };
  return { ...object, status: { ...object.status, health } };
}

const isSame = ({ metadata: a }: ScaledObject, { metadata: b }: ScaledObject) =>
  a.uid === b.uid && a.generation === b.generation;

/** How the scale handler's log names a ScaledObject. */
function namesOf({ metadata }: ScaledObject): LogFields {
  return { "scaledObject.Namespace": metadata.namespace, "scaledObject.Name": metadata.name };
}
