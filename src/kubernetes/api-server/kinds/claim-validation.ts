/** Checks of claims (`ValidatePersistentVolumeClaim` of `pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { checkOptional, checkSelector, checkSubdomain } from "./field-rules.ts";
import { goStruct, sameStruct } from "./go-struct.ts";
import { structDiff } from "./unified-diff.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

export const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const VOLUME_MODES = ["Block", "Filesystem"];

/** What is wrong with the wishes of a claim. */
export function validateClaimSpec(spec: Anything, path: string): StatusCause[] {
  const modes: string[] = spec.accessModes ?? [];
  const causes =
    modes.length === 0 ? [required(`${path}.accessModes`, "at least 1 access mode is required")] : [];
  if (spec.selector !== undefined) causes.push(...checkSelector(`${path}.selector`, spec.selector));
  for (const mode of modes)
    if (!ACCESS_MODES.includes(mode)) causes.push(notSupported(`${path}.accessModes`, mode, ACCESS_MODES));
  if (modes.includes("ReadWriteOncePod") && modes.length > 1)
    causes.push(
      forbiddenField(`${path}.accessModes`, "may not use ReadWriteOncePod with other access modes"),
    );
  const storage = spec.resources?.requests?.storage;
  if (storage === undefined) causes.push(required(`${path}.resources[storage]`));
  else if (parseQuantity(storage) <= 0)
    causes.push(invalidValue(`${path}.resources[storage]`, storage, "must be greater than zero"));
  if (spec.storageClassName)
    causes.push(...checkSubdomain(`${path}.storageClassName`, spec.storageClassName));
  causes.push(...checkOptional(`${path}.volumeMode`, spec.volumeMode, VOLUME_MODES));
  for (const field of ["dataSource", "dataSourceRef"])
    if (spec[field] !== undefined) causes.push(...validateDataSource(spec[field], `${path}.${field}`));
  const { dataSource, dataSourceRef, volumeAttributesClassName: attributes } = spec;
  if (dataSource !== undefined && dataSourceRef !== undefined) {
    const sameOf = ({ apiGroup, kind, name }: Anything) => [apiGroup, kind, name];
    // Upstream prints a path where the value belongs, which shows as nothing.
    if (dataSourceRef.namespace)
      causes.push(invalidValue(path, {}, "may not be specified when dataSourceRef.namespace is specified"));
    else if (!deepEqual(sameOf(dataSource), sameOf(dataSourceRef)))
      causes.push(invalidValue(path, {}, "must match dataSourceRef"));
  }
  if (attributes) causes.push(...checkSubdomain(`${path}.volumeAttributesClassName`, attributes));
  return causes;
}

/** What a claim's volume is filled from. */
function validateDataSource({ name, kind = "", apiGroup = "" }: Anything, path: string): StatusCause[] {
  const causes = name ? [] : [required(`${path}.name`)];
  if (kind === "") causes.push(required(`${path}.kind`));
  if (apiGroup !== "") return [...causes, ...checkSubdomain(`${path}.apiGroup`, apiGroup)];
  if (kind === "PersistentVolumeClaim") return causes;
  const problem = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
  return [...causes, invalidValue(path, kind, problem)];
}

const CLAIM_UPDATE_PROBLEM =
  "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

export function validateClaim(claim: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const causes = validateClaimSpec(claim.spec ?? {}, "spec");
  if (previous === undefined) return causes;
  const [old, now] = comparableSpecs(claim, previous).map((each) =>
    goStruct("core.PersistentVolumeClaimSpec", each),
  );
  if (!sameStruct(old, now))
    causes.push(forbiddenField("spec", `${CLAIM_UPDATE_PROBLEM}\n${structDiff(old, now)}`));
  const storageOf = ({ spec }: KubernetesObject) => parseQuantity(spec?.resources?.requests?.storage ?? "0");
  // What a volume that could not grow has reached may be asked for again.
  const has = parseQuantity(claim.status?.capacity?.storage ?? "0");
  if (storageOf(claim) < storageOf(previous) && storageOf(claim) <= has)
    causes.push(
      forbiddenField("spec.resources.requests.storage", "field can not be less than status.capacity"),
    );
  if (claim.spec?.volumeMode !== previous.spec?.volumeMode)
    causes.push(invalidValue("volumeMode", claim.spec?.volumeMode ?? null, "field is immutable"));
  return causes;
}

/** The old spec and the new one, alike where they may differ: a claim is given its volume and class, and may grow. */
function comparableSpecs(claim: KubernetesObject, previous: KubernetesObject): [Anything, Anything] {
  const [old, now] = [{ ...previous.spec } as Anything, { ...claim.spec } as Anything];
  if (!old.volumeName) old.volumeName = now.volumeName;
  const isClassOpen =
    old.storageClassName === undefined && !previous.metadata.annotations?.[CLASS_ANNOTATION];
  if (isClassOpen) now.storageClassName = old.storageClassName;
  if (claim.status?.phase === "Bound") {
    const storage = old.resources?.requests?.storage;
    if (now.resources?.requests !== undefined)
      now.resources = { ...now.resources, requests: { ...now.resources.requests, storage } };
    now.volumeAttributesClassName = old.volumeAttributesClassName;
  }
  return [old, now];
}

/** Where the class stood before it was a field. */
const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";
