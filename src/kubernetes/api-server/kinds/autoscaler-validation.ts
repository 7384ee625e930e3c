/** Checks of a HorizontalPodAutoscaler (kubernetes `pkg/apis/autoscaling/validation/validation.go`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { checkLabel, checkText, pathSegmentProblem } from "./field-rules.ts";
import { resourceNameProblems } from "./resource-validation.ts";

const MAX_STABILIZATION_SECONDS = 3600;
const MAX_PERIOD_SECONDS = 1800;
const SELECT_POLICIES = ["Disabled", "Max", "Min"];
const POLICY_TYPES = ["Percent", "Pods"];
const TARGET_TYPES = ["Utilization", "Value", "AverageValue"];
/** The field that each type of metric uses. */
const SOURCES: Record<string, string> = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
};

// biome-ignore lint/suspicious/noExplicitAny: what is checked may be anything
type Untrusted = any;

export function validateAutoscaler(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const { minReplicas, maxReplicas = 0 } = spec;
  const causes: StatusCause[] = [];
  if (minReplicas < 0) {
    causes.push(invalidValue("spec.minReplicas", minReplicas, "must be greater than or equal to 0"));
  }
  if (maxReplicas === 0) causes.push(required("spec.maxReplicas", "must be set and greater than 0"));
  else if (maxReplicas < 0) {
    causes.push(invalidValue("spec.maxReplicas", maxReplicas, "must be greater than or equal to 1"));
  }
  if (maxReplicas < minReplicas) {
    causes.push(
      invalidValue("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"),
    );
  }
  const [now, before] = [spec, previous?.spec].map((each) => each?.scaleTargetRef);
  const isSame =
    previous !== undefined && now?.apiVersion === before?.apiVersion && now?.kind === before?.kind;
  causes.push(...referenceProblems(now, "spec.scaleTargetRef", isSame ? "as before" : true));
  causes.push(...metricsProblems(spec.metrics ?? [], minReplicas));
  for (const direction of ["scaleUp", "scaleDown"]) {
    const rules = spec.behavior?.[direction];
    if (rules) causes.push(...rulesProblems(rules, `spec.behavior.${direction}`));
  }
  return causes;
}

/** @param needsGroup the core group has nothing that could be meant, but for one kind */
function referenceProblems(
  reference: Untrusted,
  path: string,
  needsGroup: boolean | "as before",
): StatusCause[] {
  const causes = ["kind", "name"].flatMap((field) =>
    reference?.[field]
      ? checkText(`${path}.${field}`, reference[field], pathSegmentProblem)
      : [required(`${path}.${field}`)],
  );
  if (needsGroup === "as before") return causes;
  const { apiVersion = "", kind } = reference ?? {};
  const parts = apiVersion.split("/");
  const field = `${path}.apiVersion`;
  if (parts.length > 2)
    causes.push(invalidValue(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else if (needsGroup && kind !== "ReplicationController" && (parts.length < 2 || parts[0] === ""))
    causes.push(invalidValue(field, apiVersion, "apiVersion must specify API group"));
  return causes;
}

function metricsProblems(metrics: Untrusted[], minReplicas: number): StatusCause[] {
  const causes = metrics.flatMap((metric, index) => metricProblems(metric ?? {}, `spec.metrics[${index}]`));
  const isShared = metrics.some((metric) => ["Object", "External"].includes(metric?.type));
  if (minReplicas === 0 && !isShared) {
    const detail = "must specify at least one Object or External metric to support scaling to zero replicas";
    causes.push(forbiddenField("spec.metrics", detail));
  }
  return causes;
}

function metricProblems(metric: Untrusted, path: string): StatusCause[] {
  const { type = "" } = metric;
  const expected = Object.hasOwn(SOURCES, type) ? SOURCES[type] : undefined;
  const present = Object.values(SOURCES).filter((field) => metric[field]);
  const causes: StatusCause[] = [];
  if (type === "") causes.push(required(`${path}.type`, "must specify a metric source type"));
  if (expected === undefined) causes.push(notSupported(`${path}.type`, type, Object.keys(SOURCES)));
  for (const field of present.slice(0, 1)) {
    causes.push(...sourceProblems(field, metric[field], `${path}.${field}`));
  }
  if (expected !== undefined && !metric[expected]) {
    causes.push(required(`${path}.${expected}`, "must populate information for the given metric source"));
  }
  if (present.length !== 1) {
    for (const field of present) {
      if (field === expected) continue;
      causes.push(forbiddenField(`${path}.${field}`, "must populate the given metric source only"));
    }
  }
  return causes;
}

function sourceProblems(kind: string, source: Untrusted, path: string): StatusCause[] {
  const { target = {} } = source;
  const causes: StatusCause[] = [];
  if (kind === "object")
    causes.push(...referenceProblems(source.describedObject, `${path}.describedObject`, false));
  if (kind === "resource" || kind === "containerResource") {
    if (!source.name) causes.push(required(`${path}.name`, "must specify a resource name"));
    else if (kind === "containerResource") causes.push(...resourceProblems(source.name, `${path}.name`));
  } else if (!source.metric?.name) causes.push(required(`${path}.metric.name`, "must specify a metric name"));
  else causes.push(...checkText(`${path}.metric.name`, source.metric.name, pathSegmentProblem));
  if (kind === "containerResource") {
    if (!source.container) causes.push(required(`${path}.container`, "must specify a container"));
    else causes.push(...checkLabel(`${path}.container`, source.container));
  }
  causes.push(...targetProblems(target, `${path}.target`), ...choiceProblems(kind, target, `${path}.target`));
  return causes;
}

function resourceProblems(name: string, field: string): StatusCause[] {
  return resourceNameProblems(name).map((problem) => invalidValue(field, name, problem));
}

/** Which of a target's numbers a kind of metric has. */
function choiceProblems(kind: string, target: Untrusted, path: string): StatusCause[] {
  const { value, averageValue, averageUtilization } = target;
  const has = (field: unknown) => field !== undefined && field !== null;
  switch (kind) {
    case "object":
      return has(value) || has(averageValue)
        ? []
        : [required(`${path}.averageValue`, "must set either a target value or averageValue")];
    case "external":
      if (!has(value) && !has(averageValue)) {
        const detail = "must set either a target value for metric or a per-pod target";
        return [required(`${path}.averageValue`, detail)];
      }
      return has(value) && has(averageValue)
        ? [forbiddenField(`${path}.value`, "may not set both a target value for metric and a per-pod target")]
        : [];
    case "pods":
      return has(averageValue)
        ? []
        : [required(`${path}.averageValue`, "must specify a positive target averageValue")];
    default:
      if (!has(averageUtilization) && !has(averageValue)) {
        const detail = "must set either a target raw value or a target utilization";
        return [required(`${path}.averageUtilization`, detail)];
      }
      return has(averageUtilization) && has(averageValue)
        ? [
            forbiddenField(
              `${path}.averageValue`,
              "may not set both a target raw value and a target utilization",
            ),
          ]
        : [];
  }
}

function targetProblems(target: Untrusted, path: string): StatusCause[] {
  const { type = "", averageUtilization } = target;
  const causes: StatusCause[] = [];
  if (type === "") causes.push(required(`${path}.type`, "must specify a metric target type"));
  if (!TARGET_TYPES.includes(type)) {
    causes.push(invalidValue(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"));
  }
  for (const field of ["value", "averageValue"]) {
    const quantity = target[field];
    if (quantity !== undefined && quantity !== null && !(parseQuantity(quantity) > 0)) {
      causes.push(invalidValue(`${path}.${field}`, quantity, "must be positive"));
    }
  }
  if (averageUtilization < 1) {
    causes.push(invalidValue(`${path}.averageUtilization`, averageUtilization, "must be greater than 0"));
  }
  return causes;
}

function rulesProblems(rules: Untrusted, path: string): StatusCause[] {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const causes: StatusCause[] = [];
  if (window < 0) {
    const detail = "must be greater than or equal to zero";
    causes.push(invalidValue(`${path}.stabilizationWindowSeconds`, window, detail));
  }
  if (window > MAX_STABILIZATION_SECONDS) {
    const detail = `must be less than or equal to ${MAX_STABILIZATION_SECONDS}`;
    causes.push(invalidValue(`${path}.stabilizationWindowSeconds`, window, detail));
  }
  if (selectPolicy && !SELECT_POLICIES.includes(selectPolicy)) {
    causes.push(notSupported(`${path}.selectPolicy`, selectPolicy, SELECT_POLICIES));
  }
  if (policies.length === 0) causes.push(required(`${path}.policies`, "must specify at least one Policy"));
  policies.forEach((policy: Untrusted, index: number) => {
    causes.push(...policyProblems(policy, `${path}.policies[${index}]`));
  });
  if (tolerance !== undefined && tolerance !== null && parseQuantity(tolerance) < 0) {
    causes.push(invalidValue(`${path}.tolerance`, tolerance, "must be greater than or equal to 0"));
  }
  return causes;
}

function policyProblems({ type, value, periodSeconds }: Untrusted, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!POLICY_TYPES.includes(type)) causes.push(notSupported(`${path}.type`, type, POLICY_TYPES));
  if (!(value > 0)) causes.push(invalidValue(`${path}.value`, value, "must be greater than zero"));
  if (!(periodSeconds > 0)) {
    causes.push(invalidValue(`${path}.periodSeconds`, periodSeconds, "must be greater than zero"));
  } else if (periodSeconds > MAX_PERIOD_SECONDS) {
    const detail = `must be less than or equal to ${MAX_PERIOD_SECONDS}`;
    causes.push(invalidValue(`${path}.periodSeconds`, periodSeconds, detail));
  }
  return causes;
}
