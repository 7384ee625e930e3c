/** Deployments, StatefulSets and the other kinds that make pods: defaults and checks (`pkg/apis/apps`, `pkg/apis/batch`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { apiType } from "../../../wire/kubernetes/schema/api-type.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, notNegative, required } from "../field-error.ts";
import { fillZeroValues } from "../zero-values.ts";
import { validateCronJob, validateJob } from "./job-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault, setPodSpecDefaults } from "./pod-defaults.ts";
import {
  validateDaemonSetStatus,
  validateDeploymentStatus,
  validateReplicaSetStatus,
  validateStatefulSetStatus,
} from "./status-validation.ts";
import {
  validateDaemonSet,
  validateDeployment,
  validateReplicaSet,
  validateStatefulSet,
} from "./workload-validation.ts";

/** The spec with a template and its pod spec, which have defaults even where nothing was sent. */
function withTemplate(object: KubernetesObject) {
  object.spec ??= {};
  const { spec } = object;
  spec.template ??= {};
  spec.template.spec ??= {};
  setPodSpecDefaults(spec.template.spec);
  return spec;
}

export const deploymentStrategy: KindStrategy = {
  validateStatus: validateDeploymentStatus,
  countsAnnotations: true,
  setDefaults(object) {
    const spec = withTemplate(object);
    setDefault(spec, "replicas", 1);
    setDefault(spec, "strategy", {});
    setDefault(spec.strategy, "type", "RollingUpdate");
    if (spec.strategy.type === "RollingUpdate") {
      setDefault(spec.strategy, "rollingUpdate", {});
      setDefault(spec.strategy.rollingUpdate, "maxUnavailable", "25%");
      setDefault(spec.strategy.rollingUpdate, "maxSurge", "25%");
    }
    setDefault(spec, "revisionHistoryLimit", 10);
    setDefault(spec, "progressDeadlineSeconds", 600);
  },
  validate: validateDeployment,
};

/**
 * Claim templates stay as they were sent. Upstream fills them in, which makes `kubectl apply` of an unchanged
 * StatefulSet say "configured" each time.
 */
export const statefulSetStrategy: KindStrategy = {
  validateStatus: validateStatefulSetStatus,
  setDefaults(object) {
    const spec = withTemplate(object);
    setDefault(spec, "replicas", 1);
    setDefault(spec, "podManagementPolicy", "OrderedReady");
    setDefault(spec, "updateStrategy", {});
    // Who names the strategy and nothing else gets no more.
    if (!spec.updateStrategy.type) {
      spec.updateStrategy.type = "RollingUpdate";
      setDefault(spec.updateStrategy, "rollingUpdate", {});
    }
    if (spec.updateStrategy.type === "RollingUpdate" && spec.updateStrategy.rollingUpdate !== undefined) {
      setDefault(spec.updateStrategy.rollingUpdate, "partition", 0);
      setDefault(spec.updateStrategy.rollingUpdate, "maxUnavailable", 1);
    }
    setDefault(spec, "revisionHistoryLimit", 10);
    setDefault(spec, "persistentVolumeClaimRetentionPolicy", {});
    setDefault(spec.persistentVolumeClaimRetentionPolicy, "whenDeleted", "Retain");
    setDefault(spec.persistentVolumeClaimRetentionPolicy, "whenScaled", "Retain");
  },
  validate: validateStatefulSet,
};

export const daemonSetStrategy: KindStrategy = {
  validateStatus: validateDaemonSetStatus,
  setDefaults(object) {
    const spec = withTemplate(object);
    setDefault(spec, "updateStrategy", {});
    setDefault(spec.updateStrategy, "type", "RollingUpdate");
    if (spec.updateStrategy.type === "RollingUpdate") {
      setDefault(spec.updateStrategy, "rollingUpdate", {});
      setDefault(spec.updateStrategy.rollingUpdate, "maxUnavailable", 1);
      setDefault(spec.updateStrategy.rollingUpdate, "maxSurge", 0);
    }
    setDefault(spec, "revisionHistoryLimit", 10);
  },
  // A client that brings an object over may say where to go on from.
  prepareForCreate: ({ metadata }) => setTemplateGeneration(metadata, templateGenerationOf(metadata) || 1),
  prepareForUpdate(object, previous) {
    const { template } = withTemplate(object);
    // What Go writes although it is empty is no change.
    fillZeroValues(apiType("core/v1.PodTemplateSpec")!, template);
    const before = Number(previous.metadata.annotations?.[TEMPLATE_GENERATION] ?? 1);
    const isSame = deepEqual(template, previous.spec?.template);
    setTemplateGeneration(object.metadata, isSame ? before : before + 1);
  },
  validate: validateDaemonSet,
};

const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

/** 0 where none is given. */
function templateGenerationOf({ annotations }: KubernetesObject["metadata"]): number {
  const given = Number(annotations?.[TEMPLATE_GENERATION] ?? 0);
  return Number.isSafeInteger(given) && given > 0 ? given : 0;
}

function setTemplateGeneration(metadata: KubernetesObject["metadata"], generation: number): void {
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

export const replicaSetStrategy: KindStrategy = {
  validateStatus: validateReplicaSetStatus,
  setDefaults(object) {
    const spec = withTemplate(object);
    setDefault(spec, "replicas", 1);
  },
  validate: validateReplicaSet,
};

const MAX_INT32 = 2 ** 31 - 1;

export const jobStrategy: KindStrategy = {
  setDefaults(object) {
    const spec = withTemplate(object);
    const { metadata } = object;
    if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
    setDefault(spec, "parallelism", 1);
    setDefault(spec, "backoffLimit", spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32);
    setDefault(spec, "completionMode", "NonIndexed");
    setDefault(spec, "suspend", false);
    setDefault(spec, "manualSelector", false);
    setDefault(spec, "podReplacementPolicy", spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed");
    for (const { onPodConditions } of spec.podFailurePolicy?.rules ?? []) {
      for (const condition of onPodConditions ?? []) setDefault(condition, "status", "True");
    }
    const labels = spec.template?.metadata?.labels;
    if (labels !== undefined && Object.keys(metadata.labels ?? {}).length === 0)
      metadata.labels = { ...labels };
  },
  prepareForCreate: setJobSelector,
  validate: validateJob,
  fields: { "status.successful": (job) => job.status?.succeeded ?? 0 },
};

/** A job tells its pods by its own identity, unless it says otherwise. */
function setJobSelector(job: KubernetesObject): void {
  job.spec ??= {};
  const { spec } = job;
  if (spec.manualSelector === true) return;
  spec.template ??= {};
  const { uid, name } = job.metadata;
  // What a client has set stays: whether it is right is checked.
  const labels = {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
    ...spec.template.metadata?.labels,
  };
  spec.template.metadata = { ...spec.template.metadata, labels };
  const { matchLabels } = spec.selector ?? {};
  spec.selector = {
    ...spec.selector,
    matchLabels: { "batch.kubernetes.io/controller-uid": uid, ...matchLabels },
  };
}

export const cronJobStrategy: KindStrategy = {
  setDefaults(object) {
    object.spec ??= {};
    const { spec } = object;
    spec.jobTemplate ??= {};
    withTemplate(spec.jobTemplate);
    setDefault(spec, "concurrencyPolicy", "Allow");
    setDefault(spec, "suspend", false);
    setDefault(spec, "successfulJobsHistoryLimit", 3);
    setDefault(spec, "failedJobsHistoryLimit", 1);
  },
  validate: validateCronJob,
};

/** `ValidateControllerRevision` */
export const controllerRevisionStrategy: KindStrategy = {
  validate(object, previous) {
    const { data, revision = 0 } = object as KubernetesObject & { data?: unknown; revision?: number };
    const causes = notNegative("revision", revision);
    const before = (previous as typeof object & { data?: unknown })?.data;
    if (previous !== undefined && !deepEqual(data, before))
      causes.push(invalidValue("data", data ?? null, "field is immutable"));
    if (data === undefined) causes.push(required("data", "data is mandatory"));
    else if (typeof data !== "object" || data === null || Array.isArray(data))
      causes.push(required("data", "data must be a valid JSON object"));
    return causes;
  },
};
