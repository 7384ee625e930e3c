/** Checks of claims, volumes and storage classes (`pkg/apis/core/validation`, `pkg/apis/storage/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { qualifiedNameProblem } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { deepEqual } from "../deep-equal.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { checkOptional, checkSelector, checkSubdomain, checkText } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES = ["Block", "Filesystem"];

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
  return causes;
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

const VOLUME_SOURCES =
  /^(awsElasticBlockStore|azureDisk|azureFile|cephfs|cinder|csi|fc|flexVolume|flocker|gcePersistentDisk|glusterfs|hostPath|iscsi|local|nfs|photonPersistentDisk|portworxVolume|quobyte|rbd|scaleIO|storageos|vsphereVolume)$/;

export function validateVolume({ spec = {} }: KubernetesObject): StatusCause[] {
  const causes = (spec.accessModes ?? []).length === 0 ? [required("spec.accessModes")] : [];
  for (const mode of spec.accessModes ?? [])
    if (!ACCESS_MODES.includes(mode)) causes.push(notSupported("spec.accessModes", mode, ACCESS_MODES));
  if (Object.keys(spec.capacity ?? {}).length === 0) causes.push(required("spec.capacity"));
  if (spec.capacity?.storage === undefined || Object.keys(spec.capacity).length > 1)
    causes.push(notSupported("spec.capacity", spec.capacity ?? null, ["storage"]));
  else if (parseQuantity(spec.capacity.storage) <= 0)
    causes.push(invalidValue("spec.capacity[storage]", spec.capacity.storage, "must be greater than zero"));
  causes.push(
    ...checkOptional("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, [
      "Delete",
      "Recycle",
      "Retain",
    ]),
  );
  const sources = Object.keys(spec).filter((field) => VOLUME_SOURCES.test(field));
  if (sources.length === 0) causes.push(required("spec", "must specify a volume type"));
  for (const extra of sources.slice(1))
    causes.push(forbiddenField(`spec.${extra}`, "may not specify more than 1 volume type"));
  return [...causes, ...checkOptional("spec.volumeMode", spec.volumeMode, VOLUME_MODES)];
}

export function validateStorageClass(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const found = object as Anything;
  const causes = found.provisioner
    ? checkText("provisioner", found.provisioner.toLowerCase(), qualifiedNameProblem)
    : [required("provisioner")];
  causes.push(...checkOptional("reclaimPolicy", found.reclaimPolicy, ["Delete", "Retain"]));
  causes.push(
    ...checkOptional("volumeBindingMode", found.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]),
  );
  if (previous === undefined) return causes;
  for (const field of ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]) {
    const before = (previous as Anything)[field];
    if (deepEqual(found[field], before)) continue;
    if (field === "reclaimPolicy" || field === "volumeBindingMode")
      causes.push(invalidValue(field, found[field], "field is immutable"));
    else causes.push(forbiddenField(field, `updates to ${field} are forbidden.`));
  }
  return causes;
}
