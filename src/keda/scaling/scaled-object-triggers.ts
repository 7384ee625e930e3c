/**
 * What the triggers of a ScaledObject say together (keda `pkg/scaling/scale_handler.go`): to the poll, whether the
 * workload is active; to the HPA, the numbers that it asks for and the specs that it is made of.
 */
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import { parseQuantity } from "../../model/quantity.ts";
import { resolveTarget } from "../scale-target.ts";
import {
  COMPOSITE_METRIC,
  keyOf,
  namesOf,
  SCALED_OBJECTS,
  type ScaledObject,
  usesModifiers,
} from "../scaled-object.ts";
import type { ExternalMetricValue, HpaMetricSpec } from "../scalers/scaler.ts";
import type { Poll } from "./scale-executor.ts";
import { buildScalersCache, type CacheWorld, type ScalersCache } from "./scalers-cache.ts";
import { applyFormula } from "./scaling-modifiers.ts";
import {
  type CachedReading,
  type Reading,
  type ReadingsWorld,
  scalerKey,
  TriggerReader,
} from "./trigger-readings.ts";
import { activationTarget, activeTriggerIndexes } from "./triggers-activity.ts";

export interface ScaledObjectTriggersWorld extends CacheWorld, ReadingsWorld {
  api: KubernetesApi;
}

export interface ScaledObjectState extends Poll {
  fallback: boolean;
  metrics: ExternalMetricValue[];
  /** Of triggers with `useCachedMetrics`, by metric. */
  cacheable: Map<string, CachedReading>;
}

export class ScaledObjectTriggers {
  readonly #world: ScaledObjectTriggersWorld;
  readonly #reader: TriggerReader;
  readonly #caches = new Map<string, ScalersCache>();
  /** Of triggers with `useCachedMetrics`: key, then metric. */
  readonly #readings = new Map<string, Map<string, CachedReading>>();

  constructor(world: ScaledObjectTriggersWorld) {
    this.#world = world;
    this.#reader = new TriggerReader(world);
  }

  /** What the last poll found is no longer told. */
  forgetReadings(key: string): void {
    this.#readings.delete(key);
  }

  /** What a poll found is told to the HPA until the next one. */
  keepReadings(key: string, readings: Map<string, CachedReading>): void {
    if (readings.size > 0) this.#readings.set(key, readings);
  }

  forget(key: string): void {
    this.#readings.delete(key);
    this.#caches.delete(key);
  }

  /** The specs of all scalers, for the HPA. Those that can't be asked now are left out. @throws Error */
  async metricSpecs(object: ScaledObject): Promise<HpaMetricSpec[]> {
    const { scalers } = await this.scalersOf(object, true);
    const specs = await Promise.all(scalers.map((built) => built.pushedSpecs ?? built.scaler.metricSpecs()));
    return specs.flat();
  }

  /**
   * What the HPA is told.
   *
   * @throws Error with upstream's text
   */
  async externalMetrics(key: string, metricName: string): Promise<ExternalMetricValue[]> {
    const { metrics: recorder, clock } = this.#world;
    const object = this.#world.latest(key);
    if (object === undefined) {
      const [namespace, name] = key.split("/");
      recorder.scaledObjectError(namespace, name, true);
      throw new Error(`error getting scalers ScaledObject.keda.sh ${JSON.stringify(name)} not found`);
    }
    let cache: ScalersCache;
    try {
      cache = await this.scalersOf(object, false);
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
    const readings = await this.#reader.readAll(object, cache, {
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
    const fresh = await this.#world.api
      .get<ScaledObject>(SCALED_OBJECTS, { namespace, name })
      .catch(() => undefined);
    return fresh?.status?.externalMetricNames ?? [];
  }

  /** A formula before the ScaledObject's status knows any metric: each trigger says so. */
  #reportNoMetrics(object: ScaledObject, { scalers }: ScalersCache, metricName: string): void {
    const error = new Error(`no metrics found getting metricsArray array ${metricName}`);
    for (const _ of scalers) {
      const fields = { logger: "scale_handler", ...namesOf(object), error };
      this.#world.log.error("error metricsArray is empty", fields);
      this.#world.events.record(object, "Warning", "KEDAScalerFailed", error.message);
    }
  }

  /** Asks every trigger, whatever the others say. */
  async state(object: ScaledObject, signal?: AbortSignal): Promise<ScaledObjectState> {
    const { metrics: recorder, clock } = this.#world;
    const { namespace, name } = object.metadata;
    const key = keyOf(object);
    let cache: ScalersCache;
    try {
      cache = await this.scalersOf(object, true);
    } catch (error) {
      recorder.scaledObjectError(namespace!, name, true);
      throw new Error(`error getting scalers cache ${(error as Error).message}`);
    }
    const triggerOf = new Map<string, string>();
    const cacheable = new Map<string, CachedReading>();
    const composite = usesModifiers(object);
    const readings = await this.#reader.readAll(object, cache, {
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
        const key = scalerKey(object, COMPOSITE_METRIC, 0, metric.metricName);
        this.#world.metrics.value(key, value);
        this.#world.metrics.active(key, value > activation);
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
      this.#world.log.error("error applying custom scalingModifiers.Formula", {
        logger: "scale_handler",
        ...namesOf(object),
        error,
      });
      return [];
    }
  }

  /** The scalers, built anew where there are none, or none of this generation when that is asked. @throws Error */
  async scalersOf(object: ScaledObject, sameGeneration: boolean): Promise<ScalersCache> {
    const key = keyOf(object);
    const cached = this.#caches.get(key);
    if (cached !== undefined && (!sameGeneration || cached.generation === (object.metadata.generation ?? 0)))
      return cached;
    const target = await resolveTarget(this.#world.api, object);
    const built = await buildScalersCache(object, target, this.#world);
    this.#caches.set(key, built);
    return built;
  }
}

/** With the failures as they were counted just now: the formula must see them. */
function withHealth(object: ScaledObject, readings: Reading[]): ScaledObject {
  const health = { ...object.status?.health };
  for (const { metricName, failures } of readings)
    if (failures !== undefined) health[metricName] = { ...health[metricName], numberOfFailures: failures };
  return { ...object, status: { ...object.status, health } };
}
