/** Jobs and CronJobs. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { LabelSelector } from "../../model/label-selector.ts";
import type { Condition } from "./condition.ts";
import type { PodTemplate } from "./pod.ts";

export interface Job extends KubernetesObject {
  spec: {
    parallelism?: number;
    completions?: number;
    completionMode?: string;
    backoffLimit?: number;
    activeDeadlineSeconds?: number;
    ttlSecondsAfterFinished?: number;
    selector?: LabelSelector;
    manualSelector?: boolean;
    suspend?: boolean;
    managedBy?: string;
    backoffLimitPerIndex?: number;
    maxFailedIndexes?: number;
    podReplacementPolicy?: "TerminatingOrFailed" | "Failed";
    podFailurePolicy?: { rules: PodFailureRule[] };
    successPolicy?: { rules: { succeededIndexes?: string; succeededCount?: number }[] };
    template: PodTemplate;
  };
}

export interface JobStatus {
  startTime?: string;
  completionTime?: string;
  conditions?: Condition[];
  active?: number;
  ready?: number;
  terminating?: number;
  succeeded?: number;
  failed?: number;
  /** Uids of pods that have ended and are not in `succeeded` and `failed` yet. */
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
  completedIndexes?: string;
  failedIndexes?: string;
}

export interface PodFailureRule {
  action: "FailJob" | "FailIndex" | "Ignore" | "Count";
  onExitCodes?: { containerName?: string; operator: "In" | "NotIn"; values: number[] };
  onPodConditions?: { type: string; status?: string }[];
}

export interface CronJob extends KubernetesObject {
  spec: {
    schedule: string;
    timeZone?: string;
    suspend?: boolean;
    concurrencyPolicy?: "Allow" | "Forbid" | "Replace";
    startingDeadlineSeconds?: number;
    successfulJobsHistoryLimit?: number;
    failedJobsHistoryLimit?: number;
    jobTemplate: {
      metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      spec: Job["spec"];
    };
  };
  status?: CronJobStatus;
}

export interface CronJobStatus {
  active?: {
    apiVersion?: string;
    kind?: string;
    namespace?: string;
    name: string;
    uid?: string;
    resourceVersion?: string;
  }[];
  lastScheduleTime?: string;
  lastSuccessfulTime?: string;
}
