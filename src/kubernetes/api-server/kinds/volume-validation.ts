/** Checks of a pod's volumes (`ValidateVolumes` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { parseQuantity } from "../../../model/quantity.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { validateClaimSpec } from "./claim-validation.ts";
import { validateName } from "./container-validation.ts";
import {
  VOLUME_FIELDS,
  validateFieldReference,
  validateResourceReference,
} from "./environment-validation.ts";
import { checkInnerPath, checkNoBackStep } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

/** @param names takes the volumes' names */
export function validateVolumes(volumes: Anything[], path: string, names: Set<string>): StatusCause[] {
  return volumes.flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const { name, ...sources } = volume;
    const [first, ...others] = Object.keys(sources);
    return [
      ...others.map((kind) => forbiddenField(`${at}.${kind}`, "may not specify more than 1 volume type")),
      ...(first === undefined ? [] : validateSource(first, sources[first], `${at}.${first}`)),
      ...validateName(name, `${at}.name`, names),
    ];
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
    case "hostPath": {
      if (!source.path) return [required(`${path}.path`)];
      const causes = checkNoBackStep(`${path}.path`, source.path);
      if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type))
        causes.push(notSupported(`${path}.type`, source.type, HOST_PATH_TYPES));
      return causes;
    }
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
    case "ephemeral":
      return source.volumeClaimTemplate === undefined
        ? [required(`${path}.volumeClaimTemplate`)]
        : validateClaimSpec(source.volumeClaimTemplate.spec ?? {}, `${path}.volumeClaimTemplate.spec`);
    default:
      return [];
  }
}

function validateNfs({ server, path: folder = "" }: Anything, path: string): StatusCause[] {
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
  for (const [index, source] of (sources ?? []).entries()) {
    const at = `${path}.sources[${index}]`;
    const [first, ...others] = Object.keys(source);
    for (const kind of others)
      causes.push(forbiddenField(`${at}.${kind}`, "may not specify more than 1 volume type"));
    if (first === undefined) continue;
    causes.push(...validateProjection(first, source[first], `${at}.${first}`));
  }
  return causes;
}

/** The shortest life of a token in seconds. */
const MIN_TOKEN_SECONDS = 600;

function validateProjection(kind: string, source: Anything, path: string): StatusCause[] {
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
      return [
        ...causes,
        ...(source.path ? checkInnerPath(`${path}.path`, source.path) : [required(`${path}.path`)]),
      ];
    }
    default:
      return [];
  }
}
