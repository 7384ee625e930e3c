/** Checks of autoscalers, disruption budgets and role bindings. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, required } from "../field-error.ts";

export function validateAutoscaler({ spec }: KubernetesObject): StatusCause[] {
  if (spec === undefined) return [required("spec.scaleTargetRef.kind"), required("spec.scaleTargetRef.name")];
  const causes: StatusCause[] = [];
  if (spec.minReplicas < 1) {
    causes.push(invalidValue("spec.minReplicas", spec.minReplicas, "must be greater than or equal to 1"));
  }
  if (!(spec.maxReplicas >= 1)) {
    causes.push(invalidValue("spec.maxReplicas", spec.maxReplicas ?? 0, "must be greater than 0"));
  } else if (spec.maxReplicas < spec.minReplicas) {
    causes.push(
      invalidValue("spec.maxReplicas", spec.maxReplicas, "must be greater than or equal to `minReplicas`"),
    );
  }
  for (const field of ["kind", "name"]) {
    if (!spec.scaleTargetRef?.[field]) causes.push(required(`spec.scaleTargetRef.${field}`));
  }
  return causes;
}

export function validateDisruptionBudget({ spec }: KubernetesObject): StatusCause[] {
  if (spec?.minAvailable === undefined || spec.maxUnavailable === undefined) return [];
  return [invalidValue("spec", spec, "minAvailable and maxUnavailable cannot be both set")];
}

export function validateRoleBinding(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const binding = object as KubernetesObject & { roleRef?: { kind?: string; name?: string } };
  const old = previous as typeof binding | undefined;
  if (old !== undefined && !deepEqual(binding.roleRef, old.roleRef)) {
    return [invalidValue("roleRef", binding.roleRef, "cannot change roleRef")];
  }
  return binding.roleRef?.name ? [] : [required("roleRef.name")];
}
