/** Autoscaling, policy, RBAC and priorities: defaults. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import {
  validateDisruptionBudget,
  validatePriorityClass,
  validateRole,
  validateRoleBinding,
} from "./access-validation.ts";
import { validateAutoscaler } from "./autoscaler-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault } from "./pod-defaults.ts";

/** Defaults of `autoscaling/v2` (`pkg/apis/autoscaling/v2/defaults.go`). */
export const autoscalerStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    setDefault(spec, "minReplicas", 1);
    if ((spec.metrics ?? []).length === 0) {
      const target = { type: "Utilization", averageUtilization: 80 };
      spec.metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
    }
    if (spec.behavior === undefined) return;
    setDefault(spec.behavior, "scaleUp", {});
    setDefault(spec.behavior, "scaleDown", {});
    const { scaleUp, scaleDown } = spec.behavior;
    setDefault(scaleUp, "stabilizationWindowSeconds", 0);
    setDefault(scaleUp, "selectPolicy", "Max");
    setDefault(scaleUp, "policies", [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ]);
    setDefault(scaleDown, "selectPolicy", "Max");
    setDefault(scaleDown, "policies", [{ type: "Percent", value: 100, periodSeconds: 15 }]);
  },
  validate: validateAutoscaler,
};

export const disruptionBudgetStrategy: KindStrategy = { validate: validateDisruptionBudget };

export const roleStrategy: KindStrategy = { validate: validateRole };

/** Subjects and the role name their API group. */
export const roleBindingStrategy: KindStrategy = {
  setDefaults(object) {
    const binding = object as KubernetesObject & { roleRef?: object; subjects?: { kind: string }[] };
    binding.roleRef ??= {};
    setDefault(binding.roleRef, "apiGroup", "rbac.authorization.k8s.io");
    for (const subject of binding.subjects ?? []) {
      if (subject.kind !== "ServiceAccount") setDefault(subject, "apiGroup", "rbac.authorization.k8s.io");
    }
  },
  validate: validateRoleBinding,
};

export const priorityClassStrategy: KindStrategy = {
  keepsGeneration: true,
  setDefaults: (object) => setDefault(object, "preemptionPolicy", "PreemptLowerPriority"),
  validate: validatePriorityClass,
};
