/** The scale subresource: `autoscaling/v1` Scale in front of a workload or a custom resource. */
import type { Patch } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { conflict, statusError } from "../../../model/kubernetes-status.ts";
import { formatSelector, selectorOf } from "../../../model/label-selector.ts";
import { admitPart } from "../admission/admission.ts";
import type { ApiContext } from "../api-context.ts";
import { shownAs } from "../custom/conversion-turn.ts";
import { invalidValue } from "../field-error.ts";
import { invalid } from "../invalid-object.ts";
import { mergePatch } from "../patch/merge-patch.ts";
import { unreadable } from "../read-input.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { jsonPatched } from "./patch.ts";
import { existingObject, type UpdateOptions, updateObject } from "./update.ts";

/** Who scales without saying so: the autoscaler in this process. */
const AUTOSCALER = "kube-controller-manager";

const SCALE_KIND = { kind: "Scale", apiVersion: "autoscaling/v1" };

interface Key {
  namespace?: string;
  name: string;
}

function noSuchResource() {
  return statusError("NotFound", "the server could not find the requested resource", {});
}

export function getScale(context: ApiContext, info: ResourceInfo, key: Key): KubernetesObject {
  if (info.scale === undefined) throw noSuchResource();
  return scaleOf(info, existingObject(context, info, key.namespace, key.name));
}

export function updateScale(
  context: ApiContext,
  info: ResourceInfo,
  scale: KubernetesObject,
  options: UpdateOptions,
): KubernetesObject {
  const { namespace, name, resourceVersion, uid } = scale.metadata;
  const current = getScale(context, info, { namespace, name });
  if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) throw conflict(info, name);
  if (uid && uid !== current.metadata.uid) throw conflict(info, name);
  const asked = { ...options, subresource: "scale" };
  const { spec } = admitPart(context, info, { ...scale, ...SCALE_KIND }, current, asked);
  const replicas = spec?.replicas ?? 0;
  if (!Number.isInteger(replicas)) {
    const kind = typeof replicas === "number" ? `number ${replicas}` : typeof replicas;
    const problem = `json: cannot unmarshal ${kind} into Go struct field ScaleSpec.spec.replicas of type int32`;
    throw unreadable({ kind: "Scale", version: "v1" }, problem, options);
  }
  if (replicas < 0) {
    throw invalid({ kind: "Scale", group: "autoscaling" }, name, [
      invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"),
    ]);
  }
  const object = structuredClone(existingObject(context, info, namespace, name));
  writePath(object as unknown as Record<string, unknown>, info.scale!.specReplicas, replicas);
  const manager = ownersSayNothing(info, object) ? undefined : (options.fieldManager ?? AUTOSCALER);
  const all = { ...options, turn: undefined, fieldManager: manager, subresource: "scale" };
  return shownAs(
    () => updateObject(context, info, object, all),
    (updated) => scaleOf(info, updated),
  );
}

/**
 * Whether there are managers and none of them has the number of replicas. To upstream the scale is an object of its own
 * then, one that nobody manages, and what is not managed does not begin to be by an update (`skipNonAppliedManager`).
 */
function ownersSayNothing(info: ResourceInfo, { metadata }: KubernetesObject): boolean {
  const entries = (metadata.managedFields ?? []) as { fieldsV1?: object }[];
  const path = segments(info.scale!.specReplicas).map((name) => `f:${name}`);
  const has = (fields: unknown) =>
    path.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], fields) !==
    undefined;
  return entries.length > 0 && !entries.some(({ fieldsV1 }) => has(fieldsV1));
}

export function patchScale(
  context: ApiContext,
  info: ResourceInfo,
  key: Key,
  patch: Patch,
  options: UpdateOptions,
): KubernetesObject {
  const current = getScale(context, info, key);
  const patched = patch.type === "json" ? jsonPatched(current, patch.body) : mergePatch(current, patch.body);
  return updateScale(context, info, patched as KubernetesObject, {
    ...options,
    patchText: JSON.stringify(patched),
  });
}

function scaleOf(info: ResourceInfo, object: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { specReplicas, statusReplicas, labelSelector } = info.scale!;
  const selector =
    labelSelector === undefined ? builtinSelector(info, object) : readPath(object, labelSelector);
  const replicas = Number(readPath(object, specReplicas) ?? 0);
  return {
    ...SCALE_KIND,
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: Number(readPath(object, statusReplicas) ?? 0), ...(selector ? { selector } : {}) },
  };
}

/** A ReplicationController's is labels alone. */
function builtinSelector({ collection }: ResourceInfo, { spec }: KubernetesObject): string {
  const isLabels = collection === "/replicationcontrollers";
  return formatSelector(selectorOf(isLabels ? { matchLabels: spec?.selector } : spec?.selector) ?? []);
}

/** `.spec.replicas` */
function readPath(object: unknown, path: string): unknown {
  return segments(path).reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | undefined)?.[name],
    object,
  );
}

function writePath(object: Record<string, unknown>, path: string, value: unknown): void {
  const names = segments(path);
  const last = names.pop()!;
  let at = object;
  for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>;
  at[last] = value;
}

function segments(path: string): string[] {
  return path.split(".").filter((name) => name !== "" && name !== "__proto__");
}
