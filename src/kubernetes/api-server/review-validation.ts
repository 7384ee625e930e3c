/** Whether a review asks one answerable question (`pkg/apis/authorization/validation`, `pkg/registry/authentication`). */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { type StatusCause, statusError } from "../../model/kubernetes-status.ts";
import { invalidValue } from "./field-error.ts";
import { invalid } from "./invalid-object.ts";
import type { ResourceInfo } from "./resource-info.ts";

/** @throws KubernetesError 400 or 422 */
export function checkReview({ resource, group }: ResourceInfo, review: KubernetesObject): void {
  const spec = review.spec ?? {};
  if (resource === "tokenreviews" && !spec.token)
    throw statusError("BadRequest", "token is required for TokenReview in authentication");
  if (resource === "selfsubjectrulesreviews" && !spec.namespace)
    throw statusError("BadRequest", "no namespace on request");
  if (!resource.endsWith("accessreviews")) return;
  const isLocal = resource === "localsubjectaccessreviews";
  const causes = [
    ...checkQuestion(spec),
    ...(resource === "selfsubjectaccessreviews" ? [] : checkSubject(spec)),
    ...checkMetadata(review, isLocal),
    ...(isLocal ? checkPlace(spec, review.metadata?.namespace) : []),
  ];
  // Upstream leaves the kind out.
  if (causes.length > 0) throw invalid({ kind: "", group }, "", causes);
}

// biome-ignore lint/suspicious/noExplicitAny: the spec of an access review
type Spec = any;

function checkQuestion({ resourceAttributes, nonResourceAttributes }: Spec): StatusCause[] {
  if (resourceAttributes && nonResourceAttributes) {
    const problem = "cannot be specified in combination with resourceAttributes";
    return [invalidValue("spec.nonResourceAttributes", goPath(nonResourceAttributes), problem)];
  }
  if (resourceAttributes || nonResourceAttributes) return [];
  const problem = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [invalidValue("spec.resourceAttributes", null, problem)];
}

function checkSubject({ user, groups }: Spec): StatusCause[] {
  if (user || groups?.length > 0) return [];
  return [invalidValue("spec.user", "", "at least one of user or group must be specified")];
}

function checkMetadata({ metadata }: KubernetesObject, isLocal: boolean): StatusCause[] {
  const { managedFields: _, namespace, ...rest } = metadata ?? {};
  // Old clients send a time that is null.
  const isEmpty = Object.values(rest).every((value) => value === null) && (isLocal || !namespace);
  if (isEmpty) return [];
  return [invalidValue("metadata", metadata, `must be empty${isLocal ? " except for namespace" : ""}`)];
}

/** A local review is about its own namespace. */
function checkPlace(
  { resourceAttributes, nonResourceAttributes }: Spec,
  namespace: string | undefined,
): StatusCause[] {
  const causes: StatusCause[] = [];
  const asked = resourceAttributes?.namespace ?? "";
  if (resourceAttributes && asked !== (namespace ?? ""))
    causes.push(invalidValue("spec.resourceAttributes.namespace", asked, "must match metadata.namespace"));
  if (nonResourceAttributes) {
    const problem = "disallowed on this kind of request";
    causes.push(invalidValue("spec.nonResourceAttributes", goPath(nonResourceAttributes), problem));
  }
  return causes;
}

function goPath({ path = "", verb = "" }: Spec) {
  return { Path: path, Verb: verb };
}
