/** The triggers of a ScaledObject as a replay reads them: Prometheus' from history, cron's from the time. */
import type { Clock } from "../../base/clock.ts";
import {
  createCronScaler,
  type ExternalMetricValue,
  externalMetric,
  externalSpec,
  type HpaMetricSpec,
  parsePrometheusMetadata,
  type ScaledObject,
  type Trigger,
  type TriggerConfig,
  usesModifiers,
} from "../../keda/mod.ts";
import type { QueryHistory } from "./replay-history.ts";

export interface ReplayedTrigger {
  name: string;
  index: number;
  metricName: string;
  spec: HpaMetricSpec;
  /** @throws Error as the scaler would */
  read(step: number): Promise<{ metrics: ExternalMetricValue[]; active: boolean }>;
}

export interface TriggerSource {
  /** By query. */
  histories: ReadonlyMap<string, QueryHistory>;
  nowMs: () => number;
  /** Whether Prometheus itself was away. */
  isAway: (step: number) => boolean;
  /** What the query shows; NaN where it answers with nothing. */
  valueOf: (query: string, step: number) => number;
  onRead: (step: number, value: number, wasNothing: boolean) => void;
  /** Told of a trigger that can't be replayed. */
  onLeftOut: (note: string) => void;
}

export function replayedTriggers(object: ScaledObject, source: TriggerSource): ReplayedTrigger[] {
  return object.spec.triggers.flatMap((trigger, index) => {
    const config = configOf(object, trigger, index);
    if (trigger.type === "prometheus") return [prometheusTrigger(config, source)];
    if (trigger.type === "cron") return [cronTrigger(config, source)];
    source.onLeftOut(`trigger ${index} (${trigger.type}) is not in Prometheus and is left out`);
    return [];
  });
}

/** @throws Error for a trigger that KEDA, or the HPA that it makes, would refuse, and where none can be replayed */
export async function requireTriggers(object: ScaledObject): Promise<void> {
  const { triggers } = object.spec;
  if (!triggers.some(({ type }) => type === "prometheus" || type === "cron")) {
    const types = [...new Set(triggers.map(({ type }) => type))].join(", ");
    throw new Error(`nothing can be replayed: of its triggers (${types}) none is prometheus or cron`);
  }
  await requireMetadata(object);
}

/** @throws Error for a prometheus or cron trigger that KEDA, or the HPA that it makes, would refuse */
export async function requireMetadata(object: ScaledObject): Promise<void> {
  for (const [index, trigger] of object.spec.triggers.entries()) {
    const config = configOf(object, trigger, index);
    if (trigger.type === "cron") {
      const scaler = createCronScaler(config, { now: () => 0 } as unknown as Clock);
      await scaler.metricsAndActivity("");
    }
    if (trigger.type !== "prometheus") continue;
    const { threshold } = parsePrometheusMetadata({ ...config, metadata: withoutSecrets(config.metadata) });
    if (!usesModifiers(object) && !(threshold > 0))
      throw new Error(`trigger ${index}: threshold: Invalid value: "${threshold}": must be positive`);
  }
}

function configOf(object: ScaledObject, trigger: Trigger, index: number): TriggerConfig {
  return {
    namespace: object.metadata.namespace!,
    scaledObject: object.metadata.name,
    type: trigger.type,
    name: trigger.name ?? "",
    index,
    metadata: trigger.metadata ?? {},
    authParams: {},
    resolvedEnv: {},
    metricType: trigger.metricType,
    asMetricSource: usesModifiers(object),
    useCachedMetrics: false,
    httpTimeoutMs: 0,
  };
}

function prometheusTrigger(config: TriggerConfig, source: TriggerSource): ReplayedTrigger {
  const metadata = parsePrometheusMetadata({ ...config, metadata: withoutSecrets(config.metadata) });
  const { query, ignoreNullValues, activationThreshold, threshold } = metadata;
  const history = source.histories.get(query);
  if (history === undefined) throw new Error(`there is no history of ${query}`);
  const spec = externalSpec(config, "prometheus", threshold);
  const metricName = spec.external!.metric.name;
  const { name, index } = config;
  const read: ReplayedTrigger["read"] = async (step) => {
    if (source.isAway(step)) throw new Error("Prometheus is away");
    if (history.several[step] === 1) throw new Error(`prometheus query ${query} returned multiple elements`);
    const answer = source.valueOf(query, step);
    const isNothing = !Number.isFinite(answer);
    if (isNothing && !ignoreNullValues) {
      throw new Error("prometheus metrics 'prometheus' target may be lost, the result is empty");
    }
    const value = isNothing ? 0 : answer;
    source.onRead(step, value, isNothing);
    return {
      metrics: [externalMetric(metricName, value, source.nowMs())],
      active: value > activationThreshold,
    };
  };
  return { name, index, metricName, spec, read };
}

function cronTrigger(config: TriggerConfig, { nowMs }: TriggerSource): ReplayedTrigger {
  const scaler = createCronScaler(config, { now: nowMs } as unknown as Clock);
  const spec = externalSpec(config, "cron", 1);
  const metricName = spec.external!.metric.name;
  const { name, index } = config;
  return { name, index, metricName, spec, read: () => scaler.metricsAndActivity(metricName) };
}

/** A replay needs no credentials. */
function withoutSecrets({ authModes: _, authMode: __, ...metadata }: Readonly<Record<string, string>>) {
  return metadata;
}
