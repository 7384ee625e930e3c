/**
 * The scalers of one ScaledObject (keda `pkg/scaling/cache/scalers_cache.go`, `pkg/scaling/scalers_builder.go`). They
 * are built once for each generation, and again after any failure, so that changed secrets are read.
 */
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { resolveContainerEnv } from "../container-env.ts";
import type { Formula } from "../expression/expression.ts";
import { type GroupVersionKindResource, getTarget } from "../scale-target.ts";
import { type ScaledObject, type Trigger, usesModifiers } from "../scaled-object.ts";
import { buildScaler, type ScalerWorld } from "../scalers/build-scaler.ts";
import type { HpaMetricSpec, MetricsAndActivity, Scaler } from "../scalers/scaler.ts";
import { resolveAuthParams } from "../trigger-authentication.ts";
import type { TriggerConfig } from "../trigger-config.ts";
import { compileScalingModifiers } from "./scaling-modifiers.ts";

export interface BuiltScaler {
  scaler: Scaler;
  config: TriggerConfig;
  rebuild: () => Promise<Scaler>;
  /** What a push scaler streamed, in place of what it would answer. */
  pushedSpecs?: HpaMetricSpec[];
}

export interface ScalersCache {
  generation: number;
  uid: string;
  scalers: BuiltScaler[];
  formula?: Formula;
}

export interface CacheWorld extends ScalerWorld {
  events: EventRecorder;
  operatorNamespace: string;
  /** `KEDA_RESTRICT_SECRET_ACCESS` */
  restrictSecretAccess?: boolean;
  readAuthFile?: (path: string) => Promise<string>;
  httpTimeoutMs: number;
}

/** @throws Error when a trigger can't be built: then none is */
export async function buildScalersCache(
  object: ScaledObject,
  target: GroupVersionKindResource,
  world: CacheWorld,
): Promise<ScalersCache> {
  const workload = await getTarget(world.api, object, target);
  const podSpec = workload.spec?.template?.spec;
  const scalers: BuiltScaler[] = [];
  for (const [index, trigger] of object.spec.triggers.entries()) {
    try {
      scalers.push(await buildOne(object, trigger, index, podSpec, world));
    } catch (error) {
      const { message } = error as Error;
      world.events.record(object, "Warning", "KEDAScalerFailed", message);
      const { namespace, name } = object.metadata;
      const fields = { logger: "scale_handler", type: "ScaledObject", namespace, name };
      world.log.error("error resolving auth params", { ...fields, triggerIndex: index, error });
      throw error;
    }
    world.events.record(object, "Normal", "KEDAScalersStarted", `Scaler ${trigger.type} is built`);
  }
  return {
    generation: object.metadata.generation ?? 0,
    uid: object.metadata.uid ?? "",
    scalers,
    ...(object.spec.advanced?.scalingModifiers?.formula ? { formula: compiledFormula(object, world) } : {}),
  };
}

function compiledFormula(object: ScaledObject, { log }: CacheWorld): Formula {
  try {
    return compileScalingModifiers(object);
  } catch (error) {
    log.error("error validating-compiling scalingModifiers", { logger: "scale_handler", error });
    throw error;
  }
}

async function buildOne(
  object: ScaledObject,
  trigger: Trigger,
  index: number,
  podSpec: Parameters<typeof resolveContainerEnv>[1] | undefined,
  world: CacheWorld,
): Promise<BuiltScaler> {
  const namespace = object.metadata.namespace!;
  const container = object.spec.scaleTargetRef.envSourceContainerName;
  const { name } = object.metadata;
  const log = world.log.with({ logger: "scale_handler", type: "ScaledObject", namespace, name });
  const configure = async (): Promise<TriggerConfig> => ({
    namespace,
    scaledObject: object.metadata.name,
    type: trigger.type,
    name: trigger.name ?? "",
    index,
    metadata: trigger.metadata ?? {},
    authParams: await resolveAuthParams({ ...world, log }, trigger, namespace, podSpec),
    resolvedEnv: await environmentOf(podSpec, container, namespace, world),
    metricType: trigger.metricType,
    asMetricSource: usesModifiers(object),
    useCachedMetrics: trigger.useCachedMetrics ?? false,
    httpTimeoutMs: world.httpTimeoutMs,
  });
  const config = await configure();
  return {
    config,
    scaler: buildScaler(config, world),
    rebuild: async () => buildScaler(await configure(), world),
  };
}

async function environmentOf(
  podSpec: Parameters<typeof resolveContainerEnv>[1] | undefined,
  container: string | undefined,
  namespace: string,
  world: CacheWorld,
): Promise<Record<string, string>> {
  if (podSpec === undefined || podSpec.containers.length === 0) return {};
  try {
    return await resolveContainerEnv(world, podSpec, container, namespace);
  } catch (error) {
    throw new Error(`error resolving secrets for ScaleTarget: ${(error as Error).message}`);
  }
}

/** What a scaler's metrics are, asked again with a new scaler when there are none. @throws Error */
export async function metricSpecsOf(built: BuiltScaler, signal?: AbortSignal): Promise<HpaMetricSpec[]> {
  if (built.pushedSpecs !== undefined) return built.pushedSpecs;
  const specs = await built.scaler.metricSpecs(signal);
  if (specs.length > 0) return specs;
  built.scaler = await built.rebuild();
  const again = await built.scaler.metricSpecs(signal);
  if (again.length === 0) throw new Error("got empty metric spec");
  return again;
}

/** Asks a scaler, and once more with a new one when that failed. @throws what the second try threw */
export async function askScaler(
  built: BuiltScaler,
  metricName: string,
  signal?: AbortSignal,
): Promise<MetricsAndActivity> {
  try {
    return await built.scaler.metricsAndActivity(metricName, signal);
  } catch {
    built.scaler = await built.rebuild();
    return built.scaler.metricsAndActivity(metricName, signal);
  }
}

/** What logs and metrics call a scaler. */
export function scalerName({ scaler, config }: BuiltScaler): string {
  return config.name === "" ? scaler.kind : config.name;
}
