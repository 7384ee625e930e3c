/**
 * The admission plugins that kube-apiserver runs by default, as far as they change or refuse objects by what else is in
 * the cluster. A pod's priority, tolerations and runtime class are its strategy's (`kinds/core-strategies.ts`), what a
 * user may grant is in `escalation.ts`.
 */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { groupResource, type KubernetesError, statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import type { ResourceInfo } from "../resource-info.ts";
import type { AdmissionRequest } from "./admission-request.ts";
import { type AskOptions, admissionRequest } from "./admission-turn.ts";
import { CERTIFICATE_REQUESTS, restrictSubject } from "./approval.ts";
import { applyLimitDefaults, checkLimits } from "./limit-ranger.ts";
import { takeTopologyLabels } from "./pod-topology.ts";
import type { Refuse } from "./refuse.ts";
import { chargeQuotas } from "./resource-quota.ts";
import { admitServiceAccount } from "./service-account.ts";
import { reviewByPolicies } from "./validating-policies.ts";

/** Which finalizer keeps a claim, a volume or a class while it is used (StorageObjectInUseProtection). */
const PROTECTION: Record<string, string> = {
  "/persistentvolumeclaims": "kubernetes.io/pvc-protection",
  "/persistentvolumes": "kubernetes.io/pv-protection",
};

/**
 * Completes a new object, before it is checked.
 *
 * @param name as messages have it: of a name that the server makes up, the part that the client gave
 * @throws KubernetesError 403 in the words of the plugin that refuses
 */
export function admitNew(
  context: ApiContext,
  info: ResourceInfo,
  object: KubernetesObject,
  name: string,
): void {
  const refuse: Refuse = (problem) => forbidden(info, name, problem);
  if (info.collection === "/pods") {
    applyLimitDefaults(context.store, object);
    admitServiceAccount(context, object, refuse);
    takeTopologyLabels(context.store, object);
  }
  const finalizer = PROTECTION[info.collection];
  const { metadata } = object;
  if (finalizer !== undefined && !metadata.finalizers?.includes(finalizer))
    metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
}

/**
 * Checks an object that is otherwise right, and charges it to its namespace's quotas.
 *
 * @throws KubernetesError 403 in the words of the plugin that refuses
 */
export function reviewObject(
  context: ApiContext,
  info: ResourceInfo,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
  isDryRun: boolean,
): void {
  const refuse: Refuse = (problem) => forbidden(info, object.metadata.name, problem);
  if (info.collection === CERTIFICATE_REQUESTS && previous === undefined) restrictSubject(object, refuse);
  if (!info.namespaced) return;
  if (previous?.metadata.deletionTimestamp === undefined) {
    const isLimited =
      info.collection === "/persistentvolumeclaims" ||
      (info.collection === "/pods" && previous === undefined);
    if (isLimited) checkLimits(context.store, info, object, refuse);
  }
  chargeQuotas({ context, info, object, previous, isDryRun, refuse });
}

/** `apierrors.NewForbidden`. */
export function forbidden(info: ResourceInfo, name: string, problem: string): KubernetesError {
  return statusError("Forbidden", `${groupResource(info)} ${JSON.stringify(name)} is forbidden: ${problem}`, {
    name,
    group: info.group || undefined,
    kind: info.resource,
  });
}

/** What takes the place of a subresource's own object, such as a Scale or a Binding, when it is reviewed. */
export function admitPart<T extends KubernetesObject>(
  context: ApiContext,
  info: ResourceInfo,
  part: T,
  oldPart: KubernetesObject | undefined,
  options: AskOptions,
): T {
  const operation = oldPart === undefined ? "CREATE" : "UPDATE";
  const objects = { object: part, oldObject: oldPart };
  const object = (options.turn?.mutate(admissionRequest(info, operation, objects, options)) ?? part) as T;
  reviewChange(context, info, operation, { object, oldObject: oldPart }, options);
  return object;
}

/** What policies and webhooks have against a change that is otherwise right. */
export function reviewChange(
  context: ApiContext,
  info: ResourceInfo,
  operation: AdmissionRequest["operation"],
  objects: Pick<AdmissionRequest, "object" | "oldObject">,
  options: AskOptions,
): void {
  const hasPolicies =
    context.store.count("admissionregistration.k8s.io/validatingadmissionpolicybindings") > 0;
  if (!hasPolicies && options.turn === undefined) return;
  const request = admissionRequest(info, operation, objects, options);
  if (hasPolicies) reviewByPolicies(context, request, options.warn);
  options.turn?.validate(request);
}
