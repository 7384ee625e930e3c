/** Checks of workloads (`pkg/apis/apps/validation`, `pkg/apis/batch/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notNegative, notSupported, required } from "../field-error.ts";
import { validatePodSpec } from "./pod-validation.ts";

/** What holds for all kinds that have a selector and a template. */
export function validateWorkload(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec } = object;
  if (spec === undefined) return [required("spec.selector"), required("spec.template")];
  const causes: StatusCause[] = [...notNegative("spec.replicas", spec.replicas)];
  causes.push(...notNegative("spec.minReadySeconds", spec.minReadySeconds));
  causes.push(...notNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit));
  causes.push(...validateSelector(spec));
  if (previous !== undefined && !deepEqual(spec.selector, previous.spec?.selector)) {
    causes.push(invalidValue("spec.selector", spec.selector, "field is immutable"));
  }
  causes.push(...validateTemplate(withClaims(spec), ["Always"]));
  return causes;
}

/** A StatefulSet's containers mount its claims by their names, as if they were volumes of the template. */
// biome-ignore lint/suspicious/noExplicitAny: a workload's spec
function withClaims(spec: any): any {
  const { template, volumeClaimTemplates = [] } = spec;
  if (template?.spec === undefined || volumeClaimTemplates.length === 0) return template;
  const names: string[] = volumeClaimTemplates.map((claim: KubernetesObject) => claim.metadata?.name);
  const others = (template.spec.volumes ?? []).filter(({ name }: { name: string }) => !names.includes(name));
  const claims = names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...template, spec: { ...template.spec, volumes: [...others, ...claims] } };
}

// biome-ignore lint/suspicious/noExplicitAny: a workload's spec
function validateSelector(spec: any): StatusCause[] {
  if (spec.selector === undefined) return [required("spec.selector")];
  const selector = selectorOf(spec.selector)!;
  if (selector.length === 0) {
    return [invalidValue("spec.selector", spec.selector, "empty selector is invalid for deployment")];
  }
  if (spec.template === undefined || matchesSelector(selector, spec.template.metadata?.labels)) return [];
  return [
    invalidValue(
      "spec.template.metadata.labels",
      spec.template.metadata?.labels ?? null,
      "`selector` does not match template `labels`",
    ),
  ];
}

// biome-ignore lint/suspicious/noExplicitAny: a pod template
function validateTemplate(template: any, restartPolicies: string[]): StatusCause[] {
  if (template?.spec === undefined) return [required("spec.template.spec.containers")];
  const causes = validatePodSpec(template.spec, "spec.template.spec");
  if (!restartPolicies.includes(template.spec.restartPolicy)) {
    causes.push(
      notSupported("spec.template.spec.restartPolicy", template.spec.restartPolicy, restartPolicies),
    );
  }
  return causes;
}

export function validateDeployment(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const causes = validateWorkload(object, previous);
  const strategy = object.spec?.strategy;
  const types = ["Recreate", "RollingUpdate"];
  if (strategy !== undefined && !types.includes(strategy.type)) {
    causes.push(notSupported("spec.strategy.type", strategy.type, types));
  }
  if (strategy?.type === "Recreate" && strategy.rollingUpdate !== undefined) {
    causes.push(
      forbiddenField(
        "spec.strategy.rollingUpdate",
        "may not be specified when strategy `type` is 'Recreate'",
      ),
    );
  }
  const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {};
  if (isNone(maxSurge) && isNone(maxUnavailable)) {
    const detail = "may not be 0 when `maxSurge` is 0";
    causes.push(invalidValue("spec.strategy.rollingUpdate.maxUnavailable", maxUnavailable, detail));
  }
  return causes;
}

function isNone(value: unknown): boolean {
  return value === 0 || value === "0%" || value === "0";
}

/** The fields of a StatefulSet's spec that may change. */
const MUTABLE_FIELDS = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

export function validateStatefulSet(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  if (previous !== undefined && !deepEqual(fixedPart(object.spec), fixedPart(previous.spec))) {
    return [
      forbiddenField(
        "spec",
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
          "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ),
    ];
  }
  const causes = validateWorkload(object, previous);
  const { spec } = object;
  if (spec === undefined) return causes;
  const policies = ["OrderedReady", "Parallel"];
  if (!policies.includes(spec.podManagementPolicy)) {
    causes.push(notSupported("spec.podManagementPolicy", spec.podManagementPolicy, policies));
  }
  const types = ["OnDelete", "RollingUpdate"];
  if (!types.includes(spec.updateStrategy?.type)) {
    causes.push(notSupported("spec.updateStrategy.type", spec.updateStrategy?.type, types));
  }
  causes.push(
    ...notNegative(
      "spec.updateStrategy.rollingUpdate.partition",
      spec.updateStrategy?.rollingUpdate?.partition,
    ),
  );
  return causes;
}

function fixedPart(spec: Record<string, unknown> | undefined): unknown {
  return Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => !MUTABLE_FIELDS.includes(field)));
}

export function validateJob(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { spec } = object;
  if (spec === undefined) return [required("spec.template")];
  const causes = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
  ].flatMap((field) => notNegative(`spec.${field}`, spec[field]));
  if (
    previous !== undefined &&
    !deepEqual(spec.template, previous.spec?.template) &&
    !previous.spec?.suspend
  ) {
    causes.push(invalidValue("spec.template", "", "field is immutable"));
  }
  const policies = ["Never", "OnFailure"];
  const template = spec.template?.spec;
  if (template?.restartPolicy === "Always") {
    const detail = `supported values: ${policies
      .map((policy) => JSON.stringify(policy))
      .reverse()
      .join(", ")}`;
    return [
      ...causes,
      {
        reason: "FieldValueNotSupported",
        field: "spec.template.spec.restartPolicy",
        message: `Unsupported value: "Always": ${detail}`,
      },
    ];
  }
  return [...causes, ...validateTemplate(spec.template, policies)];
}
