/** Which operation stands behind a subresource. */
import type { ObjectKey, Patch } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { statusError } from "../../../model/kubernetes-status.ts";
import { admitPart } from "../admission/admission.ts";
import type { ApiContext } from "../api-context.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { type Binding, bindPod } from "./binding.ts";
import { createObject } from "./create.ts";
import { type Eviction, evictPod } from "./eviction.ts";
import { finalizeNamespace } from "./finalize-namespace.ts";
import { patchObject } from "./patch.ts";
import { getScale, patchScale, updateScale } from "./scale.ts";
import { requestToken } from "./service-account-token.ts";
import { existingObject, type UpdateOptions, updateObject } from "./update.ts";

/** Subresources that read as the object itself. */
const READABLE = new Set(["status", "approval", "resize", "ephemeralcontainers"]);

export function getResource(context: ApiContext, info: ResourceInfo, key: ObjectKey): KubernetesObject {
  const namespace = info.namespaced ? key.namespace : undefined;
  if (key.subresource === "scale") return getScale(context, info, { ...key, namespace });
  const { subresource } = key;
  if (subresource !== undefined) {
    const isThere = subresource === "status" ? info.hasStatus : info.subresources.includes(subresource);
    if (!isThere || !READABLE.has(subresource)) throw noSuchResource();
  }
  return existingObject(context, info, namespace, key.name);
}

export function createResource(
  context: ApiContext,
  info: ResourceInfo,
  object: KubernetesObject,
  options: UpdateOptions,
): KubernetesObject {
  switch (options.subresource) {
    case undefined:
      return createObject(context, info, object, options);
    case "binding":
      return bindPod(context, info, admitPart(context, info, object as Binding, undefined, options), options);
    case "eviction":
      evictPod(
        context,
        info,
        admitPart(context, info, object as Eviction, undefined, options),
        options.dryRun,
      );
      return object;
    case "token":
      return requestToken(context, info, admitPart(context, info, object, undefined, options));
    default:
      throw noSuchResource();
  }
}

export function replaceResource(
  context: ApiContext,
  info: ResourceInfo,
  object: KubernetesObject,
  options: UpdateOptions,
): KubernetesObject {
  switch (options.subresource) {
    case "scale":
      return updateScale(context, info, object, options);
    case "finalize":
      return finalizeNamespace(context, info, object, options);
    default:
      checkUpdatable(info, options.subresource);
      return updateObject(context, info, object, options);
  }
}

export function patchResource(
  context: ApiContext,
  info: ResourceInfo,
  key: ObjectKey,
  patch: Patch,
  options: UpdateOptions,
): KubernetesObject {
  if (options.subresource === "scale") {
    const namespace = info.namespaced ? key.namespace : undefined;
    return patchScale(context, info, { namespace, name: key.name }, patch, options);
  }
  checkUpdatable(info, options.subresource);
  return patchObject(context, info, key, patch, options);
}

/** Pods' resizes and ephemeral containers are changes of the pod itself here. */
function checkUpdatable(info: ResourceInfo, subresource: string | undefined): void {
  if (subresource === undefined || (subresource === "status" && info.hasStatus)) return;
  if (
    info.subresources.includes(subresource) &&
    ["approval", "resize", "ephemeralcontainers"].includes(subresource)
  )
    return;
  throw noSuchResource();
}

function noSuchResource() {
  return statusError("NotFound", "the server could not find the requested resource", {});
}
