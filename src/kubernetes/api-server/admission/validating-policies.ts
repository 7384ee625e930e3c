/**
 * ValidatingAdmissionPolicies: expressions that have to hold for objects (apiserver `admission/plugin/policy/validating`).
 * A policy holds where a binding says so; audit annotations are not kept, as there is no audit log.
 */
import { apiVersionOf, type KubernetesObject } from "../../../model/kubernetes-object.ts";
import { type KubernetesError, type StatusReason, statusError } from "../../../model/kubernetes-status.ts";
import { matchesSelector, selectorOf } from "../../../model/label-selector.ts";
import type { ApiContext } from "../api-context.ts";
import { isAllowed } from "../authorize.ts";
import { fromStorageVersion } from "../convert.ts";
import { evaluateCel } from "../custom/cel/cel-evaluate.ts";
import { type CelNode, CelSyntaxError, parseCel } from "../custom/cel/cel-syntax.ts";
import { CelError, CelObject, type CelValue, celValueOf } from "../custom/cel/cel-value.ts";
import { storageKey } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";
import {
  type AdmissionRequest,
  CONTROLLER_USER,
  describeRequest,
  matchesRules,
  matchesSelectors,
  type Rule,
} from "./admission-request.ts";

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
    matchConditions?: { name: string; expression: string }[];
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

interface ReviewOptions {
  user?: User;
  subresource?: string;
  dryRun?: boolean;
  warn?: (text: string) => void;
}

/** @throws KubernetesError of the first policy that refuses, with its reason */
export function reviewByPolicies(
  context: ApiContext,
  info: ResourceInfo,
  operation: AdmissionRequest["operation"],
  { object, oldObject }: Pick<AdmissionRequest, "object" | "oldObject">,
  { user = CONTROLLER_USER, subresource, dryRun = false, warn }: ReviewOptions,
): void {
  if (context.store.count(`${GROUP}/validatingadmissionpolicybindings`) === 0 || info.group === GROUP) return;
  const { name, namespace } = (object ?? oldObject)!.metadata;
  // A copy: what is about to be stored is not to be frozen or remembered as it is now.
  const shown = (each: KubernetesObject | undefined) =>
    each === undefined ? undefined : fromStorageVersion(info, structuredClone(each));
  checkPolicies(
    context,
    {
      operation,
      info,
      subresource,
      namespace: info.namespaced ? namespace : undefined,
      name,
      object: shown(object),
      oldObject: shown(oldObject),
      user,
      isDryRun: dryRun,
    },
    warn,
  );
}

function checkPolicies(
  context: ApiContext,
  request: AdmissionRequest,
  warn: ((text: string) => void) | undefined,
): void {
  const { store } = context;
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
    const excuse = unmatched(policy, scope);
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
  const { namespace, object, oldObject } = request;
  const place = namespace === undefined ? undefined : store.get("/namespaces", namespace);
  const scope: Record<string, CelValue> = {
    object: celValueOf(object, undefined),
    oldObject: celValueOf(oldObject, undefined),
    request: celValueOf(describeRequest(request), undefined),
    params: celValueOf(params, undefined),
    namespaceObject: celValueOf(place, undefined),
    authorizer: authorizerOf(store, request),
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

const trees = new Map<string, CelNode>();
/** As many expressions are kept in their parsed form. */
const MAX_TREES = 1_000;

function treeOf(expression: string): CelNode {
  let tree = trees.get(expression);
  if (tree === undefined) {
    tree = parseCel(expression);
    if (trees.size >= MAX_TREES) trees.clear();
    trees.set(expression, tree);
  }
  return tree;
}

/** The value, or what went wrong. */
function attempt(
  expression: string,
  scope: Record<string, CelValue>,
): { value: CelValue } | { problem: string } {
  try {
    return { value: evaluateCel(treeOf(expression), scope) };
  } catch (error) {
    if (error instanceof CelError || error instanceof CelSyntaxError) return { problem: error.message };
    throw error;
  }
}

/** Whether a condition says that the policy is not about the request; or what went wrong with one. */
function unmatched({ spec }: Policy, scope: Record<string, CelValue>): boolean | string {
  let problem: string | undefined;
  for (const { expression } of spec.matchConditions ?? []) {
    const result = attempt(expression, scope);
    if ("problem" in result) problem ??= `expression '${expression}' resulted in error: ${result.problem}`;
    else if (result.value !== true) return true;
  }
  return problem ?? false;
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

/** `authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()` */
function authorizerOf(
  store: ApiContext["store"],
  { user, info, namespace, name }: AdmissionRequest,
): CelObject {
  interface Asked {
    group: string;
    resource: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  }
  const text = (value: CelValue) => String(value);
  const decision = (allowed: boolean) =>
    new CelObject("kubernetes.authorization.Decision", String(allowed), {
      allowed: () => allowed,
      reason: () => "",
      errored: () => false,
      error: () => "",
    });
  const resourceCheck = (asked: Asked): CelObject =>
    new CelObject("kubernetes.authorization.ResourceCheck", JSON.stringify(asked), {
      subresource: (_self, value) => resourceCheck({ ...asked, subresource: text(value) }),
      namespace: (_self, value) => resourceCheck({ ...asked, namespace: text(value) }),
      name: (_self, value) => resourceCheck({ ...asked, name: text(value) }),
      check: (_self, verb) => decision(isAllowed(store, user, { verb: text(verb), ...asked })),
    });
  const groupCheck = (group: string) =>
    new CelObject("kubernetes.authorization.GroupCheck", group, {
      resource: (_self, value) => resourceCheck({ group, resource: text(value) }),
    });
  const pathCheck = (path: string) =>
    new CelObject("kubernetes.authorization.PathCheck", path, {
      check: (_self, verb) =>
        decision(isAllowed(store, user, { verb: text(verb), group: "", resource: "", path })),
    });
  return new CelObject("kubernetes.authorization.Authorizer", user.name, {
    group: (_self, value) => groupCheck(text(value)),
    path: (_self, value) => pathCheck(text(value)),
    requestResource: () => resourceCheck({ group: info.group, resource: info.resource, namespace, name }),
  });
}
