/** Questions in the form of objects: who am I, may I, is this token good. Answered, not kept. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import type { Authenticator } from "./authenticate.ts";
import { type AccessRequest, isAllowed, rulesFor } from "./authorize.ts";
import type { ObjectStore } from "./object-store.ts";
import { TOKEN_ISSUER } from "./service-account-token.ts";
import type { User } from "./user.ts";

export interface ReviewContext {
  store: ObjectStore;
  authenticator: Authenticator;
  user: User;
}

/** The review with its status. */
export function answerReview(
  context: ReviewContext,
  resource: string,
  review: KubernetesObject,
): KubernetesObject {
  const { store, user, authenticator } = context;
  const spec = review.spec ?? {};
  switch (resource) {
    case "selfsubjectaccessreviews":
      return { ...review, status: accessStatus(store, user, spec) };
    case "subjectaccessreviews":
    case "localsubjectaccessreviews":
      return {
        ...review,
        status: accessStatus(store, { name: spec.user ?? "", groups: spec.groups ?? [] }, spec),
      };
    case "selfsubjectrulesreviews":
      return { ...review, status: rulesStatus(store, user, spec.namespace) };
    case "selfsubjectreviews":
      return { ...review, status: { userInfo: userInfo(user) } };
    case "tokenreviews": {
      const found = authenticator.userOf(String(spec.token ?? ""));
      const audiences = spec.audiences ?? [TOKEN_ISSUER];
      const status =
        found === undefined ? { user: {} } : { authenticated: true, user: userInfo(found), audiences };
      return { ...review, status };
    }
    default:
      throw statusError("NotFound", "the server could not find the requested resource", {});
  }
}

function userInfo({ name, uid, groups, extra }: User) {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) };
}

// biome-ignore lint/suspicious/noExplicitAny: the spec of an access review
function accessStatus(store: ObjectStore, user: User, spec: any) {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource === undefined && path === undefined) {
    throw statusError(
      "Invalid",
      "exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
  }
  const access: AccessRequest =
    path !== undefined
      ? { verb: path.verb ?? "", path: path.path ?? "", group: "", resource: "" }
      : {
          verb: resource.verb ?? "",
          group: resource.group ?? "",
          resource: resource.resource ?? "",
          subresource: resource.subresource || undefined,
          namespace: resource.namespace || undefined,
          name: resource.name || undefined,
        };
  return isAllowed(store, user, access) ? { allowed: true } : { allowed: false };
}

function rulesStatus(store: ObjectStore, user: User, namespace: string | undefined) {
  const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
  const rules = user.groups.includes("system:masters")
    ? [everything, { verbs: ["*"], nonResourceURLs: ["*"] }]
    : rulesFor(store, user, namespace);
  return {
    resourceRules: rules.filter((rule) => "resources" in rule && rule.resources !== undefined),
    nonResourceRules: rules.filter((rule) => "nonResourceURLs" in rule && rule.nonResourceURLs !== undefined),
    incomplete: false,
  };
}
