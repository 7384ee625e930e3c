/**
 * Asks the triggers of a ScaledObject, and puts the fallback in place of what fails (keda
 * `pkg/scaling/scale_handler.go`, `pkg/fallback/fallback.go`).
 */
import type { Logger } from "../../base/log.ts";
import { parseQuantity } from "../../model/quantity.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import type { KedaMetrics, ScalerKey } from "../keda-metrics.ts";
import { namesOf, type ScaledObject, usesModifiers } from "../scaled-object.ts";
import type { ExternalMetricValue, HpaMetricSpec } from "../scalers/scaler.ts";
import { fallBack, type HealthWorld, recordHealth } from "./metric-health.ts";
import {
  askScaler,
  type BuiltScaler,
  metricSpecsOf,
  type ScalersCache,
  scalerName,
} from "./scalers-cache.ts";

export interface ReadingsWorld extends HealthWorld {
  log: Logger;
  events: EventRecorder;
  metrics: KedaMetrics;
}

/** One metric after its scaler was asked, and the fallback too. */
export interface Reading {
  triggerIndex: number;
  metricName: string;
  metrics: ExternalMetricValue[];
  active: boolean;
  fallback: boolean;
  error?: Error;
  /** In a row, this one included; where a fallback counts them. */
  failures?: number;
}

/** What a poll left for the HPA, of a trigger with `useCachedMetrics`. */
export interface CachedReading {
  metrics: ExternalMetricValue[];
  error?: Error;
}

export interface HowToRead {
  /** Filled with the name of the trigger of each metric. */
  triggerOf: Map<string, string>;
  signal?: AbortSignal;
  wants: (metricName: string) => boolean;
  fromCache: (config: BuiltScaler["config"], metricName: string) => CachedReading | undefined;
  onRead?: (built: BuiltScaler, reading: Reading) => void;
  /** Not the HPA asks. */
  isPoll: boolean;
}

export class TriggerReader {
  readonly #world: ReadingsWorld;

  constructor(world: ReadingsWorld) {
    this.#world = world;
  }

  /** Asks every trigger, whatever the others say. */
  async readAll(object: ScaledObject, { scalers }: ScalersCache, how: HowToRead): Promise<Reading[]> {
    const readings = await Promise.all(
      scalers.map(async (built): Promise<Reading[]> => {
        let specs: HpaMetricSpec[];
        try {
          specs = await metricSpecsOf(built, how.signal);
        } catch (error) {
          const { message } = error as Error;
          this.#world.events.record(object, "Warning", "KEDAScalerFailed", message);
          const fields = { ...namesOf(object), scaler: scalerName(built), error };
          this.#world.log.error("error getting metric spec for the scaler", {
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
        this.#world.metrics.active(scalerKey(object, scalerName(built), built.config.index, name), true);
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
    const { clock, metrics: recorder } = this.#world;
    const metricName = spec.external!.metric.name;
    const key = scalerKey(object, scalerName(built), built.config.index, metricName);
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
      reading.failures = await recordHealth(this.#world, object, metricName, false);
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
    this.#world.log.error("error pairing triggers & metrics for compositeScaler", fields);
    return true;
  }

  #reportFailure(object: ScaledObject, built: BuiltScaler, error: Error, isPoll: boolean): void {
    const { log, events } = this.#world;
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
    try {
      const outcome = await fallBack(this.#world, object, reading.metricName, spec, failure, (failures) => {
        reading.failures = failures;
      });
      reading.metrics = outcome.metrics;
      reading.fallback = outcome.active;
      reading.active = outcome.active;
    } catch (error) {
      reading.error = error as Error;
    }
  }
}

/** How the operator's metrics name what a scaler says. */
export function scalerKey(
  { metadata }: ScaledObject,
  scaler: string,
  triggerIndex: number,
  metric: string,
): ScalerKey {
  return { namespace: metadata.namespace!, scaledObject: metadata.name, scaler, triggerIndex, metric };
}

function emptyReading({ config }: BuiltScaler, metricName: string): Reading {
  return { triggerIndex: config.index, metricName, metrics: [], active: false, fallback: false };
}
