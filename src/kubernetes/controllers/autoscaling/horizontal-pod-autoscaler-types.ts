/** `autoscaling/v2` HorizontalPodAutoscaler, as far as the controller reads and writes it. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { LabelSelector } from "../../../model/label-selector.ts";

export type MetricTargetType = "Utilization" | "Value" | "AverageValue";
type Quantity = string | number;

export interface MetricTarget {
  type: MetricTargetType;
  value?: Quantity;
  averageValue?: Quantity;
  /** Per cent of the request. */
  averageUtilization?: number;
}

export interface MetricIdentifier {
  name: string;
  selector?: LabelSelector;
}

export interface CrossVersionObjectReference {
  kind: string;
  name: string;
  apiVersion?: string;
}

export type MetricSourceType = "Object" | "Pods" | "Resource" | "ContainerResource" | "External";

export interface MetricSpec {
  type: MetricSourceType;
  object?: { describedObject: CrossVersionObjectReference; target: MetricTarget; metric: MetricIdentifier };
  pods?: { metric: MetricIdentifier; target: MetricTarget };
  resource?: { name: string; target: MetricTarget };
  containerResource?: { name: string; container: string; target: MetricTarget };
  external?: { metric: MetricIdentifier; target: MetricTarget };
}

interface MetricValueStatus {
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

export interface MetricStatus {
  type: MetricSourceType;
  object?: {
    metric: MetricIdentifier;
    current: MetricValueStatus;
    describedObject?: CrossVersionObjectReference;
  };
  pods?: { metric: MetricIdentifier; current: MetricValueStatus };
  resource?: { name: string; current: MetricValueStatus };
  containerResource?: { name: string; container: string; current: MetricValueStatus };
  external?: { metric: MetricIdentifier; current: MetricValueStatus };
}

export interface ScalingPolicy {
  type: "Pods" | "Percent";
  value: number;
  periodSeconds: number;
}

export interface ScalingRules {
  stabilizationWindowSeconds?: number | null;
  selectPolicy?: "Max" | "Min" | "Disabled" | null;
  policies?: ScalingPolicy[];
  /** By how much the usage may miss the target without a change: `50m` or 0.05 is 5 %. Kubernetes 1.33 and later. */
  tolerance?: Quantity;
}

export interface Behavior {
  scaleUp?: ScalingRules;
  scaleDown?: ScalingRules;
}

export type ConditionType = "ScalingActive" | "AbleToScale" | "ScalingLimited" | "ScaledToZero";

export interface Condition {
  type: ConditionType;
  status: "True" | "False" | "Unknown";
  lastTransitionTime?: string;
  reason?: string;
  message?: string;
}

export interface HorizontalPodAutoscalerStatus {
  observedGeneration?: number;
  lastScaleTime?: string;
  currentReplicas?: number;
  desiredReplicas?: number;
  currentMetrics?: MetricStatus[] | null;
  conditions?: Condition[];
}

export interface HorizontalPodAutoscaler extends KubernetesObject {
  spec: {
    scaleTargetRef: CrossVersionObjectReference;
    minReplicas?: number;
    maxReplicas: number;
    metrics?: MetricSpec[];
    behavior?: Behavior;
  };
  status?: HorizontalPodAutoscalerStatus;
}

/** `autoscaling/v1` Scale: the `scale` subresource. */
export interface Scale extends KubernetesObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

/** What the calculation reads of a pod. */
export interface AutoscaledPod extends KubernetesObject {
  spec: {
    containers: AutoscaledContainer[];
    initContainers?: AutoscaledContainer[];
    /** Of the pod as a whole. */
    resources?: { requests?: Record<string, Quantity> };
  };
  status?: {
    phase?: string;
    startTime?: string;
    conditions?: { type: string; status: string; lastTransitionTime?: string }[];
  };
}

interface AutoscaledContainer {
  name: string;
  restartPolicy?: string;
  resources?: { requests?: Record<string, Quantity> };
}

/**
 * Kubernetes versions that decide differently. `1.28`: the tolerance test is `|1 - ratio| <= 0.1`, and per-behaviour
 * tolerances are unknown. `1.37`: `0.9 <= ratio <= 1.1`, tolerances per behaviour. The float arithmetic differs at
 * the edge: 11 tenants on 5 pods of 2 are outside in the first and inside in the second.
 *
 * `1.37` also looks at a new or changed HPA at once, where `1.28` waits for its next turn; leaves zero only when it went
 * there itself (`ScaledToZero`); counts a pod's own requests; and shows memory in powers of 1024.
 */
export type AutoscalerVersion = "1.28" | "1.37";
