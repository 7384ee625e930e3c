/** Checks of webhooks (`pkg/apis/admissionregistration/validation`, apiserver `pkg/util/webhook`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dns1035LabelProblems, dnsSubdomainProblem } from "../../../model/label-selector.ts";
import { celProblem } from "../custom/cel/cel-check.ts";
import { duplicate, invalidValue, required, tooMany } from "../field-error.ts";
import {
  checkOneOf,
  checkOptional,
  checkQualifiedName,
  checkSelector,
  checkSubdomain,
  checkText,
} from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const REVIEW_VERSIONS = ["v1", "v1beta1"];
const SIDE_EFFECTS = ["None", "NoneOnDryRun"];
const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES = ["*", "Cluster", "Namespaced"];
/** In seconds. */
const MAX_TIMEOUT = 30;
const MAX_MATCH_CONDITIONS = 64;

export function validateWebhooks(object: KubernetesObject): StatusCause[] {
  const webhooks: Anything[] = (object as Anything).webhooks ?? [];
  const names = new Set<string>();
  return webhooks.flatMap((webhook, index) => {
    const at = `webhooks[${index}]`;
    const causes = validateWebhook(webhook, at);
    causes.push(
      ...validateReviewVersions(webhook.admissionReviewVersions ?? [], `${at}.admissionReviewVersions`),
    );
    if (webhook.name && names.has(webhook.name)) causes.push(duplicate(`${at}.name`, webhook.name));
    names.add(webhook.name);
    return causes;
  });
}

function validateWebhook(webhook: Anything, at: string): StatusCause[] {
  const causes = validateFullName(webhook.name, `${at}.name`);
  for (const [index, rule] of (webhook.rules ?? []).entries())
    causes.push(...validateRuleWithOperations(rule, `${at}.rules[${index}]`));
  causes.push(...checkOptional(`${at}.failurePolicy`, webhook.failurePolicy, ["Fail", "Ignore"]));
  causes.push(...checkOptional(`${at}.matchPolicy`, webhook.matchPolicy, ["Equivalent", "Exact"]));
  if (webhook.sideEffects === undefined)
    causes.push(required(`${at}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(", ")}`));
  else causes.push(...checkOneOf(`${at}.sideEffects`, webhook.sideEffects, SIDE_EFFECTS));
  const { timeoutSeconds: timeout } = webhook;
  if (timeout < 1 || timeout > MAX_TIMEOUT) {
    const problem = `the timeout value must be between 1 and ${MAX_TIMEOUT} seconds`;
    causes.push(invalidValue(`${at}.timeoutSeconds`, timeout, problem));
  }
  for (const field of ["namespaceSelector", "objectSelector"])
    if (webhook[field] !== undefined) causes.push(...checkSelector(`${at}.${field}`, webhook[field]));
  causes.push(
    ...checkOptional(`${at}.reinvocationPolicy`, webhook.reinvocationPolicy, ["IfNeeded", "Never"]),
  );
  causes.push(...validateClientConfig(webhook.clientConfig ?? {}, `${at}.clientConfig`));
  return [
    ...causes,
    ...validateMatchConditions(webhook.matchConditions ?? [], `${at}.matchConditions`, NAMES),
  ];
}

/** A domain of three parts at least. */
function validateFullName(name: string | undefined, field: string): StatusCause[] {
  if (!name) return [required(field)];
  const causes = checkSubdomain(field, name);
  if (causes.length > 0 || name.split(".").length >= 3) return causes;
  return [invalidValue(field, name, "should be a domain with at least three segments separated by dots")];
}

export function validateRuleWithOperations(rule: Anything, at: string): StatusCause[] {
  const operations: string[] = rule.operations ?? [];
  const causes = operations.length === 0 ? [required(`${at}.operations`)] : [];
  if (operations.length > 1 && operations.includes("*"))
    causes.push(onlyWildcard(`${at}.operations`, operations, "other operations"));
  for (const [index, operation] of operations.entries())
    causes.push(...checkOneOf(`${at}.operations[${index}]`, operation, OPERATIONS));
  for (const [field, others] of Object.entries({ apiGroups: "API groups", apiVersions: "API versions" })) {
    const values: string[] = rule[field] ?? [];
    if (values.length === 0) causes.push(required(`${at}.${field}`));
    if (values.length > 1 && values.includes("*"))
      causes.push(onlyWildcard(`${at}.${field}`, values, `other ${others}`));
    for (const [index, value] of values.entries())
      if (field === "apiVersions" && value === "") causes.push(required(`${at}.${field}[${index}]`));
  }
  causes.push(...validateResources(rule.resources ?? [], `${at}.resources`));
  return [...causes, ...checkOptional(`${at}.scope`, rule.scope, SCOPES)];
}

function onlyWildcard(field: string, values: string[], others: string): StatusCause {
  return invalidValue(field, values, `if '*' is present, must not specify ${others}`);
}

function validateResources(resources: string[], at: string): StatusCause[] {
  const causes = resources.length === 0 ? [required(at)] : [];
  const whole = new Set<string>();
  const everywhere = new Set<string>();
  let hasPlain = false;
  for (const [index, name] of resources.entries()) {
    const field = `${at}[${index}]`;
    const slash = name.indexOf("/");
    if (name === "") causes.push(required(field));
    else if (slash === -1) hasPlain = name !== "*";
    else {
      const [resource, subresource] = [name.slice(0, slash), name.slice(slash + 1)];
      const refuse = (present: string) =>
        causes.push(invalidValue(field, name, `if '${present}' is present, must not specify ${name}`));
      if (whole.has(resource)) refuse(`${resource}/*`);
      if (everywhere.has(subresource)) refuse(`*/${subresource}`);
      if (subresource === "*") whole.add(resource);
      if (resource === "*") everywhere.add(subresource);
    }
  }
  if (resources.length > 1 && resources.includes("*/*"))
    causes.push(invalidValue(at, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes("*") && hasPlain)
    causes.push(onlyWildcard(at, resources, "other resources without subresources"));
  return causes;
}

function validateClientConfig({ url, service }: Anything, at: string): StatusCause[] {
  if ((url === undefined) === (service === undefined))
    return [required(at, "exactly one of url or service is required")];
  return url === undefined ? validateService(service, `${at}.service`) : validateUrl(url, `${at}.url`);
}

const FORM = "; desired format: https://host[/path]";

function validateUrl(text: string, field: string): StatusCause[] {
  const [, scheme = "", authority = "", query, fragment] =
    /^(?:([A-Za-z][\w+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(\?[^#]*)?(#.*)?$/.exec(text) ?? [];
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  const causes: StatusCause[] = [];
  if (scheme !== "https")
    causes.push(invalidValue(field, scheme, `'https' is the only allowed URL scheme${FORM}`));
  if (host === "") causes.push(invalidValue(field, host, `host must be specified${FORM}`));
  if (at !== -1)
    causes.push(invalidValue(field, authority.slice(0, at), "user information is not permitted in the URL"));
  if (fragment !== undefined && fragment !== "#")
    causes.push(invalidValue(field, fragment.slice(1), "fragments are not permitted in the URL"));
  if (query !== undefined && query !== "?")
    causes.push(invalidValue(field, query.slice(1), "query parameters are not permitted in the URL"));
  return causes;
}

/** Upstream takes the name for the namespace and the other way round. */
function validateService({ name, namespace, path, port }: Anything, at: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (!namespace) causes.push(required(`${at}.name`));
  if (!name) causes.push(required(`${at}.namespace`));
  if (!(port >= 1 && port <= 65_535)) {
    const problem = "port is not valid: must be between 1 and 65535, inclusive";
    causes.push(invalidValue(`${at}.port`, port ?? 0, problem));
  }
  return path === undefined ? causes : [...causes, ...validatePath(path, `${at}.path`)];
}

function validatePath(path: string, field: string): StatusCause[] {
  if (path === "/" || path === "") return [];
  if (path === "//") return [invalidValue(field, path, "segment[0] may not be empty")];
  const causes = path.startsWith("/") ? [] : [invalidValue(field, path, "must start with a '/'")];
  for (const [index, step] of path.slice(1).replace(/\/$/, "").split("/").entries()) {
    if (step === "") {
      causes.push(invalidValue(field, path, `segment[${index}] may not be empty`));
      continue;
    }
    const problem = dnsSubdomainProblem(step);
    if (problem !== undefined) causes.push(invalidValue(field, path, `segment[${index}]: ${problem}`));
  }
  return causes;
}

/** What expressions of webhooks may name. */
const NAMES = ["object", "oldObject", "request", "authorizer"];

/** @param declared the variables of expressions; absent where these are checked elsewhere */
export function validateMatchConditions(
  conditions: Anything[],
  at: string,
  declared?: readonly string[],
): StatusCause[] {
  const causes =
    conditions.length > MAX_MATCH_CONDITIONS ? [tooMany(at, conditions.length, MAX_MATCH_CONDITIONS)] : [];
  const names = new Set<string>();
  for (const [index, { name, expression }] of conditions.entries()) {
    const field = `${at}[${index}]`;
    if (!expression?.trim()) causes.push(required(`${field}.expression`));
    else if (declared !== undefined) {
      const trimmed = expression.trim();
      const problem = celProblem(trimmed, declared, "bool");
      if (problem !== undefined) causes.push(invalidValue(`${field}.expression`, trimmed, problem));
    }
    if (!name) causes.push(required(`${field}.name`));
    else causes.push(...checkQualifiedName(`${field}.name`, name));
    if (name && names.has(name)) causes.push(duplicate(`${field}.name`, name));
    names.add(name);
  }
  return causes;
}

function validateReviewVersions(versions: string[], at: string): StatusCause[] {
  const list = REVIEW_VERSIONS.join(", ");
  if (versions.length === 0) return [required(at, `must specify one of ${list}`)];
  const causes = versions.flatMap((version, index) =>
    versions.indexOf(version) < index
      ? [invalidValue(`${at}[${index}]`, version, "duplicate version")]
      : checkText(`${at}[${index}]`, version, dns1035LabelProblems),
  );
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
    causes.push(invalidValue(at, versions, `must include at least one of ${list}`));
  return causes;
}
