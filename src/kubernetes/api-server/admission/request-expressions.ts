/** Expressions about an admission request: what they are given, and what comes out (apiserver `admission/plugin/cel`). */
import { isAllowed } from "../authorize.ts";
import { evaluateCel } from "../custom/cel/cel-evaluate.ts";
import { type CelNode, CelSyntaxError, parseCel } from "../custom/cel/cel-syntax.ts";
import { CelError, CelObject, type CelValue, celValueOf } from "../custom/cel/cel-value.ts";
import type { ObjectStore } from "../object-store.ts";
import { type AdmissionRequest, describeRequest } from "./admission-request.ts";

export interface MatchCondition {
  name: string;
  expression: string;
}

/** The variables that expressions about a request have. */
export function requestScope(store: ObjectStore, request: AdmissionRequest): Record<string, CelValue> {
  const { object, oldObject } = request;
  return {
    object: celValueOf(object, undefined),
    oldObject: celValueOf(oldObject, undefined),
    request: celValueOf(describeRequest(request), undefined),
    authorizer: authorizerOf(store, request),
  };
}

const trees = new Map<string, CelNode>();
/** As many expressions are kept in their parsed form. */
const MAX_TREES = 1_000;

export function treeOf(expression: string): CelNode {
  let tree = trees.get(expression);
  if (tree === undefined) {
    tree = parseCel(expression);
    if (trees.size >= MAX_TREES) trees.clear();
    trees.set(expression, tree);
  }
  return tree;
}

/** The value, or what went wrong. */
export function attempt(
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

/** Whether a condition says that something is not about the request; or what went wrong with one. */
export function unmatched(
  conditions: readonly MatchCondition[] | undefined,
  scope: Record<string, CelValue>,
): boolean | string {
  let problem: string | undefined;
  for (const { expression } of conditions ?? []) {
    const result = attempt(expression, scope);
    if ("problem" in result) problem ??= `expression '${expression}' resulted in error: ${result.problem}`;
    else if (result.value !== true) return true;
  }
  return problem ?? false;
}

/** `authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()` */
function authorizerOf(store: ObjectStore, { user, info, namespace, name }: AdmissionRequest): CelObject {
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
