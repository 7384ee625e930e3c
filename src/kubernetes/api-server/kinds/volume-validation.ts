/** Checks of a pod's volumes (`ValidateVolumes` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsSubdomainProblem } from "../../../model/label-selector.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, required, tooLong } from "../field-error.ts";
import { validateClaimSpec } from "./claim-validation.ts";
import {
  VOLUME_FIELDS,
  validateFieldReference,
  validateResourceReference,
} from "./environment-validation.ts";
import { checkInnerPath, checkLabel, checkNoBackStep, checkSubdomain } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

/** The claim that is made for a pod is called after both. */
function validateClaimName(volume: string, pod: string, field: string): StatusCause[] {
  if (pod === "") return [];
  const claim = `${pod}-${volume}`;
  const problem = dnsSubdomainProblem(claim);
  return problem === undefined
    ? []
    : [invalidValue(field, volume, `PVC name ${JSON.stringify(claim)}: ${problem}`)];
}

/**
 * @param names takes the volumes' names
 * @param podName "" in templates
 */
export function validateVolumes(
  volumes: Anything[],
  path: string,
  names: Set<string>,
  podName = "",
): StatusCause[] {
  // Claims that are made for volumes of the pod are not anyone's to name.
  const made = new Set(
    podName ? volumes.filter(({ ephemeral }) => ephemeral).map(({ name }) => `${podName}-${name}`) : [],
  );
  return volumes.flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const { name, ...sources } = volume;
    const [first, ...others] = Object.keys(sources);
    const taken = new Set(names);
    const claim = sources.persistentVolumeClaim?.claimName;
    const causes = [
      ...others.map((kind) => forbiddenField(`${at}.${kind}`, "may not specify more than 1 volume type")),
      ...(first === undefined ? [] : validateSource(first, sources[first], `${at}.${first}`)),
      ...(made.has(claim)
        ? [
            invalidValue(
              `${at}.persistentVolumeClaim.claimName`,
              claim,
              "must not reference a PVC that gets created for an ephemeral volume",
            ),
          ]
        : []),
      ...(sources.ephemeral && name ? validateClaimName(name, podName, `${at}.name`) : []),
      ...(name ? checkLabel(`${at}.name`, name) : [required(`${at}.name`)]),
      ...(taken.has(name) ? [duplicate(`${at}.name`, name)] : []),
    ];
    // A volume that is wrong can't be mounted either.
    if (causes.length === 0) names.add(name);
    return causes;
  });
}

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function validateSource(kind: string, source: Anything, path: string): StatusCause[] {
  switch (kind) {
    case "emptyDir":
      return source.sizeLimit !== undefined && parseQuantity(source.sizeLimit) < 0
        ? [forbiddenField(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity")]
        : [];
    case "hostPath":
      return validateHostPath(source, path);
    case "configMap":
    case "secret": {
      const field = kind === "secret" ? "secretName" : "name";
      const causes = source[field] ? [] : [required(`${path}.${field}`)];
      return [...causes, ...validateItems(source, path)];
    }
    case "persistentVolumeClaim":
      return source.claimName ? [] : [required(`${path}.claimName`)];
    case "nfs":
      return validateNfs(source, path);
    case "downwardAPI":
      return [
        ...checkMode(`${path}.defaultMode`, source.defaultMode),
        ...(source.items ?? []).flatMap((item: Anything) => validateDownwardFile(item, path)),
      ];
    case "projected":
      return validateProjected(source, path);
    case "csi":
      return validateDriverVolume(source, path);
    case "ephemeral":
      return source.volumeClaimTemplate === undefined
        ? [required(`${path}.volumeClaimTemplate`)]
        : validateClaimSpec(source.volumeClaimTemplate.spec ?? {}, `${path}.volumeClaimTemplate.spec`);
    default:
      return [];
  }
}

/** The longest name of a storage driver, in bytes. */
const MAX_DRIVER_LENGTH = 63;

/** `ValidateCSIDriverName` */
export function validateDriverName(name: string | undefined, field: string): StatusCause[] {
  if (!name) return [required(field)];
  const causes: StatusCause[] = [];
  if (name.length > MAX_DRIVER_LENGTH) causes.push(tooLong(field, MAX_DRIVER_LENGTH));
  const problem = dnsSubdomainProblem(name.toLowerCase());
  return problem === undefined ? causes : [...causes, invalidValue(field, name, problem)];
}

function validateDriverVolume({ driver, nodePublishSecretRef }: Anything, path: string): StatusCause[] {
  const causes = validateDriverName(driver, `${path}.driver`);
  if (nodePublishSecretRef === undefined) return causes;
  if (!nodePublishSecretRef.name) return [...causes, required(`${path}.nodePublishSecretRef.name`)];
  // Upstream names this one after the volume.
  return [...causes, ...checkSubdomain(`${path}.name`, nodePublishSecretRef.name)];
}

export function validateHostPath({ path: folder, type }: Anything, path: string): StatusCause[] {
  if (!folder) return [required(`${path}.path`)];
  const causes = checkNoBackStep(`${path}.path`, folder);
  if (type !== undefined && !HOST_PATH_TYPES.includes(type))
    causes.push(notSupported(`${path}.type`, type, HOST_PATH_TYPES));
  return causes;
}

export function validateNfs({ server, path: folder = "" }: Anything, path: string): StatusCause[] {
  const causes = server ? [] : [required(`${path}.server`)];
  if (folder === "") causes.push(required(`${path}.path`));
  if (!folder.startsWith("/")) causes.push(invalidValue(`${path}.path`, folder, "must be an absolute path"));
  return causes;
}

const MAX_MODE = 0o777;

function checkMode(field: string, mode: number | undefined): StatusCause[] {
  if (mode === undefined || (mode >= 0 && mode <= MAX_MODE)) return [];
  return [invalidValue(field, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

function validateItems({ items, defaultMode }: Anything, path: string): StatusCause[] {
  const causes = checkMode(`${path}.defaultMode`, defaultMode);
  for (const [index, item] of (items ?? []).entries()) {
    const at = `${path}.items[${index}]`;
    if (!item.key) causes.push(required(`${at}.key`));
    if (!item.path) causes.push(required(`${at}.path`));
    else causes.push(...checkInnerPath(`${at}.path`, item.path));
    causes.push(...checkMode(`${at}.mode`, item.mode));
  }
  return causes;
}

/** Upstream names these fields without the item's number. */
function validateDownwardFile(item: Anything, path: string): StatusCause[] {
  const causes = item.path ? checkInnerPath(`${path}.path`, item.path) : [required(`${path}.path`)];
  if (item.fieldRef !== undefined) {
    causes.push(...validateFieldReference(item.fieldRef, `${path}.fieldRef`, VOLUME_FIELDS));
    if (item.resourceFieldRef !== undefined)
      causes.push(
        invalidValue(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"),
      );
  } else if (item.resourceFieldRef !== undefined) {
    const { containerName } = item.resourceFieldRef;
    if (!containerName) causes.push(required(`${path}.resourceFieldRef.containerName`));
    else causes.push(...validateResourceReference(item.resourceFieldRef, `${path}.resourceFieldRef`));
  } else {
    causes.push(required(path, "one of fieldRef and resourceFieldRef is required"));
  }
  return [...causes, ...checkMode(`${path}.mode`, item.mode)];
}

function validateProjected({ sources, defaultMode }: Anything, path: string): StatusCause[] {
  const causes = checkMode(`${path}.defaultMode`, defaultMode);
  const files = new Set<string>();
  for (const [index, source] of (sources ?? []).entries()) {
    const at = `${path}.sources[${index}]`;
    const given = PROJECTIONS.filter((kind) => source[kind] !== undefined);
    for (const kind of given) {
      causes.push(...validateProjection(kind, source[kind], `${at}.${kind}`, path));
      for (const { path: file } of source[kind].items ?? []) {
        if (!file) continue;
        if (files.has(file))
          causes.push(invalidValue(path, source[kind].name ?? file, "conflicting duplicate paths"));
        files.add(file);
      }
    }
    if (given.length > 1)
      causes.push(forbiddenField(at, "may not specify more than 1 volume type per source"));
  }
  return causes;
}

const PROJECTIONS = ["secret", "configMap", "downwardAPI", "serviceAccountToken"];
/** The shortest life of a token in seconds. */
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

/** @param volume where upstream finds a token's path */
function validateProjection(kind: string, source: Anything, path: string, volume: string): StatusCause[] {
  switch (kind) {
    case "configMap":
    case "secret":
      return [...(source.name ? [] : [required(`${path}.name`)]), ...validateItems(source, path)];
    case "downwardAPI":
      return (source.items ?? []).flatMap((item: Anything) => validateDownwardFile(item, path));
    case "serviceAccountToken": {
      const causes =
        source.expirationSeconds < MIN_TOKEN_SECONDS
          ? [
              invalidValue(
                `${path}.expirationSeconds`,
                source.expirationSeconds,
                "may not specify a duration less than 10 minutes",
              ),
            ]
          : [];
      if (source.expirationSeconds > MAX_TOKEN_SECONDS)
        causes.push(
          invalidValue(
            `${path}.expirationSeconds`,
            source.expirationSeconds,
            "may not specify a duration larger than 2^32 seconds",
          ),
        );
      const at = `${volume}.path`;
      return [...causes, ...(source.path ? checkInnerPath(at, source.path) : [required(at)])];
    }
    default:
      return [];
  }
}
