/** PATCH in its four forms. */
import type { Patch } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { internalFailure, statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { fromStorageVersion } from "../convert.ts";
import { goText, spentPatch } from "../patch/go-text.ts";
import { jsonPatch, MAX_PATCH_OPERATIONS } from "../patch/json-patch.ts";
import { rootNode } from "../patch/merge-node.ts";
import { isJsonObject, mergePatch } from "../patch/merge-patch.ts";
import { StrategicPatchError, strategicMergePatch } from "../patch/strategic-merge-patch.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { applyObject } from "./apply.ts";
import { checkUid, existingObject, type UpdateOptions, updateObject } from "./update.ts";

export function patchObject(
  context: ApiContext,
  info: ResourceInfo,
  key: { namespace?: string; name: string },
  patch: Patch,
  options: UpdateOptions = {},
): KubernetesObject {
  if (patch.type === "apply") return applyObject(context, info, key, patch.body, options);
  const previous = existingObject(context, info, info.namespaced ? key.namespace : undefined, key.name);
  const patched = applyPatch(info, fromStorageVersion(info, previous), patch);
  checkUid(info, patched, previous);
  return updateObject(context, info, patched, {
    ...options,
    patchText: patchText(patch, patched),
    isStrategic: patch.type === "strategic",
  });
}

/** The patch, or what it leads to, as upstream names it in errors. */
function patchText(patch: Patch, patched: KubernetesObject): string {
  return patch.type === "strategic" ? goText(spentPatch(patch.body)) : JSON.stringify(patched);
}

/** The object with the patch applied, its identity checked. */
export function applyPatch(info: ResourceInfo, previous: KubernetesObject, patch: Patch): KubernetesObject {
  const patched = patchedValue(info, previous, patch);
  if (!isJsonObject(patched)) throw statusError("BadRequest", "Invalid JSON Patch");
  const { name, namespace } = (patched.metadata ?? {}) as KubernetesObject["metadata"];
  const wanted = previous.metadata;
  if (!name)
    throw statusError(
      "BadRequest",
      `the name of the object (${wanted.name} based on URL) was undeterminable: name must be provided`,
    );
  if (name !== wanted.name)
    throw statusError(
      "BadRequest",
      `the name of the object (${String(name)}) does not match the name on the URL (${wanted.name})`,
    );
  if (namespace && namespace !== wanted.namespace)
    throw statusError(
      "BadRequest",
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  return {
    ...patched,
    metadata: { ...(patched.metadata as object), namespace: wanted.namespace },
  } as KubernetesObject;
}

function patchedValue(info: ResourceInfo, previous: KubernetesObject, patch: Patch): unknown {
  switch (patch.type) {
    case "json":
      return jsonPatched(previous, patch.body);
    case "merge":
      return mergePatch(previous, objectPatch(patch.body, "error decoding patch: "));
    case "strategic":
      if (!info.isCustom) return strategicallyPatched(info, previous, objectPatch(patch.body, ""));
      break;
  }
  throw statusError(
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, " +
      "application/merge-patch+json, application/apply-patch+yaml",
  );
}

/** Null is a patch that leaves nothing. */
function objectPatch(body: unknown, prefix: string): unknown {
  if (isJsonObject(body) || body === null) return body;
  const kind = Array.isArray(body) ? "array" : typeof body === "boolean" ? "bool" : typeof body;
  throw statusError(
    "BadRequest",
    `${prefix}json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
  );
}

/** What is wrong with a JSON patch is not told: upstream does not either. */
export function jsonPatched(previous: KubernetesObject, body: unknown): unknown {
  if (!Array.isArray(body)) {
    const kind = isJsonObject(body) ? "object" : typeof body;
    throw statusError(
      "BadRequest",
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (body.length > MAX_PATCH_OPERATIONS)
    throw statusError(
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_PATCH_OPERATIONS}, got ${body.length}`,
    );
  try {
    return jsonPatch(previous, body);
  } catch {
    throw statusError("Invalid", "the server rejected our request due to an error in our request", {});
  }
}

function strategicallyPatched(info: ResourceInfo, previous: KubernetesObject, body: unknown): unknown {
  try {
    return strategicMergePatch(previous, body, rootNode(info));
  } catch (error) {
    if (!(error instanceof StrategicPatchError)) throw error;
    throw error.isBadFormat ? statusError("BadRequest", error.message) : internalFailure(error.message);
  }
}
