/** Checks of volumes, and of the classes and drivers behind them (`pkg/apis/core/validation`, `pkg/apis/storage/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsSubdomainProblem, qualifiedNameProblems } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { deepEqual } from "../deep-equal.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notNegative,
  notSupported,
  required,
  tooLong,
} from "../field-error.ts";
import { ACCESS_MODES, VOLUME_MODES } from "./claim-validation.ts";
import {
  checkLabel,
  checkNoBackStep,
  checkOneOf,
  checkOptional,
  checkQualifiedName,
  checkSelector,
  checkSubdomain,
  checkText,
} from "./field-rules.ts";
import { goStruct, goValue } from "./go-struct.ts";
import { notBelowZero } from "./resource-validation.ts";
import { validateNodeSelector } from "./scheduling-validation.ts";
import { structDiff } from "./unified-diff.ts";
import { validateDriverName, validateHostPath, validateNfs } from "./volume-validation.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const VOLUME_SOURCES =
  /^(awsElasticBlockStore|azureDisk|azureFile|cephfs|cinder|csi|fc|flexVolume|flocker|gcePersistentDisk|glusterfs|hostPath|iscsi|local|nfs|photonPersistentDisk|portworxVolume|quobyte|rbd|scaleIO|storageos|vsphereVolume)$/;

export function validateVolume({ spec = {} }: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const modes: string[] = spec.accessModes ?? [];
  const causes = modes.length === 0 ? [required("spec.accessModes")] : [];
  for (const mode of modes)
    if (!ACCESS_MODES.includes(mode)) causes.push(notSupported("spec.accessModes", mode, ACCESS_MODES));
  if (modes.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod"))
    causes.push(forbiddenField("spec.accessModes", "may not use ReadWriteOncePod with other access modes"));
  if (Object.keys(spec.capacity ?? {}).length === 0) causes.push(required("spec.capacity"));
  if (spec.capacity?.storage === undefined || Object.keys(spec.capacity).length > 1)
    causes.push(notSupported("spec.capacity", sorted(spec.capacity ?? {}), ["storage"]));
  else if (parseQuantity(spec.capacity.storage) <= 0)
    causes.push(invalidValue("spec.capacity[storage]", spec.capacity.storage, "must be greater than zero"));
  causes.push(
    ...checkOptional("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, [
      "Delete",
      "Recycle",
      "Retain",
    ]),
  );
  if (spec.nodeAffinity !== undefined)
    causes.push(
      ...(spec.nodeAffinity.required === undefined
        ? [required("spec.nodeAffinity.required", "must specify required node constraints")]
        : validateNodeSelector(spec.nodeAffinity.required, "spec.nodeAffinity.required")),
    );
  const [first, ...others] = Object.keys(spec).filter((field) => VOLUME_SOURCES.test(field));
  if (first === undefined) causes.push(required("spec", "must specify a volume type"));
  else causes.push(...validateVolumeSource(first, spec, `spec.${first}`));
  for (const extra of others)
    causes.push(forbiddenField(`spec.${extra}`, "may not specify more than 1 volume type"));
  const isRoot = spec.hostPath !== undefined && /^\/[./]*$/.test(normalized(spec.hostPath.path ?? ""));
  if (isRoot && spec.persistentVolumeReclaimPolicy === "Recycle")
    causes.push(
      forbiddenField(
        "spec.persistentVolumeReclaimPolicy",
        "may not be 'recycle' for a hostPath mount of '/'",
      ),
    );
  if (spec.storageClassName) causes.push(...checkSubdomain("spec.storageClassName", spec.storageClassName));
  causes.push(...checkOptional("spec.volumeMode", spec.volumeMode, VOLUME_MODES));
  const attributes = spec.volumeAttributesClassName;
  if (attributes !== undefined) {
    const field = "spec.volumeAttributesClassName";
    causes.push(
      ...(attributes === ""
        ? [required(field, "an empty string is disallowed")]
        : checkSubdomain(field, attributes)),
    );
    if (spec.csi === undefined)
      causes.push(required("spec.csi", "has to be specified when using volumeAttributesClassName"));
  }
  return previous === undefined ? causes : [...causes, ...validateVolumeChange(spec, previous.spec ?? {})];
}

/** `/a/..` is `/`. */
function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/"))
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  return `/${parts.join("/")}`;
}

/** Where a volume is and what it looks like do not change. */
function validateVolumeChange(spec: Anything, before: Anything): StatusCause[] {
  const causes: StatusCause[] = [];
  const sourceOf = (each: Anything) =>
    Object.fromEntries(Object.entries(each).filter(([field]) => VOLUME_SOURCES.test(field)));
  if (!deepEqual(sourceOf(spec), sourceOf(before))) {
    const field = "spec.persistentvolumesource";
    const [old, now] = [before, spec].map((each) => goStruct("core.PersistentVolumeSource", each));
    causes.push(forbiddenField(field, `${field} is immutable after creation\n${structDiff(old, now)}`));
  }
  if (spec.volumeMode !== before.volumeMode)
    causes.push(invalidValue("volumeMode", spec.volumeMode ?? null, "field is immutable"));
  if (before.nodeAffinity !== undefined && !deepEqual(spec.nodeAffinity, before.nodeAffinity)) {
    const problem = "field is immutable, except for updating from beta label to GA";
    causes.push(
      invalidValue("nodeAffinity", goValue("*core.VolumeNodeAffinity", spec.nodeAffinity), problem),
    );
  }
  return causes;
}

function sorted(quantities: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(quantities).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const SECRET_REFERENCES = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef",
];

function validateVolumeSource(kind: string, spec: Anything, path: string): StatusCause[] {
  const source = spec[kind];
  switch (kind) {
    case "hostPath":
      return validateHostPath(source, path);
    case "nfs":
      return validateNfs(source, path);
    case "local": {
      const causes = source.path ? checkNoBackStep(`${path}.path`, source.path) : [required(`${path}.path`)];
      if (spec.nodeAffinity?.required === undefined && spec.nodeAffinity === undefined)
        causes.push(required("spec.nodeAffinity", "Local volume requires node affinity"));
      return causes;
    }
    case "csi": {
      const causes = validateDriverName(source.driver, `${path}.driver`);
      if (!source.volumeHandle) causes.push(required(`${path}.volumeHandle`));
      for (const field of SECRET_REFERENCES)
        if (source[field] !== undefined)
          causes.push(...validateSecretReference(source[field], `${path}.${field}`));
      return causes;
    }
    default:
      return [];
  }
}

function validateSecretReference({ name, namespace }: Anything, path: string): StatusCause[] {
  const causes = name ? checkSubdomain(`${path}.name`, name) : [required(`${path}.name`)];
  return [
    ...causes,
    ...(namespace ? checkLabel(`${path}.namespace`, namespace) : [required(`${path}.namespace`)]),
  ];
}

export function validateStorageClass(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const found = object as Anything;
  const causes = found.provisioner
    ? checkText("provisioner", found.provisioner.toLowerCase(), qualifiedNameProblems)
    : [required("provisioner")];
  causes.push(...validateParameters(found.parameters ?? {}, "parameters"));
  causes.push(...checkOptional("reclaimPolicy", found.reclaimPolicy, ["Delete", "Retain"]));
  causes.push(
    ...checkOptional("volumeBindingMode", found.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]),
  );
  causes.push(...validateTopologies(found.allowedTopologies ?? [], "allowedTopologies"));
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

/** All parameters of a class together. */
const MAX_PARAMETERS = 512;
const MAX_PARAMETERS_LENGTH = 256 * 1024;

function validateParameters(parameters: Record<string, string>, field: string): StatusCause[] {
  const entries = Object.entries(parameters);
  if (entries.length > MAX_PARAMETERS) return [tooLong(field, MAX_PARAMETERS)];
  const causes = entries.flatMap(([key]) =>
    key === "" ? [invalidValue(field, key, "field can not be empty.")] : [],
  );
  const length = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return length > MAX_PARAMETERS_LENGTH ? [...causes, tooLong(field, MAX_PARAMETERS_LENGTH)] : causes;
}

function validateTopologies(terms: Anything[], path: string): StatusCause[] {
  const seen: string[] = [];
  return terms.flatMap(({ matchLabelExpressions = [] }, index) => {
    const at = `${path}[${index}].matchLabelExpressions`;
    const keys = new Set<string>();
    const causes: StatusCause[] = [];
    for (const [position, { key = "", values = [] }] of matchLabelExpressions.entries()) {
      const field = `${at}[${position}]`;
      if (values.length === 0) causes.push(required(`${field}.values`));
      for (const [place, value] of values.entries())
        if (values.indexOf(value) < place) causes.push(duplicate(`${field}.values[${place}]`, value));
      causes.push(...checkQualifiedName(`${field}.key`, key));
      if (keys.has(key)) causes.push(duplicate(`${field}.key`, key));
      keys.add(key);
    }
    const term = JSON.stringify(
      matchLabelExpressions.map(({ key, values }: Anything) => [key, [...(values ?? [])].sort()]).sort(),
    );
    if (seen.includes(term) || matchLabelExpressions.length === 0) causes.push(duplicate(at, ""));
    seen.push(term);
    return causes;
  });
}

const FS_GROUP_POLICIES = ["File", "None", "ReadWriteOnceWithFSType"];
/** The shortest life of a token in seconds. */
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
/** How often a driver may tell anew how many volumes a node takes, in seconds. */
const MIN_UPDATE_SECONDS = 10;

/** `ValidateCSIDriver` */
export function validateStorageDriver(
  { metadata, spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  // What is no name at all is told once, as of any object.
  const isName = dnsSubdomainProblem(metadata.name) === undefined;
  const causes = isName ? validateDriverName(metadata.name, "metadata.name") : [];
  for (const mode of spec.volumeLifecycleModes ?? [])
    causes.push(...checkOneOf("spec.volumeLifecycleModes", mode, ["Persistent", "Ephemeral"]));
  causes.push(...checkOptional("spec.fsGroupPolicy", spec.fsGroupPolicy, FS_GROUP_POLICIES));
  const audiences = new Set<string>();
  for (const [index, { audience = "", expirationSeconds }] of (spec.tokenRequests ?? []).entries()) {
    const at = `spec.tokenRequests[${index}]`;
    if (audiences.has(audience)) causes.push(duplicate(`${at}.audience`, audience));
    audiences.add(audience);
    if (expirationSeconds < MIN_TOKEN_SECONDS) {
      const problem = "may not specify a duration less than 10 minutes";
      causes.push(invalidValue(`${at}.expirationSeconds`, expirationSeconds, problem));
    }
    if (expirationSeconds > MAX_TOKEN_SECONDS) {
      const problem = "may not specify a duration larger than 2^32 seconds";
      causes.push(invalidValue(`${at}.expirationSeconds`, expirationSeconds, problem));
    }
  }
  const { nodeAllocatableUpdatePeriodSeconds: period, serviceAccountTokenInSecrets: inSecrets } = spec;
  if (period !== undefined && period < MIN_UPDATE_SECONDS)
    causes.push(
      invalidValue(
        "spec.nodeAllocatableUpdatePeriodSeconds",
        period,
        `must be greater than or equal to ${MIN_UPDATE_SECONDS} seconds`,
      ),
    );
  if (inSecrets !== undefined && (spec.tokenRequests ?? []).length === 0)
    causes.push(
      invalidValue(
        "spec.serviceAccountTokenInSecrets",
        inSecrets,
        "serviceAccountTokenInSecrets is set but no tokenRequests are specified",
      ),
    );
  return previous === undefined ? causes : [...causes, ...validateDriverChange(spec, previous.spec ?? {})];
}

/** Named as upstream's messages name them. */
const FIXED_DRIVER_FIELDS = {
  attachRequired: "attachedRequired",
  volumeLifecycleModes: "volumeLifecycleModes",
};

function validateDriverChange(spec: Anything, before: Anything): StatusCause[] {
  return Object.entries(FIXED_DRIVER_FIELDS).flatMap(([field, told]) =>
    deepEqual(spec[field], before[field])
      ? []
      : [invalidValue(`spec.${told}`, spec[field] ?? null, "field is immutable")],
  );
}

/** The longest name that a driver gives a node, in bytes. */
const MAX_NODE_ID_LENGTH = 256;

/** `ValidateCSINode` */
export function validateStorageNode(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const names = new Set<string>();
  const causes: StatusCause[] = (spec.drivers ?? []).flatMap((driver: Anything, index: number) => {
    const at = `spec.drivers[${index}]`;
    const causes = validateDriverName(driver.name, `${at}.name`);
    if (!driver.nodeID) causes.push(required(`${at}.nodeID`));
    else if (driver.nodeID.length > MAX_NODE_ID_LENGTH)
      causes.push(
        invalidValue(`${at}.nodeID`, driver.nodeID, `must be ${MAX_NODE_ID_LENGTH} characters or less`),
      );
    const { count } = driver.allocatable ?? {};
    causes.push(...notNegative(`${at}.allocatable.count`, count));
    const keys: string[] = driver.topologyKeys ?? [];
    for (const [position, key] of keys.entries()) {
      if (key === "") causes.push(required(at));
      if (keys.indexOf(key) < position) causes.push(duplicate(at, key));
      causes.push(...checkQualifiedName(at, key));
    }
    if (driver.name && names.has(driver.name)) causes.push(duplicate(`${at}.name`, driver.name));
    names.add(driver.name);
    return causes;
  });
  // How many volumes the driver can take may be told anew; all else of it stays.
  const shown = (driver: Anything) => goValue("storage.CSINodeDriver", { ...driver, allocatable: undefined });
  for (const before of previous?.spec?.drivers ?? [])
    for (const driver of spec.drivers ?? [])
      if (driver.name === before.name && !deepEqual(shown(driver), shown(before)))
        causes.push(invalidValue("spec.drivers", shown(driver), "field is immutable"));
  return causes;
}

/** `ValidateCSIStorageCapacity` */
export function validateStorageCapacity(object: KubernetesObject): StatusCause[] {
  const { storageClassName, nodeTopology, capacity, maximumVolumeSize } = object as Anything;
  const causes = checkSubdomain("storageClassName", storageClassName);
  if (nodeTopology !== undefined) causes.push(...checkSelector("nodeTopology", nodeTopology));
  for (const [field, value] of Object.entries({ capacity, maximumVolumeSize }))
    if (value !== undefined) causes.push(...notBelowZero(field, value as string));
  return causes;
}

/** `ValidateVolumeAttachment` */
export function validateAttachment(
  { spec = {} }: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const { attacher, nodeName, source = {} } = spec;
  const causes = validateDriverName(attacher, "spec.attacher");
  const { inlineVolumeSpec, persistentVolumeName: name } = source;
  if (inlineVolumeSpec === undefined && name === undefined) {
    const problem = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    causes.push(required("spec.source", problem));
  } else if (inlineVolumeSpec !== undefined && name !== undefined) {
    const problem = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    causes.push(forbiddenField("spec.source", problem));
  } else if (name !== undefined) {
    const field = "spec.source.persistentVolumeName";
    if (name === "") causes.push(required(field, "must specify non empty persistentVolumeName"));
    causes.push(...checkSubdomain(field, name));
  }
  causes.push(...checkSubdomain("spec.nodeName", nodeName));
  if (previous !== undefined && !deepEqual(spec, previous.spec ?? {}))
    causes.push(invalidValue("spec", goValue("storage.VolumeAttachmentSpec", spec), "field is immutable"));
  return causes;
}

/** `ValidateVolumeAttributesClass` */
export function validateAttributesClass(
  object: KubernetesObject,
  previous?: KubernetesObject,
): StatusCause[] {
  const { driverName, parameters = {} } = object as Anything;
  const causes: StatusCause[] = [];
  for (const field of previous === undefined ? [] : ["driverName", "parameters"])
    if (!deepEqual((object as Anything)[field], (previous as Anything)[field]))
      causes.push(forbiddenField(field, `updates to ${field} are forbidden.`));
  causes.push(
    ...(driverName
      ? checkText("driverName", driverName.toLowerCase(), qualifiedNameProblems)
      : [required("driverName")]),
  );
  if (Object.keys(parameters).length === 0)
    return [...causes, required("parameters", "must contain at least one key/value pair")];
  return [...causes, ...validateParameters(parameters, "parameters")];
}
