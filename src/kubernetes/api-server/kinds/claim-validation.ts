/** Checks of claims (`ValidatePersistentVolumeClaim` of `pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { checkOptional, checkSelector, checkSubdomain } from "./field-rules.ts";

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
  // A claim is given its volume, and may grow once it has one.
  const isBound = previous.status?.phase === "Bound";
  const fixed = ({ spec }: KubernetesObject) => ({
    ...spec,
    volumeName: previous.spec?.volumeName ? spec?.volumeName : undefined,
    resources: isBound ? undefined : spec?.resources,
    storageClassName: previous.spec?.storageClassName === undefined ? undefined : spec?.storageClassName,
    volumeAttributesClassName: undefined,
  });
  if (!deepEqual(fixed(claim), fixed(previous))) causes.push(forbiddenField("spec", CLAIM_UPDATE_PROBLEM));
  const [now, before] = [claim, previous].map(({ spec }) => spec?.resources?.requests?.storage);
  if (now !== undefined && before !== undefined && parseQuantity(now) < parseQuantity(before))
    causes.push(
      forbiddenField("spec.resources.requests.storage", "field can not be less than status.capacity"),
    );
  return causes;
}
