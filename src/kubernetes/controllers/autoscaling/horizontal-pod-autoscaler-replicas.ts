/**
 * How many replicas a metric asks for (kubernetes `pkg/controller/podautoscaler/replica_calculator.go` and
 * `metrics/utilization.go`). Pure functions; amounts are in thousandths, as upstream computes.
 */
import { parseQuantity } from "../../../model/quantity.ts";
import type { AutoscaledPod, AutoscalerVersion } from "./horizontal-pod-autoscaler-types.ts";

export const MAX_REPLICAS = 2 ** 31 - 1;
const CPU_INITIALIZATION_MS = 5 * 60_000;
const INITIAL_READINESS_MS = 30_000;

/** How long after its start a pod's CPU is not trusted. */
export interface PodStartPeriods {
  /** `--horizontal-pod-autoscaler-cpu-initialization-period`. @default 5 minutes */
  cpuInitializationPeriodMs?: number;
  /** `--horizontal-pod-autoscaler-initial-readiness-delay`. @default 30 seconds */
  initialReadinessDelayMs?: number;
}

/** How far a usage ratio may be from 1 before it counts. */
export interface Tolerances {
  scaleUp: number;
  scaleDown: number;
  /** Which of the two tests: see `AutoscalerVersion`. */
  version: AutoscalerVersion;
}

export function isWithinTolerance(tolerances: Tolerances, ratio: number): boolean {
  // At 1.28 there was one tolerance, and the test was the other way round: its rounding differs.
  if (tolerances.version === "1.28") return Math.abs(1 - ratio) <= tolerances.scaleUp;
  return 1 - tolerances.scaleDown <= ratio && ratio <= 1 + tolerances.scaleUp;
}

/** One pod's use of a resource or value of a metric. */
export interface PodMetric {
  /** In thousandths. */
  milli: number;
  timestampMs: number;
  /** What time the value is an average over, in milliseconds. */
  windowMs: number;
}

export type PodMetrics = ReadonlyMap<string, PodMetric>;

export interface Proposal {
  replicas: number;
  /** What the status shows, in thousandths; for utilisation, per pod. */
  usageMilli: number;
  /** Per cent of the request, for targets of that type. */
  utilization?: number;
}

/** An amount in thousandths, rounded up as Go's `MilliValue` does. */
export function milliOf(quantity: string | number): number {
  // The inner rounding removes what the multiplication added: 0.29 * 1000 is 290.00000000000006… in some.
  return Math.ceil(Math.round(parseQuantity(quantity) * 1e6) / 1e3);
}

/** Target `AverageValue` of an external or object metric: its sum shared over the pods that the target has. */
export function replicasForSharedMetric(
  statusReplicas: number,
  sumMilli: number,
  targetMilli: number,
  tolerances: Tolerances,
): Proposal {
  const ratio = sumMilli / (targetMilli * statusReplicas);
  const replicas = isWithinTolerance(tolerances, ratio) ? statusReplicas : clamped(sumMilli / targetMilli);
  return { replicas, usageMilli: Math.ceil(sumMilli / statusReplicas) };
}

/** Target `Value` of an external or object metric: how far the number is from the target, times the ready pods. */
export function replicasForValue(
  currentReplicas: number,
  valueMilli: number,
  targetMilli: number,
  tolerances: Tolerances,
  pods: AutoscaledPod[],
): Proposal {
  const ratio = valueMilli / targetMilli;
  return { replicas: replicasForRatio(currentReplicas, ratio, tolerances, pods), usageMilli: valueMilli };
}

function replicasForRatio(
  current: number,
  ratio: number,
  tolerances: Tolerances,
  pods: AutoscaledPod[],
): number {
  // From zero there is nothing to multiply: one pod, or as many as the ratio says.
  if (current === 0) return clamped(ratio);
  if (isWithinTolerance(tolerances, ratio)) return current;
  if (pods.length === 0) {
    throw new Error(
      "unable to calculate ready pods: no pods returned by selector while calculating replica count",
    );
  }
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isReady(pod)).length;
  return clamped(ratio * ready);
}

/** Target `Utilization` of a resource: use in per cent of what the pods request. */
export function replicasForUtilization(
  currentReplicas: number,
  targetUtilization: number,
  input: PodMetricInput & { resource: string; container?: string },
): Proposal {
  const { pods, resource, container } = input;
  const groups = usableMetrics(input);
  const requests = requestsOf(pods, resource, container, input.tolerances.version);
  const measure = (metrics: Map<string, number>) => utilizationRatio(metrics, requests, targetUtilization);
  const first = measure(groups.metrics);
  // Missing pods count as fully used when scaling down, or as on target where the target is above 100 %.
  const fallback = (pod: string) => Math.trunc((requests.get(pod)! * Math.max(100, targetUtilization)) / 100);
  const replicas = settle(
    currentReplicas,
    groups,
    first.ratio,
    (metrics) => measure(metrics).ratio,
    fallback,
    input,
  );
  return { replicas, usageMilli: first.averageMilli, utilization: first.utilization };
}

/** Target `AverageValue` of a pods metric or a resource: the average over the pods that have it. */
export function replicasForAverage(
  currentReplicas: number,
  targetMilli: number,
  input: PodMetricInput,
): Proposal {
  const groups = usableMetrics(input);
  const measure = (metrics: Map<string, number>) => averageOf(metrics) / targetMilli;
  const usageMilli = averageOf(groups.metrics);
  const replicas = settle(
    currentReplicas,
    groups,
    usageMilli / targetMilli,
    measure,
    () => targetMilli,
    input,
  );
  return { replicas, usageMilli };
}

export interface PodMetricInput extends PodStartPeriods {
  metrics: PodMetrics;
  pods: AutoscaledPod[];
  tolerances: Tolerances;
  nowMs: number;
  /** `cpu` alone ignores pods that are still starting. */
  resource?: string;
}

interface Groups {
  readyCount: number;
  unready: string[];
  missing: string[];
  /** Only of pods that count. */
  metrics: Map<string, number>;
}

/** Sorts pods into those that count, those that are not ready and those without a number. */
function usableMetrics(input: PodMetricInput): Groups {
  const { metrics, pods, resource } = input;
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const left = new Map(Array.from(metrics, ([pod, metric]) => [pod, metric.milli]));
  const groups: Groups = { readyCount: 0, unready: [], missing: [], metrics: left };
  for (const pod of pods) {
    const name = pod.metadata.name;
    const metric = metrics.get(name);
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === "Failed") left.delete(name);
    else if (pod.status?.phase === "Pending") groups.unready.push(name);
    else if (metric === undefined) groups.missing.push(name);
    else if (resource === "cpu" && isStarting(pod, metric, input)) groups.unready.push(name);
    else groups.readyCount++;
  }
  for (const name of groups.unready) left.delete(name);
  if (left.size === 0) {
    throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  }
  return groups;
}

/** A pod burns CPU while it starts; until it was ready for a whole window its number says nothing. */
function isStarting(pod: AutoscaledPod, metric: PodMetric, input: PodMetricInput): boolean {
  const { nowMs } = input;
  const initializationMs = input.cpuInitializationPeriodMs ?? CPU_INITIALIZATION_MS;
  const delayMs = input.initialReadinessDelayMs ?? INITIAL_READINESS_MS;
  const ready = pod.status?.conditions?.find((condition) => condition.type === "Ready");
  if (ready === undefined || pod.status?.startTime === undefined) return true;
  const startMs = Date.parse(pod.status.startTime);
  const transitionMs = Date.parse(ready.lastTransitionTime ?? "") || 0;
  if (startMs + initializationMs > nowMs) {
    return ready.status === "False" || metric.timestampMs < transitionMs + metric.windowMs;
  }
  return ready.status === "False" && startMs + delayMs > transitionMs;
}

/**
 * From the ratio over the pods that count to replicas; where pods are missing or not ready, they are given a number
 * that damps the change, and a change that would turn round is none.
 */
function settle(
  current: number,
  groups: Groups,
  ratio: number,
  measure: (metrics: Map<string, number>) => number,
  whenScalingDown: (pod: string) => number,
  { tolerances }: Pick<PodMetricInput, "tolerances">,
): number {
  const upWithUnready = groups.unready.length > 0 && ratio > 1;
  if (!upWithUnready && groups.missing.length === 0) {
    return isWithinTolerance(tolerances, ratio) ? current : clamped(ratio * groups.readyCount);
  }
  const filled = new Map(groups.metrics);
  for (const pod of groups.missing) {
    if (ratio < 1) filled.set(pod, whenScalingDown(pod));
    else if (ratio > 1) filled.set(pod, 0);
  }
  if (upWithUnready) for (const pod of groups.unready) filled.set(pod, 0);
  const next = measure(filled);
  if (isWithinTolerance(tolerances, next) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1))
    return current;
  const replicas = clamped(next * filled.size);
  if ((next < 1 && replicas > current) || (next > 1 && replicas < current)) return current;
  return replicas;
}

function averageOf(metrics: Map<string, number>): number {
  let sum = 0;
  for (const milli of metrics.values()) sum += milli;
  return Math.trunc(sum / metrics.size);
}

function utilizationRatio(metrics: Map<string, number>, requests: Map<string, number>, target: number) {
  let used = 0;
  let requested = 0;
  let count = 0;
  for (const [pod, milli] of metrics) {
    const request = requests.get(pod);
    if (request === undefined) continue;
    used += milli;
    requested += request;
    count++;
  }
  if (requested === 0) throw new Error("no metrics returned matched known pods");
  const utilization = Math.trunc((used * 100) / requested);
  return { ratio: utilization / target, utilization, averageMilli: Math.trunc(used / count) };
}

/** Per pod, in thousandths: the pod's own, or of one container, or of all that run (sidecars included). */
function requestsOf(
  pods: AutoscaledPod[],
  resource: string,
  only: string | undefined,
  version: AutoscalerVersion,
): Map<string, number> {
  const requests = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const own = spec.resources?.requests ?? {};
    if (version !== "1.28" && only === undefined && POD_LEVEL_RESOURCES.some((name) => name in own)) {
      if (own[resource] === undefined) {
        throw new Error(`missing pod-level request for ${resource} in Pod ${metadata.name}`);
      }
      requests.set(metadata.name, milliOf(own[resource]));
      continue;
    }
    const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
    const containers = [...spec.containers, ...sidecars].filter(
      ({ name }) => only === undefined || name === only,
    );
    if (only !== undefined && containers.length === 0) {
      throw new Error(`container ${only} not found in Pod ${metadata.name}`);
    }
    let sum = 0;
    for (const container of containers) {
      const request = container.resources?.requests?.[resource];
      if (request === undefined) {
        throw new Error(
          `missing request for ${resource} in container ${container.name} of Pod ${metadata.name}`,
        );
      }
      sum += milliOf(request);
    }
    requests.set(metadata.name, sum);
  }
  return requests;
}

/** What a pod as a whole may request. */
const POD_LEVEL_RESOURCES = ["cpu", "memory"];

function isReady(pod: AutoscaledPod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

/** Rounded up and held to what an int32 takes. */
function clamped(replicas: number): number {
  return Math.min(Math.ceil(replicas), MAX_REPLICAS);
}
