/** Questions in the form of objects: who am I, may I, is this token good. Answered, not kept. */
import type { Clock } from "../../base/clock.ts";
import { apiVersionOf, type KubernetesObject, kubernetesTime } from "../../model/kubernetes-object.ts";
import { statusError } from "../../model/kubernetes-status.ts";
import { trackUpdate } from "./apply/managed-fields.ts";
import type { Authenticator } from "./authenticate.ts";
import { type AccessRequest, isAllowed, rulesFor } from "./authorize.ts";
import type { ObjectStore } from "./object-store.ts";
import type { ResourceInfo } from "./resource-info.ts";
import { checkReview } from "./review-validation.ts";
import { TOKEN_ISSUER } from "./service-account-token.ts";
import type { User } from "./user.ts";

export interface ReviewContext {
  store: ObjectStore;
  clock: Clock;
  authenticator: Authenticator;
  user: User;
  /** Who owns the fields of the question. */
  fieldManager?: string;
}

/**
 * The review with its status.
 *
 * @throws KubernetesError 400 or 422 for a question that can't be answered
 */
export function answerReview(
  context: ReviewContext,
  info: ResourceInfo,
  question: KubernetesObject,
): KubernetesObject {
  const { status: _, ...input } = question;
  checkReview(info, input);
  const { kind, resource } = info;
  const review = {
    ...input,
    apiVersion: apiVersionOf(info.group, info.version),
    kind,
    metadata: { ...input.metadata },
  } as KubernetesObject;
  const time = kubernetesTime(context.clock.now());
  if (context.fieldManager !== undefined)
    trackUpdate(info, review, undefined, { manager: context.fieldManager, time });
  if (resource === "selfsubjectreviews") review.metadata.creationTimestamp = time;
  review.status = statusOf(context, resource, review.spec ?? {});
  return review;
}

// biome-ignore lint/suspicious/noExplicitAny: the spec of any review
function statusOf({ store, user, authenticator }: ReviewContext, resource: string, spec: any) {
  switch (resource) {
    case "selfsubjectaccessreviews":
      return accessStatus(store, user, spec);
    case "subjectaccessreviews":
    case "localsubjectaccessreviews":
      return accessStatus(store, { name: spec.user ?? "", groups: spec.groups ?? [] }, spec);
    case "selfsubjectrulesreviews":
      return rulesStatus(store, user, spec.namespace);
    case "selfsubjectreviews":
      return { userInfo: userInfo(user) };
    case "tokenreviews": {
      const found = authenticator.userOf(String(spec.token));
      if (found === undefined) return { user: {}, error: "invalid bearer token" };
      return { authenticated: true, user: userInfo(found), audiences: spec.audiences ?? [TOKEN_ISSUER] };
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
  const rules = rulesFor(store, user, namespace);
  return {
    resourceRules: rules.filter((rule) => "resources" in rule && rule.resources !== undefined),
    nonResourceRules: rules.filter((rule) => "nonResourceURLs" in rule && rule.nonResourceURLs !== undefined),
    incomplete: false,
  };
}
