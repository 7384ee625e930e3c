/**
 * What each kind of metric source asks for (kubernetes `pkg/controller/podautoscaler/horizontal.go`,
 * `computeStatusFor*Metric`): the number, the replicas that follow from it, and what the status shows.
 */
import type { LabelSelector, Selector } from "../../../model/label-selector.ts";
import { formatQuantity } from "../../../model/quantity.ts";
import type { MetricsClient } from "./horizontal-pod-autoscaler-metrics.ts";
import {
  milliOf,
  type PodMetricInput,
  type PodMetrics,
  type PodStartPeriods,
  type Proposal,
  replicasForAverage,
  replicasForSharedMetric,
  replicasForUtilization,
  replicasForValue,
  type Tolerances,
} from "./horizontal-pod-autoscaler-replicas.ts";
import type {
  AutoscaledPod,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from "./horizontal-pod-autoscaler-types.ts";

export interface Question {
  spec: MetricSpec;
  selector: Selector;
  pods: AutoscaledPod[];
  namespace: string;
  metrics: MetricsClient;
  tolerances: Tolerances;
  periods: PodStartPeriods;
  nowMs: number;
  specReplicas: number;
  statusReplicas: number;
}

export interface Answer {
  name: string;
  proposal: Proposal;
  status: Omit<MetricStatus, "type">;
}

/** One function per metric source. */
export const METRIC_SOURCES: Record<string, ((question: Question) => Promise<Answer>) | undefined> = {
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
      const text = (error as Error).message;
      // Before it was mended, the format string had its arguments in the wrong places.
      const said =
        tolerances.version === "1.28"
          ? `: ${describedObject.kind} on ${namespace} ${describedObject.name}/${text}`
          : ` on ${where}: ${text}`;
      throw new Error(`unable to get metric ${metric.name}${said}`);
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
    // At 1.28 the status forgot whose metric it is.
    const shown = tolerances.version === "1.28" ? { kind: "", name: "" } : describedObject;
    return { name, proposal, status: { object: { describedObject: shown, metric, current } } };
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
    const current = { averageValue: formatUsage(resource, proposal.usageMilli, question.tolerances) };
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
    averageValue: formatUsage(resource, proposal.usageMilli, question.tolerances),
    averageUtilization: proposal.utilization,
  };
  const kind = container === undefined ? "resource" : "container resource";
  return {
    name: `${resource} ${kind} utilization (percentage of request)`,
    proposal,
    status: statusOf(current),
  };
}

function inputOf({ pods, tolerances, periods, nowMs }: Question, metrics: PodMetrics): PodMetricInput {
  return { metrics, pods, tolerances, nowMs, ...periods };
}

async function prefixed<T>(prefix: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new Error(prefix + (error as Error).message);
  }
}

/** What upstream puts before a metric's error, layer by layer. */
export function failurePrefix({ external, object, pods, resource, containerResource }: MetricSpec): string {
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

/** What Go makes of an average over no pods: the least int64. People know this number from `kubectl get hpa`. */
const AVERAGE_OVER_NOTHING = "-9223372036854775808m";

/** Thousandths as a quantity. */
function formatMilli(milli: number): string {
  return Number.isFinite(milli) ? formatQuantity(milli / 1000) : AVERAGE_OVER_NOTHING;
}

/** Memory is shown in powers of 1024, as metrics-server shows it; at 1.28 it was not. */
function formatUsage(resource: string, milli: number, { version }: Tolerances): string {
  if (resource !== "memory" || version === "1.28") return formatMilli(milli);
  const bytes = milli / 1000;
  return formatQuantity(bytes > 1024 ? Math.ceil(bytes) : bytes, "BinarySI");
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
