/** PATCH in its four forms. */
import type { Patch } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { KubernetesError, statusError } from "../../../model/kubernetes-status.ts";
import type { ApiContext } from "../api-context.ts";
import { fromStorageVersion } from "../convert.ts";
import { goText } from "../patch/go-text.ts";
import { jsonPatch } from "../patch/json-patch.ts";
import { rootNode } from "../patch/merge-node.ts";
import { isJsonObject, mergePatch } from "../patch/merge-patch.ts";
import { StrategicPatchError, strategicMergePatch } from "../patch/strategic-merge-patch.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { invalid } from "../validate-object.ts";
import { applyObject } from "./apply.ts";
import { existingObject, type UpdateOptions, updateObject } from "./update.ts";

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
  return updateObject(context, info, patched, { ...options, patchText: patchText(patch, patched) });
}

/** The patch, or what it leads to, as upstream names it in errors. */
function patchText(patch: Patch, patched: KubernetesObject): string {
  return patch.type === "strategic" ? goText(patch.body) : JSON.stringify(patched);
}

/** The object with the patch applied, its identity checked. */
export function applyPatch(info: ResourceInfo, previous: KubernetesObject, patch: Patch): KubernetesObject {
  const patched = patchedValue(info, previous, patch);
  if (!isJsonObject(patched) || !isJsonObject(patched.metadata)) {
    throw statusError("BadRequest", "the patch leaves no object with metadata");
  }
  const object = patched as unknown as KubernetesObject;
  for (const field of ["name", "namespace"] as const) {
    if (object.metadata[field] === previous.metadata[field]) continue;
    throw invalid(info, previous.metadata.name, [
      {
        field: `metadata.${field}`,
        reason: "FieldValueInvalid",
        message: `Invalid value: ${JSON.stringify(object.metadata[field] ?? "")}: field is immutable`,
      },
    ]);
  }
  return object;
}

/** A failure that upstream has no reason for. */
function internalFailure(message: string): KubernetesError {
  return new KubernetesError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    code: 500,
  });
}

function patchedValue(info: ResourceInfo, previous: KubernetesObject, patch: Patch): unknown {
  try {
    switch (patch.type) {
      case "merge":
        return mergePatch(previous, patch.body);
      case "json":
        return jsonPatch(previous, patch.body);
      case "strategic":
        if (!info.isCustom) return strategicMergePatch(previous, patch.body, rootNode(info));
        break;
    }
  } catch (error) {
    if (patch.type === "json") {
      throw statusError(
        "Invalid",
        `the server rejected our request due to an error in our request: ${(error as Error).message}`,
        {},
      );
    }
    if (error instanceof StrategicPatchError && !error.isBadFormat) throw internalFailure(error.message);
    throw statusError("BadRequest", (error as Error).message);
  }
  throw statusError(
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, " +
      "application/merge-patch+json, application/apply-patch+yaml",
  );
}
