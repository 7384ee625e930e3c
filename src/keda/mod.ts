/**
 * KEDA: scales workloads on the metrics of their triggers, from zero and to zero itself, and in between through a
 * HorizontalPodAutoscaler that it makes and answers.
 *
 * Stands for kedacore/keda 2.20 (operator, metrics adapter and admission webhooks in one process). Deliberate
 * differences: scalers are prometheus, external, external-push, cron, cpu, memory, kubernetes-workload and metrics-api
 * (JSON, YAML, Prometheus text); TriggerAuthentication reads Secrets, ConfigMaps, environments, files and tokens of
 * ServiceAccounts, and says so when asked for a vault or a cloud's identity; a ScaledObject that is gone leaves no series
 * behind; a ScaledJob is told that nothing comes of it; the adapter's questions to the operator are calls, counted as the
 * RPCs that they are upstream; no CloudEvents, no leader election.
 */

export { createKedaLog } from "./keda-log.ts";
export {
  DEFAULT_HTTP_TIMEOUT_MS,
  KEDA_VERSION,
  type KedaOperator,
  type KedaOperatorOptions,
  startKedaOperator,
} from "./keda-operator.ts";
export { hpaFor, hpaMetrics } from "./reconciler/hpa.ts";
export {
  COMPOSITE_METRIC,
  conditionOf,
  DEFAULT_COOLDOWN_SECONDS,
  DEFAULT_POLLING_INTERVAL_SECONDS,
  FORCE_ACTIVATION_ANNOTATION,
  hpaMaxReplicas,
  hpaMinReplicas,
  hpaNameOf,
  isPaused,
  isScaleInPaused,
  isScaleOutPaused,
  PAUSED_ANNOTATION,
  PAUSED_REPLICAS_ANNOTATION,
  replicaBoundsProblem,
  SCALED_OBJECTS,
  type ScaledObject,
  type ScaledObjectSpec,
  type Trigger,
  triggersProblem,
  usesModifiers,
} from "./scaled-object.ts";
export { createCronScaler } from "./scalers/cron-scaler.ts";
export { type PrometheusMetadata, parsePrometheusMetadata } from "./scalers/prometheus-scaler.ts";
export {
  type ExternalMetricValue,
  externalMetric,
  externalSpec,
  type HpaMetricSpec,
} from "./scalers/scaler.ts";
export { fallbackMetrics, hasValidFallback } from "./scaling/fallback.ts";
export { type ExecutorWorld, type Poll, requestScale } from "./scaling/scale-executor.ts";
export { applyFormula, compileScalingModifiers } from "./scaling/scaling-modifiers.ts";
export type { TriggerConfig } from "./trigger-config.ts";
