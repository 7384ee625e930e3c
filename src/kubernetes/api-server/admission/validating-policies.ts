/**
 * ValidatingAdmissionPolicies: expressions that have to hold for objects (apiserver `admission/plugin/policy/validating`).
 * A policy holds where a binding says so; audit annotations are not kept, as there is no audit log.
 */
import { apiVersionOf, type KubernetesObject } from "../../../model/kubernetes-object.ts";
import { type KubernetesError, type StatusReason, statusError } from "../../../model/kubernetes-status.ts";
import { matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import type { ApiContext } from "../api-context.ts";
import { evaluateCel } from "../custom/cel/cel-evaluate.ts";
import { type CelValue, celValueOf } from "../custom/cel/cel-value.ts";
import { storageKey } from "../object-store.ts";
import { type AdmissionRequest, matchesRules, matchesSelectors, type Rule } from "./admission-request.ts";
import { attempt, type MatchCondition, requestScope, treeOf, unmatched } from "./request-expressions.ts";

const GROUP = "admissionregistration.k8s.io";

interface Constraints {
  namespaceSelector?: object;
  objectSelector?: object;
  resourceRules?: Rule[];
  excludeResourceRules?: Rule[];
}

interface Validation {
  expression: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
}

interface Policy extends KubernetesObject {
  spec: {
    paramKind?: { apiVersion: string; kind: string };
    matchConstraints?: Constraints;
    matchConditions?: MatchCondition[];
    variables?: { name: string; expression: string }[];
    validations?: Validation[];
    failurePolicy?: "Fail" | "Ignore";
  };
}

interface ParamRef {
  name?: string;
  namespace?: string;
  selector?: object;
  parameterNotFoundAction?: "Allow" | "Deny";
}

interface Binding extends KubernetesObject {
  spec: {
    policyName: string;
    paramRef?: ParamRef;
    matchResources?: Constraints;
    validationActions: ("Deny" | "Warn" | "Audit")[];
  };
}

interface Denial {
  message: string;
  reason: string;
}

/** @throws KubernetesError of the first policy that refuses, with its reason */
export function reviewByPolicies(
  context: ApiContext,
  request: AdmissionRequest,
  warn: ((text: string) => void) | undefined,
): void {
  const { store } = context;
  if (request.info.group === GROUP) return;
  for (const binding of store.scan(`${GROUP}/validatingadmissionpolicybindings`) as Iterable<Binding>) {
    const { policyName, validationActions, matchResources } = binding.spec;
    const policy = store.get(`${GROUP}/validatingadmissionpolicies`, policyName) as Policy | undefined;
    if (policy === undefined || !isAbout(context, policy, matchResources, request)) continue;
    for (const { message, reason } of denialsOf(context, policy, binding, request)) {
      const names = `ValidatingAdmissionPolicy '${policyName}' with binding '${binding.metadata.name}'`;
      if (validationActions.includes("Deny"))
        throw denied(request, `${names} denied request: ${message}`, reason);
      if (validationActions.includes("Warn")) warn?.(`Validation failed for ${names}: ${message}`);
    }
  }
}

function isAbout(
  { store }: ApiContext,
  { spec }: Policy,
  bound: Constraints | undefined,
  request: AdmissionRequest,
): boolean {
  const concerns = (constraints: Constraints, isRuleNeeded: boolean) => {
    const { resourceRules = [], excludeResourceRules } = constraints;
    if (matchesRules(excludeResourceRules, request)) return false;
    const isNamed = (resourceRules.length === 0 && !isRuleNeeded) || matchesRules(resourceRules, request);
    return isNamed && matchesSelectors(store, constraints, request);
  };
  return concerns(spec.matchConstraints ?? {}, true) && (bound === undefined || concerns(bound, false));
}

function denied({ info, name }: AdmissionRequest, problem: string, reason: string): KubernetesError {
  const resource = info.group === "" ? info.resource : `${info.resource}.${info.group}`;
  return statusError(reason as StatusReason, `${resource} ${JSON.stringify(name)} is forbidden: ${problem}`, {
    name,
    group: info.group || undefined,
    kind: info.resource,
    causes: [{ message: problem }],
  });
}

/** What a policy has against a request, once for each parameter that there is. */
function denialsOf(
  context: ApiContext,
  policy: Policy,
  binding: Binding,
  request: AdmissionRequest,
): Denial[] {
  const isStrict = policy.spec.failurePolicy !== "Ignore";
  const failed = (message: string): Denial[] => (isStrict ? [{ message, reason: "Invalid" }] : []);
  const params = paramsOf(context, policy, binding.spec.paramRef, request);
  if (typeof params === "string") return failed(`failed to configure binding: ${params}`);
  return params.flatMap((param) => {
    const scope = scopeOf(context, policy, request, param);
    const excuse = unmatched(policy.spec.matchConditions, scope);
    if (excuse === true) return [];
    if (typeof excuse === "string") return failed(excuse);
    return (policy.spec.validations ?? []).flatMap((validation) => check(validation, scope, failed));
  });
}

/** The objects that a policy is given, undefined where it wants none; or what is wrong. */
function paramsOf(
  { store, registry }: ApiContext,
  { spec }: Policy,
  ref: ParamRef | undefined,
  { namespace: own }: AdmissionRequest,
): (KubernetesObject | undefined)[] | string {
  if (spec.paramKind === undefined || ref === undefined) return [undefined];
  const [version, group = ""] = spec.paramKind.apiVersion.split("/").reverse();
  const info = registry.findKind(group, version, spec.paramKind.kind);
  if (info === undefined)
    return `failed to find resource referenced by paramKind: '${apiVersionOf(group, version)}, Kind=${spec.paramKind.kind}'`;
  const namespace = info.namespaced ? (ref.namespace ?? own) : undefined;
  if (info.namespaced && namespace === undefined)
    return "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
  const selector = selectorOf(ref.selector as never);
  const found =
    ref.name !== undefined
      ? [store.get(info.collection, storageKey(namespace, ref.name))].filter((each) => each !== undefined)
      : [...store.scan(info.collection, namespace === undefined ? "" : `${namespace}/`)].filter(
          (each) => selector === undefined || matchesSelector(selector, each.metadata.labels),
        );
  if (found.length > 0 || ref.parameterNotFoundAction === "Allow") return found;
  return "no params found for policy binding with `Deny` parameterNotFoundAction";
}

function scopeOf(
  { store }: ApiContext,
  { spec }: Policy,
  request: AdmissionRequest,
  params: KubernetesObject | undefined,
): Record<string, CelValue> {
  const { namespace } = request;
  const place = namespace === undefined ? undefined : store.get("/namespaces", namespace);
  const scope: Record<string, CelValue> = {
    ...requestScope(store, request),
    params: celValueOf(params, undefined),
    namespaceObject: celValueOf(place, undefined),
  };
  scope.variables = new LazyVariables(spec.variables ?? [], scope);
  return scope;
}

/** Variables are evaluated when they are used for the first time. */
class LazyVariables extends Map<CelValue, CelValue> {
  readonly #expressions: Map<CelValue, string>;
  readonly #scope: Record<string, CelValue>;

  constructor(variables: { name: string; expression: string }[], scope: Record<string, CelValue>) {
    super();
    this.#expressions = new Map(variables.map(({ name, expression }) => [name, expression]));
    this.#scope = scope;
  }

  override has(name: CelValue): boolean {
    return this.#expressions.has(name);
  }

  override get(name: CelValue): CelValue | undefined {
    const expression = this.#expressions.get(name);
    if (expression === undefined) return undefined;
    if (!super.has(name)) this.set(name, evaluateCel(treeOf(expression), this.#scope));
    return super.get(name);
  }
}

function check(
  { expression, message, messageExpression, reason = "Invalid" }: Validation,
  scope: Record<string, CelValue>,
  failed: (message: string) => Denial[],
): Denial[] {
  const result = attempt(expression, scope);
  if ("problem" in result) return failed(`expression '${expression}' resulted in error: ${result.problem}`);
  if (result.value === true) return [];
  const made = messageExpression === undefined ? undefined : attempt(messageExpression, scope);
  const text =
    made !== undefined && "value" in made && typeof made.value === "string" ? made.value.trim() : "";
  const usable = text === "" || /[\r\n]/.test(text) ? undefined : text;
  return [{ message: usable ?? message?.trim() ?? `failed expression: ${expression.trim()}`, reason }];
}
