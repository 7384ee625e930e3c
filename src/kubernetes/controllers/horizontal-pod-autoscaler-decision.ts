/**
 * One sync of a HorizontalPodAutoscaler, from its metrics to the replicas to set, the status and the events
 * (kubernetes `pkg/controller/podautoscaler/horizontal.go`, `reconcileAutoscaler`). Writes nothing: the controller
 * does, and replay and `explain` read the answer.
 */
import { kubernetesTime } from "../../model/kubernetes-object.ts";
import { type LabelSelector, parseSelector, type Selector } from "../../model/label-selector.ts";
import { formatQuantity, parseQuantity } from "../../model/quantity.ts";
import { type AutoscalerMemory, normalizeReplicas } from "./horizontal-pod-autoscaler-behavior.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import {
  milliOf,
  type PodMetricInput,
  type PodMetrics,
  type Proposal,
  replicasForAverage,
  replicasForSharedMetric,
  replicasForUtilization,
  replicasForValue,
  type Tolerances,
} from "./horizontal-pod-autoscaler-replicas.ts";
import type {
  AutoscaledPod,
  AutoscalerVersion,
  Condition,
  ConditionType,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  Scale,
} from "./horizontal-pod-autoscaler-types.ts";

/** `--horizontal-pod-autoscaler-tolerance` */
export const DEFAULT_TOLERANCE = 0.1;
/** What an HPA without metrics scales on. */
const DEFAULT_METRICS: MetricSpec[] = [
  { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
];

export interface AutoscalerSettings {
  /** @default "1.37" */
  version?: AutoscalerVersion;
  /** Where a behaviour has no own tolerance. @default DEFAULT_TOLERANCE */
  tolerance?: number;
  /** @default DOWNSCALE_STABILIZATION_SECONDS */
  downscaleStabilizationSeconds?: number;
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
  if (currentReplicas === 0 && minReplicas !== 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    sync.set("ScalingActive", "False", "ScalingDisabled", message);
  } else if (currentReplicas > maxReplicas) {
    reason = "Current number of replicas above Spec.MaxReplicas";
    desired = maxReplicas;
  } else if (currentReplicas < minReplicas) {
    reason = "Current number of replicas below Spec.MinReplicas";
    desired = minReplicas;
  } else {
    const asked = await sync.askMetrics();
    error = asked.error;
    if (asked.replicas === undefined) {
      sync.warn("FailedComputeMetricsReplicas", error!.message);
      return sync.finish(currentReplicas, currentReplicas, hpa.status?.desiredReplicas ?? 0, "", error);
    }
    if (asked.replicas > currentReplicas) reason = `${asked.metric} above target`;
    if (asked.replicas < currentReplicas) reason = "All metrics below target";
    desired = sync.normalize(currentReplicas, asked.replicas, minReplicas, maxReplicas, nowMs);
  }
  if ((input.settings?.version ?? "1.37") !== "1.28") {
    const scaledToZero = desired === 0 && currentReplicas > 0;
    if (scaledToZero)
      sync.set("ScaledToZero", "True", "ScaledToZero", "the HPA controller scaled the workload to zero");
    else if (desired > 0) {
      sync.set(
        "ScaledToZero",
        "False",
        "NotScaledToZero",
        "the HPA controller did not scale the workload to zero",
      );
    }
  }
  return sync.finish(currentReplicas, desired, desired, reason, error);
}

/** What one sync gathers. */
class Sync {
  readonly #input: DecisionInput;
  readonly #hpa: HorizontalPodAutoscaler;
  readonly #tolerances: Tolerances;
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
  }

  set(type: ConditionType, status: Condition["status"], reason: string, message: string): void {
    let condition = this.#conditions.find((candidate) => candidate.type === type);
    if (condition === undefined) {
      condition = { type, status: "Unknown" };
      this.#conditions.push(condition);
    }
    if (condition.status !== status || condition.lastTransitionTime === undefined) {
      condition.lastTransitionTime = kubernetesTime(this.#input.nowMs);
    }
    Object.assign(condition, { status, reason, message });
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
      try {
        const proposal = await this.#propose(spec, target);
        this.#proposals.push(proposal);
        if (replicas === 0 || proposal.replicas > replicas) {
          replicas = proposal.replicas;
          metric = proposal.name;
        }
      } catch (error) {
        const reason = KINDS[type] === undefined ? "InvalidMetricSourceType" : `FailedGet${type}Metric`;
        this.warn(reason, (error as Error).message);
        failures.push({ spec, reason, error: error as Error });
        // Upstream's list keeps its length, with an empty entry for what is not known.
        this.#statuses.push({ type: "" as MetricStatus["type"] });
      }
    }
    if (failures.length === 0) return this.#valid(replicas, metric);
    const [first] = failures;
    const count = `${failures.length} invalid out of ${specs.length}`;
    const error = new Error(
      `invalid metrics (${count}), first error is: ${failurePrefix(first.spec)}${first.error.message}`,
    );
    // With a metric unknown the rest may ask for more pods, never for fewer.
    if (failures.length === specs.length || replicas < (scale.spec.replicas ?? 0)) {
      const message = `the HPA was unable to compute the replica count: ${first.error.message}`;
      this.set("ScalingActive", "False", first.reason, message);
      return { metric: "", error };
    }
    return { ...this.#valid(replicas, metric), error };
  }

  finish(
    current: number,
    desired: number,
    shown: number,
    reason: string,
    error: Error | undefined,
  ): Decision {
    const previous = this.#hpa.status;
    return {
      currentReplicas: current,
      desiredReplicas: desired,
      reason,
      status: {
        ...(previous?.lastScaleTime === undefined ? {} : { lastScaleTime: previous.lastScaleTime }),
        currentReplicas: current,
        desiredReplicas: shown,
        currentMetrics: this.#statuses ?? null,
        conditions: this.#conditions,
      },
      events: this.#events,
      proposals: this.#proposals,
      ...(error === undefined ? {} : { error }),
    };
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
      const message = `pods by selector ${text} are controlled by multiple HPAs: [${owners.join(" ")}]`;
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
    const ask = KINDS[spec.type];
    if (ask === undefined) throw new Error(`unknown metric source type ${JSON.stringify(spec.type)}`);
    const { name, proposal, status } = await ask({
      spec,
      ...target,
      namespace: this.#namespace,
      metrics: this.#input.metrics,
      tolerances: this.#tolerances,
      nowMs: this.#input.nowMs,
      specReplicas: this.#input.scale.spec.replicas ?? 0,
      statusReplicas: this.#input.scale.status.replicas,
    });
    this.#statuses!.push({ type: spec.type, ...status } as MetricStatus);
    return { spec, name, replicas: proposal.replicas, usageMilli: proposal.usageMilli };
  }
}

function tolerancesOf(hpa: HorizontalPodAutoscaler, settings: AutoscalerSettings = {}): Tolerances {
  const { version = "1.37", tolerance = DEFAULT_TOLERANCE } = settings;
  const of = (own: string | number | undefined) =>
    own === undefined || version === "1.28" ? tolerance : parseQuantity(own);
  const { scaleUp, scaleDown } = hpa.spec.behavior ?? {};
  return { scaleUp: of(scaleUp?.tolerance), scaleDown: of(scaleDown?.tolerance), version };
}

interface Question {
  spec: MetricSpec;
  selector: Selector;
  pods: AutoscaledPod[];
  namespace: string;
  metrics: MetricsClient;
  tolerances: Tolerances;
  nowMs: number;
  specReplicas: number;
  statusReplicas: number;
}

interface Answer {
  name: string;
  proposal: Proposal;
  status: Omit<MetricStatus, "type">;
}

/** One function per metric source. */
const KINDS: Record<string, ((question: Question) => Promise<Answer>) | undefined> = {
  External: askExternal,
  Object: askObject,
  Pods: askPods,
  Resource: (question) => {
    const { name, target } = question.spec.resource!;
    return askResource(question, name, target, undefined);
  },
  ContainerResource: (question) => {
    const { name, target, container } = question.spec.containerResource!;
    return askResource(question, name, target, container);
  },
};

async function askExternal(question: Question): Promise<Answer> {
  const { metric, target } = question.spec.external!;
  const { metrics, namespace, tolerances, pods, specReplicas, statusReplicas } = question;
  const shown = goSelector(metric.selector);
  const read = async () => {
    try {
      const values = await metrics.externalMetric(metric.name, namespace, metric.selector);
      return values.reduce((sum, value) => sum + value, 0);
    } catch (error) {
      const where = `${namespace}/${metric.name}/${shown}`;
      throw new Error(`unable to get external metric ${where}: ${(error as Error).message}`);
    }
  };
  const name = `external metric ${metric.name}(${shown})`;
  if (target.averageValue !== undefined) {
    const sum = await read();
    const proposal = replicasForSharedMetric(statusReplicas, sum, milliOf(target.averageValue), tolerances);
    const current = { averageValue: formatMilli(proposal.usageMilli) };
    return { name, proposal, status: { external: { metric, current } } };
  }
  if (target.value !== undefined) {
    const sum = await read();
    const proposal = replicasForValue(specReplicas, sum, milliOf(target.value), tolerances, pods);
    return { name, proposal, status: { external: { metric, current: { value: formatMilli(sum) } } } };
  }
  throw new Error(
    "invalid external metric source: neither a value target nor an average value target was set",
  );
}

async function askObject(question: Question): Promise<Answer> {
  const { metric, target, describedObject } = question.spec.object!;
  const { metrics, namespace, tolerances, pods, specReplicas, statusReplicas } = question;
  const read = async () => {
    try {
      return await metrics.objectMetric(metric.name, namespace, describedObject, metric.selector);
    } catch (error) {
      const where = `${describedObject.kind} ${namespace}/${describedObject.name}`;
      throw new Error(`unable to get metric ${metric.name}: ${where}/${(error as Error).message}`);
    }
  };
  if (target.type === "Value" && target.value !== undefined) {
    const value = await read();
    const proposal = replicasForValue(specReplicas, value, milliOf(target.value), tolerances, pods);
    const current = { value: formatMilli(value) };
    const name = `${describedObject.kind} metric ${metric.name}`;
    return { name, proposal, status: { object: { describedObject, metric, current } } };
  }
  if (target.type === "AverageValue" && target.averageValue !== undefined) {
    const value = await read();
    const proposal = replicasForSharedMetric(statusReplicas, value, milliOf(target.averageValue), tolerances);
    const current = { averageValue: formatMilli(proposal.usageMilli) };
    const name = `external metric ${metric.name}(${goSelector(metric.selector)})`;
    return { name, proposal, status: { object: { describedObject, metric, current } } };
  }
  throw new Error("invalid object metric source: neither a value target nor an average value target was set");
}

async function askPods(question: Question): Promise<Answer> {
  const { metric, target } = question.spec.pods!;
  const { metrics, namespace, selector, specReplicas } = question;
  let values: PodMetrics;
  try {
    values = await metrics.podsMetric(metric.name, namespace, selector, metric.selector);
  } catch (error) {
    throw new Error(`unable to get metric ${metric.name}: ${(error as Error).message}`);
  }
  const proposal = replicasForAverage(specReplicas, milliOf(target.averageValue!), inputOf(question, values));
  const current = { averageValue: formatMilli(proposal.usageMilli) };
  return { name: `pods metric ${metric.name}`, proposal, status: { pods: { metric, current } } };
}

async function askResource(
  question: Question,
  resource: string,
  target: MetricTarget,
  container: string | undefined,
): Promise<Answer> {
  const { metrics, namespace, selector, specReplicas } = question;
  const read = async () => {
    try {
      return await metrics.resourceMetric(resource, namespace, selector, container);
    } catch (error) {
      throw new Error(`unable to get metrics for resource ${resource}: ${(error as Error).message}`);
    }
  };
  const statusOf = (current: object): Answer["status"] =>
    container === undefined
      ? { resource: { name: resource, current } }
      : { containerResource: { name: resource, container, current } };
  if (target.averageValue !== undefined) {
    const proposal = await prefixed(`failed to get ${resource} usage: `, async () =>
      replicasForAverage(specReplicas, milliOf(target.averageValue!), {
        ...inputOf(question, await read()),
        resource,
      }),
    );
    const current = { averageValue: formatMilli(proposal.usageMilli) };
    return { name: `${resource} resource`, proposal, status: statusOf(current) };
  }
  const { averageUtilization } = target;
  if (averageUtilization === undefined) {
    throw new Error(
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
    );
  }
  const proposal = await prefixed(`failed to get ${resource} utilization: `, async () =>
    replicasForUtilization(specReplicas, averageUtilization, {
      ...inputOf(question, await read()),
      resource,
      container,
    }),
  );
  const current = {
    averageValue: formatMilli(proposal.usageMilli),
    averageUtilization: proposal.utilization,
  };
  const kind = container === undefined ? "resource" : "container resource";
  return {
    name: `${resource} ${kind} utilization (percentage of request)`,
    proposal,
    status: statusOf(current),
  };
}

function inputOf({ pods, tolerances, nowMs }: Question, metrics: PodMetrics): PodMetricInput {
  return { metrics, pods, tolerances, nowMs };
}

async function prefixed<T>(prefix: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new Error(prefix + (error as Error).message);
  }
}

/** What upstream puts before a metric's error, layer by layer. */
function failurePrefix({ external, object, pods, resource, containerResource }: MetricSpec): string {
  if (external !== undefined) {
    const { name } = external.metric;
    const inner =
      external.target.averageValue === undefined ? `external metric ${name}` : `${name} external metric`;
    return `failed to get ${name} external metric value: failed to get ${inner}: `;
  }
  if (object !== undefined) {
    const inner =
      object.target.type === "AverageValue" ? `failed to get ${object.metric.name} object metric: ` : "";
    return `failed to get object metric value: ${inner}`;
  }
  if (pods !== undefined) return "failed to get pods metric value: ";
  if (resource !== undefined) return `failed to get ${resource.name} resource metric value: `;
  return containerResource === undefined
    ? ""
    : `failed to get ${containerResource.container} container metric value: `;
}

/** Thousandths as a quantity. */
function formatMilli(milli: number): string {
  return formatQuantity(milli / 1000);
}

/** A selector as Go prints it with `%+v`, which is what people see in events. */
export function goSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`)
    .join("");
  const expressions = (selector.matchExpressions ?? [])
    .map(
      ({ key, operator, values }) =>
        `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(" ")}],},`,
    )
    .join("");
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`;
}
