/** Checks of ValidatingAdmissionPolicies and of what binds them (`pkg/apis/admissionregistration/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblems } from "../../../model/label-selector.ts";
import { celProblem } from "../custom/cel/cel-check.ts";
import { duplicate, forbiddenField, invalidValue, required } from "../field-error.ts";
import {
  checkOneOf,
  checkOptional,
  checkQualifiedName,
  checkSelector,
  checkSubdomain,
  checkText,
  pathSegmentProblem,
} from "./field-rules.ts";
import { validateMatchConditions, validateRuleWithOperations } from "./webhook-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const REASONS = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
const ACTIONS = ["Audit", "Deny", "Warn"];
const NAMES = ["object", "oldObject", "request", "namespaceObject", "authorizer"];

export function validatePolicy({ spec = {}, metadata }: KubernetesObject): StatusCause[] {
  const causes = checkOptional("spec.failurePolicy", spec.failurePolicy, ["Fail", "Ignore"]);
  if (spec.paramKind !== undefined) causes.push(...validateParamKind(spec.paramKind, "spec.paramKind"));
  if (spec.matchConstraints === undefined) causes.push(required("spec.matchConstraints"));
  else {
    const at = "spec.matchConstraints";
    causes.push(...validateMatchResources(spec.matchConstraints, at));
    if ((spec.matchConstraints.resourceRules ?? []).length === 0)
      causes.push(required(`${at}.resourceRules`));
  }
  const names = [...NAMES, ...(spec.paramKind === undefined ? [] : ["params"])];
  causes.push(...validateConditions(spec.matchConditions ?? [], names));
  causes.push(...validateVariables(spec.variables ?? [], names));
  if ((spec.variables ?? []).length > 0) names.push("variables");
  const { validations = [], auditAnnotations = [] } = spec;
  if (validations.length + auditAnnotations.length === 0) {
    const problem = "validations or auditAnnotations must contain at least one item";
    return [...causes, required("spec.validations", problem), required("spec.auditAnnotations", problem)];
  }
  const variables = (spec.variables ?? []).map(({ name }: Anything) => name ?? "");
  for (const [index, validation] of validations.entries())
    causes.push(...validateValidation(validation, `spec.validations[${index}]`, names, variables));
  const keys = new Set<string>();
  for (const [index, annotation] of auditAnnotations.entries()) {
    const at = `spec.auditAnnotations[${index}]`;
    causes.push(...validateAnnotation(annotation, metadata.name, at, names, variables));
    if (keys.has(annotation.key)) causes.push(duplicate(`${at}.key`, annotation.key));
    keys.add(annotation.key);
  }
  return causes;
}

function validateParamKind({ apiVersion, kind }: Anything, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!apiVersion) causes.push(required(`${path}.apiVersion`));
  else if (apiVersion.split("/").length > 2) {
    const problem = `unexpected GroupVersion string: ${apiVersion}`;
    causes.push(invalidValue(`${path}.apiVersion`, apiVersion, problem));
  } else {
    const [version, group] = apiVersion.split("/").reverse();
    if (group) causes.push(...checkSubdomain(`${path}.apiVersion`, group));
    causes.push(...checkText(`${path}.apiVersion`, version, dns1035LabelProblems));
  }
  return kind ? causes : [...causes, required(`${path}.kind`)];
}

function validateMatchResources(match: Anything, path: string): StatusCause[] {
  const causes = checkOptional(`${path}.matchPolicy`, match.matchPolicy, ["Equivalent", "Exact"]);
  for (const field of ["namespaceSelector", "objectSelector"])
    if (match[field] !== undefined) causes.push(...checkSelector(`${path}.${field}`, match[field]));
  for (const field of ["resourceRules", "excludeResourceRules"])
    for (const [index, rule] of (match[field] ?? []).entries()) {
      const at = `${path}.${field}[${index}]`;
      const names: string[] = rule.resourceNames ?? [];
      for (const [position, name] of names.entries()) {
        const place = `${at}.resourceNames[${position}]`;
        causes.push(...checkText(place, name, pathSegmentProblem));
        if (names.indexOf(name) < position) causes.push(duplicate(place, name));
      }
      causes.push(...validateRuleWithOperations(rule, at));
    }
  return causes;
}

function validateConditions(conditions: Anything[], names: readonly string[]): StatusCause[] {
  return conditions.flatMap((condition, index) => {
    const at = `spec.matchConditions[${index}]`;
    const expression = condition.expression?.trim() ?? "";
    const problem = expression === "" ? undefined : celProblem(expression, names, "bool");
    const others = validateMatchConditions([condition], "spec.matchConditions").map(
      (cause): StatusCause => ({ ...cause, field: cause.field?.replace("[0]", `[${index}]`) }),
    );
    return problem === undefined
      ? others
      : [invalidValue(`${at}.expression`, expression, problem), ...others];
  });
}

function validateVariables(variables: Anything[], names: readonly string[]): StatusCause[] {
  const all = [...names, "variables"];
  return variables.flatMap(({ name: given = "", expression = "" }, index) => {
    const at = `spec.variables[${index}]`;
    const causes: StatusCause[] = [];
    const name = given.trim();
    const known = variables.slice(0, index).map((each) => each.name ?? "");
    if (name === "") causes.push(required(`${at}.name`, "name is not specified"));
    else if (!/^[A-Za-z_]\w*$/.test(name))
      causes.push(invalidValue(`${at}.name`, name, "must be a valid CEL identifier"));
    if (expression.trim() === "")
      return [...causes, required(`${at}.expression`, "expression is not specified")];
    const problem = celProblem(expression.trim(), all, undefined, known);
    return problem === undefined
      ? causes
      : [...causes, invalidValue(`${at}.expression`, expression, problem)];
  });
}

function validateValidation(
  validation: Anything,
  at: string,
  names: readonly string[],
  variables: readonly string[],
): StatusCause[] {
  const { expression = "", message = "", messageExpression = "", reason } = validation;
  const causes: StatusCause[] = [];
  const trimmed = expression.trim();
  if (trimmed === "") causes.push(required(`${at}.expression`, "expression is not specified"));
  else {
    const problem = celProblem(expression, names, "bool", variables);
    if (problem !== undefined) causes.push(invalidValue(`${at}.expression`, expression, problem));
  }
  if (messageExpression !== "" && messageExpression.trim() === "")
    causes.push(invalidValue(`${at}.messageExpression`, messageExpression, "must be non-empty if specified"));
  else if (messageExpression !== "") {
    const problem = celProblem(messageExpression, names, "string", variables);
    if (problem !== undefined)
      causes.push(invalidValue(`${at}.messageExpression`, messageExpression, problem));
  }
  if (message !== "" && message.trim() === "")
    causes.push(invalidValue(`${at}.message`, message, "message must be non-empty if specified"));
  else if (/[\r\n]/.test(message.trim()))
    causes.push(invalidValue(`${at}.message`, message, "must not contain line breaks"));
  else if (/[\r\n]/.test(trimmed) && message.trim() === "")
    causes.push(required(`${at}.message`, "message must be specified if expression contains line breaks"));
  if (reason !== undefined && !REASONS.includes(reason))
    causes.push(...checkOneOf(`${at}.reason`, reason, REASONS.slice(0, 3)));
  return causes;
}

function validateAnnotation(
  { key = "", valueExpression = "" }: Anything,
  policy: string,
  at: string,
  names: readonly string[],
  variables: readonly string[],
): StatusCause[] {
  const whole = `${policy}/${key}`;
  const causes =
    key === ""
      ? checkQualifiedName(`${at}.key`, "").map(
          (cause): StatusCause => ({
            ...cause,
            message: cause.message?.replace('Invalid value: ""', `Invalid value: ${JSON.stringify(whole)}`),
          }),
        )
      : checkQualifiedName(`${at}.key`, whole);
  const trimmed = valueExpression.trim();
  if (trimmed === "")
    return [...causes, required(`${at}.valueExpression`, "valueExpression is not specified")];
  const problem = celProblem(trimmed, names, ["string", "null_type"], variables);
  return problem === undefined
    ? causes
    : [...causes, invalidValue(`${at}.valueExpression`, valueExpression, problem)];
}

export function validatePolicyBinding({ spec = {} }: KubernetesObject): StatusCause[] {
  const causes = spec.policyName
    ? checkText("spec.policyName", spec.policyName, pathSegmentProblem)
    : [required("spec.policyName")];
  if (spec.paramRef !== undefined) causes.push(...validateParamRef(spec.paramRef, "spec.paramRef"));
  if (spec.matchResources !== undefined)
    causes.push(...validateMatchResources(spec.matchResources, "spec.matchResources"));
  return [...causes, ...validateActions(spec.validationActions ?? [], "spec.validationActions")];
}

function validateParamRef(
  { name, selector, parameterNotFoundAction: action }: Anything,
  at: string,
): StatusCause[] {
  const causes: StatusCause[] = [];
  if (name) causes.push(...checkText(`${at}.name`, name, pathSegmentProblem));
  if (name && selector !== undefined)
    for (const field of ["name", "selector"])
      causes.push(forbiddenField(`${at}.${field}`, "name and selector are mutually exclusive"));
  if (!name && selector === undefined) causes.push(required(at, "one of name or selector must be specified"));
  if (action === undefined) return [...causes, required(`${at}.parameterNotFoundAction`)];
  return [...causes, ...checkOneOf(`${at}.parameterNotFoundAction`, action, ["Deny", "Allow"])];
}

function validateActions(actions: string[], at: string): StatusCause[] {
  const causes = actions.flatMap((action, index) => [
    ...checkOneOf(`${at}[${index}]`, action, ACTIONS),
    ...(actions.indexOf(action) < index ? [duplicate(`${at}[${index}]`, action)] : []),
  ]);
  if (actions.includes("Deny") && actions.includes("Warn")) {
    const why =
      "repeating the same validation failure information in the API response and headers serves no purpose";
    causes.push(invalidValue(at, actions, `must not contain both Deny and Warn (${why})`));
  }
  return actions.length > 0
    ? causes
    : [...causes, required(at, "at least one validation action is required")];
}
