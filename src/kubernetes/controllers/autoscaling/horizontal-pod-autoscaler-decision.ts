/**
 * One sync of a HorizontalPodAutoscaler, from its metrics to the replicas to set, the status and the events
 * (kubernetes `pkg/controller/podautoscaler/horizontal.go`, `reconcileAutoscaler`). Writes nothing: the controller
 * does, and replay and `explain` read the answer.
 */
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { parseSelector, type Selector } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { type AutoscalerMemory, normalizeReplicas } from "./horizontal-pod-autoscaler-behavior.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import type { PodStartPeriods, Tolerances } from "./horizontal-pod-autoscaler-replicas.ts";
import { failurePrefix, METRIC_SOURCES } from "./horizontal-pod-autoscaler-sources.ts";
import type {
  AutoscaledPod,
  AutoscalerVersion,
  Condition,
  ConditionType,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
  Scale,
} from "./horizontal-pod-autoscaler-types.ts";

/** `--horizontal-pod-autoscaler-tolerance` */
export const DEFAULT_TOLERANCE = 0.1;
/** What an HPA without metrics scales on. */
const DEFAULT_METRICS: MetricSpec[] = [
  { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
];

/** Kubernetes' feature gates that decide something here. Each has the default of the version. */
export interface AutoscalerFeatureGates {
  /** The HPA may go to zero and leave it. At 1.28 the gate is the API server's alone. @default true at 1.37 */
  HPAScaleToZero?: boolean;
  /** A behaviour's own tolerance counts. @default true at 1.37; 1.28 knows none */
  HPAConfigurableTolerance?: boolean;
  /** ContainerResource metrics are asked. Always at 1.37. @default true */
  HPAContainerMetrics?: boolean;
}

export interface AutoscalerSettings extends PodStartPeriods {
  /** @default "1.37" */
  version?: AutoscalerVersion;
  /** Where a behaviour has no own tolerance. @default DEFAULT_TOLERANCE */
  tolerance?: number;
  /** @default DOWNSCALE_STABILIZATION_SECONDS */
  downscaleStabilizationSeconds?: number;
  featureGates?: AutoscalerFeatureGates;
}

export interface DecisionInput {
  hpa: HorizontalPodAutoscaler;
  scale: Scale;
  memory: AutoscalerMemory;
  metrics: MetricsClient;
  pods: (namespace: string, selector: Selector) => Promise<AutoscaledPod[]>;
  /** `namespace/name` of all HPAs, this one included, whose selectors match a pod of the selector. */
  autoscalersOf?: (selector: Selector, pods: AutoscaledPod[]) => string[];
  nowMs: number;
  settings?: AutoscalerSettings;
}

export interface AutoscalerEvent {
  type: "Normal" | "Warning";
  reason: string;
  message: string;
}

/** One metric's part in a decision. */
export interface MetricProposal {
  spec: MetricSpec;
  /** As in events: `external metric s0-prometheus(&LabelSelector{…})`. */
  name: string;
  /** What the metric asks for, before stabilisation and limits. */
  replicas: number;
  usageMilli: number;
}

export interface Decision {
  currentReplicas: number;
  /** Equal to `currentReplicas` when nothing is to be set. */
  desiredReplicas: number;
  /** For the event of a change. */
  reason: string;
  status: HorizontalPodAutoscalerStatus;
  events: AutoscalerEvent[];
  proposals: MetricProposal[];
  /** The metrics that could not be read. Scaling may go on without them. */
  error?: Error;
}

/** Never throws for what a metric or a pod may do wrong: that is in the status. */
export async function decide(input: DecisionInput): Promise<Decision> {
  const { hpa, scale, nowMs } = input;
  const sync = new Sync(input);
  const currentReplicas = scale.spec.replicas ?? 0;
  const minReplicas = hpa.spec.minReplicas ?? 1;
  const { maxReplicas } = hpa.spec;
  sync.set(
    "AbleToScale",
    "True",
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
  );
  let desired = currentReplicas;
  let reason = "";
  let error: Error | undefined;
  const fromZero = currentReplicas === 0 && mayLeaveZero(input);
  if (currentReplicas === 0 && !fromZero) {
    const message = "scaling is disabled since the replica count of the target is zero";
    sync.set("ScalingActive", "False", "ScalingDisabled", message);
    if (!remembersZero(input.settings)) sync.unset("ScaledToZero");
  } else if (currentReplicas > maxReplicas) {
    reason = "Current number of replicas above Spec.MaxReplicas";
    desired = maxReplicas;
  } else if (currentReplicas < minReplicas && !fromZero) {
    reason = "Current number of replicas below Spec.MinReplicas";
    desired = minReplicas;
  } else {
    const asked = await sync.askMetrics();
    error = asked.error;
    if (asked.replicas === undefined) {
      sync.warn("FailedComputeMetricsReplicas", error!.message);
      return withoutResult(input, sync.finish(currentReplicas, currentReplicas, "", error));
    }
    if (asked.replicas > currentReplicas) reason = `${asked.metric} above target`;
    if (asked.replicas < currentReplicas) reason = "All metrics below target";
    desired = sync.normalize(currentReplicas, asked.replicas, minReplicas, maxReplicas, nowMs);
    // minReplicas may have been raised since the HPA itself went to zero.
    if (fromZero && desired < minReplicas) {
      desired = minReplicas;
      reason ||= "Current number of replicas below Spec.MinReplicas";
    }
  }
  return sync.finish(currentReplicas, desired, reason, error);
}

/**
 * Whether the metrics are asked at zero replicas. At 1.28 a minimum of 0 is enough. Later the HPA must have gone to
 * zero itself, which it remembers in a condition: a zero that somebody else has set switches it off.
 */
function mayLeaveZero({ hpa, settings }: DecisionInput): boolean {
  const { minReplicas = 1 } = hpa.spec;
  if (settings?.version === "1.28") return minReplicas === 0;
  if (!remembersZero(settings)) return false;
  const wentToZero = hpa.status?.conditions?.some(
    ({ type, status }) => type === "ScaledToZero" && status === "True",
  );
  return wentToZero === true && (minReplicas !== 0 || hasSharedMetric(hpa));
}

function remembersZero({ version, featureGates }: AutoscalerSettings = {}): boolean {
  return version !== "1.28" && featureGates?.HPAScaleToZero !== false;
}

/** A metric that has a number without any pod. */
function hasSharedMetric({ spec }: HorizontalPodAutoscaler): boolean {
  return (spec.metrics ?? []).some(({ type }) => type === "Object" || type === "External");
}

/** Adds to a decision's status that its replicas were set. */
export function recordRescale(
  { hpa, settings, nowMs }: Pick<DecisionInput, "hpa" | "settings" | "nowMs">,
  { status, currentReplicas, desiredReplicas }: Decision,
): void {
  const conditions = status.conditions!;
  const done = `the HPA controller was able to update the target scale to ${desiredReplicas}`;
  setCondition(conditions, nowMs, ["AbleToScale", "True", "SucceededRescale", done]);
  status.lastScaleTime = kubernetesTime(nowMs);
  if (!remembersZero(settings)) {
    removeCondition(conditions, "ScaledToZero");
    return;
  }
  const toZero = currentReplicas > 0 && desiredReplicas === 0 && hasSharedMetric(hpa);
  setCondition(
    conditions,
    nowMs,
    toZero
      ? ["ScaledToZero", "True", "ScaledToZero", "the HPA controller scaled the workload to zero"]
      : ["ScaledToZero", "False", "NotScaledToZero", "the HPA controller did not scale the workload to zero"],
  );
}

/** Adds to a decision's status that its replicas could not be set. */
export function recordFailedRescale(
  at: Pick<DecisionInput, "hpa" | "settings" | "nowMs">,
  decision: Decision,
  error: Error,
): void {
  const message = `the HPA controller was unable to update the target scale: ${error.message}`;
  const change: ConditionChange = ["AbleToScale", "False", "FailedUpdateScale", message];
  setCondition(decision.status.conditions!, at.nowMs, change);
  withoutResult(at, decision);
}

/** A sync that failed leaves what was desired, and at 1.28 the metrics of the last good one too. */
function withoutResult(
  { hpa, settings }: Pick<DecisionInput, "hpa" | "settings">,
  decision: Decision,
): Decision {
  decision.status.desiredReplicas = hpa.status?.desiredReplicas ?? 0;
  if (settings?.version === "1.28") decision.status.currentMetrics = hpa.status?.currentMetrics ?? null;
  return decision;
}

type ConditionChange = [type: ConditionType, status: Condition["status"], reason: string, message: string];

export function setCondition(
  conditions: Condition[],
  nowMs: number,
  [type, status, reason, message]: ConditionChange,
): void {
  let condition = conditions.find((candidate) => candidate.type === type);
  if (condition === undefined) {
    condition = { type, status: "Unknown" };
    conditions.push(condition);
  }
  if (condition.status !== status || condition.lastTransitionTime === undefined) {
    condition.lastTransitionTime = kubernetesTime(nowMs);
  }
  Object.assign(condition, { status, reason, message });
}

function removeCondition(conditions: Condition[], type: ConditionType): void {
  const index = conditions.findIndex((condition) => condition.type === type);
  if (index !== -1) conditions.splice(index, 1);
}

/** What one sync gathers. */
class Sync {
  readonly #input: DecisionInput;
  readonly #hpa: HorizontalPodAutoscaler;
  readonly #tolerances: Tolerances;
  readonly #periods: PodStartPeriods;
  readonly #namespace: string;
  readonly #conditions: Condition[];
  readonly #events: AutoscalerEvent[] = [];
  readonly #proposals: MetricProposal[] = [];
  #statuses: MetricStatus[] | undefined;

  constructor(input: DecisionInput) {
    this.#input = input;
    this.#hpa = input.hpa;
    this.#namespace = input.hpa.metadata.namespace ?? "default";
    this.#conditions = structuredClone(input.hpa.status?.conditions ?? []);
    this.#tolerances = tolerancesOf(input.hpa, input.settings);
    const { cpuInitializationPeriodMs, initialReadinessDelayMs } = input.settings ?? {};
    this.#periods = { cpuInitializationPeriodMs, initialReadinessDelayMs };
  }

  set(...change: ConditionChange): void {
    setCondition(this.#conditions, this.#input.nowMs, change);
  }

  unset(type: ConditionType): void {
    removeCondition(this.#conditions, type);
  }

  warn(reason: string, message: string): void {
    this.#events.push({ type: "Warning", reason, message });
  }

  normalize(
    current: number,
    desired: number,
    minReplicas: number,
    maxReplicas: number,
    nowMs: number,
  ): number {
    const normalized = normalizeReplicas({
      memory: this.#input.memory,
      behavior: this.#hpa.spec.behavior,
      currentReplicas: current,
      desiredReplicas: desired,
      minReplicas,
      maxReplicas,
      nowMs,
      downscaleStabilizationSeconds: this.#input.settings?.downscaleStabilizationSeconds,
    });
    const { ableToScale, limited } = normalized;
    this.set("AbleToScale", "True", ableToScale.reason, ableToScale.message);
    this.set("ScalingLimited", limited.status, limited.reason, limited.message);
    return normalized.replicas;
  }

  /** The highest number that a metric asks for; undefined when that can't be known. */
  async askMetrics(): Promise<{ replicas?: number; metric: string; error?: Error }> {
    const specs = this.#hpa.spec.metrics?.length ? this.#hpa.spec.metrics : DEFAULT_METRICS;
    const { scale } = this.#input;
    let target: { selector: Selector; pods: AutoscaledPod[] };
    try {
      target = await this.#selectPods();
    } catch (error) {
      return { metric: "", error: error as Error };
    }
    this.#statuses = [];
    let replicas = 0;
    let metric = "";
    const failures: { spec: MetricSpec; reason: string; error: Error }[] = [];
    for (const spec of specs) {
      const type = spec.type;
      if (this.#isGatedOff(type)) {
        // Upstream neither tells an event of it nor sets a condition.
        const error = new Error(`${type} metric type is not supported: disabled by the feature gate`);
        failures.push({ spec, reason: "", error });
        this.#statuses.push({ type: "" as MetricStatus["type"] });
        continue;
      }
      try {
        const proposal = await this.#propose(spec, target);
        this.#proposals.push(proposal);
        if (replicas === 0 || proposal.replicas > replicas) {
          replicas = proposal.replicas;
          metric = proposal.name;
        }
      } catch (error) {
        const reason =
          METRIC_SOURCES[type] === undefined ? "InvalidMetricSourceType" : `FailedGet${type}Metric`;
        this.warn(reason, (error as Error).message);
        failures.push({ spec, reason, error: error as Error });
        // Upstream's list keeps its length, with an empty entry for what is not known.
        this.#statuses.push({ type: "" as MetricStatus["type"] });
      }
    }
    if (failures.length === 0) return this.#valid(replicas, metric);
    const [first] = failures;
    const count = `${failures.length} invalid out of ${specs.length}`;
    const prefix = first.reason === "" ? "" : failurePrefix(first.spec);
    const error = new Error(`invalid metrics (${count}), first error is: ${prefix}${first.error.message}`);
    // With a metric unknown the rest may ask for more pods, never for fewer.
    if (failures.length === specs.length || replicas < (scale.spec.replicas ?? 0)) {
      const message = `the HPA was unable to compute the replica count: ${first.error.message}`;
      if (first.reason !== "") this.set("ScalingActive", "False", first.reason, message);
      return { metric: "", error };
    }
    return { ...this.#valid(replicas, metric), error };
  }

  finish(current: number, desired: number, reason: string, error: Error | undefined): Decision {
    const previous = this.#hpa.status;
    const { generation } = this.#hpa.metadata;
    const isOld = this.#tolerances.version === "1.28";
    return {
      currentReplicas: current,
      desiredReplicas: desired,
      reason,
      status: {
        ...(previous?.lastScaleTime === undefined ? {} : { lastScaleTime: previous.lastScaleTime }),
        ...(isOld || generation === undefined ? {} : { observedGeneration: generation }),
        currentReplicas: current,
        desiredReplicas: desired,
        currentMetrics: this.#statuses ?? null,
        conditions: this.#conditions,
      },
      events: this.#events,
      proposals: this.#proposals,
      ...(error === undefined ? {} : { error }),
    };
  }

  #isGatedOff(type: string): boolean {
    const isOn = this.#input.settings?.featureGates?.HPAContainerMetrics ?? true;
    return type === "ContainerResource" && this.#tolerances.version === "1.28" && !isOn;
  }

  #valid(replicas: number, metric: string) {
    const message = `the HPA was able to successfully calculate a replica count from ${metric}`;
    this.set("ScalingActive", "True", "ValidMetricFound", message);
    return { replicas, metric };
  }

  async #selectPods(): Promise<{ selector: Selector; pods: AutoscaledPod[] }> {
    const text = this.#input.scale.status.selector ?? "";
    if (text === "") {
      this.warn("SelectorRequired", "selector is required");
      this.set("ScalingActive", "False", "InvalidSelector", "the HPA target's scale is missing a selector");
      throw new Error("selector is required");
    }
    let selector: Selector;
    try {
      selector = parseSelector(text);
    } catch (error) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
      this.warn("InvalidSelector", message);
      this.set("ScalingActive", "False", "InvalidSelector", message);
      throw new Error(message);
    }
    const pods = await this.#input.pods(this.#namespace, selector);
    const owners = this.#input.autoscalersOf?.(selector, pods) ?? [];
    if (owners.length > 1) {
      const message =
        this.#tolerances.version === "1.28"
          ? `pods by selector ${text} are controlled by multiple HPAs: [${owners.join(" ")}]`
          : `pods by selector ${text} are controlled by more than one HPA (e.g. [${owners.slice(0, 2).join(" ")}])`;
      this.warn("AmbiguousSelector", message);
      this.set("ScalingActive", "False", "AmbiguousSelector", message);
      throw new Error(message);
    }
    return { selector, pods };
  }

  async #propose(
    spec: MetricSpec,
    target: { selector: Selector; pods: AutoscaledPod[] },
  ): Promise<MetricProposal> {
    const ask = METRIC_SOURCES[spec.type];
    if (ask === undefined) throw new Error(`unknown metric source type ${JSON.stringify(spec.type)}`);
    const { name, proposal, status } = await ask({
      spec,
      ...target,
      namespace: this.#namespace,
      metrics: this.#input.metrics,
      tolerances: this.#tolerances,
      periods: this.#periods,
      nowMs: this.#input.nowMs,
      specReplicas: this.#input.scale.spec.replicas ?? 0,
      statusReplicas: this.#input.scale.status.replicas,
    });
    this.#statuses!.push({ type: spec.type, ...status } as MetricStatus);
    return { spec, name, replicas: proposal.replicas, usageMilli: proposal.usageMilli };
  }
}

function tolerancesOf(hpa: HorizontalPodAutoscaler, settings: AutoscalerSettings = {}): Tolerances {
  const { version = "1.37", tolerance = DEFAULT_TOLERANCE, featureGates } = settings;
  const mayBeOwn = version !== "1.28" && featureGates?.HPAConfigurableTolerance !== false;
  const of = (own: string | number | undefined) =>
    own === undefined || !mayBeOwn ? tolerance : parseQuantity(own);
  const { scaleUp, scaleDown } = hpa.spec.behavior ?? {};
  return { scaleUp: of(scaleUp?.tolerance), scaleDown: of(scaleDown?.tolerance), version };
}
