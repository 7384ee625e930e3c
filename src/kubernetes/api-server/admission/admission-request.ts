/** What admission is asked about: an operation on an object, as policies and webhooks see it. */
import { apiVersionOf, type KubernetesObject } from "../../../model/kubernetes-object.ts";
import { matchesSelector, type Selector, selectorOf } from "../../../model/label-selector.ts";
import type { ObjectStore } from "../object-store.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { User } from "../user.ts";

export interface AdmissionRequest {
  operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  info: ResourceInfo;
  /** What the client named, where that is another version of it than `info`. */
  requestInfo?: ResourceInfo;
  subresource?: string;
  namespace?: string;
  name: string;
  /** Absent when something is deleted. */
  object?: KubernetesObject;
  /** Absent when something is made. */
  oldObject?: KubernetesObject;
  user: User;
  isDryRun: boolean;
  /** What the client asked for besides, as webhooks are shown it. */
  options?: object;
}

/** Who changes things from within. */
export const CONTROLLER_USER: User = {
  name: "system:kube-controller-manager",
  groups: ["system:authenticated"],
};

export interface Rule {
  apiGroups?: string[];
  apiVersions?: string[];
  operations?: string[];
  resources?: string[];
  resourceNames?: string[];
  scope?: string;
}

interface Matching {
  // biome-ignore lint/suspicious/noExplicitAny: label selectors as the API has them
  namespaceSelector?: any;
  // biome-ignore lint/suspicious/noExplicitAny: label selectors as the API has them
  objectSelector?: any;
}

/** Whether one of the rules is about the request (apiserver `admission/plugin/webhook/predicates/rules`). */
export function matchesRules(rules: readonly Rule[] | undefined, request: AdmissionRequest): boolean {
  return (rules ?? []).some((rule) => matchesRule(rule, request));
}

function matchesRule(rule: Rule, { info, operation, subresource, name }: AdmissionRequest): boolean {
  const has = (values: string[] | undefined, value: string) =>
    (values ?? []).some((each) => each === "*" || each === value);
  const isScope =
    rule.scope === undefined || rule.scope === "*" || (rule.scope === "Namespaced") === info.namespaced;
  const names = rule.resourceNames ?? [];
  return (
    isScope &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, info.group) &&
    has(rule.apiVersions, info.version) &&
    (rule.resources ?? []).some((each) => isResource(each, info.resource, subresource)) &&
    (names.length === 0 || names.includes(name))
  );
}

function isResource(pattern: string, resource: string, subresource: string | undefined): boolean {
  const [wanted, part] = pattern.split("/");
  if (wanted !== "*" && wanted !== resource) return false;
  return part === undefined ? subresource === undefined : part === "*" || part === subresource;
}

/** Whether the labels of the request's namespace and object fit. */
export function matchesSelectors(
  store: ObjectStore,
  { namespaceSelector, objectSelector }: Matching,
  { info, namespace, name, object, oldObject }: AdmissionRequest,
): boolean {
  const place = info.collection === "/namespaces" ? name : namespace;
  const labels =
    info.collection === "/namespaces"
      ? (object ?? oldObject)?.metadata.labels
      : place === undefined
        ? undefined
        : store.get("/namespaces", place)?.metadata.labels;
  // What is in no namespace is not selected by one.
  if (place !== undefined && !fits(namespaceSelector, labels)) return false;
  return [object, oldObject].some((each) => each !== undefined && fits(objectSelector, each.metadata.labels));
}

function fits(selector: Matching["objectSelector"], labels: Record<string, string> | undefined): boolean {
  const parsed: Selector | undefined = selectorOf(selector);
  return parsed === undefined || matchesSelector(parsed, labels);
}

/** The `request` of an AdmissionReview, without the objects. */
export function describeRequest({ info, ...request }: AdmissionRequest) {
  const { group, version, kind, resource } = info;
  const requested = request.requestInfo ?? info;
  const subject = kindOf(info, request.object ?? request.oldObject);
  const { name, groups, uid, extra } = request.user;
  return {
    kind: subject,
    resource: { group, version, resource },
    ...(request.subresource && { subResource: request.subresource }),
    requestKind: subject.kind === kind ? { group, version: requested.version, kind } : subject,
    requestResource: { group, version: requested.version, resource },
    ...(request.subresource && { requestSubResource: request.subresource }),
    ...(request.name && { name: request.name }),
    ...(request.namespace && { namespace: request.namespace }),
    operation: request.operation,
    userInfo: { username: name, ...(uid && { uid }), groups: [...groups], ...(extra && { extra }) },
    dryRun: request.isDryRun,
    options: {
      kind: OPTIONS[request.operation],
      apiVersion: apiVersionOf("meta.k8s.io", "v1"),
      ...(request.isDryRun && { dryRun: ["All"] }),
      ...request.options,
    },
  };
}

/** A subresource's kind may be another than its resource's. */
function kindOf({ group, version, kind }: ResourceInfo, subject: KubernetesObject | undefined) {
  if (subject?.kind === undefined || subject.kind === kind) return { group, version, kind };
  const [ownVersion, ownGroup = ""] = (subject.apiVersion ?? "v1").split("/").reverse();
  return { group: ownGroup, version: ownVersion, kind: subject.kind };
}

const OPTIONS = {
  CREATE: "CreateOptions",
  UPDATE: "UpdateOptions",
  DELETE: "DeleteOptions",
  CONNECT: "PodExecOptions",
};
