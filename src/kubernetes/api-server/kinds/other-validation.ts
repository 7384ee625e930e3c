/** Checks of disruption budgets and role bindings. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalidValue, required } from "../field-error.ts";

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
