/**
 * KEDA: scales workloads on the metrics of their triggers, from zero and to zero itself, and in between through a
 * HorizontalPodAutoscaler that it makes and answers.
 *
 * Stands for kedacore/keda 2.20 (operator, metrics adapter and admission checks in one process). Deliberate
 * differences: scalers are prometheus, external, external-push, cron, cpu, memory, kubernetes-workload and metrics-api
 * (JSON, YAML, Prometheus text); TriggerAuthentication reads Secrets, ConfigMaps and environments, and says so when
 * asked for a vault or a cloud's identity; no ScaledJob, no CloudEvents, no leader election.
 */

export { createKedaLog } from "./keda-log.ts";
export {
  DEFAULT_HTTP_TIMEOUT_MS,
  KEDA_VERSION,
  type KedaOperator,
  type KedaOperatorOptions,
  startKedaOperator,
} from "./keda-operator.ts";
export {
  hpaMaxReplicas,
  hpaMinReplicas,
  hpaNameOf,
  SCALED_OBJECTS,
  type ScaledObject,
  type Trigger,
} from "./scaled-object.ts";
